"""What infra/ deploys, as ARM would tell it, with nothing missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from command_line.doctor.app import FUNCTIONS
from command_line.doctor.stores import CONTAINERS
from command_line.doctor.watch import PLACEHOLDER, WATCH
from infra.roles import (
    BLOB_CONTRIBUTOR,
    BLOB_OWNER,
    LOG_QUERY,
    METRICS_PUBLISHER,
    QUEUE_CONTRIBUTOR,
    QUEUE_SENDER,
    READER,
    REMEDIATOR,
    TABLE_CONTRIBUTOR,
    TOPIC_SENDER,
)

SUB = "11111111-1111-1111-1111-111111111111"
SUBSCRIPTION = f"/subscriptions/{SUB}"
GROUP = f"{SUBSCRIPTION}/resourceGroups/rg-backup-remediator"
WORKSPACE_ID = "44444444-4444-4444-4444-444444444444"
CLIENT, PRINCIPAL, TOPIC_PRINCIPAL, ROLE_READER, ROLE_REMEDIATOR = (
    str(n) * 8 + "-1111-1111-1111-111111111111" for n in range(5, 10)
)
TENANT = "77777777-7777-7777-7777-777777777777"
HOST = "func-backup-remediator.example.net"
AUTHORIZATION = "providers/Microsoft.Authorization"


HOOK = {
    "serviceUri": f"https://{HOST}/api/alerts",
    "useAadAuth": True,
    "useCommonAlertSchema": True,
    "identifierUri": f"api://{CLIENT}",
    "tenantId": TENANT,
}


def condition(service: str) -> dict[str, Any]:
    return {"field": "MonitorService", "operator": "Equals", "values": [service]}


def query(rule: str) -> str:
    """As the deployment gives it to the rule."""
    path = Path(__file__).resolve().parents[2] / f"infra/queries/{rule}.kql"
    return path.read_text(encoding="utf-8").replace(PLACEHOLDER, PRINCIPAL)


def at(provider_and_name: str) -> str:
    return f"{GROUP}/providers/{provider_and_name}"


SITE, IDENTITY = (
    at("Microsoft.Web/sites/func"),
    at("Microsoft.ManagedIdentity/userAssignedIdentities/id"),
)
STORAGE, TOPIC = at("Microsoft.Storage/storageAccounts/st"), at("Microsoft.EventGrid/topics/evgt")
BRIDGE, RULE = (
    at("Microsoft.Insights/actionGroups/ag-bridge"),
    at("Microsoft.AlertsManagement/actionRules/apr"),
)
PEOPLE, INSIGHTS = (
    at("Microsoft.Insights/actionGroups/ag-people"),
    at("Microsoft.Insights/components/appi"),
)
WORKSPACE = at("Microsoft.OperationalInsights/workspaces/log")
ACTIVITY_LOG = f"{SUBSCRIPTION}/providers/Microsoft.Insights/diagnosticSettings/activity-log"
DELIVERED = f"{TOPIC}/eventSubscriptions/intake"
SETTINGS, AUTH = f"{SITE}/config/appsettings", f"{SITE}/config/authsettingsV2"
CONTAINER = f"{STORAGE}/blobServices/default/containers"
QUEUE = f"{STORAGE}/queueServices/default/queues/backup-failures"
POLICY = f"{CONTAINER}/audit-heads/immutabilityPolicies/default"
VAULT = (
    f"{SUBSCRIPTION}/resourceGroups/rg-vaults/providers/Microsoft.RecoveryServices/vaults/vault1"
)


def one(resource_id: str, properties: dict[str, Any] | None = None, **top: Any) -> dict[str, Any]:
    return {
        "id": resource_id,
        "name": resource_id.rsplit("/", 1)[1],
        **top,
        "properties": properties or {},
    }


def role(name: str, actions: list[str]) -> dict[str, Any]:
    return one(
        f"{SUBSCRIPTION}/{AUTHORIZATION}/roleDefinitions/{name}",
        {"permissions": [{"actions": actions, "notActions": []}]},
    )


def assigned(name: str, scope: str, principal: str, definition: str) -> dict[str, Any]:
    role_id = f"{SUBSCRIPTION}/{AUTHORIZATION}/roleDefinitions/{definition}"
    return one(
        f"{scope}/{AUTHORIZATION}/roleAssignments/{name}",
        {"scope": scope, "principalId": principal, "roleDefinitionId": role_id},
    )


def delivery(kind: str, resource_id: str) -> dict[str, Any]:
    return {
        "provisioningState": "Succeeded",
        "destination": {"endpointType": kind, "properties": {"resourceId": resource_id}},
        "deadLetterWithResourceIdentity": {
            "deadLetterDestination": {"endpointType": "StorageBlob"}
        },
    }


def installation(mode: str = "auto") -> dict[str, dict[str, Any]]:
    """Every resource by its id."""
    settings = {
        "REMEDIATOR_SUBSCRIPTION_ID": SUB,
        "REMEDIATOR_MODE": mode,
        "REMEDIATOR_DELIVERY": "function",
        "REMEDIATOR_WORKSPACE_ID": WORKSPACE_ID,
        "REMEDIATOR_TOPIC_ENDPOINT": "https://evgt.example.net/api/events",
        "REMEDIATOR_SEALS": "https://st.blob.core.windows.net/audit-heads",
        "REMEDIATOR_TENANT_ID": TENANT,
        "APPLICATIONINSIGHTS_CONNECTION_STRING": "InstrumentationKey=1",
        "AZURE_CLIENT_ID": CLIENT,
        "AzureWebJobsStorage__clientId": CLIENT,
    }
    entra = {
        "enabled": True,
        "registration": {
            "clientId": CLIENT,
            "openIdIssuer": f"https://login.microsoftonline.com/{TENANT}/v2.0",
        },
        "validation": {"allowedAudiences": [f"api://{CLIENT}", CLIENT]},
    }
    sign_in = {"platform": {"enabled": True}, "identityProviders": {"azureActiveDirectory": entra}}
    adds = [{"actionType": "AddActionGroups", "actionGroupIds": [BRIDGE]}]
    changing = (
        [assigned("remediates", SUBSCRIPTION, PRINCIPAL, ROLE_REMEDIATOR)]
        if mode in ("auto", "approve")
        else []
    )
    found = [
        one(GROUP, location="westeurope"),
        one(f"{SUBSCRIPTION}/resourceGroups/rg-vaults", location="westeurope"),
        one(
            SITE,
            {"state": "Running", "defaultHostName": HOST},
            identity={"userAssignedIdentities": {IDENTITY: {}}},
        ),
        *(one(f"{SITE}/functions/{each}") for each in FUNCTIONS),
        one(SETTINGS, settings),
        one(AUTH, sign_in),
        one(IDENTITY, {"clientId": CLIENT, "principalId": PRINCIPAL}),
        one(STORAGE, {"allowSharedKeyAccess": False, "allowBlobPublicAccess": False}),
        *(one(f"{CONTAINER}/{each}") for each in CONTAINERS),
        one(POLICY, {"immutabilityPeriodSinceCreationInDays": 365, "state": "Unlocked"}),
        one(QUEUE),
        one(
            TOPIC,
            {"disableLocalAuth": True, "endpoint": settings["REMEDIATOR_TOPIC_ENDPOINT"]},
            identity={"principalId": TOPIC_PRINCIPAL},
        ),
        one(DELIVERED, delivery("AzureFunction", f"{SITE}/functions/intake")),
        one(BRIDGE, {"enabled": True, "webhookReceivers": [HOOK]}),
        one(
            RULE,
            {
                "enabled": True,
                "scopes": [SUBSCRIPTION],
                "conditions": [condition("Azure Backup")],
                "actions": adds,
            },
        ),
        one(
            VAULT,
            {
                "monitoringSettings": {
                    "azureMonitorAlertSettings": {"alertsForAllJobFailures": "Enabled"}
                }
            },
        ),
        *(
            one(
                at(f"Microsoft.Insights/scheduledQueryRules/{each}-backup-remediator"),
                {
                    "enabled": True,
                    "scopes": [WORKSPACE],
                    "actions": {"actionGroups": [PEOPLE]},
                    "criteria": {"allOf": [{"query": query(each)}]},
                },
            )
            for each in WATCH
        ),
        one(
            ACTIVITY_LOG,
            {
                "workspaceId": WORKSPACE,
                "logs": [{"category": "Administrative", "enabled": True}],
            },
        ),
        one(
            at("Microsoft.Insights/activityLogAlerts/lock-deleted-backup-remediator"),
            {"enabled": True, "actions": {"actionGroups": [{"actionGroupId": PEOPLE}]}},
        ),
        one(
            PEOPLE,
            {
                "enabled": True,
                "emailReceivers": [{"name": "mail", "emailAddress": "ops@example.com"}],
            },
        ),
        one(INSIGHTS),
        one(at("Microsoft.Web/serverfarms/plan")),
        one(at("Microsoft.Insights/workbooks/workbook")),
        one(f"{TOPIC}/providers/Microsoft.Insights/diagnosticSettings/to-workspace"),
        assigned("telemetry", INSIGHTS, PRINCIPAL, METRICS_PUBLISHER),
        one(WORKSPACE, {"customerId": WORKSPACE_ID}),
        role(ROLE_READER, [*READER, *LOG_QUERY]),
        role(ROLE_REMEDIATOR, REMEDIATOR),
        assigned("reads", SUBSCRIPTION, PRINCIPAL, ROLE_READER),
        *changing,
        assigned("blobs", STORAGE, PRINCIPAL, BLOB_OWNER),
        assigned("queues", STORAGE, PRINCIPAL, QUEUE_CONTRIBUTOR),
        assigned("tables", STORAGE, PRINCIPAL, TABLE_CONTRIBUTOR),
        assigned("sends", TOPIC, PRINCIPAL, TOPIC_SENDER),
        assigned("letters", f"{CONTAINER}/dead-letters", TOPIC_PRINCIPAL, BLOB_CONTRIBUTOR),
        assigned("messages", QUEUE, TOPIC_PRINCIPAL, QUEUE_SENDER),
    ]
    return {each["id"]: each for each in found}
