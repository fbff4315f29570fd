// Private: no public access to storage, vault and app; the archive in another region.
using 'main.bicep'

param name = readEnvironmentVariable('AZURE_ENV_NAME', 'holdfast')
param location = readEnvironmentVariable('AZURE_LOCATION', 'westeurope')
param archiveLocation = 'northeurope'
param privateNetwork = true
param addressPrefix = '10.90.0.0/22'
param administratorId = readEnvironmentVariable('AZURE_PRINCIPAL_ID', '')
param alertEmail = readEnvironmentVariable('HOLDFAST_ALERT_EMAIL', '')
param signInClientId = readEnvironmentVariable('HOLDFAST_SIGN_IN_CLIENT_ID', '')
