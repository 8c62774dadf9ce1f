"""The incidents in the store: claimed once, changed only by whoever saw the last version.

A claim is a conditional insert under the failure's key, so that the same failure is one incident however often and in whatever
order Event Grid tells of it. Durable instance ids do not give that: a finished instance is replaced and run again.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass

from shared import clock
from shared.arm_ids import fold
from shared.codec import from_json, to_json
from shared.errors import RowChanged, RowExists, StoreUnavailable
from shared.events.model import FailureEvent, Ignored
from shared.incident.listing import Listing, summary_of
from shared.incident.model import Incident, Status
from shared.store.contract import Row, Store

INCIDENTS, CLAIMS, ACTIVE, WORKING = "incidents", "claims", "active", "working"
ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Claim:
    """Who a failure belongs to. `verification`: it is the failure of our own verifying backup of that incident."""

    incident_id: str
    verification: bool
    first: bool


class IncidentBook:
    def __init__(self, store: Store) -> None:
        self._store = store
        self.listing = Listing(store)

    async def claim(self, key: str, job_id: str) -> Claim:
        """Claim a failure for a new incident, or learn whose it is already. `key` is from job_key or Ignored.key."""
        return await self._claimed(key, new_incident_id(job_id, key), verification=False)

    async def is_claimed(self, key: str) -> bool:
        return await self._store.get(CLAIMS, "job", key) is not None

    async def claim_for(self, key: str, incident_id: str) -> Claim:
        """Say that what has this key is told of an incident that is there already, unless it is known as another's."""
        return await self._claimed(key, incident_id, verification=False)

    async def claim_job(self, vault_id: str, job_id: str, incident_id: str) -> Claim:
        """Say that this job is the failure of an incident that was opened without one."""
        return await self.claim_for(job_key(vault_id, job_id), incident_id)

    async def claim_verification(self, vault_id: str, job_id: str, incident_id: str) -> Claim:
        """Say that this job is the verifying backup of an incident, so that its failure opens no other."""
        return await self._claimed(job_key(vault_id, job_id), incident_id, verification=True)

    async def _claimed(self, key: str, incident_id: str, *, verification: bool) -> Claim:
        try:
            await self._store.insert(CLAIMS, "job", key, {"incident_id": incident_id, "verification": verification})
        except RowExists:
            row = await self._store.get(CLAIMS, "job", key)
            if row is None:
                raise StoreUnavailable("a claim was taken and could not be read back") from None
            return Claim(row.body["incident_id"], bool(row.body["verification"]), first=False)
        return Claim(incident_id, verification, first=True)

    async def open(self, incident: Incident) -> Incident:
        """Insert the incident; the one that is already there when it was inserted before."""
        if not incident.ended:
            await self._listed(incident.id)
        try:
            await self._store.insert(INCIDENTS, "incident", incident.id, to_json(incident))
        except RowExists:
            return await self.get(incident.id) or incident
        await self.listing.put(incident)
        return incident

    async def get(self, incident_id: str) -> Incident | None:
        row = await self._store.get(INCIDENTS, "incident", incident_id)
        return from_json(Incident, row.body) if row else None

    async def change(self, incident_id: str, change: Callable[[Incident], Incident]) -> Incident:
        """Apply `change` to the newest version, again when somebody wrote in between. Returns what was written."""
        for _ in range(ATTEMPTS):
            row = await self._store.get(INCIDENTS, "incident", incident_id)
            if row is None:
                raise StoreUnavailable(f"incident {incident_id} is not in the store")
            before = from_json(Incident, row.body)
            changed = change(before)
            try:
                await self._store.replace(row, to_json(changed))
            except RowChanged:
                continue
            if summary_of(changed) != summary_of(before):
                await self.listing.put(changed)
            if changed.ended:
                await self._unlisted(incident_id)
            return changed
        raise StoreUnavailable(f"incident {incident_id} was written by too many at once")

    async def unfinished(self) -> AsyncIterator[Incident]:
        """Incidents that have not ended, oldest first, without reading those that have."""
        async for row in self._store.query(WORKING, "incident"):
            incident = await self.get(row.key)
            if incident is not None and not incident.ended:
                yield incident
            elif incident is not None:
                await self._unlisted(row.key)

    async def _listed(self, incident_id: str) -> None:
        """Written before the incident itself, so that none can be missing from the list."""
        try:
            await self._store.insert(WORKING, "incident", incident_id, {})
        except RowExists:
            return

    async def _unlisted(self, incident_id: str) -> None:
        row = await self._store.get(WORKING, "incident", incident_id)
        if row is not None:
            with suppress(RowChanged):  # somebody else took it off the list
                await self._store.delete(row)

    async def forget(self, incident_id: str) -> None:
        """Remove an incident that the retention setting no longer keeps. Its claim stays: a late event must not open it again."""
        row = await self._store.get(INCIDENTS, "incident", incident_id)
        if row is not None:
            with suppress(RowChanged):
                await self._store.delete(row)
        await self.listing.forget(incident_id)

    async def all(self) -> AsyncIterator[Incident]:
        """Every incident, oldest first (ids begin with the time of opening)."""
        async for row in self._store.query(INCIDENTS, "incident"):
            yield from_json(Incident, row.body)

    async def hold_vm(self, vm_id: str, incident_id: str) -> str:
        """Let one incident at a time work on a VM. Returns the id of the one that does: ours, or an open one before us."""
        key = _digest(vm_id)
        for _ in range(ATTEMPTS):
            try:
                await self._store.insert(ACTIVE, "vm", key, {"incident_id": incident_id})
                return incident_id
            except RowExists:
                row = await self._store.get(ACTIVE, "vm", key)
            if row is None:
                continue
            holder = str(row.body["incident_id"])
            if holder == incident_id or not await self._has_ended(holder):
                return holder
            if await self._took_over(row, incident_id):
                return incident_id
        raise StoreUnavailable("the VM's row was written by too many at once")

    async def at_work_on(self, vm_id: str) -> str:
        """Id of the incident that is at work on a VM, "" when none is."""
        row = await self._store.get(ACTIVE, "vm", _digest(vm_id))
        holder = str(row.body["incident_id"]) if row else ""
        return "" if not holder or await self._has_ended(holder) else holder

    async def _has_ended(self, incident_id: str) -> bool:
        incident = await self.get(incident_id)
        return incident is not None and incident.ended

    async def _took_over(self, row: Row, incident_id: str) -> bool:
        try:
            await self._store.replace(row, {"incident_id": incident_id})
        except RowChanged:
            return False
        return True


