// What wakes a person: a lock that is not back by the app's own log or by Azure's, fixes held back, an incident that needs somebody, a lock lifted by the app.
@description('Part of the rules\' names.')
param name string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Resource id of the workspace that holds the app\'s log.')
param workspaceId string

@description('Resource id of the workspace that has the subscription\'s Activity Log.')
param activityLogWorkspaceId string

@description('Address that gets mail. Empty: nobody gets any.')
param notifyEmail string

@description('The app\'s identity.')
param appPrincipalId string

var wholeSubscription = subscription().id
var receivers = [
  {
    name: 'mail'
    emailAddress: notifyEmail
    useCommonAlertSchema: true
  }
]
// Each lock, VM and incident fires by itself (by). The rules for a lock that is off fire repeatedly, and their alerts do not resolve by themselves.
var rules = [
  {
    name: 'lock-not-back'
    title: 'A management lock that the remediator lifted is not back'
    text: 'See docs/runbook.md: remediator locks list shows it with the command that puts it back.'
    severity: 0
    by: 'lock'
    stateful: false
    workspace: workspaceId
    query: loadTextContent('../queries/lock-not-back.kql')
  }
  {
    name: 'lock-left-off'
    title: 'A management lock that the remediator deleted was not written again'
    text: 'Azure\'s own record says so, whatever the remediator says. See docs/runbook.md, A lock was left off: remediator locks verify.'
    severity: 0
    by: 'lock'
    stateful: false
    workspace: activityLogWorkspaceId
    query: replace(loadTextContent('../queries/lock-left-off.kql'), 'APP_PRINCIPAL_ID', appPrincipalId)
  }
  {
    name: 'fixes-held-back'
    title: 'Fixes are held back: the limit of changes an hour is reached'
    text: 'Many backups fail at once. Look for one cause before you raise REMEDIATOR_CHANGES_PER_HOUR.'
    severity: 1
    by: 'vm'
    stateful: true
    workspace: workspaceId
    query: loadTextContent('../queries/fixes-held-back.kql')
  }
  {
    name: 'needs-a-person'
    title: 'A failed backup needs a person'
    text: 'The review page lists what to do, filled in for the VM.'
    severity: 2
    by: 'incident'
    stateful: true
    workspace: workspaceId
    query: loadTextContent('../queries/needs-a-person.kql')
  }
]

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${name}-people'
  location: 'Global'
  tags: tags
  properties: {
    groupShortName: 'bkp-people'
    enabled: true
    emailReceivers: empty(notifyEmail) ? [] : receivers
  }
}

resource logRules 'Microsoft.Insights/scheduledQueryRules@2022-06-15' = [for each in rules: {
  name: '${each.name}-${name}'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: each.title
    description: each.text
    severity: each.severity
    enabled: true
    scopes: [each.workspace]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT1H'
    overrideQueryTimeRange: 'P2D'
    skipQueryValidation: true
    autoMitigate: each.stateful
    muteActionsDuration: each.stateful ? null : 'PT15M'
    criteria: {
      allOf: [
        {
          query: each.query
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          dimensions: [
            { name: each.by, operator: 'Include', values: ['*'] }
          ]
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    actions: {
      actionGroups: [people.id]
    }
  }
}]

// Each lock that the app lifts, recorded by Azure and not by the app: the two records must agree.
resource locksDeleted 'Microsoft.Insights/activityLogAlerts@2020-10-01' = {
  name: 'lock-deleted-${name}'
  location: 'Global'
  tags: tags
  properties: {
    enabled: true
    description: 'A management lock was deleted by the identity of Azure Backup Remediator (${appPrincipalId}). It puts it back by itself; lock-not-back and lock-left-off tell when it does not.'
    scopes: [wholeSubscription]
    condition: {
      allOf: [
        { field: 'category', equals: 'Administrative' }
        { field: 'operationName', equals: 'Microsoft.Authorization/locks/delete' }
        { field: 'status', equals: 'Succeeded' }
        { field: 'caller', equals: appPrincipalId }
      ]
    }
    actions: {
      actionGroups: [
        { actionGroupId: people.id }
      ]
    }
  }
}
