"""ARM resource ids: parsed, compared without regard to case, and ordered by scope.

https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
"""

from __future__ import annotations

from dataclasses import dataclass

VIRTUAL_MACHINE = "Microsoft.Compute/virtualMachines"
EXTENSION = "Microsoft.Compute/virtualMachines/extensions"
COLLECTION = "Microsoft.Compute/restorePointCollections"
RESTORE_POINT = "Microsoft.Compute/restorePointCollections/restorePoints"
LOCK = "Microsoft.Authorization/locks"
ROLE_ASSIGNMENT = "Microsoft.Authorization/roleAssignments"
ROLE_DEFINITION = "Microsoft.Authorization/roleDefinitions"
DENY_ASSIGNMENT = "Microsoft.Authorization/denyAssignments"
POLICY_ASSIGNMENT = "Microsoft.Authorization/policyAssignments"
POLICY_DEFINITION = "Microsoft.Authorization/policyDefinitions"
POLICY_SET_DEFINITION = "Microsoft.Authorization/policySetDefinitions"
POLICY_EXEMPTION = "Microsoft.Authorization/policyExemptions"
GROUP = "Microsoft.Resources/resourceGroups"
SUBSCRIPTION = "Microsoft.Resources/subscriptions"
VAULT = "Microsoft.RecoveryServices/vaults"
WORKSPACE = "Microsoft.OperationalInsights/workspaces"
PROTECTED_ITEM = (
    "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems"
)
RECOVERY_POINT = f"{PROTECTED_ITEM}/recoveryPoints"
BACKUP_POLICY = "Microsoft.RecoveryServices/vaults/backupPolicies"
BACKUP_JOB = "Microsoft.RecoveryServices/vaults/backupJobs"

_TO_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def fold(text: str) -> str:
    """The text with ASCII letters in lower case and nothing else changed: `ß` and `ss`
    are two names. The only way to compare ids and names here."""
    return text.translate(_TO_LOWER)


class MalformedId(ValueError):
    """The text is not a resource id; the message says why."""


@dataclass(frozen=True, slots=True)
class ResourceId:
    text: str
    subscription: str
    group: str
    """Name of the resource group, "" for a resource of the subscription itself."""
    type: str
    """Namespace/type[/type] of the last provider in the id."""
    name: str


def key(resource_id: str) -> str:
    """A key for comparison: the same for every casing of an id."""
    return fold(resource_id.rstrip("/"))


def parse(text: str) -> ResourceId:
    """The parts of an id. Raises MalformedId."""
    if not text.startswith("/"):
        raise MalformedId("an id starts with '/'")
    parts = text[1:].split("/")
    if any(not part.strip() for part in parts):
        raise MalformedId("an id has no empty segment")
    if len(parts) < 2 or fold(parts[0]) != "subscriptions":
        raise MalformedId("an id starts with /subscriptions/{subscription}")
    group, rest = "", parts[2:]
    kind, name = SUBSCRIPTION, parts[1]
    if rest and fold(rest[0]) == "resourcegroups":
        if len(rest) < 2:
            raise MalformedId("/resourceGroups needs a name")
        group, kind, name, rest = rest[1], GROUP, rest[1], rest[2:]
    while rest:
        kind, name, rest = _parse_provider(rest)
    return ResourceId(text, parts[1], group, kind, name)


def _parse_provider(parts: list[str]) -> tuple[str, str, list[str]]:
    """Type and name of one /providers/… block, and the rest of the parts."""
    if fold(parts[0]) != "providers":
        raise MalformedId(f"'providers' is expected where '{parts[0]}' stands")
    end = next(
        (n for n, part in enumerate(parts) if n > 0 and fold(part) == "providers"), len(parts)
    )
    pairs = parts[2:end]
    if len(pairs) < 2 or len(pairs) % 2:
        raise MalformedId("a provider is followed by pairs of type and name")
    return "/".join([parts[1], *pairs[::2]]), pairs[-1], parts[end:]


def is_id(text: str) -> bool:
    try:
        parse(text)
    except MalformedId:
        return False
    return True


def is_log_query(path: str) -> bool:
    """Whether the path is not ARM's but of the Log Analytics API, which in Azure has a
    host of its own and takes no api-version."""
    return fold(path).startswith("/v1/workspaces/")


def is_lock_path(path: str) -> bool:
    """Whether the path is one lock's, or that of a list of locks."""
    segments = fold(path).rstrip("/").rpartition("/providers/")[2].split("/")
    return "/".join(segments[:2]) == fold(LOCK) and len(segments) <= 3


def same_type(left: str, right: str) -> bool:
    return fold(left) == fold(right)


def at_or_above(scope: str, target: str) -> bool:
    """Whether `scope` is the target or contains it."""
    return key(target) == key(scope) or key(target).startswith(key(scope) + "/")


def extension_scope(resource_id: str) -> str:
    """The scope of an extension resource (a lock, a deny assignment): its id before the
    last /providers/."""
    return resource_id[: fold(resource_id).rindex("/providers/")]


def group_id(subscription: str, group: str) -> str:
    return f"/subscriptions/{subscription}/resourceGroups/{group}"


def ancestor(resource_id: str, levels: int) -> str:
    """The id without its last `levels` pairs of type and name."""
    return resource_id.rsplit("/", 2 * levels)[0]


def group_of(resource_id: str) -> str:
    """Id of the resource's group, in the casing of the resource's id."""
    return "/".join(resource_id.split("/")[:5])
