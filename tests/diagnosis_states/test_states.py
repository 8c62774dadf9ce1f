"""The table of VM states: each checker's verdict, and the remedy, as the documents have
them."""

from __future__ import annotations

import asyncio

import pytest

from local.simulator import ids
from shared import catalogue
from shared.incident.model import Verdict
from tests.diagnosis_states import not_yet
from tests.diagnosis_states.build import build
from tests.diagnosis_states.confusion import count, falsely_confirmed, render
from tests.diagnosis_states.examine import Found, examine_all
from tests.diagnosis_states.row import (
    AGAIN,
    CHECKERS,
    DELETE,
    REMEDIES,
    UNDECIDED,
    UNINSTALL,
    Row,
)
from tests.diagnosis_states.table import ROWS, find_misses
from tests.diagnosis_states.told import MUST_BE_TOLD, MUST_NOT_BE_TOLD
from tests.local.simulator.support import openapi

DEFINITIONS = {
    ids.VIRTUAL_MACHINE: ("vm", "VirtualMachine"),
    ids.EXTENSION: ("vm", "VirtualMachineExtension"),
    ids.COLLECTION: ("restorePoint", "RestorePointCollection"),
    ids.BACKUP_POLICY: ("bms", "ProtectionPolicyResource"),
    ids.PROTECTED_ITEM: ("bms", "ProtectedItemResource"),
    ids.RECOVERY_POINT: ("bms", "RecoveryPointResource"),
    ids.BACKUP_JOB: ("bms", "JobResource"),
    ids.LOCK: ("locks", "ManagementLockObject"),
}
"""Where ARM's OpenAPI defines a type."""
CASES_FROM_THE_FIELD = ("02", "03", "05", "09", "13", "14", "17", "18", "25", "28", "32", "36")


@pytest.fixture(scope="module")
def found() -> dict[str, Found]:
    """What the product makes of every row: all of them in one simulator."""
    return asyncio.run(examine_all(ROWS))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_state_gets_its_verdicts_and_its_remedy(row: Row, found: dict[str, Found]) -> None:
    misses = {miss.what: str(miss) for miss in find_misses(row, found[row.name])}
    allowed = not_yet.misses_of(row.name)
    assert not (wrong := [misses[what] for what in misses.keys() - allowed]), "\n".join(wrong)
    assert not (right := allowed - misses.keys()), f"met now, take it out of not_yet.py: {right}"


@pytest.mark.parametrize("name", MUST_BE_TOLD)
def test_a_person_is_told_what_holds_for_his_vm(name: str, found: dict[str, Found]) -> None:
    if "remedy" in not_yet.misses_of(name):
        pytest.skip("what becomes of this state is not right yet")
    told = "\n".join([found[name].reason, *map(str, found[name].steps)])
    assert not [words for words in MUST_BE_TOLD[name] if words not in told], told
    assert not [words for words in MUST_NOT_BE_TOLD.get(name, ()) if words in told], told


def test_nothing_is_confirmed_that_the_documents_rule_out(found: dict[str, Found]) -> None:
    assert falsely_confirmed(ROWS, found) == []


def test_the_confusion_table(found: dict[str, Found]) -> None:
    print(render(ROWS, found))  # `make states`, or pytest -rP
    counts = count(ROWS, found)
    assert sum(sum(each.values()) for each in counts.values()) == sum(
        len(row.verdicts) for row in ROWS
    )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_resource_is_as_arm_returns_it(row: Row) -> None:
    """Against ARM's OpenAPI; of the recovery points only the newest."""
    check = openapi()
    state, _ = build(row.azure, row.code)
    by_type = {each["type"]: each for each in state["resources"]}
    for kind, (specification, definition) in DEFINITIONS.items():
        if kind in by_type:
            assert check(specification).check(definition, by_type[kind]) == []


def test_what_is_not_met_yet_names_rows_of_the_table() -> None:
    names = {row.name for row in ROWS}
    assert {row for rows in not_yet.NOT_YET.values() for row in rows} <= names


def test_the_table_is_whole() -> None:
    assert len(ROWS) >= 60
    assert len({row.name for row in ROWS}) == len(ROWS)
    names = [row.name for row in ROWS]
    for case in CASES_FROM_THE_FIELD:
        assert [name for name in names if name.startswith(f"S{case} ")], case
    expected = {each for row in ROWS for each in row.verdicts.items()}
    assert expected == {(cause, verdict) for cause in CHECKERS.values() for verdict in Verdict}
    assert {row.remedy for row in ROWS} == set(REMEDIES)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_is_complete_and_does_not_contradict_itself(row: Row) -> None:
    named = {cause.slug for cause in catalogue.causes_of(row.code)}
    assert named <= set(row.verdicts)
    assert row.source
    open_questions = Verdict.UNKNOWN in row.verdicts.values() or row.remedy == UNDECIDED
    assert bool(row.why) == open_questions
    confirmed = {cause for cause, verdict in row.verdicts.items() if verdict is Verdict.CONFIRMED}
    assert row.remedy != UNINSTALL or "backup_extension" in confirmed
    assert row.remedy != DELETE or "locked_restore_points" in confirmed
    assert row.remedy != AGAIN or not confirmed
