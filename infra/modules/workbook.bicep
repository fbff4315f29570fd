// The workbook: how backups are doing, at a glance. Its content is made from infra/queries/workbook by `make docs`.
param name string
param location string
param tags object
param workspaceId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  // Azure takes no other name than a GUID.
  name: guid(resourceGroup().id, name, 'workbook')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Holdfast: ${name}'
    category: 'workbook'
    sourceId: workspaceId
    version: '1.0'
    serializedData: loadTextContent('../workbooks/holdfast.json')
  }
}

@description('Resource id of the workbook.')
output id string = workbook.id
