"""The examples of cause 5, from which its tests are made."""

from __future__ import annotations

from dataclasses import replace

from shared.diagnosis.checkers.contract import (
    AGENTLESS_POLICY,
    ENHANCED_ITEM,
    IN_VAULT,
    LINUX_VM,
    WINDOWS_VM,
    Example,
    KnownFacts,
)
from shared.extension_facts import ExtensionStatus, ReportedExtension
from shared.facts import Extension, Unreadable, VirtualMachine
from shared.incident.model import Verdict

_FAILED = Extension(
    id=f"{WINDOWS_VM.id}/extensions/VMSnapshot",
    name="VMSnapshot",
    publisher="Microsoft.Azure.RecoveryServices",
    type="VMSnapshot",
    provisioning_state="Failed",
    statuses=(
        ExtensionStatus(
            "ProvisioningState/failed/1", "The handler could not be loaded.", "2026-01-10T01:00:00Z"
        ),
    ),
)
_GOOD = replace(
    _FAILED,
    provisioning_state="Succeeded",
    statuses=(ExtensionStatus("ProvisioningState/succeeded", "", "2026-01-10T01:00:00Z"),),
)
_NETWORK = ExtensionStatus(
    "ComponentStatus/0/succeeded",
    '[{"status": {"status": "error", "code": "761"}}]',
    "2026-01-10T02:05:00Z",
    is_substatus=True,
)
_FREEZE = ExtensionStatus(
    "ProvisioningState/failed/121", "Failed to FIFREEZE: /data", "2026-01-10T02:05:00Z"
)
_DOWNGRADE = ExtensionStatus(
    "ProvisioningState/failed/1", "Downgrade not allowed", "2026-01-10T02:05:00Z"
)
_READY = ExtensionStatus("ProvisioningState/succeeded", "", "")
_HANDLER = ReportedExtension(
    "",
    "Microsoft.Azure.RecoveryServices.VMSnapshot",
    (ExtensionStatus("ProvisioningState/failed/1", "", ""),),
)
_OLD = "2025-12-01T02:05:00Z"


def _on(vm: VirtualMachine, *listed: Extension, hidden: tuple[Extension, ...] = ()) -> KnownFacts:
    """A VM with its extensions, and what its vault knows."""
    return replace(IN_VAULT, vm=vm, vm_extensions=listed, hidden=hidden)


def _moving(state: str, time: str) -> Extension:
    """In transition, and its newest status says failed since `time`."""
    failed = ExtensionStatus("ProvisioningState/failed/1", "", time)
    return replace(_GOOD, provisioning_state=state, statuses=(failed,))


def _saying(status: ExtensionStatus, state: str = "Failed", time: str = "") -> Extension:
    told = replace(status, time=time or status.time)
    return replace(_FAILED, provisioning_state=state, statuses=(*_GOOD.statuses, told))


