"""Reads Azure's own record of management locks: who deleted or wrote which, and when.

Through the SDK's client, which only operators have (it is not deployed), with their own
sign-in: Reader has the action Microsoft.Insights/eventtypes/values/read.

Azure filters by time alone: under which provider a lock's record is filed is not
established. Records count once the operation has ended well; both spellings of the
status are known. A record that may be a lock's and cannot be read is named, never left
out. https://learn.microsoft.com/rest/api/monitor/activity-logs/list
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared import clock
from shared.arm_ids import fold, parse
from shared.azure.answers import require_whole_list
from shared.azure.calls import ResponseHook
from shared.azure.clients import AzureClients
from shared.errors import AzureCallFailed, NotUnderstood, NotUsable
from shared.facts import Unreadable

MOST_DAYS = 89
"""Azure keeps 90 days, and refuses a start that is older."""
LATEST = timedelta(minutes=30)
"""Records can be read 3 to 20 minutes after their event; what is younger than this may
be missing. https://learn.microsoft.com/azure/azure-monitor/platform/activity-log"""
OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
LOCK = "microsoft.authorization/locks"
DELETE, WRITE = f"{LOCK}/delete", f"{LOCK}/write"
DELETE_GROUP = "microsoft.resources/subscriptions/resourcegroups/delete"
SUCCEEDED = ("succeeded", "success")
NOT_SUCCEEDED = (
    "started",
    "start",
    "accepted",
    "accept",
    "in progress",
    "failed",
    "failure",
    "canceled",
)


@dataclass(frozen=True, slots=True)
class LockEvent:
    """A deletion or write of a lock that succeeded. "": the record does not say."""

    lock_id: str
    """In lower case."""
    deleted: bool
    """False: written."""
    at: str
    correlation_id: str
    object_id: str
    """Of the caller, from the claims."""
    caller: str


@dataclass(frozen=True, slots=True)
class LogRead:
    since: str
    complete_until: str
    """A record of an event after this may be missing."""
    records: int
    """All that were read, of whatever."""
    events: tuple[LockEvent, ...]
    """The oldest first."""
    groups_gone: dict[str, str]
    """When a resource group was deleted last, by its id in lower case."""
    not_understood: tuple[str, ...]
    """Records that may be a lock's, each with what is wrong with it."""

    @property
    def deletions(self) -> int:
        return sum(event.deleted for event in self.events)


async def read_locks(clients: AzureClients, days: int) -> LogRead | Unreadable:
    """All records of the last `days` days, MOST_DAYS at most."""
    until = clock.as_time(clock.now())
    since = clock.as_text(until - timedelta(days=days))
    try:
        records = await _read_all(clients, f"eventTimestamp ge '{since}'")
    except AzureCallFailed as error:
        return Unreadable("the Activity Log", str(error))
    return _sort_out(records, since, clock.as_text(until - LATEST))


async def _read_all(clients: AzureClients, odata_filter: str) -> list[Any]:
    """Each page with its own time limit and retries. Raises AzureCallFailed."""
    from azure.mgmt.monitor.aio import MonitorManagementClient

    listing = clients.make_client(MonitorManagementClient).activity_logs.list
    found: list[Any] = []
    links: list[str | None] = [None]

    async def read(hook: ResponseHook) -> tuple[list[Any], str | None]:
        listed = listing(filter=odata_filter, raw_response_hook=require_whole_list(hook))
        pages = listed.by_page(continuation_token=links[-1])
        page = [each async for each in await anext(pages)]
        return page, pages.continuation_token

    while True:
        page, link = (await clients.call_with_retries(read)).value
        found += page
        if not link:
            return found
        if link in links:
            raise NotUnderstood("its pages have no end")
        links.append(link)


def _sort_out(records: list[Any], since: str, complete_until: str) -> LogRead:
    events: list[LockEvent] = []
    gone: dict[str, str] = {}
    not_understood: list[str] = []
    for record in records:
        try:
            operation = _read_operation(record)
            if operation in (DELETE, WRITE) and _succeeded(record):
                events.append(_read_event(record, operation))
            elif operation == DELETE_GROUP and _succeeded(record):
                group = fold(_text(record.resource_id)).rstrip("/")
                gone[group] = max(gone.get(group, ""), _read_time(record))
        except NotUsable as error:
            not_understood.append(f"record {_text(record.event_data_id) or record.id}: {error}")
    events.sort(key=lambda event: event.at)
    return LogRead(since, complete_until, len(records), tuple(events), gone, tuple(not_understood))


def _read_operation(record: Any) -> str:
    """Raises NotUsable for a record without one: it may be a lock's."""
    name = fold(_value(record.operation_name))
    if not name:
        raise NotUsable("it names no operation")
    return name


def _succeeded(record: Any) -> bool:
    """Raises NotUsable for a status that is not known."""
    status = fold(_value(record.status))
    if status not in (*SUCCEEDED, *NOT_SUCCEEDED):
        raise NotUsable(f"its status is {status!r}")
    return status in SUCCEEDED


def _read_event(record: Any, operation: str) -> LockEvent:
    """Raises NotUsable where it names no lock or no time."""
    lock_id = fold(_text(record.resource_id))
    if parse(lock_id, "its resource").type != LOCK:
        raise NotUsable(f"its resource is {lock_id}, which is no lock")
    claims = record.claims or {}
    return LockEvent(
        lock_id=lock_id,
        deleted=operation == DELETE,
        at=_read_time(record),
        correlation_id=_text(record.correlation_id),
        object_id=_text(claims.get(OBJECT_ID)),
        caller=_text(record.caller),
    )


def _read_time(record: Any) -> str:
    if not isinstance(record.event_timestamp, datetime):
        raise NotUsable("it has no time")
    return clock.as_text(record.event_timestamp)


def _value(localized: Any) -> str:
    return _text(getattr(localized, "value", None))


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
