"""The roles of infra/roles.json allow what the product requests of Azure, and nothing
else.

The end-to-end tests, the sweep and the fault matrix run under exactly these actions,
too.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra.roles import GRANTED, LOG_QUERY, READER, REMEDIATOR
from local.simulator import permissions, routes
from shared.azure.clients import AzureClients
from shared.azure.log_rows import ReadOutcome
from shared.azure.logs import FailedBackupLog
from shared.azure.vm_log import LoggedVm, VmLog
from shared.errors import AzureCallFailed
from shared.settings import Settings
from tests.local.simulator.support import SUB, VM_ID, Arm, state
from tests.local.simulator.test_openapi import NotRead, drive

WORKSPACE = "11111111-1111-1111-1111-111111111111"


async def make_every_call(arm: Arm) -> None:
    """Every call that the product can make: the reader, the writer, the log."""
    await drive(arm.url)
    environment = {
        "REMEDIATOR_ARM_ENDPOINT": arm.url,
        "REMEDIATOR_LOGS_ENDPOINT": arm.url,
        "REMEDIATOR_WORKSPACE_ID": WORKSPACE,
    }
    clients = AzureClients(Settings.from_environment(environment), SUB)
    try:
        now = datetime.now(UTC)
        answer = await FailedBackupLog(clients).failures(now - timedelta(days=1), now)
        if answer.outcome is not ReadOutcome.COMPLETE:
            raise NotRead(answer.reason)
        of_vm = await VmLog(clients).read(VM_ID, now - timedelta(days=1), now)
        if not isinstance(of_vm, LoggedVm):
            raise NotRead(str(of_vm))
    finally:
        await clients.close()


def with_log() -> dict[str, Any]:
    return state(lock="CanNotDelete", points=3) | {
        "logs": {"AddonAzureBackupJobs": [], "AzureDiagnostics": [], "Heartbeat": []}
    }


@pytest.fixture
def needed(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Every action that a request needed, in lower case."""
    actions: set[str] = set()
    check = permissions.check

    def record_and_check(
        allowed: Any, match: Any, method: str, path: str, query: dict[str, str], body: object
    ) -> None:
        actions.update(
            each.casefold() for each in permissions.needed_actions(match, method, path, query, body)
        )
        check(allowed, match, method, path, query, body)

    monkeypatch.setattr(permissions, "check", record_and_check)
    return actions


async def test_no_action_is_missing_and_none_is_superfluous(start: Any, needed: set[str]) -> None:
    arm = await start(with_log())
    await arm.sim("PUT", "settings", {"allowed_actions": GRANTED})
    await make_every_call(arm)
    assert needed == {each.casefold() for each in GRANTED}


@pytest.mark.parametrize("action", GRANTED)
async def test_a_missing_action_is_refused_and_named(start: Any, action: str) -> None:
    arm = await start(with_log())
    await arm.sim(
        "PUT", "settings", {"allowed_actions": [each for each in GRANTED if each != action]}
    )
    with pytest.raises((AzureCallFailed, NotRead)) as refused:
        await make_every_call(arm)
    message = str(refused.value)
    expected = (
        "insufficient access"
        if action in LOG_QUERY
        else f"does not have authorization to perform action '{action}'"
    )
    assert expected.casefold() in message.casefold(), message
    assert action.casefold() in message.casefold(), message


def test_the_two_roles_share_nothing_and_only_one_changes() -> None:
    assert not set(READER) & set(REMEDIATOR)
    reading_posts = {
        "Microsoft.Network/networkInterfaces/effectiveNetworkSecurityGroups/action",
        "Microsoft.Network/networkInterfaces/effectiveRouteTable/action",
    }
    assert {each for each in [*READER, *LOG_QUERY] if not each.endswith("/read")} == reading_posts
    assert {each.rpartition("/")[2] for each in REMEDIATOR} == {"write", "delete", "action"}
    assert not any("*" in each for each in GRANTED)


def test_every_operation_has_its_actions() -> None:
    plain = {"get_any", "get_settings", "list_settings", "refuse"}
    rows = {handler for _, _, handler in routes.TABLE}
    assert {each.__name__ for each in rows - set(permissions.ACTIONS)} == plain
    assert set(permissions.ACTIONS) <= rows


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        (
            "GET",
            f"{VM_ID}/providers/Microsoft.Insights/diagnosticSettings",
            "Microsoft.Insights/diagnosticSettings/read",
        ),
        ("GET", f"/subscriptions/{SUB}/providers/Microsoft.Web/sites", "Microsoft.Web/sites/read"),
        ("PUT", VM_ID, "Microsoft.Compute/virtualMachines/write"),
        ("POST", f"{VM_ID}/runCommand", "Microsoft.Compute/virtualMachines/runCommand/action"),
    ],
)
async def test_a_resource_without_a_handler_needs_the_action_of_its_type(
    start: Any, method: str, path: str, action: str
) -> None:
    arm = await start(state())
    await arm.sim("PUT", "settings", {"allowed_actions": ["Microsoft.Authorization/*"]})
    answer = await arm.send(method, path)
    assert (answer.status, answer.code) == (403, "AuthorizationFailed")
    assert re.search(f"perform action '{action}'", answer.body["error"]["message"], re.IGNORECASE)


@pytest.mark.parametrize("wrong", ["Microsoft.Compute/*", [1], [""], {}])
async def test_a_setting_that_is_no_list_of_actions_is_refused(start: Any, wrong: Any) -> None:
    arm = await start(state())
    answer = await arm.sim("PUT", "settings", {"allowed_actions": wrong})
    assert answer.status == 400
    assert "takes a list of actions" in answer.body["error"]["message"]
