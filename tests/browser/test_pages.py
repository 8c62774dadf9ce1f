"""The review pages as a person sees them, over 5,000 incidents: every page, filter and
language, light and dark, in a real browser."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from functions.pages.texts import TEXTS
from shared.codec import to_json
from shared.execution.lock_window.ledger import LOCKS, PARTITION
from shared.execution.lock_window.lock_row import LockRow, LockState
from shared.execution.lock_window.windows import CLOSING, WINDOW, WINDOWS
from shared.execution.lock_window.words import DONE
from shared.incident.book import INCIDENTS
from shared.incident.listing import MONTHS, SUMMARIES, key_of, month_of, summary_of
from shared.incident.model import Incident
from shared.intake.quarantine import TABLE, Kept
from shared.store.contract import Body
from shared.store.keys import encode
from shared.store.sqlite import SqliteStore
from tests.browser import seed
from tests.browser.chromium import visit
from tests.e2e.conftest import Product, running
from tests.shared.execution.rows import LONG_AGO, NOW, lock_on, row, window

in_module_loop = pytest.mark.asyncio(loop_scope="module")
COUNT = 5_000
EVIL = "<script>alert(1)</script>"
SHOTS = os.environ.get("SCREENSHOTS", "")
"""Folder for screenshots; none are taken while it is not set (`make screenshots` sets
it)."""
TAKEN = (("en", "light"), ("zh", "dark"))


def said_of(number: int) -> str:
    """What a person said of the seeded incident of that number."""
    return ("", "accepted", "", "disputed", "")[number % 5]


def rows(incidents: list[Incident], with_entries: int) -> list[tuple[str, str, str, Body]]:
    found: list[tuple[str, str, str, Body]] = []
    for number, incident in enumerate(incidents):
        found.append((INCIDENTS, "incident", incident.id, to_json(incident)))
        summary = replace(summary_of(incident), review=said_of(number))
        key = key_of(incident.id)
        found.append((SUMMARIES, month_of(key), key, to_json(summary)))
        if number >= len(incidents) - with_entries:
            found += [
                ("audit", incident.id, f"{entry.seq:08d}", entry.to_json())
                for entry in seed.entries(incident)
            ]
    return found + [
        (SUMMARIES, MONTHS, month, {})
        for month in {month_of(key_of(each.id)) for each in incidents}
    ]


def locks_of(incident: Incident) -> list[tuple[str, str, str, Body]]:
    """A lock in each shape that a page shows, and the window of the first."""
    group = f"{seed.SUBSCRIPTION}/resourceGroups/rg-team-1"
    lead = {"incident_id": incident.id, "vm_id": incident.vm_id}
    since = {"watch_since": "2026-11-25T00:00:00.000000Z"}
    shapes: dict[str, LockRow] = {
        "keep": row(LockState.NEEDS_PERSON, problem=f"403 {EVIL}", deadline=LONG_AGO, **lead),
        "watched": row(LockState.WATCHED, put_at=NOW, mends=True, **since, **lead),
        "off": row(LockState.OFF, **lead),
        "missing": row(LockState.SETTLED, result=DONE, missing_since=NOW, **lead),
    }
    found: list[tuple[str, str, str, Body]] = []
    for name, each in shapes.items():
        named = replace(each, lock=lock_on(group, name, EVIL), group_id=group)
        found.append((LOCKS, PARTITION, name, to_json(named)))
    strange = found[0][3] | {"schema": EVIL, "lock": {"id": "/x"}}
    held = window(CLOSING, group_id=group, leader=incident.id, deadline=LONG_AGO)
    return [
        *found,
        (LOCKS, PARTITION, "zz", strange),
        (WINDOWS, "group", WINDOW, to_json(held)),
    ]


async def fill(folder: Path, found: list[tuple[str, str, str, Body]]) -> None:
    """All rows in one transaction: as many as months of work leave would take minutes
    one by one."""
    store = SqliteStore(folder / "remediator.db")
    await store.ping()
    values = [(table, partition, key, encode(body)) for table, partition, key, body in found]
    sql = 'INSERT INTO rows ("table", partition, key, body, version) VALUES (?, ?, ?, ?, 1)'
    connection = store._open()
    connection.execute("BEGIN")
    connection.executemany(sql, values)
    connection.execute("COMMIT")
    connection.close()
    await store.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def filled(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Product, list[Incident]]]:
    folder: Path = tmp_path_factory.mktemp("pages")
    incidents = list(seed.incidents(COUNT))
    found = rows(incidents, 300)
    found += locks_of(incidents[-1])
    kept = Kept("q", "2026-11-20T00:00:00.000000Z", f"not JSON {EVIL}", 9, EVIL)
    found.append((TABLE, "event", "q", to_json(kept)))
    await fill(folder, found)
    async with running(folder, REMEDIATOR_DEVELOPMENT_IDENTITY="developer@localhost") as product:
        yield product, incidents


async def html(product: Product, path: str = "", **headers: str) -> str:
    answer = await product.http.get(f"{product.app}/api/audit/page{path}", headers=headers)
    assert answer.status == 200, await answer.text()
    return await answer.text()


def listed(page: str) -> list[str]:
    """Incident ids of the list, in order."""
    return re.findall(r'<td><a href="[^"]*page/([0-9][^"?]*)', page)


FILTERS: dict[str, Any] = {
    "status=needs_person": lambda each: each.status == "needs_person",
    "vm=vm-01": lambda each: "vm-01" in each.vm_id.rsplit("/", 1)[1],
    "group=rg-team-3": lambda each: "/rg-team-3/" in each.vm_id,
    "code=GuestAgentSnapshotTaskStatusError": lambda each: (
        each.error_code == "GuestAgentSnapshotTaskStatusError"
    ),
    "cause=backup_extension": lambda each: "backup_extension" in summary_of(each).causes,
    "changed=any": lambda each: bool(summary_of(each).changed),
    "changed=uninstall_extension&status=fixed": lambda each: (
        each.status == "fixed" and "uninstall_extension" in summary_of(each).changed
    ),
    "review=none": lambda each: not said_of(int(each.id[-8:], 16)),
    "review=disputed": lambda each: said_of(int(each.id[-8:], 16)) == "disputed",
    "since=2026-11-20": lambda each: each.opened_at >= "2026-11-20",
    "until=2026-11-01T12:00": lambda each: each.opened_at <= "2026-11-01T12:00:00.000000Z",
}


@in_module_loop
@pytest.mark.parametrize("asked", FILTERS)
async def test_a_filter_shows_exactly_what_it_says(
    filled: tuple[Product, list[Incident]], asked: str
) -> None:
    product, incidents = filled
    wanted = [each.id for each in reversed(incidents) if FILTERS[asked](each)]
    assert listed(await html(product, f"?{asked}")) == wanted[:50]
    assert len(wanted) > 50


@in_module_loop
async def test_pages_go_on_to_the_oldest(filled: tuple[Product, list[Incident]]) -> None:
    product, incidents = filled
    seen: list[str] = []
    path = "?group=rg-team-5"
    while path:
        page = await html(product, path)
        seen += listed(page)
        following = re.search(r'<a rel="next" href="page(\?[^"]*)"', page)
        path = following[1].replace("&amp;", "&") if following else ""
    assert seen == [each.id for each in reversed(incidents) if "/rg-team-5/" in each.vm_id]


@in_module_loop
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("?status=fine", 400),
        ("?review=fine", 400),
        ("?since=soon", 400),
        ("?after=%00", 400),
        ("/20260101T000000-none", 404),
        ("/9%20%3Cb%3E", 404),
    ],
)
async def test_what_cannot_be_shown_is_said_in_a_page(
    filled: tuple[Product, list[Incident]], path: str, status: int
) -> None:
    answer = await filled[0].http.get(f"{filled[0].app}/api/audit/page{path}")
    assert answer.status == status
    assert "<main" in await answer.text()
    assert "<b>" not in await answer.text()


@in_module_loop
@pytest.mark.parametrize(
    "path", ["", "/overview", "/person", "/windows", "/quarantine", "/incident"]
)
async def test_nothing_from_outside_becomes_markup(
    filled: tuple[Product, list[Incident]], path: str
) -> None:
    product, incidents = filled
    page = await html(product, path.replace("/incident", f"/{incidents[-1].id}"))
    assert EVIL not in page
    assert "alert(1)" in page, "the banner shows the problem, escaped"
    assert " style=" not in page and "<script" not in page


@in_module_loop
@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_the_page_of_windows_has_every_lock_and_what_a_person_may_decide(
    filled: tuple[Product, list[Incident]], lang: str
) -> None:
    page = await html(filled[0], f"/windows?lang={lang}")
    for name in ("keep", "watched", "off", "missing"):
        assert f"{name} (CanNotDelete)" in page
    assert page.count(f">{TEXTS[lang]['put_back']}</button>") == 3, "all but the watched one"
    assert page.count(f">{TEXTS[lang]['leave_off']}</button>") == 3, "all but what a fix has off"
    assert page.count(f">{TEXTS[lang]['take_row_away']}</button>") == 1
    assert page.count('class="banner bad"') == 3
    assert TEXTS[lang]["w_closing"] in page


@in_module_loop
@pytest.mark.parametrize(
    ("path", "accept", "lang"),
    [
        ("", "zh-CN,zh;q=0.9", "zh"),
        ("", "de, en;q=0.5", "en"),
        ("", "", "en"),
        ("?lang=zh", "en", "zh"),
        ("?lang=xx", "zh", "zh"),
    ],
)
async def test_the_language_is_the_reader_s(
    filled: tuple[Product, list[Incident]], path: str, accept: str, lang: str
) -> None:
    page = await html(filled[0], path, **{"Accept-Language": accept})
    assert TEXTS[lang]["narrow"] in page
    assert ("?lang=zh" in page) and ("?lang=en" in page)
    if "lang=zh" in path:
        assert "page/overview?lang=zh" in page, "the choice is kept in the links"


def test_both_languages_have_the_same_words() -> None:
    titles = {name for name in TEXTS["zh"] if name.startswith("c_")}
    assert TEXTS["en"].keys() == TEXTS["zh"].keys() - titles, "English titles: the catalogue's own"
    assert all(TEXTS["zh"].values())


@in_module_loop
async def test_every_page_in_a_browser(filled: tuple[Product, list[Incident]]) -> None:
    product, incidents = filled
    person = next(each for each in reversed(incidents) if each.status == "needs_person")
    paths = {
        "list": "",
        "filtered": "?status=fixed&changed=any",
        "incident": f"/{person.id}",
        "overview": "/overview",
        "person": "/person",
        "windows": "/windows",
        "quarantine": "/quarantine",
    }
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
    asked = [
        {
            "name": f"{name}-{locale}-{scheme}",
            "url": f"{product.app}/api/audit/page{path}",
            "locale": {"en": "en-GB", "zh": "zh-CN"}[locale],
            "scheme": scheme,
            "screenshot": (
                str(Path(SHOTS) / f"{name}-{locale}-{scheme}.png")
                if SHOTS and (locale, scheme) in TAKEN
                else None
            ),
        }
        for name, path in paths.items()
        for locale in ("en", "zh")
        for scheme in ("light", "dark")
    ]
    seen = await visit(asked)
    assert [page["name"] for page in seen] == [page["name"] for page in asked]
    for page in seen:
        assert page["status"] == 200, page
        assert page["violations"] == [], page["name"]
        assert page["said"] == [], page["name"]
        assert page["elsewhere"] == [], page["name"]
        assert page["focused"] == "A", "the first stop of the Tab key is the link to the content"
        assert page["wide"] is False, f"{page['name']} scrolls sideways"
        assert page["lang"] == ("zh-Hans" if "-zh-" in page["name"] else "en")
        assert "unsafe-inline" not in page["csp"] and "default-src 'none'" in page["csp"]
