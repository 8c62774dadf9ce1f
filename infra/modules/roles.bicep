// Two custom roles on this subscription: one that reads, one that changes. Their actions are in ../roles.json,
// which the tests compare with the requests that the app sends.
targetScope = 'subscription'

@description('The installation\'s name, part of the roles\' names.')
param name string

@description('Principal that the roles are assigned to.')
param principalId string

@description('Also assigns the role that changes things. A deployment removes nothing: take the assignment away by hand.')
param changes bool

@description('Adds reading Log Analytics workspaces.')
param logQuery bool

var wholeSubscription = subscription().id
var roles = loadJsonContent('../roles.json')
var logActions = logQuery ? roles.optional.logQuery : []

resource reader 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(subscription().id, name, 'reader')
  properties: {
    roleName: '${roles.reader.name} (${name}, ${subscription().subscriptionId})'
    description: roles.reader.description
    type: 'CustomRole'
    permissions: [
      {
        actions: concat(roles.reader.actions, logActions)
        notActions: []
        dataActions: []
        notDataActions: []
      }
    ]
    assignableScopes: [wholeSubscription]
  }
}

resource remediator 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(subscription().id, name, 'remediator')
  properties: {
    roleName: '${roles.remediator.name} (${name}, ${subscription().subscriptionId})'
    description: roles.remediator.description
    type: 'CustomRole'
    permissions: [
      {
        actions: roles.remediator.actions
        notActions: []
        dataActions: []
        notDataActions: []
      }
    ]
    assignableScopes: [wholeSubscription]
  }
}

resource reads 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(reader.id, principalId)
  properties: {
    roleDefinitionId: reader.id
    principalId: principalId
    principalType: 'ServicePrincipal'
    description: 'Azure Backup Remediator: finds out why a backup failed.'
  }
}

resource remediates 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (changes) {
  name: guid(remediator.id, principalId)
  properties: {
    roleDefinitionId: remediator.id
    principalId: principalId
    principalType: 'ServicePrincipal'
    description: 'Azure Backup Remediator: applies the safe fixes.'
  }
}
