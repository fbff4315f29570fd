// The vault: the repositories' passwords and keys. Purge protection: a deleted key comes back for 90 days.
param name string
param location string
param tags object
param privateNetwork bool
param endpointSubnetId string
param dnsZoneIds object
param readerPrincipalIds array
param administratorId string
param administratorType string

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: subscription().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enablePurgeProtection: true
    softDeleteRetentionInDays: 90
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
  }
}

// Key Vault Secrets User, Key Vault Crypto Service Encryption User.
var readers = ['4633458b-17de-408a-b874-0445c86b69e6', 'e147488a-f6f5-4113-8e2d-b22465e65bf6']

resource read 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for index in range(0, length(readerPrincipalIds) * length(readers)): {
    scope: vault
    name: guid(vault.id, readerPrincipalIds[index / length(readers)], readers[index % length(readers)])
    properties: {
      principalId: readerPrincipalIds[index / length(readers)]
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', readers[index % length(readers)])
    }
  }
]

// Key Vault Secrets Officer: sets the passwords once, by after-provision.sh or by hand.
resource administer 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: vault
  name: guid(vault.id, administratorId, 'secrets-officer')
  properties: {
    principalId: administratorId
    principalType: administratorType
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7')
  }
}

module endpoint 'private-endpoint.bicep' = if (privateNetwork) {
  name: 'endpoint-${name}'
  params: {
    name: 'pe-${name}'
    location: location
    tags: tags
    subnetId: endpointSubnetId
    resourceId: vault.id
    part: 'vault'
    dnsZoneId: dnsZoneIds.vault
  }
}

@description('Address of the vault, with a slash at its end.')
output uri string = vault.properties.vaultUri
