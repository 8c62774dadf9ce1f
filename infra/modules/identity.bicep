// The identity that the app has everywhere: storage, Event Grid, Azure Resource Manager.
@description('Name of the identity.')
param name string

@description('Region.')
param location string

@description('Tags.')
param tags object

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags
}

@description('Resource id.')
output id string = identity.id

@description('Client id: AZURE_CLIENT_ID of the app.')
output clientId string = identity.properties.clientId

@description('Object id in Entra: who the roles are granted to.')
output principalId string = identity.properties.principalId
