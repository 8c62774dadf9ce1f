"""`remediator diagnose`: what the app would find out about a VM. Reads Azure, and
changes nothing there; opens no store."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import click

from command_line.console import console
from command_line.opening import announce_wait, shorten_waits
from command_line.options import arm_option
from shared import catalogue, clock
from shared.arm_ids import fold, parse, protected_item_id
from shared.azure.clients import AzureClients
from shared.azure.pipeline import is_on_loopback
from shared.azure.reader import ArmReader
from shared.azure.vm_log import VmLog
from shared.catalogue import ErrorCode
from shared.codec import to_english
from shared.diagnosis.check import check
from shared.diagnosis.checkers.contract import Reader, Subject
from shared.diagnosis.gathered import GatheredFacts
from shared.diagnosis.log_evidence import read_log_evidence, say, tell_beside_agents
from shared.diagnosis.witness import code_of
from shared.errors import NotUsable, RemediatorError
from shared.facts import Absent, Job, Unreadable
from shared.incident.model import Finding, Incident, Verdict
from shared.incident.status import Status
from shared.plan.decide import consider, name_locks
from shared.plan.planner import NoPlan, Plan
from shared.sentences import Sentence
from shared.settings import Settings
from shared.vault_facts import ProtectedItem

VM_TYPE = "Microsoft.Compute/virtualMachines"
VM_ID_FORM = f"/subscriptions/<id>/resourceGroups/<group>/providers/{VM_TYPE}/<vm>"
LOOK_BACK_DAYS = 7
"""How far back the VM's last failed backup is looked for."""


