"""What a person sends: a form of our pages, or JSON from a tool."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import azure.functions as func

from functions.pages import access
from functions.pages.access import Person, Refused, Role
from shared.arm_ids import fold
from shared.errors import NotUsable

FORM, JSON = "application/x-www-form-urlencoded", "application/json"


def kind_of(req: func.HttpRequest) -> str:
    return fold(req.headers.get("content-type", "").split(";")[0].strip())


def admit(req: func.HttpRequest, role: Role, what: str) -> Person | Refused:
    """Who sent this, where they have the role and where a browser sent it from a page
    of this app. `what`: what can be sent so, for the answer."""
    who = access.identify(req, role)
    if isinstance(who, Refused):
        return who
    by_browser = kind_of(req) == FORM or access.is_from_browser(req)
    if by_browser and not access.is_from_same_origin(req):
        reason = f"{what} can be sent by a page of this app only, not by another site"
        return Refused(403, reason)
    return who


def read_fields(req: func.HttpRequest) -> Mapping[str, Any]:
    """The fields of a form, or of a JSON object, as sent. Raises NotUsable."""
    kind = kind_of(req)
    if kind not in (FORM, JSON):
        raise NotUsable(f"the body is {kind or 'of no kind'}; it takes {JSON} or {FORM}")
    try:
        text = req.get_body().decode()
        found = (
            json.loads(text) if kind == JSON else parse_qs(text, max_num_fields=20, errors="strict")
        )
    except (ValueError, RecursionError) as error:
        raise NotUsable(f"the body is no {kind}") from error
    if not isinstance(found, dict):
        raise NotUsable("the body is no object")
    return found


def read_one(name: str, value: Any) -> str:
    """The one text of a field. Raises NotUsable."""
    if isinstance(value, list) and len(value) == 1:  # a form's field
        value = value[0]
    if not isinstance(value, str):
        raise NotUsable(f"{name} is missing, or is not one text")
    return value


def answer_json(body: Any, status: int) -> func.HttpResponse:
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return func.HttpResponse(
        json.dumps(body, ensure_ascii=False), status_code=status, mimetype=JSON, headers=headers
    )


def answer_form(location: str) -> func.HttpResponse:
    """Back to a page, by its address from that of the route."""
    headers = {"Location": location, "Cache-Control": "no-store"}
    return func.HttpResponse(status_code=303, headers=headers)
