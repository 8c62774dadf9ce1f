"""The fence: of all executions that want to send one change, one sends it; what became
of it is looked at before it is sent again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from local.scenarios import parts
from local.simulator import ids
from shared import clock
from shared.arm_ids import fold
from shared.errors import StoreUnavailable
from shared.execution import fence
from shared.execution.backup import Refusal
from shared.execution.fence import Fence
from shared.execution.fixes import uninstall_extension
from shared.incident.model import Answer, Incident
from shared.incident.next_step import Next
from shared.incident.outcome import Outcome, StepOutcome
from shared.plan.steps import Step
from shared.verification import start
from tests.faults import hands
from tests.faults.azure import broken_extension
from tests.faults.runs import run
from tests.faults.test_last_looks import changes, is_backup
from tests.faults.test_verifying import backups, one, person
from tests.faults.test_waiting import failed
from tests.faults.world import Died, Fault, Place, Process, World

CAUSE = "backup_extension"
PLANNED: Place = ("after store insert fixes", 1)
INTENDED: Place = ("after store insert audit intent uninstall_extension", 1)
ANSWERED: Place = ("after ARM DELETE extensions", 1)
RECORDED: Place = ("before store insert audit note step", 1)
SETTLED: Place = ("episode after settle_fix", 1)
REQUESTED: Place = ("before ARM POST backup", 1)
HOUR_SECONDS = 3600.0
UNANSWERED: dict[str, Any] = {
    "method": "DELETE",
    "path_regex": "/extensions/",
    "times": 1,
    "action": {"status": 503},
}
LATE = {"REMEDIATOR_LATE_SECONDS": "0.3"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fence, "SEND_WITHIN_SECONDS", 2.0)


@asynccontextmanager
async def lost_at(folder: Path, place: Place) -> AsyncIterator[World]:
    """The engine and its process are lost there; nobody begins the work again."""
    state, failures = broken_extension()
    async with failed(folder, state, [failures[0].event], {place: Fault("die")}) as world:
        world.environment = LATE
        await asyncio.gather(*world.tasks.values())
        assert world.deaths == 1
        yield world


async def the_incident(world: World) -> Incident:
    (incident,) = [each async for each in world.onlooker.book.all()]
    return incident


async def carry_out(world: World) -> StepOutcome:
    """The unit, by an execution and a process of its own."""
    incident = await the_incident(world)
    (finding,) = [each for each in incident.findings if each.cause == CAUSE]
    steps = uninstall_extension.steps(finding, incident.vm_id)
    assert isinstance(steps, tuple) and all(isinstance(each, Step) for each in steps)
    process = Process(world)
    return await (await process.execution()).carry_out(incident.id, CAUSE, steps)


async def carry_out_until_told(world: World) -> StepOutcome:
    """Again and again, as the engine's timer does, while it is BUSY."""
    async with asyncio.timeout(30):
        while (told := await carry_out(world)).result is Outcome.BUSY:
            await asyncio.sleep(0.05)
    return told


def removals(world: World) -> int:
    return sum(each.method == "DELETE" for each in world.simulator.world.requests)


def orders(world: World) -> int:
    return sum(is_backup(each.method, each.path) for each in world.simulator.world.requests)


def put_back(world: World, state: str) -> None:
    """As a scheduled backup does."""
    vm = parts.machine("rg-one", "rg-one-vm1", "Windows")
    world.simulator.world.operations.settle()
    world.simulator.world.state.put(parts.backup_extension(vm, state, ""))


async def the_record_is_whole(world: World) -> None:
    left: Counter[tuple[str, str]] = Counter()
    async for entry in world.onlooker.audit.entries():
        if entry.phase != "note":
            left[entry.kind, fold(entry.target)] += 1 if entry.phase == "intent" else -1
    assert not any(left.values()), left


