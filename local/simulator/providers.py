"""The known resource types, and the oldest api-version of each.

1. A type is known if it has a row here or the state has a resource of it. Any other
   type is 404: InvalidResourceNamespace if nothing of its namespace is known, else
   InvalidResourceType.
2. An api-version that is older than the oldest of the row is 400:
   NoRegisteredProviderFound, or InvalidApiVersionParameter for ARM's own subscriptions
   and resource groups. A type without a row accepts every version.

The versions are documented ones, oldest first; for most types Azure has more. A newer
version is accepted, whether or not it was ever published.
https://learn.microsoft.com/azure/templates and
https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-register-resource-provider
"""

from __future__ import annotations

from datetime import date

from local.simulator import errors, ids
from local.simulator.ids import fold
from local.simulator.state import State

_NETWORK = ("2014-12-01-preview", "2015-05-01-preview", "2015-06-15", "2024-01-01")
_COMPUTE = (
    "2015-05-01-preview",
    "2015-06-15",
    "2016-03-30",
    "2017-03-30",
    "2021-03-01",
    "2024-07-01",
)
_LOCKS = (
    "2015-01-01",
    "2015-05-01-preview",
    "2015-06-01",
    "2016-09-01",
    "2017-04-01",
    "2020-05-01",
)
_ROLES = ("2014-07-01-preview", "2014-10-01-preview", "2015-07-01", "2018-07-01", "2022-04-01")
_POLICIES = (
    "2015-10-01-preview",
    "2015-11-01",
    "2016-04-01",
    "2016-12-01",
    "2019-01-01",
    "2025-03-01",
)
_BACKUP = ("2016-06-01", "2016-12-01", "2019-05-13", "2021-01-01", "2024-04-01")
_STORAGE = ("2015-05-01-preview", "2015-06-15", "2016-01-01", "2019-06-01", "2025-06-01")
_CONTAINERS = ("2018-02-01", "2018-07-01", "2019-06-01", "2025-06-01")
_QUEUES = ("2019-06-01", "2021-01-01", "2025-06-01")
_SITES = ("2014-04-01-preview", "2014-11-01", "2015-08-01", "2016-08-01", "2024-04-01")
_TOPICS = ("2017-06-15-preview", "2017-09-15-preview", "2018-01-01", "2025-02-15")
RESTRICTIONS = "Microsoft.PolicyInsights/checkPolicyRestrictions"
GRAPH = "Microsoft.ResourceGraph/resources"
_CONTAINER = "Microsoft.Storage/storageAccounts/blobServices/containers"

