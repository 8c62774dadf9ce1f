"""What the attempts of one write were answered: may it have been carried out?"""

from __future__ import annotations

from typing import Any

from shared.azure.calls import ResponseHook


class Attempts:
    def __init__(self) -> None:
        self.status = 0
        """Of the last attempt; 0 while it has no answer."""
        self._sent = False
        self._understood = False
        self._unanswered = False

    def begin(self) -> None:
        """An attempt is about to be sent; those before it keep their result."""
        self._unanswered = self.unanswered
        self._sent, self._understood, self.status = True, False, 0

    def understand(self) -> None:
        """The success of the last attempt is an answer of the API, not another
        server's page."""
        self._understood = True

    def watch(self, hook: ResponseHook) -> ResponseHook:
        """A response hook that also keeps the status."""

        def keep(response: Any) -> None:
            self.status = response.http_response.status_code
            hook(response)

        return keep

    @property
    def unanswered(self) -> bool:
        """Whether any attempt had no answer, or one that does not say whether it
        acted."""
        may_have_acted = (
            self.status in (0, 408)
            or self.status >= 500
            or (self.status < 400 and not self._understood)
        )
        return self._unanswered or (self._sent and may_have_acted)
