"""Extensions of the VM that are seen Failed, for the person: each is named, whatever
the causes of the error code are."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

from shared.arm_ids import fold
from shared.diagnosis.by_hand import mend_extension
from shared.diagnosis.checkers.extension_words import (
    find_words,
    has_words,
    names_freeze,
    names_network,
)
from shared.extension_facts import ReportedExtension, find_newest
from shared.facts import Absent, Unreadable, VirtualMachine
from shared.incident.model import Finding, Incident
from shared.sentences import Sentence, phrase

EXTENSION = "backup_extension"
IS_FAILED = "extension_is_failed"
"""Evidence of cause 1: the backup extension itself has failed."""


def name_failed(
    incident: Incident, findings: Iterable[Finding], vm: VirtualMachine
) -> tuple[Sentence, ...]:
    """What to do about each extension that failed and that no cause of the code is
    about."""
    findings = tuple(findings)
    steps = [
        step
        for each in _list_failed(vm)
        if not each.is_backup_extension
        for step in mend_extension(incident.vm_id, each.name, each.handler)
    ]
    if name := find_unexamined(findings, vm):
        which = f"--ids {shlex.quote(f'{incident.vm_id}/extensions/{name}')}"
        command = f"az vm extension delete {which}"
        code = incident.code_now or phrase("no_code")
        steps.append(phrase("backup_extension_failed", name=name, code=code, command=command))
    return tuple(steps)


def find_unexamined(findings: Iterable[Finding], vm: VirtualMachine | Absent | Unreadable) -> str:
    """Name of the backup extension where it is seen Failed and cause 5 is none of the
    causes that were examined; else "".

    Cause 1 looks at the extension itself. Where it did not, the instance view is asked.
    """
    findings = tuple(findings)
    if any(each.cause == EXTENSION for each in findings):
        return ""
    told = [each for finding in findings for each in finding.evidence]
    for sentence in (each for each in told if each.key == IS_FAILED):
        return str(sentence.values["name"])
    looked_at = any(each.key == "extension_last_said" for each in told)
    if looked_at or not isinstance(vm, VirtualMachine):
        return ""
    seen = (each for each in _list_failed(vm) if each.is_backup_extension)
    return next((_name(each) for each in seen if not _names_other_cause(each)), "")


def _name(extension: ReportedExtension) -> str:
    return extension.name or extension.handler.rsplit(".", 1)[-1]


def _names_other_cause(extension: ReportedExtension) -> bool:
    return has_words(find_words(extension.statuses, names_network, names_freeze))


def _list_failed(vm: VirtualMachine) -> Iterator[ReportedExtension]:
    """Those that the instance view shows as Failed; of a handler only where the view
    has nothing else of its extension."""
    shown = {fold(each.handler) for each in vm.extensions}
    handlers = (each for each in vm.handlers if fold(each.handler) not in shown)
    for each in (*vm.extensions, *handlers):
        if find_newest(tuple(one for one in each.statuses if not one.is_substatus)).failed:
            yield each
