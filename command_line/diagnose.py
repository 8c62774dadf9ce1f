"""`remediator diagnose`: run the checkers on a VM, change nothing."""

from __future__ import annotations

import asyncio
import json
import os
import sys

import click

from command_line.console import console
from command_line.opening import announce_wait, shorten_waits
from command_line.options import arm_option
from shared import catalogue, clock
from shared.arm_ids import fold, parse, protected_item_id
from shared.azure.clients import AzureClients
from shared.azure.reader import ArmReader
from shared.catalogue import ErrorCode
from shared.codec import to_english
from shared.diagnosis.check import check
from shared.diagnosis.checkers.contract import Subject
from shared.errors import NotUsable, RemediatorError
from shared.facts import Absent, Unreadable
from shared.incident.model import Finding, Verdict
from shared.settings import Settings
from shared.vault_facts import ProtectedItem

VM_TYPE = "Microsoft.Compute/virtualMachines"
VM_ID_FORM = f"/subscriptions/<id>/resourceGroups/<group>/providers/{VM_TYPE}/<vm>"


def _check_vm_id(_: click.Context, __: click.Parameter, text: str) -> str:
    try:
        named = parse(text)
    except NotUsable as error:
        raise click.BadParameter(error.reason) from error
    if fold(named.type) != fold(VM_TYPE) or not named.resource_group:
        raise click.BadParameter(f"{text!r} is not the id of a VM; write it like {VM_ID_FORM}")
    return text


def _find_code(_: click.Context, __: click.Parameter, code: str | None) -> ErrorCode | None:
    row = catalogue.error_code(code) if code is not None else None
    if row is None and code is not None:
        known = ", ".join(each.name for each in catalogue.ERROR_CODES)
        raise click.BadParameter(
            f"{code!r} is not in the catalogue. Leave it out to examine every cause. It has:"
            f" {known}"
        )
    return row


@click.command()
@click.argument("vm_id", callback=_check_vm_id)
@click.option(
    "--code",
    "row",
    metavar="CODE",
    callback=_find_code,
    help="Error code of the failure; without it every cause is examined.",
)
@arm_option
@click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
def diagnose(vm_id: str, row: ErrorCode | None, arm: str | None, as_json: bool) -> None:
    """Examine the causes of a failed backup of VM_ID. Reads Azure, never changes it.

    Exit code 1 when no cause could be judged, 2 when the VM does not exist or cannot be
    read.

    \b
    Example:  remediator diagnose --arm http://127.0.0.1:8001 \\
                /subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.Compute/virtualMachines/<vm>
    """
    try:
        findings = asyncio.run(_examine(vm_id, row, arm))
    except RemediatorError as error:
        raise click.UsageError(str(error)) from error
    if as_json:
        click.echo(json.dumps(to_english(findings), indent=2, ensure_ascii=False))
    else:
        _print(findings)
    if all(finding.verdict is Verdict.UNKNOWN for finding in findings):
        click.echo("No cause could be judged: the evidence names what was not read.", err=True)
        sys.exit(1)


def _print(findings: list[Finding]) -> None:
    out = console()
    for finding in findings:
        out.print(f"{finding.verdict:10} {catalogue.cause(finding.cause).title}")
        for line in finding.evidence:
            out.print(f"           {line}")


async def _examine(vm_id: str, row: ErrorCode | None, arm: str | None) -> list[Finding]:
    """Raises RemediatorError where the VM does not exist or cannot be read: no checker
    could find anything then."""
    settings = Settings.from_environment(
        shorten_waits(os.environ) | ({"REMEDIATOR_ARM_ENDPOINT": arm} if arm else {})
    )
    clients = AzureClients(settings, parse(vm_id).subscription)
    causes = catalogue.causes_of(row.name) if row else catalogue.CAUSES
    try:
        announce_wait(settings)
        reader = ArmReader(clients)
        vm = await reader.virtual_machine(vm_id)
        if isinstance(vm, Absent):
            raise RemediatorError(f"there is no VM {vm_id}")
        if isinstance(vm, Unreadable):
            raise RemediatorError(f"the VM cannot be read: {vm.reason}")
        item_id = await _find_item(reader, vm_id)
        subject = Subject(
            vm_id=vm_id,
            failed_at="",
            minimum_linux_agent=settings.minimum_linux_agent,
            error_code=row.name if row else "",
            item_id=item_id,
            now=clock.now(),
            stuck_extension_seconds=settings.stuck_extension_seconds,
        )
        return list(await asyncio.gather(*(check(cause.slug, subject, reader) for cause in causes)))
    finally:
        await clients.close()


async def _find_item(reader: ArmReader, vm_id: str) -> str:
    """Id of the protected item in the first vault that has one for this VM; "" where
    none is found or no vault can be read.

    Azure Backup names it after the VM.
    https://learn.microsoft.com/rest/api/backup/protected-items/get
    """
    vm, vaults = parse(vm_id), await reader.vaults()
    tail = f"iaasvmcontainerv2;{vm.resource_group};{vm.name}"
    for vault in () if isinstance(vaults, Absent | Unreadable) else vaults:
        item_id = protected_item_id(vault.id, f"IaasVMContainer;{tail}", f"VM;{tail}")
        if isinstance(await reader.protected_item(item_id), ProtectedItem):
            return item_id
    return ""
