"""Cause 5: the backup extension cannot update or load. Its remedy is to uninstall it:
the next backup installs it again.

An extension that loaded and names another cause (the network, a file system that could
not be frozen) is not uninstalled: that cannot help. One that Azure shows nowhere may be
hidden, so its absence rules nothing out; on Linux the agent has to be looked at
instead, as in cause 3.
"""

from __future__ import annotations

from dataclasses import replace

from shared.arm_ids import fold
from shared.diagnosis.agent_steps import allow_extensions, look_why_not_installed
from shared.diagnosis.by_hand import (
    remove_extension_in_guest,
    wait_for_extension,
)
from shared.diagnosis.checkers import linux_agent
from shared.diagnosis.checkers.agentless import rule_out_where_agentless
from shared.diagnosis.checkers.backup_extension_examples import EXAMPLES
from shared.diagnosis.checkers.contract import (
    Checker,
    Reader,
    Subject,
    confirmed,
    not_read,
    ruled_out,
    the_extensions,
    the_vm,
    unknown,
)
from shared.diagnosis.checkers.extension_places import (
    ListedOnly,
    Place,
    ReportedOnly,
    find_backup_extension,
)
from shared.diagnosis.checkers.extension_words import (
    find_words,
    has_words,
    names_downgrade,
    names_freeze,
    names_network,
    quote_words,
    shorten,
)
from shared.diagnosis.checkers.network_evidence import look_for_block
from shared.extension_facts import ExtensionStatus, ReportedExtension, find_newest
from shared.facts import Absent, Extension, Unreadable, VirtualMachine
from shared.incident.model import Finding, Target, Verdict
from shared.sentences import Sentence, phrase

CAUSE = "backup_extension"


async def check(subject: Subject, reader: Reader) -> Finding:
    vm = await reader.virtual_machine(subject.vm_id)
    if isinstance(vm, Absent | Unreadable):
        return not_read(CAUSE, the_vm(subject), vm)
    finding = _judge_place(subject, vm, await find_backup_extension(vm, reader))
    return await rule_out_where_agentless(finding, subject, reader)


def _judge_place(subject: Subject, vm: VirtualMachine, found: Place) -> Finding:
    match found:
        case Extension():
            finding = _judge(subject, vm, found)
            if not finding.targets:
                return finding
            return replace(finding, by_hand=remove_extension_in_guest(vm.os_type))
        case ListedOnly(extension):
            return unknown(CAUSE, *_describe(extension), phrase("extension_in_list_only"))
        case ReportedOnly(extension):
            return _judge_reported(subject, vm, extension)
        case Absent():
            return replace(_missing(subject, vm), gone=True)
    return not_read(CAUSE, the_extensions(subject), found)


def _judge(subject: Subject, vm: VirtualMachine, extension: Extension) -> Finding:
    """Of an extension that a GET by its name found."""
    evidence = _describe(extension)
    if refused := _find_refused_downgrade(vm):
        said = quote_words(extension.name, refused)
        return _name_other(vm, refused, *evidence, said)
    if has_words(words := name_other_cause(extension.statuses)):
        return _judge_words(subject, vm, extension, words)
    if extension.in_transition:
        if not extension.is_stuck(subject.now, subject.stuck_extension_seconds):
            found = unknown(CAUSE, *evidence, phrase("may_settle"))
            return replace(found, by_hand=wait_for_extension(extension.id))
        last = phrase("not_moved_since", time=find_newest(extension.statuses).time)
        return confirmed(CAUSE, *evidence, last, targets=(Target(extension.id),))
    if fold(extension.provisioning_state) == "failed":
        return confirmed(CAUSE, *evidence, targets=(Target(extension.id),))
    if fold(extension.provisioning_state) != "succeeded":
        return unknown(CAUSE, *evidence, phrase("may_settle"))
    if extension.failed and extension.status.is_newer_than(subject.failed_at):
        return confirmed(CAUSE, *evidence, targets=(Target(extension.id),))
    return ruled_out(CAUSE, *evidence)


def _find_refused_downgrade(vm: VirtualMachine) -> ExtensionStatus | None:
    """What the agent says now of the handler, where it refuses an older version."""
    for each in vm.handlers:
        words = find_words(each.statuses, names_downgrade)
        if each.is_backup_extension and has_words(words):
            return words
    return None


