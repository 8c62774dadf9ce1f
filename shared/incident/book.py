"""The incidents in the store: each claimed once, and changed by compare-and-swap.

A claim is a conditional insert under the failure's key, so that the same failure is one
incident however often and in whatever order Event Grid reports it. Durable instance ids
do not give that: a finished instance is replaced and run again.

A claim comes before its incident, and the store may fail between the two. So a claim
alone never means that a failure is known: the next event of it makes the missing
incident, under the id of the claim. Only a claim that is marked as forgotten has no
incident for good.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import suppress

from shared import clock
from shared.codec import from_json, to_json
from shared.errors import NotAKey, RowChanged, RowExists, StoreUnavailable
from shared.events.model import FailureEvent, Ignored
from shared.incident.claims import Claim, Owner, claim_in
from shared.incident.listing import Listing, Page, summary_of
from shared.incident.model import Incident
from shared.incident.status import Status
from shared.store.contract import Body, Store
from shared.store.keys import key_of_text
from shared.store.update import remove, update

INCIDENTS, CLAIMS, ACTIVE, WORKING = "incidents", "claims", "active", "working"


class IncidentBook:
    """Every method raises StoreUnavailable when the store does not answer."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.listing = Listing(store)

    async def claim(self, key: str, job_id: str) -> Claim:
        """Claim a failure for a new incident; return the current owner if it is already
        claimed. `key` is from failure_key or Ignored.key.

        The incident of a claim that is not the first may still be missing: then it is
        opened under the claim's id.
        """
        return await self._insert_claim(
            key, Owner(new_incident_id(job_id, key))
        ) or await self._claim_of(key)

    async def find_claim(self, key: str) -> Claim | None:
        """The current owner of a failure; None where nobody claimed it."""
        row = await self._store.get(CLAIMS, "job", key)
        return claim_in(row) if row else None

    async def claim_for(self, key: str, incident_id: str) -> Claim:
        """Attach this key to an existing incident; return the current owner if it is
        already claimed by one that is there."""
        return await self._attach(key, Owner(incident_id))

    async def claim_job(self, vault_id: str, job_id: str, incident_id: str) -> Claim:
        """Claim this job for an incident that was opened without one."""
        return await self.claim_for(job_key(vault_id, job_id), incident_id)

    async def claim_verification(self, vault_id: str, job_id: str, incident_id: str) -> Claim:
        """Claim this job as the verifying backup of an incident, so that its failure
        opens no other."""
        return await self._attach(job_key(vault_id, job_id), Owner(incident_id, verification=True))

    async def _attach(self, key: str, owner: Owner) -> Claim:
        """Take over a claim whose incident was never made: ours exists, and will be
        worked on. The process that made that claim, should it go on, finds this
        incident at work on the VM."""
        first = False  # of the last attempt

        async def take_over(current: Body | None) -> Body:
            nonlocal first
            first = current is None or await self._is_orphan(from_json(Owner, current))
            return dict(to_json(owner)) if current is None or first else current

        claimed = await update(self._store, CLAIMS, "job", key, take_over)
        return from_json(Owner, claimed).as_claim(first=first)

    async def _is_orphan(self, owner: Owner) -> bool:
        return (
            not owner.forgotten
            and not owner.verification
            and await self.get(owner.incident_id) is None
        )

    async def _insert_claim(self, key: str, owner: Owner) -> Claim | None:
        """None: somebody was first."""
        try:
            await self._store.insert(CLAIMS, "job", key, to_json(owner))
        except RowExists:
            return None
        return owner.as_claim(first=True)

    async def _claim_of(self, key: str) -> Claim:
        if (claim := await self.find_claim(key)) is None:
            raise StoreUnavailable("a claim was taken and could not be read back")
        return claim

    async def open(self, incident: Incident) -> Incident:
        """Insert the incident. Returns it, or the one that was inserted before.

        The lists are written first, so that an incident that exists is in every list,
        wherever the store fails.
        """
        if not incident.ended:
            await self._add_to_working(incident.id)
        await self.listing.put(incident)
        try:
            await self._store.insert(INCIDENTS, "incident", incident.id, to_json(incident))
        except RowExists:
            existing = await self.get(incident.id) or incident
            await self.listing.put(existing)
            return existing
        return incident

    async def get(self, incident_id: str) -> Incident | None:
        row = await self._store.get(INCIDENTS, "incident", incident_id)
        return from_json(Incident, row.body) if row else None

    async def find(self, text: str) -> Incident | None:
        """The incident of an id that came from outside; None also for a text that no
        store takes as a key, so that no incident can have it."""
        with suppress(NotAKey):
            return await self.get(text)
        return None

    async def of_page(self, page: Page) -> list[Incident]:
        """The incidents that a page of the list shows, in its order."""
        return [incident for each in page.summaries if (incident := await self.get(each.id))]

    async def change(self, incident_id: str, change: Callable[[Incident], Incident]) -> Incident:
        """Apply `change` to the newest version, again when another process wrote in
        between. Returns what was written."""
        read: list[Incident] = []

        async def apply(body: Body | None) -> Body:
            if body is None:
                raise StoreUnavailable(f"incident {incident_id} is not in the store")
            read.append(from_json(Incident, body))
            return dict(to_json(change(read[-1])))

        written = await update(self._store, INCIDENTS, "incident", incident_id, apply)
        changed = from_json(Incident, written)
        if summary_of(changed) != summary_of(read[-1]):
            await self.listing.put(changed)
        if changed.ended:
            await self._remove_from_working(incident_id)
        return changed

    async def reopen(self, incident_id: str, change: Callable[[Incident], Incident]) -> Incident:
        """Apply a change after which the incident may not be ended any more; else as
        `change`."""
        # Twice: whoever died after the change has listed it, and whoever saw it ended
        # may take it off the list before the change.
        await self._add_to_working(incident_id)
        changed = await self.change(incident_id, change)
        if not changed.ended:
            await self._add_to_working(incident_id)
        return changed

    async def unfinished(self) -> AsyncIterator[Incident]:
        """Incidents that have not ended, oldest first; those that have are not read."""
        async for row in self._store.query(WORKING, "incident"):
            incident = await self.get(row.key)
            if incident is not None and not incident.ended:
                yield incident
            elif incident is not None:
                await self._remove_from_working(row.key)

    async def _add_to_working(self, incident_id: str) -> None:
        try:
            await self._store.insert(WORKING, "incident", incident_id, {})
        except RowExists:
            return

    async def _remove_from_working(self, incident_id: str) -> None:
        await remove(self._store, WORKING, "incident", incident_id)
        incident = await self.get(incident_id)
        if incident is not None and not incident.ended:  # opened again meanwhile
            await self._add_to_working(incident_id)

    async def forget_claims(self, incident_ids: Collection[str]) -> None:
        """Mark the claims of incidents that are about to be forgotten, so that a late
        event does not open them again."""
        rows = [
            row
            async for row in self._store.query(CLAIMS, "job")
            if row.body["incident_id"] in incident_ids
        ]
        for row in rows:
            if not claim_in(row).forgotten:
                with suppress(RowChanged):  # another run marked it
                    await self._store.replace(row, {**row.body, "forgotten": True})

    async def forget(self, incident_id: str) -> None:
        """Remove an incident that the retention setting no longer keeps, after the rows
        that refer to it. Its claims stay, marked by `forget_claims`."""
        row = await self._store.get(INCIDENTS, "incident", incident_id)
        if row is not None:
            await self._release_vm(from_json(Incident, row.body).vm_id, incident_id)
        await self._remove_from_working(incident_id)
        await self.listing.forget(incident_id)
        if row is not None:
            with suppress(RowChanged):
                await self._store.delete(row)

    async def _release_vm(self, vm_id: str, incident_id: str) -> None:
        row = await self._store.get(ACTIVE, "vm", key_of_text(vm_id))
        if row is not None and row.body["incident_id"] == incident_id:
            with suppress(RowChanged):  # the next incident took it over
                await self._store.delete(row)

    async def all(self) -> AsyncIterator[Incident]:
        """Every incident, oldest first (ids begin with the time of opening)."""
        async for row in self._store.query(INCIDENTS, "incident"):
            yield from_json(Incident, row.body)

    async def hold_vm(self, vm_id: str, incident_id: str) -> str:
        """Let one incident at a time work on a VM. Returns the id of the one that does:
        ours, or an earlier one that has not ended."""

        async def take_over(current: Body | None) -> Body:
            if current is None or await self._has_ended(str(current["incident_id"])):
                return {"incident_id": incident_id}
            return current

        held = await update(self._store, ACTIVE, "vm", key_of_text(vm_id), take_over)
        return str(held["incident_id"])

    async def at_work_on(self, vm_id: str) -> str:
        """Id of the incident that is at work on a VM, "" when none is."""
        row = await self._store.get(ACTIVE, "vm", key_of_text(vm_id))
        holder = str(row.body["incident_id"]) if row else ""
        return "" if not holder or await self._has_ended(holder) else holder

    async def _has_ended(self, incident_id: str) -> bool:
        """Only an incident that exists holds a VM: one that is gone was forgotten, so
        it had ended."""
        incident = await self.get(incident_id)
        return incident is None or incident.ended


