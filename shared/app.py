"""Puts the product together from its settings: stores, clients, stages. Made once per
process, when first needed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cached_property, partial

from shared.audit import telemetry
from shared.audit.journal import Journal
from shared.audit.log import AuditLog
from shared.azure.clients import AzureClients
from shared.azure.logs import FailedBackupLog
from shared.azure.reader import ArmReader
from shared.azure.subscriptions import list_subscriptions
from shared.azure.vm_log import VmLog
from shared.azure.writer import ArmWriter
from shared.counts import count_of
from shared.diagnosis.advice import work_lost
from shared.diagnosis.stage import Diagnosis
from shared.errors import SettingsError
from shared.execution.executor import Execution
from shared.execution.lock_window.held import why_held, why_in_hand
from shared.execution.lock_window.ledger import LockLedger
from shared.execution.lock_window.seen_locks import LedgerAwareReader
from shared.execution.lock_window.windows import LockWindows
from shared.incident.attempts import Attempts
from shared.incident.book import IncidentBook
from shared.incident.closing import Closing
from shared.incident.outcome import GroupHeld
from shared.incident.restarts import Restarts
from shared.incident.waiting import Waits
from shared.intake.quarantine import Quarantine
from shared.intake.sweep import Sweep
from shared.intake.take import Intake
from shared.intake.watermark import Watermark
from shared.plan.cooling import CoolingTime
from shared.plan.limits import DIAGNOSIS_SECONDS, ChangeLimiter
from shared.plan.on_demand import OnDemandBackups
from shared.plan.stage import Planning
from shared.settings import Settings
from shared.store.contract import Store
from shared.store.open import open_store
from shared.verification.stage import Verifying


class App:
    """Raises SettingsError where a setting is missing or impossible."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.settings = Settings.from_environment(environment)
        self._clients: dict[str, AzureClients] = {}
        self._own_subscription = self.settings.subscription_id
        self._begun = time.monotonic()

    def seconds_up(self) -> float:
        return time.monotonic() - self._begun

    @cached_property
    def store(self) -> Store:
        if not self.settings.store:
            raise SettingsError(
                "REMEDIATOR_STORE is not set, and neither is AzureWebJobsStorage: there is nowhere"
                " to keep a record"
            )
        return open_store(self.settings.store, self.settings.table_prefix, self.settings.cloud)

    @cached_property
    def audit(self) -> AuditLog:
        return AuditLog(self.store, telemetry.emit)

    @cached_property
    def book(self) -> IncidentBook:
        return IncidentBook(self.store)

    @cached_property
    def journal(self) -> Journal:
        return Journal(self.audit)

    @cached_property
    def limiter(self) -> ChangeLimiter:
        settings = self.settings
        patience = settings.longest_pause_seconds + DIAGNOSIS_SECONDS
        return ChangeLimiter(self.store, settings.changes_per_hour, patience)

    @cached_property
    def closing(self) -> Closing:
        return Closing(self.book, self.journal, self.limiter)

    @cached_property
    def waits(self) -> Waits:
        settings = self.settings
        return Waits(
            self.book,
            self.journal,
            self.closing,
            group_patience_seconds=settings.group_patience_seconds,
            group_pause_seconds=settings.longest_busy_pause_seconds,
        )

    @cached_property
    def restarts(self) -> Restarts:
        lost_after_seconds = self.settings.lost_after_seconds
        return Restarts(self.book, self.journal, self.closing, lost_after_seconds, work_lost)

    @cached_property
    def attempts(self) -> Attempts:
        return Attempts(self.book, self.journal, partial(why_in_hand, self.windows, self.ledger))

    @cached_property
    def cooling(self) -> CoolingTime:
        return CoolingTime(self.store, self.settings.cooling_hours)

    @cached_property
    def backups(self) -> OnDemandBackups:
        return OnDemandBackups(self.store, self.settings.backups_per_day)

    @cached_property
    def ledger(self) -> LockLedger:
        return LockLedger(self.store)

    @cached_property
    def windows(self) -> LockWindows:
        return LockWindows(self.store)

    @cached_property
    def intake(self) -> Intake:
        return Intake(self.book, self.journal, self.quarantine)

    @cached_property
    def quarantine(self) -> Quarantine:
        return Quarantine(self.store)

    @cached_property
    def watermark(self) -> Watermark:
        return Watermark(self.store)

    async def own_subscription(self) -> str:
        """The one subscription that this installation looks after.

        From settings; else the only one that the identity sees, asked once. Raises
        SettingsError when it sees none or several, and AzureCallFailed when ARM does
        not say.
        """
        if self._own_subscription:
            return self._own_subscription
        visible = await self.visible_subscriptions()
        if len(visible) != 1:
            seen = count_of(len(visible), "subscription") if visible else "no subscription"
            raise SettingsError(
                f"REMEDIATOR_SUBSCRIPTION_ID is not set and the identity sees {seen}; set it"
            )
        self._own_subscription = visible[0]
        return visible[0]

    async def visible_subscriptions(self) -> list[str]:
        """Raises AzureCallFailed."""
        return await list_subscriptions(self._clients_of("none"))

    async def sweep(self) -> Sweep:
        """Raises whatever own_subscription raises."""
        clients = self._clients_of(await self.own_subscription())
        settings = self.settings
        log, has_log = await self.failed_backup_log(), bool(settings.workspace_id)
        return Sweep(
            ArmReader(clients),
            log,
            self.intake,
            self.watermark,
            self.own_subscription,
            has_log,
            settings.sweep_most,
        )

    async def checker_reader(self) -> LedgerAwareReader:
        """A reader that counts a lock that is off because of us as there. Raises
        whatever own_subscription raises."""
        return LedgerAwareReader(await self._reader(), self.ledger)

    async def diagnosis(self) -> Diagnosis:
        """Raises whatever own_subscription raises."""
        settings, reader = self.settings, await self._reader()
        return Diagnosis(
            book=self.book,
            journal=self.journal,
            closing=self.closing,
            waits=self.waits,
            reader=reader,
            checker_reader=await self.checker_reader(),
            log=VmLog(reader.clients),
            mode=settings.mode,
            minimum_linux_agent=settings.minimum_linux_agent,
            stuck_extension_seconds=settings.stuck_extension_seconds,
        )

    async def planning(self) -> Planning:
        """Raises whatever own_subscription raises."""
        return Planning(
            book=self.book,
            journal=self.journal,
            closing=self.closing,
            waits=self.waits,
            reader=await self._reader(),
            limiter=self.limiter,
            cooling=self.cooling,
            backups=self.backups,
            held=self._why_held,
            mode=self.settings.mode,
            retry_after_seconds=self.settings.retry_after_seconds,
        )

    async def execution(self) -> Execution:
        """The only stage with the writer. Raises whatever own_subscription raises."""
        return Execution(
            settings=self.settings,
            book=self.book,
            journal=self.journal,
            closing=self.closing,
            waits=self.waits,
            limiter=self.limiter,
            cooling=self.cooling,
            backups=self.backups,
            ledger=self.ledger,
            windows=self.windows,
            reader=await self._reader(),
            writer=ArmWriter(self._clients_of(await self.own_subscription())),
        )

    async def verifying(self) -> Verifying:
        """Raises whatever own_subscription raises."""
        settings = self.settings
        return Verifying(
            book=self.book,
            journal=self.journal,
            closing=self.closing,
            reader=await self._reader(),
            orders=await self.execution(),
            job_poll_seconds=settings.job_poll_seconds,
            longest_pause_seconds=settings.longest_pause_seconds,
            job_wait_hours=settings.job_wait_hours,
        )

    async def failed_backup_log(self) -> FailedBackupLog:
        """The log of failed backups. Without REMEDIATOR_WORKSPACE_ID it answers that
        there is none."""
        return FailedBackupLog(self._clients_of(await self.own_subscription()))

    async def _why_held(self, group_id: str, incident_id: str) -> GroupHeld | None:
        grace_seconds = self.settings.guardian_grace_seconds
        return await why_held(self.windows, self.ledger, group_id, incident_id, grace_seconds)

    async def _reader(self) -> ArmReader:
        return ArmReader(self._clients_of(await self.own_subscription()))

    def _clients_of(self, subscription_id: str) -> AzureClients:
        return self._clients.setdefault(
            subscription_id, AzureClients(self.settings, subscription_id)
        )

    async def close(self) -> None:
        for clients in self._clients.values():
            await clients.close()
        if "store" in self.__dict__:
            await self.store.close()
