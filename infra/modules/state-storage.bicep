// The state account: jobs, heartbeats, results, the configuration database, downloads, workers' software, the app's package.
param name string
param location string
param tags object
param privateNetwork bool
param endpointSubnetId string
param dnsZoneIds object
param appPrincipalId string
param workerPrincipalIds array
param roleIds object
param administratorId string
param administratorType string

var containers = ['software', 'jobs', 'exports', 'catalog', 'deployment']

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: 'Standard_ZRS' }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
    supportsHttpsTrafficOnly: true
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2024-01-01' = {
  parent: account
  name: 'default'
  properties: { deleteRetentionPolicy: { enabled: true, days: 7 } }
}

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' = [
  for one in containers: {
    parent: blobs
    name: one
  }
]

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2024-01-01' = {
  parent: account
  name: 'default'
}

resource events 'Microsoft.Storage/storageAccounts/queueServices/queues@2024-01-01' = {
  parent: queues
  name: 'events'
}

// Built in: Storage Blob Data Owner, Storage Queue Data Contributor, Storage Table Data Contributor.
var appRoles = [
  'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
  '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
]

resource appRight 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in appRoles: {
    scope: account
    name: guid(account.id, appPrincipalId, role)
    properties: {
      principalId: appPrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
    }
  }
]

// Workers: fetch software (Storage Blob Data Reader), do jobs and write downloads, take jobs, announce their end
// (Storage Queue Data Message Sender).
resource fetch 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principal in workerPrincipalIds: {
    scope: container[0]
    name: guid(container[0].id, principal, 'reader')
    properties: {
      principalId: principal
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1')
    }
  }
]

// Storage Blob Data Contributor: uploads the software.
resource upload 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: container[0]
  name: guid(container[0].id, administratorId, 'contributor')
  properties: {
    principalId: administratorId
    principalType: administratorType
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'ba92f5b4-2d11-453d-a403-e96b0029c9fe')
  }
}

resource jobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principal in workerPrincipalIds: {
    scope: container[1]
    name: guid(container[1].id, principal, 'jobs')
    properties: { principalId: principal, principalType: 'ServicePrincipal', roleDefinitionId: roleIds.jobWriter }
  }
]

resource exports 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principal in workerPrincipalIds: {
    scope: container[2]
    name: guid(container[2].id, principal, 'exports')
    properties: { principalId: principal, principalType: 'ServicePrincipal', roleDefinitionId: roleIds.jobWriter }
  }
]

resource take 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principal in workerPrincipalIds: {
    scope: account
    name: guid(account.id, principal, 'queue-worker')
    properties: { principalId: principal, principalType: 'ServicePrincipal', roleDefinitionId: roleIds.queueWorker }
  }
]

resource announce 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principal in workerPrincipalIds: {
    scope: events
    name: guid(events.id, principal, 'sender')
    properties: {
      principalId: principal
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'c6a89b2d-59bc-44d0-9896-0f6e12d7b80a')
    }
  }
]

module endpoint 'private-endpoint.bicep' = [
  for part in ['blob', 'queue', 'table']: if (privateNetwork) {
    name: 'endpoint-${name}-${part}'
    params: {
      name: 'pe-${name}-${part}'
      location: location
      tags: tags
      subnetId: endpointSubnetId
      resourceId: account.id
      part: part
      dnsZoneId: dnsZoneIds[part]
    }
  }
]

@description('Name of the account.')
output name string = account.name
@description('Blob endpoint, with a slash at its end.')
output blobEndpoint string = account.properties.primaryEndpoints.blob
@description('Queue endpoint.')
output queueEndpoint string = account.properties.primaryEndpoints.queue
@description('Table endpoint.')
output tableEndpoint string = account.properties.primaryEndpoints.table
@description('Queue of workers\' events.')
output eventsQueue string = events.name
@description('Container of workers\' software.')
output softwareContainer string = container[0].name
@description('Container of the app\'s package.')
output deploymentContainer string = container[4].name