async def test_the_same_unit_twice_at_once_removes_the_extension_once(tmp_path: Path) -> None:
    async with lost_at(tmp_path, PLANNED) as world:
        told = await asyncio.gather(carry_out(world), carry_out(world))
        assert sorted(each.result for each in told) == [Outcome.BUSY, Outcome.DONE]
        assert (await carry_out(world)).result is Outcome.DONE
        assert removals(world) == 1
        await the_record_is_whole(world)


async def test_who_decided_before_another_sent_sends_nothing(tmp_path: Path) -> None:
    """It has looked, and is about to write; the other is done meanwhile, and a healthy
    extension is back."""
    async with lost_at(tmp_path, PLANNED) as world:
        stale = await the_incident(world)
        assert (await carry_out(world)).result is Outcome.DONE
        put_back(world, "Succeeded")
        process = world.living()
        fenced = Fence(process.book, process.journal, 0.3)
        (extension,) = world.simulator.world.state.of_type(ids.EXTENSION)
        assert await fenced.enter(stale, uninstall_extension.KIND, extension["id"]) is None


async def test_a_last_look_that_took_too_long_is_not_acted_on(tmp_path: Path) -> None:
    """The process was frozen meanwhile."""
    async with lost_at(tmp_path, PLANNED) as world:
        world.faults[INTENDED] = Fault("clock", {"seconds": HOUR_SECONDS})
        told = await carry_out(world)
        assert (told.result, removals(world)) == (Outcome.BUSY, 0)
        assert (await the_incident(world)).sent == ()
        assert (await carry_out(world)).result is Outcome.DONE
        assert removals(world) == 1
        await the_record_is_whole(world)


async def test_an_ended_incident_sends_nothing(tmp_path: Path) -> None:
    async with lost_at(tmp_path, PLANNED) as world:
        process, incident = world.living(), await the_incident(world)
        await (await process.execution()).hand_over(incident.id, "carry_out_unit", "it failed")
        fenced = Fence(process.book, process.journal, 0.3)
        assert await fenced.enter(incident, uninstall_extension.KIND, "/x") is None


@pytest.mark.parametrize(
    ("place", "state"),
    [(RECORDED, "Succeeded"), (RECORDED, "Failed"), (ANSWERED, "Succeeded")],
    ids=["it was done", "it was done, and is broken again", "no answer"],
)
async def test_one_that_is_back_is_not_removed(tmp_path: Path, place: Place, state: str) -> None:
    """The process dies with its removal carried out, and a backup puts another one
    back before the unit is called again."""
    async with lost_at(tmp_path, place) as world:
        put_back(world, state)
        told = await carry_out_until_told(world)
        assert (told.result, removals(world)) == (Outcome.DONE, 1)
        assert world.simulator.world.state.of_type(ids.EXTENSION)


DIES: dict[str, tuple[Place, int]] = {
    "before the intent": ("before store insert audit intent uninstall_extension", 1),
    "before the request": INTENDED,  # type: ignore[dict-item]
    "before the answer": ANSWERED,  # type: ignore[dict-item]
}


@pytest.mark.parametrize("moment", DIES)
async def test_after_a_death_nobody_acts_while_its_request_may_be_sent(
    tmp_path: Path, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fence, "SEND_WITHIN_SECONDS", HOUR_SECONDS)
    async with lost_at(tmp_path, DIES[moment]) as world:
        before = removals(world)
        told = await carry_out(world)
        assert (told.result, removals(world)) == (Outcome.BUSY, before)
        assert "may be at work" in told.detail
        world.clock_offset += 2 * HOUR_SECONDS
        assert (await carry_out_until_told(world)).result is Outcome.DONE
        assert removals(world) == 1
        (sent, *_) = (await the_incident(world)).sent
        assert sent.answer is Answer.UNKNOWN
        await the_record_is_whole(world)


