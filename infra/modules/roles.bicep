// Custom roles with the least that works; what is in them and why: infra/roles.json and docs/reference/roles.md.
targetScope = 'subscription'

@description('End of the roles\' names, which are unique in a tenant: empty for the subscription that Holdfast is in.')
param nameEnd string = ''

var definitions = loadJsonContent('../roles.json')

resource role 'Microsoft.Authorization/roleDefinitions@2022-04-01' = [
  for one in items(definitions): {
    name: guid(subscription().id, one.value.name)
    properties: {
      roleName: '${one.value.name}${nameEnd}'
      description: one.value.description
      type: 'CustomRole'
      assignableScopes: [subscription().id]
      permissions: [
        { actions: one.value.actions, notActions: [], dataActions: one.value.dataActions, notDataActions: [] }
      ]
    }
  }
]

@description('Role definition ids by the names of roles.json.')
output ids object = toObject(items(definitions), one => one.key, one => subscriptionResourceId('Microsoft.Authorization/roleDefinitions', guid(subscription().id, one.value.name)))
