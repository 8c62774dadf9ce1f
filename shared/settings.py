"""Every app setting, with its default and its meaning. `docs/settings.md` is generated
from this table.

They are read once, when the app starts. An impossible value is an error that names the
setting, never a silent default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from shared import clouds
from shared.clouds import Cloud
from shared.errors import SettingsError
from shared.setting_kinds import guid_or_empty, number, one_of, setting, whole

MODES = ("off", "observe", "approve", "auto")
TAG = "backup-remediation"
"""Name of the tag that makes the mode stricter for a VM or a resource group."""
"""From strictest to freest. `approve` is reserved: until approvals exist it hands every
plan to a person."""
DEFAULT_MODE = "observe"
"""Where no mode is set, nothing is changed."""
FUNCTION_TIMEOUT_SECONDS = 1800.0
"""`functionTimeout` of host.json. At its end the host kills the worker with everything
that runs in it.
https://learn.microsoft.com/azure/azure-functions/functions-host-json#functiontimeout"""
FUNCTION_TIMEOUT_ELSEWHERE = "AzureFunctionsJobHost__functionTimeout"
"""The app setting that would override it, which the check below could not see."""
SPARE_SECONDS = 60.0
"""For the reads before a window and the writes after it."""


@dataclass(frozen=True, slots=True)
class Settings:
    subscription_id: str = setting(
        "REMEDIATOR_SUBSCRIPTION_ID",
        "",
        "The subscription that this installation looks after. Empty: the one that the app is"
        " deployed in (from WEBSITE_OWNER_NAME), else the only one that its identity can see."
        " Failures of any other subscription are recorded and ignored.",
    )
    mode: str = setting(
        "REMEDIATOR_MODE",
        DEFAULT_MODE,
        "off: failures are recorded only; observe: diagnosed and planned, nothing is changed;"
        " approve: reserved, hands every plan to a person; auto: safe fixes are applied. The tag"
        " `backup-remediation` on a VM or its resource group can only make it stricter.",
        one_of(*MODES),
    )
    changes_per_hour: int = setting(
        "REMEDIATOR_CHANGES_PER_HOUR",
        "60",
        "How many changes may be made in any 60 minutes, over all instances: each extension or"
        " restore point collection counts one, and so does a second try; a lock none. At the limit"
        " an incident waits for its turn, oldest first, for 24 hours at most. A fix that needs more"
        " at once goes to a person; 0 stops every fix and second try.",
        whole(0, 100_000),
    )
    retry_after_seconds: float = setting(
        "REMEDIATOR_RETRY_AFTER_SECONDS",
        "900",
        "Where no cause is found and a second try is allowed (docs/second-try.md): the pause"
        " before the causes are examined anew and the backup is run again.",
        number(0, 43_200),
    )
    backups_per_day: int = setting(
        "REMEDIATOR_BACKUPS_PER_DAY",
        "3",
        "How many on-demand backups of a VM are ordered in a UTC day; Azure allows 3. Where none is"
        " left that could verify it, nothing is changed: the incident waits until 00:00 UTC. More"
        " is for the simulator.",
        whole(1, 100_000),
    )
    delivery: str = setting(
        "REMEDIATOR_DELIVERY",
        "function",
        "How Event Grid hands events over. function: to the function `intake`; queue: to the"
        " storage queue `backup-failures` of AzureWebJobsStorage, from which the app takes them"
        " (private networks, storms).",
        one_of("function", "queue"),
    )
    cooling_hours: float = setting(
        "REMEDIATOR_COOLING_HOURS",
        "24",
        "A VM that fails again within this time after a fix is not fixed the same way again: the"
        " next cause is tried, or a person asked. 0: every failure is fixed anew.",
        number(0, 8760),
    )
    store: str = setting(
        "REMEDIATOR_STORE",
        "",
        "Where incidents, audit log and lock ledger live: https://<account>.table.core.windows.net"
        " (identity), a storage connection string, or sqlite:<path>. Empty: the tables of"
        " AzureWebJobsStorage.",
    )
    table_prefix: str = setting(
        "REMEDIATOR_TABLE_PREFIX", "remediator", "Put before each table's name in Azure Tables."
    )
    seals: str = setting(
        "REMEDIATOR_SEALS",
        "",
        "Container for sealed daily heads of the audit log, with an immutability policy:"
        " https://<account>.blob.core.windows.net/<container> (identity), or"
        " <container>@<connection string>. Empty: heads are not sealed.",
    )
    retention_days: int = setting(
        "REMEDIATOR_RETENTION_DAYS",
        "0",
        "After how many days without a new entry an incident that has ended is forgotten, with its"
        " audit chain. 0: never.",
        whole(0, 36_500),
    )
    auth: str = setting(
        "REMEDIATOR_AUTH",
        "required",
        "required: pages and records are for people who signed in with Microsoft Entra in front of"
        " the app and have one of its app roles. off: in Azure nobody is let in at all; elsewhere"
        " it has no effect.",
        one_of("required", "off"),
    )
    tenant_id: str = setting(
        "REMEDIATOR_TENANT_ID",
        "",
        "The Entra tenant that people must belong to. Empty: the one that sign-in is set up for.",
    )
    alert_sender: str = setting(
        "REMEDIATOR_ALERT_SENDER",
        "",
        "The application id that hands alerts to the bridge in Azure. Empty: Azure Monitor's action"
        " groups (461e8683-5575-4561-ac7f-899cc907d62a), by secure webhook.",
        guid_or_empty,
    )
    development_identity: str = setting(
        "REMEDIATOR_DEVELOPMENT_IDENTITY",
        "",
        "Outside Azure, on 127.0.0.1: the user name of every request, with every role. In Azure it"
        " has no effect.",
    )
    cloud: Cloud = setting(
        "REMEDIATOR_CLOUD",
        "public",
        "public, china (21Vianet) or usgov: where Azure Resource Manager, sign-in, storage, the log"
        " and the portal are.",
        clouds.find_cloud,
    )
    arm_endpoint: str = setting(
        "REMEDIATOR_ARM_ENDPOINT",
        "",
        "Azure Resource Manager. Empty: the cloud's own. An http address on 127.0.0.1 is the"
        " simulator: no credential is used there.",
    )
    logs_endpoint: str = setting(
        "REMEDIATOR_LOGS_ENDPOINT",
        "",
        "The Log Analytics query API. Empty: the cloud's own. It is also the token's audience."
        " An http address on 127.0.0.1 is the simulator: no credential is used there.",
    )
    workspace_id: str = setting(
        "REMEDIATOR_WORKSPACE_ID",
        "",
        "The Log Analytics workspace that the vaults send their backup jobs to: its workspace id, a"
        " GUID, not its resource id. The sweep finds failures there, and a diagnosis reads what it"
        " has of the VM. Empty: no log is read.",
        guid_or_empty,
    )
    sweep_most: int = setting(
        "REMEDIATOR_SWEEP_MOST",
        "50",
        "How many incidents one sweep opens at most; the rest waits for the next one, half an hour"
        " later.",
        whole(1, 10_000),
    )
    topic_endpoint: str = setting(
        "REMEDIATOR_TOPIC_ENDPOINT",
        "",
        "The Event Grid custom topic to which the bridge publishes alerts.",
    )
    topic_key: str = setting(
        "REMEDIATOR_TOPIC_KEY",
        "",
        "Access key of that topic. Empty: the app's identity is used (EventGrid Data Sender).",
    )
    call_timeout_seconds: float = setting(
        "REMEDIATOR_CALL_TIMEOUT_SECONDS",
        "60",
        "Longest wait for the answer of one ARM request.",
        number(0.1, 300),
    )
    retry_seconds: float = setting(
        "REMEDIATOR_RETRY_SECONDS",
        "60",
        "How long one ARM call is tried again after 429, 5xx or a lost connection. A Retry-After"
        " longer than what is left ends it.",
        number(0, 600),
    )
    poll_seconds: float = setting(
        "REMEDIATOR_POLL_SECONDS",
        "5",
        "Pause between two looks at a long-running operation of ARM when ARM names none.",
        number(0.01, 60),
    )
    unlock_wait_seconds: float = setting(
        "REMEDIATOR_UNLOCK_WAIT_SECONDS",
        "180",
        "How long a deletion that still answers ScopeLocked is tried again after its lock was"
        " lifted: locks go away slowly.",
        number(0, 600),
    )
    window_seconds: float = setting(
        "REMEDIATOR_WINDOW_SECONDS",
        "600",
        "Longest time a resource group may stay unlocked. Then the lock goes back and what was not"
        " deleted is reported. REMEDIATOR_GATHER_SECONDS, this, twice"
        " REMEDIATOR_RESTORE_PATIENCE_SECONDS and a minute must stay below the 30 minutes that the"
        " host gives a function.",
        number(1, 1500),
    )
    gather_seconds: float = setting(
        "REMEDIATOR_GATHER_SECONDS",
        "30",
        "Longest wait of a fix, with the locks still on, while other failures are being diagnosed"
        " that may need the same resource group unlocked: then it lifts them once for all. A"
        " thirtieth of it is always waited.",
        number(0, 300),
    )
    point_pairing_minutes: float = setting(
        "REMEDIATOR_POINT_PAIRING_MINUTES",
        "60",
        "How far apart the times of a restore point and of its copy in the vault may lie. A restore"
        " point without a copy is deleted only when the policy has expired it; else a person is"
        " asked. Smaller is stricter.",
        number(0, 720),
    )
    guardian_grace_seconds: float = setting(
        "REMEDIATOR_GUARDIAN_GRACE_SECONDS",
        "15",
        "How long after a window's deadline the guardian leaves putting its locks back to the fix"
        " itself.",
        number(0, 600),
    )
    lease_seconds: float = setting(
        "REMEDIATOR_LEASE_SECONDS",
        "15",
        "After how long without a heartbeat a window's owner counts as dead, so that the guardian"
        " takes the window over. The times of the lock protocol follow from it: a heartbeat each"
        " 2/15, one lock write 6/15, a margin of 1/15, the guardian's look each 5/15.",
        number(0.3, 28),
    )
    watch_seconds: float = setting(
        "REMEDIATOR_WATCH_SECONDS",
        "300",
        "How long a lock is watched after it was put back where a request of ours may still take"
        " effect. Meanwhile the group is not unlocked again. At least REMEDIATOR_LATE_SECONDS,"
        " REMEDIATOR_STALE_SECONDS and one lock write together.",
        number(0, 3600),
    )
    late_seconds: float = setting(
        "REMEDIATOR_LATE_SECONDS",
        "90",
        "How long after it was sent a request to ARM may still take effect. An assumption.",
        number(0, 1800),
    )
    stale_seconds: float = setting(
        "REMEDIATOR_STALE_SECONDS",
        "120",
        "How old an answer of ARM about a lock may be. An assumption.",
        number(0, 1800),
    )
    extension_wait_seconds: float = setting(
        "REMEDIATOR_EXTENSION_WAIT_SECONDS",
        "1200",
        "Longest wait for the removal of the backup extension (Azure itself gives up after 15"
        " minutes).",
        number(1, 1500),
    )
    stuck_extension_seconds: float = setting(
        "REMEDIATOR_STUCK_EXTENSION_SECONDS",
        "600",
        "After how long in Creating, Updating, Deleting or Transitioning, without a new status, the"
        " backup extension counts as stuck and may be uninstalled.",
        number(1, 86_400),
    )
    restore_patience_seconds: float = setting(
        "REMEDIATOR_RESTORE_PATIENCE_SECONDS",
        "120",
        "How long one attempt to put a lock back goes on before the guardian takes over (each"
        " minute, for as long as it takes).",
        number(0.1, 600),
    )
    job_poll_seconds: float = setting(
        "REMEDIATOR_JOB_POLL_SECONDS",
        "60",
        "Pause before the next look at the verifying backup job, and at what an incident waits for."
        " It grows with the time that was waited, to eight times as long.",
        number(0.05, 3600),
    )
    job_wait_hours: float = setting(
        "REMEDIATOR_JOB_WAIT_HOURS",
        "24",
        "How long the verifying backup job is followed.",
        number(0.001, 96),
    )
    busy_poll_seconds: float = setting(
        "REMEDIATOR_BUSY_POLL_SECONDS",
        "10",
        "Pause before a fix asks again whether the leader of its lock window has deleted for it. It"
        " grows to eight times as long, which is also the longest pause between two looks of an"
        " incident that waits for a locked resource group. Below 10 it also shortens the pauses"
        " after which a stage that failed is called again.",
        number(0.05, 600),
    )
    lost_after_seconds: float = setting(
        "REMEDIATOR_LOST_AFTER_SECONDS",
        "60",
        "Age at which an incident without a running orchestration counts as lost, so that the"
        " guardian starts it again.",
        number(0, 3600),
    )
    minimum_linux_agent: str = setting(
        "REMEDIATOR_MINIMUM_LINUX_AGENT",
        "2.2.53.1",
        "A Linux agent older than this is out of date.",
    )

    @property
    def longest_pause_seconds(self) -> float:
        """Between two checks of a waiting incident."""
        return self.job_poll_seconds * 8

    @property
    def longest_busy_pause_seconds(self) -> float:
        """Between two looks at a resource group that others have unlocked."""
        return self.busy_poll_seconds * 8

    @property
    def group_patience_seconds(self) -> float:
        """How long an incident waits for a resource group before a person is asked:
        for the window that is in the way when it comes, and for one that it may just
        have missed, each with its gathering, its grace and the watch of its locks."""
        longest_window = self.gather_seconds + self.window_seconds + self.guardian_grace_seconds
        return 2 * (longest_window + self.watch_seconds)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Raises SettingsError, which names the setting, its value and what it
        accepts."""
        values = {}
        for each in fields(cls):
            name, text = each.metadata["name"], environment.get(each.metadata["name"], "").strip()
            try:
                values[each.name] = each.metadata["read"](text or each.metadata["default"])
            except ValueError as error:
                raise SettingsError(f"{name} is {text!r}; it takes {error}") from error
        if not values["subscription_id"]:
            values["subscription_id"] = environment.get("WEBSITE_OWNER_NAME", "").split("+")[0]
        if not values["store"]:
            values["store"] = _functions_storage(environment, values["cloud"])
        values["arm_endpoint"] = values["arm_endpoint"] or values["cloud"].arm
        values["logs_endpoint"] = values["logs_endpoint"] or values["cloud"].logs
        settings = cls(**values)
        _check_function_timeout(settings, environment)
        return settings


def _check_function_timeout(settings: Settings, environment: Mapping[str, str]) -> None:
    """Raises SettingsError where the host could kill a fix while a group's locks are
    off."""
    if environment.get(FUNCTION_TIMEOUT_ELSEWHERE, "").strip():
        raise SettingsError(
            f"{FUNCTION_TIMEOUT_ELSEWHERE} is set; remove it: the times of a fix are checked"
            " against host.json"
        )
    gather, window, patience = (
        settings.gather_seconds,
        settings.window_seconds,
        settings.restore_patience_seconds,
    )
    after = settings.guardian_grace_seconds + 4 * settings.lease_seconds + SPARE_SECONDS
    longest = gather + window + 2 * patience + after
    if longest >= FUNCTION_TIMEOUT_SECONDS:
        raise SettingsError(
            f"REMEDIATOR_GATHER_SECONDS ({gather:g}), REMEDIATOR_WINDOW_SECONDS ({window:g}), twice"
            f" REMEDIATOR_RESTORE_PATIENCE_SECONDS ({patience:g}) and {after:g} for what follows"
            " (REMEDIATOR_GUARDIAN_GRACE_SECONDS, four times REMEDIATOR_LEASE_SECONDS, the record)"
            " come to"
            f" {longest:g} seconds; the host ends a function after {FUNCTION_TIMEOUT_SECONDS:g}:"
            " make them smaller"
        )


def _functions_storage(environment: Mapping[str, str], cloud: Cloud) -> str:
    """The storage account of the Functions host itself: by identity
    (`__tableServiceUri`, `__accountName`) or by connection string."""
    if uri := environment.get("AzureWebJobsStorage__tableServiceUri"):
        return uri
    if account := environment.get("AzureWebJobsStorage__accountName"):
        return f"https://{account}.table.{cloud.storage_suffix}"
    return environment.get("AzureWebJobsStorage", "")