class NotDiagnosed(click.ClickException):
    """Nothing could be examined; printed as one line."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class LastFailure:
    """The newest failed backup of the VM. All are "" where none is known."""

    code: str = ""
    began_at: str = ""
    job_id: str = ""


def _say(text: str) -> None:
    """What it is about to wait for, or has found, while the result is not there yet."""
    click.echo(text, err=True)


def _check_vm_id(_: click.Context, __: click.Parameter, text: str) -> str:
    try:
        named = parse(text)
        is_vm = fold(named.type) == fold(VM_TYPE) and bool(named.resource_group)
    except NotUsable:
        is_vm = False
    if not is_vm:
        raise NotDiagnosed(f"{text!r} is not the id of a VM; write it like {VM_ID_FORM}")
    return text


def _find_code(_: click.Context, __: click.Parameter, code: str | None) -> ErrorCode | None:
    row = catalogue.error_code(code) if code is not None else None
    if row is None and code is not None:
        known = ", ".join(each.name for each in catalogue.ERROR_CODES)
        raise NotDiagnosed(
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
    help=(
        "Error code to go by; left out: that of the VM's last failed backup, and every cause where"
        " there is none."
    ),
)
@arm_option
@click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
def diagnose(vm_id: str, row: ErrorCode | None, arm: str | None, as_json: bool) -> None:
    """Examine why backups of a VM fail, as the app would. It reads Azure with your own
    sign-in, changes nothing there, and leaves no record.

    VM_ID is the VM's ARM id, as the portal shows it under JSON View. What it waits for
    goes to standard error, the findings to standard output: CONFIRMED, RULED_OUT or
    UNKNOWN for each cause, with the evidence. What the log of a workspace has of the VM
    follows where REMEDIATOR_WORKSPACE_ID names one, and then what the app would do for
    the last failed backup, and a person: with --json, both on standard error.

    Exit code 1: no cause could be judged. 2: the VM does not exist, or cannot be read;
    or what you typed cannot be.

    \b
    Examples:
      remediator diagnose \\
        /subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.Compute/virtualMachines/<vm>
      remediator diagnose VM_ID --code ExtentionOperationFailed
      remediator diagnose VM_ID --json > findings.json
      remediator diagnose VM_ID --arm http://127.0.0.1:8001      (the simulator)
    """
    try:
        findings, from_log, decided = asyncio.run(_examine(vm_id, row, arm))
    except RemediatorError as error:
        raise NotDiagnosed(" ".join(str(error).split())) from error
    if as_json:
        click.echo(json.dumps(to_english(findings), indent=2, ensure_ascii=False))
        for line in (*(f"log: {each}" for each in from_log), *_tell(decided)):
            _say(f"  {line}")
    else:
        _print(findings, from_log)
        for line in _tell(decided):
            console().print(line)
    if all(finding.verdict is Verdict.UNKNOWN for finding in findings):
        click.echo("No cause could be judged: the evidence names what was not read.", err=True)
        sys.exit(1)


def _print(findings: list[Finding], from_log: tuple[Sentence, ...]) -> None:
    out = console()
    for finding in findings:
        out.print(f"{finding.verdict:10} {catalogue.cause(finding.cause).title}")
        for line in finding.evidence:
            out.print(f"           {line}")
    if from_log:
        out.print("FROM LOG   the workspace that REMEDIATOR_WORKSPACE_ID names")
    for line in from_log:
        out.print(f"           {line}")


def _tell(decided: Plan | NoPlan | None) -> Iterator[str]:
    if decided is None:
        return
    if isinstance(decided, Plan):
        yield "IN MODE AUTO the app would:"
        steps: Iterable[object] = (step.says for step in decided.steps)
    else:
        yield f"FOR A PERSON: {decided.reason}"
        steps = decided.manual_steps
    for number, step in enumerate(steps, 1):
        yield f"{number:3}. {step}"


async def _weigh(
    reader: ArmReader, facts: Reader, subject: Subject, failure: LastFailure, found: list[Finding]
) -> Plan | NoPlan | None:
    """What the app would do, if policy and its limits let it; None where no failed
    backup is known."""
    if not failure.job_id:
        return None
    vault_id, *_ = subject.item_id.split("/backupFabrics/")
    *_, container, _, item = subject.item_id.split("/")
    incident = Incident(
        id="",
        status=Status.DIAGNOSING,
        subscription_id=parse(subject.vm_id).subscription,
        vault_id=vault_id,
        vm_id=subject.vm_id,
        container_name=container,
        item_name=item,
        job_id=failure.job_id,
        error_code=subject.error_code,
        opened_at=subject.now,
        findings=tuple(found),
    )
    decided = await consider(reader, facts, incident, failure.began_at)
    return decided if isinstance(decided, Plan) else await name_locks(facts, incident, decided)


async def _examine(
    vm_id: str, row: ErrorCode | None, arm: str | None
) -> tuple[list[Finding], tuple[Sentence, ...], Plan | NoPlan | None]:
    """The findings, what the log of a workspace has, and what the app would do. Raises
    RemediatorError where the VM does not exist or cannot be read: no checker could find
    anything then."""
    settings = _read_settings(arm)
    clients = AzureClients(settings, parse(vm_id).subscription)
    try:
        announce_wait(settings)
        reader = ArmReader(clients)
        await _require_vm(reader, vm_id)
        item_id = await _find_item(reader, vm_id)
        failure = await _find_failure(reader, vm_id, item_id)
        subject = Subject(
            vm_id=vm_id,
            failed_at=failure.began_at,
            minimum_linux_agent=settings.minimum_linux_agent,
            error_code=row.name if row else failure.code,
            item_id=item_id,
            now=clock.now(),
            stuck_extension_seconds=settings.stuck_extension_seconds,
        )
        from_log = await _ask_log(clients, settings, subject)
        facts = GatheredFacts(reader)
        checked = await _run_checkers(facts, subject)
        findings = list(tell_beside_agents(checked, from_log))
        return findings, from_log, await _weigh(reader, facts, subject, failure, findings)
    finally:
        await clients.close()


def _read_settings(arm: str | None) -> Settings:
    """From the environment; the simulator answers the log at its own address."""
    chosen = {"REMEDIATOR_ARM_ENDPOINT": arm} if arm else {}
    logs = {"REMEDIATOR_LOGS_ENDPOINT": arm} if arm and is_on_loopback(arm) else {}
    return Settings.from_environment(logs | shorten_waits(os.environ) | chosen)


async def _require_vm(reader: ArmReader, vm_id: str) -> None:
    _say("reading the VM ...")
    vm = await reader.virtual_machine(vm_id)
    if isinstance(vm, Absent):
        raise RemediatorError(f"there is no VM {vm_id}")
    if isinstance(vm, Unreadable):
        raise RemediatorError(f"the VM cannot be read: {vm.reason}")


async def _ask_log(
    clients: AzureClients, settings: Settings, subject: Subject
) -> tuple[Sentence, ...]:
    """() where no workspace is configured."""
    if settings.workspace_id:
        _say(f"asking the log of the workspace {settings.workspace_id} ...")
    found = await read_log_evidence(VmLog(clients), subject.vm_id, subject.failed_at)
    return say(found, subject.failed_at) if found else ()


async def _run_checkers(reader: Reader, subject: Subject) -> list[Finding]:
    """Side by side, as in the app; the findings in the order of the code's causes."""
    code = catalogue.error_code(subject.error_code)
    causes = catalogue.causes_of(code.name) if code else catalogue.CAUSES
    _say(f"examining {len(causes)} causes{f' of {code.name}' if code else ''} ...")

    async def run(cause: str) -> Finding:
        finding = await check(cause, subject, reader)
        _say(f"  {cause}: {finding.verdict}")
        return finding

    return list(await asyncio.gather(*(run(cause.slug) for cause in causes)))


