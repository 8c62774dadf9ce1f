"""What the product promises of every run, checked on the simulator's state and request
log and on the audit trail. docs/safety.md states the promises."""

from __future__ import annotations

from typing import Any

from shared.arm_ids import fold

COLLECTION = "microsoft.compute/restorepointcollections"
LOCK = "microsoft.authorization/locks"
EXTENSION = "microsoft.compute/virtualmachines/extensions"
MUTATING = ("PUT", "PATCH", "DELETE", "POST")
READING_POSTS = (
    "/checkPolicyRestrictions",
    "/backupStatus",
    "/effectiveNetworkSecurityGroups",
    "/effectiveRouteTable",
    "/Microsoft.ResourceGraph/resources",
    "/query",
)
BACKUP_EXTENSIONS = ("VMSnapshot", "VMSnapshotLinux")

type Json = dict[str, Any]
"""An incident or an audit entry as the app's API answers it, or an ARM resource."""
type State = Json
"""As `GET /_sim/state` answers it."""
type Request = Json
"""One item of `GET /_sim/requests`."""


def broken_promises(
    before: State,
    after: State,
    requests: list[Request],
    incident: Json,
    entries: list[Json],
) -> list[str]:
    """One sentence for each promise that does not hold; empty when all hold.

    `requests`: those between `before` and `after`.
    """
    broken = []
    if locks_of(before) != locks_of(after):
        broken.append(f"a lock is not as it was: {locks_of(before)} / {locks_of(after)}")
    for request in requests:
        if request["method"] == "DELETE" and (
            problem := not_allowed(before, request["path"], incident["vm_id"] or "")
        ):
            broken.append(problem)
    intended = any(entry["phase"] == "intent" for entry in entries)
    if intended and not intents_kept(entries):
        broken.append("an intent has no outcome, or an outcome no intent")
    changes = [each for each in requests if changes_azure(each)]
    if changes and not intended:
        broken.append(f"changed without an intent: {changes}")
    return broken


def changes_azure(request: Request) -> bool:
    """False for the POSTs that only read."""
    reads = request["method"] == "POST" and request["path"].endswith(READING_POSTS)
    return request["method"] in MUTATING and not reads


def not_allowed(before: State, path: str, vm_id: str) -> str:
    """Why the product must never send this DELETE for this VM, or ""."""
    kind, wanted = kind_of(path), _plain(path)
    target = next((each for each in before["resources"] if _plain(each["id"]) == wanted), None)
    if target is None:
        return f"DELETE of something that was not there: {path}"
    if kind == LOCK:
        problem = f"DELETE of a lock on a collection, or on one of its points: {path}"
        return problem if COLLECTION in wanted else ""
    if kind == COLLECTION:
        return _collection_not_allowed(before, target, wanted, vm_id)
    if kind == EXTENSION:
        ours = _is_backup_extension(target) and wanted.startswith(_plain(vm_id))
        return "" if ours else f"DELETE of a foreign extension: {path}"
    return f"DELETE of a kind that is never deleted: {path}"


def _collection_not_allowed(before: State, target: Json, wanted: str, vm_id: str) -> str:
    if kept := [lock for lock in locks_of(before) if _plain(lock).startswith(f"{wanted}/")]:
        return f"DELETE of a collection on which somebody put a lock: {kept}"
    of_backup = fold(target["name"]).startswith("azurebackup_")
    of_vm = fold(target["properties"]["source"]["id"]) == fold(vm_id)
    ours = of_backup and of_vm
    return "" if ours else f"DELETE of a collection that is not the VM's: {target['id']}"


def _is_backup_extension(extension: Json) -> bool:
    held = extension["properties"]
    of_backup = held["publisher"] == "Microsoft.Azure.RecoveryServices"
    return of_backup and held["type"] in BACKUP_EXTENSIONS


def intents_kept(entries: list[Json], changed: bool = True) -> bool:
    """True when each intent has one outcome after it. Where something was `changed`,
    one intent at least is needed."""
    begun: dict[tuple[str, str], int] = {}
    for entry in entries:
        change = (entry["kind"], entry["target"])
        if entry["phase"] == "intent":
            begun[change] = begun.get(change, 0) + 1
        elif entry["phase"] == "outcome":
            if begun.get(change, 0) < 1:
                return False
            begun[change] -= 1
    return (bool(begun) or not changed) and not any(begun.values())


def locks_of(state: State) -> dict[str, tuple[Any, ...]]:
    """Each lock's content (name, level, notes, owners) by its id, folded."""

    def content(lock: Json) -> tuple[Any, ...]:
        held = lock["properties"]
        return (lock["name"], held["level"], held.get("notes"), str(held.get("owners") or []))

    return {fold(each["id"]): content(each) for each in of_kind(state, LOCK)}


def of_kind(state: State, kind: str) -> list[Json]:
    """The resources of a type, written as `kind_of` writes it."""
    return [each for each in state["resources"] if kind_of(each["id"]) == kind]


def kind_of(path: str) -> str:
    """Type of the resource that a request path or an id names, folded."""
    segments = _folded(path).rstrip("/").rpartition("/providers/")[2].split("/")
    return "/".join([segments[0], *segments[1::2]])


def _plain(path: str) -> str:
    """An id to compare by: without the query and the first slash."""
    return _folded(path).lstrip("/")


def _folded(path: str) -> str:
    return fold(path.replace("%2F", "/").replace("%2f", "/").split("?")[0])
