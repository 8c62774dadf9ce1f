"""The facts of a diagnosis: each is read once, and the record of them is judged."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from shared import catalogue, clock
from shared.diagnosis.check import check
from shared.diagnosis.checkers.contract import (
    EXAMPLE_SUBJECT,
    WINDOWS_VM,
    Example,
    KnownFacts,
)
from shared.diagnosis.gathered import (
    JUST_SECONDS,
    KEPT_SECONDS,
    MOST_CHARACTERS,
    GatheredFacts,
    is_just_diagnosed,
    recorded,
)
from shared.errors import RemediatorError
from shared.facts import VirtualMachine
from shared.incident.model import FactsOnRecord, Incident
from shared.incident.status import Status

FAILED_AT = EXAMPLE_SUBJECT.failed_at
EXAMPLES = [
    pytest.param(cause.slug, example, id=f"{cause.slug}: {example.says}")
    for cause in catalogue.CAUSES
    for example in cause.checker.examples
]


@dataclass
class Counting:
    """A reader that counts what it is asked."""

    facts: KnownFacts
    asked: Counter[str] = field(default_factory=Counter)

    def __getattr__(self, method: str) -> Any:
        async def read(of: str, **more: Any) -> Any:
            self.asked[f"{method} {of.casefold()} {more}"] += 1
            await asyncio.sleep(0)
            return await getattr(self.facts, method)(of, **more)

        return read


def incident(facts: FactsOnRecord | None) -> Incident:
    vm = WINDOWS_VM.id
    return Incident("i", Status.DIAGNOSING, "s", "v", vm, "c", "n", "j", "", FAILED_AT, facts=facts)


async def gather(reader: Any) -> FactsOnRecord:
    """As the gathering does for all causes of a failure."""
    facts = GatheredFacts(reader, network=False)
    await asyncio.gather(*(check(each.slug, EXAMPLE_SUBJECT, facts) for each in catalogue.CAUSES))
    return facts.to_record(FAILED_AT)


@pytest.mark.parametrize(("cause", "example"), EXAMPLES)
async def test_a_checker_finds_the_same_on_the_record(cause: str, example: Example) -> None:
    """Whatever it asks for goes through JSON and back unchanged."""
    reader = Counting(example.facts)
    gathering = GatheredFacts(reader, network=False)
    await check(cause, example.subject, gathering)
    record = gathering.to_record(example.subject.failed_at)
    reader.asked.clear()
    found = await check(cause, example.subject, GatheredFacts(reader, record.read))
    assert found == await check(cause, example.subject, example.facts)
    assert [each for each in reader.asked if not each.startswith("effective_")] == []


async def test_each_fact_is_read_once_for_all_causes() -> None:
    reader = Counting(KnownFacts(vm=WINDOWS_VM, vm_extensions=(), collections=()))
    record = await gather(reader)
    assert set(reader.asked.values()) == {1}
    assert len(record.read) == len(reader.asked)


async def test_rules_and_routes_are_left_to_the_checker_that_needs_them() -> None:
    reader = Counting(KnownFacts(vm=WINDOWS_VM))
    gathering = GatheredFacts(reader, network=False)
    await gathering.effective_groups("/nic")
    await gathering.effective_routes("/nic")
    assert reader.asked == Counter()
    await GatheredFacts(reader).effective_groups("/nic")
    assert len(reader.asked) == 1


async def test_of_tags_only_ours_go_on_record() -> None:
    tags = {"Backup-Remediation": "observe", "owner": "a person"}
    record = await gather(Counting(KnownFacts(vm=replace(WINDOWS_VM, tags=tags))))
    assert "a person" not in json.dumps(dict(record.read))
    facts = GatheredFacts(Counting(KnownFacts()), record.read)
    vm = await facts.virtual_machine(WINDOWS_VM.id)
    assert isinstance(vm, VirtualMachine)
    assert vm.tags == {"Backup-Remediation": "observe"}


async def test_what_would_be_too_long_is_left_out_and_read_again() -> None:
    long = replace(WINDOWS_VM, agent_message="x" * MOST_CHARACTERS)
    reader = Counting(KnownFacts(vm=long, vm_extensions=()))
    record = await gather(reader)
    assert not any(key.startswith("VM ") for key in record.read)
    facts = GatheredFacts(reader, record.read)
    assert await facts.virtual_machine(WINDOWS_VM.id) == long


@pytest.mark.parametrize(
    ("age_seconds", "failed_at", "judged"),
    [
        (0.0, FAILED_AT, True),
        (KEPT_SECONDS - 5, FAILED_AT, True),
        (KEPT_SECONDS + 5, FAILED_AT, False),
        (0.0, "2026-01-09T02:05:00Z", False),
    ],
)
async def test_a_record_is_judged_only_while_it_is_recent(
    age_seconds: float, failed_at: str, judged: bool
) -> None:
    reader = Counting(KnownFacts(vm=WINDOWS_VM))
    record = await gather(reader)
    old = replace(record, read_at=clock.after(clock.now(), -age_seconds))
    reader.asked.clear()
    await recorded(incident(old), failed_at, reader).virtual_machine(WINDOWS_VM.id)
    assert sum(reader.asked.values()) == (0 if judged else 1)


async def test_who_has_no_record_reads() -> None:
    reader = Counting(KnownFacts(vm=WINDOWS_VM))
    await recorded(incident(None), FAILED_AT, reader).virtual_machine(WINDOWS_VM.id)
    assert sum(reader.asked.values()) == 1


async def test_a_record_that_is_no_fact_is_an_error() -> None:
    facts = GatheredFacts(Counting(KnownFacts()), {f"VM {WINDOWS_VM.id.casefold()}": '{"fact": 1}'})
    with pytest.raises(RemediatorError):
        await facts.virtual_machine(WINDOWS_VM.id)


def diagnosed(jobs_at: str, read_at: str) -> Incident:
    return incident(FactsOnRecord(FAILED_AT, read_at, {}, jobs_at, ("/vaults/v",)))


@pytest.mark.parametrize(
    ("jobs_age_seconds", "failed_at", "just"),
    [
        (0.0, FAILED_AT, True),
        (JUST_SECONDS + 5, FAILED_AT, False),
        (None, FAILED_AT, False),
        (0.0, "2026-01-09T02:05:00Z", False),
    ],
)
def test_a_diagnosis_is_recent_by_when_the_jobs_were_asked_for(
    jobs_age_seconds: float | None, failed_at: str, just: bool
) -> None:
    """Not by when its facts were read: a slow gathering makes no job younger."""
    asked = "" if jobs_age_seconds is None else clock.after(clock.now(), -jobs_age_seconds)
    assert is_just_diagnosed(diagnosed(asked, clock.now()), failed_at) is just
