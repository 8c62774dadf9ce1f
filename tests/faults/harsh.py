"""The harsher cells: what is late, stale, odd or done twice, between the deaths and
refusals of `matrix.cells`."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from shared.execution.lock_window.ledger import LOCKS, PARTITION
from shared.execution.lock_window.lock_row import SCHEMA
from tests.faults.cell import DELETE_LOCK, GET_LOCK, MADE, PUT_LOCK, Cell
from tests.faults.fault import Fault
from tests.faults.strikes import like

if TYPE_CHECKING:
    from tests.faults.world import World

HARSH_COLUMNS = (
    "late effect",
    "frozen",
    "stale read",
    "wrong content",
    "404 of something else",
    "refused, and the store is away",
    "store answer lost",
    "run twice at once",
    "sick neighbour",
    "row of another version",
)
LATE_SECONDS, STALE_SECONDS = 0.2, 0.3
FROZEN_SECONDS, FROZEN_TO_DEATH_SECONDS = 5.0, 4.5
"""Longer than a lease, and than a window with its grace. The second is within what is
promised of a process that sends late and dies right after."""
OLD_SECONDS = 2.0
"""Old enough to show, to whoever takes over, a lock as it was before it was lifted."""
HIDDEN_CALLS = 6
NOT_FOUND = {
    "error": {
        "code": "SubscriptionNotFound",
        "message": "The subscription '11111111-1111-1111-1111-111111111111' could not be found.",
    }
}
REFUSED = Fault("arm", {"action": {"status": 403}, "times": 4})
SICK_CALLS, SICK_SECONDS = 6, 2.5
"""Longer than the call's time limit in these runs."""
TWICE = ("activity carry_out_unit", "activity start_backup")
LOCK_WRITES = tuple(f"before {write}" for write in (DELETE_LOCK, PUT_LOCK))
FREEZES = tuple(
    f"{side} {what}"
    for side in ("before", "after")
    for what in (
        DELETE_LOCK,
        PUT_LOCK,
        *(
            f"store {verb} {table}"
            for verb in ("insert", "replace", "delete")
            for table in ("locks", "windows")
        ),
    )
)


def harsh_cells(
    found: list[tuple[str, int]], activities: list[str], of_extension: list[str]
) -> Iterator[Cell]:
    """`found`: the boundaries of a repair. `activities`: the engine's labels of that
    repair; `of_extension`: of one that removes an extension."""
    for place in found:
        yield from _at(place)
    for labels, extension in ((activities, False), (of_extension, True)):
        yield from _twice(labels, extension)
    for lose in (True, False):
        yield Cell(
            f"sick neighbour, engine {'lost' if lose else 'kept'}",
            "sick neighbour",
            (f"after {DELETE_LOCK}", 2),
            Fault("person", {"does": die_beside_a_sick_group}),
            lose,
            {"rg-one": 1, "rg-two": 1},
        )
    for what, hand in OF_ANOTHER_VERSION.items():
        yield Cell(
            f"row of another version: {what}",
            "row of another version",
            (f"after {DELETE_LOCK}", 1),
            Fault("person", {"does": hand}),
            groups={"rg-one": 1, "rg-two": 1},
        )
    yield from _pairs(found)
    for name, hand in GROUP_NOT_FOUND.items():
        yield Cell(
            f"404 of something else: {name}, for lock and group",
            "404 of something else",
            (f"before {PUT_LOCK}", f"after {DELETE_LOCK}"),
            Fault("person", {"does": hand}),
        )
    lag = {"lock_read_lag_s": STALE_SECONDS}
    yield Cell("stale read, always", "stale read", None, None, simulator=lag)


def _at(place: tuple[str, int]) -> Iterator[Cell]:
    label = place[0]

    def cell(column: str, name: str, fault: Fault, lose: bool = True) -> Cell:
        return Cell(f"{name} @ {place[0]} #{place[1]}", column, place, fault, lose)

    if label in LOCK_WRITES:
        seconds = {"seconds": LATE_SECONDS}
        yield cell("late effect", "late effect, process lives", Fault("late", seconds))
        late = Fault("die late", seconds)
        yield cell("late effect", "late effect, worker dies", late, lose=False)
        yield cell("late effect", "late effect, host dies", late)
        slow = {"seconds": FROZEN_TO_DEATH_SECONDS, "die": True}
        yield cell("frozen", "frozen, then dies", Fault("freeze", slow))
    if label.startswith(FREEZES):
        freeze = Fault("freeze", {"seconds": FROZEN_SECONDS})
        yield cell("frozen", "frozen, engine kept", freeze, lose=False)
        yield cell("frozen", "frozen, engine lost", freeze)
    if label == f"before {GET_LOCK}":
        stale = Fault("arm", {"action": {"stale_s": STALE_SECONDS}})
        yield cell("stale read", "stale read", stale)
    if label in (f"before {GET_LOCK}", f"before {PUT_LOCK}"):
        yield cell("wrong content", "wrong content", Fault("arm", {"action": answer_wrongly}))
        gone = Fault("arm", {"action": {"status": 404, "body": NOT_FOUND}, "times": 2})
        yield cell("404 of something else", "404 of something else", gone)
    if label.startswith("before store"):
        yield cell("store answer lost", "store answer lost", Fault("store lost"))


