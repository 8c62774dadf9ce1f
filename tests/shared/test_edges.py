"""Errors, settings, ARM ids, JSON: each a table."""

from __future__ import annotations

import json
import re
import types
from typing import Any

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    IncompleteReadError,
    ServiceRequestError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared import errors
from shared.arm_ids import group_of, is_at_or_above, parse, same
from shared.azure.calls import call_once, call_with_retries, map_error
from shared.codec import from_json, to_json
from shared.execution.lock_window.lock_row import LockRow
from shared.execution.lock_window.windows import Window
from shared.incident.model import Finding, Incident
from shared.incident.outcome import StepOutcome
from shared.plan.planner import Plan
from shared.plan.steps import Step
from shared.sentences import Sentence
from shared.settings import Settings

GROUP = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg"
VM = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm1"


def test_the_drawn_tree_is_the_whole_tree() -> None:
    drawn = set(re.findall(r"[├└]── (\w+)", errors.__doc__ or "")) | {"RemediatorError"}
    defined = {
        name
        for name, each in vars(errors).items()
        if isinstance(each, type) and issubclass(each, Exception)
    }
    assert drawn == defined


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "vm1",
        "/subscriptions",
        "/resourceGroups/rg",
        f"{GROUP}/providers",
        f"{GROUP}/providers/Microsoft.Compute",
        f"{GROUP}/providers/Microsoft.Compute/virtualMachines",
        f"{GROUP}/virtualMachines/vm1",
        "/subscriptions/s/resourceGroups",
        f"{VM}/../vm2",
        f"{VM}/./x/y",
        f"{VM}//x",
        f"{VM}%2Fx/y",
        f"{VM}?a=b",
        f"{VM}#x",
        f"{VM}\n",
        f"{VM}\u0000",
        f"{GROUP}/" + "x" * 3000,
    ],
)
def test_what_is_no_resource_id_is_refused(text: str) -> None:
    with pytest.raises(errors.NotUsable):
        parse(text)


def test_an_id_in_its_parts() -> None:
    extension = parse(f"{VM}/extensions/VMSnapshot")
    assert (extension.name, extension.names, extension.resource_group) == (
        "VMSnapshot",
        ("vm1", "VMSnapshot"),
        "rg",
    )
    assert extension.type == "microsoft.compute/virtualmachines/extensions"
    assert extension.parent == VM
    assert str(extension) == f"{VM}/extensions/VMSnapshot"
    lock = parse(f"{VM}/providers/Microsoft.Authorization/locks/keep")
    assert (lock.name, lock.type, lock.parent) == ("keep", "microsoft.authorization/locks", VM)
    assert (parse(GROUP).name, parse(GROUP).type) == ("rg", "")
    assert group_of(VM.upper()) == GROUP.upper()


@pytest.mark.parametrize(
    ("scope", "target", "above"),
    [
        (VM, f"{VM}0", False),
        (GROUP, f"{GROUP}2/providers/a/b/c", False),
        (f"{VM}/extensions/x", VM, False),
        (VM, VM, True),
        (VM, VM.upper(), True),
        (GROUP, VM, True),
        (GROUP.rsplit("/", 2)[0], VM, True),
    ],
)
def test_scopes_are_whole_segments(scope: str, target: str, above: bool) -> None:
    assert is_at_or_above(scope, target) is above
    assert same(scope, target) is (scope.casefold() == target.casefold())


def answer(status: int, code: str = "", headers: dict[str, str] | None = None) -> HttpResponseError:
    body = json.dumps({"error": {"code": code, "message": "told"}}) if code else ""
    response = types.SimpleNamespace(
        status_code=status,
        reason="r",
        headers=headers or {},
        text=lambda *_: body,
        body=lambda: body.encode(),
        content_type="json",
    )
    return HttpResponseError(response=response)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (answer(409, "ScopeLocked"), errors.ScopeLocked),
        (answer(404, "ResourceNotFound"), errors.NotFound),
        (answer(404), errors.NotUnderstood),
        (answer(401, "UnauthorizedApplicationId"), errors.AccessDenied),
        (answer(403, "AuthorizationFailed"), errors.AccessDenied),
        (answer(403, "DenyAssignmentAuthorizationFailed"), errors.AccessDenied),
        (answer(429), errors.Throttled),
        (answer(400, "InvalidParameter"), errors.Refused),
        (answer(409, "OperationNotAllowed"), errors.Refused),
        (answer(409, "AnotherOperationInProgress"), errors.Unavailable),
        (answer(408), errors.Unavailable),
        (answer(500, "InternalServerError"), errors.Unavailable),
        (answer(503), errors.Unavailable),
        (answer(200, "InternalExecutionError"), errors.OperationFailed),
        (ServiceRequestError("no connection"), errors.Unavailable),
        (ServiceResponseError("reset"), errors.Unavailable),
        (ServiceResponseTimeoutError("late"), errors.Unavailable),
        (IncompleteReadError("half"), errors.Unavailable),
        (ClientAuthenticationError("no token"), errors.AccessDenied),
    ],
    ids=repr,
)
def test_the_edge_maps_everything_into_the_tree(
    error: Any, kind: type[errors.AzureCallFailed]
) -> None:
    assert type(map_error(error)) is kind


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7.0), ("0", 0.0), ("soon", None), ("-1", None), ("1.5", None), ("", None)],
)
def test_retry_after_is_whole_seconds_or_nothing(text: str, seconds: float | None) -> None:
    assert (
        map_error(
            answer(429, "x", {"Retry-After": text, "x-ms-correlation-request-id": "c"})
        ).retry_after_seconds
        == seconds
    )


