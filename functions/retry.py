"""POST /api/retry/{incident}: a person has an incident that has ended diagnosed anew,
from a form of our pages or by a tool."""

from __future__ import annotations

import azure.durable_functions as df
import azure.functions as func

from functions.composition import the_app
from functions.pages import access, forms
from functions.pages.access import Refused, Role
from shared.errors import RemediatorError
from shared.incident.attempts import NotRetried

blueprint = df.Blueprint()
MAY_RETRY = Role.OPERATOR


@blueprint.route(route="retry/{incident}", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def retry(req: func.HttpRequest) -> func.HttpResponse:
    """As `remediator incidents retry`. 200 with the number of the attempt, which the
    guardian starts; 303 back to the incident's page for a form; 409 with the reason why
    there is none."""
    who = forms.admit(req, MAY_RETRY, "a retry")
    if isinstance(who, Refused):
        return access.refuse(who)
    incident_id = req.route_params["incident"]
    try:
        made = await the_app().attempts.begin(incident_id, who.name)
    except RemediatorError as error:
        return forms.answer_json({"error": str(error)}, 503)
    if made is None:
        return forms.answer_json({"error": f"there is no incident {incident_id}"}, 404)
    if isinstance(made, NotRetried):
        return forms.answer_json({"error": made.reason}, 409)
    if forms.kind_of(req) == forms.FORM:
        return forms.answer_form(f"../audit/page/{made.id}")
    return forms.answer_json({"incident": made.id, "attempt": made.attempt}, 200)
