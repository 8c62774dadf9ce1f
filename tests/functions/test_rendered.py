"""No page shows the workings: what Python or Jinja print where a text is missing, over
all pages, in both languages, with data in every shape."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import azure.functions as func
import pytest
from markupsafe import escape

from functions.pages import charts
from functions.pages import render as pages
from functions.pages.texts import TEXTS
from shared import catalogue, clock
from shared.audit.chain import Broken
from shared.audit.entry import Entry
from shared.codec import to_json
from shared.execution.lock_window.lock_row import LockState
from shared.execution.lock_window.standing import Standing
from shared.execution.lock_window.strange_rows import read_strange_row
from shared.execution.lock_window.windows import CLOSING, GATHERING, OPEN
from shared.execution.lock_window.words import DONE, LEFT_OFF
from shared.incident.listing import Page, Wanted, summary_of
from shared.incident.model import (
    Action,
    Awaited,
    EnteredWindow,
    Finding,
    Incident,
    Verdict,
    Verification,
    Waiting,
)
from shared.incident.review import Review, State
from shared.incident.status import Status
from shared.intake.quarantine import Kept
from shared.sentences import phrase, quote
from shared.store.contract import Row
from tests.browser import seed
from tests.shared.execution.rows import LONG_AGO, NOW, row, settled_row, watched, window

NOT_FOR_PEOPLE = re.compile(
    r"built-in|object at"
    r" 0x|\bNone\b|\bUndefined\b|&lt;(bound|function|class|generator)|\{\{|\{%|%\}|\}\}"
)
STATES = [
    *(row(state) for state in LockState if state is not LockState.SETTLED),
    row(deadline=LONG_AGO),
    row(problem="403"),
    row(LockState.NEEDS_PERSON, problem="403", decided_by="Ana"),
    watched(mends=False),
    watched(problem="it is absent, and its PUT: 403", put_at=NOW),
    watched(put_at=NOW),
    settled_row(DONE, missing_since=NOW),
    settled_row(DONE),
    settled_row(LEFT_OFF, decided_by="Ana"),
    settled_row("odd"),
]
UNREADABLE = [
    read_strange_row(Row("locks", "locks", "k", body, "1"), "not a LockRow")
    for body in ({}, to_json(STATES[0]))
]
STANDING = {
    "no lock": Standing(),
    "locks in every state": Standing(tuple(STATES), tuple(UNREADABLE)),
}
EMPTY = Incident(
    id="20260101T000000-x",
    status=Status.OPEN,
    subscription_id="",
    vault_id="",
    vm_id="",
    container_name="",
    item_name="",
    job_id="",
    error_code="",
    opened_at="2026-01-01T00:00:00.000000Z",
)
FULL = replace(
    next(each for each in seed.incidents(40) if each.actions),
    findings=tuple(
        Finding(cause.slug, verdict, (quote("seen"),))
        for cause in catalogue.CAUSES
        for verdict in Verdict
    ),
    actions=tuple(
        Action(kind, "/t", outcome, "cause", "")
        for kind in catalogue.step_kinds()
        for outcome in ("", "done", "failed", "odd")
    ),
    from_log=(phrase("log_no_heartbeats"),),
    manual_steps=(quote("Do this."),),
)
INCIDENTS = [
    EMPTY,
    FULL,
    replace(FULL, verification=Verification("j", "")),
    replace(FULL, attempt=2, earlier_actions=FULL.actions),
    *(replace(FULL, status=each) for each in Status),
    *(
        replace(
            FULL, status=Status.WAITING, waiting=Waiting("2026-01-01T00:00:00Z", each, "", "/g")
        )
        for each in Awaited
    ),
    replace(FULL, windows=(EnteredWindow("/g", "i/1", "waiting: a job runs"),)),
]
INCIDENTS += [each for each in seed.incidents(40) if each.status == Status.NEEDS_PERSON][:4]


def everything() -> list[Any]:
    found = [
        (f"list of {name}", "incidents.html", "list", values) for name, values in lists().items()
    ]
    found += [
        (f"incident {n}", "incident.html", "incident", of(each)) for n, each in enumerate(INCIDENTS)
    ]
    drawn = [*charts_of(0), *charts_of(2000)]
    overview = {"total": 0, "middle": charts.median_of([]), "longest": "–"}
    windows = [window(state) for state in (GATHERING, OPEN, CLOSING)]
    may = {"may_restore": True, "may_leave": True}
    may_not = dict.fromkeys(may, False)
    kept = Kept("q", "2026-01-01T00:00:00Z", "no JSON", 9, "x")
    broken = of(FULL) | {"broken": Broken("i", 3, "changed")}
    return [
        *found,
        ("broken chain", "incident.html", "incident", broken),
        ("overview", "overview.html", "overview", overview | {"charts": drawn}),
        (
            "person",
            "person.html",
            "person",
            {"incidents": INCIDENTS, "page": Page((), "more")} | may,
        ),
        ("nobody", "person.html", "person", {"incidents": [], "page": Page((), "")} | may_not),
        ("windows", "windows.html", "windows", {"windows": windows} | may),
        ("no windows", "windows.html", "windows", {"windows": []} | may_not),
        ("quarantine", "quarantine.html", "quarantine", {"rows": [kept]}),
        ("empty quarantine", "quarantine.html", "quarantine", {"rows": []}),
        ("problem", "problem.html", "problem", {"problem": "the store does not answer"}),
        ("missing", "missing.html", "incident", {"incident_id": "x"}),
    ]


def lists() -> dict[str, dict[str, Any]]:
    shared = {
        "statuses": list(Status),
        "codes": ["Code"],
        "causes": [c.slug for c in catalogue.CAUSES],
    }
    shared |= {"changes": list(catalogue.step_kinds()), "states": list(State), "paged": False}
    rows = [
        replace(summary_of(each), review=said)
        for each in INCIDENTS
        for said in ("", *(state.value for state in State))
    ]
    filters = {
        "status": "fixed",
        "vm": "v",
        "group": "g",
        "code": "Code",
        "cause": "c",
        "changed": "any",
        "review": "none",
    }
    narrow = {"wanted": Wanted(**filters), "asked": filters | {"since": "2026-01-01"}}
    wide: dict[str, Any] = {"wanted": Wanted(), "asked": {}}
    return {
        "nothing": shared | wide | {"page": Page((), "")},
        "rows": shared | wide | {"page": Page(tuple(rows), "more")},
        "filtered rows": shared | narrow | {"page": Page(tuple(rows), "more"), "paged": True},
        "filtered nothing": shared | narrow | {"page": Page((), "")},
        # a query may name anything, the names of dict's methods among them
        "odd query": (
            shared
            | {
                "wanted": Wanted(),
                "asked": {"get": "x", "clear": "y", "items": "z", "page": "p"},
                "page": Page(tuple(rows), ""),
            }
        ),
    }


def charts_of(count: int) -> list[Any]:
    summaries = [summary_of(each) for each in seed.incidents(count)]
    minutes = charts.minutes_to_repair(summaries)
    entries = [entry for each in list(seed.incidents(count))[:20] for entry in seed.entries(each)]
    return [
        charts.draw("by_code", "count", charts.count_codes(summaries, "?")),
        charts.draw("by_ending", "count", charts.count_endings(summaries)),
        charts.draw("repair_time", "count", charts.count_repairs(minutes)),
        charts.draw("unlocked", "minutes", charts.unlocked_minutes(entries, clock.now())),
    ]


def of(incident: Incident) -> dict[str, Any]:
    entries: list[Entry] = seed.entries(incident)
    marks = {
        1: [
            replace(entries[0], detail={"state": state.value, "why": "w", "about": 1})
            for state in State
        ]
    }
    review = (
        Review(State.ACCEPTED, "why", "me", "2026-01-01T00:00:00.000000Z", 3, None)
        if incident is FULL
        else None
    )
    shown: dict[str, Any] = {
        "incident": incident,
        "entries": entries,
        "broken": None,
        "marks": marks,
        "review": review,
        "locks": STATES if incident is FULL else [],
    }
    shown["may_retry"] = incident.ended
    return shown | {"portal": "https://portal.example.net", "states": list(State)}


@pytest.mark.parametrize("lang", [*TEXTS, ""])
@pytest.mark.parametrize("standing", STANDING.values(), ids=STANDING)
@pytest.mark.parametrize(
    ("template", "view", "values"), [pytest.param(*row[1:], id=row[0]) for row in everything()]
)
def test_a_page_shows_no_workings(
    template: str, view: str, values: dict[str, Any], standing: Standing, lang: str
) -> None:
    asked = {"lang": lang, **values.get("asked", {})}
    request = func.HttpRequest("GET", "http://127.0.0.1/api/audit/page", params=asked, body=b"")
    html = (
        pages.answer(request, template, view, standing=standing, **values)
        .get_body()
        .decode()
        .replace(pages.style(), "")
    )
    assert [
        html[max(0, found.start() - 60) : found.end() + 30]
        for found in NOT_FOR_PEOPLE.finditer(html)
    ] == []
    assert "<main" in html and "</html>" in html


@pytest.mark.parametrize(
    "template",
    sorted(
        path.name
        for path in pages.FOLDER.glob("*.html")
        if path.name not in ("base.html", "parts.html")
    ),
)
def test_every_template_is_shown_here(template: str) -> None:
    assert template in {row[1] for row in everything()}


WORKINGS: dict[str, Any] = {
    "a method": {}.clear,
    "a class": object,
    "a function": lambda: None,
    "None": None,
    "an object": object(),
    "a mark": "{{ t.x }}",
    "a block": "{% if %}",
}


@pytest.mark.parametrize("name", WORKINGS)
def test_the_check_finds_what_it_is_for(name: str) -> None:
    assert NOT_FOR_PEOPLE.search(str(escape(f"<p>{WORKINGS[name]}</p>")))


@pytest.mark.parametrize("lang", TEXTS)
def test_a_page_names_no_state_of_ours(lang: str) -> None:
    """The words of a state, not its name in the store."""
    html = shown("windows.html", "windows", lang, windows=[], may_restore=True, may_leave=True)
    text = re.sub(r"<[^>]+>", " ", html)
    assert [state for state in LockState if re.search(rf"\b{state.name}\b", text)] == []
    assert "needs_person" not in text


@pytest.mark.parametrize(
    ("may", "restore", "leave"),
    [((False, False), 0, 0), ((True, False), 9, 0), ((True, True), 9, 10)],
)
def test_who_may_decide_gets_the_forms_and_nobody_else(
    may: tuple[bool, bool], restore: int, leave: int
) -> None:
    """`leave`: not what a fix has in hand; the rows that cannot be read as well.
    `restore`: what is off, or may be, or is missing."""
    html = shown("windows.html", "windows", "en", windows=[], may_restore=may[0], may_leave=may[1])
    assert html.count('action="../../locks/restore"') == restore
    assert html.count('action="../../locks/leave"') == leave


def test_the_list_of_what_needs_somebody_has_its_locks() -> None:
    html = shown(
        "person.html",
        "person",
        "en",
        incidents=[],
        page=Page((), ""),
        may_restore=True,
        may_leave=True,
    )
    main = html.split("<h1>")[1]
    red = [each for each in STATES if each.needs_somebody]
    assert main.count("<section") == len(red) + len(UNREADABLE)
    assert main.count('class="bad"') == len(red) + len(UNREADABLE)
    assert TEXTS["en"]["no_person"] not in main


def shown(template: str, view: str, lang: str, **values: Any) -> str:
    request = func.HttpRequest(
        "GET", "http://127.0.0.1/api/audit/page/windows", params={"lang": lang}, body=b""
    )
    standing = STANDING["locks in every state"]
    html: str = (
        pages.answer(request, template, view, standing=standing, **values).get_body().decode()
    )
    return html
