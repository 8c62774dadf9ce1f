"""What the demo promises of the end of a scenario: one check a promise, in the order in
which they are printed."""

from __future__ import annotations

from dataclasses import dataclass

from local.promises import (
    COLLECTION,
    EXTENSION,
    LOCK,
    Json,
    Request,
    State,
    intents_kept,
    kind_of,
    locks_of,
    of_kind,
)
from shared.audit.chain import verify
from shared.audit.entry import Entry
from shared.execution.fixes import delete_restore_point_collection, uninstall_extension
from shared.incident.model import RUN_BACKUP_AGAIN

JOB = "microsoft.recoveryservices/vaults/backupjobs"
UNINSTALL = uninstall_extension.FIX.kind
DELETE_COLLECTION = delete_restore_point_collection.FIX.kind
FIXES = (UNINSTALL, DELETE_COLLECTION, RUN_BACKUP_AGAIN)


@dataclass(frozen=True, slots=True)
class Check:
    promise: str
    holds: bool


def end_state(
    before: State,
    after: State,
    requests: list[Request],
    incident: Json,
    entries: list[Json],
    expect: Json,
) -> list[Check]:
    """`requests`: those since `before` was read; `expect`: the scenario's own."""
    status, actions = expect["status"], expect.get("actions") or []
    chain = verify(Entry.from_json(each) for each in entries)
    return [
        Check(f"the incident is {status}", incident["status"] == status),
        *_changes(before, after, requests, incident, actions),
        *_ending(status, after, requests, incident),
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


def _changes(
    before: State,
    after: State,
    requests: list[Request],
    incident: Json,
    actions: list[str],
) -> list[Check]:
    """Exactly the fixes that the scenario expects, and nothing else deleted."""
    done = [
        each["kind"]
        for each in incident["actions"]
        if each["outcome"] == "done" and each["kind"] in FIXES
    ]
    fixes = f"what was done is {' and '.join(actions)}" if actions else "no fix was applied"
    checks = [Check(fixes, done == actions)]
    if DELETE_COLLECTION in actions:
        checks += _collection_deleted(before, after, requests)
    else:
        checks.append(Check("no restore point is gone", _points(before) <= _points(after)))
    if UNINSTALL in actions:
        only_extension = _deleted_kinds(requests) == [EXTENSION]
        checks.append(Check("only the backup extension was deleted", only_extension))
    return checks


def _collection_deleted(before: State, after: State, requests: list[Request]) -> list[Check]:
    gone = _points(before) - _points(after)
    deletes = [each["n"] for each in requests if each["method"] == "DELETE"]
    puts = [
        each["n"] for each in requests if each["method"] == "PUT" and kind_of(each["path"]) == LOCK
    ]
    return [
        Check(
            f"the {len(gone)} old restore points are gone with their collection",
            bool(gone) and _deleted_kinds(requests).count(COLLECTION) == 1,
        ),
        Check(
            "nothing was deleted but a lock and the collection",
            {*_deleted_kinds(requests)} == {LOCK, COLLECTION},
        ),
        Check(
            "the lock's PUT came after both",
            bool(puts) and bool(deletes) and puts[-1] > deletes[-1],
        ),
    ]


def _ending(status: str, after: State, requests: list[Request], incident: Json) -> list[Check]:
    if status == "fixed":
        return [Check("the new backup completed", _is_completed(after, incident))]
    if status == "needs_person":
        return [Check("a person is given the steps", bool(incident["manual_steps"]))]
    if status in ("observed", "ignored"):
        changes = any(each["method"] in ("PUT", "PATCH", "DELETE") for each in requests)
        return [Check("nothing in Azure was changed", not changes)]
    return []


def _deleted_kinds(requests: list[Request]) -> list[str]:
    """Kinds of what was deleted, in order."""
    return [kind_of(each["path"]) for each in requests if each["method"] == "DELETE"]


def _is_completed(after: State, incident: Json) -> bool:
    wanted = (incident["verification"] or {}).get("job_id")
    job = next((each for each in of_kind(after, JOB) if each["name"] == wanted), None)
    return job is not None and job["properties"]["status"] == "Completed"


def _points(state: State) -> set[str]:
    return {
        point["name"]
        for each in of_kind(state, COLLECTION)
        for point in each["properties"].get("restorePoints") or ()
    }
