"""The function app: what Azure Functions loads. Each blueprint is one file in functions/."""

from __future__ import annotations

import azure.durable_functions as df

from functions import alerts, api, daily, guardian, intake, remediation, review, review_pages

app = df.DFApp()
for each in (alerts, intake, remediation, guardian, daily, api, review, review_pages):
    app.register_functions(each.blueprint)
