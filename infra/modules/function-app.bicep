// The app on Flex Consumption, with its identity and no key of any kind.
param name string
param location string
param tags object

@description('The app\'s identity: id, clientId.')
param identity object

param subnetId string
param privateNetwork bool
param endpointSubnetId string
param dnsZoneIds object
param stateAccountName string
param deploymentContainer string

@description('Connection string of the Durable Task Scheduler; empty: orchestrations keep their state in the state account.')
param durableConnection string

param insightsConnection string

@description('Client id of the app registration that people sign in with; empty: authentication is off.')
param signInClientId string

@description('Tenant of that registration.')
param signInTenantId string

@description('Settings named HOLDFAST_…')
param settings object

var blob = 'https://${stateAccountName}.blob.${environment().suffixes.storage}'
var queue = 'https://${stateAccountName}.queue.${environment().suffixes.storage}'
var table = 'https://${stateAccountName}.table.${environment().suffixes.storage}'

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: 'plan-${name}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { tier: 'FlexConsumption', name: 'FC1' }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'app' })
  kind: 'functionapp,linux'
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identity.id}': {} } }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    virtualNetworkSubnetId: subnetId
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
    keyVaultReferenceIdentity: identity.id
    siteConfig: { minTlsVersion: '1.2' }
    functionAppConfig: {
      runtime: { name: 'python', version: '3.11' }
      // Timers scale alone; one instance of the durable group is kept warm, so that no session waits for a cold start.
      scaleAndConcurrency: {
        instanceMemoryMB: 2048
        maximumInstanceCount: 40
        alwaysReady: [{ name: 'durable', instanceCount: 1 }]
      }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${blob}/${deploymentContainer}'
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identity.id }
        }
      }
    }
  }
}

resource configuration 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: app
  name: 'appsettings'
  properties: union(
    {
      AzureWebJobsStorage__blobServiceUri: blob
      AzureWebJobsStorage__queueServiceUri: queue
      AzureWebJobsStorage__tableServiceUri: table
      AzureWebJobsStorage__credential: 'managedidentity'
      AzureWebJobsStorage__clientId: identity.clientId
      // The connection of the queue trigger.
      HOLDFAST_STATE__queueServiceUri: queue
      HOLDFAST_STATE__credential: 'managedidentity'
      HOLDFAST_STATE__clientId: identity.clientId
      TASKHUB_NAME: 'holdfast'
      APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnection
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identity.clientId};Authorization=AAD'
    },
    empty(durableConnection)
      // host.json names the scheduler; app settings win over it.
      ? { AzureFunctionsJobHost__extensions__durableTask__storageProvider__type: 'azureStorage', AzureFunctionsJobHost__extensions__durableTask__storageProvider__connectionStringName: 'AzureWebJobsStorage' }
      : { DURABLE_TASK_SCHEDULER_CONNECTION_STRING: '${durableConnection};ClientID=${identity.clientId}' },
    // Named by App Service: the platform proves itself to the app registration as this identity, so there is no secret.
    empty(signInClientId) ? {} : { OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID: identity.clientId },
    settings
  )
}

// Unauthenticated requests get through: scripts and workers bring keys or nothing, and the pages refuse whoever is not
// signed in. No token is stored: the header says who it is and which app roles they have.
resource signIn 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: { enabled: !empty(signInClientId) }
    globalValidation: { requireAuthentication: false, unauthenticatedClientAction: 'AllowAnonymous' }
    httpSettings: { requireHttps: true }
    login: { tokenStore: { enabled: false } }
    identityProviders: empty(signInClientId)
      ? {}
      : {
          azureActiveDirectory: {
            enabled: true
            registration: {
              clientId: signInClientId
              clientSecretSettingName: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'
              openIdIssuer: '${environment().authentication.loginEndpoint}${signInTenantId}/v2.0'
            }
          }
        }
  }
}

module endpoint 'private-endpoint.bicep' = if (privateNetwork) {
  name: 'endpoint-${name}'
  params: {
    name: 'pe-${name}'
    location: location
    tags: tags
    subnetId: endpointSubnetId
    resourceId: app.id
    part: 'sites'
    dnsZoneId: dnsZoneIds.sites
  }
}

@description('Name of the app.')
output name string = app.name
@description('Its address.')
output url string = 'https://${app.properties.defaultHostName}'
