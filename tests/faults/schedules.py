"""Random schedules of the lock protocol: two or three harsh faults, and perhaps an act
of a person, at any boundary of a repair whose group has one lock or two.

    python -m tests.faults.schedules '{"locks": 1, "lose_engine": true, "faults": []}'

plays one again, as a failure prints it. The times are such that all is promised: a
freeze ends within the watch, whatever dies afterwards, but for one that is long, which
has no death and no silent store beside it (docs/lock-protocol.md, "What nobody can
promise"). The wall clock is not turned.
"""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import shlex
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from local.promises import locks_of
from local.scenarios import parts
from tests.faults.at_will import LOCK_WRITES
from tests.faults.azure import NOTES, locked_groups
from tests.faults.cell import GET_LOCK, MADE
from tests.faults.fault import Fault, NeverAtRest, Place
from tests.faults.hands import GROUP_ID
from tests.faults.harsh import NOT_FOUND
from tests.faults.runs import Outcome, run
from tests.faults.world import World

TIMES = {
    "REMEDIATOR_LEASE_SECONDS": "1.5",
    "REMEDIATOR_WATCH_SECONDS": "3",
    "REMEDIATOR_LATE_SECONDS": "0.2",
    "REMEDIATOR_STALE_SECONDS": "0.2",
}
FROZEN_SECONDS, LONG_SECONDS = 2.6, 7.0
"""Longer than the lease, and within the watch; longer than both."""
SOON = {"seconds": 0.2}
"""The latest effect of a request, and the oldest read, that the settings assume."""

_WRITES = (
    "insert locks",
    "delete locks",
    *(
        f"replace locks {state}"
        for state in ("planned", "sent", "off", "returning", "watched", "settled")
    ),
    *(f"replace windows {what}" for what in ("open", "closing", "heartbeat")),
    *(f"transact windows {what}" for what in ("insert", "replace", "delete")),
    *(f"insert audit {what}" for what in ("intent lift_lock", "outcome restore_lock")),
)
BEFORE_STORE = tuple(f"before store {each}" for each in _WRITES)
ANYWHERE = (
    *BEFORE_STORE,
    *(f"after store {each}" for each in _WRITES),
    *LOCK_WRITES,
    *(each.replace("before", "after") for each in LOCK_WRITES),
    f"before {GET_LOCK}",
    "after ARM DELETE restorePointCollections",
)
DEADLY = ("dies", "dies late", "freezes to death", "freezes", "store away", "store reads fail")
KINDS: dict[str, tuple[Fault, Sequence[str]]] = {
    "dies": (Fault("die"), ANYWHERE),
    "dies late": (Fault("die late", SOON), LOCK_WRITES),
    "late": (Fault("late", SOON), LOCK_WRITES),
    "freezes": (Fault("freeze", {"seconds": FROZEN_SECONDS}), ANYWHERE),
    "freezes for long": (Fault("freeze", {"seconds": LONG_SECONDS}), ANYWHERE),
    "freezes to death": (Fault("freeze", {"seconds": FROZEN_SECONDS, "die": True}), LOCK_WRITES),
    "answer lost": (Fault("arm", {"action": {"reset": "after"}}), LOCK_WRITES),
    "reset": (Fault("reset"), LOCK_WRITES),
    "500": (Fault("arm", {"action": {"status": 500}, "times": 2}), LOCK_WRITES),
    "429": (
        Fault("arm", {"action": {"status": 429, "headers": {"Retry-After": "0"}}}),
        LOCK_WRITES,
    ),
    "403": (Fault("arm", {"action": {"status": 403}, "times": 3}), LOCK_WRITES),
    "404": (Fault("arm", {"action": {"status": 404, "body": NOT_FOUND}, "times": 2}), LOCK_WRITES),
    "old": (Fault("arm", {"action": {"stale_s": 0.2}, "times": 3}), (f"before {GET_LOCK}",)),
    "unreadable": (
        Fault("arm", {"action": {"status": 503}, "times": 3}),
        (f"before {GET_LOCK}",),
    ),
    "store lost": (Fault("store lost"), BEFORE_STORE),
    "store away": (Fault("store", {"seconds": 0.5}), ANYWHERE),
    "store reads fail": (Fault("store reads fail", {"seconds": 0.5}), ANYWHERE),
    "twice": (Fault("twice"), ("activity carry_out_unit",)),
}
ACTS = ("changes", "takes off")
type Strike = tuple[str, str, int]
"""A kind or an act, a boundary's label, and the how-manieth of that label."""


