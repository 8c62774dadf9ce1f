"""A new attempt by a person's word: what it keeps of the incident, who may have one,
and what is on record of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import MISSING, Field, dataclass, fields, replace
from pathlib import Path
from typing import Any

import pytest

from shared import clock
from shared.audit.journal import Journal
from shared.audit.log import AuditLog
from shared.errors import SettingsError
from shared.events.model import CodeHint
from shared.execution.fence import SEND_WITHIN_SECONDS
from shared.incident.attempts import (
    LATEST_EFFECT_SECONDS,
    Attempts,
    NotRetried,
    is_to_begin,
    next_attempt,
    why_not_again,
)
from shared.incident.book import WORKING, IncidentBook
from shared.incident.closing import Closing
from shared.incident.model import (
    NOT_FOUND,
    ORDER,
    TIMED_OUT,
    Action,
    Answer,
    Awaited,
    EnteredWindow,
    FactsOnRecord,
    Finding,
    Incident,
    LaterFailure,
    Sent,
    Verdict,
    Verification,
    Waiting,
)
from shared.incident.outcome import Outcome
from shared.incident.restarts import Restarts
from shared.incident.returning import Returning
from shared.incident.status import ENDED, MOVES, Status
from shared.sentences import phrase, quote
from shared.settings import Settings
from shared.store.sqlite import SqliteStore

GROUP = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg"
VM = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm"
LONG_AGO, NOW = "2020-01-01T00:00:00.000000Z", "2026-01-31T12:00:00.000000Z"
FIX = Action("uninstall_extension", f"{VM}/extensions/VMSnapshot", Outcome.DONE, "backup_extension")
EARLIER = replace(FIX, outcome=Outcome.REFUSED)
FAILED = Verification("v", "Failed", "BackUpOperationFailed", LONG_AGO, LONG_AGO)
LATER = LaterFailure("l", "", LONG_AGO)
FULL = Incident(
    id="20200101T000000-j-1",
    status=Status.NEEDS_PERSON,
    subscription_id="s",
    vault_id=f"{GROUP}/providers/Microsoft.RecoveryServices/vaults/v",
    vm_id=VM,
    container_name="c",
    item_name="n",
    job_id="j",
    error_code="ExtentionOperationFailed",
    opened_at=LONG_AGO,
    closed_at=LONG_AGO,
    description="an alert",
    reason="only a person can mend this",
    error_code_hints=(CodeHint("JobFailureCode", "x"),),
    findings=(Finding("backup_extension", Verdict.CONFIRMED, (quote("x"),)),),
    actions=(FIX,),
    verification=FAILED,
    later_failures=(LATER,),
    waiting=Waiting(LONG_AGO, Awaited.JOB, "backup_extension"),
    retry_at=LONG_AGO,
    facts=FactsOnRecord(LONG_AGO, LONG_AGO, {}),
    windows=(EnteredWindow(GROUP, "w", "done"), EnteredWindow(GROUP, "x", "done")),
    manual_steps=(quote("mend it"),),
    fired_at=LONG_AGO,
    part_of="another",
    from_log=(phrase("log_no_heartbeats"),),
    restarts=3,
    passed=("begin_incident after 0 changes",),
    backup_since=LONG_AGO,
    sent=(Sent(FIX.kind, FIX.target, "t", LONG_AGO, Answer.DONE),),
    attempt=4,
    earlier_actions=(EARLIER,),
    returning=Returning(18, 7, (f"{GROUP}/providers/Microsoft.Authorization/locks/keep",)),
    shown_before=True,
)
KEPT, ANEW = "kept", "anew"
DECIDED: dict[str, Any] = {
    "id": KEPT,
    "status": Status.OPEN,
    "subscription_id": KEPT,
    "vault_id": KEPT,
    "vm_id": KEPT,
    "container_name": KEPT,
    "item_name": KEPT,
    "job_id": KEPT,
    "error_code": KEPT,
    "opened_at": KEPT,
    "closed_at": ANEW,
    "description": KEPT,
    "reason": "attempt 5, as Ana asked; it begins within a minute",
    "error_code_hints": KEPT,
    "findings": ANEW,
    "from_log": ANEW,
    "actions": ANEW,
    "verification": ANEW,
    "later_failures": (LATER, LaterFailure("v", FAILED.error_code, FAILED.began_at)),
    "waiting": ANEW,
    "retry_at": ANEW,
    "windows": ANEW,
    "manual_steps": KEPT,  # until it begins
    "fired_at": KEPT,
    "part_of": ANEW,
    "restarts": ANEW,
    "passed": ANEW,
    "backup_since": ANEW,
    "sent": ANEW,
    "attempt": 5,
    "facts": ANEW,
    "earlier_actions": (EARLIER, FIX),
    "shown_before": KEPT,
    # A fix of an earlier attempt may be in place, and wait for its backup.
    "returning": KEPT,
}
"""Of each field of an incident: what the next attempt begins with. A new field has to
be decided on here."""


@pytest.mark.parametrize("field", fields(Incident), ids=lambda field: field.name)
def test_each_field_is_kept_or_begins_anew(field: Field[Any]) -> None:
    before = getattr(FULL, field.name)
    assert field.default is MISSING or before != field.default, "the example has to show it"
    decided = DECIDED[field.name]
    wanted = {KEPT: before, ANEW: field.default}.get(decided, decided) if str(decided) else decided
    assert getattr(next_attempt(FULL, "Ana", NOW), field.name) == wanted


def test_nothing_is_decided_on_that_is_no_field() -> None:
    assert DECIDED.keys() == {field.name for field in fields(Incident)}


FOLLOWED = Verification("v", since=LONG_AGO)
SHOWN: dict[str, tuple[Verification | None, Verification | None]] = {
    "none": (None, None),
    "it runs, as far as we know": (FOLLOWED, FOLLOWED),
    "it was followed for too long": (replace(FOLLOWED, outcome=TIMED_OUT), FOLLOWED),
    "its job is gone": (replace(FOLLOWED, outcome=NOT_FOUND), None),
    "it completed": (Verification("v", "Completed"), Verification("v", "Completed")),
    "it failed": (FAILED, None),
    "it was cancelled": (Verification("v", "Cancelled"), None),
}


@pytest.mark.parametrize("case", SHOWN)
def test_a_verifying_backup_that_may_show_the_fix_is_looked_at_again(case: str) -> None:
    before, after = SHOWN[case]
    assert next_attempt(replace(FULL, verification=before), "Ana", NOW).verification == after


def test_the_newest_failure_stays_the_one_that_is_diagnosed() -> None:
    assert next_attempt(FULL, "Ana", NOW).newest_failure == FULL.newest_failure
    assert next_attempt(FULL, "Ana", NOW).code_now == FULL.code_now


def test_a_cause_may_be_tried_again_and_counts_by_itself() -> None:
    before = replace(FULL, waiting=None)
    after = next_attempt(before, "Ana", NOW)
    assert (before.tried, after.tried) == (frozenset({"backup_extension"}), frozenset())
    assert len({FULL.attempt_key, after.attempt_key, replace(FULL, attempt=1).attempt_key}) == 3
    assert replace(FULL, attempt=1).attempt_key == FULL.id


def sent(answer: Answer, at: str, kind: str = FIX.kind) -> tuple[Sent, ...]:
    return (Sent(kind, FIX.target, "t", at, answer),)


def ago(seconds: float) -> str:
    return clock.after(NOW, -seconds)


NOT_AGAIN: dict[str, tuple[dict[str, Any], str]] = {
    "fixed": ({"status": Status.FIXED}, "is fixed: there is nothing to diagnose anew"),
    **{
        status.value: ({"status": status}, f"has not ended: it is {status}")
        for status in Status
        if status not in ENDED
    },
    "an event of no VM": ({"vm_id": ""}, "names no VM that can be diagnosed"),
    "a failure of another subscription": (
        {"status": Status.IGNORED, "container_name": "", "item_name": ""},
        "names no VM that can be diagnosed: only a person",
    ),
    "a request without an answer": ({"sent": sent(Answer.NONE, ago(1800))}, "may still take"),
    "a removal that was accepted": ({"sent": sent(Answer.ACCEPTED, ago(1800))}, "ask again after"),
    "an order that may still begin": ({"sent": sent(Answer.UNKNOWN, ago(110), ORDER)}, "backup of"),
}


@pytest.mark.parametrize("case", NOT_AGAIN)
def test_who_gets_no_attempt_is_told_why(case: str) -> None:
    changed, reason = NOT_AGAIN[case]
    assert reason in why_not_again(replace(FULL, **changed), NOW)


AGAIN: dict[str, dict[str, Any]] = {
    **{status.value: {"status": status} for status in sorted(ENDED - {Status.FIXED})},
    "nothing was sent": {"sent": ()},
    "a request without an answer, long ago": {"sent": sent(Answer.NONE, ago(1811))},
    "a removal that was accepted, long ago": {"sent": sent(Answer.ACCEPTED, ago(1811))},
    "an order without an answer": {"sent": sent(Answer.UNKNOWN, ago(121), ORDER)},
    "a removal just now, refused": {"sent": sent(Answer.FAILED, NOW)},
    "a removal just now": {"sent": sent(Answer.DONE, NOW)},
}


@pytest.mark.parametrize("case", AGAIN)
def test_who_may_have_an_attempt(case: str) -> None:
    assert why_not_again(replace(FULL, **AGAIN[case]), NOW) == ""


def test_nothing_takes_effect_later_than_the_settings_allow() -> None:
    """The command line does not know what the app was set to."""
    most = LATEST_EFFECT_SECONDS[Answer.NONE] - SEND_WITHIN_SECONDS
    least = {"REMEDIATOR_WATCH_SECONDS": "3600"}
    assert (
        Settings.from_environment(least | {"REMEDIATOR_LATE_SECONDS": f"{most:g}"}).late_seconds
        == most
    )
    with pytest.raises(SettingsError):
        Settings.from_environment(least | {"REMEDIATOR_LATE_SECONDS": f"{most + 1:g}"})


@pytest.mark.parametrize("status", sorted(Status))
def test_only_a_word_leaves_an_end_and_nothing_leaves_fixed(status: Status) -> None:
    again = status in ENDED and status is not Status.FIXED
    assert (Status.OPEN in MOVES[status]) is again
    if again:
        assert MOVES[status] == {Status.OPEN}
    elif status is not Status.OPEN:
        with pytest.raises(ValueError, match="cannot go from"):
            next_attempt(replace(FULL, status=status), "Ana", NOW)


# In the store


class NoLine:
    async def leave(self, incident_id: str) -> None:
        """Nobody waits here."""


@dataclass
class Desk:
    store: SqliteStore
    in_hand: str = ""

    @property
    def book(self) -> IncidentBook:
        return IncidentBook(self.store)

    @property
    def audit(self) -> AuditLog:
        return AuditLog(self.store)

    def attempts(self) -> Attempts:
        async def why_in_hand(_: str) -> str:
            return self.in_hand

        return Attempts(self.book, Journal(self.audit), why_in_hand)

    async def ask(self, person: str = "Ana", incident_id: str = FULL.id) -> Any:
        return await self.attempts().begin(incident_id, person)

    def restarts(self) -> Restarts:
        closing = Closing(self.book, Journal(self.audit), NoLine())
        return Restarts(self.book, Journal(self.audit), closing, 3600.0, lambda _: ())

    async def asked(self) -> list[tuple[str, str, Any]]:
        entries = self.audit.entries(incident=FULL.id)
        return [(e.actor, e.result, e.detail) async for e in entries if e.kind == "retry"]

    async def working(self) -> list[str]:
        return [row.key async for row in self.store.query(WORKING, "incident")]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(SqliteStore(tmp_path / "remediator.db"))
    await made.book.open(replace(FULL, attempt=1))
    yield made
    await made.store.close()


async def test_the_word_is_on_record_and_the_guardian_finds_the_work(desk: Desk) -> None:
    made = await desk.ask("Ana (1)")
    assert (made.status, made.attempt, made.closed_at) == (Status.OPEN, 2, "")
    assert await desk.book.get(FULL.id) == made
    assert await desk.asked() == [("Ana (1)", "attempt 2, as Ana (1) asked", {"attempt": 2})]
    assert [each.id for each in await desk.restarts().unfinished()] == [FULL.id]
    assert await desk.book.at_work_on(VM) == FULL.id


async def test_the_guardian_begins_it_also_where_the_failure_is_of_this_minute(desk: Desk) -> None:
    await desk.book.change(FULL.id, lambda each: replace(each, opened_at=clock.now()))
    await desk.ask()
    assert [each.id for each in await desk.restarts().unfinished()] == [FULL.id]


async def test_its_first_start_is_told_as_one_and_counts(desk: Desk) -> None:
    await desk.ask()
    for _ in range(2):
        await desk.restarts().count_restart(FULL.id)
    told = [e.result async for e in desk.audit.entries() if e.kind == "recovery"]
    assert told == ["attempt 2 is begun", "begun again (2) after the engine lost it"]


async def test_two_who_ask_at_once_make_one_attempt(desk: Desk) -> None:
    first, second = await asyncio.gather(desk.ask("Ana"), desk.ask("Ben"))
    assert (first.attempt, second.attempt) == (2, 2)
    after = await desk.book.get(FULL.id)
    assert after is not None
    assert (after.attempt, after.earlier_actions) == (2, (EARLIER, FIX))


async def test_a_word_that_comes_late_does_not_begin_a_third(desk: Desk) -> None:
    """The attempt that it asked for was made by another word, and has ended."""
    attempts, before = desk.attempts(), await desk.book.get(FULL.id)
    assert before is not None
    await desk.ask("Ben")
    await desk.book.change(
        FULL.id, lambda each: each.moved(Status.NEEDS_PERSON, "no cause", now=NOW)
    )

    class Stale(IncidentBook):
        async def find(self, text: str) -> Incident | None:  # noqa: ARG002
            return before

    late = await replace(attempts, book=Stale(desk.store)).begin(FULL.id, "Ana")
    assert isinstance(late, Incident)
    assert (late.status, late.attempt) == (Status.NEEDS_PERSON, 2)
    assert await desk.working() == []


async def test_who_asks_again_before_it_begins_mends_what_a_death_left(desk: Desk) -> None:
    await desk.ask()
    await desk.store.delete(await _row(desk))
    again = await desk.ask("Ben")
    assert (again.attempt, await desk.working()) == (2, [FULL.id])
    assert len(await desk.asked()) == 1


async def _row(desk: Desk) -> Any:
    row = await desk.store.get(WORKING, "incident", FULL.id)
    assert row is not None
    return row


async def test_who_saw_it_ended_does_not_take_it_off_the_list_for_good(desk: Desk) -> None:
    """The end of the attempt before is still being written."""
    await desk.ask()
    await desk.book._remove_from_working(FULL.id)
    assert await desk.working() == [FULL.id]


async def test_while_another_incident_is_at_work_on_the_vm_it_is_refused(desk: Desk) -> None:
    other = replace(FULL, id="20200102T000000-k-2", status=Status.FIXING, closed_at="", attempt=1)
    await desk.book.open(other)
    await desk.book.hold_vm(VM, other.id)
    refused = await desk.ask()
    assert isinstance(refused, NotRetried)
    assert other.id in refused.reason
    assert (await desk.book.get(FULL.id), await desk.asked()) == (replace(FULL, attempt=1), [])
    await desk.book.change(other.id, lambda each: each.moved(Status.FAILED, "x", now=NOW))
    assert (await desk.ask()).attempt == 2


async def test_while_its_lock_window_is_not_over_it_is_refused(desk: Desk) -> None:
    desk.in_hand = "its lock window of rg is not over"
    assert await desk.ask() == NotRetried(desk.in_hand)
    assert (await desk.book.get(FULL.id), await desk.asked()) == (replace(FULL, attempt=1), [])


@pytest.mark.parametrize("status", [Status.FIXED, Status.FIXING])
async def test_what_is_fixed_or_at_work_stays_as_it_is(desk: Desk, status: Status) -> None:
    await desk.book.change(FULL.id, lambda each: replace(each, status=status))
    refused = await desk.ask()
    assert isinstance(refused, NotRetried) and str(status) in refused.reason
    after = await desk.book.get(FULL.id)
    assert after is not None and (after.status, after.attempt) == (status, 1)
    assert await desk.asked() == []


@pytest.mark.parametrize("name", ["nobody", "no/key", ""])
async def test_an_incident_that_is_not_there_is_none(desk: Desk, name: str) -> None:
    assert await desk.ask(incident_id=name) is None


async def test_what_cannot_be_recorded_does_not_begin(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: Any, **__: Any) -> None:
        raise OSError("no record")

    monkeypatch.setattr(AuditLog, "append", refuse)
    with pytest.raises(OSError, match="no record"):
        await desk.ask()
    assert await desk.book.get(FULL.id) == replace(FULL, attempt=1)


async def test_an_intent_of_an_earlier_attempt_is_none_of_this_one(desk: Desk) -> None:
    journal = Journal(desk.audit)
    await journal.intent(FULL, FIX.kind, "/A")
    await desk.ask()
    assert await journal.intended(FULL.id) == set()
    await journal.intent(FULL, FIX.kind, "/B")
    # The word of somebody who asked for the same attempt, and was slow.
    await journal.note(FULL, "retry", "attempt 2", detail={"attempt": 2}, actor="Ben")
    assert await journal.intended(FULL.id) == {"/b"}


def test_it_is_to_begin_until_its_first_stage() -> None:
    opened = next_attempt(FULL, "Ana", NOW)
    assert is_to_begin(opened) and not opened.at_work
    begun = opened.moved(Status.DIAGNOSING, "x", now=NOW)
    assert not is_to_begin(begun) and begun.at_work
    assert not is_to_begin(replace(opened, attempt=1))
