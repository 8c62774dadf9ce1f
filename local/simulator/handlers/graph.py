"""Azure Resource Graph: the one query that the product sends, over the collections as
they were `graph_lag_s` ago.

Any other query is refused: this is not Resource Graph. A row that the caller may not
read is left out.
https://learn.microsoft.com/rest/api/azureresourcegraph/resourcegraph/resources/resources
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from infra.roles import matches
from local.simulator import errors, ids
from local.simulator.ids import fold
from local.simulator.providers import GRAPH, VERSIONS
from local.simulator.state import Resource
from local.simulator.world import Answer, Call

MOST_ROWS = 1000
"""Of one page."""
_QUERY = re.compile(
    r'resources\s*\|\s*where type =~ "([^"]+)"\s*'
    r'\|\s*where tostring\(properties\.source\.id\) =~ "([^"]+)"\s*\|\s*project id\s*'
)


def query_resources(call: Call) -> Answer:
    """One page. Raises ArmError for what it does not know, and for subscriptions that
    the state does not have."""
    if call.api_version not in (known := VERSIONS[GRAPH]):
        raise errors.no_registered_provider(call.api_version, GRAPH, known)
    body = call.body if isinstance(call.body, dict) else {}
    if set(body) - {"subscriptions", "query", "options"}:
        raise errors.not_supported(call.method, f"{call.path} with {', '.join(sorted(body))}")
    if body.get("options", {}) != {"resultFormat": "objectArray"}:
        raise errors.not_supported(call.method, f"{call.path} with {body.get('options')}")
    match = _QUERY.fullmatch(str(body.get("query", "")).strip())
    if match is None:
        raise errors.invalid_content(f"this query is not supported: {body.get('query')!r:.300}")
    rows = [{"id": each["id"]} for each in _find(call, _subscriptions(call, body), *match.groups())]
    truncated = len(rows) > MOST_ROWS
    page: dict[str, Any] = {
        "totalRecords": len(rows),
        "count": min(len(rows), MOST_ROWS),
        "data": rows[:MOST_ROWS],
        "facets": [],
        "resultTruncated": "true" if truncated else "false",
    }
    return Answer(200, page)


def _subscriptions(call: Call, body: dict[str, Any]) -> list[str]:
    wanted = body.get("subscriptions")
    if not isinstance(wanted, list) or not wanted:
        raise errors.invalid_content("subscriptions is a list of subscription ids")
    for each in wanted:
        if not call.state.has_subscription(str(each)):
            raise errors.subscription_not_found(str(each))
    return [str(each) for each in wanted]


def _find(call: Call, subscriptions: list[str], kind: str, source: str) -> Iterator[Resource]:
    """Collections alone: no other type has a source that anybody asks for."""
    if fold(kind) != fold(ids.COLLECTION):
        raise errors.invalid_content(f"the type {kind} is not supported")
    allowed = call.world.settings.allowed_actions
    if allowed is not None and not matches(allowed, f"{ids.COLLECTION}/read"):
        return
    then = call.world.collection_history.as_of(call.world.settings.graph_lag_s)
    for subscription in subscriptions:
        for each in then.of_type(ids.COLLECTION, f"/subscriptions/{subscription}"):
            found = (each.get("properties") or {}).get("source") or {}
            if fold(str(found.get("id", ""))) == fold(source):
                yield each
