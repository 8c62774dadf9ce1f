"""The promises, judged on Azure's state, its request log and the audit trail, whatever
happened in between."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

from local.promises import COLLECTION, LOCK, changes_azure, kind_of, locks_of, not_allowed
from shared import clock
from shared.audit.chain import verify
from shared.audit.entry import Entry

CLOCKS_APART_SECONDS = 0.05


def judge(
    before: dict[str, Any],
    after: dict[str, Any],
    expected_locks: dict[str, Any],
    requests: list[dict[str, Any]],
    incidents: list[dict[str, Any]],
    entries: list[dict[str, Any]],
    wall_offset: float | None,
    removed: Counter[str],
    off_at_rest: Iterable[str] = (),
) -> dict[str, list[str]]:
    """What is broken, by promise; every list is empty when all hold. `wall_offset`
    None: clocks were turned, order is not judged.

    `removed`: how often each extension and collection was deleted. `off_at_rest`: locks
    that were off while nothing was left to do; they are lost even if they are there
    now."""
    return {
        "locks lost": _locks(expected_locks, locks_of(after), off_at_rest),
        "unpromised deletions": _deletions(before, expected_locks, requests, incidents),
        "changes without an intent": _intents(requests, entries, wall_offset),
        "fixed twice": _twice(removed, incidents),
        "chain": (
            [str(broken)] if (broken := verify(Entry.from_json(entry) for entry in entries)) else []
        ),
        "open intents": _dangling(entries),
    }


def _locks(
    expected: dict[str, Any], found: dict[str, Any], off_at_rest: Iterable[str]
) -> list[str]:
    wrong = [
        f"missing or changed: {each}: {expected[each]} / {found.get(each)}"
        for each in expected
        if found.get(each) != expected[each]
    ]
    wrong += [f"off when all was at rest: {each}" for each in off_at_rest if each in expected]
    return wrong + [f"not there before: {each}" for each in found if each not in expected]


def _deletions(
    before: dict[str, Any],
    known_locks: dict[str, Any],
    requests: list[dict[str, Any]],
    incidents: list[dict[str, Any]],
) -> list[str]:
    vms = [incident["vm_id"] for incident in incidents if incident["vm_id"]]
    broken = []
    for request in requests:
        # A lock that a person added before the group was unlocked is expected at the
        # end like the others.
        if request["path"].casefold() in known_locks:
            continue
        if request["method"] == "DELETE" and all(
            not_allowed(before, request["path"], vm) for vm in vms
        ):
            broken.append(f"DELETE {request['path']}")
    return broken


def _intents(
    requests: list[dict[str, Any]], entries: list[dict[str, Any]], wall_offset: float | None
) -> list[str]:
    begun: dict[str, float] = {}
    for entry in entries:
        if entry["phase"] == "intent":
            target, at = entry["target"].casefold(), as_seconds(entry["at"])
            begun[target] = min(begun.get(target, at), at)
    broken = []
    for request in requests:
        if not changes_azure(request):
            continue
        target = request["path"].split("?")[0].removesuffix("/backup").casefold()
        at = begun.get(target)
        if at is None:
            broken.append(f"no intent: {request['method']} {request['path']}")
        elif wall_offset is not None and at > request["at"] + wall_offset + CLOCKS_APART_SECONDS:
            broken.append(f"intent after the change: {request['method']} {request['path']}")
    return broken


def _twice(removed: Counter[str], incidents: list[dict[str, Any]]) -> list[str]:
    """Nothing that a fix deletes went away twice; each failed job is one incident."""
    jobs = Counter(incident["job_id"] for incident in incidents)
    twice = [f"{path} was deleted {count} times" for path, count in removed.items() if count > 1]
    return twice + [
        f"{count} incidents of the job {job}" for job, count in jobs.items() if count > 1
    ]


def _dangling(entries: list[dict[str, Any]]) -> list[str]:
    begun: Counter[tuple[str, str, str]] = Counter()
    for entry in entries:
        key = (entry["incident"], entry["kind"], entry["target"].casefold())
        if entry["phase"] == "intent":
            begun[key] += 1
        elif entry["phase"] == "outcome":
            begun[key] -= 1
    return [f"{key}: {left}" for key, left in begun.items() if left]


def unlocked_seconds(requests: list[dict[str, Any]]) -> float:
    """From the answer to the first DELETE of a lock to the answer to the last PUT of
    one."""
    lifted = [
        each["at"] + each["duration_ms"] / 1000
        for each in requests
        if each["method"] == "DELETE" and kind_of(each["path"]) == LOCK
    ]
    back = [
        each["at"] + each["duration_ms"] / 1000
        for each in requests
        if each["method"] == "PUT" and kind_of(each["path"]) == LOCK
    ]
    return max(back) - min(lifted)


def collections_of(state: dict[str, Any]) -> set[str]:
    return {
        each["id"].casefold() for each in state["resources"] if kind_of(each["id"]) == COLLECTION
    }


def wall_offset() -> float:
    """What to add to a monotonic time of the simulator to get the clock's."""
    return time.time() - time.monotonic()


def as_seconds(text: str) -> float:
    return clock.as_time(text).timestamp()
