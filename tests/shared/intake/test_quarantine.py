"""What was not taken is kept without its secrets, cut to a size, and taken again by
hand; a file of stored events is taken as well."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from click.testing import CliRunner

from command_line.main import remediator
from local.simulator.server import Simulator
from shared.audit.journal import Journal
from shared.audit.log import AuditLog
from shared.errors import NotUsable
from shared.events import parse as parsing
from shared.incident.book import IncidentBook
from shared.intake.quarantine import LONGEST_PAYLOAD_CHARACTERS, SCRUBBED, Quarantine, scrubbed
from shared.intake.replay import events_in
from shared.intake.take import Intake
from shared.intake.taken import INTAKE_CHAIN
from shared.store.sqlite import SqliteStore
from tests.shared.events.test_parse import cloud
from tests.shared.events.test_shapes import JOB, LOG, SUBSCRIPTION

TOKEN = "eyJhbGciOiJub25lIn0xxxx.eyJzdWIiOiJ4eHh4eHgifQ.c2lnbmF0dXJl"
SECRETS = [
    ("https://a.blob.example.com/x?sv=2024&sig=abc%2Fdef%3D&se=2026", "abc%2Fdef%3D"),
    ("https://app.example.com/api/alerts?code=s3cr3t==", "s3cr3t=="),
    (
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=Zm9vYmFy==;EndpointSuffix=x",
        "Zm9vYmFy==",
    ),
    ("Server=x;Password=hunter2;Database=y", "hunter2"),
    ('{"client_secret": "v3ry", "jobId": "j"}', "v3ry"),
    ('"{\\"adminPassword\\": \\"v3ry\\"}"', "v3ry"),
    ("Authorization: Bearer abcdefghijklmnop1234", "abcdefghijklmnop1234"),
    (f"token {TOKEN} end", TOKEN),
]
KEPT = [
    (
        '{"errorCode": "UserErrorGuestAgentStatusUnavailable", "jobId":'
        ' "11111111-2222-4333-8444-555555555555"}'
    ),
    "https://aka.ms/AB-UserErrorGuestAgentStatusUnavailable",
    '{"code": "ExtensionSnapshotFailedNoNetwork"}',
    "the password was changed",
]


@pytest.mark.parametrize(("text", "secret"), SECRETS, ids=range(len(SECRETS)))
def test_secrets_are_taken_out(text: str, secret: str) -> None:
    assert secret not in scrubbed(text)
    assert SCRUBBED in scrubbed(text)
    assert scrubbed(scrubbed(text)) == scrubbed(text)


@pytest.mark.parametrize("text", KEPT)
def test_the_rest_stays(text: str) -> None:
    assert scrubbed(text) == text


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    made = SqliteStore(tmp_path / "remediator.db")
    yield made
    await made.close()


async def test_a_text_is_kept_once_without_secrets_and_cut_to_its_size(store: SqliteStore) -> None:
    quarantine = Quarantine(store)
    first, new = await quarantine.keep("x" * 200_000, "first")
    again, new_again = await quarantine.keep("x" * 200_000, "second")
    assert (new, new_again, again) == (True, False, first)
    assert (len(first.payload), first.characters, first.cut) == (
        LONGEST_PAYLOAD_CHARACTERS,
        200_000,
        True,
    )
    secret, _ = await quarantine.keep(SECRETS[3][0] + "\ud800", "half a character")
    assert "hunter2" not in secret.payload and not secret.cut
    assert {each.id async for each in quarantine.all()} == {first.id, secret.id}


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An ARM for the command line; it is asked for nothing but the subscription."""
    monkeypatch.setenv("REMEDIATOR_SUBSCRIPTION_ID", SUBSCRIPTION.rsplit("/", 1)[1])
    monkeypatch.setenv("REMEDIATOR_ARM_ENDPOINT", "http://127.0.0.1:1")
    yield


def run(folder: Path, *words: str, given: str = "") -> tuple[int, Any]:
    found = CliRunner().invoke(remediator, [*words, "--data", str(folder)], input=given)
    try:
        return found.exit_code, json.loads(found.stdout)
    except ValueError:
        return found.exit_code, found.output


def filled(folder: Path, *texts: str) -> None:
    async def fill() -> None:
        store = SqliteStore(folder / "remediator.db")
        intake = Intake(IncidentBook(store), Journal(AuditLog(store)), Quarantine(store))
        for text in texts:
            assert (await intake.quarantine(text, "not understood")).what == "quarantined"
        await store.close()

    asyncio.run(fill())


def audit_of_intake(folder: Path) -> list[str]:
    _, found = run(folder, "audit", "list", "--incident", INTAKE_CHAIN, "--json")
    return [entry["result"] for entry in found]


