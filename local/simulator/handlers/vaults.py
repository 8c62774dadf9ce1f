"""Microsoft.RecoveryServices: vaults, what they protect, and whether a VM is protected.

https://learn.microsoft.com/rest/api/backup/backup-protected-items
"""

from __future__ import annotations

from typing import Any

from local.simulator import clock, errors, filters, ids
from local.simulator import recovery_points as points
from local.simulator.handlers.resources import found, page
from local.simulator.ids import fold
from local.simulator.state import Resource, text, wire
from local.simulator.world import Answer, Call

WORKLOADS = {
    "itemType": "workloadType",
    "backupManagementType": "backupManagementType",
    "friendlyName": "friendlyName",
}


def vault_id(call: Call) -> str:
    return f"{call.group_id}/providers/{ids.VAULT}/{call.names['vault']}"


def item_id(call: Call) -> str:
    container = (
        f"backupFabrics/{call.names['fabric']}/protectionContainers/{call.names['container']}"
    )
    return f"{vault_id(call)}/{container}/protectedItems/{call.names['item']}"


def list_vaults(call: Call) -> Answer:
    scope = call.group_id if "group" in call.names else call.subscription_id
    return page(call, (wire(each) for each in call.state.of_type(ids.VAULT, scope)))


def list_items(call: Call) -> Answer:
    found(call, vault_id(call))
    terms = filters.parse(call.query.get("$filter", ""), tuple(WORKLOADS))
    items = call.state.of_type(ids.PROTECTED_ITEM, vault_id(call))
    return page(call, (_served_item(call, each) for each in items if _matches(each, terms)))


def get_item(call: Call) -> Answer:
    return Answer(200, _served_item(call, found(call, call.path)))


def list_policies(call: Call) -> Answer:
    found(call, vault_id(call))
    terms = filters.parse(call.query.get("$filter", ""), ("backupManagementType",))
    policies = call.state.of_type(ids.BACKUP_POLICY, vault_id(call))
    return page(call, (wire(each) for each in policies if _matches(each, terms)))


def get_policy(call: Call) -> Answer:
    return Answer(200, wire(found(call, call.path)))


def list_recovery_points(call: Call) -> Answer:
    """Of the filter, startDate and endDate are played.

    https://learn.microsoft.com/rest/api/backup/recovery-points/list
    """
    found(call, item_id(call))
    terms = filters.parse(call.query.get("$filter", ""), ("startDate", "endDate"))
    held = call.state.of_type(ids.RECOVERY_POINT, item_id(call))
    return page(call, (_served_point(each) for each in held if _within(each, terms)))


def get_recovery_point(call: Call) -> Answer:
    return Answer(200, _served_point(found(call, call.path)))


def backup_status(call: Call) -> Answer:
    """Names in lower case and without an errorCode, as recorded."""
    given = call.body.get("resourceId") if isinstance(call.body, dict) else None
    if not isinstance(given, str) or not ids.is_id(given):
        raise errors.invalid_content("resourceId is the id of a resource")
    machine = ids.parse(given)
    suffix = fold(f"iaasvmcontainerv2;{machine.group};{machine.name}")
    body: dict[str, Any] = {
        "protectionStatus": "NotProtected",
        "fabricName": "Azure",
        "containerName": f"iaasvmcontainer;{suffix}",
        "protectedItemName": f"vm;{suffix}",
        "protectedItemsCount": 0,
        "objectType": "BackupStatusResponse",
    }
    for item in call.state.of_type(ids.PROTECTED_ITEM):
        if points.machine_of(item) and ids.key(points.machine_of(item)) == ids.key(given):
            policy = text(item, "policyId").rsplit("/", 1)[-1]
            body |= {
                "protectionStatus": "Protected",
                "vaultId": ids.ancestor(item["id"], 3),
                "policyName": policy,
            }
    return Answer(200, body)


def _served_item(call: Call, item: Resource) -> Resource:
    """With the type of its policy, which the service fills in."""
    served = wire(item)
    policy = call.state.get(text(item, "policyId"))
    if policy is not None and (kind := points.policy_type(policy)):
        served["properties"].setdefault("policyType", kind)
    return served


def _served_point(point: Resource) -> Resource:
    """With what the service always tells: of which kind it is, and whether a
    file-recovery session is open."""
    served = wire(point)
    served["properties"].setdefault("objectType", points.OBJECT_TYPE)
    served["properties"].setdefault("isInstantIlrSessionActive", False)
    return served


def _within(point: Resource, terms: dict[str, str]) -> bool:
    at = clock.parse(text(point, "recoveryPointTime"))
    since, until = (
        filters.time(terms[name]) if name in terms else None for name in ("startDate", "endDate")
    )
    return at is not None and (since is None or at >= since) and (until is None or at <= until)


def _matches(item: Resource, terms: dict[str, str]) -> bool:
    return all(fold(text(item, WORKLOADS[name])) == fold(value) for name, value in terms.items())
