"""The function app: what Azure Functions loads. Each blueprint is one file in
functions/."""

from __future__ import annotations

import os

import azure.durable_functions as df

from functions import (
    alerts,
    api,
    daily,
    decisions,
    guardian,
    intake,
    queued,
    remediation,
    retry,
    review,
    sweep,
)
from functions.pages import routes as review_pages
from shared.audit import telemetry

telemetry.silence_http_dumps()
app = df.DFApp()
for each in (
    alerts,
    intake,
    remediation,
    guardian,
    daily,
    sweep,
    api,
    review,
    retry,
    decisions,
    review_pages,
):
    app.register_functions(each.blueprint)
if os.environ.get("REMEDIATOR_DELIVERY", "").strip().casefold() == "queue":
    app.register_functions(
        queued.blueprint
    )  # it would ask a queue that a deployment without it does not have
