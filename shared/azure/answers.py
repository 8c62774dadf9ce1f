"""Checks that an answer is about what was requested. A 200 without the resource, or a
list without its values, is no fact: the SDK's clients would read it as "there is none",
and the product would act on that."""

from __future__ import annotations

import json
from typing import Any

from shared.arm_ids import same
from shared.azure.calls import ResponseHook
from shared.errors import NotUnderstood


def check_id(requested: str, answered: object) -> None:
    """Raises NotUnderstood unless the resource in the answer has the requested id."""
    if not isinstance(answered, str) or not same(requested, answered):
        raise NotUnderstood(f"the answer is not about {requested}: its id is {answered!r}")


def require_whole_list(hook: ResponseHook) -> ResponseHook:
    """A response hook that also raises NotUnderstood for a page without `value`, or for
    a value without an id."""

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
    """A response hook for a write whose client checks the status alone: a 200 from a
    proxy or a sign-in page changed nothing."""

    def __init__(self, hook: ResponseHook) -> None:
        self._hook = hook
        self._first: Any = None

    def __call__(self, response: Any) -> None:
        self._hook(response)
        self._first = self._first or response.http_response

    def check(self) -> None:
        """Raises ValueError unless the answer has no body or a JSON one. Call it once
        the body has been read."""
        if self._first.content.strip():
            json.loads(self._first.content)
