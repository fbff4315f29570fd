// The Durable Task Scheduler and the app's hub in it.
param name string
param location string
param tags object
param appPrincipalId string

resource scheduler 'Microsoft.DurableTask/schedulers@2025-11-01' = {
  name: 'dts-${name}'
  location: location
  tags: tags
  properties: {
    sku: { name: 'Consumption' }
    // An empty list would let nobody in; who may is decided by the role below.
    ipAllowlist: ['0.0.0.0/0']
  }
}

resource hub 'Microsoft.DurableTask/schedulers/taskHubs@2025-11-01' = {
  parent: scheduler
  name: 'holdfast'
}

// Durable Task Data Contributor.
resource use 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: hub
  name: guid(hub.id, appPrincipalId, 'contributor')
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '0ad04412-c4d5-4796-b79c-f76d14c8d402')
  }
}

@description('Connection string without the identity, which function-app.bicep adds; it holds no secret.')
output connection string = 'Endpoint=${scheduler.properties.endpoint};Authentication=ManagedIdentity'
