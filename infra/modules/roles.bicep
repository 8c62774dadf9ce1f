// Two custom roles on this subscription: one that reads, one that changes. Their actions are in ../roles.json,
// which the tests compare with the requests that the app sends.
targetScope = 'subscription'

@description('Begins the roles\' names.')
param name string

@description('Who gets them.')
param principalId string

@description('Grants the role that changes things as well. Taking it away again is done by hand: a deployment removes nothing.')
param changes bool

@description('Adds reading effective network rules and routes.')
param networkEvidence bool

@description('Adds running commands in guests.')
param guestCommands bool

@description('Adds reading Log Analytics workspaces.')
param logQuery bool

var wholeSubscription = subscription().id
var roles = loadJsonContent('../roles.json')
var networkActions = networkEvidence ? roles.optional.networkEvidence : []
var logActions = logQuery ? roles.optional.logQuery : []
var guestActions = guestCommands ? roles.optional.guestCommands : []

resource reader 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(subscription().id, name, 'reader')
  properties: {
    roleName: '${roles.reader.name} (${name}, ${subscription().subscriptionId})'
    description: roles.reader.description
    type: 'CustomRole'
    permissions: [
      {
        actions: concat(roles.reader.actions, networkActions, logActions)
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
        actions: concat(roles.remediator.actions, guestActions)
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

@description('The role that reads.')
output readerRoleId string = reader.id

@description('The role that changes.')
output remediatorRoleId string = remediator.id
