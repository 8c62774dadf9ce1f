"""A lock that could not be put back is never lifted, and one whose DELETE was refused
is not put back. Nothing is sent besides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local.promises import COLLECTION, LOCK, kind_of
from local.scenarios import parts
from tests.faults.azure import locked_groups
from tests.faults.runs import Outcome, run
from tests.faults.test_windows import sent
from tests.faults.world import Fault, Place

GROUP_ID = parts.group("rg-one")["id"]
LOCK_ID = f"{GROUP_ID}/providers/Microsoft.Authorization/locks/keep-rg-one"
PROOF: Place = ("before ARM PUT locks", 1)
DELETION: Place = ("before ARM DELETE locks", 1)
ASSIGNMENT = f"{GROUP_ID}/providers/Microsoft.Authorization/policyAssignments/no-locks"
VIOLATION = {
    "type": "PolicyViolation",
    "info": {
        "policyDefinitionDisplayName": "Nobody writes locks",
        "policyAssignmentDisplayName": "No locks here",
        "policyAssignmentId": ASSIGNMENT,
    },
}
BY_POLICY = {
    "error": {
        "code": "RequestDisallowedByPolicy",
        "message": "Resource 'x' was disallowed.",
        "additionalInfo": [VIOLATION],
    }
}


def lock_body(**properties: Any) -> dict[str, Any]:
    lock = parts.lock(GROUP_ID, "keep-rg-one", "Production. Nobody deletes anything here.")
    return lock | {"properties": lock["properties"] | properties}


def arm(times: int = 1, **action: Any) -> Fault:
    return Fault("arm", {"action": action, "times": times})


NOT_PROVED = [
    (
        "403 by policy",
        arm(status=403, body=BY_POLICY),
        ("Nobody writes locks", "No locks here", ASSIGNMENT),
    ),
    ("403 by rights", arm(status=403), ("AuthorizationFailed",)),
    ("401", arm(status=401), ("AuthenticationFailed",)),
    ("409", arm(status=409), ("Conflict",)),
    ("404", arm(status=404), ("ResourceNotFound",)),
    ("429", arm(status=429, headers={"Retry-After": "0"}), ("SubscriptionRequestsThrottled",)),
    ("500", arm(status=500), ("InternalServerError",)),
    ("no answer", arm(delay_s=2.5), ("no answer",)),
    ("reset before it acted", arm(reset=True), ("no answer",)),
    ("reset after it acted", arm(reset="after"), ("no answer",)),
    (
        "201: it was not there",
        arm(status=201, body=lock_body()),
        ("took the lock keep-rg-one off just now",),
    ),
    (
        "200 with other notes",
        arm(status=200, body=lock_body(notes="other")),
        ("is answered otherwise",),
    ),
    (
        "200 with another level",
        arm(status=200, body=lock_body(level="ReadOnly")),
        ("is answered otherwise",),
    ),
    (
        "200 of another lock",
        arm(status=200, body=lock_body() | {"id": LOCK_ID + "2"}),
        ("the answer is not about",),
    ),
    ("202", arm(status=202, body=lock_body()), ()),
]


@pytest.mark.parametrize(
    ("fault", "expected"), [each[1:] for each in NOT_PROVED], ids=[each[0] for each in NOT_PROVED]
)
async def test_nothing_is_lifted_unless_the_lock_is_proved(
    tmp_path: Path, fault: Fault, expected: tuple[str, ...]
) -> None:
    state, failures = locked_groups({"rg-one": 2})
    outcome = await run(tmp_path, state, failures, {PROOF: fault})
    assert outcome.broken == {}
    assert len(outcome.struck) == 1
    refused = [incident for incident in outcome.incidents if incident["status"] == "needs_person"]
    assert refused, "the members of the window have no reason"
    for incident in refused:
        assert all(words in incident["reason"] for words in expected), incident["reason"]
        ends = {action["kind"]: action for action in incident["actions"]}
        assert (
            ends["lift_locks"]["outcome"]
            == ends["delete_restore_point_collection"]["outcome"]
            == "refused"
        )
        assert "it was never lifted" in ends["restore_locks"]["detail"]
    if len(refused) == len(outcome.incidents):
        assert untouched(outcome)
        assert len(sent(outcome.requests, "PUT", LOCK)) <= 1, (
            "one HTTP request; one whose answer is late is not logged yet"
        )


def untouched(outcome: Outcome) -> bool:
    return not sent(outcome.requests, "DELETE", LOCK) and not sent(
        outcome.requests, "DELETE", COLLECTION
    )


async def test_where_one_lock_is_not_proved_none_is_lifted(tmp_path: Path) -> None:
    """On a slow machine the outcomes take longer than the grace of these tests, after
    which a second process writes them as well."""
    state, failures = locked_groups({"rg-one": 1})
    state["resources"].append(parts.lock(GROUP_ID, "second", "Another lock of the same group."))
    patient = {"REMEDIATOR_GUARDIAN_GRACE_SECONDS": "60"}
    refused = {PROOF: arm(status=403, body=BY_POLICY)}
    outcome = await run(tmp_path, state, failures, refused, environment=patient)
    assert outcome.broken == {}
    assert untouched(outcome)
    assert len(sent(outcome.requests, "PUT", LOCK)) == 2
    assert [incident["status"] for incident in outcome.incidents] == ["needs_person"]


async def test_a_lock_that_a_person_took_off_right_before_the_proof_is_made_again_and_stays(
    tmp_path: Path,
) -> None:
    state, failures = locked_groups({"rg-one": 1})
    outcome = await run(
        tmp_path, state, failures, {PROOF: Fault("person", {"does": "takes the lock off"})}
    )
    assert set(outcome.broken) == {"locks lost"}, (
        "the person's removal was undone, which the incident says"
    )
    assert untouched(outcome)
    assert "it stays, take it off again" in outcome.incidents[0]["reason"]


REFUSED = [
    ("401", arm(status=401)),
    ("403", arm(status=403, body=BY_POLICY)),
    ("404", arm(status=404)),
]


@pytest.mark.parametrize("fault", [each[1] for each in REFUSED], ids=[each[0] for each in REFUSED])
async def test_a_lock_whose_deletion_was_refused_was_never_lifted(
    tmp_path: Path, fault: Fault
) -> None:
    state, failures = locked_groups({"rg-one": 1})
    outcome = await run(tmp_path, state, failures, {DELETION: fault})
    assert outcome.broken == {}
    assert len(sent(outcome.requests, "PUT", LOCK)) == 1, "the proof, and no putting back"
    incident = outcome.incidents[0]
    assert incident["status"] == "needs_person"
    ends = {action["kind"]: action for action in incident["actions"]}
    assert ends["lift_locks"]["outcome"] == "failed"
    assert "was never lifted" in ends["restore_locks"]["detail"]
    assert "back, identical" not in ends["restore_locks"]["detail"]


@pytest.mark.parametrize("status", [409, 429])
async def test_a_deletion_that_was_not_carried_out_is_sent_again_after_a_new_proof(
    tmp_path: Path, status: int
) -> None:
    state, failures = locked_groups({"rg-one": 1})
    once = arm(status=status, headers={"Retry-After": "0"})
    outcome = await run(tmp_path, state, failures, {DELETION: once})
    assert (outcome.broken, outcome.incidents[0]["status"]) == ({}, "fixed")
    assert changes(outcome) == ["PUT", "DELETE", "PUT", "DELETE", "PUT"]


async def test_a_deletion_that_is_never_carried_out_is_given_up(tmp_path: Path) -> None:
    state, failures = locked_groups({"rg-one": 1})
    outcome = await run(tmp_path, state, failures, {DELETION: arm(times=100, status=409)})
    assert (outcome.broken, outcome.incidents[0]["status"]) == ({}, "needs_person")
    assert changes(outcome) == ["PUT", "DELETE"] * 3


@pytest.mark.parametrize("acted", ["after", True])
async def test_a_deletion_without_an_answer_is_not_sent_again(
    tmp_path: Path, acted: str | bool
) -> None:
    """The lock is put back and watched, and the incident has its second window after
    that."""
    state, failures = locked_groups({"rg-one": 1})
    outcome = await run(tmp_path, state, failures, {DELETION: arm(reset=acted)})
    assert (outcome.broken, outcome.incidents[0]["status"]) == ({}, "fixed")
    assert changes(outcome) == ["PUT", "DELETE", "PUT"] * 2


def changes(outcome: Outcome) -> list[str]:
    """The methods of all requests that write a lock."""
    return [
        each["method"]
        for each in outcome.requests
        if kind_of(each["path"]) == LOCK and each["method"] != "GET"
    ]


async def test_a_lock_that_a_person_changed_in_the_window_is_named_as_such(tmp_path: Path) -> None:
    state, failures = locked_groups({"rg-one": 1})
    in_window = ("after ARM DELETE locks", 1)
    outcome = await run(
        tmp_path, state, failures, {in_window: Fault("person", {"does": "changes the lock"})}
    )
    assert outcome.broken == {}
    detail = next(
        action["detail"]
        for action in outcome.incidents[0]["actions"]
        if action["kind"] == "restore_locks"
    )
    assert (
        "keep-rg-one" in detail
        and "was changed by a person meanwhile: it is left as that" in detail
    )
    assert "every lock" not in detail


@pytest.mark.parametrize(
    "label", ["after store insert audit intent prove_lock", "after ARM PUT locks"]
)
async def test_a_process_that_dies_around_the_proof_proves_again_before_it_lifts(
    tmp_path: Path, label: str
) -> None:
    state, failures = locked_groups({"rg-one": 1})
    outcome = await run(tmp_path, state, failures, {(label, 1): Fault("die")})
    assert outcome.broken == {}
    assert [incident["status"] for incident in outcome.incidents] == ["fixed"]
    order = [
        each["method"]
        for each in outcome.requests
        if kind_of(each["path"]) == LOCK and each["method"] != "GET"
    ]
    assert order in (["PUT", "DELETE", "PUT"], ["PUT", "PUT", "DELETE", "PUT"])
