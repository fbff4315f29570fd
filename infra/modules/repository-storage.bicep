// A repository's account and container: versions and write-once until a date, no lifecycle rule, no default retention.
// Locks are set by Holdfast, object by object; the container only allows them.
param name string
param container string
param location string
param tags object
param endpointLocation string
param privateNetwork bool
param endpointSubnetId string
param dnsZoneIds object
param appPrincipalId string
param writerPrincipalId string
param maintainerPrincipalId string
param restorerPrincipalId string
param roleIds object
param administratorId string
param administratorType string

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  // The archive tier exists on LRS, GRS and RA-GRS alone.
  sku: { name: 'Standard_GRS' }
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
  properties: {
    isVersioningEnabled: true
    // Whoever deletes the container by hand has two weeks to think again.
    containerDeleteRetentionPolicy: { enabled: true, days: 14 }
  }
}

resource place 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' = {
  parent: blobs
  name: container
  properties: { immutableStorageWithVersioning: { enabled: true } }
}

// Deleting the account by accident takes two steps; its locked blobs refuse anyway.
resource keep 'Microsoft.Authorization/locks@2020-05-01' = {
  scope: account
  name: 'holds-backups'
  properties: { level: 'CanNotDelete', notes: 'Restore points lie here.' }
}

resource read 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principal in [appPrincipalId, restorerPrincipalId]: {
    scope: place
    name: guid(place.id, principal, 'reader')
    properties: {
      principalId: principal
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1')
    }
  }
]

resource write 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: place
  name: guid(place.id, writerPrincipalId, 'writer')
  properties: { principalId: writerPrincipalId, principalType: 'ServicePrincipal', roleDefinitionId: roleIds.repositoryWriter }
}

resource maintain 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: place
  name: guid(place.id, maintainerPrincipalId, 'maintainer')
  properties: {
    principalId: maintainerPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: roleIds.repositoryMaintainer
  }
}

// Makes the repository (`holdfast repository init`), and reads it when nothing else is left.
resource administer 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: place
  name: guid(place.id, administratorId, 'writer')
  properties: { principalId: administratorId, principalType: administratorType, roleDefinitionId: roleIds.repositoryWriter }
}

var writeAction = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write'
var blobPath = '@Resource[Microsoft.Storage/storageAccounts/blobServices/containers/blobs:path]'
var workers = [writerPrincipalId, maintainerPrincipalId]

// A lease is a write, and only below locks/ may anything be written over.
resource lock 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principal in workers: {
    scope: place
    name: guid(place.id, principal, 'locker')
    properties: {
      principalId: principal
      principalType: 'ServicePrincipal'
      roleDefinitionId: roleIds.repositoryLocker
      conditionVersion: '2.0'
      condition: '((!(ActionMatches{\'${writeAction}\'})) OR (${blobPath} StringStartsWith \'locks/\'))'
    }
  }
]

// Rehydration is Set Blob Tier, a suboperation of write; no other write passes.
resource rehydrate 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principal in union(workers, [restorerPrincipalId]): {
    scope: place
    name: guid(place.id, principal, 'rehydrator')
    properties: {
      principalId: principal
      principalType: 'ServicePrincipal'
      roleDefinitionId: roleIds.rehydrator
      conditionVersion: '2.0'
      condition: '((!(ActionMatches{\'${writeAction}\'} AND NOT SubOperationMatches{\'Blob.Write.Tier\'})) OR (${blobPath} StringEquals \'no/such/blob\'))'
    }
  }
]

module endpoint 'private-endpoint.bicep' = if (privateNetwork) {
  name: 'endpoint-${name}-blob'
  params: {
    name: 'pe-${name}-blob'
    location: endpointLocation
    tags: tags
    subnetId: endpointSubnetId
    resourceId: account.id
    part: 'blob'
    dnsZoneId: dnsZoneIds.blob
  }
}

@description('Resource id of the account.')
output id string = account.id
@description('Address of the repository.')
output url string = '${account.properties.primaryEndpoints.blob}${place.name}'
