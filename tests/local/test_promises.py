"""The promises see what is wrong: a run that keeps all, and then one change each."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from local import scenarios
from local.promises import COLLECTION, EXTENSION, LOCK, broken_promises, changes_azure, of_kind

STATE = scenarios.load("winmanagedvm")
(LOCK_ID,) = (each["id"] for each in of_kind(STATE, LOCK))
(COLLECTION_ID,) = (each["id"] for each in of_kind(STATE, COLLECTION))
(EXTENSION_ID,) = (each["id"] for each in of_kind(STATE, EXTENSION))
VM_ID = EXTENSION_ID.rsplit("/extensions/", 1)[0]
GROUP_ID = VM_ID.split("/providers/", 1)[0]
NOBODY = f"{VM_ID}-of-another"


def request(method: str, path: str) -> dict[str, Any]:
    return {"method": method, "path": path}


def entries(*phases: str) -> list[dict[str, Any]]:
    return [{"kind": "lift_lock", "target": LOCK_ID, "phase": phase} for phase in phases]


KEPT: dict[str, Any] = {
    "before": STATE,
    "after": STATE,
    "requests": [
        request("DELETE", LOCK_ID),
        request("DELETE", f"{COLLECTION_ID.upper()}?api-version=1"),
        request("DELETE", EXTENSION_ID),
        request("PUT", LOCK_ID),
    ],
    "incident": {"vm_id": VM_ID},
    "entries": entries("intent", "outcome"),
}


def changed(resource_id: str, change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    state = copy.deepcopy(STATE)
    change(next(each for each in state["resources"] if each["id"] == resource_id))
    return state


def without(resource_id: str) -> dict[str, Any]:
    return {"resources": [each for each in STATE["resources"] if each["id"] != resource_id]}


def with_lock_on(resource_id: str) -> dict[str, Any]:
    (lock,) = of_kind(STATE, LOCK)
    on_it = lock | {"id": f"{resource_id}/providers/Microsoft.Authorization/locks/keep"}
    return {"resources": [*STATE["resources"], on_it]}


def test_a_run_that_keeps_every_promise() -> None:
    assert broken_promises(**KEPT) == []
    assert broken_promises(**KEPT | {"requests": [], "entries": []}) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"after": without(LOCK_ID)}, "a lock is not as it was"),
        (
            {"after": changed(LOCK_ID, lambda lock: lock["properties"].update(notes="other"))},
            "a lock is not as it was",
        ),
        ({"before": without(LOCK_ID), "after": without(LOCK_ID)}, "that was not there"),
        ({"requests": [request("DELETE", VM_ID)]}, "of a kind that is never deleted"),
        ({"requests": [request("DELETE", GROUP_ID)]}, "of a kind that is never deleted"),
        ({"incident": {"vm_id": NOBODY}}, "of a collection that is not the VM's"),
        ({"incident": {"vm_id": NOBODY}}, "of a foreign extension"),
        (
            {"before": changed(COLLECTION_ID, lambda held: held.update(name="ours"))},
            "of a collection that is not the VM's",
        ),
        (
            {
                "before": changed(
                    EXTENSION_ID, lambda held: held["properties"].update(publisher="Contoso")
                )
            },
            "of a foreign extension",
        ),
        (
            {"before": with_lock_on(COLLECTION_ID), "after": with_lock_on(COLLECTION_ID)},
            "of a collection on which somebody put a lock",
        ),
        (
            {
                "before": with_lock_on(COLLECTION_ID),
                "after": with_lock_on(COLLECTION_ID),
                "requests": [
                    request("DELETE", f"{COLLECTION_ID}/providers/{LOCK}/keep"),
                ],
            },
            "of a lock on a collection",
        ),
        ({"entries": []}, "changed without an intent"),
        ({"entries": entries("intent")}, "an intent has no outcome"),
        ({"entries": entries("intent", "outcome", "outcome")}, "or an outcome no intent"),
        ({"entries": entries("outcome", "intent")}, "an intent has no outcome"),
    ],
)
def test_a_promise_that_is_broken_is_named(change: dict[str, Any], problem: str) -> None:
    found = broken_promises(**KEPT | change)
    assert any(problem in each for each in found), found


@pytest.mark.parametrize(
    ("method", "path", "changes"),
    [
        ("GET", LOCK_ID, False),
        ("POST", f"{GROUP_ID}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions", False),
        ("POST", "/subscriptions/s/providers/Microsoft.RecoveryServices/backupStatus", False),
        ("POST", "/providers/Microsoft.ResourceGraph/resources", False),
        ("POST", f"{VM_ID}/backup", True),
        ("PUT", LOCK_ID, True),
        ("PATCH", VM_ID, True),
        ("DELETE", "/x/checkPolicyRestrictions", True),
    ],
)
def test_what_changes_azure(method: str, path: str, changes: bool) -> None:
    assert changes_azure(request(method, path)) is changes
