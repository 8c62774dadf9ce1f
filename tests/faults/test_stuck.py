"""Never at rest is never: whatever stage cannot be carried out, and whatever ARM
answers, the incident ends with a person and the lock is on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import functions.remediation as shells
from functions import orchestration
from local.promises import locks_of
from shared.diagnosis import begin, check
from shared.errors import StoreUnavailable, Unavailable
from shared.execution.executor import Execution
from shared.execution.lock_window.deletions import Deletion
from shared.execution.lock_window.window_locks import WindowLocks
from shared.facts import Absent
from shared.incident import restarts
from shared.plan import decide
from shared.verification import conclude, follow, start
from tests.faults.azure import locked_groups
from tests.faults.settings import SETTINGS
from tests.faults.world import World

pytestmark = pytest.mark.timeout(300)
RETRY_PAUSES = orchestration.RETRY_PAUSES
STAGES: dict[str, tuple[Any, str]] = {
    "begin_incident": (begin, "begin"),
    "decide_plan": (decide, "decide"),
    "settle_fix": (Execution, "settle"),
    "start_backup": (start, "start"),
    "look_at_backup": (follow, "look"),
    "conclude_backup": (conclude, "conclude"),
}
GIVEN_AS_DATA = {"check_cause": (check, "check_cause"), "carry_out_unit": (Execution, "carry_out")}
"""Activities that tell an error as their result: the incident goes on to a person with
it."""
ERRORS: list[Exception] = [
    RuntimeError("a bug of ours"),
    Unavailable("no answer"),
    StoreUnavailable("the disk is full"),
]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SETTINGS, "REMEDIATOR_RETRY_SECONDS", "0.1")
    monkeypatch.setitem(SETTINGS, "REMEDIATOR_JOB_WAIT_HOURS", "0.001")
    monkeypatch.setitem(SETTINGS, "REMEDIATOR_GATHER_SECONDS", "1")
    monkeypatch.setattr(orchestration, "RETRY_PAUSES", tuple(each / 10 for each in RETRY_PAUSES))


def raising(error: Exception) -> Callable[..., Any]:
    async def always(*_: object, **__: object) -> Any:
        raise error

    return always


async def at_rest(
    folder: Path, *, faults: tuple[dict[str, Any], ...] = ()
) -> tuple[dict[str, Any], list[str], int]:
    """The incident, and what is not as it was among the locks; and how often a backup
    was ordered."""
    state, failures = locked_groups({"rg-one": 1})
    async with World(folder) as world:
        simulator = world.simulator.world
        simulator.replace_state(state)
        world.at_first = simulator.state.dump()
        world.expected = locks_of(world.at_first)
        for fault in faults:
            simulator.faults.add(fault)
        await world.deliver(failures[0].event)
        await world.rest(1)
        incidents = [incident async for incident in world.living().book.all()]
        lost = (
            []
            if locks_of(simulator.state.dump()) == world.expected
            else [str(locks_of(simulator.state.dump()))]
        )
        backups = sum(
            each.method == "POST" and each.path.endswith("/backup") for each in simulator.requests
        )
        assert len(incidents) == 1
        assert await world.living().journal.open_intents(incidents[0].id) == set(), (
            "a change without an outcome"
        )
        return (
            {
                "status": incidents[0].status.value,
                "reason": incidents[0].reason,
                "steps": incidents[0].manual_steps,
            },
            lost,
            backups,
        )


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_raises_every_time_ends_with_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str, error: Exception
) -> None:
    monkeypatch.setattr(*STAGES[stage], raising(error))
    incident, lost, _ = asyncio.run(at_rest(tmp_path))
    assert incident["status"] == "needs_person", incident
    assert stage in incident["reason"] and str(error) in incident["reason"]
    assert incident["steps"]
    assert lost == []


@pytest.mark.parametrize("stage", GIVEN_AS_DATA)
def test_a_stage_that_tells_its_error_ends_with_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    module, name = GIVEN_AS_DATA[stage]
    monkeypatch.setattr(module, name, raising(RuntimeError("a bug of ours")))
    incident, lost, _ = asyncio.run(at_rest(tmp_path))
    assert incident["status"] == "needs_person", incident
    assert incident["steps"]
    assert lost == []


@pytest.mark.parametrize("stage", [*STAGES, *GIVEN_AS_DATA])
def test_a_stage_that_raises_a_few_times_is_got_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    """As after a worker that died: the engine tells of a failed activity."""
    times = len(RETRY_PAUSES)
    activity = getattr(shells, stage)._function
    really, raised = activity.get_user_function(), []

    async def sometimes(work: Any) -> Any:
        if len(raised) < times:
            raised.append(stage)
            raise StoreUnavailable("for a while")
        return await really(work)

    monkeypatch.setattr(activity, "get_user_function", lambda: sometimes)
    incident, lost, backups = asyncio.run(at_rest(tmp_path))
    assert len(raised) == times
    assert (incident["status"], lost, backups) == ("fixed", [], 1), incident


def test_where_nobody_can_be_told_the_guardian_begins_again_and_then_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decide, "decide", raising(RuntimeError("a bug of ours")))
    silent = StoreUnavailable("the store does not answer")
    monkeypatch.setattr(Execution, "hand_over", raising(silent))
    incident, lost, _ = asyncio.run(at_rest(tmp_path))
    assert incident["status"] == "needs_person"
    assert f"begun again {restarts.MOST_RESTARTS} times without progress" in incident["reason"]
    assert lost == []


def test_a_stage_has_ten_attempts_and_is_given_up_within_seven_minutes_whatever_is_set() -> None:
    assert len(RETRY_PAUSES) + 1 == 10
    assert sum(RETRY_PAUSES) * orchestration.LONGEST_UNIT_SECONDS <= 420


def test_a_fix_that_is_given_up_in_the_middle_of_its_window_leaves_no_lock_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The leader's activity raises with the lock off, and then each time that it is
    called."""
    activity = shells.carry_out_unit._function
    really, off_at = activity.get_user_function(), []

    async def raises(work: Any) -> Any:
        if not off_at:
            with monkeypatch.context() as broken:
                broken.setattr(Deletion, "run", raising(RuntimeError("a bug of ours")))
                broken.setattr(WindowLocks, "put_back", raising(RuntimeError("another one")))
                await really(work)
            execution = await shells.the_app().execution()
            off_at.extend(
                [
                    await execution.reader.lock(entry.lock.id)
                    for entry in await execution.ledger.open_locks()
                ]
            )
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr(activity, "get_user_function", lambda: raises)
    incident, lost, backups = asyncio.run(at_rest(tmp_path))
    assert [type(each) for each in off_at] == [Absent], "the lock was not off"
    assert incident["status"] == "needs_person" and "carry_out_unit" in incident["reason"], incident
    assert (lost, backups) == ([], 0)


