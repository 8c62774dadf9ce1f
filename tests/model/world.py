"""What happens around the protocol: ARM, a person, time with its deaths and freezes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product

from tests.model.state import (
    ABSENT,
    ALIVE,
    CLOSING,
    DEAD,
    DELETE,
    END,
    FROZEN,
    GUARDIAN,
    HEALED,
    IDLE,
    KNOWN,
    NAMES,
    NO_ANSWER,
    NOBODY,
    OPEN,
    PUT,
    REFUSED,
    SENDS,
    Execution,
    Lock,
    Request,
    State,
    Step,
    Task,
    Times,
    Window,
    fly,
    is_active,
    replace_at,
    spend,
)

# -- ARM and a person


def drop(state: State, request: Request) -> State:
    flying = list(state.flying)
    flying.remove(request)
    return state._replace(flying=tuple(flying))


def change_body(lock: Lock, body: int) -> Lock:
    return lock._replace(body=body, seen=(lock.seen[0] | 1 << body, *lock.seen[1:]))


def land(state: State, request: Request) -> tuple[str, State]:
    """ARM carries the request out. Returns its answer and the state."""
    at = request.row % len(state.locks)
    was = state.locks[at]
    there = was.body != ABSENT
    if request.kind == DELETE:
        answer = "200" if there else "204"
        now = change_body(was, ABSENT)._replace(ours=was.ours or there)
    else:
        answer = "200" if there else "201"
        older = request.body < was.top
        now = change_body(was, request.body)._replace(ours=False, muddled=was.muddled or older)
    if now.body == was.act:
        now = now._replace(undone=HEALED)
    elif was.body == was.act:
        now = now._replace(undone=KNOWN if request.told else request.row)
    return answer, drop(state, request)._replace(locks=replace_at(state.locks, at, now))


def answer_with(state: State, request: Request, answer: str) -> State:
    execution = state.crew[request.waits]
    task = execution.tasks[request.row]._replace(answer=answer)
    execution = execution._replace(tasks=replace_at(execution.tasks, request.row, task))
    return state._replace(crew=replace_at(state.crew, request.waits, execution))


def arm(state: State) -> Iterator[Step]:
    """A request lands and is answered. Or, a fault, it is not answered in time, and
    lands later or never; or it is refused."""
    for request in dict.fromkeys(state.flying):
        answer, after = land(state, request)
        name = f"{request.kind}({request.body})" if request.kind == PUT else request.kind
        if request.waits == NOBODY:
            yield f"ARM: a late {name} lands", after
            continue
        name = f"{name} of the {NAMES[request.waits]}"
        yield f"ARM: {name} lands, answered {answer}", answer_with(after, request, answer)
        if not state.left[0] or state.crew[request.waits].mode != ALIVE:
            continue
        lost = spend(drop(state, request), faults=1)
        late = fly(lost, request._replace(waits=NOBODY))
        yield f"fault: {name} has no answer in time", answer_with(late, request, NO_ANSWER)
        if state.crew[request.waits].tasks[request.row].at in ("hear_proof", "hear_delete"):
            yield f"fault: {name} is refused", answer_with(lost, request, REFUSED)


def person(state: State) -> Iterator[Step]:
    """Deletes the lock, or writes a body that was never there before."""
    if not state.left[2]:
        return
    state = spend(state, acts=1)
    for at, lock in enumerate(state.locks):
        for body in (ABSENT, lock.top + 1) if lock.body else (lock.top + 1,):
            now = change_body(lock, body)._replace(
                ours=False, act=body, undone=HEALED, top=max(lock.top, body)
            )
            words = f"person: writes body {body}" if body else "person: deletes the lock"
            yield words, state._replace(locks=replace_at(state.locks, at, now))


# -- Time

Fate = tuple[str, int, int]
"""How an execution goes into the next tick, and what faults and freezes it costs."""

HOW = {DEAD: "dies", FROZEN: "stands still", ALIVE: "stands still, then wakes"}


def list_fates(execution: Execution, due: bool) -> list[Fate]:
    """Whoever still had something to do in this tick dies, a fault, or stands still, a
    freeze. A freeze may last for any number of ticks."""
    if execution.mode == FROZEN:
        return [(FROZEN, 0, 0), (ALIVE, 0, 0), (DEAD, 1, 0)]
    if due:
        return [(FROZEN, 0, 1), (ALIVE, 0, 1), (DEAD, 1, 0)]
    return [(execution.mode, 0, 0)]


def tick(
    state: State, due: Sequence[bool], times: Times, tell_unpromised: Callable[[Task], str]
) -> Iterator[Step]:
    """A tick passes."""
    idle = [due[who] or each.mode == FROZEN for who, each in enumerate(state.crew)]
    for fates in product(*map(list_fates, state.crew, due)):
        after = spend(state, sum(fate[1] for fate in fates), sum(fate[2] for fate in fates))
        if min(after.left) < 0:
            continue
        modes = [fate[0] for fate in fates]
        touched = [who for who in range(len(modes)) if idle[who]]
        words = "".join(f"; the {NAMES[who]} {HOW[modes[who]]}" for who in touched)
        reasons = (
            tell_unpromised(task)
            for who in touched
            if modes[who] == DEAD
            for task in state.crew[who].tasks
        )
        verdict = next(filter(None, reasons), "")
        yield f"-- a tick{words}", pass_tick(after, idle, modes, times)._replace(verdict=verdict)


def pass_tick(state: State, idle: Sequence[bool], modes: Sequence[str], times: Times) -> State:
    """`idle`: who did nothing more in this tick, so did not beat either."""
    died = {who for who, mode in enumerate(modes) if mode == DEAD and idle[who]}
    beats = {
        window.heart
        for window in state.windows
        if window.heart != NOBODY and not idle[window.heart] and is_beating(state, window, times)
    }
    crew = tuple(
        age_execution(who, execution, modes[who], who in beats, times)
        for who, execution in enumerate(state.crew)
    )
    windows = tuple(age_window(window, died, beats, times) for window in state.windows)
    locks = tuple(lock._replace(seen=(1 << lock.body, *lock.seen[:-1])) for lock in state.locks)
    rows = tuple(
        row._replace(left=max(0, row.left - 1), young=max(0, row.young - 1))
        if row.left or row.young
        else row
        for row in state.rows
    )
    aged = State(locks, (), rows, windows, crew, state.left)
    return age_requests(aged, state.flying, died)


def is_beating(state: State, window: Window, times: Times) -> bool:
    """Whether the holder of that heartbeat lives, works, and has its lease by its own
    clock."""
    execution = state.crew[window.heart]
    lives = execution.mode == ALIVE and is_active(execution)
    return lives and execution.since < times.lease


def age_execution(
    who: int, execution: Execution, mode: str, beats: bool, times: Times
) -> Execution:
    if mode == DEAD and who == GUARDIAN:  # the next tick of the timer begins from the rows
        return Execution(ALIVE, 0, (Task(IDLE),) * len(execution.tasks))
    if mode == DEAD or all(task.at == END for task in execution.tasks):
        return Execution(DEAD, 0, (Task(END),) * len(execution.tasks))
    tasks = tuple(
        task._replace(late=min(times.watch + times.lease, task.late + 1), looked=False)
        if task.at in SENDS
        else task._replace(looked=False)
        for task in execution.tasks
    )
    over = beats or not is_active(execution)
    return Execution(mode, 0 if over else min(times.lease, execution.since + 1), tasks)


def age_window(window: Window, died: set[int], beats: set[int], times: Times) -> Window:
    if window.state not in (OPEN, CLOSING):
        return window
    still = 0 if window.heart in beats else min(times.lease, window.still + 1)
    if GUARDIAN in died and window.token == GUARDIAN:  # another tick has another token
        return Window(window.state, NOBODY, NOBODY, still)
    return window._replace(still=still)


def age_requests(state: State, flying: Sequence[Request], died: set[int]) -> State:
    """What cannot land any more is dropped; who still waits for it has no answer."""
    for request in flying:
        if request.waits in died:
            request = request._replace(waits=NOBODY)
        if request.left:
            state = fly(state, request._replace(left=request.left - 1))
        elif request.waits != NOBODY:
            state = answer_with(state, request, NO_ANSWER)
    return state
