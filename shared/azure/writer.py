"""The only place that changes anything in Azure. Each method makes one change and
reports how it ended.

Used by `shared.execution` alone (an import contract holds that), which writes the
intent before and the outcome after. Every method raises AzureCallFailed, except
`delete_lock` and `put_lock`, whose answer carries it. A success counts only when the
answer can be believed: one that is not understood, or that points elsewhere, leaves the
outcome of the write unknown (`may_have_happened`). Nothing is retried that must not be
sent twice, and the write of a lock never.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from shared import errors
from shared.arm_ids import fold, parse
from shared.azure import from_wire
from shared.azure.answers import Succeeded, check_id
from shared.azure.calls import Answer, ResponseHook, call_once, is_passing, map_error
from shared.azure.clients import AzureClients
from shared.azure.pipeline import Home
from shared.facts import Lock

RECOVERY_POINT_DAYS = 30
"""Retention of the verifying backup's recovery point: Azure Backup's own default.
https://learn.microsoft.com/azure/backup/backup-azure-arm-userestapi-backupazurevms"""

TIMED_OUT = "OperationTimedOut"
"""Our own code: we stopped waiting while Azure still works on the operation."""


@dataclass(frozen=True, slots=True)
class Begun:
    """An accepted on-demand backup, by the operation that will name its job."""

    operation_id: str


@dataclass(frozen=True, slots=True)
class LockAnswer:
    """How the one request that wrote a lock ended. The status is evidence that no read
    gives: DELETE 200 it was there, 204 it was not; PUT 201 it was absent, 200 it was
    there."""

    status: int
    """0: no answer."""
    correlation_id: str
    lock: Lock | None = None
    """As it stands in the answer to a PUT."""
    error: errors.AzureCallFailed | None = None
    """None: the answer was a success."""

    @property
    def unanswered(self) -> bool:
        """It may have taken effect, or may still: no answer, 408, 5xx, or an answer
        that is not the API's."""
        if self.error is None:
            return False
        return self.error.may_have_happened or self.status in (0, 408) or self.status >= 500

    @property
    def passing(self) -> bool:
        """It was not carried out, and may be sent again after Retry-After: 409, 429."""
        return self.error is not None and not self.unanswered and self.status in (409, 429)

    @property
    def retry_after_seconds(self) -> float:
        return (self.error.retry_after_seconds if self.error else None) or 0.0

    def shows(self, body: Lock) -> bool:
        """Whether a PUT was taken, and answered with this body."""
        return self.error is None and self.lock is not None and self.lock.same_content(body)

    @property
    def why(self) -> str:
        """For people: how it was answered."""
        return str(self.error) if self.error else f"answered {self.status}"


async def _do_nothing() -> None:
    return None


