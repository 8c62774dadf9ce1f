"""GET /api/audit/page and below it: the pages on which people see what was done. Read
only."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from functions.composition import the_app
from functions.decisions import MAY_LEAVE, MAY_RESTORE
from functions.pages import access, charts
from functions.pages import render as pages
from functions.pages.access import Person, Role
from functions.retry import MAY_RETRY
from shared import catalogue, clock
from shared.app import App
from shared.audit.chain import verify
from shared.audit.entry import Entry
from shared.errors import NotUsable, RemediatorError
from shared.execution.lock_window.standing import Standing, read_standing
from shared.incident.listing import NOT_REVIEWED, Wanted
from shared.incident.review import KIND, State, newest
from shared.incident.status import Status

blueprint = df.Blueprint()
PAGE_ROWS, OVERVIEW_ROWS, WINDOW_ROWS, QUARANTINE_ROWS = 50, 2_000, 100, 100


@blueprint.route(route="audit/page", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@access.needs(Role.READER)
async def audit_page(req: func.HttpRequest) -> func.HttpResponse:
    """The list of incidents, newest first, filtered by the query."""
    return await _show(req, _list)


@blueprint.route(route="audit/page/{id}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@access.needs(Role.READER)
async def audit_page_of(req: func.HttpRequest) -> func.HttpResponse:
    """One of the other pages by its name, or an incident by its id (which begins with a
    digit)."""
    return await _show(req, VIEWS.get(req.route_params["id"], _incident))


type View = Callable[[func.HttpRequest, App, Standing], Awaitable[func.HttpResponse]]


async def _show(req: func.HttpRequest, view: View) -> func.HttpResponse:
    try:
        app = the_app()
        return await view(req, app, await read_standing(app.ledger))
    except NotUsable as error:
        return _say_problem(req, 400, error.reason)
    except RemediatorError as error:
        logging.error("could not show the page: %s", error)
        return _say_problem(req, 503, str(error))


def _say_problem(req: func.HttpRequest, status: int, problem: str) -> func.HttpResponse:
    """Nothing is known of the locks then, so the page says nothing of them."""
    return pages.answer(
        req, "problem.html", "problem", status, standing=Standing(), problem=problem
    )


async def _list(req: func.HttpRequest, app: App, standing: Standing) -> func.HttpResponse:
    wanted = _read_filters(req)
    try:
        page = await app.book.listing.page(wanted, PAGE_ROWS, req.params.get("after", ""))
    except ValueError as error:
        raise NotUsable(
            f"after is no place in the list: {req.params.get('after', '')[:80]!r}"
        ) from error
    asked = {name: value for name, value in req.params.items() if name not in ("after", "lang")}
    return pages.answer(
        req,
        "incidents.html",
        "list",
        standing=standing,
        page=page,
        wanted=wanted,
        asked=asked,
        paged=bool(req.params.get("after")),
        statuses=list(Status),
        codes=[code.name for code in catalogue.ERROR_CODES],
        causes=[cause.slug for cause in catalogue.CAUSES],
        changes=list(catalogue.step_kinds()),
        states=list(State),
    )


def _read_filters(req: func.HttpRequest) -> Wanted:
    """Raises NotUsable."""
    asked = {
        name: req.params.get(name, "").strip()
        for name in ("status", "vm", "group", "code", "cause", "changed", "review")
    }
    status, review = asked["status"], asked["review"]
    if status not in ("", *Status):
        raise NotUsable(f"status is {status[:40]!r}; it takes one of {', '.join(Status)}")
    if review not in ("", NOT_REVIEWED, *State):
        raise NotUsable(
            f"review is {review[:40]!r}; it takes one of {NOT_REVIEWED}, {', '.join(State)}"
        )
    return Wanted(**asked, since=_read_time(req, "since"), until=_read_time(req, "until"))


def _read_time(req: func.HttpRequest, name: str) -> str:
    """In the form of the store; "" where it is not given. Raises NotUsable."""
    text = req.params.get(name, "").strip()
    try:
        return clock.as_text(clock.as_time(text)) if text else ""
    except ValueError as error:
        raise NotUsable(
            f"{name} is {text[:40]!r}; it takes a time such as 2026-01-31 or 2026-01-31T12:00"
        ) from error


async def _incident(req: func.HttpRequest, app: App, standing: Standing) -> func.HttpResponse:
    incident_id = req.route_params["id"]
    incident = await app.book.find(incident_id)
    if incident is None:
        return pages.answer(
            req, "missing.html", "incident", 404, standing=standing, incident_id=incident_id
        )
    entries = [entry async for entry in app.audit.entries(incident=incident_id)]
    reviewed = await newest(app.store, incident_id)
    marks: dict[int, list[Entry]] = {}
    for entry in entries:
        if entry.kind == KIND and isinstance(about := entry.detail.get("about"), int):
            marks.setdefault(about, []).append(entry)
    shown: dict[str, Any] = {
        "incident": incident,
        "entries": entries,
        "broken": verify(entries),
        "marks": marks,
    }
    shown["locks"] = standing.of(incident)
    shown["may_retry"] = isinstance(
        access.identify(req, MAY_RETRY), Person
    ) and not await app.attempts.why_not(incident)
    shown |= {"portal": app.settings.cloud.portal, "review": reviewed, "states": list(State)}
    return pages.answer(req, "incident.html", "incident", standing=standing, **shown)


async def _person(req: func.HttpRequest, app: App, standing: Standing) -> func.HttpResponse:
    page = await app.book.listing.page(
        Wanted(somebody=True), PAGE_ROWS, req.params.get("after", "")
    )
    incidents = await app.book.of_page(page)
    shown: dict[str, Any] = {"incidents": incidents, "page": page, **_may(req)}
    return pages.answer(req, "person.html", "person", standing=standing, **shown)


async def _windows(req: func.HttpRequest, app: App, standing: Standing) -> func.HttpResponse:
    windows = [held.window for held in await app.windows.all()]
    return pages.answer(
        req, "windows.html", "windows", standing=standing, windows=windows, **_may(req)
    )


def _may(req: func.HttpRequest) -> dict[str, bool]:
    """What this person may decide about a lock."""
    return {
        "may_restore": isinstance(access.identify(req, MAY_RESTORE), Person),
        "may_leave": isinstance(access.identify(req, MAY_LEAVE), Person),
    }


async def _quarantine(req: func.HttpRequest, app: App, standing: Standing) -> func.HttpResponse:
    newest_first = sorted(
        [each async for each in app.quarantine.all(QUARANTINE_ROWS)],
        key=lambda each: each.at,
        reverse=True,
    )
    return pages.answer(req, "quarantine.html", "quarantine", standing=standing, rows=newest_first)


async def _overview(req: func.HttpRequest, app: App, standing: Standing) -> func.HttpResponse:
    summaries = (await app.book.listing.page(Wanted(), OVERVIEW_ROWS)).summaries
    minutes = charts.minutes_to_repair(summaries)
    unlocked = [each for each in summaries if "lift_locks" in each.changed][:WINDOW_ROWS]
    entries = [entry for each in unlocked async for entry in app.audit.entries(incident=each.id)]
    drawn = (
        charts.draw("by_code", "count", charts.count_codes(summaries, "?")),
        charts.draw("by_ending", "count", charts.count_endings(summaries)),
        charts.draw("repair_time", "count", charts.count_repairs(minutes)),
        charts.draw("unlocked", "minutes", charts.unlocked_minutes(entries, clock.now())),
    )
    longest = f"{max(minutes):.1f}" if minutes else "–"
    return pages.answer(
        req,
        "overview.html",
        "overview",
        standing=standing,
        charts=drawn,
        total=len(summaries),
        middle=charts.median_of(minutes),
        longest=longest,
    )


VIEWS: dict[str, View] = {
    "overview": _overview,
    "person": _person,
    "windows": _windows,
    "quarantine": _quarantine,
}
