// What `azd up` deploys: the Durable Task Scheduler, public endpoints behind identities, the archive beside the backups.
using 'main.bicep'

param name = readEnvironmentVariable('AZURE_ENV_NAME', 'holdfast')
param location = readEnvironmentVariable('AZURE_LOCATION', 'westeurope')
param archiveLocation = readEnvironmentVariable('HOLDFAST_ARCHIVE_LOCATION', readEnvironmentVariable('AZURE_LOCATION', 'westeurope'))
param administratorId = readEnvironmentVariable('AZURE_PRINCIPAL_ID', '')
param alertEmail = readEnvironmentVariable('HOLDFAST_ALERT_EMAIL', '')
param signInClientId = readEnvironmentVariable('HOLDFAST_SIGN_IN_CLIENT_ID', '')
