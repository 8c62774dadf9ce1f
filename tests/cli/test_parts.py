"""The parts of `make cli`, without the Azure CLI: a front that refuses, and checks that
see what is wrong."""

from __future__ import annotations

import ssl
from pathlib import Path

import aiohttp
import pytest

from local.simulator import ids
from tests.cli import repair, tls
from tests.cli.__main__ import ended_wrong, held
from tests.cli.azure import AUDIENCES, Azure
from tests.cli.client import Ran
from tests.cli.repair import Step

SUBSCRIPTIONS = "/subscriptions?api-version=2022-12-01"
VERSION = "api-version=2019-08-01"


async def test_only_the_token_of_the_identity_endpoint_is_taken(tmp_path: Path) -> None:
    ca, context = tls.make(tmp_path)
    async with Azure(repair.state(), context) as azure, aiohttp.ClientSession() as session:
        trusting = ssl.create_default_context(cafile=str(ca))
        given = await session.get(
            f"{azure.identity}?{VERSION}&resource={AUDIENCES[0]}",
            headers={"X-IDENTITY-HEADER": azure.secret},
        )
        token = (await given.json())["access_token"]
        for sent, status in ((token, 200), ("sim", 401), (f"{token}x", 401)):
            answer = await session.get(
                azure.arm + SUBSCRIPTIONS, headers={"Authorization": f"Bearer {sent}"}, ssl=trusting
            )
            assert answer.status == status
        assert (await session.get(azure.arm + SUBSCRIPTIONS, ssl=trusting)).status == 401


async def test_who_does_not_know_the_authority_does_not_connect(tmp_path: Path) -> None:
    _, context = tls.make(tmp_path)
    async with Azure(repair.state(), context) as azure, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await session.get(azure.arm + SUBSCRIPTIONS)


@pytest.mark.parametrize(
    ("query", "knows", "status"),
    [
        (f"{VERSION}&resource={AUDIENCES[0]}", False, 401),
        (f"{VERSION}&resource=https://vault.azure.net/", True, 400),
        (f"api-version=2017-09-01&resource={AUDIENCES[0]}", True, 400),
        (VERSION, True, 400),
    ],
)
async def test_the_identity_endpoint_refuses(
    tmp_path: Path, query: str, knows: bool, status: int
) -> None:
    _, context = tls.make(tmp_path)
    async with Azure(repair.state(), context) as azure, aiohttp.ClientSession() as session:
        headers = {"X-IDENTITY-HEADER": azure.secret} if knows else {}
        assert (await session.get(f"{azure.identity}?{query}", headers=headers)).status == status


RIGHT = Step("az a", lambda ran: ran.json["id"] == "1")
LOCKED = Step("az a", refused="ScopeLocked")


@pytest.mark.parametrize(
    ("step", "code", "out", "err", "fine"),
    [
        (RIGHT, 0, '{"id": "1"}', "", True),
        (RIGHT, 0, '{"id": "2"}', "", False),
        (RIGHT, 0, "{}", "", False),
        (RIGHT, 0, "", "", False),
        (RIGHT, 1, '{"id": "1"}', "ERROR: no", False),
        (RIGHT, -9, "", "", False),
        (LOCKED, 1, "", "ERROR: (ScopeLocked) The scope", True),
        (LOCKED, 1, "", "ERROR: (Conflict) The scope", False),
        (LOCKED, 0, "", "(ScopeLocked)", False),
    ],
)
def test_a_step_sees_what_is_wrong(step: Step, code: int, out: str, err: str, fine: bool) -> None:
    assert (step.problem(Ran(step.command, code, 0.1, out, err)) == "") == fine


async def test_an_end_that_is_not_the_repairs_is_seen(tmp_path: Path) -> None:
    _, context = tls.make(tmp_path)
    async with Azure(repair.state(), context) as azure:
        before = held(azure)
        lock, vm = ids.key(repair.LOCK_ID), ids.key(repair.VM_ID)
        assert ended_wrong(before, before) == []
        assert ended_wrong(before, {key: each for key, each in before.items() if key != lock})
        assert ended_wrong(before, {key: each for key, each in before.items() if key != vm})
        weaker = {**before[lock], "properties": {**before[lock]["properties"], "level": "ReadOnly"}}
        assert ended_wrong(before, {**before, lock: weaker})
        group = ids.key(repair.GROUP_ID)
        assert ended_wrong(before, {**before, group: {**before[group], "tags": {"a": "b"}}})
