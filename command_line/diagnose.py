"""`remediator diagnose`: run the checkers on a VM, change nothing."""

from __future__ import annotations

import asyncio
import json
import os

import click

from command_line.console import console
from shared import catalogue
from shared.arm_ids import parse
from shared.azure.clients import AzureClients
from shared.azure.reader import ArmReader
from shared.checkers.contract import Subject
from shared.codec import to_json
from shared.diagnosis.examine import examine
from shared.errors import RemediatorError
from shared.facts import Absent, Unreadable
from shared.incident.model import Finding
from shared.settings import Settings
from shared.vault_facts import ProtectedItem


@click.command()
@click.argument("vm_id")
@click.option("--code", "error_code", default="", help="Error code of the failure; without it every cause is examined.")
@click.option("--arm", metavar="URL", help="Azure Resource Manager; default: the setting REMEDIATOR_ARM_ENDPOINT.")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
def diagnose(vm_id: str, error_code: str, arm: str | None, as_json: bool) -> None:
    """Examine the causes of a failed backup of VM_ID. Reads Azure, never changes it.

    \b
    Example:  remediator diagnose --arm http://127.0.0.1:8001 \\
                /subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.Compute/virtualMachines/<vm>
    """
    try:
        findings = asyncio.run(_examined(vm_id, error_code, arm))
    except RemediatorError as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        click.echo(json.dumps([to_json(finding) for finding in findings], indent=2, ensure_ascii=False))
        return
    out = console()
    for finding in findings:
        out.print(f"{finding.verdict:10} {catalogue.cause(finding.cause).title}", markup=False)
        for line in finding.evidence:
            out.print(f"           {line}", markup=False)


async def _examined(vm_id: str, error_code: str, arm: str | None) -> list[Finding]:
    settings = Settings.from_environment(os.environ | ({"REMEDIATOR_ARM_ENDPOINT": arm} if arm else {}))
    clients = AzureClients(settings, parse(vm_id).subscription)
    causes = catalogue.causes_of(error_code) if error_code else catalogue.CAUSES
    try:
        reader = ArmReader(clients)
        row = catalogue.error_code(error_code)
        item_id = await _item_of(reader, vm_id)
        subject = Subject(vm_id, "", settings.minimum_linux_agent, row.name if row else error_code, item_id)
        return list(await asyncio.gather(*(examine(cause.slug, subject, reader) for cause in causes)))
    finally:
        await clients.close()


async def _item_of(reader: ArmReader, vm_id: str) -> str:
    """Id of the protected item in the first vault that has one for this VM, "" where none is found or can be read.

    Azure Backup names it after the VM. https://learn.microsoft.com/rest/api/backup/protected-items/get
    """
    vm, vaults = parse(vm_id), await reader.vaults()
    tail = f"iaasvmcontainerv2;{vm.resource_group};{vm.name}"
    for vault in () if isinstance(vaults, Absent | Unreadable) else vaults:
        item_id = f"{vault.id}/backupFabrics/Azure/protectionContainers/IaasVMContainer;{tail}/protectedItems/VM;{tail}"
        if isinstance(await reader.protected_item(item_id), ProtectedItem):
            return item_id
    return ""