def job_key(vault_id: str, job_id: str) -> str:
    """The failure's key: vault and job, whatever the casing."""
    return key_of_text(f"{vault_id}/{job_id}")


def failure_key(event: FailureEvent) -> str:
    """The job where the event names one; else the item and the hour (of now, where the
    event names no time), so that the same failure reported twice is one. Which job it
    was is read from the vault later, which tells other failures apart."""
    if event.job_id:
        return job_key(event.vault_id, event.job_id)
    return key_of_text(
        f"{event.vault_id}/{event.item_name}/{(clock.normal(event.fired_at) or clock.now())[:13]}"
    )


def new_incident_id(job_id: str, key: str) -> str:
    """Sorts by the time of opening; unique by the failure's key. The first eight
    characters of `job_id` are for people."""
    stamp = clock.now()[:19].replace("-", "").replace(":", "")
    short = "".join(char for char in job_id[:8] if char.isalnum()) or "nojob"
    return f"{stamp}-{short}-{key[:8]}"


def new_incident(event: FailureEvent, incident_id: str) -> Incident:
    """The incident of a failure that is reported for the first time."""
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


def ignored_incident(event: Ignored, incident_id: str) -> Incident:
    """An incident that nothing is done about, kept so that a person sees what came and
    why it was left alone."""
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