EXAMPLES = (
    Example("it works", _on(WINDOWS_VM, _GOOD), Verdict.RULED_OUT),
    Example("it works, hidden from the list", _on(WINDOWS_VM, hidden=(_GOOD,)), Verdict.RULED_OUT),
    Example(
        "it failed long ago, and works",
        _on(WINDOWS_VM, replace(_FAILED, provisioning_state="Succeeded")),
        Verdict.RULED_OUT,
    ),
    Example("it names the network", _on(WINDOWS_VM, _saying(_NETWORK)), Verdict.RULED_OUT),
    Example(
        "it names a file system that does not freeze",
        _on(LINUX_VM, _saying(_FREEZE, "Succeeded")),
        Verdict.RULED_OUT,
    ),
    Example(
        "it works, and named the network long ago",
        _on(WINDOWS_VM, _saying(_NETWORK, "Succeeded", _OLD)),
        Verdict.RULED_OUT,
    ),
    Example(
        "it failed under an agentless policy",
        replace(_on(WINDOWS_VM, _FAILED), item=ENHANCED_ITEM, policy=AGENTLESS_POLICY),
        Verdict.RULED_OUT,
    ),
    Example(
        "its handler alone is there, and Ready",
        _on(replace(WINDOWS_VM, handlers=(replace(_HANDLER, statuses=(_READY,)),))),
        Verdict.RULED_OUT,
    ),
    Example("it failed", _on(WINDOWS_VM, _FAILED), Verdict.CONFIRMED),
    Example(
        "it failed, without a word",
        _on(WINDOWS_VM, replace(_FAILED, statuses=())),
        Verdict.CONFIRMED,
    ),
    Example(
        "it failed, hidden from the list", _on(WINDOWS_VM, hidden=(_FAILED,)), Verdict.CONFIRMED
    ),
    Example(
        "it failed under another name",
        _on(WINDOWS_VM, replace(_FAILED, id=f"{WINDOWS_VM.id}/extensions/snap", name="snap")),
        Verdict.CONFIRMED,
    ),
    Example(
        "it says so since the failed job began",
        _on(WINDOWS_VM, _moving("Succeeded", "2026-01-10T02:05:00Z")),
        Verdict.CONFIRMED,
    ),
    Example(
        "updating for half an hour",
        _on(WINDOWS_VM, _moving("Updating", "2026-01-10T02:00:00Z")),
        Verdict.CONFIRMED,
    ),
    Example(
        "its handler alone failed",
        _on(replace(WINDOWS_VM, handlers=(_HANDLER,))),
        Verdict.CONFIRMED,
    ),
    Example(
        "missing on Linux, agent old",
        _on(replace(LINUX_VM, agent_version="2.0.8")),
        Verdict.UNKNOWN,
    ),
    Example(
        "missing, and extension operations are off",
        _on(replace(WINDOWS_VM, guest=replace(WINDOWS_VM.guest, extension_operations=False))),
        Verdict.UNKNOWN,
    ),
    Example("missing on Windows", _on(WINDOWS_VM), Verdict.UNKNOWN),
    Example(
        "another publisher's failed",
        _on(WINDOWS_VM, replace(_FAILED, publisher="Contoso.Tools")),
        Verdict.UNKNOWN,
    ),
    Example("missing on Linux, agent fine", _on(LINUX_VM), Verdict.UNKNOWN),
    Example(
        "its handler alone is there",
        _on(replace(WINDOWS_VM, handlers=(replace(_HANDLER, statuses=()),))),
        Verdict.UNKNOWN,
    ),
    Example(
        "it failed, and named the network long ago",
        _on(WINDOWS_VM, _saying(_NETWORK, time=_OLD)),
        Verdict.UNKNOWN,
    ),
    Example(
        "the agent refuses an older version of it",
        _on(WINDOWS_VM, _saying(_DOWNGRADE)),
        Verdict.UNKNOWN,
    ),
    Example(
        "the agent says so of its handler alone",
        _on(
            replace(
                WINDOWS_VM,
                handlers=(replace(_HANDLER, statuses=(replace(_DOWNGRADE, time=""),)),),
            ),
            _FAILED,
        ),
        Verdict.UNKNOWN,
    ),
    Example(
        "creating for a minute",
        _on(WINDOWS_VM, _moving("Creating", "2026-01-10T02:29:00Z")),
        Verdict.UNKNOWN,
    ),
    Example("updating, no time known", _on(WINDOWS_VM, _moving("Updating", "")), Verdict.UNKNOWN),
    Example(
        "it failed, and the policy cannot be read",
        replace(
            _on(WINDOWS_VM, _FAILED),
            item=ENHANCED_ITEM,
            policy=Unreadable("the policy", "403"),
        ),
        Verdict.UNKNOWN,
    ),
    Example("the extensions cannot be read", replace(IN_VAULT, vm=WINDOWS_VM), Verdict.UNKNOWN),
    Example("the VM cannot be read", IN_VAULT, Verdict.UNKNOWN),
)
