// Holdfast in one resource group: the app, its state, the repositories, the workers' network, and the rights between them.
// Identities connect everywhere; shared keys are off. What it makes for others to use is in the outputs.
targetScope = 'subscription'

@description('Name of this installation: lower-case letters and digits, at most 11. Everything made bears it.')
@minLength(3)
@maxLength(11)
param name string = 'holdfast'

@description('Region of the app, its state and the backup repository: where most databases or the staging server are.')
param location string

@description('Region of the archive repository; another one survives the loss of the first.')
param archiveLocation string = location

@description('How the orchestrations keep their state: the Durable Task Scheduler, or the state account itself.')
@allowed(['durableTaskScheduler', 'azureStorage'])
param durableBackend string = 'durableTaskScheduler'

@description('Everything over private endpoints, public access to storage, vault and app off. Costs about 10 endpoints.')
param privateNetwork bool = false

@description('Address space of the virtual network of workers and app; a /22 or larger that overlaps with no peer.')
param addressPrefix string = '10.90.0.0/22'

@description('Size of worker machines; one with a local temporary disk that holds the largest export.')
param workerSize string = 'Standard_D4ds_v5'

@description('Workers of one region at most.')
@minValue(1)
param maxWorkers int = 4

@description('Object id of the person or group that administers Holdfast: may set the repositories\' passwords.')
param administratorId string

@description('User or ServicePrincipal or Group: what administratorId is.')
@allowed(['User', 'Group', 'ServicePrincipal'])
param administratorType string = 'User'

@description('E-mail address that alerts go to; empty: alerts are made and go nowhere.')
param alertEmail string = ''

@description('Client id of the app registration that people sign in to the pages with; empty: a function key opens them.')
param signInClientId string = ''

@description('Tenant of that registration.')
param signInTenantId string = subscription().tenantId

@description('Further settings of the app, such as HOLDFAST_NOTIFICATION_CHANNELS; they win over those made here.')
param appSettings object = {}

var tags = { 'azd-env-name': name, application: 'holdfast' }
var suffix = take(uniqueString(subscription().id, name, location), 6)

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-${name}'
  location: location
  tags: tags
}

module roles 'modules/roles.bicep' = {
  name: 'roles-${name}'
}

module identities 'modules/identities.bicep' = {
  name: 'identities'
  scope: group
  params: { name: name, location: location, tags: tags }
}

module network 'modules/network.bicep' = {
  name: 'network'
  scope: group
  params: { name: name, location: location, tags: tags, addressPrefix: addressPrefix, privateNetwork: privateNetwork }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    name: name
    location: location
    tags: tags
    publisherPrincipalIds: [
      identities.outputs.app.principalId
      identities.outputs.writer.principalId
      identities.outputs.maintainer.principalId
      identities.outputs.restorer.principalId
    ]
  }
}

module state 'modules/state-storage.bicep' = {
  name: 'state-storage'
  scope: group
  params: {
    name: 'st${name}${suffix}'
    location: location
    tags: tags
    privateNetwork: privateNetwork
    endpointSubnetId: network.outputs.endpointSubnetId
    dnsZoneIds: network.outputs.dnsZoneIds
    appPrincipalId: identities.outputs.app.principalId
    workerPrincipalIds: [
      identities.outputs.writer.principalId
      identities.outputs.maintainer.principalId
      identities.outputs.restorer.principalId
    ]
    roleIds: roles.outputs.ids
    administratorId: administratorId
    administratorType: administratorType
  }
}

module vault 'modules/key-vault.bicep' = {
  name: 'key-vault'
  scope: group
  params: {
    name: 'kv-${name}-${suffix}'
    location: location
    tags: tags
    privateNetwork: privateNetwork
    endpointSubnetId: network.outputs.endpointSubnetId
    dnsZoneIds: network.outputs.dnsZoneIds
    readerPrincipalIds: [
      identities.outputs.app.principalId
      identities.outputs.writer.principalId
      identities.outputs.maintainer.principalId
      identities.outputs.restorer.principalId
    ]
    administratorId: administratorId
    administratorType: administratorType
  }
}

var repositories = [
  { name: 'default', container: 'backups', location: location, archive: false }
  { name: 'archive', container: 'archive', location: archiveLocation, archive: true }
]

module repository 'modules/repository-storage.bicep' = [
  for one in repositories: {
    name: 'repository-${one.name}'
    scope: group
    params: {
      name: 'st${name}${take(one.name, 3)}${suffix}'
      container: one.container
      location: one.location
      tags: tags
      // An endpoint reaches accounts of every region; the subnet is the app's.
      endpointLocation: location
      privateNetwork: privateNetwork
      endpointSubnetId: network.outputs.endpointSubnetId
      dnsZoneIds: network.outputs.dnsZoneIds
      appPrincipalId: identities.outputs.app.principalId
      writerPrincipalId: identities.outputs.writer.principalId
      maintainerPrincipalId: identities.outputs.maintainer.principalId
      restorerPrincipalId: identities.outputs.restorer.principalId
      roleIds: roles.outputs.ids
      administratorId: administratorId
      administratorType: administratorType
    }
  }
]

module scheduler 'modules/durable-task.bicep' = if (durableBackend == 'durableTaskScheduler') {
  name: 'durable-task'
  scope: group
  params: { name: name, location: location, tags: tags, appPrincipalId: identities.outputs.app.principalId }
}

