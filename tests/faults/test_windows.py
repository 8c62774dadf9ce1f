"""Windows without any fault: shared by all who need the group, and never two at once on
one group."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.promises import COLLECTION, LOCK, changes_azure, kind_of
from tests.faults.azure import locked_groups
from tests.faults.judge import unlocked_seconds
from tests.faults.runs import run
from tests.faults.settings import PATIENT


def sent(requests: list[dict], method: str, kind: str) -> list[dict]:
    return [each for each in requests if each["method"] == method and kind_of(each["path"]) == kind]


@pytest.mark.parametrize("count", [1, 2, 20])
async def test_vms_of_one_group_share_one_window(tmp_path: Path, count: int) -> None:
    state, failures = locked_groups({"rg-one": count})
    outcome = await run(tmp_path, state, failures, environment=PATIENT)
    assert outcome.broken == {}
    assert [
        (each["status"], each["reason"][:30])
        for each in outcome.incidents
        if each["status"] != "fixed"
    ] == []
    assert len(sent(outcome.requests, "DELETE", LOCK)) == 1
    assert len(sent(outcome.requests, "PUT", LOCK)) == 2, "the proof, and the putting back"
    assert len(sent(outcome.requests, "DELETE", COLLECTION)) == count


async def test_two_groups_have_a_window_each(tmp_path: Path) -> None:
    state, failures = locked_groups({"rg-one": 2, "rg-two": 2})
    outcome = await run(tmp_path, state, failures, environment=PATIENT)
    assert outcome.broken == {}
    assert len(sent(outcome.requests, "DELETE", LOCK)) == 2


async def test_the_same_event_twice_at_once_is_one_failure(tmp_path: Path) -> None:
    state, failures = locked_groups({"rg-one": 2})
    outcome = await run(tmp_path, state, failures, deliveries=3, environment=PATIENT)
    assert outcome.broken == {}
    assert len(outcome.incidents) == 2
    assert len(sent(outcome.requests, "DELETE", COLLECTION)) == 2


@pytest.mark.parametrize("lock_on", ["collection", "point"])
async def test_a_lock_on_exactly_what_would_be_deleted_is_an_owners_word(
    tmp_path: Path, lock_on: str
) -> None:
    """Nothing is touched, the lock of the group neither."""
    state, failures = locked_groups({"rg-one": 2}, lock_on=lock_on)
    outcome = await run(tmp_path, state, failures, environment=PATIENT)
    assert outcome.broken == {}
    assert [incident["status"] for incident in outcome.incidents] == ["needs_person"] * 2
    assert all(
        "whoever put it there decides" in incident["reason"] for incident in outcome.incidents
    )
    assert [each for each in outcome.requests if changes_azure(each)] == []


async def test_the_window_is_as_short_as_azure_allows(tmp_path: Path) -> None:
    """No timed assert: order is what makes it short. Between the lock's DELETE and its
    PUT each collection is looked at once and deleted."""
    state, failures = locked_groups({"rg-one": 3})
    outcome = await run(tmp_path, state, failures, settings={"latency_ms": 5}, environment=PATIENT)
    assert outcome.broken == {}
    first = sent(outcome.requests, "DELETE", LOCK)[0]["n"]
    last = sent(outcome.requests, "PUT", LOCK)[-1]["n"]
    between = [each for each in outcome.requests if first < each["n"] < last]
    looks = [
        each["path"]
        for each in between
        if kind_of(each["path"]) == COLLECTION and each["method"] == "GET"
    ]
    assert len(looks) == len(set(looks)) == len(failures)
    assert {each["method"] for each in between} == {"GET", "DELETE"}
    assert unlocked_seconds(outcome.requests) > 0
