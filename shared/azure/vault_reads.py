"""Reads what vaults know: the vaults themselves, what they protect and how, its
recovery points, and their jobs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from shared import errors, facts, vault_facts
from shared.arm_ids import ArmId, fold, parse
from shared.azure import from_wire, vault_from_wire
from shared.azure.answers import check_id, require_whole_list
from shared.azure.calls import ResponseHook
from shared.azure.reads import Reads
from shared.azure.wire import Wire
from shared.facts import Absent, Unreadable

VAULT_TYPE = "Microsoft.RecoveryServices/vaults"
ITEM_TYPE = f"{VAULT_TYPE}/backupFabrics/protectionContainers/protectedItems"
POLICY_TYPE = f"{VAULT_TYPE}/backupPolicies"
OF_AZURE_VMS = "backupManagementType eq 'AzureIaasVM'"
AHEAD = timedelta(minutes=5)
"""Azure's clock may be ahead of ours by this much."""


class VaultReads(Reads):
    async def vaults(self) -> tuple[facts.Vault, ...] | Absent | Unreadable:
        """Every Recovery Services vault of the subscription that the identity can see;
        those that it cannot are not in the list."""

        async def read(hook: ResponseHook) -> tuple[facts.Vault, ...]:
            resources = self._clients.resources.resources
            listed = resources.list(
                filter=f"resourceType eq '{VAULT_TYPE}'", raw_response_hook=require_whole_list(hook)
            )
            return tuple([_read_vault(each.as_dict()) async for each in listed])

        return await self._read("the Recovery Services vaults", read)

    async def protected_item(self, item_id: str) -> vault_facts.ProtectedItem | Absent | Unreadable:
        where = _parse_as(ITEM_TYPE, item_id)
        if isinstance(where, Unreadable):
            return where

        async def read(hook: ResponseHook) -> vault_facts.ProtectedItem:
            get = self._clients.backup.protected_items.get
            vault, *names = where.names
            found = await get(vault, where.resource_group, *names, raw_response_hook=hook)
            wire = found.as_dict()
            check_id(item_id, wire.get("id"))
            return vault_from_wire.read_protected_item(wire)

        return await self._read(f"the protected item {where.name}", read)

    async def backup_policy(self, policy_id: str) -> vault_facts.BackupPolicy | Absent | Unreadable:
        where = _parse_as(POLICY_TYPE, policy_id)
        if isinstance(where, Unreadable):
            return where

        async def read(hook: ResponseHook) -> vault_facts.BackupPolicy:
            get = self._clients.backup.protection_policies.get
            vault, name = where.names
            found = await get(vault, where.resource_group, name, raw_response_hook=hook)
            wire = found.as_dict()
            check_id(policy_id, wire.get("id"))
            return vault_from_wire.read_backup_policy(wire)

        return await self._read(f"the backup policy {where.name}", read)

    async def recovery_points(
        self, item_id: str
    ) -> tuple[vault_facts.RecoveryPoint, ...] | Absent | Unreadable:
        """All recovery points of the item, those that are only snapshots included."""
        where = _parse_as(ITEM_TYPE, item_id)
        if isinstance(where, Unreadable):
            return where

        async def read(hook: ResponseHook) -> tuple[vault_facts.RecoveryPoint, ...]:
            points = self._clients.backup.recovery_points
            vault, *names = where.names
            listed = points.list(
                vault, where.resource_group, *names, raw_response_hook=require_whole_list(hook)
            )
            wires = [each.as_dict() async for each in listed]
            return tuple(vault_from_wire.read_recovery_point(wire) for wire in wires)

        return await self._read(f"the recovery points of {where.name}", read)

    async def job(self, vault_id: str, job_id: str) -> facts.Job | Absent | Unreadable:
        vault = parse(vault_id)

        async def read(hook: ResponseHook) -> facts.Job:
            get = self._clients.backup.job_details.get
            found = await get(vault.name, vault.resource_group, job_id, raw_response_hook=hook)
            wire = found.as_dict()
            check_id(f"{vault_id}/backupJobs/{job_id}", wire.get("id"))
            return from_wire.read_job(wire)

        return await self._read(f"the backup job {job_id}", read)

    async def running_jobs(
        self, vault_id: str, *, cancelling: bool = True
    ) -> tuple[facts.Job, ...] | Absent | Unreadable:
        """Jobs of the vault on Azure VMs that have not ended: backups, restores and all
        others, with `cancelling` those that are being cancelled too."""
        statuses = ("InProgress", *(("Cancelling",) if cancelling else ()))
        wanted = [f"status eq '{status}' and {OF_AZURE_VMS}" for status in statuses]
        return await self._jobs("running jobs", vault_id, wanted)

    async def failed_backups(
        self, vault_id: str, since: datetime, until: datetime
    ) -> tuple[facts.Job, ...] | Absent | Unreadable:
        """Failed backups of Azure VMs in the vault that began in that time, as the job
        list shows them: without extendedInfo."""
        wanted = _backups_begun(since, until, "Failed")
        return await self._jobs("failed backups", vault_id, wanted)

    async def completed_backups(
        self, vault_id: str, since: datetime, until: datetime
    ) -> tuple[facts.Job, ...] | Absent | Unreadable:
        """Backups of Azure VMs in the vault that began in that time and made a restore
        point."""
        wanted = _backups_begun(since, until, "Completed", "CompletedWithWarnings")
        return await self._jobs("completed backups", vault_id, wanted)

    async def jobs_begun(
        self, vault_id: str, since: datetime
    ) -> tuple[facts.Job, ...] | Absent | Unreadable:
        """Jobs of the vault on Azure VMs that began since then, of whatever kind, and
        whatever became of them."""
        span = _span(since, datetime.now(UTC) + AHEAD)
        return await self._jobs("jobs", vault_id, [f"{span} and {OF_AZURE_VMS}"])

    async def _jobs(
        self, what: str, vault_id: str, filters: Iterable[str]
    ) -> tuple[facts.Job, ...] | Absent | Unreadable:
        """The jobs that any of the filters lets through."""
        vault = parse(vault_id)

        async def read(hook: ResponseHook) -> tuple[facts.Job, ...]:
            found: list[facts.Job] = []
            for wanted in filters:
                listed = self._clients.backup.backup_jobs.list(
                    vault.name,
                    vault.resource_group,
                    filter=wanted,
                    raw_response_hook=require_whole_list(hook),
                )
                found += [from_wire.read_job(each.as_dict()) async for each in listed]
            return tuple(found)

        return await self._read(f"the {what} of {vault.name}", read)


