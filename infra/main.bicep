// Azure Backup Remediator, one installation for one subscription. infra/README.md says how, and what it costs.
// After the code is deployed, events.bicep connects the alerts: an event subscription needs the function to exist.
targetScope = 'subscription'

@description('Region of everything that has one. Check it first: `az functionapp list-flexconsumption-runtimes --location REGION --runtime python`')
param location string = deployment().location

@description('Part of every resource name: letters, digits and hyphens.')
@minLength(3)
@maxLength(24)
param name string = 'backup-remediator'

@description('Resource group that is made for this installation. Nothing else belongs in it.')
@minLength(1)
@maxLength(90)
param resourceGroupName string = 'rg-${name}'

@description('off: failures are recorded only. observe: diagnosed, nothing is changed. approve: people decide. auto: safe fixes are applied. The role that changes things is granted for approve and auto only.')
@allowed(['off', 'observe', 'approve', 'auto'])
param mode string = 'observe'

@description('How Event Grid hands events over. function: to the function itself. queue: to a storage queue, for storms and for networks that let nothing in.')
@allowed(['function', 'queue'])
param delivery string = 'function'

@description('Application (client) id of the Entra app registration with the app roles of app-roles.json. It alone lets people and alerts in.')
@minLength(36)
@maxLength(36)
param signInClientId string

@description('Address that gets mail about locks that are not back, fixes held back and incidents that need a person. Empty: the alert rules fire and nobody gets mail.')
param notifyEmail string = ''

@description('Lets the app read failed backups from this installation\'s Log Analytics workspace. Send the vaults\' job logs there. Without it the sweep reads the vaults\' job lists.')
param logQuery bool = false

@description('Resource id of a workspace that has the subscription\'s Activity Log already (table AzureActivity). Empty: a diagnostic setting sends it to this installation\'s workspace; a subscription takes five such settings.')
param activityLogWorkspace string = ''

@description('Instances that are always ready for alerts and for the durable engine. 0 saves money; a cold start may then take longer than the action group retries, and the sweep finds that failure later.')
@minValue(0)
@maxValue(10)
param alwaysReady int = 1

@description('Days that logs are kept. The audit log is kept in tables and does not depend on this.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 90

@description('Days for which a sealed head of the audit log cannot be deleted or overwritten.')
@minValue(1)
@maxValue(146000)
param sealRetentionDays int = 365

@description('true once the policy on sealed heads is locked: Azure refuses to write a locked policy, so the deployment leaves it out.')
param sealsLocked bool = false

@description('Copies of the storage account\'s data. Standard_LRS where a region has no availability zones.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS', 'Standard_RAGRS', 'Standard_RAGZRS'])
param storageSku string = 'Standard_ZRS'

@description('Tags of every resource.')
param tags object = {}

var allTags = union(tags, { application: 'azure-backup-remediator' })
var unique = uniqueString(subscription().id, resourceGroupName)
var changes = mode == 'approve' || mode == 'auto'

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: resourceGroupName
  location: location
  tags: allTags
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    name: 'id-${name}'
    location: location
    tags: allTags
  }
}

module roles 'modules/roles.bicep' = {
  name: 'roles-${unique}'
  params: {
    name: name
    principalId: identity.outputs.principalId
    changes: changes
    logQuery: logQuery
  }
}

module storage 'modules/storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    name: 'st${take(replace(toLower(name), '-', ''), 9)}${unique}'
    location: location
    tags: allTags
    sku: storageSku
    sealRetentionDays: sealRetentionDays
    sealsLocked: sealsLocked
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    name: name
    location: location
    tags: allTags
    retentionDays: logRetentionDays
  }
}

module topic 'modules/topic.bicep' = {
  name: 'topic'
  scope: group
  params: {
    name: 'evgt-${name}-${unique}'
    location: location
    tags: allTags
    workspaceId: monitoring.outputs.workspaceId
  }
}

module access 'modules/access.bicep' = {
  name: 'access'
  scope: group
  params: {
    appPrincipalId: identity.outputs.principalId
    topicPrincipalId: topic.outputs.principalId
    storageName: storage.outputs.name
    topicName: topic.outputs.name
    insightsName: monitoring.outputs.insightsName
  }
}

module app 'modules/function-app.bicep' = {
  name: 'function-app'
  scope: group
  params: {
    name: 'func-${name}-${unique}'
    planName: 'plan-${name}'
    location: location
    tags: allTags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    blobEndpoint: storage.outputs.blobEndpoint
    queueEndpoint: storage.outputs.queueEndpoint
    tableEndpoint: storage.outputs.tableEndpoint
    deploymentContainer: storage.outputs.deploymentContainer
    sealsContainer: storage.outputs.sealsContainer
    topicEndpoint: topic.outputs.endpoint
    insightsConnectionString: monitoring.outputs.insightsConnectionString
    workspaceId: monitoring.outputs.workspaceId
    logQueryWorkspace: logQuery ? monitoring.outputs.workspaceCustomerId : ''
    signInClientId: signInClientId
    mode: mode
    delivery: delivery
    alwaysReady: alwaysReady
  }
  dependsOn: [access]
}

module activityLog 'modules/activity-log.bicep' = if (empty(activityLogWorkspace)) {
  name: 'activity-log-${unique}'
  params: {
    name: name
    workspaceId: monitoring.outputs.workspaceId
  }
}

module watch 'modules/watch.bicep' = {
  name: 'watch'
  scope: group
  params: {
    name: name
    location: location
    tags: allTags
    workspaceId: monitoring.outputs.workspaceId
    activityLogWorkspaceId: empty(activityLogWorkspace) ? monitoring.outputs.workspaceId : activityLogWorkspace
    notifyEmail: notifyEmail
    appPrincipalId: identity.outputs.principalId
  }
}

@description('The resource group of this installation.')
output RESOURCE_GROUP string = group.name

@description('The function app to deploy the code to.')
output FUNCTION_APP string = app.outputs.name

@description('Where people sign in to the review pages.')
output REVIEW_PAGE string = 'https://${app.outputs.hostName}/api/audit/page'

@description('Web redirect address of the app registration; connect.sh sets it.')
output SIGN_IN_REDIRECT string = 'https://${app.outputs.hostName}/.auth/login/aad/callback'

@description('Subject of the federated credential on the app registration: the app signs in with its identity, not with a secret.')
output IDENTITY_PRINCIPAL_ID string = identity.outputs.principalId

@description('For events.bicep: the Event Grid topic.')
output TOPIC string = topic.outputs.name

@description('For events.bicep: the storage account.')
output STORAGE_ACCOUNT string = storage.outputs.name

@description('For connect.sh: the parameter name.')
output INSTALLATION_NAME string = name

@description('For connect.sh: the parameter delivery.')
output REMEDIATOR_DELIVERY string = delivery

@description('For the diagnostic settings of the vaults, where logQuery is on.')
output LOG_WORKSPACE string = monitoring.outputs.workspaceId
