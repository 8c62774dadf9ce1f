"""POST /api/review/{incident}: a person's review of an incident, from a form of our
pages or as JSON."""

from __future__ import annotations

from collections.abc import Mapping

import azure.durable_functions as df
import azure.functions as func

from functions.composition import the_app
from functions.pages import access, forms
from functions.pages.access import Refused, Role
from shared.codec import to_json
from shared.errors import NotUsable, RemediatorError
from shared.incident import review as reviews

blueprint = df.Blueprint()
LONGEST_NUMBER = 10
FIELDS = ("state", "why")
ABOUT = "about"
"""Field: the number of the entry that it is about; missing or empty: the whole
incident."""


@blueprint.route(route="review/{incident}", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def review(req: func.HttpRequest) -> func.HttpResponse:
    """200 with the review as JSON; 303 back to the incident's page for a form."""
    who = forms.admit(req, Role.READER, "a review")
    if isinstance(who, Refused):
        return access.refuse(who)
    try:
        return await _review(req, who.name)
    except NotUsable as error:
        return forms.answer_json({"error": error.reason}, 400)
    except RemediatorError as error:
        return forms.answer_json({"error": str(error)}, 503)


async def _review(req: func.HttpRequest, by: str) -> func.HttpResponse:
    incident_id, app = req.route_params["incident"], the_app()
    fields = _read_fields(req)
    incident = await app.book.find(incident_id)
    if incident is None:
        return forms.answer_json({"error": f"there is no incident {incident_id}"}, 404)
    about = int(fields[ABOUT]) if fields[ABOUT] else None
    made = await reviews.review(
        app.store, app.audit, incident, by, fields["state"], fields["why"], about
    )
    if forms.kind_of(req) == forms.FORM:
        return forms.answer_form(f"../audit/page/{incident.id}")
    return forms.answer_json({"review": to_json(made)}, 200)


def _read_fields(req: func.HttpRequest) -> Mapping[str, str]:
    """Raises NotUsable."""
    found = forms.read_fields(req)
    about = found.get(ABOUT, "")
    if isinstance(about, int) and not isinstance(about, bool):
        about = str(about)
    about = forms.read_one(ABOUT, about)
    if about and not (about.isascii() and about.isdecimal() and len(about) < LONGEST_NUMBER):
        raise NotUsable(f"about is {about[:40]!r}; it takes the number of an entry")
    return {name: forms.read_one(name, found.get(name)) for name in FIELDS} | {ABOUT: about}
