"""The limit of changes in any hour, over all instances: one row, changed by
compare-and-swap.

1. A change deletes an extension or a restore point collection; a lock that is lifted
   and put back is none.
2. A plan takes its places when it may act: all of them at once, or none.
3. Where too few are free, plans wait in line, the one that has waited longest first. No
   plan overtakes another.
4. A plan that waits asks again within `patience_seconds`. One that does not has died:
   it holds up no other until it asks again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared import clock
from shared.store import contract
from shared.store.contract import Store
from shared.store.update import update

TABLE, PARTITION, KEY = "limiter", "changes", "last-hour"
HOUR_SECONDS = 3600
DIAGNOSIS_SECONDS = 300
"""How long a diagnosis may take, between a turn in line and the changes, before the
place in line is given up."""
type Body = dict[str, dict[str, Any]]
"""begun: place -> when it was taken. waiting: incident id -> {"since", "asked",
"places"}."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A plan that asks for its places; each plan of an incident is counted once."""

    incident_id: str
    """`Incident.attempt_key`, here and below: each attempt is counted by itself."""
    cause: str
    places: int
    since: str
    """Its rank: when it first had to wait, ISO 8601, or now where it never had to."""

    def names(self) -> tuple[str, ...]:
        return tuple(f"{self.incident_id}/{self.cause}/{number}" for number in range(self.places))


class ChangeLimiter:
    """Every method that is awaited raises StoreUnavailable: then nothing may begin.
    `patience_seconds`: how long a plan in line may be silent."""

    def __init__(self, store: Store, changes_per_hour: int, patience_seconds: float) -> None:
        self._store = store
        self.limit = changes_per_hour
        self._patience = patience_seconds

    def could_ever_take(self, ticket: Ticket) -> bool:
        """Whether the plan needs no more places than there are."""
        return ticket.places <= self.limit

    async def take(self, ticket: Ticket) -> str:
        """ "" when the plan has its places and may begin; else it is in line, and its
        turn is expected at the time returned.

        For a plan that `could_ever_take` its places.
        """

        def change(body: Body) -> str:
            if at := self._in_line(body, ticket):
                return at
            now = clock.now()
            body["begun"] = dict.fromkeys(ticket.names(), now) | body["begun"]
            del body["waiting"][ticket.incident_id]
            return ""

        return await self._change(change)

    async def line_up(self, ticket: Ticket) -> str:
        """Hold the plan's place in line. "" when it is its turn; else its turn is
        expected at the time returned."""
        return await self._change(lambda body: self._in_line(body, ticket))

    async def leave(self, incident_id: str) -> None:
        """Take the incident out of the line."""
        await self._change(lambda body: str(body["waiting"].pop(incident_id, "")))

    async def give_back(self, incident_id: str, cause: str) -> None:
        """Free the places of a plan that changed nothing."""
        mine = f"{incident_id}/{cause}/"

        def change(body: Body) -> str:
            body["begun"] = {
                name: at for name, at in body["begun"].items() if not name.startswith(mine)
            }
            return ""

        await self._change(change)

    def _in_line(self, body: Body, ticket: Ticket) -> str:
        now = clock.now()
        body["waiting"][ticket.incident_id] = {
            "since": ticket.since,
            "asked": now,
            "places": ticket.places,
        }
        missing = [name for name in ticket.names() if name not in body["begun"]]
        if not missing:
            return ""
        rank = (ticket.since, ticket.incident_id)
        latest = clock.after(now, -self._patience)
        ahead = sum(
            int(other["places"])
            for incident_id, other in body["waiting"].items()
            if (other["since"], incident_id) < rank and other["asked"] > latest
        )
        return _expected(ahead + len(missing), list(body["begun"].values()), self.limit, now)

    async def _change(self, change: Callable[[Body], str]) -> str:
        """Apply `change` to the newest row, again when another process wrote in
        between. Returns what `change` returned."""
        answer = ""

        async def apply(before: contract.Body | None) -> contract.Body:
            nonlocal answer
            body = self._current(before or {})
            answer = change(body)
            return body

        await update(self._store, TABLE, PARTITION, KEY, apply)
        return answer

    def _current(self, body: contract.Body) -> Body:
        """What counts now: places of the last hour, and incidents that asked for one
        within a day. A row of an earlier version has no line."""
        begun, waiting = body.get("begun", {}), body.get("waiting", {})
        hour, day = (
            clock.after(clock.now(), -HOUR_SECONDS),
            clock.after(clock.now(), -24 * HOUR_SECONDS),
        )
        return {
            "begun": {name: at for name, at in begun.items() if at > hour},
            "waiting": {name: each for name, each in waiting.items() if each["asked"] > day},
        }


def _expected(wanted: int, begun: list[str], limit: int, now: str) -> str:
    """When the `wanted`th place from now on is free; "" for now. Each place is free
    again an hour after it was taken."""
    free = limit - len(begun)
    if wanted <= free:
        return ""
    times = [now] * free + sorted(clock.after(at, HOUR_SECONDS) for at in begun)
    times = times[-limit:]
    rounds, place = divmod(wanted - 1, limit)
    return clock.after(times[place], rounds * HOUR_SECONDS)
