"""Locks that will refuse something are named with their command, and no others."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from shared.arm_ids import is_at_or_above
from shared.diagnosis import by_hand
from shared.diagnosis.by_hand import delete_lock
from shared.diagnosis.checkers.contract import WINDOWS_VM, KnownFacts
from shared.diagnosis.refusing_locks import LOCKED_CODE, name_refusing
from shared.facts import Absent, Lock, Unreadable
from shared.incident.model import Finding, Incident, Verdict
from shared.incident.status import Status
from shared.plan.decide import name_locks
from shared.plan.planner import NoPlan
from shared.sentences import phrase
from tests.shared.plan.test_deciding import AGENT, EXTENSION, GROUP, INCIDENT, LOCKED, VAULT, VM

SUBSCRIPTION = GROUP.rsplit("/", 2)[0]
VAULT_GROUP = f"{SUBSCRIPTION}/resourceGroups/rg-backup"
INCIDENT = replace(INCIDENT, vault_id=VAULT.replace(GROUP, VAULT_GROUP))
VAULT = INCIDENT.vault_id
LIMIT = replace(INCIDENT, error_code="UserErrorRpCollectionLimitReached")
IN_LOCKED_STATE = replace(INCIDENT, error_code=LOCKED_CODE)
NOT_THERE = Finding("locked_restore_points", Verdict.UNKNOWN, (phrase("vault_locked"),))
BACKUP, REMOVAL, CLEAN_UP = "a new backup", "the removal of the backup", "the clean-up of old"
NEVER = ""


def on(scope: str, level: str = "CanNotDelete", owners: tuple[str, ...] = ()) -> Lock:
    lock_id = f"{scope}/providers/Microsoft.Authorization/locks/keep"
    return Lock(lock_id, "keep", level, None, owners)


@dataclass
class Locks:
    held: tuple[Lock, ...] | Unreadable
    asked: list[str] = field(default_factory=list)

    async def locks(self, scope: str) -> tuple[Lock, ...] | Absent | Unreadable:
        self.asked.append(scope)
        if isinstance(self.held, Unreadable):
            return self.held
        return tuple(each for each in self.held if is_at_or_above(each.scope, scope))


@pytest.mark.parametrize(
    ("incident", "findings", "lock", "refuses"),
    [
        (INCIDENT, (AGENT,), on(VM), NEVER),
        (INCIDENT, (AGENT,), on(GROUP), NEVER),
        (INCIDENT, (AGENT,), on(SUBSCRIPTION), NEVER),
        (INCIDENT, (AGENT,), on(VAULT), NEVER),
        (INCIDENT, (AGENT,), on(f"{GROUP}-other", "ReadOnly"), NEVER),
        (INCIDENT, (LOCKED,), LOCKED.targets[0].locks[0], NEVER),
        (INCIDENT, (AGENT,), on(VM, "ReadOnly"), BACKUP),
        (INCIDENT, (AGENT,), on(GROUP, "ReadOnly"), BACKUP),
        (INCIDENT, (AGENT,), on(SUBSCRIPTION, "ReadOnly"), BACKUP),
        (INCIDENT, (AGENT,), on(VAULT, "ReadOnly"), BACKUP),
        (INCIDENT, (AGENT,), on(VAULT_GROUP, "ReadOnly"), BACKUP),
        (INCIDENT, (EXTENSION,), on(VM), REMOVAL),
        (INCIDENT, (EXTENSION,), on(GROUP), REMOVAL),
        (INCIDENT, (EXTENSION,), on(SUBSCRIPTION), REMOVAL),
        (INCIDENT, (EXTENSION,), on(VAULT), NEVER),
        (IN_LOCKED_STATE, (), on(VM), BACKUP),
        (IN_LOCKED_STATE, (), on(GROUP), BACKUP),
        (LIMIT, (), on(VAULT), CLEAN_UP),
        (LIMIT, (), on(VAULT_GROUP), CLEAN_UP),
        (LIMIT, (), on(SUBSCRIPTION), CLEAN_UP),
        (INCIDENT, (NOT_THERE,), on(VAULT), CLEAN_UP),
        (INCIDENT, (LOCKED,), on(VAULT), CLEAN_UP),
    ],
)
async def test_a_lock_is_named_where_it_refuses_something(
    incident: Incident, findings: tuple[Finding, ...], lock: Lock, refuses: str
) -> None:
    told = await name_refusing(Locks((lock,)), incident, findings)
    assert len(told) == bool(refuses)
    for step in told:
        text = str(step)
        assert lock.scope in text and lock.level in text and f"refuses {refuses}" in text
        assert text.endswith(delete_lock(lock))


async def test_it_asks_twice() -> None:
    reader = Locks((on(SUBSCRIPTION, "ReadOnly"),))
    assert len(await name_refusing(reader, INCIDENT, ())) == 1
    assert reader.asked == [VM, VAULT]


async def test_locks_that_cannot_be_read_are_no_absence_of_locks() -> None:
    told = await name_refusing(Locks(Unreadable("the locks", "403")), INCIDENT, ())
    assert [step.key for step in told] == ["locks_not_read", "locks_not_read"]
    assert all("az lock list --subscription" in str(step) and "403" in str(step) for step in told)


async def test_a_lock_that_a_step_names_already_is_not_named_again() -> None:
    lock = on(VAULT)
    step = by_hand.remove_lock(lock)
    decided = NoPlan(Status.NEEDS_PERSON, "", (step,))
    facts = KnownFacts(vm=WINDOWS_VM, locked_by=(lock,))
    told = await name_locks(facts, LIMIT, decided)
    assert told.manual_steps == (step,)


async def test_of_a_vm_that_is_gone_no_lock_refuses_anything() -> None:
    facts = KnownFacts(vm=Absent("the VM"), locked_by=(on(VAULT),))
    decided = NoPlan(Status.NEEDS_PERSON, "", ())
    assert await name_locks(facts, LIMIT, decided) == decided
