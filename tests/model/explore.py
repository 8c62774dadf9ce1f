"""Explores every history of the model up to given bounds, breadth first.

A state is kept as one integer: the numbers of its parts, each of which is kept once.
The first state that breaks an invariant ends the exploration, with the shortest history
that leads to it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.model.protocol import Protocol
from tests.model.shared_rules import NOT_PROMISED
from tests.model.state import (
    ABSENT,
    ALIVE,
    FROZEN,
    HEARS,
    NAMES,
    OVER,
    PLAN,
    Bounds,
    State,
    Step,
    is_active,
    start,
)
from tests.model.world import arm, person, tick

LOST = "a lock that we took off is not back"
UNDONE = "a person's act was undone and nobody was told"


def list_moves(state: State, protocol: Protocol) -> Iterator[Step]:
    """Everything that may happen next. A tick passes only when whoever lives has
    nothing more to do in it, or stands still, or dies."""
    due = [False] * len(state.crew)
    for who, execution in enumerate(state.crew):
        if execution.mode != ALIVE:
            continue
        optional = any(task.at == PLAN for task in execution.tasks)
        for words, after in protocol.list_steps(state, who):
            due[who] |= not optional and not words.startswith("fault")
            yield f"{NAMES[who]}: {words}", after
        for words, after in protocol.beat(state, who):
            yield f"{NAMES[who]}: {words}", after
        due[who] |= any(task.at in HEARS and not task.answer for task in execution.tasks)
    yield from arm(state)
    yield from person(state)
    yield from tick(state, due, protocol.times, protocol.tell_unpromised)


def is_at_rest(state: State) -> bool:
    """Nothing is under way any more."""
    return not (
        state.flying
        or any(row.state not in OVER for row in state.rows)
        or any(each.mode == FROZEN or is_active(each) for each in state.crew)
    )


def judge(state: State) -> str:
    """The invariant that this state breaks, or ''."""
    if state.verdict or not is_at_rest(state):
        return state.verdict
    for lock in state.locks:
        if lock.body == ABSENT and lock.ours:
            return LOST
        if lock.undone >= 0:
            return UNDONE
    return ""


# -- States as integers

BITS = 24
SHIFTS = [BITS * at for at in range(len(State._fields))]
MASK = (1 << BITS) - 1


class Codec:
    """States to integers and back."""

    def __init__(self) -> None:
        self.numbers: list[dict[Any, int]] = [{} for _ in SHIFTS]
        self.parts: list[list[Any]] = [[] for _ in SHIFTS]

    def pack(self, state: State, near: State | None = None, near_key: int = 0) -> int:
        """`near`, with its key: a state that shares parts with this one. For speed."""
        key = 0
        for at, part in enumerate(state):
            if near is not None and part is near[at]:
                key |= near_key & (MASK << SHIFTS[at])
                continue
            number = self.numbers[at].get(part)
            if number is None:
                number = self.numbers[at][part] = len(self.parts[at])
                self.parts[at].append(part)
            key |= number << SHIFTS[at]
        return key

    def unpack(self, key: int) -> State:
        return State(
            *(parts[key >> shift & MASK] for parts, shift in zip(self.parts, SHIFTS, strict=True))
        )


# -- Exploring


@dataclass(slots=True)
class Result:
    """What an exploration found."""

    states: int = 0
    steps: int = 0
    broken: str = ""
    """The invariant that does not hold; '' where all hold in every state."""
    history: list[str] = field(default_factory=list)
    not_promised: Counter[str] = field(default_factory=Counter)
    """Steps after which nothing is promised, by reason. No history goes on there."""


def explore(protocol: Protocol, bounds: Bounds) -> Result:
    codec = Codec()
    first = codec.pack(start(bounds, protocol.times))
    parents: dict[int, int | None] = {first: None}
    queue = deque([first])
    result = Result()
    while queue and not result.broken:
        key = queue.popleft()
        state = codec.unpack(key)
        for _, after in list_moves(state, protocol):
            result.steps += 1
            if after.verdict in NOT_PROMISED:
                result.not_promised[after.verdict] += 1
                continue
            new = codec.pack(after, state, key)
            if new in parents:
                continue
            parents[new] = key
            if broken := judge(after):
                result.broken = broken
                result.history = tell_history(codec, parents, new, protocol)
                break
            queue.append(new)
    result.states = len(parents)
    return result


def tell_history(
    codec: Codec, parents: dict[int, int | None], last: int, protocol: Protocol
) -> list[str]:
    """The steps that lead to a state, in words."""
    words: list[str] = []
    key = last
    while (before := parents[key]) is not None:
        steps = list_moves(codec.unpack(before), protocol)
        words.append(next(said for said, state in steps if codec.pack(state) == key))
        key = before
    return words[::-1]


def count_restless(protocol: Protocol, bounds: Bounds) -> int:
    """How many states there are from which no history comes to rest."""
    codec = Codec()
    first = codec.pack(start(bounds, protocol.times))
    leads_here: dict[int, list[int]] = {first: []}
    queue = deque([first])
    rest = deque[int]()
    while queue:
        key = queue.popleft()
        state = codec.unpack(key)
        if is_at_rest(state):
            rest.append(key)
        for _, after in list_moves(state, protocol):
            new = codec.pack(after._replace(verdict=""), state, key)
            if new not in leads_here:
                leads_here[new] = []
                queue.append(new)
            leads_here[new].append(key)
    come_to_rest = set(rest)
    while rest:
        for before in leads_here[rest.popleft()]:
            if before not in come_to_rest:
                come_to_rest.add(before)
                rest.append(before)
    return len(leads_here) - len(come_to_rest)
