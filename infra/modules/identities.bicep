// Four identities: the app, and the three of workers, which never meet on one machine.
param name string
param location string
param tags object

resource app 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-${name}-app'
  location: location
  tags: tags
}

resource writer 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-${name}-writer'
  location: location
  tags: tags
}

resource maintainer 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-${name}-maintainer'
  location: location
  tags: tags
}

resource restorer 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-${name}-restorer'
  location: location
  tags: tags
}

@description('The app.')
output app object = { id: app.id, clientId: app.properties.clientId, principalId: app.properties.principalId }
@description('Reads databases, makes and reads what repositories hold; cannot delete or overwrite.')
output writer object = {
  id: writer.id
  clientId: writer.properties.clientId
  principalId: writer.properties.principalId
  name: writer.name
}
@description('Deletes, locks and holds in repositories.')
output maintainer object = {
  id: maintainer.id
  clientId: maintainer.properties.clientId
  principalId: maintainer.properties.principalId
}
@description('Reads repositories and fills new databases; writes to no repository.')
output restorer object = {
  id: restorer.id
  clientId: restorer.properties.clientId
  principalId: restorer.properties.principalId
}
