// Logs, traces and metrics: a workspace, and Application Insights on it that takes no key.
param name string
param location string
param tags object

@description('Who may send telemetry: the app and both identities of workers.')
param publisherPrincipalIds array

@description('Days that telemetry is kept.')
@minValue(30)
@maxValue(730)
param retentionDays int = 90

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: 'log-${name}'
  location: location
  tags: tags
  properties: { sku: { name: 'PerGB2018' }, retentionInDays: retentionDays }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: 'appi-${name}'
  location: location
  tags: tags
  kind: 'web'
  properties: { Application_Type: 'web', WorkspaceResourceId: workspace.id, DisableLocalAuth: true }
}

// Monitoring Metrics Publisher: sends, and reads nothing.
resource publish 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principal in publisherPrincipalIds: {
    scope: insights
    name: guid(insights.id, principal, 'publisher')
    properties: {
      principalId: principal
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '3913510d-42f4-4e42-8a64-420c390055eb')
    }
  }
]

@description('Resource id of the workspace.')
output workspaceId string = workspace.id
@description('Where telemetry goes; no secret, since keys are off.')
output connectionString string = insights.properties.ConnectionString
