"""What the product tells a person today is there in every language, with the commands,
names and addresses unchanged; what has no words yet falls back and is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import azure.functions as func
import pytest

from functions.pages import render as pages
from functions.pages.texts import LANGUAGES, TEXTS, texts_in
from shared import catalogue
from shared.audit.entry import PHASES
from shared.catalogue import Cause
from shared.codec import from_json, to_json
from shared.diagnosis import advice
from shared.diagnosis import by_hand as by_hand_steps
from shared.diagnosis.advice import About
from shared.diagnosis.checkers import contract
from shared.execution.fixes.delete_restore_point_collection import advise_on_locks
from shared.execution.lock_window.deletions import RESTORE_LOCKS
from shared.execution.lock_window.standing import Standing
from shared.execution.lock_window.words import by_hand
from shared.facts import Lock
from shared.incident.model import Action, Finding, Incident, Target, Verdict
from shared.incident.returning import Returning
from shared.incident.status import Status
from shared.plan.planner import not_done
from shared.sentences import Sentence, phrase, quote, render
from tests.docs.test_docs import written_kinds
from tests.functions import test_rendered as rendered
from tests.words.lines import of_text

SUB = "/subscriptions/11111111-1111-1111-1111-111111111111"
VM = f"{SUB}/resourceGroups/rg-app/providers/Microsoft.Compute/virtualMachines/vm.1 (old)"
BACKUP_GROUP = f"{SUB}/resourceGroups/AzureBackupRG_westeurope_1"
COLLECTION = f"{BACKUP_GROUP}/providers/Microsoft.Compute/restorePointCollections/AzureBackup_vm1_1"
INCIDENT = Incident(
    id="i1",
    status=Status.NEEDS_PERSON,
    subscription_id=SUB.rsplit("/", 1)[1],
    vault_id=f"{SUB}/resourceGroups/rg-backup/providers/Microsoft.RecoveryServices/vaults/vault1",
    vm_id=VM,
    container_name="IaasVMContainer;iaasvmcontainerv2;rg-app;vm1",
    item_name="VM;iaasvmcontainerv2;rg-app;vm1",
    job_id="22222222-2222-2222-2222-222222222222",
    error_code="BackUpOperationFailed",
    opened_at="2026-01-31T02:00:00Z",
    actions=(Action(RESTORE_LOCKS, COLLECTION, "done", "locked_restore_points"),),
)
ABOUT = About.of(INCIDENT)
LOCK = Lock(
    f"{SUB}/resourceGroups/g/providers/Microsoft.Authorization/locks/keep",
    "keep",
    "CanNotDelete",
    None,
    (),
)
CHINESE = re.compile(r"[\u4e00-\u9fff]")
TODAY = (
    "no_internet",
    "windows_agent",
    "linux_agent",
    "snapshot_status",
    "backup_extension",
    "locked_restore_points",
)
"""The causes that must speak every language; a new one may come in English first."""
CAUSES = [catalogue.cause(slug) for slug in TODAY]


def steps() -> Iterator[Sentence]:
    for cause in CAUSES:
        yield from cause.advice(ABOUT)
        yield from not_done(steps_of_the_fix(cause))
    yield from (
        *advice.vm_gone(ABOUT),
        *advice.unknown_code(INCIDENT),
        *advice.unknown_code(replace(INCIDENT, error_code="")),
        *advise_on_locks(replace(INCIDENT, returning=Returning(18, 7, (LOCK.id,)))),
        by_hand_steps.remove_lock(LOCK),
        *by_hand_steps.end_access(COLLECTION),
        *by_hand_steps.convert_disks(VM),
    )


def steps_of_the_fix(cause: Cause) -> tuple:
    if cause.fix is None:
        return ()
    in_group = replace(LOCK, id=LOCK.id.replace("/g/", "/AzureBackupRG_westeurope_1/"))
    targets = {
        "uninstall_extension": Target(f"{VM}/extensions/VMSnapshot"),
        "delete_restore_point_collection": Target(COLLECTION, (in_group, in_group)),
    }
    found = cause.fix.steps(
        Finding(cause.slug, Verdict.CONFIRMED, (), (targets[cause.fix.kind],)), VM
    )
    assert isinstance(found, tuple) and found
    return found


STEPS = list(dict.fromkeys(steps()))
EXAMPLES = [(cause, example) for cause in CAUSES for example in cause.checker.examples]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.key)
def test_a_step_is_translated_and_its_commands_are_not(step: Sentence) -> None:
    english, chinese = str(step), render(step, "zh")
    assert CHINESE.search(chinese) and not CHINESE.search(english)
    assert [line.text for line in of_text("", chinese)] == [
        line.text for line in of_text("", english)
    ]
    kept = re.compile(r"https://[^\s)]+|(?<=\s)'[^']+'|/subscriptions/[^\s:,;']+|sudo [a-z-]+")
    assert [each for each in kept.findall(english) if each.rstrip(".") not in chinese] == []


@pytest.mark.parametrize(
    ("cause", "example"), EXAMPLES, ids=lambda each: getattr(each, "says", None)
)
async def test_evidence_is_translated(cause: Cause, example: contract.Example) -> None:
    found = await cause.checker.check(example.subject, example.facts)
    for line in found.evidence:
        assert CHINESE.search(render(line, "zh")) and not CHINESE.search(str(line))
        assert all(not _quoted(value) for value in line.values.values())


def _quoted(value: str | Sentence) -> bool:
    return isinstance(value, Sentence) and value.key == "quoted"


def test_a_command_by_itself_stays_as_it_is() -> None:
    command = by_hand(LOCK)
    assert command.startswith("az lock create")
    assert render(quote(command), "zh") == command


@pytest.mark.parametrize("lang", TEXTS)
def test_every_kind_phase_and_outcome_of_the_record_has_its_word(lang: str) -> None:
    words = TEXTS[lang]
    assert {f"k_{kind}" for kind in {*written_kinds(), *catalogue.step_kinds()}} <= words.keys()
    assert {f"p_{phase}" for phase in PHASES} <= words.keys()
    assert {f"o_{outcome}" for outcome in ("done", "refused", "failed", "busy")} <= words.keys()


def test_every_cause_of_today_has_its_title_in_every_language() -> None:
    assert {f"c_{slug}" for slug in TODAY} <= TEXTS["zh"].keys()
    english = texts_in("en")
    assert {english[f"c_{cause.slug}"] for cause in CAUSES} == {cause.title for cause in CAUSES}


def request(lang: str) -> func.HttpRequest:
    return func.HttpRequest(
        "GET", "http://127.0.0.1/api/audit/page", params={"lang": lang}, body=b""
    )


def page(incident: Incident, lang: str) -> str:
    shown = rendered.of(incident) | {"entries": []}
    answer = pages.answer(request(lang), "incident.html", "incident", standing=Standing(), **shown)
    return answer.get_body().decode()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_cause_and_a_fix_without_words_are_shown_all_the_same(
    lang: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = replace(
        CAUSES[0], title="The clock is wrong", checker=replace(CAUSES[0].checker, cause="clock")
    )
    monkeypatch.setattr(catalogue, "CAUSES", (*catalogue.CAUSES, new))
    incident = replace(
        INCIDENT,
        findings=(
            Finding("clock", Verdict.CONFIRMED, (quote("it is a day late"),)),
            Finding("of_another_version", Verdict.UNKNOWN, ()),
        ),
        actions=(Action("set_clock", VM, "done", "clock"),),
    )
    html = page(incident, lang)
    for shown in ("The clock is wrong", "of_another_version", "it is a day late", "set_clock"):
        assert shown in html
    filters = rendered.lists()["nothing"]
    assert (
        '<option value="clock">The clock is wrong'
        in pages.answer(request(lang), "incidents.html", "list", standing=Standing(), **filters)
        .get_body()
        .decode()
    )


@pytest.mark.parametrize("lang", LANGUAGES)
def test_steps_and_evidence_of_an_earlier_version_are_shown_as_recorded(lang: str) -> None:
    step, line = "Run a backup: az backup protection backup-now --ids 'x'", "agent message: ''"
    stored = to_json(replace(INCIDENT, findings=(Finding("windows_agent", Verdict.UNKNOWN, ()),)))
    stored["manual_steps"], stored["findings"][0]["evidence"] = [step], [line]
    html = page(from_json(Incident, stored), lang)
    assert step.replace("'", "&#39;") in html
    assert line.replace("'", "&#39;") in html


def test_a_page_shows_steps_and_evidence_in_its_language() -> None:
    told = replace(
        INCIDENT,
        findings=(Finding("windows_agent", Verdict.RULED_OUT, (phrase("runs_linux"),)),),
        manual_steps=(ABOUT.backup_now,),
    )
    english, chinese = page(told, "en"), page(told, "zh")
    assert "the VM runs Linux" in english and "Run a backup: az backup" in english
    assert "虚拟机运行的是 Linux" in chinese and "运行按需备份：az backup" in chinese
    assert "the VM runs Linux" not in chinese and "Run a backup" not in chinese
    assert TEXTS["zh"]["as_recorded"] in chinese
