// One storage account: the Functions host, the durable engine, the audit log's tables, dead letters, sealed heads.
@description('Name of the account: lower-case letters and digits.')
@minLength(3)
@maxLength(24)
param name string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Copies of the data.')
param sku string

@description('Days for which a sealed head cannot be deleted or overwritten.')
param sealRetentionDays int

@description('Leaves the policy on sealed heads alone: a locked one cannot be written again.')
param sealsLocked bool

var plainContainers = ['deployment', 'policy', 'dead-letters']

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: sku }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    allowCrossTenantReplication: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: 'Allow'
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' = {
  parent: account
  name: 'default'
  properties: {
    deleteRetentionPolicy: { enabled: true, days: 30 }
    containerDeleteRetentionPolicy: { enabled: true, days: 30 }
  }
}

resource containers 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = [for each in plainContainers: {
  parent: blobs
  name: each
  properties: { publicAccess: 'None' }
}]

resource seals 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = {
  parent: blobs
  name: 'audit-heads'
  properties: { publicAccess: 'None' }
}

// Unlocked: it can still be shortened. Lock it for good when you are sure: infra/README.md has the command.
resource sealed 'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies@2025-06-01' = if (!sealsLocked) {
  parent: seals
  name: 'default'
  properties: {
    immutabilityPeriodSinceCreationInDays: sealRetentionDays
    allowProtectedAppendWrites: false
  }
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2025-06-01' = {
  parent: account
  name: 'default'
  properties: {}
}

resource backupFailures 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' = {
  parent: queues
  name: 'backup-failures'
  properties: {}
}

@description('Name of the account.')
output name string = account.name

@description('https://ACCOUNT.blob.SUFFIX/')
output blobEndpoint string = account.properties.primaryEndpoints.blob

@description('https://ACCOUNT.queue.SUFFIX/')
output queueEndpoint string = account.properties.primaryEndpoints.queue

@description('https://ACCOUNT.table.SUFFIX/')
output tableEndpoint string = account.properties.primaryEndpoints.table

@description('The container that the platform takes the code from.')
output deploymentContainer string = containers[0].name

@description('The container of sealed heads.')
output sealsContainer string = seals.name
