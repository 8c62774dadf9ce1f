// From the topic to the app, by one of two roads. What cannot be delivered for a day goes to the container dead-letters.
@description('Name of the Event Grid topic.')
param topicName string

@description('Name of the function app.')
param appName string

@description('Name of the storage account.')
param storageName string

@description('function or queue: which of the two is made.')
@allowed(['function', 'queue'])
param delivery string

resource topic 'Microsoft.EventGrid/topics@2025-02-15' existing = {
  name: topicName
}

resource app 'Microsoft.Web/sites@2024-04-01' existing = {
  name: appName
}

resource intake 'Microsoft.Web/sites/functions@2024-04-01' existing = {
  parent: app
  name: 'intake'
}

resource storage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageName
}

var retryPolicy = {
  maxDeliveryAttempts: 30
  eventTimeToLiveInMinutes: 1440
}
var deadLetters = {
  identity: { type: 'SystemAssigned' }
  deadLetterDestination: {
    endpointType: 'StorageBlob'
    properties: {
      resourceId: storage.id
      blobContainerName: 'dead-letters'
    }
  }
}

resource toFunction 'Microsoft.EventGrid/topics/eventSubscriptions@2025-02-15' = if (delivery == 'function') {
  parent: topic
  name: 'intake'
  properties: {
    eventDeliverySchema: 'CloudEventSchemaV1_0'
    destination: {
      endpointType: 'AzureFunction'
      properties: {
        resourceId: intake.id
        maxEventsPerBatch: 1
      }
    }
    retryPolicy: retryPolicy
    deadLetterWithResourceIdentity: deadLetters
  }
}

resource toQueue 'Microsoft.EventGrid/topics/eventSubscriptions@2025-02-15' = if (delivery == 'queue') {
  parent: topic
  name: 'queue'
  properties: {
    eventDeliverySchema: 'CloudEventSchemaV1_0'
    deliveryWithResourceIdentity: {
      identity: { type: 'SystemAssigned' }
      destination: {
        endpointType: 'StorageQueue'
        properties: {
          resourceId: storage.id
          queueName: 'backup-failures'
          queueMessageTimeToLiveInSeconds: -1
        }
      }
    }
    retryPolicy: retryPolicy
    deadLetterWithResourceIdentity: deadLetters
  }
}
