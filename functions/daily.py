"""Timer `daily`: at a quarter past midnight (UTC), and when the app starts, closes the
past days of the audit log, and looks whether locks are gone because of which repairs
come back."""

from __future__ import annotations

import logging

import azure.durable_functions as df
import azure.functions as func

from functions.composition import the_app
from shared.daily import close_days
from shared.verification.locks_gone import look_at_standing_locks

blueprint = df.Blueprint()


@blueprint.timer_trigger(arg_name="timer", schedule="0 15 0 * * *", run_on_startup=True)
async def daily(timer: func.TimerRequest) -> None:  # noqa: ARG001
    app = the_app()
    logging.info("daily: %s", await close_days(app.settings, app.store, app.audit, app.book))
    logging.info("daily: %s", await look_at_standing_locks(app, app.checker_reader))
