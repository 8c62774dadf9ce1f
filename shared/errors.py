"""Everything that this product raises on purpose, as one tree.

RemediatorError                 .permanent says whether trying again later can help
├── AzureCallFailed             ARM or Azure Backup answered with an error, or not at all
│   ├── NotFound                404: the resource is not there (a fact, not a fault)
│   ├── ScopeLocked             409 ScopeLocked: a management lock is in the way
│   ├── AccessDenied            401/403: role, deny assignment, or a lock owned by an application
│   ├── Refused                 any other 4xx: the request as it is will never be accepted
│   ├── Throttled               429: too many requests; .retry_after_seconds when ARM says
│   ├── Unavailable             5xx, connection lost, no answer in time
│   │   └── NotUnderstood       an answer that is none: HTML, half of a body, another shape than the API has
│   ├── PointsElsewhere         an answer names an address outside the endpoint: neither followed nor believed
│   └── OperationFailed         a long-running operation ended Failed or Canceled
├── StoreError                  the audit store
│   ├── StoreUnavailable        it did not answer: nothing may be changed in Azure meanwhile
│   ├── RowExists               conditional insert: someone was first
│   └── RowChanged              conditional replace: someone wrote in between
├── SettingsError               an app setting is missing or has an impossible value
└── NotUsable                   input that can never be used; .reason is for the person who sent it
    ├── NotOurs                 it can be read, and is not of a failed backup of an Azure VM
    └── NotAKey                 a text that no store takes as a key, so nothing is kept under it
"""

from __future__ import annotations


class RemediatorError(Exception):
    """Base of the tree. `permanent`: the same attempt will fail again, so do not retry
    it."""

    permanent = False


class AzureCallFailed(RemediatorError):
    """An ARM or Azure Backup call that did not succeed.

    `code` is ARM's `error.code` ("" when the answer had none), `status` the HTTP status
    (0 when there was no answer), `correlation_id` the x-ms-correlation-request-id of
    the answer ("" when there was none), `retry_after_seconds` ARM's Retry-After,
    `policies` the Azure policies that refused it, each with its assignment, as ARM
    names them.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        status: int = 0,
        correlation_id: str = "",
        retry_after_seconds: float | None = None,
        policies: tuple[str, ...] = (),
    ) -> None:
        message = whole_characters(message)
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.correlation_id = correlation_id
        self.retry_after_seconds = retry_after_seconds
        self.policies = policies

    @property
    def may_have_happened(self) -> bool:
        """Whether a write may have had its effect all the same. True: its outcome is
        not known."""
        return False

    def __str__(self) -> str:
        refused_by = f" (refused by {'; '.join(self.policies)})" if self.policies else ""
        return f"{self.code or self.status or 'no answer'}: {self.message}{refused_by}"


class NotFound(AzureCallFailed):
    permanent = True


class ScopeLocked(AzureCallFailed):
    pass


class AccessDenied(AzureCallFailed):
    permanent = True


class Refused(AzureCallFailed):
    permanent = True


class Throttled(AzureCallFailed):
    pass


class Unavailable(AzureCallFailed):
    @property
    def may_have_happened(self) -> bool:
        return self.status == 0 or self.status >= 500


class NotUnderstood(Unavailable):
    @property
    def may_have_happened(self) -> bool:
        return True


class PointsElsewhere(AzureCallFailed):
    permanent = True

    @property
    def may_have_happened(self) -> bool:
        return True


class OperationFailed(AzureCallFailed):
    pass


class StoreError(RemediatorError):
    """The audit store could not do what was asked."""


class StoreUnavailable(StoreError):
    pass


class RowExists(StoreError):
    permanent = True


class RowChanged(StoreError):
    pass


class SettingsError(RemediatorError):
    permanent = True


class NotUsable(RemediatorError):
    """Input that can never be used, whoever sends it again."""

    permanent = True

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotOurs(NotUsable):
    """Input that is well formed and of something else than a failed backup of an Azure
    VM."""


def whole_characters(text: str) -> str:
    r"""JSON may write half of a character (\ud800), which no store takes: it becomes a
    question mark."""
    return text.encode("utf-8", "replace").decode()


class NotAKey(NotUsable, ValueError):
    """A ValueError as well, which every store raises for a key, a table or a body that
    it does not take."""