@pytest.mark.parametrize("moment", DIES)
@pytest.mark.parametrize("lose_engine", [True, False], ids=["engine lost", "worker dies"])
async def test_a_death_in_the_removal_ends_fixed(
    tmp_path: Path, moment: str, lose_engine: bool
) -> None:
    faults = {DIES[moment]: Fault("die")}
    outcome, incident = await one(
        tmp_path, broken_extension, faults, lose_engine=lose_engine, environment=LATE
    )
    assert (incident["status"], backups(outcome)) == ("fixed", 1)


async def test_an_accepted_removal_that_is_seen_gone_is_done_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies while Azure works on it."""
    monkeypatch.setattr(fence, "SEND_WITHIN_SECONDS", HOUR_SECONDS)
    async with lost_at(tmp_path, ("before ARM GET operations", 1)) as world:
        assert [each.answer for each in (await the_incident(world)).sent] == [Answer.ACCEPTED]
        told = await carry_out_until_told(world)
        assert (told.result, removals(world)) == (Outcome.DONE, 1)


async def test_an_answer_that_is_lost_is_looked_at(tmp_path: Path) -> None:
    lost: dict[Place, Fault] = {
        ("before ARM DELETE extensions", 1): Fault("arm", {"action": {"reset": "after"}})
    }
    outcome, incident = await one(tmp_path, broken_extension, lost, environment=LATE)
    assert [method for method, _ in changes(outcome)].count("DELETE") == 1
    assert (incident["status"], backups(outcome)) == ("fixed", 1)


async def test_what_has_no_answer_is_not_sent_again_while_it_may_take_effect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fence, "SEND_WITHIN_SECONDS", HOUR_SECONDS)
    async with lost_at(tmp_path, PLANNED) as world:
        hands.order(UNANSWERED)(world)
        assert [(await carry_out(world)).result for _ in range(3)] == [Outcome.BUSY] * 3
        assert removals(world) == 1
        world.clock_offset += 2 * HOUR_SECONDS
        assert (await carry_out(world)).result is Outcome.DONE
        assert removals(world) == 2


@pytest.mark.parametrize("status", [408, 429, 500, 503])
async def test_what_azure_put_off_is_sent_once_more(tmp_path: Path, status: int) -> None:
    refused: dict[Place, Fault] = {
        ("before ARM DELETE extensions", 1): Fault("arm", {"action": {"status": status}})
    }
    outcome, incident = await one(tmp_path, broken_extension, refused, environment=LATE)
    assert [method for method, _ in changes(outcome)].count("DELETE") == 2
    assert incident["status"] == "fixed"


async def test_what_azure_puts_off_again_goes_to_a_person(tmp_path: Path) -> None:
    refused: dict[Place, Fault] = {
        ("before ARM DELETE extensions", 1): Fault("arm", {"action": {"status": 503}, "times": 99})
    }
    outcome, incident = await one(tmp_path, broken_extension, refused, environment=LATE)
    assert [method for method, _ in changes(outcome)].count("DELETE") == 2
    assert incident["status"] == "needs_person"
    assert "sent twice" in incident["reason"]


@pytest.mark.parametrize("state", ["Updating", "Deleting"])
async def test_one_that_moves_again_is_left_until_it_settles(tmp_path: Path, state: str) -> None:
    """Somebody installs or removes it after the plan was made."""

    def moves(world: World) -> None:
        (extension,) = world.simulator.world.state.of_type(ids.EXTENSION)
        extension["properties"]["provisioningState"] = state
        view = {"name": extension["name"], "statuses": [{"code": "x", "time": clock.now()}]}
        hands.change_view(lambda all_of_it: all_of_it.update(extensions=[view]))(world)

    async with lost_at(tmp_path, PLANNED) as world:
        moves(world)
        told = await carry_out(world)
        assert (told.result, removals(world)) == (Outcome.BUSY, 0)
        put_back(world, "Succeeded")
        assert (await carry_out(world)).result is Outcome.DONE
        assert removals(world) == 0


async def test_one_that_is_seen_in_one_place_only_is_not_gone(tmp_path: Path) -> None:
    async with lost_at(tmp_path, PLANNED) as world:
        gone = {"error": {"code": "ResourceNotFound", "message": "It is not there."}}
        hands.hide("/extensions/[^/]+$", status=404, body=gone)(world)
        told = await carry_out(world)
        assert (told.result, removals(world)) == (Outcome.BUSY, 0)
        hands.show_again(world)
        assert (await carry_out(world)).result is Outcome.DONE
        assert removals(world) == 1


async def test_one_that_the_list_hides_is_removed_by_its_name(tmp_path: Path) -> None:
    async with lost_at(tmp_path, PLANNED) as world:
        hands.hide("/extensions$", status=200, body={"value": []})(world)
        assert (await carry_out(world)).result is Outcome.DONE
        assert removals(world) == 1


async def test_one_that_is_gone_from_both_places_is_done(tmp_path: Path) -> None:
    async with lost_at(tmp_path, PLANNED) as world:
        (extension,) = world.simulator.world.state.of_type(ids.EXTENSION)
        world.simulator.world.state.remove(extension["id"])
        assert (await carry_out(world)).result is Outcome.DONE
        assert removals(world) == 0


async def test_one_that_is_stuck_is_removed(tmp_path: Path) -> None:
    """It was stuck when the plan was made, and has not moved since."""
    async with lost_at(tmp_path, PLANNED) as world:
        (extension,) = world.simulator.world.state.of_type(ids.EXTENSION)
        extension["properties"]["provisioningState"] = "Updating"
        assert (await carry_out(world)).result is Outcome.DONE
        assert removals(world) == 1


async def test_while_an_operation_works_on_it_it_is_not_sent_again(tmp_path: Path) -> None:
    """The first removal has no answer, and Azure shows that it deletes."""

    def hang(world: World) -> None:
        hands.order(
            {"method": "DELETE", "path_regex": "/extensions/", "action": {"lro_hang": True}}
        )(world)

    async with lost_at(tmp_path, PLANNED) as world:
        hang(world)
        world.faults[ANSWERED] = Fault("die")
        with pytest.raises(Died):
            await carry_out(world)
        world.clock_offset += HOUR_SECONDS
        told = await carry_out(world)
        assert (told.result, removals(world)) == (Outcome.BUSY, 1)
        assert "Deleting" in told.detail


@pytest.mark.parametrize("again", range(3))
async def test_two_hosts_on_one_store_fix_it_once(tmp_path: Path, again: int) -> None:
    """Each has an engine of its own, and is given the same event."""
    outcome = await run(tmp_path, *broken_extension(), environment=LATE, hosts=2)
    assert again >= 0 and outcome.broken == {}
    assert [method for method, _ in changes(outcome)].count("DELETE") == 1
    assert backups(outcome) == 1
    assert [each["status"] for each in outcome.incidents] == ["fixed"]


async def order_backup(world: World) -> Next:
    process = Process(world)
    return (await start.start(await process.verifying(), (await the_incident(world)).id)).next


async def test_two_executions_order_one_backup(tmp_path: Path) -> None:
    async with lost_at(tmp_path, SETTLED) as world:
        told = await asyncio.gather(order_backup(world), order_backup(world))
        assert Next.VERIFY in told and orders(world) == 1
        assert await order_backup(world) is Next.VERIFY
        assert orders(world) == 1
        await the_record_is_whole(world)


async def test_while_another_execution_orders_a_backup_nobody_else_does(tmp_path: Path) -> None:
    """Its request is on its way, and nothing of it is to be seen in the vault."""
    async with lost_at(tmp_path, SETTLED) as world:
        ordered = asyncio.Event()

        async def second(world: World) -> None:
            world.clock_offset += 1
            assert await order_backup(world) is Next.WAIT
            ordered.set()

        world.faults[REQUESTED] = person(second)
        assert await order_backup(world) is Next.VERIFY
        assert (ordered.is_set(), orders(world)) == (True, 1)


async def test_who_decided_before_another_ordered_orders_nothing(tmp_path: Path) -> None:
    """Both have searched the vault; then one orders it, and follows its job."""
    async with lost_at(tmp_path, SETTLED) as world:

        async def second(world: World) -> None:
            assert await order_backup(world) is Next.VERIFY

        process = Process(world)
        execution = await process.execution()
        incident = await process.book.change((await the_incident(world)).id, start._set_since)
        written = "before store replace incidents"
        world.faults[written, 1 + world.times[written]] = person(second)
        answer = await execution.order_backup(incident)
        assert (world.struck[-1], orders(world)) == (written, 1)
        assert isinstance(answer, Refusal) and answer.passing


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("lose_engine", [True, False], ids=["engine lost", "worker dies"])
async def test_a_death_in_the_order_of_a_backup_orders_one(
    tmp_path: Path, side: str, lose_engine: bool
) -> None:
    faults: dict[Place, Fault] = {(f"{side} ARM POST backup", 1): Fault("die")}
    outcome, incident = await one(
        tmp_path, broken_extension, faults, lose_engine=lose_engine, environment=LATE
    )
    assert (incident["status"], backups(outcome)) == ("fixed", 1)


async def test_an_accepted_backup_that_is_not_to_be_seen_is_not_ordered_again(
    tmp_path: Path,
) -> None:
    async with lost_at(tmp_path, SETTLED) as world:
        hands.hide("/operationsStatus/", status=404)(world)
        hands.hide("/backupJobs$", status=200, body={"value": []})(world)
        for _ in range(5):
            assert await order_backup(world) is Next.WAIT
            world.clock_offset += 300
        assert orders(world) == 1


async def test_an_order_that_may_still_take_effect_is_not_repeated(tmp_path: Path) -> None:
    """Its connection was lost. Long after the pause of these runs, and until
    REMEDIATOR_LATE_SECONDS are over, Azure may still carry it out."""
    async with lost_at(tmp_path, SETTLED) as world:
        world.environment = LATE | {"REMEDIATOR_LATE_SECONDS": "60"}
        lost = {"method": "POST", "path_regex": "/backup$", "action": {"reset": True}}
        world.simulator.world.faults.add(lost | {"times": 1})
        for _ in range(3):
            assert await order_backup(world) is Next.WAIT
            world.clock_offset += 15
        assert orders(world) == 1
        world.clock_offset += 60
        assert await order_backup(world) is Next.VERIFY
        assert orders(world) == 2
        await the_record_is_whole(world)


async def test_an_order_that_takes_effect_late_is_followed(tmp_path: Path) -> None:
    async with lost_at(tmp_path, SETTLED) as world:
        world.environment = LATE | {"REMEDIATOR_LATE_SECONDS": "60"}
        late = {"method": "POST", "path_regex": "/backup$", "action": {"effect_after_s": 0.25}}
        world.simulator.world.faults.add(late | {"times": 1})
        assert await order_backup(world) is Next.WAIT
        async with asyncio.timeout(20):
            while await order_backup(world) is Next.WAIT:
                await asyncio.sleep(0.1)
        assert orders(world) == 1
        await the_record_is_whole(world)


async def test_a_fence_that_cannot_be_written_lets_nothing_through(tmp_path: Path) -> None:
    async with lost_at(tmp_path, PLANNED) as world:
        process = world.living()
        fenced = Fence(process.book, process.journal, 0.3)
        world.store_down_until = asyncio.get_running_loop().time() + 60
        incident = Incident(*(["x", "open"] + ["x"] * 8))  # type: ignore[arg-type]
        with pytest.raises(StoreUnavailable):
            await fenced.enter(incident, "k", "/t")
