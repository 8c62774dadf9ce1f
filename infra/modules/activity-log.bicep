// Azure's own record of who wrote and deleted what in this subscription, sent to a workspace, where an alert rule reads it.
targetScope = 'subscription'

@description('Part of the setting\'s name.')
param name string

@description('Resource id of the workspace that it is sent to.')
param workspaceId string

resource toWorkspace 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'activity-log-${name}'
  properties: {
    workspaceId: workspaceId
    logs: [
      { category: 'Administrative', enabled: true }
    ]
  }
}