module archiveNetwork 'modules/worker-network.bicep' = if (archiveLocation != location) {
  name: 'worker-network-archive'
  scope: group
  params: { name: '${name}-${archiveLocation}', location: archiveLocation, tags: tags }
}

var homeRegion = {
  '${location}': { size: workerSize, resource_group: group.name, subnet: network.outputs.workerSubnetId }
}
var archiveRegion = archiveLocation == location
  ? {}
  : {
      '${archiveLocation}': {
        size: workerSize
        resource_group: group.name
        subnet: archiveNetwork.?outputs.workerSubnetId ?? ''
      }
    }

module app 'modules/function-app.bicep' = {
  name: 'function-app'
  scope: group
  params: {
    name: 'func-${name}-${suffix}'
    location: location
    tags: tags
    identity: identities.outputs.app
    subnetId: network.outputs.appSubnetId
    privateNetwork: privateNetwork
    endpointSubnetId: network.outputs.endpointSubnetId
    dnsZoneIds: network.outputs.dnsZoneIds
    stateAccountName: state.outputs.name
    deploymentContainer: state.outputs.deploymentContainer
    durableConnection: scheduler.?outputs.connection ?? ''
    insightsConnection: monitoring.outputs.connectionString
    signInClientId: signInClientId
    signInTenantId: signInTenantId
    settings: union(
      {
        HOLDFAST_INSTALLATION: name
        HOLDFAST_SUBSCRIPTIONS: string([subscription().subscriptionId])
        HOLDFAST_IDENTITY_CLIENT_ID: identities.outputs.app.clientId
        HOLDFAST_BLOB_ENDPOINT: state.outputs.blobEndpoint
        HOLDFAST_QUEUE_ENDPOINT: state.outputs.queueEndpoint
        HOLDFAST_TABLE_ENDPOINT: state.outputs.tableEndpoint
        HOLDFAST_EVENTS_QUEUE: state.outputs.eventsQueue
        // By hand and not by a lambda: Bicep takes no lambda's variable as the index of a module.
        HOLDFAST_REPOSITORIES: string({
          default: {
            url: repository[0].outputs.url
            region: repositories[0].location
            account: repository[0].outputs.id
            archive: repositories[0].archive
            password_secret: '${vault.outputs.uri}secrets/repository-default'
          }
          archive: {
            url: repository[1].outputs.url
            region: repositories[1].location
            account: repository[1].outputs.id
            archive: repositories[1].archive
            password_secret: '${vault.outputs.uri}secrets/repository-archive'
          }
        })
        HOLDFAST_WORKER_PROFILES: string({
          standard: {
            regions: union(homeRegion, archiveRegion)
            writer_identity: identities.outputs.writer.id
            writer_client_id: identities.outputs.writer.clientId
            maintainer_identity: identities.outputs.maintainer.id
            maintainer_client_id: identities.outputs.maintainer.clientId
            restorer_identity: identities.outputs.restorer.id
            restorer_client_id: identities.outputs.restorer.clientId
            max_workers: maxWorkers
          }
        })
        HOLDFAST_TELEMETRY: 'azure'
        HOLDFAST_CLOCK_SCHEDULE: '0 * * * * *'
        HOLDFAST_WATCH_SCHEDULE: '*/30 * * * * *'
        HOLDFAST_JANITOR_SCHEDULE: '0 */10 * * * *'
        HOLDFAST_NOTICES_SCHEDULE: '0 * * * * *'
        HOLDFAST_DRILL_SCHEDULE: '0 5,35 * * * *'
      },
      appSettings
    )
  }
}

// The app makes copies and machines: its role is on this subscription. Others with databases get it by
// source-subscription.bicep.
module appRights 'source-subscription.bicep' = {
  name: 'app-rights-${name}'
  params: { appPrincipalId: identities.outputs.app.principalId, roleId: roles.outputs.ids.app }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    name: name
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    email: alertEmail
  }
}

module workbook 'modules/workbook.bicep' = {
  name: 'workbook'
  scope: group
  params: { name: name, location: location, tags: tags, workspaceId: monitoring.outputs.workspaceId }
}

@description('Address of the app; `holdfast` finds it by HOLDFAST_URL.')
output HOLDFAST_URL string = app.outputs.url
@description('Where the worker bundle and SqlPackage are uploaded to.')
output HOLDFAST_SOFTWARE string = '${state.outputs.blobEndpoint}${state.outputs.softwareContainer}'
@description('The vault that holds the repositories\' passwords.')
output HOLDFAST_VAULT string = vault.outputs.uri
@description('The repositories, as JSON: name to address.')
output HOLDFAST_REPOSITORY_URLS string = string({
  default: repository[0].outputs.url
  archive: repository[1].outputs.url
})
@description('Principal of the app, for source-subscription.bicep in other subscriptions.')
output HOLDFAST_APP_PRINCIPAL string = identities.outputs.app.principalId
@description('Name of the identity to make a user of in every source database: CREATE USER [name] FROM EXTERNAL PROVIDER.')
output HOLDFAST_WRITER_NAME string = identities.outputs.writer.name
@description('The group that everything is in.')
output HOLDFAST_GROUP string = group.name
@description('Name of the app, for `az functionapp`.')
output HOLDFAST_APP string = app.outputs.name
@description('The alerts, for whoever adds receivers.')
output HOLDFAST_ALERTS array = alerts.outputs.names
@description('The workbook in the Azure portal.')
output HOLDFAST_WORKBOOK string = workbook.outputs.id
