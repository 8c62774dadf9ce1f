"""The bridge: takes the action group's call and publishes it to the Event Grid topic.

Azure has no Event Grid topic for backup failures, and an action group cannot post to
one. It sends again on 408, 429, 503 and 504 only, so an error that may pass is answered
503. https://learn.microsoft.com/azure/azure-monitor/alerts/action-groups
"""

from __future__ import annotations

import json
import logging

import azure.durable_functions as df
import azure.functions as func

from functions.composition import the_app
from functions.pages import access
from shared.azure.topic import publish
from shared.errors import RemediatorError
from shared.events.model import Unusable
from shared.events.parse import parse_alert

blueprint = df.Blueprint()


@blueprint.route(route="alerts", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def alerts(req: func.HttpRequest) -> func.HttpResponse:
    """202 when safely published, 400 with the reason when it can never be used, 503
    when it must be sent again. Any sender but an action group gets 401 or 403, by
    functions/pages/access.py."""
    refused = access.check_sender(req)
    if refused is not None:
        return access.refuse(refused)
    text = req.get_body().decode("utf-8", "replace")
    parsed = parse_alert(text)
    try:
        if isinstance(parsed, Unusable):
            await the_app().intake.quarantine(text, parsed.reason)
            return _answer(400, parsed.reason)
        await publish(the_app().settings, text)
    except RemediatorError as error:
        logging.error("the alert could not be taken: %s", error)
        return _answer(503, f"not taken, send it again: {error}")
    return _answer(202, "published")


def _answer(status: int, reason: str) -> func.HttpResponse:
    return func.HttpResponse(
        json.dumps({"result": reason}), status_code=status, mimetype="application/json"
    )
