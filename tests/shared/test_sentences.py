"""The table of sentences and every place that uses one fit together: no missing
language, no missing or unused hole, no sentence that nothing uses. What any version
stored can be read and shown.
"""

from __future__ import annotations

import ast
import json
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from functions.pages.texts import LANGUAGES
from shared.codec import from_json, to_english, to_json
from shared.incident.model import Finding, Incident, Verdict
from shared.sentences import Sentence, join, phrase, quote, render, templates

ROOT = Path(__file__).parents[2]
SPEAKERS = ("shared", "functions", "command_line")
HOME = "shared/sentences.py"
CHINESE = re.compile(r"[\u4e00-\u9fff]")
COMMAND = re.compile(r"(?<!\w)(?:az|sudo|ps|systemctl) |(?<!\w)--?[a-z]|https?:")
SAME_EVERYWHERE = re.compile(r"/[\w.*/]+|\w+\.\w+|[A-Z]\w*[A-Z]\w*|\d[\d./]*|Ready|Deny")
"""Paths, file names, names in capitals or camel case, numbers, Azure's own words."""


@dataclass(frozen=True)
class Call:
    where: str
    key: Any
    """None where it is no literal."""
    names: frozenset[str | None]


def calls(name: str, text: str) -> Iterator[Call]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and _name(node.func) == "phrase":
            literal = len(node.args) == 1 and isinstance(node.args[0], ast.Constant)
            key = node.args[0].value if literal else None
            yield Call(f"{name}:{node.lineno}", key, frozenset(each.arg for each in node.keywords))


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def sources() -> Iterator[tuple[str, str]]:
    for folder in SPEAKERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


CALLS = [call for name, text in sources() for call in calls(name, text)]


def holes(template: str) -> set[str]:
    return {hole for _, hole, *_ in string.Formatter().parse(template) if hole is not None}


@pytest.mark.parametrize("key", templates())
def test_a_sentence_is_there_in_every_language_with_the_same_holes(key: str) -> None:
    words = templates()[key]
    assert words.keys() == LANGUAGES.keys()
    assert all(text.strip() == text and text for text in words.values())
    assert len({frozenset(holes(text)) for text in words.values()}) == 1


@pytest.mark.parametrize("key", sorted(templates().keys() - {"quoted", "list"}))
def test_its_chinese_is_chinese_and_keeps_what_no_language_changes(key: str) -> None:
    english, chinese = templates()[key]["en"], templates()[key]["zh"]
    assert CHINESE.search(chinese) and not CHINESE.search(english)
    without_holes = re.sub(r"\{\w+\}", "", english)
    kept = {word.rstrip(".") for word in SAME_EVERYWHERE.findall(without_holes)} - {"VM"}
    assert [word for word in kept if word not in chinese] == []


@pytest.mark.parametrize("key", templates())
def test_a_command_or_an_address_is_a_value(key: str) -> None:
    assert [text for text in templates()[key].values() if COMMAND.search(text)] == []


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.where} {call.key}")
def test_a_call_fills_every_hole_and_no_other(call: Call) -> None:
    assert call.key in templates()
    assert call.names == holes(templates()[call.key]["en"])


def test_every_sentence_is_used() -> None:
    assert templates().keys() == {call.key for call in CALLS}


def test_sentences_are_made_by_phrase_alone() -> None:
    """So that none escapes the tests above."""
    made = [
        name
        for name, text in sources()
        for node in ast.walk(ast.parse(text))
        if name != HOME and isinstance(node, ast.Call) and _name(node.func) == "Sentence"
    ]
    assert made == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("phrase('vm_gone', vm_id=x)", ("vm_gone", {"vm_id"})),
        ("sentences.phrase('vm_gone', **more)", ("vm_gone", {None})),
        ("phrase(key, vm_id=x)", (None, {"vm_id"})),
        ("phrase('vm_gone', 'x')", (None, set())),
    ],
)
def test_a_call_is_read_as_it_is_written(text: str, found: tuple[Any, set[str | None]]) -> None:
    assert [(call.key, set(call.names)) for call in calls("x.py", text)] == [found]


LOCK = phrase("lock_on", name="keep", level="CanNotDelete", scope="/g")


@pytest.mark.parametrize(
    ("sentence", "english", "chinese"),
    [
        (quote("az login {vm}"), "az login {vm}", "az login {vm}"),
        (LOCK, "keep (CanNotDelete) on /g", "/g 上的 keep（CanNotDelete）"),
        (
            phrase("not_done", step=phrase("lift_locks", locks=join([LOCK, LOCK]))),
            "Not done by us: lift keep (CanNotDelete) on /g, keep (CanNotDelete) on /g",
            "我们没有执行：解除锁：/g 上的 keep（CanNotDelete）、/g 上的 keep（CanNotDelete）",
        ),
        (
            phrase("agent_message", message="{key} {0} {"),
            "agent message: {key} {0} {",
            "代理消息：{key} {0} {",
        ),
        (
            Sentence("of_tomorrow", {"vm": "vm1", "lock": quote("k")}),
            "of_tomorrow: vm=vm1, lock=k",
            "of_tomorrow: vm=vm1, lock=k",
        ),
        (Sentence("vm_gone", {"other": "x"}), "vm_gone: other=x", "vm_gone: other=x"),
    ],
    ids=lambda each: each.key if isinstance(each, Sentence) else "",
)
def test_it_is_rendered_in_each_language(sentence: Sentence, english: str, chinese: str) -> None:
    assert str(sentence) == render(sentence, "en") == to_english(sentence) == english
    assert render(sentence, "zh") == chinese


def test_equal_sentences_are_one_in_a_set() -> None:
    again = phrase("lock_on", scope="/g", level="CanNotDelete", name="keep")
    assert (
        len({LOCK, again, phrase("lock_on", name="other", level="CanNotDelete", scope="/g")}) == 2
    )


STORED: dict[str, Any] = {
    "id": "i1",
    "status": "needs_person",
    "subscription_id": "s",
    "vault_id": "/v",
    "vm_id": "/vm",
    "container_name": "c",
    "item_name": "i",
    "job_id": "j",
    "error_code": "BackUpOperationFailed",
    "opened_at": "2026-01-31T02:00:00.000000Z",
    "findings": [
        {"cause": "windows_agent", "verdict": "CONFIRMED", "evidence": ["agent message: 'x'"]}
    ],
    "manual_steps": ["Run a backup: az backup protection backup-now --ids '/i'"],
}
"""An incident as a version before sentences stored it."""


def test_strings_of_an_earlier_version_are_read_and_shown_as_recorded() -> None:
    incident = from_json(Incident, STORED)
    assert incident.findings == (
        Finding("windows_agent", Verdict.CONFIRMED, (quote("agent message: 'x'"),)),
    )
    for language in LANGUAGES:
        assert [render(step, language) for step in incident.manual_steps] == STORED["manual_steps"]
    assert to_english(incident)["manual_steps"] == STORED["manual_steps"]
    assert from_json(Incident, json.loads(json.dumps(to_json(incident)))) == incident


def test_a_sentence_is_stored_by_its_key_and_values() -> None:
    stored = {
        "key": "not_done",
        "values": {"step": {"key": "uninstall_extension", "values": {"name": "VMSnapshot"}}},
    }
    sentence = phrase("not_done", step=phrase("uninstall_extension", name="VMSnapshot"))
    assert to_json(sentence) == stored
    assert from_json(Sentence, stored) == sentence
