// The smallest: public endpoints behind identities, one region, orchestrations in the state account. For trying it out.
using 'main.bicep'

param name = readEnvironmentVariable('AZURE_ENV_NAME', 'holdfast')
param location = readEnvironmentVariable('AZURE_LOCATION', 'westeurope')
param durableBackend = 'azureStorage'
param workerSize = 'Standard_D2ds_v5'
param maxWorkers = 2
param administratorId = readEnvironmentVariable('AZURE_PRINCIPAL_ID', '')
