"""Timer `daily`: at a quarter past midnight (UTC), and when the app starts, closes the
past days of the audit log."""

from __future__ import annotations

import logging

import azure.durable_functions as df
import azure.functions as func

from functions.composition import the_app
from shared.daily import close_days

blueprint = df.Blueprint()


@blueprint.timer_trigger(arg_name="timer", schedule="0 15 0 * * *", run_on_startup=True)
async def daily(timer: func.TimerRequest) -> None:  # noqa: ARG001
    app = the_app()
    logging.info("daily: %s", await close_days(app.settings, app.store, app.audit, app.book))
