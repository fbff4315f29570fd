// The home region's network: workers, the app, private endpoints and the names that lead to them.
param name string
param location string
param tags object
param addressPrefix string
param privateNetwork bool

var zones = {
  blob: 'privatelink.blob.${environment().suffixes.storage}'
  queue: 'privatelink.queue.${environment().suffixes.storage}'
  table: 'privatelink.table.${environment().suffixes.storage}'
  vault: 'privatelink.vaultcore.azure.net'
  sql: 'privatelink${environment().suffixes.sqlServerHostname}'
  sites: 'privatelink.azurewebsites.net'
}

module egress 'worker-egress.bicep' = {
  name: 'egress-${location}'
  params: { name: name, location: location, tags: tags }
}

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' = {
  name: 'vnet-${name}'
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: [addressPrefix] }
    subnets: [
      {
        name: 'workers'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 24, 0)
          defaultOutboundAccess: false
          networkSecurityGroup: { id: egress.outputs.guardId }
          natGateway: { id: egress.outputs.gatewayId }
          serviceEndpoints: [{ service: 'Microsoft.Storage' }, { service: 'Microsoft.Sql' }, { service: 'Microsoft.KeyVault' }]
        }
      }
      {
        name: 'app'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 26, 4)
          delegations: [{ name: 'flex', properties: { serviceName: 'Microsoft.App/environments' } }]
        }
      }
      {
        name: 'endpoints'
        properties: { addressPrefix: cidrSubnet(addressPrefix, 26, 5), privateEndpointNetworkPolicies: 'Enabled' }
      }
    ]
  }
}

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for one in items(zones): if (privateNetwork) {
    name: one.value
    location: 'global'
    tags: tags
  }
]

resource link 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (one, index) in items(zones): if (privateNetwork) {
    parent: zone[index]
    name: network.name
    location: 'global'
    properties: { registrationEnabled: false, virtualNetwork: { id: network.id } }
  }
]

@description('Subnet of the workers; no inbound is needed.')
output workerSubnetId string = network.properties.subnets[0].id
@description('Subnet that the app is integrated with.')
output appSubnetId string = network.properties.subnets[1].id
@description('Subnet of private endpoints.')
output endpointSubnetId string = network.properties.subnets[2].id
@description('Private DNS zones by service; empty ids where the network is not private.')
output dnsZoneIds object = toObject(items(zones), one => one.key, one => privateNetwork ? resourceId('Microsoft.Network/privateDnsZones', one.value) : '')