def job_key(vault_id: str, job_id: str) -> str:
    """The failure's key: vault and job, whatever the casing."""
    return _digest(f"{vault_id}/{job_id}")


def failure_key(event: FailureEvent) -> str:
    """The job where the event names one; else the item and the hour (of now, where the event names no time), so that the same failure
    told twice is one. The vault is asked later which job it was, which tells the rest apart."""
    if event.job_id:
        return job_key(event.vault_id, event.job_id)
    return _digest(f"{event.vault_id}/{event.item_name}/{(clock.normal(event.fired_at) or clock.now())[:13]}")


def new_incident_id(job_id: str, key: str) -> str:
    """Sorts by the time of opening; unique by the failure's key. `job_id` is there for people: its first eight characters."""
    stamp = clock.now()[:19].replace("-", "").replace(":", "")
    short = "".join(char for char in job_id[:8] if char.isalnum()) or "nojob"
    return f"{stamp}-{short}-{key[:8]}"


def opened(event: FailureEvent, incident_id: str) -> Incident:
    return Incident(
        id=incident_id,
        status=Status.OPEN,
        subscription_id=event.subscription_id,
        vault_id=event.vault_id,
        vm_id=event.vm_id,
        container_name=event.container_name,
        item_name=event.item_name,
        job_id=event.job_id,
        error_code="",
        opened_at=clock.now(),
        description=event.description,
        error_code_hints=event.error_code_hints,
        fired_at=clock.normal(event.fired_at),
    )


def set_aside(event: Ignored, incident_id: str) -> Incident:
    """An incident that was never ours, kept so that a person sees what came and why nothing was done."""
    now = clock.now()
    return Incident(
        id=incident_id,
        status=Status.IGNORED,
        subscription_id=event.subscription_id,
        vault_id=event.vault_id,
        vm_id=event.vm_id,
        container_name="",
        item_name="",
        job_id=event.job_id,
        error_code="",
        opened_at=now,
        closed_at=now,
        reason=event.reason,
    )


def _digest(text: str) -> str:
    return hashlib.sha256(fold(text).encode()).hexdigest()[:32]