class ArmWriter:
    def __init__(self, clients: AzureClients) -> None:
        self._clients = clients

    async def delete_extension(
        self,
        extension_id: str,
        wait_seconds: float,
        accepted: Callable[[], Awaitable[None]] = _do_nothing,
    ) -> str:
        """Uninstall a VM extension and wait until the operation ends, `wait_seconds` at
        most. Returns the correlation id; an absent extension is a success.

        The DELETE is one HTTP request, never sent again. `accepted` is called once ARM
        has accepted it.
        """
        extension = parse(extension_id)
        where = (extension.resource_group, extension.names[-2], extension.names[-1])
        begin = self._clients.compute_once.virtual_machine_extensions.begin_delete
        send = _begin_by(begin, where)
        began = await call_once(send, self._clients.settings.call_timeout_seconds)
        await accepted()
        return await self._end_operation(wait_seconds, began, begin, where)

    async def delete_restore_point_collection(
        self, collection_id: str, wait_seconds: float, accepted: Callable[[], None] = lambda: None
    ) -> str:
        """Delete a collection with all its points and wait until the operation ends,
        `wait_seconds` at most. Returns the correlation id; an absent collection is a
        success.

        `accepted` is called once ARM has accepted the request: from then on locks do
        not matter to it.
        """
        collection = parse(collection_id)
        begin = self._clients.compute.restore_point_collections.begin_delete
        return await self._run_operation(
            wait_seconds, begin, collection.resource_group, collection.name, accepted=accepted
        )

    async def delete_lock(self, lock: Lock, request_id: str, seconds: float) -> LockAnswer:
        """Delete a lock: one HTTP request, never sent again, of `seconds` at most.
        Never raises for what Azure answers. `request_id`: x-ms-client-request-id."""

        async def send(hook: ResponseHook) -> None:
            locks, seen = self._clients.locks.management_locks, Succeeded(hook)
            await locks.delete_by_scope(
                lock.scope.lstrip("/"), lock.name, raw_response_hook=seen, request_id=request_id
            )
            seen.check()

        return await _write_once(send, seconds)

    async def put_lock(self, lock: Lock, request_id: str, seconds: float) -> LockAnswer:
        """Create exactly this lock: scope, name, level, notes, owners. One HTTP
        request, as `delete_lock`."""
        from azure.mgmt.resource.locks.models import ManagementLockObject, ManagementLockOwner

        owners = [ManagementLockOwner(application_id=owner) for owner in lock.owners]
        body = ManagementLockObject(level=lock.level, notes=lock.notes, owners=owners or None)

        async def send(hook: ResponseHook) -> Lock:
            made = await self._clients.locks.management_locks.create_or_update_by_scope(
                lock.scope.lstrip("/"),
                lock.name,
                body,
                raw_response_hook=hook,
                request_id=request_id,
            )
            check_id(lock.id, made.id if made is not None else None)
            return from_wire.read_lock(made.serialize(keep_readonly=True))

        return await _write_once(send, seconds)

    async def start_backup(self, vault_id: str, container: str, item: str) -> Answer[Begun]:
        """Start an on-demand backup. Sent once: after a lost answer the caller looks
        for the running job."""
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
            return Begun(self._read_operation_id(headers))

        return await call_once(send, self._clients.settings.call_timeout_seconds)

    async def find_started_job(self, vault_id: str, container: str, item: str, begun: Begun) -> str:
        """Id of the job of a started backup, or "" while Azure Backup has not created
        the job yet."""
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
            return _read_job_id(found.as_dict())

        return (await self._clients.call_with_retries(read)).value

    async def _run_operation(
        self,
        wait_seconds: float,
        begin: Any,
        *where: str,
        accepted: Callable[[], None] = lambda: None,
    ) -> str:
        """Begin a long-running operation and follow it to its end. Returns the
        correlation id of the request that began it."""
        began = await self._clients.call_with_retries(_begin_by(begin, where))
        accepted()
        return await self._end_operation(wait_seconds, began, begin, where)

    async def _end_operation(
        self, wait_seconds: float, began: Answer[Any], begin: Any, where: tuple[str, ...]
    ) -> str:
        """Raises Unavailable with the code TIMED_OUT when it has not ended after
        `wait_seconds`."""
        try:
            async with asyncio.timeout(wait_seconds):
                await self._follow(began.value, begin, where)
        except TimeoutError as error:
            message = f"the operation had not ended after {wait_seconds:g} s"
            raise errors.Unavailable(
                message, code=TIMED_OUT, correlation_id=began.correlation_id
            ) from error
        except errors.AzureCallFailed as error:
            error.correlation_id = error.correlation_id or began.correlation_id
            raise
        return began.correlation_id

    async def _follow(self, poller: Any, begin: Any, where: tuple[str, ...]) -> None:
        """Poll until the operation ends. A poll that fails for a passing reason is not
        a failure of the operation: go on from its continuation token.

        Raises the error that the operation ended with; Unavailable where its end cannot
        be read.
        """
        token = poller.continuation_token()
        while True:
            try:
                await poller.result()
                return
            except errors.PointsElsewhere:
                raise
            except Exception as error:
                problem = error if isinstance(error, errors.AzureCallFailed) else map_error(error)
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

    def _read_operation_id(self, headers: dict[str, str]) -> str:
        """The operation's id: the last path segment of Azure-AsyncOperation, else of
        Location. Raises PointsElsewhere; NotUnderstood where both are missing."""
        address = headers.get("azure-asyncoperation") or headers.get("location") or ""
        path = address.split("?")[0].rstrip("/")
        if not path:
            raise errors.NotUnderstood(
                "the answer to the on-demand backup names no operation to follow"
            )
        Home(self._clients.settings.arm_endpoint, regional=True).check(address)
        return path.rsplit("/", 1)[-1]


async def _write_once(
    send: Callable[[ResponseHook], Awaitable[Lock | None]], seconds: float
) -> LockAnswer:
    status = 0

    async def watched(hook: ResponseHook) -> Lock | None:
        def keep(response: Any) -> None:
            nonlocal status
            status = response.http_response.status_code
            hook(response)

        return await send(keep)

    try:
        answer = await call_once(watched, seconds)
    except errors.AzureCallFailed as error:
        return LockAnswer(error.status or status, error.correlation_id, error=error)
    return LockAnswer(status, answer.correlation_id, answer.value)


def _begin_by(begin: Any, where: tuple[str, ...]) -> Callable[[ResponseHook], Awaitable[Any]]:
    """The request that begins a long-running operation, for its poller."""

    async def send(hook: ResponseHook) -> Any:
        seen = Succeeded(hook)
        poller = await begin(*where, raw_response_hook=seen)
        seen.check()
        return poller

    return send


def _read_job_id(status: Any) -> str:
    """The job that an operation's status names, or "" while it runs. Raises
    OperationFailed; NotUnderstood for anything but a status."""
    state = status["status"]
    if state in ("Failed", "Canceled"):
        problem = status.get("error") or {}
        raise errors.OperationFailed(
            str(problem.get("message") or ""), code=str(problem.get("code") or "")
        )
    job_id = (status.get("properties") or {}).get("jobId") or ""
    if not isinstance(state, str) or not isinstance(job_id, str):
        raise errors.NotUnderstood(
            f"this is no operation's status: {state!r:.80}, job {job_id!r:.80}"
        )
    return job_id
