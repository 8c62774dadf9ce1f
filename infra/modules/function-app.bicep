// Flex Consumption plan and function app: Python 3.13, an identity instead of keys, sign-in in front.
@description('Name of the app, which is part of its host name.')
@minLength(2)
@maxLength(60)
param name string

@description('Name of the plan.')
param planName string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Resource id of the app\'s identity.')
param identityId string

@description('Client id of the app\'s identity.')
param identityClientId string

@description('Blob endpoint of the storage account, with a slash at its end.')
param blobEndpoint string

@description('Queue endpoint of the storage account.')
param queueEndpoint string

@description('Table endpoint of the storage account.')
param tableEndpoint string

@description('Container that the platform takes the code from.')
param deploymentContainer string

@description('Container of sealed heads of the audit log.')
param sealsContainer string

@description('Event Grid topic to which the bridge publishes.')
param topicEndpoint string

@description('Connection string of Application Insights.')
param insightsConnectionString string

@description('Resource id of the workspace for the platform\'s own logs.')
param workspaceId string

@description('Workspace id (GUID) of the log that tells of failed backups. Empty: none is read.')
param logQueryWorkspace string

@description('Application (client) id of the Entra app registration.')
param signInClientId string

@description('REMEDIATOR_MODE.')
param mode string

@description('REMEDIATOR_DELIVERY.')
param delivery string

@description('Always-ready instances for HTTP, and for the durable engine.')
param alwaysReady int

var ready = [
  { name: 'http', instanceCount: alwaysReady }
  { name: 'durable', instanceCount: alwaysReady }
]
var clouds = {
  AzureCloud: 'public'
  AzureChinaCloud: 'china'
  AzureUSGovernment: 'usgov'
}

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'api' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    clientAffinityEnabled: false
    keyVaultReferenceIdentity: identityId
    publicNetworkAccess: 'Enabled'
    siteConfig: {
      minTlsVersion: '1.2'
      http20Enabled: true
    }
    functionAppConfig: {
      runtime: {
        name: 'python'
        version: '3.13'
      }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${blobEndpoint}${deploymentContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      scaleAndConcurrency: {
        maximumInstanceCount: 40
        instanceMemoryMB: 2048
        alwaysReady: alwaysReady > 0 ? ready : []
      }
    }
  }
}

resource settings 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: app
  name: 'appsettings'
  properties: {
    AzureWebJobsStorage__credential: 'managedidentity'
    AzureWebJobsStorage__clientId: identityClientId
    AzureWebJobsStorage__blobServiceUri: blobEndpoint
    AzureWebJobsStorage__queueServiceUri: queueEndpoint
    AzureWebJobsStorage__tableServiceUri: tableEndpoint
    APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
    AZURE_CLIENT_ID: identityClientId
    AZURE_FUNCTIONS_DURABLE_STRICT_TYPING: '1'
    OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID: identityClientId
    REMEDIATOR_SUBSCRIPTION_ID: subscription().subscriptionId
    REMEDIATOR_TENANT_ID: tenant().tenantId
    REMEDIATOR_CLOUD: clouds[environment().name]
    REMEDIATOR_MODE: mode
    REMEDIATOR_DELIVERY: delivery
    REMEDIATOR_TOPIC_ENDPOINT: topicEndpoint
    REMEDIATOR_SEALS: '${blobEndpoint}${sealsContainer}'
    REMEDIATOR_WORKSPACE_ID: logQueryWorkspace
  }
}

// Whoever is not signed in reaches the app, which refuses by itself: Event Grid's deliveries come without a sign-in
// and have the system key of their own. docs/http.md says who is let in.
resource signIn 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: {
      enabled: true
      runtimeVersion: '~1'
    }
    globalValidation: {
      requireAuthentication: false
      unauthenticatedClientAction: 'AllowAnonymous'
      redirectToProvider: 'azureactivedirectory'
    }
    httpSettings: { requireHttps: true }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: signInClientId
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
          clientSecretSettingName: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'
        }
        validation: {
          allowedAudiences: ['api://${signInClientId}', signInClientId]
        }
      }
    }
    login: {
      tokenStore: { enabled: false }
    }
  }
  dependsOn: [settings]
}

resource noFtp 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'ftp'
  properties: { allow: false }
}

resource noBasicPublishing 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'scm'
  properties: { allow: false }
}

resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: app
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logs: [
      { category: 'FunctionAppLogs', enabled: true }
    ]
  }
}

@description('Name of the app.')
output name string = app.name

@description('Its host name.')
output hostName string = app.properties.defaultHostName
