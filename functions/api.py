"""HTTP routes for people and tools: incidents, audit entries, review pages, health.
They read only.

Their auth level is anonymous because a browser has no function key:
functions/pages/access.py lets in people who signed in and have a role.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import azure.durable_functions as df
import azure.functions as func

from functions.composition import the_app
from functions.pages import access
from functions.pages.access import Role
from shared import clock, health
from shared.audit.log import oldest_first
from shared.codec import to_json
from shared.errors import NotUsable, RemediatorError
from shared.incident.listing import Wanted
from shared.incident.review import newest
from shared.incident.view import incident_json, whole_incident_json

blueprint = df.Blueprint()
MOST_ROWS = 1000
"""Rows of one answer; `?limit=` asks for fewer."""


@blueprint.route(route="incidents", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@access.needs(Role.READER)
async def list_incidents(req: func.HttpRequest) -> func.HttpResponse:
    """Newest first, `?limit=` of them (1,000 at most)."""
    return await _answer(lambda: _incidents(req))


@blueprint.route(route="incidents/{id}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@access.needs(Role.READER)
async def show_incident(req: func.HttpRequest) -> func.HttpResponse:
    return await _answer(lambda: _incident(req.route_params["id"]))


@blueprint.route(route="audit", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@access.needs(Role.READER)
async def list_audit(req: func.HttpRequest) -> func.HttpResponse:
    """Entries oldest first; `?incident=`, `?vm=`, `?since=` (ISO 8601) narrow them."""
    return await _answer(lambda: _entries(req))


@blueprint.route(route="quarantine", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
@access.needs(Role.READER)
async def list_quarantine(req: func.HttpRequest) -> func.HttpResponse:
    """Events that can never be used, each with its reason."""
    return await _answer(lambda: _quarantine(req))


@blueprint.route(route="health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def show_health(req: func.HttpRequest) -> func.HttpResponse:
    """For a reader: 200 when all works, 503 when something does not, with each check
    and its reason.

    A stranger learns only whether the app answers; neither store nor Azure is asked.
    """
    stranger = isinstance(access.identify(req), access.Refused)
    found: dict[str, Any]
    try:
        app = the_app()
        found = {"status": "answers", "at": clock.now()} if stranger else await health.report(app)
    except RemediatorError as error:
        problem = {"name": "settings", "ok": False, "reason": str(error)}
        found = {"status": "degraded", "at": clock.now()} | (
            {} if stranger else {"checks": [problem]}
        )
    return _json(found, 503 if found["status"] == "degraded" else 200)


async def _incidents(req: func.HttpRequest) -> func.HttpResponse:
    page = await the_app().book.listing.page(Wanted(), _limit(req))
    found = await the_app().book.of_page(page)
    return _json([incident_json(incident) for incident in found])


async def _incident(incident_id: str) -> func.HttpResponse:
    incident = await the_app().book.get(incident_id)
    if incident is None:
        return _json({"error": f"there is no incident {incident_id}"}, 404)
    reviewed = await newest(the_app().store, incident.id)
    return _json(
        whole_incident_json(incident) | {"review": to_json(reviewed) if reviewed else None}
    )


async def _entries(req: func.HttpRequest) -> func.HttpResponse:
    since = req.params.get("since")
    try:
        since = clock.as_text(clock.as_time(since)) if since else None
    except ValueError as error:
        raise NotUsable(
            f"since is {since!r}; it takes a time such as 2026-01-31T12:00:00Z"
        ) from error
    entries = the_app().audit.entries(
        incident=req.params.get("incident"), vm=req.params.get("vm"), since=since
    )
    return _json([entry.to_json() for entry in oldest_first([entry async for entry in entries])])


async def _quarantine(req: func.HttpRequest) -> func.HttpResponse:
    kept = the_app().quarantine.all(_limit(req))
    fields = ("id", "at", "reason", "characters", "excerpt", "cut")
    return _json([{name: getattr(each, name) for name in fields} async for each in kept])


def _limit(req: func.HttpRequest) -> int:
    text = req.params.get("limit", str(MOST_ROWS))
    if not text.isdecimal() or not 1 <= int(text) <= MOST_ROWS:
        raise NotUsable(f"limit is {text!r}; it takes a number from 1 to {MOST_ROWS}")
    return int(text)


async def _answer(work: Callable[[], Awaitable[func.HttpResponse]]) -> func.HttpResponse:
    try:
        return await work()
    except NotUsable as error:
        return _json({"error": error.reason}, 400)
    except RemediatorError as error:
        logging.error("could not answer: %s", error)
        return _json({"error": str(error)}, 503)


def _json(body: Any, status: int = 200) -> func.HttpResponse:
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return func.HttpResponse(
        json.dumps(body, ensure_ascii=False),
        status_code=status,
        mimetype="application/json",
        headers=headers,
    )
