"""What a plan holds while it acts: its places within the limit of changes an hour, and
the cooling time of its cause on this VM."""

from __future__ import annotations

from dataclasses import dataclass

from shared.incident.model import Incident
from shared.plan.cooling import CoolingTime
from shared.plan.limits import ChangeLimiter


@dataclass(frozen=True, slots=True)
class Places:
    limiter: ChangeLimiter
    cooling: CoolingTime

    async def give_back(self, incident: Incident, cause: str) -> None:
        """Nothing was changed by the plan, so it does not count. Raises
        StoreUnavailable."""
        await self.cooling.take_back(incident.vm_id, cause, incident.attempt_key)
        await self.limiter.give_back(incident.attempt_key, cause)