def name_other_cause(statuses: tuple[ExtensionStatus, ...]) -> ExtensionStatus:
    """The newest words that name another cause than an extension that does not load;
    NO_STATUS where none do."""
    return find_words(statuses, names_network, names_freeze, names_downgrade)


def _judge_words(
    subject: Subject, vm: VirtualMachine, extension: Extension, words: ExtensionStatus
) -> Finding:
    """It loaded, since it says what else is wrong; or the agent refuses it. Words from
    before the failed job say so of an earlier time only."""
    state, _ = _describe(extension)
    said = quote_words(extension.name, words)
    if words.is_newer_than(subject.failed_at):
        return _name_other(vm, words, state, said)
    if fold(extension.provisioning_state) == "succeeded":
        return ruled_out(CAUSE, state, said, phrase("words_are_old"))
    return unknown(CAUSE, state, said, phrase("words_are_old"))


def _name_other(vm: VirtualMachine, words: ExtensionStatus, *evidence: Sentence) -> Finding:
    """RULED_OUT; where the words name the network, with the steps of cause 1, which not
    every code examines. A refused downgrade is UNKNOWN: whether a removal helps is not
    established."""
    if names_downgrade(words):
        found = unknown(CAUSE, *evidence, phrase("downgrade_refused"))
        return replace(found, by_hand=remove_extension_in_guest(vm.os_type))
    found = ruled_out(CAUSE, *evidence, phrase("extension_names_other_cause"))
    if not names_network(words):
        return found
    return replace(found, by_hand=look_for_block(vm))


def _describe(extension: Extension) -> tuple[Sentence, Sentence]:
    """Its provisioning state, and what it reported last."""
    state = phrase(
        "extension_state",
        name=extension.name,
        type=f"{extension.publisher}.{extension.type}",
        state=extension.provisioning_state or phrase("in_no_state"),
    )
    return state, _describe_status(extension.status)


def _describe_status(status: ExtensionStatus) -> Sentence:
    if status.is_empty:
        return phrase("says_nothing")
    return phrase(
        "extension_status",
        code=status.code or phrase("no_status"),
        message=repr(shorten(status.message)),
    )


def _judge_reported(subject: Subject, vm: VirtualMachine, extension: ReportedExtension) -> Finding:
    """Of one that no GET by name finds: it cannot be uninstalled from outside."""
    last = find_newest(extension.statuses)
    evidence = (
        phrase("extension_as_handler_only", handler=extension.handler),
        _describe_status(last),
    )
    if has_words(words := name_other_cause(extension.statuses)):
        said = quote_words(extension.handler, words)
        if words.is_newer_than(subject.failed_at):
            return _name_other(vm, words, evidence[0], said)
        return unknown(CAUSE, evidence[0], said, phrase("words_are_old"))
    if not extension.name and last.succeeded:
        return ruled_out(CAUSE, *evidence, phrase("handler_is_ready"))
    finding = confirmed(CAUSE, *evidence) if last.failed else unknown(CAUSE, *evidence)
    return replace(finding, by_hand=remove_extension_in_guest(vm.os_type))


def _missing(subject: Subject, vm: VirtualMachine) -> Finding:
    """UNKNOWN: it may be hidden, and the next backup installs it where it is not. On
    Linux cause 3 decides, with its steps for the codes that do not name it."""
    if vm.guest.extension_operations is False:
        off = (phrase("extension_cannot_come_back"), phrase("extension_operations_off"))
        return replace(unknown(CAUSE, *off), by_hand=(allow_extensions(vm.id),))
    by_hand = (look_why_not_installed(vm.name, vm.os_type),)
    if fold(vm.os_type) != "linux":
        return replace(unknown(CAUSE, phrase("extension_missing")), by_hand=by_hand)
    agent = linux_agent.judge(vm, subject)
    if agent.verdict is Verdict.CONFIRMED:
        found = unknown(CAUSE, phrase("extension_missing_agent_broken"), *agent.evidence)
        return replace(found, by_hand=agent.by_hand)
    found = unknown(CAUSE, phrase("extension_missing_on_linux"), *agent.evidence)
    return replace(found, by_hand=by_hand)


CHECKER = Checker(CAUSE, check, EXAMPLES)
