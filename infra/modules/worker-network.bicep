// A network for workers alone, in a region of its own: for archiving and upkeep beside that region's repository.
param name string
param location string
param tags object

@description('Address space; peer it where private endpoints of the home region are used.')
param addressPrefix string = '10.91.0.0/24'

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
          addressPrefix: addressPrefix
          defaultOutboundAccess: false
          networkSecurityGroup: { id: egress.outputs.guardId }
          natGateway: { id: egress.outputs.gatewayId }
          serviceEndpoints: [{ service: 'Microsoft.Storage' }, { service: 'Microsoft.Sql' }, { service: 'Microsoft.KeyVault' }]
        }
      }
    ]
  }
}

@description('Subnet of the workers.')
output workerSubnetId string = network.properties.subnets[0].id
