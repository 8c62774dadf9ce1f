"""What the tests of the lock protocol's traces share: the places of a repair, and what
a run left."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from local.promises import locks_of
from shared.execution.lock_window.ledger import LockLedger
from shared.execution.lock_window.lock_row import LockRow
from shared.store.sqlite import SqliteStore
from tests.faults.at_will import together
from tests.faults.azure import locked_groups
from tests.faults.cell import MADE
from tests.faults.hands import HANDS
from tests.faults.runs import Outcome, run
from tests.faults.world import Fault, Hand, Place, World

PROOF: Place = ("before ARM PUT locks", 1)
DELETION: Place = ("before ARM DELETE locks", 1)
OFF: Place = ("after store replace locks off", 1)
WATCHED: Place = ("after store replace locks watched", 1)
SETTLED: Place = ("after store replace locks settled", 1)
PUT_BACK: Place = ("before ARM PUT locks", "after ARM DELETE locks")
CHANGED = copy.deepcopy(MADE)
CHANGED["properties"]["notes"] = "a person wrote this meanwhile"
MENDED = "put back: it was absent"


def person(*does: Hand | str) -> Fault:
    hands = [HANDS[each] if isinstance(each, str) else each for each in does]
    return Fault("person", {"does": together(*hands)})


def named(place: Place) -> str:
    return str(place).split("'")[1].removeprefix("after store ")


async def repaired(
    folder: Path, faults: dict[Place, Fault], count: int = 1, **more: Any
) -> Outcome:
    """A run in which every fault struck, and no promise was broken."""
    outcome = await run(folder, *locked_groups({"rg-one": count}), faults, **more)
    assert len(outcome.struck) == len(faults), outcome.struck
    assert outcome.broken == {}
    return outcome


async def rows_of(folder: Path) -> list[LockRow]:
    """The ledger as a run left it, in the order of the windows."""
    store = SqliteStore(folder / "store.db")
    try:
        rows = [hand.row for hand in await LockLedger(store).hands()]
    finally:
        await store.close()
    return sorted(rows, key=lambda row: row.deadline)


def told(outcome: Outcome, kind: str = "restore_lock") -> list[str]:
    """What notes and outcomes of this kind say, in order."""
    return [
        each["result"]
        for each in outcome.entries
        if each["kind"] == kind and each["phase"] != "intent"
    ]


def blames_somebody(outcome: Outcome) -> list[str]:
    """What entries and incidents say of somebody else's deletion."""
    details = [action["detail"] for each in outcome.incidents for action in each["actions"]]
    said = [*told(outcome), *details, *(each["reason"] for each in outcome.incidents)]
    return [text for text in said if "took it off" in text or "removed it since" in text]


def expect_the_planned_one(world: World) -> None:
    """A late request undid what a person did: nobody can promise that away."""
    world.expected = locks_of({"resources": [MADE]})