VERSIONS: dict[str, tuple[str, ...]] = {
    ids.SUBSCRIPTION: ("2015-11-01", "2016-06-01", "2022-12-01"),
    ids.GROUP: ("2015-11-01", "2016-02-01", "2021-04-01", "2025-04-01"),
    ids.LOCK: _LOCKS,
    ids.DENY_ASSIGNMENT: ("2018-07-01-preview", "2022-04-01"),
    ids.ROLE_ASSIGNMENT: _ROLES,
    ids.ROLE_DEFINITION: _ROLES,
    ids.POLICY_ASSIGNMENT: _POLICIES,
    ids.POLICY_DEFINITION: _POLICIES,
    ids.POLICY_SET_DEFINITION: ("2017-06-01-preview", "2018-03-01", "2025-03-01"),
    ids.POLICY_EXEMPTION: ("2020-07-01-preview", "2022-07-01-preview"),
    RESTRICTIONS: ("2020-07-01", "2022-03-01", "2023-03-01", "2024-10-01"),
    GRAPH: ("2018-09-01-preview", "2019-04-01", "2021-03-01", "2022-10-01", "2024-04-01"),
    ids.VIRTUAL_MACHINE: _COMPUTE,
    ids.EXTENSION: _COMPUTE,
    ids.COLLECTION: _COMPUTE[3:],
    ids.RESTORE_POINT: _COMPUTE[3:],
    "Microsoft.Compute/locations/operations": _COMPUTE,
    "Microsoft.Network/networkInterfaces": _NETWORK,
    "Microsoft.Network/locations/operations": _NETWORK,
    "Microsoft.Network/locations/operationResults": _NETWORK,
    ids.VAULT: _BACKUP,
    ids.PROTECTED_ITEM: _BACKUP,
    ids.RECOVERY_POINT: _BACKUP,
    ids.BACKUP_POLICY: _BACKUP,
    ids.BACKUP_JOB: _BACKUP,
    "Microsoft.RecoveryServices/vaults/backupProtectedItems": _BACKUP,
    "Microsoft.RecoveryServices/locations/backupStatus": _BACKUP[1:],
    ids.WORKSPACE: ("2015-03-20", "2015-11-01-preview", "2020-08-01", "2025-02-01"),
    "Microsoft.Web/sites": _SITES,
    "Microsoft.Web/sites/config": _SITES,
    "Microsoft.Web/sites/functions": _SITES,
    "Microsoft.ManagedIdentity/userAssignedIdentities": (
        "2015-08-31-preview",
        "2018-11-30",
        "2024-11-30",
    ),
    "Microsoft.Storage/storageAccounts": _STORAGE,
    _CONTAINER: _CONTAINERS,
    f"{_CONTAINER}/immutabilityPolicies": _CONTAINERS,
    "Microsoft.Storage/storageAccounts/queueServices/queues": _QUEUES,
    "Microsoft.EventGrid/topics": _TOPICS,
    "Microsoft.EventGrid/topics/eventSubscriptions": _TOPICS,
    "Microsoft.Insights/components": ("2014-04-01", "2015-05-01", "2020-02-02"),
    "Microsoft.Insights/actionGroups": ("2017-04-01", "2018-03-01", "2023-01-01"),
    "Microsoft.Insights/scheduledQueryRules": (
        "2017-09-01-preview",
        "2018-04-16",
        "2021-08-01",
        "2022-06-15",
    ),
    "Microsoft.Insights/activityLogAlerts": ("2017-03-01-preview", "2017-04-01", "2020-10-01"),
    "Microsoft.Insights/diagnosticSettings": (
        "2015-07-01",
        "2016-09-01",
        "2017-05-01-preview",
        "2021-05-01-preview",
    ),
    "Microsoft.Insights/eventtypes/values": ("2015-04-01",),
    "Microsoft.AlertsManagement/actionRules": (
        "2018-11-02-privatepreview",
        "2019-05-05-preview",
        "2021-08-08",
    ),
}
_ROWS = {fold(kind): versions for kind, versions in VERSIONS.items()}
_ARM_ITSELF = (ids.SUBSCRIPTION, ids.GROUP)


def check_version(path: str, version: str) -> None:
    """Raises ArmError 400 for a version that is not a date or older than the oldest."""
    kind = kind_of(path)
    versions = _versions(kind)
    if not _is_date(version[:10]):
        raise errors.invalid_api_version(version, versions)
    if versions and version < versions[0]:
        if kind in _ARM_ITSELF:
            raise errors.invalid_api_version(version, versions)
        raise errors.no_registered_provider(version, kind, versions)


def check_type(state: State, path: str, version: str) -> None:
    """Raises ArmError 404 for a path whose type is not known."""
    namespace, _, kind = kind_of(path).partition("/")
    known = _ROWS.keys() | state.types()
    if not any(name.startswith(f"{fold(namespace)}/") for name in known):
        raise errors.invalid_namespace(namespace)
    if kind and fold(f"{namespace}/{kind}") not in known:
        raise errors.invalid_type(namespace, version)


def kind_of(path: str) -> str:
    """The type of a resource or list: that of its last /providers/, or ARM's own."""
    at = fold(path).rfind("/providers/")
    if at < 0:
        return ids.GROUP if "/resourcegroups/" in fold(path) else ids.SUBSCRIPTION
    namespace, *parts = path[at + len("/providers/") :].split("/")
    return "/".join([namespace, *parts[::2]])


def _versions(kind: str) -> tuple[str, ...]:
    """The versions of the type, or of its nearest parent type that has a row."""
    while kind:
        if versions := _ROWS.get(fold(kind)):
            return versions
        kind = kind.rpartition("/")[0]
    return ()


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