@dataclass(frozen=True)
class Schedule:
    locks: int
    lose_engine: bool
    faults: tuple[Strike, ...]

    @property
    def promised(self) -> bool:
        kinds = [kind for kind, _, _ in self.faults]
        return "freezes for long" not in kinds or not set(kinds) & set(DEADLY)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Schedule:
        given = json.loads(text)
        faults = tuple((kind, label, nth) for kind, label, nth in given["faults"])
        return cls(given["locks"], given["lose_engine"], faults)


class Person:
    """What a person does to the first lock, where that is there."""

    def __init__(self) -> None:
        self.did: set[str] = set()
        self.changed = copy.deepcopy(MADE)
        self.changed["properties"]["notes"] = "a person wrote this meanwhile"

    def changes(self, world: World) -> None:
        if world.simulator.world.state.has(MADE["id"]):
            world.simulator.world.state.put(copy.deepcopy(self.changed))
            self.did.add("changes")

    def takes_off(self, world: World) -> None:
        if world.simulator.world.state.has(MADE["id"]):
            world.simulator.world.state.remove(MADE["id"])
            self.did.add("takes off")

    def does(self, act: str) -> Fault:
        return Fault("person", {"does": self.changes if act == "changes" else self.takes_off})


async def play(schedule: Schedule) -> dict[str, Any]:
    """What is broken: nothing where every promise holds.

    Of the lock that a person changed, that it is there, with one of the two bodies;
    whether his act was undone without a word, the model asks (`tests/model`).
    """
    state, failures = locked_groups({"rg-one": 1})
    if schedule.locks == 2:
        state["resources"].append(parts.lock(GROUP_ID, "also-keep-rg-one", NOTES))
    person, faults = Person(), dict[Place, Fault]()
    for kind, label, nth in schedule.faults:
        faults[label, nth] = person.does(kind) if kind in ACTS else KINDS[kind][0]
    with tempfile.TemporaryDirectory() as folder:
        try:
            outcome = await run(
                Path(folder),
                state,
                failures,
                faults,
                lose_engine=schedule.lose_engine,
                environment=TIMES,
            )
        except NeverAtRest as error:
            return {"never at rest": str(error)}
    return judge_with(person, outcome)


def judge_with(person: Person, outcome: Outcome) -> dict[str, Any]:
    """The outcome's broken promises, but for what the person did himself."""
    broken: dict[str, Any] = dict(outcome.broken)
    key = MADE["id"].casefold()
    found = locks_of(outcome.after).get(key)
    changed = locks_of({"resources": [person.changed]})[key]
    his: tuple[str, ...] = ()
    if "takes off" in person.did:
        his = (f"missing or changed: {key}", f"off when all was at rest: {key}")
    elif "changes" in person.did and found == changed:
        his = (f"missing or changed: {key}",)
    lost = [text for text in broken.pop("locks lost", []) if not text.startswith(his)]
    return broken | ({"locks lost": lost} if lost else {})


def say_how_to_repeat(schedule: Schedule) -> str:
    return f"python -m tests.faults.schedules {shlex.quote(schedule.to_json())}"


def main() -> None:
    logging.disable(logging.CRITICAL)
    broken = asyncio.run(play(Schedule.from_json(sys.argv[1])))
    print(json.dumps(broken, indent=2))
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
