"""POST /api/locks/restore and /api/locks/leave: a person's word about a lock that this
app took off, from a form of our pages or as JSON: put it back now, or leave it off.

Whoever may read may have a lock put back: that only protects. To give a lock up takes
the role Operator.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import azure.durable_functions as df
import azure.functions as func

from functions.composition import the_app
from functions.pages import access, forms
from functions.pages.access import Refused, Role
from shared.errors import NotUsable, RemediatorError
from shared.execution.executor import Execution
from shared.incident.outcome import StepOutcome

blueprint = df.Blueprint()
LOCK = "lock"
"""Field: the lock's ARM id, or the name of a row that cannot be read."""
MAY_RESTORE, MAY_LEAVE = Role.READER, Role.OPERATOR

type Decide = Callable[[Execution, str, str], Awaitable[list[StepOutcome]]]


@blueprint.route(route="locks/restore", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def restore_lock(req: func.HttpRequest) -> func.HttpResponse:
    """As `remediator locks restore`."""
    return await _decide(req, MAY_RESTORE, Execution.put_back_lock)


@blueprint.route(route="locks/leave", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
async def leave_lock(req: func.HttpRequest) -> func.HttpResponse:
    """As `remediator locks leave`."""
    return await _decide(req, MAY_LEAVE, Execution.leave_lock_off)


async def _decide(req: func.HttpRequest, role: Role, decide: Decide) -> func.HttpResponse:
    """200 or 409 with the outcomes as JSON; 303 to the page of windows for a form: it
    shows how the lock stands then."""
    who = forms.admit(req, role, "a decision")
    if isinstance(who, Refused):
        return access.refuse(who)
    try:
        lock_id = forms.read_one(LOCK, forms.read_fields(req).get(LOCK))
        outcomes = await decide(await the_app().execution(), lock_id, who.name)
    except NotUsable as error:
        return forms.answer_json({"error": error.reason}, 400)
    except RemediatorError as error:
        return forms.answer_json({"error": str(error)}, 503)
    if not outcomes:
        reason = "the lock ledger has no such lock that is not settled"
        return forms.answer_json({"error": reason}, 404)
    if forms.kind_of(req) == forms.FORM:
        return forms.answer_form("../audit/page/windows")
    done = all(outcome.done for outcome in outcomes)
    told = [{"result": each.result.value, "detail": each.detail} for each in outcomes]
    return forms.answer_json({"outcomes": told}, 200 if done else 409)
