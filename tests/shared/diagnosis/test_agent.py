"""Causes 2 and 3: what the VM tells of its agent, and the steps for its system."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from local.scenarios import parts
from shared.azure.from_wire import read_virtual_machine
from shared.diagnosis import advice
from shared.diagnosis.checkers import backup_extension, linux_agent, snapshot_status, windows_agent
from shared.diagnosis.checkers.contract import (
    EXAMPLE_SUBJECT,
    IN_VAULT,
    LINUX_VM,
    WINDOWS_VM,
    KnownFacts,
    silent,
)
from shared.extension_facts import ExtensionStatus, ReportedExtension
from shared.facts import VirtualMachine
from shared.guest_facts import UNKNOWN_GUEST, Distribution, Guest
from shared.incident.model import Finding, Verdict
from tests.words.printed import INCIDENT

UBUNTU, DEBIAN, YUM, SUSE = (
    "apt-get install walinuxagent",
    "apt-get install waagent",
    "yum install -y WALinuxAgent",
    "zypper install python-azure-agent",
)
PACKAGES = (UBUNTU, DEBIAN, YUM, SUSE)
WALINUXAGENT, WAAGENT = "systemctl restart walinuxagent", "systemctl restart waagent"


def reports(os_name: str) -> Guest:
    return replace(UNKNOWN_GUEST, os_name=os_name)


def made_from(image: str) -> Guest:
    return replace(UNKNOWN_GUEST, image=image)


SYSTEMS: dict[str, tuple[Guest, Distribution | None]] = {
    "nothing is told": (UNKNOWN_GUEST, None),
    "another system": (reports("flatcar"), None),
    "an image of one's own": (made_from("contoso base-image v3"), None),
    "an image that names two": (made_from("canonical rhel-like 1"), None),
    "a name within another": (reports("noracles"), None),
    "ubuntu": (reports("ubuntu"), Distribution.UBUNTU),
    "Ubuntu's image": (made_from("Canonical ubuntu-24_04-lts server"), Distribution.UBUNTU),
    "debian": (reports("debian"), Distribution.DEBIAN),
    "Debian's image": (made_from("debian debian-12 12-gen2"), Distribution.DEBIAN),
    "Red Hat": (reports("Red Hat Enterprise Linux"), Distribution.RED_HAT),
    "redhat": (reports("redhat"), Distribution.RED_HAT),
    "Red Hat's image": (made_from("RedHat RHEL 9-lvm-gen2"), Distribution.RED_HAT),
    "CentOS by OpenLogic": (made_from("OpenLogic CentOS 7_9"), Distribution.RED_HAT),
    "Oracle Linux": (reports("oracle"), Distribution.ORACLE),
    "Oracle's image": (made_from("Oracle Oracle-Linux ol9-lvm-gen2"), Distribution.ORACLE),
    "suse": (reports("SUSE Linux Enterprise Server"), Distribution.SUSE),
    "SUSE's image": (made_from("SUSE sles-15-sp6 gen2"), Distribution.SUSE),
    "the system goes before the image": (
        replace(made_from("Canonical ubuntu-24_04-lts server"), os_name="debian"),
        Distribution.DEBIAN,
    ),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_distribution_is_known_by_its_name_or_its_image(name: str) -> None:
    guest, distribution = SYSTEMS[name]
    assert guest.distribution is distribution


STEPS = {
    Distribution.UBUNTU: ((UBUNTU,), (WALINUXAGENT,)),
    Distribution.DEBIAN: ((DEBIAN,), (WALINUXAGENT,)),
    Distribution.RED_HAT: ((YUM,), (WAAGENT,)),
    Distribution.ORACLE: ((YUM,), (WAAGENT,)),
    Distribution.SUSE: ((SUSE,), (WAAGENT,)),
    None: (PACKAGES, (WALINUXAGENT, WAAGENT)),
}


async def examine(vm: VirtualMachine, checker: Any = linux_agent) -> Finding:
    found: Finding = await checker.check(
        EXAMPLE_SUBJECT, replace(IN_VAULT, vm=vm, vm_extensions=())
    )
    return found


@pytest.mark.parametrize("distribution", STEPS, ids=str)
async def test_the_steps_are_those_of_the_distribution(distribution: Distribution | None) -> None:
    """As today's page has them, and no other's."""
    guest = reports(distribution.value) if distribution else UNKNOWN_GUEST
    found = await examine(replace(silent(LINUX_VM), guest=guest))
    packages, restarts = STEPS[distribution]
    told = "\n".join(map(str, found.by_hand))
    assert found.verdict is Verdict.CONFIRMED
    assert tuple(each for each in PACKAGES if each in told) == packages
    assert tuple(each for each in (WALINUXAGENT, WAAGENT) if each in told) == restarts
    assert ("repolist" in told) == (distribution is Distribution.ORACLE)
    for always in ("AutoUpdate.Enabled", "Known-Issues", "Logs.Verbose", "/var/log/waagent.log"):
        assert always in told


async def test_windows_gets_the_services_the_logs_and_dotnet() -> None:
    found = await examine(silent(WINDOWS_VM), windows_agent)
    told = "\n".join(map(str, found.by_hand))
    for wanted in ("Restart-Service RdAgent", "NET Framework Setup", "WaAppAgent.log", "StartType"):
        assert wanted in told
    assert "waagent" not in told


HANDLER = ReportedExtension(
    "",
    "Microsoft.Azure.RecoveryServices.VMSnapshot",
    (ExtensionStatus("ProvisioningState/failed/1", "Not loaded", ""),),
)
OFF = replace(WINDOWS_VM.guest, extension_operations=False)
NO_AGENT = replace(LINUX_VM.guest, provision_agent=False)
TOLD: dict[str, tuple[VirtualMachine, tuple[str, ...]]] = {
    "silent since": (
        replace(silent(WINDOWS_VM), agent_time="2026-01-08T09:10:11Z"),
        ("2026-01-08T09:10:11", "Not Ready", "Unknown", "MicrosoftWindowsServer"),
    ),
    "no time": (replace(silent(WINDOWS_VM), agent_time=""), ("no time",)),
    "the version that it names last": (
        replace(WINDOWS_VM, agent_status="Not Ready"),
        (WINDOWS_VM.agent_version, "Windows Server 2022", "10.0.20348"),
    ),
    "its handlers": (
        replace(WINDOWS_VM, agent_status="Not Ready", handlers=(HANDLER,)),
        (HANDLER.handler, "failed/1 Not loaded"),
    ),
    "extension operations are off": (
        replace(silent(WINDOWS_VM), guest=OFF),
        ("allowExtensionOperations is false",),
    ),
    "neither system nor image": (replace(silent(WINDOWS_VM), guest=UNKNOWN_GUEST), ("not known",)),
}


@pytest.mark.parametrize("name", TOLD)
async def test_the_evidence_has_all_that_azure_shows(name: str) -> None:
    vm, wanted = TOLD[name]
    found = await examine(vm, windows_agent)
    told = "; ".join(map(str, found.evidence))
    assert [each for each in wanted if each not in told] == []


@pytest.mark.parametrize(("message", "quoted"), [("", []), ("x", ["agent message: 'x'"])])
async def test_an_agent_that_reports_nothing_is_not_quoted(message: str, quoted: list[str]) -> None:
    found = await examine(replace(silent(WINDOWS_VM), agent_message=message), windows_agent)
    told = [str(each) for each in found.evidence if each.key == "agent_message"]
    assert (told, found.verdict) == (quoted, Verdict.CONFIRMED)


async def test_a_silent_linux_agent_that_was_too_old_is_told_as_such() -> None:
    found = await examine(replace(LINUX_VM, agent_status="Not Ready", agent_version="2.0.8"))
    assert found.verdict is Verdict.CONFIRMED
    assert "the oldest supported version is 2.2.53.1" in str(found.evidence[-1])
    assert "oldest supported" not in "; ".join(
        map(str, (await examine(replace(LINUX_VM, agent_status="Not Ready"))).evidence)
    )


async def test_what_the_profile_forbids_comes_first() -> None:
    off = await examine(replace(silent(WINDOWS_VM), guest=OFF), windows_agent)
    assert "osProfile.allowExtensionOperations=true" in str(off.by_hand[0])
    none = await examine(replace(LINUX_VM, agent_status="", guest=NO_AGENT))
    assert "provisionVMAgent is false" in "; ".join(map(str, none.evidence))
    assert "agentless" in str(none.by_hand[0])
    by_hand = await examine(replace(silent(LINUX_VM), guest=NO_AGENT))
    assert "agentless" not in str(by_hand.by_hand), "one was installed by hand"


async def test_a_missing_extension_on_linux_gets_the_steps_of_the_agent() -> None:
    """For a code that does not name cause 3."""
    found = await examine(silent(LINUX_VM), backup_extension)
    agent = await examine(silent(LINUX_VM))
    assert (found.verdict, found.by_hand) == (Verdict.UNKNOWN, agent.by_hand)
    assert await examine(LINUX_VM, backup_extension) != found


async def test_a_missing_extension_that_cannot_be_installed_is_no_passing_state() -> None:
    found = await examine(replace(WINDOWS_VM, guest=OFF), backup_extension)
    assert "extension_missing" not in [each.key for each in found.evidence]
    assert "allowExtensionOperations=true" in str(found.by_hand)


STATES = {
    "a silent agent": (silent(WINDOWS_VM), "168.63.129.16"),
    "an old report": (replace(WINDOWS_VM, agent_time="2026-01-07T02:00:00Z"), "168.63.129.16"),
    "Failed": (replace(WINDOWS_VM, provisioning_state="Failed"), "is Failed"),
    "stuck": (
        replace(
            WINDOWS_VM, provisioning_state="Updating", provisioning_time="2026-01-09T23:00:00Z"
        ),
        "2026-01-09T23:00:00",
    ),
}


@pytest.mark.parametrize("name", STATES)
async def test_cause_4_says_what_it_rests_on(name: str) -> None:
    vm, wanted = STATES[name]
    assert wanted in "; ".join(map(str, (await examine(vm, snapshot_status)).evidence))


def as_arm_has_it(**view: Any) -> dict[str, Any]:
    vm = copy.deepcopy(parts.machine("rg-app", "vm1", "Linux"))
    vm["properties"]["instanceView"] |= view
    return vm


def test_what_arm_tells_of_the_guest() -> None:
    vm = read_virtual_machine(as_arm_has_it(osName="ubuntu", osVersion="22.04"))
    image = "Canonical 0001-com-ubuntu-server-jammy 22_04-lts-gen2"
    assert vm.guest == Guest("ubuntu", "22.04", image, True, True)
    assert vm.agent_time.startswith("2026-11-20T22:31:07")
    assert vm.provisioning_time.startswith("2026-11-20T22:31:07")


def test_what_arm_does_not_tell_of_the_guest() -> None:
    """A specialised disk: no osProfile, no image."""
    wire = as_arm_has_it()
    del wire["properties"]["osProfile"]
    del wire["properties"]["storageProfile"]["imageReference"]
    vm = read_virtual_machine(wire)
    assert vm.guest == UNKNOWN_GUEST


def test_the_time_of_another_state_is_not_taken() -> None:
    """The model says Updating, the instance view still succeeded."""
    wire = as_arm_has_it()
    wire["properties"]["provisioningState"] = "Updating"
    vm = read_virtual_machine(wire)
    assert (vm.provisioning_state, vm.provisioning_time) == ("Updating", "")


async def test_a_vm_that_cannot_be_read_has_no_steps_of_its_own() -> None:
    found = await windows_agent.check(EXAMPLE_SUBJECT, KnownFacts())
    assert (found.verdict, found.by_hand) == (Verdict.UNKNOWN, ())


def test_general_advice_has_every_distribution() -> None:
    told = "\n".join(map(str, advice.linux_agent(advice.About.of(INCIDENT))))
    assert [each for each in PACKAGES if each not in told] == []
