"""One incident's turn at a locked resource group: it opens a window and leads it, joins
one, or asks again later."""

from __future__ import annotations

from shared import clock
from shared.arm_ids import fold, group_of
from shared.execution.lock_window import collection
from shared.execution.lock_window.put_back import by_hand
from shared.execution.lock_window.session import lead
from shared.execution.lock_window.windows import GATHERING, Held, Member, Result, Window
from shared.execution.tools import Tools, for_one_look
from shared.incident.model import Incident
from shared.incident.outcome import Outcome, StepOutcome
from shared.plan.steps import Step, StepKind
from shared.sentences import quote


async def take_turn(tools: Tools, incident: Incident, steps: tuple[Step, ...]) -> StepOutcome:
    """`steps` are those of one resource group. Result busy: the same again later;
    waiting: a job of the VM runs. Safe to run again after a crash."""
    targets = tuple(step.target for step in steps if step.kind is StepKind.DELETE_COLLECTION)
    group_id = group_of(targets[0])
    while True:
        if (over := await _over(tools, incident.id, group_id, targets)) is not None:
            return over
        held = await tools.windows.get(group_id)
        if held is None or held.window.member(incident.id) is None:
            held_or_why = await _entered(tools, incident, targets, group_id, held)
            if isinstance(held_or_why, StepOutcome):
                return held_or_why
            held = held_or_why
        if held is not None and held.window.leader == incident.id:
            await lead(tools, incident, held)
        elif held is not None:
            return StepOutcome(
                Outcome.BUSY,
                f"the incident {held.window.leader} has the locks of {group_id} off and deletes for"
                " this one too",
            )


async def _entered(
    tools: Tools, incident: Incident, targets: tuple[str, ...], group_id: str, held: Held | None
) -> Held | StepOutcome | None:
    """The window with this incident in it; None when somebody wrote first; or why not
    now, or not at all."""
    if held is not None and not held.window.may_join():
        return StepOutcome(
            Outcome.BUSY, f"the incident {held.window.leader} has the locks of {group_id} off"
        )
    if held is None and await tools.ledger.open_locks(group_id):
        return StepOutcome(
            Outcome.BUSY, f"a lock of {group_id} is still to be put back from before"
        )
    if refused := await _refused(tools, incident, targets):
        return refused
    member = Member(incident.id, targets)
    return await (
        tools.windows.join(held, member)
        if held
        else tools.windows.open(_new(tools, group_id, member))
    )


def _new(tools: Tools, group_id: str, member: Member) -> Window:
    now, settings = clock.now(), tools.settings
    gathered = clock.after(now, settings.gather_seconds)
    deadline = clock.after(
        now, settings.gather_seconds + settings.window_seconds
    )  # counted again when it is unlocked
    return Window(group_id, member.incident_id, GATHERING, gathered, gathered, deadline, (member,))


async def _refused(
    tools: Tools, incident: Incident, targets: tuple[str, ...]
) -> StepOutcome | None:
    """Why nothing is deleted for this incident, or not now, found before any lock is
    touched; None when all its collections may go.

    Whoever leads the window looks again, and at locks that came meanwhile.
    """
    look = for_one_look(tools)
    found = [
        await collection.examined(look, incident, target, unlocked=False) for target in targets
    ]
    for result in (Outcome.REFUSED, Outcome.WAITING):
        if reasons := [
            each.detail for each in found if isinstance(each, Result) and each.result == result
        ]:
            return StepOutcome(result, "; ".join(dict.fromkeys(reasons)))
    return None


async def _over(
    tools: Tools, incident_id: str, group_id: str, targets: tuple[str, ...]
) -> StepOutcome | None:
    """How this turn ended, once a window has told it; None while it has not."""
    incident = await tools.book.get(incident_id)
    wanted = {fold(target) for target in targets}
    mine = (
        [action for action in incident.actions if fold(action.target) in wanted] if incident else []
    )
    if not mine or any(not action.outcome and not action.detail for action in mine):
        return None
    problems = list(dict.fromkeys(action.detail for action in mine if action.outcome != "done"))
    if problems and all(action.outcome in ("done", "") for action in mine):
        return StepOutcome(Outcome.WAITING, "; ".join(problems))
    if not problems:
        return StepOutcome(
            Outcome.DONE,
            "; ".join(dict.fromkeys(action.detail for action in mine if action.detail)),
        )
    steps = tuple(
        quote(by_hand(entry.lock))
        for entry in await tools.ledger.open_locks(group_id)
        if entry.problem
    )
    refused = all(action.outcome in ("done", "refused", "") for action in mine)
    result = Outcome.REFUSED if refused else Outcome.FAILED
    return StepOutcome(result, "; ".join(problems), steps)


async def recover(tools: Tools, incident: Incident) -> None:
    """After the engine lost this incident: take its window to the end, and say of each
    change that its answer is not known."""
    for held in await tools.windows.all():
        if held.window.leader != incident.id:
            continue
        if held.window.state == GATHERING:
            await tools.windows.end(held)  # nothing was lifted; whoever joined asks again
        else:
            await lead(tools, incident, held)
    await close_intents(tools, incident)


async def close_intents(tools: Tools, incident: Incident) -> None:
    """Say of each change without an outcome that its answer is not known; a lock that
    is off keeps its intent until it is back."""
    off = {fold(entry.lock.id) for entry in await tools.ledger.open_locks()}
    for kind, target in sorted(await tools.journal.open_intents(incident.id)):
        if target not in off:
            await tools.journal.outcome(
                incident,
                kind,
                target,
                "not known: the process ended before the answer was on record",
                "",
            )
