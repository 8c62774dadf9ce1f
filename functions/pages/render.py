"""The review pages: HTML rendered on the server, escaped, without script and without
anything from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlencode

import azure.functions as func
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from functions.pages.texts import LANGUAGES, TAGS, choose_language, texts_in
from shared import clock, sentences
from shared.execution.lock_window import words
from shared.execution.lock_window.lock_row import IN_A_WINDOW
from shared.execution.lock_window.standing import is_late

FOLDER = Path(__file__).parent / "templates"
ACTIVITY_LOG = "/#blade/Microsoft_Azure_ActivityLog/ActivityLogBlade/correlationId/"


@cache
def style() -> str:
    return (FOLDER / "style.css").read_text(encoding="utf-8")


@cache
def content_security_policy() -> str:
    """Allows this style sheet, by its hash, and forms to this app; nothing else."""
    digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    allowed = f"style-src 'sha256-{digest}'; form-action 'self'"
    return f"default-src 'none'; {allowed}; base-uri 'none'; frame-ancestors 'none'"


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters["short"] = lambda arm_id: arm_id.rsplit("/", 1)[-1]
    environment.filters["moment"] = clock.for_people
    environment.filters["readable"] = lambda value: json.dumps(value, indent=1, ensure_ascii=False)
    environment.filters["in_portal"] = lambda correlation_id, portal: (
        portal + ACTIVITY_LOG + quote(correlation_id, safe="")
    )
    environment.filters["begin"] = lambda text: text[:1].upper() + text[1:]
    environment.filters["render"] = sentences.render
    environment.globals |= {"languages": LANGUAGES, "tags": TAGS, "words": words}
    environment.globals |= {"is_late": is_late, "in_a_window": IN_A_WINDOW}
    return environment


def answer(
    req: func.HttpRequest, template: str, view: str, status: int = 200, **values: Any
) -> func.HttpResponse:
    """The page in the reader's language. `view`: its name in the menu."""
    language = choose_language(req.params.get("lang", ""), req.headers.get("accept-language", ""))
    html = (
        _templates()
        .get_template(template)
        .render(
            # in a dict a template finds `clear` the method before `clear` the word
            t=SimpleNamespace(**texts_in(language)),
            lang=language,
            view=view,
            style=style(),
            **_links(req, view),
            **values,
        )
    )
    headers = {
        "Content-Security-Policy": content_security_policy(),
        "Cache-Control": "no-store",
        "Content-Language": TAGS[language],
        "Referrer-Policy": "no-referrer",
        "Vary": "Accept-Language",
        "X-Content-Type-Options": "nosniff",
    }
    return func.HttpResponse(
        html, status_code=status, mimetype="text/html", charset="utf-8", headers=headers
    )


def _links(req: func.HttpRequest, view: str) -> dict[str, Any]:
    """What a template makes its links with. They keep the language of the query."""
    asked = req.params.get("lang", "")
    kept = {name: value for name, value in req.params.items() if name != "lang" and value}
    up = "" if view == "list" else "../"  # from the page's address to that of the list

    # `page` is positional: a query may have a field of that name as well
    def link(page: str = "", /, **query: str) -> str:
        fields = {name: value for name, value in query.items() if value}
        fields |= {"lang": asked} if asked in LANGUAGES else {}
        return f"{up}page{'/' + page if page else ''}{'?' + urlencode(fields) if fields else ''}"

    def in_language(name: str) -> str:
        return "?" + urlencode(kept | {"lang": name})

    return {"link": link, "in_language": in_language, "asked_lang": asked}
