"""Steps for a person where the VM agent does not answer or is out of date, filled in
for the VM, its system and its distribution.

A command ends its step, so that it can be copied.
https://learn.microsoft.com/azure/backup/backup-azure-troubleshoot-vm-backup-fails-snapshot-timeout
https://learn.microsoft.com/azure/virtual-machines/extensions/update-linux-agent
https://learn.microsoft.com/troubleshoot/azure/virtual-machines/windows/windows-azure-guest-agent
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.arm_ids import fold
from shared.guest_facts import Distribution
from shared.sentences import Sentence, phrase

AGENT_MSI = "https://go.microsoft.com/fwlink/?LinkID=394789"
CRASH_PAGE = "https://github.com/Azure/WALinuxAgent/wiki/Known-Issues"
AGENTLESS_PAGE = "https://learn.microsoft.com/azure/backup/backup-azure-vms-agentless-multi-disk-crash-consistent-overview"
SERVICES = "RdAgent, WindowsAzureGuestAgent"
DOTNET = (
    r"(Get-ItemProperty 'HKLM:\SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full').Release -ge"
    " 378389"
)
"""True where .NET Framework 4.5 or newer is installed.
https://learn.microsoft.com/dotnet/framework/install/how-to-determine-which-versions-are-installed"""
WINDOWS_LOGS = r"C:\WindowsAzure\Logs"
LINUX_LOG_FILES = "/var/log/waagent.log, /var/log/azure"
LINUX_LOGS = (
    "sudo sh -c 'tar -czf waagent-logs.tgz /var/lib/waagent/*.xml /var/log/waagent.log"
    " /var/log/azure'"
)
"""In a shell of root, who alone may list the first folder."""
SETTINGS = (
    "sudo grep -E '^(Extensions.Enabled?|Provisioning.Agent|AutoUpdate.Enabled|Logs.Verbose)='"
    " /etc/waagent.conf"
)


@dataclass(frozen=True, slots=True)
class Package:
    """How a distribution ships the agent."""

    update: str
    service: str


YUM = "sudo yum install -y WALinuxAgent"
PACKAGES = {
    Distribution.UBUNTU: Package(
        "sudo apt-get -qq update && sudo apt-get install walinuxagent", "walinuxagent"
    ),
    Distribution.DEBIAN: Package(
        "sudo apt-get -qq update && sudo apt-get install waagent", "walinuxagent"
    ),
    Distribution.RED_HAT: Package(YUM, "waagent"),
    Distribution.ORACLE: Package(YUM, "waagent"),
    Distribution.SUSE: Package("sudo zypper install python-azure-agent", "waagent"),
}


def mend_windows_agent(vm: str, group: str) -> tuple[Sentence, ...]:
    """To restart or install the agent, then what its logs are."""
    return (
        phrase(
            "see_windows_services",
            vm=vm,
            group=group,
            command=f"Get-Service {SERVICES} | Select-Object Name, Status, StartType",
        ),
        phrase("restart_windows_agent", command=f"Restart-Service {SERVICES}"),
        phrase("remove_old_agent"),
        phrase("install_windows_agent", page=AGENT_MSI),
        phrase("see_dotnet", command=DOTNET),
        phrase("collect_windows_logs", folder=WINDOWS_LOGS),
    )


def mend_linux_agent(
    vm: str, group: str, distribution: Distribution | None
) -> tuple[Sentence, ...]:
    """For that distribution; for all of them where it is not known."""
    return (
        *(
            _for_any(vm, group)
            if distribution is None
            else _for_one(vm, group, distribution, PACKAGES[distribution])
        ),
        phrase("see_waagent_settings", command=SETTINGS),
        phrase("restart_after_crash", page=CRASH_PAGE),
        phrase("log_verbosely", command=LINUX_LOGS),
    )


def _for_one(
    vm: str, group: str, distribution: Distribution, package: Package
) -> tuple[Sentence, ...]:
    addons = (
        (phrase("see_oracle_addons", command="sudo yum repolist all | grep -i addons"),)
        if distribution is Distribution.ORACLE
        else ()
    )
    return (
        *addons,
        phrase("update_agent_package", vm=vm, group=group, command=package.update),
        phrase("restart_agent_service", command=f"sudo systemctl restart {package.service}"),
        phrase("see_agent_service", command=f"systemctl status {package.service}"),
    )


def _for_any(vm: str, group: str) -> tuple[Sentence, ...]:
    return (
        phrase(
            "update_linux_agent",
            vm=vm,
            group=group,
            ubuntu="sudo apt-get install walinuxagent",
            debian="sudo apt-get install waagent",
            rhel=YUM,
            suse="sudo zypper install python-azure-agent",
        ),
        phrase(
            "restart_linux_agent",
            look="ps -ef | grep -i waagent",
            debian="sudo systemctl restart walinuxagent",
            others="sudo systemctl restart waagent",
        ),
    )


def look_why_not_installed(vm: str, os_type: str) -> Sentence:
    """For a VM without the backup extension, whose agent is not known to be broken:
    there is nothing to uninstall.

    https://learn.microsoft.com/azure/virtual-machines/extensions/troubleshoot
    """
    files = {"windows": WINDOWS_LOGS, "linux": LINUX_LOG_FILES}
    folders = files.get(fold(os_type), ", ".join(files.values()))
    return phrase("look_why_not_installed", vm=vm, folders=folders)


def allow_extensions(vm_id: str) -> Sentence:
    """For a VM whose `allowExtensionOperations` is false."""
    return phrase(
        "allow_extensions",
        command=f"az vm update --ids '{vm_id}' --set osProfile.allowExtensionOperations=true",
    )


def install_or_do_without() -> Sentence:
    """For a VM that was made without an agent."""
    return phrase("install_or_do_without", page=AGENTLESS_PAGE)