async def _find_item(reader: ArmReader, vm_id: str) -> str:
    """Id of the protected item in the first vault that has one for this VM; "" where
    none is found or no vault can be read.

    Azure Backup names it after the VM.
    https://learn.microsoft.com/rest/api/backup/protected-items/get
    """
    _say("looking for its vault ...")
    vm, vaults = parse(vm_id), await reader.vaults()
    tail = f"iaasvmcontainerv2;{vm.resource_group};{vm.name}"
    for vault in () if isinstance(vaults, Absent | Unreadable) else vaults:
        item_id = protected_item_id(vault.id, f"IaasVMContainer;{tail}", f"VM;{tail}")
        if isinstance(await reader.protected_item(item_id), ProtectedItem):
            return item_id
    return ""


async def _find_failure(reader: ArmReader, vm_id: str, item_id: str) -> LastFailure:
    """The VM's newest failed backup in the vault of that item, and the code that its
    job names. What is not known is said, and every cause examined."""
    if not item_id:
        _say("no vault that can be read protects this VM: its failed backups are not known")
        return LastFailure()
    _say(f"looking for its last failed backup of {LOOK_BACK_DAYS} days ...")
    now, vault_id = datetime.now(UTC), item_id.split("/backupFabrics/")[0]
    jobs = await reader.failed_backups(vault_id, now - timedelta(days=LOOK_BACK_DAYS), now)
    if isinstance(jobs, Absent | Unreadable):
        _say(f"its failed backups are not known: {jobs.why}")
        return LastFailure()
    vm = parse(vm_id)
    ours = [each for each in jobs if each.is_of(vm.name, vm.resource_group)]
    if not ours:
        _say("it has none")
        return LastFailure()
    newest = max(ours, key=lambda each: clock.normal(each.start_time))
    job = await reader.job(vault_id, newest.name)  # the list does not have its code
    code = code_of(job) if isinstance(job, Job) else ""
    why = f" ({job.why})" if isinstance(job, Absent | Unreadable) else ""
    _say(f"the job {newest.name} of {newest.start_time}: {code or 'no error code'}{why}")
    return LastFailure(code, newest.start_time, newest.name)