def _read_vault(wire: Wire) -> facts.Vault:
    """Raises NotUnderstood for another type of resource: the filter was not applied."""
    if fold(str(wire.get("type"))) != fold(VAULT_TYPE):
        raise errors.NotUnderstood(f"the list of vaults has {wire.get('id')}, a {wire.get('type')}")
    return from_wire.read_vault(wire)


def _parse_as(kind: str, text: str) -> ArmId | Unreadable:
    """The id in its parts, or why nothing can be read under it: the id came from Azure
    or from an event."""
    try:
        found = parse(text)
    except errors.NotUsable as error:
        return Unreadable(f"the {kind}", error.reason)
    if found.type != fold(kind):
        return Unreadable(f"the {kind}", f"{text} is the id of something else")
    return found


def _backups_begun(since: datetime, until: datetime, *statuses: str) -> tuple[str, ...]:
    """Filters of the job list, one a status, since it takes one at a time.
    https://learn.microsoft.com/rest/api/backup/backup-jobs/list"""
    span = _span(since, until)
    return tuple(
        f"{span} and operation eq 'Backup' and status eq '{status}' and {OF_AZURE_VMS}"
        for status in statuses
    )


def _span(since: datetime, until: datetime) -> str:
    return f"startTime eq '{_in_filter(since)}' and endTime eq '{_in_filter(until)}'"


def _in_filter(moment: datetime) -> str:
    """A time in the job list's own format: 2016-01-01 00:00:00 AM."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %I:%M:%S %p")