async def test_an_answer_that_does_not_come_is_unavailable() -> None:
    import asyncio

    async def never(_: Any) -> None:
        await asyncio.sleep(60)

    with pytest.raises(errors.Unavailable, match="no answer within"):
        await call_once(never, 0.05)


@pytest.mark.parametrize(
    ("retry_after", "retry_seconds", "calls"),
    [(None, 30.0, 3), ("0", 30.0, 3), ("600", 30.0, 1), (None, 0.0, 1)],
)
async def test_passing_errors_are_tried_again_within_the_time(
    retry_after: str | None, retry_seconds: float, calls: int
) -> None:
    made = 0

    async def twice_throttled(_: Any) -> str:
        nonlocal made
        made += 1
        if made <= 2:
            raise answer(429, "x", {"Retry-After": retry_after} if retry_after else {})
        return "done"

    if calls == 3:
        assert (
            await call_with_retries(twice_throttled, timeout_seconds=5, retry_seconds=retry_seconds)
        ).value == "done"
    else:
        with pytest.raises(errors.Throttled):
            await call_with_retries(twice_throttled, timeout_seconds=5, retry_seconds=retry_seconds)
    assert made == calls


async def test_a_lasting_error_is_not_tried_again() -> None:
    made = []

    async def refused(_: Any) -> None:
        made.append(1)
        raise answer(403, "AuthorizationFailed")

    with pytest.raises(errors.AccessDenied):
        await call_with_retries(refused, timeout_seconds=5, retry_seconds=30)
    assert len(made) == 1


@pytest.mark.parametrize(
    "kind",
    [Incident, Finding, Plan, Sentence, Step, StepOutcome, LockRow, Window],
    ids=lambda kind: kind.__name__,
)
@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_json_and_back(kind: type[Any], data: st.DataObject) -> None:
    value = data.draw(st.from_type(kind))
    assert from_json(kind, json.loads(json.dumps(to_json(value)))) == value


@pytest.mark.parametrize(
    "wire",
    [
        {},
        [],
        None,
        {"kind": "no such step", "target": "t", "says": "s"},
        {"kind": "lift_locks", "target": 1},
    ],
)
def test_json_that_is_no_value_is_refused(wire: Any) -> None:
    with pytest.raises(errors.NotUsable):
        from_json(Step, wire)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REMEDIATOR_MODE", "automatic"),
        ("REMEDIATOR_CHANGES_PER_HOUR", "-1"),
        ("REMEDIATOR_CHANGES_PER_HOUR", "many"),
        ("REMEDIATOR_WINDOW_SECONDS", "0"),
        ("REMEDIATOR_WINDOW_SECONDS", "nan"),
        ("REMEDIATOR_POLL_SECONDS", "1e9"),
    ],
)
def test_an_impossible_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(errors.SettingsError, match=name):
        Settings.from_environment({name: value})


@pytest.mark.parametrize("given", [{}, {"REMEDIATOR_MODE": ""}, {"REMEDIATOR_MODE": "  "}])
def test_where_no_mode_is_set_nothing_is_changed(given: dict[str, str]) -> None:
    assert Settings.from_environment(given).mode == "observe"


def test_the_subscription_and_the_store_come_from_the_platform_where_nothing_is_set() -> None:
    found = Settings.from_environment(
        {"WEBSITE_OWNER_NAME": "1111+rg-x", "AzureWebJobsStorage__accountName": "acc"}
    )
    assert (found.subscription_id, found.store) == ("1111", "https://acc.table.core.windows.net")
