"""What the demo promises of the end state, checked on the simulator's state and request log and on the audit trail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shared.arm_ids import fold
from shared.audit.chain import verify
from shared.audit.entry import Entry

COLLECTION = "microsoft.compute/restorepointcollections"
LOCK = "microsoft.authorization/locks"
JOB = "microsoft.recoveryservices/vaults/backupjobs"


@dataclass(frozen=True, slots=True)
class Check:
    says: str
    holds: bool


def end_state(
    before: dict[str, Any],
    after: dict[str, Any],
    requests: list[dict[str, Any]],
    incident: dict[str, Any],
    entries: list[dict[str, Any]],
) -> list[Check]:
    deletes = [each for each in requests if each["method"] == "DELETE"]
    kinds = [kind_of(each["path"]) for each in deletes]
    lock_puts = [each["n"] for each in requests if each["method"] == "PUT" and kind_of(each["path"]) == LOCK]
    chain = verify(Entry.from_json(entry) for entry in entries)
    job = next((each for each in _of(after, JOB) if each["name"] == (incident["verification"] or {}).get("job_id")), None)
    return [
        Check("the incident is fixed", incident["status"] == "fixed"),
        Check(
            "the 18 old restore points are gone with their collection",
            bool(_points(before)) and not _points(before) & _points(after),
        ),
        Check("the lock is back, identical: scope, name, level, notes, owners", locks_of(before) == locks_of(after) != {}),
        Check("the new backup completed", job is not None and job["properties"]["status"] == "Completed"),
        Check("exactly two DELETEs were sent: the lock and the collection", sorted(kinds) == sorted([LOCK, COLLECTION])),
        Check("the lock's PUT came after both", bool(lock_puts) and bool(deletes) and lock_puts[-1] > deletes[-1]["n"]),
        Check("each change has its intent on record before and its outcome after", intents_kept(entries)),
        Check("the audit chain holds", chain is None),
    ]


def kind_of(path: str) -> str:
    """Type of the resource that a path names, lower-cased."""
    segments = fold(path.replace("%2F", "/").replace("%2f", "/").split("?")[0]).rstrip("/").split("/providers/")[-1].split("/")
    return "/".join([segments[0], *segments[1::2]])


def _of(state: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [each for each in state["resources"] if kind_of(each["id"]) == kind]


def _points(state: dict[str, Any]) -> set[str]:
    return {point["name"] for each in _of(state, COLLECTION) for point in each["properties"].get("restorePoints") or ()}


def locks_of(state: dict[str, Any]) -> dict[str, Any]:
    def content(lock: dict[str, Any]) -> tuple[Any, ...]:
        properties = lock["properties"]
        return lock["name"], properties["level"], properties.get("notes"), str(properties.get("owners") or [])

    return {fold(each["id"]): content(each) for each in _of(state, LOCK)}


def intents_kept(entries: list[dict[str, Any]]) -> bool:
    begun: dict[tuple[str, str], int] = {}
    for entry in entries:
        change = (entry["kind"], entry["target"])
        if entry["phase"] == "intent":
            begun[change] = begun.get(change, 0) + 1
        elif entry["phase"] == "outcome":
            if begun.get(change, 0) < 1:
                return False
            begun[change] -= 1
    return bool(begun) and not any(begun.values())
