"""Puts the product together from its settings: stores, clients, tools. Made once per
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
from shared.azure.writer import ArmWriter
from shared.diagnosis.check import check
from shared.errors import SettingsError
from shared.execution.executor import Execution
from shared.execution.lock_window.ledger import LockLedger
from shared.execution.lock_window.windows import LockWindows
from shared.execution.tools import Tools
from shared.incident.book import IncidentBook
from shared.incident.closing import Closing
from shared.incident.waiting import Waits
from shared.intake.quarantine import Quarantine
from shared.intake.sweep import Sweep
from shared.intake.take import Intake
from shared.intake.watermark import Watermark
from shared.plan.cooling import CoolingTime
from shared.plan.limits import DIAGNOSIS_SECONDS, ChangeLimiter
from shared.settings import Settings
from shared.store.contract import Store
from shared.store.open import open_store


class App:
    """Raises SettingsError where a setting is missing or impossible; nothing runs on a
    guess."""

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
        return Waits(self.book, self.journal, self.closing)

    @cached_property
    def ledger(self) -> LockLedger:
        return LockLedger(self.store)

    @cached_property
    def windows(self) -> LockWindows:
        return LockWindows(self.store)

    @cached_property
    def intake(self) -> Intake:
        return Intake(self.book, self.audit, self.quarantine)

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
            seen = f"{len(visible)} subscriptions" if visible else "no subscription"
            raise SettingsError(
                f"REMEDIATOR_SUBSCRIPTION_ID is not set and the identity sees {seen}; set it"
            )
        self._own_subscription = visible[0]
        return visible[0]

    async def visible_subscriptions(self) -> list[str]:
        """Raises AzureCallFailed."""
        return await list_subscriptions(self._clients_of("none"))

    async def sweep(self) -> Sweep:
        """Raises what own_subscription raises."""
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

    async def execution(self) -> Execution:
        """The only stage that is handed the writer. Raises what own_subscription
        raises."""
        clients, tools = self._clients_of(await self.own_subscription()), await self.tools()
        return Execution(
            settings=self.settings,
            book=self.book,
            journal=self.journal,
            closing=self.closing,
            waits=self.waits,
            limiter=self.limiter,
            cooling=tools.cooling,
            ledger=self.ledger,
            windows=self.windows,
            reader=tools.reader,
            writer=ArmWriter(clients),
            check=partial(check, tools),
        )

    async def tools(self) -> Tools:
        clients = self._clients_of(await self.own_subscription())
        return Tools(
            self.settings,
            ArmReader(clients),
            self.audit,
            self.journal,
            self.closing,
            self.waits,
            self.book,
            self.ledger,
            self.windows,
            self.limiter,
            CoolingTime(self.store, self.settings.cooling_hours),
        )

    async def failed_backup_log(self) -> FailedBackupLog:
        """The log of failed backups. Without REMEDIATOR_WORKSPACE_ID it answers that
        there is none."""
        return FailedBackupLog(self._clients_of(await self.own_subscription()))

    def _clients_of(self, subscription_id: str) -> AzureClients:
        return self._clients.setdefault(
            subscription_id, AzureClients(self.settings, subscription_id)
        )

    async def close(self) -> None:
        for clients in self._clients.values():
            await clients.close()
        if "store" in self.__dict__:
            await self.store.close()
