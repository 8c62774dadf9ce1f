"""The parts of the lock protocol over the real clients, a SQLite store and the
simulator, with a hand on each of their steps."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, override

from local.scenarios import parts
from local.simulator.server import Simulator
from shared.audit.entry import Entry
from shared.audit.journal import Journal
from shared.audit.log import AuditLog
from shared.azure.clients import AzureClients
from shared.azure.reader import ArmReader
from shared.azure.writer import ArmWriter, LockAnswer
from shared.errors import StoreUnavailable
from shared.execution.fixes.delete_restore_point_collection import CollectionDeletions
from shared.execution.guardian import Guardian
from shared.execution.lock_window.gone_groups import GoneGroups
from shared.execution.lock_window.keeper import Keeper, Keeping
from shared.execution.lock_window.ledger import Hand, LockLedger
from shared.execution.lock_window.lock_journal import LockJournal
from shared.execution.lock_window.lock_row import LockRow
from shared.execution.lock_window.outcomes import WindowRecord
from shared.execution.lock_window.put_back import PutBack
from shared.execution.lock_window.settled_rows import SettledRows
from shared.execution.lock_window.strange_locks import StrangeLocks
from shared.execution.lock_window.times import Times
from shared.execution.lock_window.turn import Turns
from shared.execution.lock_window.watch import Watch
from shared.execution.lock_window.windows import WINDOW, LockWindows
from shared.facts import Absent, Lock, Unreadable
from shared.incident.book import IncidentBook
from shared.settings import Settings
from shared.store.contract import Body, Row, Write
from shared.store.sqlite import SqliteStore
from tests.shared.execution.rows import GROUP, LOCK

GROUP_2 = f"{GROUP}2"
THEIRS = replace(LOCK, notes="a person's")

type Does = Callable[[], Any] | Callable[[], Awaitable[Any]]


@dataclass
class Steps:
    """What happens, in its order, and what a test does at the first step of a name."""

    passed: list[str] = field(default_factory=list)
    hands: dict[str, Does] = field(default_factory=dict)
    every: dict[str, Does] = field(default_factory=dict)
    """Done each time."""

    async def reach(self, name: str) -> None:
        self.passed.append(name)
        for does in (self.hands.pop(name, None), self.every.get(name)):
            if does is not None and inspect.isawaitable(done := does()):
                await done

    def count(self, name: str) -> int:
        return self.passed.count(name)


class SteppedStore(SqliteStore):
    """A step is "TABLE STATE" before the row is written and "TABLE STATE stored" after;
    "window read", "heartbeat read"."""

    def __init__(self, path: Path, steps: Steps) -> None:
        super().__init__(path)
        self.steps = steps
        self.down = False
        """Takes no row of the ledger."""
        self.hidden = False
        """And shows none alone."""

    async def _writing(self, table: str, body: Body) -> str:
        step = f"{table} {body.get('state', '')}".strip()
        await self.steps.reach(step)
        if self.down and table == "locks":
            raise StoreUnavailable("the store does not answer")
        return f"{step} stored"

    @override
    async def insert(self, table: str, partition: str, key: str, body: Body) -> Row:
        after = await self._writing(table, body)
        made = await super().insert(table, partition, key, body)
        await self.steps.reach(after)
        return made

    @override
    async def replace(self, row: Row, body: Body) -> Row:
        after = await self._writing(row.table, body)
        made = await super().replace(row, body)
        await self.steps.reach(after)
        return made

    @override
    async def transact(
        self, table: str, partition: str, writes: Sequence[Write]
    ) -> list[Row | None]:
        made = await super().transact(table, partition, writes)
        await self.steps.reach(f"{table} transacted")
        return made

    @override
    async def get(self, table: str, partition: str, key: str) -> Row | None:
        if table == "windows":
            await self.steps.reach(f"{'window' if key == WINDOW else key} read")
        if self.hidden and table == "locks":
            raise StoreUnavailable("the store does not answer")
        return await super().get(table, partition, key)


class SteppedReader(ArmReader):
    """Steps "GET", "GET answered"."""

    steps: Steps

    @override
    async def lock(self, lock_id: str) -> Lock | Absent | Unreadable:
        await self.steps.reach("GET")
        found = await super().lock(lock_id)
        await self.steps.reach("GET answered")
        return found


class SteppedWriter(ArmWriter):
    """Steps "PUT", "PUT NAME", "PUT answered", and the same of DELETE."""

    steps: Steps

    @override
    async def put_lock(self, lock: Lock, request_id: str, seconds: float) -> LockAnswer:
        await self.steps.reach("PUT")
        await self.steps.reach(f"PUT {lock.name}")
        answer = await super().put_lock(lock, request_id, seconds)
        await self.steps.reach("PUT answered")
        return answer

    @override
    async def delete_lock(self, lock: Lock, request_id: str, seconds: float) -> LockAnswer:
        await self.steps.reach("DELETE")
        answer = await super().delete_lock(lock, request_id, seconds)
        await self.steps.reach("DELETE answered")
        return answer


@dataclass(frozen=True, slots=True)
class Patient(Times):
    """A short lease, and no limit that a slow machine would reach."""

    store_seconds: float = 60.0

    @property
    @override
    def store(self) -> float:
        return self.store_seconds

    @property
    @override
    def read(self) -> float:
        return 60.0

    @property
    @override
    def longest_silence(self) -> float:
        return 600.0


TIMES = Patient(
    lease=0.05, write=60, watch=300, late=90, stale=120, grace=15, patience=60, window=600
)


@dataclass
class Bench:
    arm: Simulator
    store: SteppedStore
    steps: Steps
    settings: Settings
    reader: SteppedReader
    writer: SteppedWriter
    times: Patient = TIMES

    def __post_init__(self) -> None:
        self.journal = Journal(AuditLog(self.store))
        self.book = IncidentBook(self.store)
        self.ledger = LockLedger(self.store)
        self.windows = LockWindows(self.store)
        self.lock_journal = LockJournal(self.journal)

    @property
    def gone(self) -> GoneGroups:
        return GoneGroups(self.reader, self.times)

    @property
    def restorer(self) -> PutBack:
        return PutBack(
            self.reader,
            self.writer,
            self.lock_journal,
            self.ledger,
            self.gone,
            self.settings,
            self.times,
        )

    @property
    def watch(self) -> Watch:
        return Watch(
            self.reader,
            self.writer,
            self.lock_journal,
            self.ledger,
            self.gone,
            self.settings,
            self.times,
        )

    @property
    def deletions(self) -> CollectionDeletions:
        return CollectionDeletions(self.reader, self.writer, self.ledger, self.settings)

    @property
    def keeping(self) -> Keeping:
        return Keeping(
            self.windows,
            self.ledger,
            self.restorer,
            self.watch,
            self.lock_journal,
            WindowRecord(self.book, self.journal, self.deletions),
            self.times,
        )

    @property
    def settled(self) -> SettledRows:
        return SettledRows(self.reader, self.ledger, self.lock_journal, self.times)

    @property
    def guardian(self) -> Guardian:
        strange = StrangeLocks(self.reader, self.writer, self.journal, self.ledger, self.times)
        return Guardian(self.book, self.journal, self.keeping, self.settled, strange)

    @property
    def turns(self) -> Turns:
        return Turns(
            self.book,
            self.journal,
            self.keeping,
            self.reader,
            self.writer,
            self.deletions,
            self.settings,
        )

    def keeper(self, group_id: str = GROUP) -> Keeper:
        return Keeper(self.keeping, group_id)

    # -- Azure

    def has(self, lock: Lock = LOCK) -> bool:
        return self.arm.world.state.has(lock.id)

    def make(self, lock: Lock = LOCK) -> None:
        """Somebody makes it, whatever was there."""
        self.arm.world.state.put(in_azure(lock))

    def remove(self, lock: Lock = LOCK) -> None:
        """Somebody removes it, or a DELETE of ours takes effect late."""
        self.arm.world.state.remove(lock.id)

    def notes(self, lock: Lock = LOCK) -> str:
        found = self.arm.world.state.get(lock.id)
        return str(found["properties"].get("notes")) if found else ""

    def answer(self, method: str, path: str = r"/locks/[^/]+$", times: int = 1, **how: Any) -> None:
        """Azure answers so, the next `times` times."""
        fault = {"method": method, "path_regex": path, "times": times, "action": how}
        self.arm.world.faults.add(fault)

    def shows(self, lock: Lock, times: int = 1) -> None:
        """A read that is as old as it may be."""
        self.answer("GET", times=times, status=200, body=in_azure(lock))

    # -- The ledger

    async def only(self) -> LockRow:
        (hand,) = await self.ledger.hands()
        return hand.row

    async def hand(self, row: LockRow) -> Hand:
        return await self.ledger.insert(row)

    async def change(self, **changes: Any) -> None:
        """Somebody else writes the only row."""
        (hand,) = await self.ledger.hands()
        await hand.force(lambda row: replace(row, **changes))

    async def notes_on_record(self) -> str:
        entries: list[Entry] = [each async for each in self.journal.log.entries()]
        return "\n".join(each.result for each in entries)

    def come_back(self) -> None:
        self.store.down = self.store.hidden = False


def in_azure(lock: Lock) -> dict[str, Any]:
    return parts.lock(lock.scope, lock.name, lock.notes or "", lock.level)


@asynccontextmanager
async def a_bench(folder: Path) -> AsyncIterator[Bench]:
    """Two groups without a lock."""
    resources = [parts.group("rg"), parts.group("rg2")]
    async with Simulator(0, {"resources": resources}) as arm:
        settings = Settings.from_environment(
            {
                "REMEDIATOR_SUBSCRIPTION_ID": parts.SUBSCRIPTION,
                "REMEDIATOR_ARM_ENDPOINT": arm.url,
                "REMEDIATOR_RETRY_SECONDS": "0",
                "REMEDIATOR_POLL_SECONDS": "0.01",
            }
        )
        clients, steps = AzureClients(settings, parts.SUBSCRIPTION), Steps()
        store = SteppedStore(folder / "store.db", steps)
        reader, writer = SteppedReader(clients), SteppedWriter(clients)
        reader.steps = writer.steps = steps
        yield Bench(arm, store, steps, settings, reader, writer)
        await clients.close()
        await store.close()


async def once(event: asyncio.Event) -> None:
    """Wait for it, and fail where it never comes."""
    async with asyncio.timeout(15):
        await event.wait()
