"""The review pages: HTML made on the server, escaped, with nothing loaded from elsewhere and no script."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import azure.functions as func
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from shared import catalogue

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@cache
def _templates() -> Environment:
    folder = Path(__file__).parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(folder), autoescape=select_autoescape(default=True), undefined=StrictUndefined
    )
    environment.filters["short"] = lambda arm_id: arm_id.rsplit("/", 1)[-1]
    environment.filters["moment"] = lambda text: text[:19].replace("T", " ") + (" UTC" if text else "")
    environment.globals["title_of"] = lambda slug: catalogue.cause(slug).title
    return environment


def answer(template: str, status: int = 200, **values: Any) -> func.HttpResponse:
    html = _templates().get_template(template).render(**values)
    headers = {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return func.HttpResponse(html, status_code=status, mimetype="text/html", charset="utf-8", headers=headers)
