"""Who is let in: sign-in as it is set up, and what a stranger gets."""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from command_line.doctor.installation import Installation, Result, result

type Probe = Callable[[str], Awaitable[tuple[int, Any]]]
"""Status and JSON of a GET without a token; status 0 where there is no answer."""


async def check_sign_in(on: Installation) -> AsyncIterator[Result]:
    if on.site is None:
        yield Result("sign-in", None, "there is no app", on.deploy)
        return
    client = on.sign_in_client
    platform = bool((on.sign_in.get("platform") or {}).get("enabled"))
    provider = on.entra.get("enabled") is not False and bool(client)
    audiences = (on.entra.get("validation") or {}).get("allowedAudiences") or [client]
    fine = platform and provider and bool({client, f"api://{client}"} & set(audiences))
    found = (
        f"Entra, application {client}"
        if fine
        else "App Service authentication is not on: nobody is let in"
    )
    yield result("sign-in", fine, found, on.deploy)


async def check_from_outside(on: Installation, url: str, probe: Probe) -> AsyncIterator[Result]:
    """The only two requests that do not go to ARM: as a stranger, without a token."""
    verb = {200: "stop", 0: "start"}
    status, _ = await probe(f"{url}/api/incidents")
    app_id = (on.site or {}).get("id", "APP")
    yield result(
        "pages refuse strangers",
        status in (401, 403),
        f"{url}/api/incidents {f'answered {status} to nobody' if status else 'did not answer'}",
        f"az functionapp {verb[status]} --ids {shlex.quote(app_id)}"
        if status in verb
        else on.deploy,
    )
    status, body = await probe(f"{url}/api/health")
    answers = status == 200 and isinstance(body, dict) and body.get("status") == "answers"
    yield result(
        "app answers",
        answers,
        "answers; its checks are shown to who signs in: open /api/health"
        if answers
        else str(status or "no answer"),
        "read the app's log; an impossible setting answers 503: docs/runbook.md says what to do",
    )
