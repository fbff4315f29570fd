// The app's role on a subscription with databases to protect:
// az deployment sub create -l REGION -f infra/source-subscription.bicep -p appPrincipalId=… roleId=…
targetScope = 'subscription'

@description('Principal of the app (output HOLDFAST_APP_PRINCIPAL).')
param appPrincipalId string

@description('The app\'s role definition; in another subscription: leave out, it is made there.')
param roleId string = ''

module roles 'modules/roles.bicep' = if (empty(roleId)) {
  name: 'roles'
  params: { nameEnd: ' (${subscription().subscriptionId})' }
}

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(subscription().id, appPrincipalId, 'holdfast-app')
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: empty(roleId) ? (roles.?outputs.ids.app ?? '') : roleId
  }
}
