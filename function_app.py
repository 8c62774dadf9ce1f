"""The function app: what Azure Functions loads. Each blueprint is one file in functions/."""

from __future__ import annotations

import azure.durable_functions as df

from functions import alerts, api, daily, guardian, intake, remediation

app = df.DFApp()
for blueprint in (alerts.blueprint, intake.blueprint, remediation.blueprint, guardian.blueprint, daily.blueprint, api.blueprint):
    app.register_functions(blueprint)
