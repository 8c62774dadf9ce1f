"""Is an answer what was asked for? A 200 without the resource, or a list without its
values, is no fact: the clients would read it as "there is none", and the product would
act on that."""

from __future__ import annotations

import json
from typing import Any

from shared.arm_ids import same
from shared.azure.calls import ResponseHook
from shared.errors import NotUnderstood


def check_id(asked: str, got: object) -> None:
    """Raises NotUnderstood unless the resource in the answer carries the id that was
    asked for."""
    if not isinstance(got, str) or not same(asked, got):
        raise NotUnderstood(f"the answer is not about {asked}: its id is {got!r}")


def whole_list(hook: ResponseHook) -> ResponseHook:
    """A response hook that also raises NotUnderstood for a page without `value`, or
    with a value that has no id."""

    def check(response: Any) -> None:
        hook(response)
        if response.http_response.status_code != 200:
            return
        body = json.loads(response.http_response.text())
        values = body.get("value") if isinstance(body, dict) else None
        if not isinstance(values, list) or not all(
            isinstance(each, dict) and each.get("id") for each in values
        ):
            raise NotUnderstood("the answer is a list without its values")

    return check


class Succeeded:
    """A response hook for a write whose client looks at the status alone: what a proxy
    or a sign-in page answers with 200 has done nothing."""

    def __init__(self, hook: ResponseHook) -> None:
        self._hook = hook
        self._first: Any = None

    def __call__(self, response: Any) -> None:
        self._hook(response)
        self._first = self._first or response.http_response

    def check(self) -> None:
        """Raises ValueError unless the answer, read by now, has no body or one in JSON."""
        if self._first.content.strip():
            json.loads(self._first.content)
