"""What the demo promises of the end state, checked on the simulator's state and request
log and on the audit trail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shared.arm_ids import fold
from shared.audit.chain import verify
from shared.audit.entry import Entry
from shared.plan.steps import StepKind

COLLECTION = "microsoft.compute/restorepointcollections"
LOCK = "microsoft.authorization/locks"
EXTENSION = "microsoft.compute/virtualmachines/extensions"
JOB = "microsoft.recoveryservices/vaults/backupjobs"
UNINSTALL, DELETE_COLLECTION = StepKind.UNINSTALL_EXTENSION.value, StepKind.DELETE_COLLECTION.value
FIXES = (UNINSTALL, DELETE_COLLECTION)

type State = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Check:
    says: str
    holds: bool


def end_state(
    before: State,
    after: State,
    requests: list[dict[str, Any]],
    incident: dict[str, Any],
    entries: list[dict[str, Any]],
    expect: dict[str, Any],
) -> list[Check]:
    """`requests`: those since `before` was read; `expect`: the scenario's own."""
    status, actions = expect["status"], expect.get("actions") or []
    done = [
        each["kind"]
        for each in incident["actions"]
        if each["outcome"] == "done" and each["kind"] in FIXES
    ]
    chain = verify(Entry.from_json(entry) for entry in entries)
    fixes = f"what was done is {' and '.join(actions)}" if actions else "no fix was applied"
    checks = [
        Check(f"the incident is {status}", incident["status"] == status),
        Check(fixes, done == actions),
    ]
    if DELETE_COLLECTION in actions:
        checks += _collection_deleted(before, after, requests)
    else:
        checks.append(Check("no restore point is gone", _points(before) <= _points(after)))
    if UNINSTALL in actions:
        checks.append(
            Check("only the backup extension was deleted", _deleted(requests) == [EXTENSION])
        )
    if status == "fixed":
        checks.append(Check("the new backup completed", _completed(after, incident)))
    if status == "needs_person":
        checks.append(Check("the steps for a person are told", bool(incident["manual_steps"])))
    if status in ("observed", "ignored"):
        checks.append(
            Check(
                "nothing in Azure was changed",
                not any(each["method"] in ("PUT", "PATCH", "DELETE") for each in requests),
            )
        )
    return [
        *checks,
        Check(
            "every lock is there, identical: scope, name, level, notes, owners",
            locks_of(before) == locks_of(after),
        ),
        Check(
            "each change has its intent on record before and its outcome after",
            intents_kept(entries, bool(actions)),
        ),
        Check("the audit chain holds", chain is None),
    ]


def _collection_deleted(before: State, after: State, requests: list[dict[str, Any]]) -> list[Check]:
    gone = _points(before) - _points(after)
    deletes = [each for each in requests if each["method"] == "DELETE"]
    puts = [
        each["n"] for each in requests if each["method"] == "PUT" and kind_of(each["path"]) == LOCK
    ]
    collections = [kind_of(each["path"]) for each in deletes].count(COLLECTION)
    return [
        Check(
            f"the {len(gone)} old restore points are gone with their collection",
            bool(gone) and collections == 1,
        ),
        Check(
            "nothing was deleted but a lock and the collection",
            sorted({*_deleted(requests)}) == sorted([LOCK, COLLECTION]),
        ),
        Check(
            "the lock's PUT came after both",
            bool(puts) and bool(deletes) and puts[-1] > deletes[-1]["n"],
        ),
    ]


def _deleted(requests: list[dict[str, Any]]) -> list[str]:
    """Kinds of what was deleted, in order."""
    return [kind_of(each["path"]) for each in requests if each["method"] == "DELETE"]


def _completed(after: State, incident: dict[str, Any]) -> bool:
    wanted = (incident["verification"] or {}).get("job_id")
    job = next((each for each in _of(after, JOB) if each["name"] == wanted), None)
    return job is not None and job["properties"]["status"] == "Completed"


def kind_of(path: str) -> str:
    """Type of the resource that a path names, lower-cased."""
    segments = (
        fold(path.replace("%2F", "/").replace("%2f", "/").split("?")[0])
        .rstrip("/")
        .split("/providers/")[-1]
        .split("/")
    )
    return "/".join([segments[0], *segments[1::2]])


def _of(state: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [each for each in state["resources"] if kind_of(each["id"]) == kind]


def _points(state: dict[str, Any]) -> set[str]:
    return {
        point["name"]
        for each in _of(state, COLLECTION)
        for point in each["properties"].get("restorePoints") or ()
    }


def locks_of(state: dict[str, Any]) -> dict[str, Any]:
    def content(lock: dict[str, Any]) -> tuple[Any, ...]:
        properties = lock["properties"]
        return (
            lock["name"],
            properties["level"],
            properties.get("notes"),
            str(properties.get("owners") or []),
        )

    return {fold(each["id"]): content(each) for each in _of(state, LOCK)}


def intents_kept(entries: list[dict[str, Any]], changed: bool = True) -> bool:
    """Each intent has one outcome after it; where something was `changed` there is one
    at least."""
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
