"""How each kind of fault strikes, but for "twice", which the engine plays."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from azure.core.exceptions import ServiceResponseError

from tests.faults.fault import Died, Fault, NotPlayable
from tests.faults.hands import HANDS

if TYPE_CHECKING:
    from tests.faults.process import Process
    from tests.faults.world import World


@dataclass(frozen=True)
class Moment:
    """A process at a boundary; `request` is what it sends to ARM, None at others."""

    world: World
    process: Process
    label: str
    request: Any

    def need(self, begins: str) -> None:
        """Raises NotPlayable at any other boundary."""
        if not self.label.startswith(begins):
            raise NotPlayable(f"{self.label!r} is not {begins!r}")


def like(request: Any) -> dict[str, str]:
    """The part of a simulator's fault that matches requests like this one."""
    path = re.sub("/{2,}", "/", unquote(urlsplit(request.url).path)).rstrip("/")
    return {"method": request.method, "path_regex": f"^{re.escape(path)}$"}


async def die(moment: Moment, fault: Fault) -> None:  # noqa: ARG001
    moment.process.dead = True
    moment.world.deaths += 1
    raise Died


async def die_late(moment: Moment, fault: Fault) -> None:  # noqa: ARG001
    """The process sends its request, and then raises Died."""
    moment.need("before ARM")
    moment.process.dead = True
    moment.world.deaths += 1


async def freeze(moment: Moment, fault: Fault) -> Fault:
    """It stood between two instructions: what it was about to send goes out when it
    wakes, and only then does it see that its time limit is over."""
    moment.process.freeze(fault.args["seconds"])
    cancelled = await moment.process.stand_still()
    if fault.args.get("die"):
        moment.process.dead = True
        moment.world.deaths += 1
    if cancelled and not moment.label.startswith("before"):
        raise asyncio.CancelledError
    return Fault(fault.kind, {**fault.args, "cancelled": cancelled})


async def reset(moment: Moment, fault: Fault) -> None:  # noqa: ARG001
    if moment.request is None:
        raise NotPlayable(f"{moment.label!r} is no ARM call")
    raise ServiceResponseError("the connection was reset")


async def arm(moment: Moment, fault: Fault) -> None:
    action = fault.args["action"]
    _order(moment, action(moment.request) if callable(action) else action, fault)


async def late(moment: Moment, fault: Fault) -> None:
    _order(moment, {"effect_after_s": fault.args["seconds"]}, fault)


def _order(moment: Moment, action: dict[str, Any], fault: Fault) -> None:
    moment.need("before ARM")
    wanted = {"times": fault.args.get("times", 1), "action": action}
    moment.world.simulator.world.faults.add(like(moment.request) | wanted)


async def store(moment: Moment, fault: Fault) -> None:
    moment.world.store_down_until = _after(fault)


async def store_reads_fail(moment: Moment, fault: Fault) -> None:
    moment.world.store_unread_until = _after(fault)


async def store_lost(moment: Moment, fault: Fault) -> None:  # noqa: ARG001
    """The process writes, and then raises StoreUnavailable."""
    moment.need("before store")


async def engine(moment: Moment, fault: Fault) -> None:
    moment.world.engine_silent = fault.args["answers"]
    if fault.args.get("die"):
        await die(moment, fault)


async def person(moment: Moment, fault: Fault) -> None:
    does = fault.args["does"]
    done = (HANDS[does] if isinstance(does, str) else does)(moment.world)
    if inspect.isawaitable(done):
        await done


async def clock(moment: Moment, fault: Fault) -> None:
    moment.world.clock_offset += fault.args["seconds"]


async def twice(moment: Moment, fault: Fault) -> None:  # noqa: ARG001
    raise NotPlayable(f"{moment.label!r} is no activity")


def _after(fault: Fault) -> float:
    return asyncio.get_running_loop().time() + float(fault.args["seconds"])


STRIKES: dict[str, Callable[[Moment, Fault], Awaitable[Fault | None]]] = {
    each.__name__.replace("_", " "): each
    for each in (
        die,
        die_late,
        freeze,
        reset,
        arm,
        late,
        store,
        store_reads_fail,
        store_lost,
        engine,
        person,
        clock,
        twice,
    )
}
