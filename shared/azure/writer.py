"""The only place that changes anything in Azure. Each method sends one request, and
says how it ended.

Used by `shared.execution` alone (an import contract holds that), which writes the
intent before and the outcome after. All raise AzureCallFailed but for `delete_lock`,
whose result has it; and of a success only what can be believed: an answer that is not
understood, or that points elsewhere, leaves the write not known (`may_have_happened`).
None retries by itself what may not be sent twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared import errors
from shared.arm_ids import fold, parse
from shared.azure import from_wire
from shared.azure.answers import Succeeded, told
from shared.azure.calls import Answer, ResponseHook, is_passing, mapped, once, with_retries
from shared.azure.clients import AzureClients
from shared.azure.pipeline import Home
from shared.facts import Lock

RECOVERY_POINT_DAYS = 30
"""How long the recovery point of the verifying backup is kept: what Azure Backup itself
takes when nothing is said.
https://learn.microsoft.com/azure/backup/backup-azure-arm-userestapi-backupazurevms"""


TIMED_OUT = "OperationTimedOut"
"""Our own code for an operation that was given up while Azure still works on it."""
REFUSING_STATUSES = (401, 403, 404, 409)
"""A DELETE of a lock that is answered so was not carried out."""


@dataclass(frozen=True, slots=True)
class Begun:
    """An on-demand backup that was accepted: where to ask for its job."""

    operation_id: str


@dataclass(frozen=True, slots=True)
class Lifting:
    """How the DELETE of a lock ended."""

    correlation_id: str
    error: errors.AzureCallFailed | None
    """None: it was answered with success."""
    unanswered: bool
    """An attempt had no answer, or one that does not say whether it acted (408, 5xx).
    """

    @property
    def refused(self) -> bool:
        """Answered with a refusal, and no attempt before it can have acted: the lock
        was never lifted."""
        if self.error is None or self.unanswered or self.error.may_have_happened:
            return False
        return self.error.status in REFUSING_STATUSES


@dataclass(frozen=True, slots=True)
class WrittenLock:
    """The answer to the PUT of a lock: 200 says that it was there, 201 that it was not."""

    status: int
    lock: Lock
    """As the answer has it."""
    correlation_id: str


class _Attempts:
    """What the attempts of one call were answered."""

    def __init__(self) -> None:
        self.status = 0
        """Of the last attempt; 0 while it has no answer."""
        self._sent = False
        self._understood = False
        self._unanswered = False

    def begin(self) -> None:
        self._unanswered = self.unanswered
        self._sent, self._understood, self.status = True, False, 0

    def understand(self) -> None:
        """The success of the last attempt is an answer of the API, not a page of
        somebody else's."""
        self._understood = True

    def noting(self, hook: ResponseHook) -> ResponseHook:
        def note(response: Any) -> None:
            self.status = response.http_response.status_code
            hook(response)

        return note

    @property
    def unanswered(self) -> bool:
        may_have_acted = (
            self.status in (0, 408)
            or self.status >= 500
            or (self.status < 400 and not self._understood)
        )
        return self._unanswered or (self._sent and may_have_acted)