PATHS = {
    "the failed job": "/backupJobs/[^/]+$",
    "the job lists": "/backupJobs$",
    "the VM": "/virtualMachines/[^/]+$",
    "the instance view": "/instanceView$",
    "the extensions": "/extensions$",
    "the tags": "/resourceGroups/[^/]+$",
    "the collections": "/restorePointCollections$",
    "a collection": "/restorePointCollections/[^/]+$",
    "the locks": "/locks$",
    "a lock": "/locks/[^/]+$",
    "the operations": "/operations/",
    "the backup's operation": "/operationsStatus/",
}
BODIES: dict[str, Any] = {
    "HTML": "<html>Sign in</html>",
    "nothing": None,
    "an empty object": {},
    "a list": [1],
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("path", PATHS)
def test_rubbish_at_any_read_comes_to_rest_with_the_lock_on(
    tmp_path: Path, path: str, body: str
) -> None:
    """Rubbish in passing is got over; what stays ends with a person, but for a read
    that nothing rests on."""
    logging.disable(logging.CRITICAL)
    fault = {
        "method": "GET",
        "path_regex": PATHS[path],
        "action": {"status": 200, "body": BODIES[body]},
    }
    try:
        # A lock that cannot be read back is not known to be on: the guardian goes on
        # until it can be read.
        if path == "a lock":
            fault |= {"times": 25}
        incident, lost, backups = asyncio.run(at_rest(tmp_path, faults=(fault,)))
    finally:
        logging.disable(logging.NOTSET)
    assert incident["status"] in ("needs_person", "fixed"), incident
    assert incident["status"] == "fixed" or incident["steps"], incident
    assert lost == []
    assert backups <= 3


WRITES = {
    "a lock's deletion": ("DELETE", "/locks/[^/]+$"),
    "a lock's making": ("PUT", "/locks/[^/]+$"),
    "a collection's deletion": ("DELETE", "/restorePointCollections/[^/]+$"),
    "a backup": ("POST", "/backup$"),
}


@pytest.mark.parametrize("done", [False, True], ids=["not done", "done"])
@pytest.mark.parametrize("write", WRITES)
def test_a_write_whose_answer_is_rubbish_has_an_outcome_and_comes_to_rest(
    tmp_path: Path, write: str, done: bool
) -> None:
    """Done: Azure did it, and what came back is lost. Not done: a page came back
    instead."""
    method, path = WRITES[write]
    action: dict[str, Any] = (
        {"reset": "after"} if done else {"status": 200, "body": "<html>Sign in</html>"}
    )
    logging.disable(logging.CRITICAL)
    try:
        fault = {"method": method, "path_regex": path, "times": 4, "action": action}
        incident, lost, backups = asyncio.run(at_rest(tmp_path, faults=(fault,)))
    finally:
        logging.disable(logging.NOTSET)
    assert incident["status"] in ("needs_person", "fixed"), incident
    assert lost == []
    assert backups <= 3
