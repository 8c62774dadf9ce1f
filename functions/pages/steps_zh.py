"""What a person can do, in Simplified Chinese. The record keeps the English words;
commands, names and addresses stay as they are.

The steps are those of shared/diagnosis/advice.py, in their order: `{vm}` and the like
stand for the names that were filled in. A test translates every step that the product
can record.
"""

from __future__ import annotations

import re
from functools import cache

from shared import catalogue
from shared.diagnosis import advice
from shared.diagnosis.advice import About

_BACKUP = "运行一次备份：{command}"
_READY = "az vm get-instance-view --ids '{vm_id}' --query instanceView"

BY_CAUSE: dict[str, tuple[str, ...]] = {
    "no_internet": (
        (
            "列出 {vm} 的网络接口：az vm nic list --vm-name '{vm}' --resource-group '{group}'"
            " --query '[].id'"
        ),
        (
            "找出阻止 {vm} 的规则：在每个接口的有效规则中，查找优先级数字小于所有 Allow 规则、"
            "拒绝出站 443（托管磁盘还有 8443）的 Deny 规则："
            "az network nic list-effective-nsg --resource-group GROUP --name NETWORK_INTERFACE"
        ),
        "以小于该 Deny 规则的优先级数字，允许出站 443 到虚拟机所在区域的服务标记 Storage。",
        (
            "查看每个接口的路由；如果 0.0.0.0/0 指向某个设备，该设备必须让 {vm} 能够访问 Azure"
            " 存储：az network nic show-effective-route-table --resource-group GROUP --name"
            " NETWORK_INTERFACE"
        ),
        "如果只能通过代理访问外部，还要在来宾系统中为系统帐户设置代理。",
        _BACKUP,
    ),
    "windows_agent": (
        (
            "在 {vm}（资源组 {group}）中打开 services.msc，重启 Windows Azure Guest"
            " Agent（WindowsAzureGuestAgent、RdAgent）。"
        ),
        "如果没有该服务，请查看“程序和功能”，卸载残留的代理。",
        (
            "以管理员身份安装最新的代理 MSI（https://go.microsoft.com/fwlink/?LinkID=394789），"
            "并确认服务正在运行。"
        ),
        "确认已安装 .NET Framework 4.5 或更高版本：代理需要它。",
        f"确认代理状态为 Ready：{_READY}",
        _BACKUP,
    ),
    "linux_agent": (
        (
            "在 {vm}（资源组 {group}）上从发行版自己的存储库更新代理（Ubuntu 和 Debian：sudo"
            " apt-get install --only-upgrade walinuxagent；RHEL：sudo yum update"
            " WALinuxAgent；SUSE：sudo zypper update python-azure-agent），不要从 GitHub 更新。"
        ),
        (
            "确认代理正在运行（ps -e | grep -i waagent）；重启代理：sudo systemctl restart"
            " walinuxagent（Ubuntu、Debian）或 sudo systemctl restart waagent（其他）。"
        ),
        "使其在崩溃后自动重启：https://github.com/Azure/WALinuxAgent/wiki/Known-Issues",
        _BACKUP,
        (
            "如果再次失败，在 /etc/waagent.conf 中设置 Logs.Verbose=y，重启代理，并收集"
            " /var/lib/waagent/*.xml、"
            "/var/log/waagent.log 和 /var/log/azure/*。"
        ),
    ),
    "snapshot_status": (
        f"查看 Azure 中 {{vm}} 的状态是否正确：{_READY}",
        (
            "如果虚拟机是从内部关闭的（远程桌面、shutdown），请通过 Azure 停止它，使状态正确：az vm"
            " deallocate --ids '{vm_id}'"
        ),
        "或启动它：az vm start --ids '{vm_id}'",
        (
            "如果虚拟机正在运行：确认来宾系统中已启用 DHCP（选项 245 提供主机的地址）。"
            "静态专用地址应在 Azure 的网络接口上设置，而不是在来宾系统中。"
        ),
        _BACKUP,
    ),
    "backup_extension": (
        f"确认 {{vm}} 正在运行且代理状态为 Ready：{_READY}",
        (
            "在 Windows 上，卸载备份扩展；下一次备份会重新安装它："
            "az vm extension delete --vm-name '{vm}' --resource-group '{group}' --name VMSnapshot"
        ),
        (
            "在 Linux 上，它的名称不同：az vm extension delete --vm-name '{vm}' --resource-group"
            " '{group}' --name VMSnapshotLinux"
        ),
        _BACKUP,
    ),
    "locked_restore_points": (
        (
            "查找 {vm} 的还原点集合：az restore-point collection list-all --query"
            " \"[?source.id=='{vm_id}' && starts_with(name,'AzureBackup_')].id\""
        ),
        (
            "对每个集合，列出其自身及上级的锁，并记下范围、名称、级别和备注：az lock list"
            " --resource-group GROUP --resource COLLECTION --resource-type"
            " Microsoft.Compute/restorePointCollections --filter-string 'atScope()'"
        ),
        "由锁的所有者解除资源组上的锁：az lock delete --name=LOCK --resource-group GROUP",
        (
            "删除集合：az restore-point collection delete --resource-group GROUP --collection-name"
            " COLLECTION --yes"
        ),
        (
            "立即恢复同样的锁，保持原来的级别和备注：az lock create --name=LOCK --lock-type"
            " CanNotDelete --notes=NOTES --resource-group GROUP"
        ),
        _BACKUP,
    ),
}
VM_GONE = (
    "{vm_id} 已不存在，但保管库仍在尝试备份它。",
    (
        "如果属实，请停止对它的保护，并决定是否保留其恢复点：az backup protection disable --yes"
        " --ids"
        " '{vault_id}/backupFabrics/Azure/protectionContainers/{container}/protectedItems/{item}'"
    ),
)
OTHERS = {
    "Run a backup: {command}": _BACKUP,
    "Read what the job says: {command}": "查看作业的说明：{command}",
    "Look the code up: {code}, in {page}": "查阅错误代码：{code}，见 {page}",
    "Not done by us: {step}": "我们没有执行：{step}",
    "The group {group} is Azure Backup's own, which deletes old restore points in it: under a lock they will pile up to 18 again and backups will fail again. Take the lock off that group for good; locks belong on groups that you made. {page}": (
        "资源组 {group} 属于 Azure 备份，Azure 备份会删除其中的旧还原点："
        "有了锁，还原点会再次积累到 18 个，备份会再次失败。"
        "请永久解除该资源组上的锁；锁应设置在您自己创建的资源组上。{page}"
    ),
    "az {command}": "az {command}",
}
"""Steps from elsewhere, in the English words that are recorded."""