class ArmWriter:
    def __init__(self, clients: AzureClients) -> None:
        self._clients = clients

    async def delete_extension(self, extension_id: str, wait_seconds: float) -> str:
        """Uninstall a VM extension and wait for the end. Returns the correlation id; an
        absent extension is a success."""
        extension = parse(extension_id)
        vm_name, name = extension.names[-2], extension.names[-1]
        begin = self._clients.compute.virtual_machine_extensions.begin_delete
        return await self._operation(wait_seconds, begin, extension.resource_group, vm_name, name)

    async def delete_restore_point_collection(
        self, collection_id: str, wait_seconds: float, accepted: Callable[[], None] = lambda: None
    ) -> str:
        """Delete a collection with all its points and wait for the end. An absent
        collection is a success.

        `accepted` is called when ARM has taken the request: no lock is in the way any
        more.
        """
        collection = parse(collection_id)
        begin = self._clients.compute.restore_point_collections.begin_delete
        return await self._operation(
            wait_seconds, begin, collection.resource_group, collection.name, accepted=accepted
        )

    async def delete_lock(self, lock: Lock) -> Lifting:
        """Lift a lock. An absent lock is a success. Never raises for what Azure
        answers: how it ended is the result."""
        attempts = _Attempts()

        async def send(hook: ResponseHook) -> None:
            locks, seen = self._clients.locks.management_locks, Succeeded(hook)
            attempts.begin()
            await locks.delete_by_scope(
                lock.scope.lstrip("/"), lock.name, raw_response_hook=attempts.noting(seen)
            )
            seen.check()
            attempts.understand()

        try:
            answer: Answer[None] = await self._resent(send)
        except errors.AzureCallFailed as error:
            return Lifting(error.correlation_id, error, attempts.unanswered)
        return Lifting(answer.correlation_id, None, attempts.unanswered)

    async def put_lock(self, lock: Lock) -> WrittenLock:
        """Make exactly this lock: scope, name, level, notes, owners."""
        return await self._put_lock(lock, self._resent)

    async def prove_lock(self, lock: Lock) -> WrittenLock:
        """The same in one HTTP request: only then does its status say whether the lock
        was there."""
        return await self._put_lock(
            lock, lambda send: once(send, self._clients.settings.call_timeout_seconds)
        )

    async def _put_lock(
        self, lock: Lock, send_by: Callable[[Any], Awaitable[Answer[WrittenLock]]]
    ) -> WrittenLock:
        from azure.mgmt.resource.locks.models import ManagementLockObject, ManagementLockOwner

        owners = [ManagementLockOwner(application_id=owner) for owner in lock.owners]
        body = ManagementLockObject(level=lock.level, notes=lock.notes, owners=owners or None)

        async def send(hook: ResponseHook) -> WrittenLock:
            attempts, locks = _Attempts(), self._clients.locks.management_locks
            noting = attempts.noting(hook)
            made = await locks.create_or_update_by_scope(
                lock.scope.lstrip("/"), lock.name, body, raw_response_hook=noting
            )
            told(lock.id, made.id if made is not None else None)
            return WrittenLock(
                attempts.status, from_wire.read_lock(made.serialize(keep_readonly=True)), ""
            )

        answer = await send_by(send)
        return replace(answer.value, correlation_id=answer.correlation_id)

    async def start_backup(self, vault_id: str, container: str, item: str) -> Answer[Begun]:
        """Start an on-demand backup. Sent once: after a lost answer the caller looks
        for the running job instead."""
        vault = parse(vault_id)
        expiry = datetime.now(UTC) + timedelta(days=RECOVERY_POINT_DAYS)
        body = {
            "properties": {
                "objectType": "IaasVMBackupRequest",
                "recoveryPointExpiryTimeInUTC": expiry.strftime("%Y-%m-%dT%H:%M:%S.0000000Z"),
            }
        }

        async def send(hook: ResponseHook) -> Begun:
            headers: dict[str, str] = {}

            def keep(response: Any) -> None:
                hook(response)
                headers.update(
                    {fold(name): value for name, value in response.http_response.headers.items()}
                )

            trigger = self._clients.backup.backups.trigger
            await trigger(
                vault.name,
                vault.resource_group,
                "Azure",
                container,
                item,
                body,
                raw_response_hook=keep,
            )
            return Begun(self._operation_id(headers))

        return await once(send, self._clients.settings.call_timeout_seconds)

    async def started_job(self, vault_id: str, container: str, item: str, begun: Begun) -> str:
        """Job id of a backup that was begun, or "" while Azure Backup has not made the
        job yet."""
        vault = parse(vault_id)

        async def read(hook: ResponseHook) -> str:
            statuses = self._clients.backup.protected_item_operation_statuses
            found = await statuses.get(
                vault.name,
                vault.resource_group,
                "Azure",
                container,
                item,
                begun.operation_id,
                raw_response_hook=hook,
            )
            return _job_of(found.as_dict())

        return (await self._resent(read)).value

    async def _resent[T](self, send: Any) -> Answer[T]:
        settings = self._clients.settings
        return await with_retries(
            send,
            timeout_seconds=settings.call_timeout_seconds,
            retry_seconds=settings.retry_seconds,
        )

    async def _operation(
        self,
        wait_seconds: float,
        begin: Any,
        *where: str,
        accepted: Callable[[], None] = lambda: None,
    ) -> str:
        """Begin a long-running operation and follow it to its end, `wait_seconds` at
        most."""

        async def send(hook: ResponseHook) -> Any:
            seen = Succeeded(hook)
            poller = await begin(*where, raw_response_hook=seen)
            seen.check()
            return poller

        began: Answer[Any] = await self._resent(send)
        accepted()
        try:
            async with asyncio.timeout(wait_seconds):
                await self._followed(began.value, begin, where)
        except TimeoutError as error:
            message = f"the operation had not ended after {wait_seconds:g} s"
            raise errors.Unavailable(
                message, code=TIMED_OUT, correlation_id=began.correlation_id
            ) from error
        except errors.AzureCallFailed as error:
            error.correlation_id = error.correlation_id or began.correlation_id
            raise
        return began.correlation_id

    async def _followed(self, poller: Any, begin: Any, where: tuple[str, ...]) -> None:
        """A poll that fails in passing is no failure of the operation: go on from its
        continuation token.

        Raises what the operation ended with; Unavailable where its end is not told.
        """
        token = poller.continuation_token()
        while True:
            try:
                await poller.result()
                return
            except errors.PointsElsewhere:
                raise
            except Exception as error:
                problem = error if isinstance(error, errors.AzureCallFailed) else mapped(error)
                if problem.status >= 400 and not is_passing(problem):
                    message = f"it was accepted, and its end is not told: {problem}"
                    raise errors.Unavailable(
                        message, code=problem.code, correlation_id=problem.correlation_id
                    ) from error
                if not is_passing(problem):
                    raise problem from error
                await asyncio.sleep(
                    problem.retry_after_seconds or self._clients.settings.poll_seconds
                )
            poller = await begin(*where, continuation_token=token)

    def _operation_id(self, headers: dict[str, str]) -> str:
        """Last path segment of Azure-AsyncOperation, else of Location. Raises
        PointsElsewhere, and NotUnderstood without both."""
        address = headers.get("azure-asyncoperation") or headers.get("location") or ""
        path = address.split("?")[0].rstrip("/")
        if not path:
            raise errors.NotUnderstood(
                "the answer to the on-demand backup names no operation to follow"
            )
        Home(self._clients.settings.arm_endpoint, regional=True).check(address)
        return path.rsplit("/", 1)[-1]


def _job_of(status: Any) -> str:
    """The job that an operation's status names, or "" while it runs. Raises
    OperationFailed, and NotUnderstood for what is no status."""
    said = status["status"]
    if said in ("Failed", "Canceled"):
        problem = status.get("error") or {}
        raise errors.OperationFailed(
            str(problem.get("message") or ""), code=str(problem.get("code") or "")
        )
    job_id = (status.get("properties") or {}).get("jobId") or ""
    if not isinstance(said, str) or not isinstance(job_id, str):
        raise errors.NotUnderstood(
            f"this is no operation's status: {said!r:.80}, job {job_id!r:.80}"
        )
    return job_id
