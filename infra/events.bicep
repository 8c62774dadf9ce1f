// Connects the alerts, after the code is deployed: Event Grid asks the function whether it exists.
// It makes one of the two roads; when you change delivery, delete the other event subscription by hand.
targetScope = 'resourceGroup'

@description('Part of every resource name, as in main.bicep.')
param name string = 'backup-remediator'

@description('Output FUNCTION_APP of main.bicep.')
param functionApp string

@description('Output TOPIC of main.bicep.')
param topic string

@description('Output STORAGE_ACCOUNT of main.bicep.')
param storageAccount string

@description('As in main.bicep.')
@allowed(['function', 'queue'])
param delivery string = 'function'

@description('Application (client) id of the app registration, as in main.bicep.')
@minLength(36)
@maxLength(36)
param signInClientId string

@description('Object id of that app registration: `az ad app show --id CLIENT_ID --query id`')
@minLength(36)
@maxLength(36)
param signInObjectId string

resource app 'Microsoft.Web/sites@2024-04-01' existing = {
  name: functionApp
}

module delivered 'modules/event-subscription.bicep' = {
  name: 'event-subscription'
  params: {
    topicName: topic
    appName: functionApp
    storageName: storageAccount
    delivery: delivery
  }
}

module bridge 'modules/bridge.bicep' = {
  name: 'bridge'
  params: {
    name: name
    tags: { application: 'azure-backup-remediator' }
    hostName: app.properties.defaultHostName
    signInClientId: signInClientId
    signInObjectId: signInObjectId
  }
  dependsOn: [delivered]
}