def translated(step: str) -> str:
    """The step in Chinese; one that is not known stays as it was recorded."""
    for pattern, chinese in _table():
        if found := pattern.fullmatch(step):
            return chinese.format(**found.groupdict())
    return step


@cache
def _table() -> tuple[tuple[re.Pattern[str], str], ...]:
    holes = About("{vm}", "{group}", "{vm_id}", "{vault_id}", "{container}", "{item}")
    english = {cause.slug: cause.advice(holes) for cause in catalogue.CAUSES}
    pairs = [
        pair for slug, steps in BY_CAUSE.items() for pair in zip(english[slug], steps, strict=True)
    ]
    pairs += zip(advice.vm_gone(holes), VM_GONE, strict=True)
    pairs = [pair for pair in pairs if pair[1] != _BACKUP]
    return tuple((_pattern(words), chinese) for words, chinese in [*pairs, *OTHERS.items()])


def _pattern(template: str) -> re.Pattern[str]:
    """The template as an expression: each hole takes what was filled in, the same text
    each time."""
    seen: set[str] = set()
    parts = []
    for number, part in enumerate(re.split(r"\{(\w+)\}", template)):
        if number % 2 == 0:
            parts.append(re.escape(part))
        else:
            parts.append(f"(?P={part})" if part in seen else f"(?P<{part}>.+?)")
            seen.add(part)
    return re.compile("".join(parts), re.DOTALL)
