// One private endpoint and the name that leads to it.
param name string
param location string
param tags object
param subnetId string

@description('The resource that it leads to.')
param resourceId string

@description('Its part: blob, queue, table, vault, sites, sqlServer.')
param part string

param dnsZoneId string

resource endpoint 'Microsoft.Network/privateEndpoints@2024-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    subnet: { id: subnetId }
    privateLinkServiceConnections: [
      { name: part, properties: { privateLinkServiceId: resourceId, groupIds: [part] } }
    ]
  }
}

resource names 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = {
  parent: endpoint
  name: 'default'
  properties: { privateDnsZoneConfigs: [{ name: part, properties: { privateDnsZoneId: dnsZoneId } }] }
}
