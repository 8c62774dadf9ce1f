// From Azure Backup's built-in alerts to the bridge: alert processing rule, action group, secure webhook.
// An action group cannot post to an Event Grid topic, so the function alerts does.
@description('Part of the resources\' names.')
param name string

@description('Tags.')
param tags object

@description('Host name of the function app.')
param hostName string

@description('Application (client) id of the app registration: the token that the action group brings is for it.')
param signInClientId string

@description('Object id of the app registration (not of its enterprise application).')
param signInObjectId string

var wholeSubscription = subscription().id

resource group 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${name}-bridge'
  location: 'Global'
  tags: tags
  properties: {
    groupShortName: 'bkp-bridge'
    enabled: true
    webhookReceivers: [
      {
        name: 'bridge'
        serviceUri: 'https://${hostName}/api/alerts'
        useCommonAlertSchema: true
        useAadAuth: true
        objectId: signInObjectId
        identifierUri: 'api://${signInClientId}'
        tenantId: tenant().tenantId
      }
    ]
  }
}

resource rule 'Microsoft.AlertsManagement/actionRules@2021-08-08' = {
  name: 'apr-${name}'
  location: 'Global'
  tags: tags
  properties: {
    description: 'Sends every alert of Azure Backup in this subscription to Azure Backup Remediator.'
    enabled: true
    scopes: [wholeSubscription]
    conditions: [
      {
        field: 'MonitorService'
        operator: 'Equals'
        values: ['Azure Backup']
      }
    ]
    actions: [
      {
        actionType: 'AddActionGroups'
        actionGroupIds: [group.id]
      }
    ]
  }
}