def of_no_version(*_: Any) -> None:
    raise NotUsable("a shape that this version does not know")


def test_after_an_upgrade_one_command_takes_them_again(
    tmp_path: Path,
    azure: None,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unknown = json.dumps(LOG)
    with monkeypatch.context() as old:
        old.setattr(parsing, "_read", of_no_version)
        filled(tmp_path, unknown, "{}")
        code, told = run(tmp_path, "quarantine", "retry", "--all", "--json")
        assert (code, [each["incident"] for each in told]) == (1, [None, None])
        assert all(each["what"].startswith("still of no use") for each in told)
    _, before = run(tmp_path, "quarantine", "list", "--json")
    ours = next(each["id"] for each in before if each["characters"] == len(unknown))
    code, told = run(tmp_path, "quarantine", "retry", ours[:8], "--json")
    assert (code, told[0]["what"]) == (0, "claimed")
    assert told[0]["incident"]
    _, incidents = run(tmp_path, "incidents", "list", "--json")
    assert [(each["job_id"], each["status"]) for each in incidents] == [(JOB, "open")]
    _, after = run(tmp_path, "quarantine", "list", "--json")
    assert [each["id"] for each in after] == [each["id"] for each in before if each["id"] != ours]
    assert audit_of_intake(tmp_path) == ["not understood", "not understood", "taken again: claimed"]
    assert run(tmp_path, "quarantine", "retry", ours)[0] == 2
    assert run(tmp_path, "quarantine", "retry")[0] == 2


def test_what_was_cut_says_so_and_stays(tmp_path: Path, azure: None) -> None:  # noqa: ARG001
    filled(tmp_path, json.dumps(LOG | {"filler": "x" * LONGEST_PAYLOAD_CHARACTERS}))
    code, told = run(tmp_path, "quarantine", "retry", "--all", "--json")
    assert (code, told[0]["what"].split(":")[0]) == (1, "cut")
    assert len(run(tmp_path, "quarantine", "list", "--json")[1]) == 1


DEAD_LETTER = cloud(data=LOG) | {
    "deadletterreason": "MaxDeliveryAttemptsExceeded",
    "deliveryattempts": 30,
    "publishtime": "x",
}
FILES = {
    "one event": json.dumps(LOG),
    "a dead-letter blob": json.dumps([DEAD_LETTER, DEAD_LETTER]),
    "lines": f"{json.dumps(LOG)}\n\n{json.dumps(DEAD_LETTER)}\n",
    "indented": json.dumps(LOG, indent=2),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_stored_events_opens_each_failure_once(
    tmp_path: Path,
    azure: None,  # noqa: ARG001
    name: str,
) -> None:
    filled(tmp_path, "{}")
    for time in ("first", "second"):
        code, told = run(tmp_path, "replay", "-", "--json", given=FILES[name])
        assert (code, {each["what"] for each in told[1:]} <= {"duplicate"}) == (0, True), told
        assert told[0]["what"] == ("claimed" if time == "first" else "duplicate")
    _, incidents = run(tmp_path, "incidents", "list", "--json")
    assert [each["job_id"] for each in incidents] == [JOB]


def test_what_a_file_holds_and_nobody_can_use_is_kept(tmp_path: Path, azure: None) -> None:  # noqa: ARG001
    filled(tmp_path, "{}")
    code, told = run(tmp_path, "replay", "-", "--json", given='[{"a": 1}]')
    assert (code, told[0]["what"]) == (1, "quarantined")
    assert len(run(tmp_path, "quarantine", "list", "--json")[1]) == 2


@pytest.mark.parametrize("text", ["nonsense", "[1]", '"x"', "{}\n[", "[" * 100_000])
def test_what_is_no_file_of_events_is_one_clear_line(
    tmp_path: Path,
    azure: None,  # noqa: ARG001
    text: str,
) -> None:
    filled(tmp_path, "{}")
    code, told = run(tmp_path, "replay", "-", given=text)
    assert code == 2
    assert "Error: <stdin>: " in told and "Traceback" not in told
    with pytest.raises(NotUsable):
        list(events_in(text))


async def test_an_arm_that_does_not_answer_leaves_the_event_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asyncio.to_thread(filled, tmp_path, json.dumps(LOG))
    monkeypatch.setenv("REMEDIATOR_RETRY_SECONDS", "0")
    async with Simulator() as simulator:
        simulator.world.faults.add(
            {"method": "GET", "path_regex": ".*", "times": 100, "action": {"status": 500}}
        )
        words = ("quarantine", "retry", "--all", "--arm", simulator.url)
        code, told = await asyncio.to_thread(run, tmp_path, *words)
    assert (code, "Traceback" in told) == (1, False), told
    assert len((await asyncio.to_thread(run, tmp_path, "quarantine", "list", "--json"))[1]) == 1