def _pairs(found: list[tuple[str, int]]) -> Iterator[Cell]:
    lifted, put_back = f"after {DELETE_LOCK}", f"before {PUT_LOCK}"
    old = Fault("arm", {"action": {"stale_s": OLD_SECONDS}, "times": 2})
    for lose in (True, False):
        yield Cell(
            f"stale read for whoever takes over, engine {'lost' if lose else 'kept'}",
            "stale read",
            (lifted, 1),
            Fault("die"),
            lose,
            more={(f"before {GET_LOCK}", lifted): old},
        )
    writes = [label for label, _ in found[found.index((lifted, 1)) :] if _is_of_window(label)]
    for label in (f"after {PUT_LOCK}", *dict.fromkeys(writes)):
        yield Cell(
            f"refused, and the store is away @ {label}",
            "refused, and the store is away",
            (put_back, lifted),
            REFUSED,
            more={(label, lifted): Fault("store", {"seconds": 1.0})},
        )


def _is_of_window(label: str) -> bool:
    return label.startswith("before store") and (" locks" in label or " windows" in label)


def _twice(activities: list[str], extension: bool) -> Iterator[Cell]:
    what = "extension" if extension else "collection"
    for label in TWICE:
        for nth in range(1, activities.count(label) + 1):
            yield Cell(
                f"run twice at once @ {label} #{nth}, {what}",
                "run twice at once",
                (label, nth),
                Fault("twice"),
                extension=extension,
            )
    yield Cell(
        f"two hosts, the same event, {what}",
        "run twice at once",
        None,
        None,
        extension=extension,
        hosts=2,
    )


def answer_wrongly(request: Any) -> dict[str, Any]:
    """The lock is shown with a body that nobody wrote; a PUT does nothing else."""
    other = copy.deepcopy(MADE)
    other["properties"]["notes"] = "nobody wrote this"
    is_list = like(request)["path_regex"].endswith("/locks$")
    return {"status": 200, "body": {"value": [other]} if is_list else other}


def hide_the_subscription(world: World) -> None:
    """For a while ARM does not know the subscription, for the group and its lock."""
    _hide_the_group(world, {"status": 404, "body": NOT_FOUND})


def answer_as_a_gateway(world: World) -> None:
    """For a while something before ARM answers 404, without ARM's error."""
    _hide_the_group(world, {"status": 404, "body": "<html>not found</html>"})


def _hide_the_group(world: World, action: dict[str, Any]) -> None:
    path = "/resourceGroups/rg-one(/providers/Microsoft.Authorization/locks/[^/]+)?$"
    world.simulator.world.faults.add({"path_regex": path, "times": HIDDEN_CALLS, "action": action})


GROUP_NOT_FOUND = {
    "SubscriptionNotFound": hide_the_subscription,
    "a gateway's": answer_as_a_gateway,
}


def die_beside_a_sick_group(world: World) -> None:
    """The locks of two groups are off, the process dies, and no call for a lock of
    rg-two is answered for a while."""
    world.simulator.world.faults.add(
        {
            "path_regex": "/resourceGroups/rg-two/.*/locks",
            "times": SICK_CALLS,
            "action": {"delay_s": SICK_SECONDS, "reset": True},
        }
    )
    world.process.dead = True
    world.deaths += 1


async def die_with_a_row_of_another_version(world: World) -> None:
    """The row of the lock that is off was written by a version that this one does not
    know, and its owner dies."""
    async for place in world.store.query(LOCKS):
        await world.store.replace(place, {**place.body, "schema": SCHEMA + 1})
    world.process.dead = True
    world.deaths += 1


async def plant_a_row_that_is_none(world: World) -> None:
    """A row with nothing in it that this version knows, of nobody's group."""
    body = {"schema": SCHEMA, "state": "off", "group_id": "/subscriptions/s/resourceGroups/other"}
    await world.store.insert(LOCKS, PARTITION, "poison", body)


OF_ANOTHER_VERSION = {
    "the owner dies": die_with_a_row_of_another_version,
    "a poisoned row": plant_a_row_that_is_none,
}
