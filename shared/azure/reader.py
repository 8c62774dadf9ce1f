"""Reads facts from Azure. Has no method that changes anything: this is what checkers
are given.

Every method returns a fact, Absent, or Unreadable with the reason; none raises for what
Azure answers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from azure.core.rest import HttpRequest

from shared import errors, facts, vault_facts
from shared.arm_ids import ArmId, fold, parse
from shared.azure import from_wire, policies, vault_from_wire
from shared.azure.answers import told, whole_list
from shared.azure.calls import ResponseHook, with_retries
from shared.azure.clients import AzureClients
from shared.azure.wire import Wire
from shared.facts import Absent, Unreadable

VAULT_TYPE = "Microsoft.RecoveryServices/vaults"
ITEM_TYPE = f"{VAULT_TYPE}/backupFabrics/protectionContainers/protectedItems"
POLICY_TYPE = f"{VAULT_TYPE}/backupPolicies"


class ArmReader:
    """The reader over real ARM calls. `clients` are the clients of the one subscription
    that this installation looks after."""

    def __init__(self, clients: AzureClients) -> None:
        self._clients = clients

    @property
    def clients(self) -> AzureClients:
        return self._clients

    async def virtual_machine(self, vm_id: str) -> facts.VirtualMachine | Absent | Unreadable:
        vm = parse(vm_id)

        async def read(hook: ResponseHook) -> facts.VirtualMachine:
            machines = self._clients.compute.virtual_machines
            found = (
                await machines.get(
                    vm.resource_group, vm.name, expand="instanceView", raw_response_hook=hook
                )
            ).as_dict()
            told(vm_id, found.get("id"))
            return from_wire.read_virtual_machine(found)

        return await self._read(f"the VM {vm.name}", read)

    async def extensions(self, vm_id: str) -> tuple[facts.Extension, ...] | Absent | Unreadable:
        """All extensions of the VM, each with the last status that its handler
        reported."""
        vm = parse(vm_id)

        async def read(hook: ResponseHook) -> tuple[facts.Extension, ...]:
            compute = self._clients.compute
            listing = compute.virtual_machine_extensions.list
            listed = await listing(vm.resource_group, vm.name, raw_response_hook=whole_list(hook))
            view = (
                await compute.virtual_machines.instance_view(vm.resource_group, vm.name)
            ).as_dict()
            views = from_wire.read_extension_views(view)
            wires = [each.as_dict() for each in listed.value or ()]
            return tuple(
                from_wire.read_extension(wire, views.get(fold(str(wire.get("name", "")))))
                for wire in wires
            )

        return await self._read(f"the extensions of {vm.name}", read)

    async def resource_group_tags(
        self, resource_group: str
    ) -> dict[str, str] | Absent | Unreadable:
        group_id = f"/subscriptions/{self._clients.subscription_id}/resourceGroups/{resource_group}"

        async def read(hook: ResponseHook) -> dict[str, str]:
            group = await self._clients.resources.resource_groups.get(
                resource_group, raw_response_hook=hook
            )
            told(group_id, group.id)
            return from_wire.read_tags({"tags": group.tags})

        return await self._read(f"the resource group {resource_group}", read)

    async def restore_point_collections(
        self, vm_id: str
    ) -> tuple[facts.RestorePointCollection, ...] | Absent | Unreadable:
        """Every collection of the subscription whose source is this VM, whoever made
        it, with its points.

        Found by source, in any group: the group's name can be customised, old
        collections stay in old groups, and other backup tools' points count towards the
        limit as well.
        """

        async def read(hook: ResponseHook) -> tuple[facts.RestorePointCollection, ...]:
            listed = self._clients.compute.restore_point_collections.list_all(
                raw_response_hook=whole_list(hook)
            )
            found = [from_wire.read_collection(each.as_dict()) async for each in listed]
            return tuple([await self._with_points(each.id) for each in found if each.is_of(vm_id)])

        return await self._read("the restore point collections", read)

    async def restore_point_collection(
        self, collection_id: str
    ) -> facts.RestorePointCollection | Absent | Unreadable:
        async def read(_: ResponseHook) -> facts.RestorePointCollection:
            return await self._with_points(collection_id)

        return await self._read(f"the restore point collection {parse(collection_id).name}", read)

    async def locks(
        self, scope: str, *, below: bool = False
    ) -> tuple[facts.Lock, ...] | Absent | Unreadable:
        """Every lock at or above `scope`, inherited ones included; with `below` those
        on what it holds as well, so that for a collection these are all locks that keep
        it from being deleted.

        Two lists, since only `atScope()` is documented to show what is above, and only
        the list of the resource itself what is below: "a resource or any level below
        resource".
        https://learn.microsoft.com/rest/api/resources/management-locks/list-at-resource-level
        """
        listed = [
            await self._locks(scope, "atScope()"),
            *([await self._locks(scope, None)] if below else []),
        ]
        found: dict[str, facts.Lock] = {}
        for each in listed:
            if isinstance(each, Absent | Unreadable):
                return each
            found.update({fold(lock.id): lock for lock in each})
        return tuple(found.values())

    async def _locks(
        self, scope: str, narrowed: str | None
    ) -> tuple[facts.Lock, ...] | Absent | Unreadable:
        async def read(hook: ResponseHook) -> tuple[facts.Lock, ...]:
            locks = self._clients.locks.management_locks
            listed = locks.list_by_scope(
                scope.lstrip("/"), filter=narrowed, raw_response_hook=whole_list(hook)
            )
            return tuple(
                [from_wire.read_lock(each.serialize(keep_readonly=True)) async for each in listed]
            )

        return await self._read(f"the locks at or {'above' if narrowed else 'below'} {scope}", read)

    async def lock(self, lock_id: str) -> facts.Lock | Absent | Unreadable:
        scope, name = lock_id.rsplit("/", 4)[0], lock_id.rsplit("/", 1)[1]

        async def read(hook: ResponseHook) -> facts.Lock:
            locks = self._clients.locks.management_locks
            found = await locks.get_by_scope(scope.lstrip("/"), name, raw_response_hook=hook)
            told(lock_id, found.id)
            return from_wire.read_lock(found.serialize(keep_readonly=True))

        return await self._read(f"the lock {name}", read)

    async def extension_denials(
        self, vm: facts.VirtualMachine, extension: facts.Extension
    ) -> tuple[facts.PolicyDenial, ...] | Absent | Unreadable:
        """The policies that would refuse this extension if it were installed again;
        empty: none that Azure sees."""
        scope = parse(vm.id)
        group_id = f"/subscriptions/{scope.subscription}/resourceGroups/{scope.resource_group}"
        address = f"{group_id}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions"
        asked = policies.question(vm, extension.name, extension.publisher, extension.type)

        async def read(hook: ResponseHook) -> tuple[facts.PolicyDenial, ...]:
            request = HttpRequest(
                "POST", address, params={"api-version": policies.API_VERSION}, json=asked
            )
            answer = await self._clients.resources.send_request(request, raw_response_hook=hook)
            answer.raise_for_status()
            if answer.status_code != 200:
                raise errors.Unavailable(
                    f"checkPolicyRestrictions answers with status {answer.status_code}"
                )
            return policies.denials(answer.json())

        return await self._read(f"the policies that would refuse {extension.name}", read)

    async def vaults(self) -> tuple[facts.Vault, ...] | Absent | Unreadable:
        """Every Recovery Services vault of the subscription that the identity can see;
        those that it cannot are not in the list."""

        async def read(hook: ResponseHook) -> tuple[facts.Vault, ...]:
            resources = self._clients.resources.resources
            listed = resources.list(
                filter=f"resourceType eq '{VAULT_TYPE}'", raw_response_hook=whole_list(hook)
            )
            found = [each.as_dict() async for each in listed]
            return tuple(_vault(each) for each in found)

        return await self._read("the Recovery Services vaults", read)

    async def protected_item(self, item_id: str) -> vault_facts.ProtectedItem | Absent | Unreadable:
        where = _id_of(ITEM_TYPE, item_id)
        if isinstance(where, Unreadable):
            return where

        async def read(hook: ResponseHook) -> vault_facts.ProtectedItem:
            get = self._clients.backup.protected_items.get
            found = (
                await get(
                    where.names[0], where.resource_group, *where.names[1:], raw_response_hook=hook
                )
            ).as_dict()
            told(item_id, found.get("id"))
            return vault_from_wire.read_protected_item(found)

        return await self._read(f"the protected item {where.name}", read)

    async def backup_policy(self, policy_id: str) -> vault_facts.BackupPolicy | Absent | Unreadable:
        where = _id_of(POLICY_TYPE, policy_id)
        if isinstance(where, Unreadable):
            return where

        async def read(hook: ResponseHook) -> vault_facts.BackupPolicy:
            get = self._clients.backup.protection_policies.get
            found = (
                await get(where.names[0], where.resource_group, where.name, raw_response_hook=hook)
            ).as_dict()
            told(policy_id, found.get("id"))
            return vault_from_wire.read_backup_policy(found)

        return await self._read(f"the backup policy {where.name}", read)

    async def recovery_points(
        self, item_id: str
    ) -> tuple[vault_facts.RecoveryPoint, ...] | Absent | Unreadable:
        """All recovery points of the item, those that are only snapshots included."""
        where = _id_of(ITEM_TYPE, item_id)
        if isinstance(where, Unreadable):
            return where

        async def read(hook: ResponseHook) -> tuple[vault_facts.RecoveryPoint, ...]:
            points = self._clients.backup.recovery_points
            listed = points.list(
                where.names[0],
                where.resource_group,
                *where.names[1:],
                raw_response_hook=whole_list(hook),
            )
            return tuple(
                [vault_from_wire.read_recovery_point(each.as_dict()) async for each in listed]
            )

        return await self._read(f"the recovery points of {where.name}", read)

    async def job(self, vault_id: str, job_id: str) -> facts.Job | Absent | Unreadable:
        vault = parse(vault_id)

        async def read(hook: ResponseHook) -> facts.Job:
            details = self._clients.backup.job_details
            found = (
                await details.get(vault.name, vault.resource_group, job_id, raw_response_hook=hook)
            ).as_dict()
            told(f"{vault_id}/backupJobs/{job_id}", found.get("id"))
            return from_wire.read_job(found)

        return await self._read(f"the backup job {job_id}", read)

    async def running_jobs(self, vault_id: str) -> tuple[facts.Job, ...] | Absent | Unreadable:
        """Jobs of the vault on Azure VMs that have not ended: backups, restores and all
        others, those that are being cancelled too."""
        vault = parse(vault_id)

        async def read(hook: ResponseHook) -> tuple[facts.Job, ...]:
            found: list[facts.Job] = []
            for status in ("InProgress", "Cancelling"):
                wanted = f"status eq '{status}' and backupManagementType eq 'AzureIaasVM'"
                jobs = self._clients.backup.backup_jobs
                listed = jobs.list(
                    vault.name,
                    vault.resource_group,
                    filter=wanted,
                    raw_response_hook=whole_list(hook),
                )
                found += [from_wire.read_job(each.as_dict()) async for each in listed]
            return tuple(found)

        return await self._read(f"the running jobs of {vault.name}", read)

    async def failed_backups(
        self, vault_id: str, since: datetime, until: datetime
    ) -> tuple[facts.Job, ...] | Absent | Unreadable:
        """Failed backups of Azure VMs in the vault that began in that time, as the job
        list shows them: without extendedInfo."""
        return await self._backups("failed backups", vault_id, since, until, ("Failed",))

    async def completed_backups(
        self, vault_id: str, since: datetime, until: datetime
    ) -> tuple[facts.Job, ...] | Absent | Unreadable:
        """Backups of Azure VMs in the vault that began in that time and made a restore
        point."""
        return await self._backups(
            "completed backups", vault_id, since, until, ("Completed", "CompletedWithWarnings")
        )

    async def backups(
        self, vault_id: str, since: datetime, until: datetime
    ) -> tuple[facts.Job, ...] | Absent | Unreadable:
        """Backups of Azure VMs in the vault that began in that time, whatever became of
        them."""
        return await self._backups("backups", vault_id, since, until, ("",))

    async def _backups(
        self, what: str, vault_id: str, since: datetime, until: datetime, statuses: tuple[str, ...]
    ) -> tuple[facts.Job, ...] | Absent | Unreadable:
        vault = parse(vault_id)
        about = (
            f"startTime eq '{_in_filter(since)}' and endTime eq '{_in_filter(until)}' and operation"
            " eq 'Backup'"
        )

        async def read(hook: ResponseHook) -> tuple[facts.Job, ...]:
            found: list[facts.Job] = []
            for status in statuses:
                ended = f" and status eq '{status}'" if status else ""
                wanted = f"{about}{ended} and backupManagementType eq 'AzureIaasVM'"
                jobs = self._clients.backup.backup_jobs
                listed = jobs.list(
                    vault.name,
                    vault.resource_group,
                    filter=wanted,
                    raw_response_hook=whole_list(hook),
                )
                found += [from_wire.read_job(each.as_dict()) async for each in listed]
            return tuple(found)

        return await self._read(f"the {what} of {vault.name}", read)

    async def _with_points(self, collection_id: str) -> facts.RestorePointCollection:
        collection = parse(collection_id)
        collections = self._clients.compute.restore_point_collections
        found = await collections.get(
            collection.resource_group, collection.name, expand="restorePoints"
        )
        wire = found.as_dict()
        told(collection_id, wire.get("id"))
        return from_wire.read_collection(wire)

    async def _read[T](
        self, what: str, do: Callable[[ResponseHook], Awaitable[T]]
    ) -> T | Absent | Unreadable:
        settings = self._clients.settings
        try:
            answer = await with_retries(
                do,
                timeout_seconds=settings.call_timeout_seconds,
                retry_seconds=settings.retry_seconds,
            )
        except errors.NotFound:
            return Absent(what)
        except errors.AzureCallFailed as error:
            return Unreadable(what, str(error))
        return answer.value


def _vault(wire: Wire) -> facts.Vault:
    """Raises NotUnderstood for a resource of another type: the filter was not heeded."""
    if fold(str(wire.get("type"))) != fold(VAULT_TYPE):
        raise errors.NotUnderstood(f"the list of vaults has {wire.get('id')}, a {wire.get('type')}")
    return from_wire.read_vault(wire)


def _id_of(kind: str, text: str) -> ArmId | Unreadable:
    """The id in its parts, or why nothing can be read under it: Azure told us this id,
    or an event did."""
    try:
        found = parse(text)
    except errors.NotUsable as error:
        return Unreadable(f"the {kind}", error.reason)
    return (
        found
        if found.type == fold(kind)
        else Unreadable(f"the {kind}", f"{text} is the id of something else")
    )


def _in_filter(moment: datetime) -> str:
    """The job list's own way to write a time: 2016-01-01 00:00:00 AM.
    https://learn.microsoft.com/rest/api/backup/backup-jobs/list"""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %I:%M:%S %p")
