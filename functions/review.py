"""POST /api/review/{incident}: a person's review of an incident, from a form of our
pages or as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import azure.durable_functions as df
import azure.functions as func

from functions.composition import the_app
from functions.pages import access
from functions.pages.access import Refused
from shared.arm_ids import fold
from shared.codec import to_json
from shared.errors import NotUsable, RemediatorError
from shared.incident import review as reviews

blueprint = df.Blueprint()
LONGEST_NUMBER = 10
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
FIELDS = ("state", "why")
ABOUT = "about"
"""Field: the number of the entry that it is about; missing or empty: the whole
incident."""


@blueprint.route(route="review/{incident}", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def review(req: func.HttpRequest) -> func.HttpResponse:
    """200 with the review as JSON; 303 back to the incident's page for a form."""
    who = access.identify(req)
    if isinstance(who, Refused):
        return access.refuse(who)
    kind = fold(req.headers.get("content-type", "").split(";")[0].strip())
    if (kind == FORM or access.is_from_browser(req)) and not access.is_from_same_origin(req):
        return access.refuse(
            Refused(403, "a review can be sent by a page of this app only, not by another site")
        )
    try:
        return await _review(req, who.name, kind)
    except NotUsable as error:
        return _answer({"error": error.reason}, 400)
    except RemediatorError as error:
        return _answer({"error": str(error)}, 503)


async def _review(req: func.HttpRequest, by: str, kind: str) -> func.HttpResponse:
    incident_id, app = req.route_params["incident"], the_app()
    fields = _read_fields(req.get_body(), kind)
    incident = await app.book.find(incident_id)
    if incident is None:
        return _answer({"error": f"there is no incident {incident_id}"}, 404)
    about = int(fields[ABOUT]) if fields[ABOUT] else None
    made = await reviews.review(
        app.store, app.audit, incident, by, fields["state"], fields["why"], about
    )
    if kind == FORM:
        return func.HttpResponse(
            status_code=303,
            headers={"Location": f"../audit/page/{incident.id}", "Cache-Control": "no-store"},
        )
    return _answer({"review": to_json(made)}, 200)


def _read_fields(body: bytes, kind: str) -> Mapping[str, str]:
    """Raises NotUsable."""
    if kind not in (FORM, JSON):
        raise NotUsable(f"the body is {kind or 'of no kind'}; it takes {JSON} or {FORM}")
    try:
        text = body.decode()
        found = (
            json.loads(text) if kind == JSON else parse_qs(text, max_num_fields=20, errors="strict")
        )
    except (ValueError, RecursionError) as error:
        raise NotUsable(f"the body is no {kind}") from error
    if not isinstance(found, dict):
        raise NotUsable("the body is no object")
    about = _one(ABOUT, found.get(ABOUT, ""))
    if about and not (about.isascii() and about.isdecimal() and len(about) < LONGEST_NUMBER):
        raise NotUsable(f"about is {about[:40]!r}; it takes the number of an entry")
    return {name: _one(name, found.get(name)) for name in FIELDS} | {ABOUT: about}


def _one(name: str, value: Any) -> str:
    """The one text of a field. Raises NotUsable."""
    if isinstance(value, list) and len(value) == 1:  # a form's field
        value = value[0]
    if name == ABOUT and isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise NotUsable(f"{name} is missing, or is not one text")
    return value


def _answer(body: Any, status: int) -> func.HttpResponse:
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return func.HttpResponse(
        json.dumps(body, ensure_ascii=False), status_code=status, mimetype=JSON, headers=headers
    )
