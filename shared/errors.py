"""Every error that this product raises on purpose, as one tree.

RemediatorError             .permanent: whether a later attempt must fail as well
├── AzureCallFailed         ARM or Azure Backup answered with an error, or not at all
│   ├── NotFound            404: the resource does not exist (a fact, not a fault)
│   ├── ScopeLocked         409 ScopeLocked: a management lock blocks the request
│   ├── AccessDenied        401, 403: role, deny assignment, or an application's lock
│   ├── Refused             any other 4xx: the same request will always be refused
│   ├── Throttled           429: too many requests; .retry_after_seconds is ARM's
│   ├── Unavailable         5xx, connection lost, no answer in time
│   │   └── NotUnderstood   not the API's answer: HTML, half of a body, another shape
│   ├── PointsElsewhere     an answer names an address outside the endpoint: not used
│   └── OperationFailed     a long-running operation ended Failed or Canceled
├── StoreError              the audit store
│   ├── StoreUnavailable    it does not answer: nothing may be changed in Azure
│   ├── RowExists           conditional insert: another writer was first
│   └── RowChanged          conditional replace or delete: another writer was first
├── SettingsError           an app setting is missing or has an impossible value
└── NotUsable               input that can never be used; .reason is for its sender
    ├── NotOurs             readable, and not the failed backup of an Azure VM
    └── NotAKey             text that no store accepts as a key: nothing is under it
"""

from __future__ import annotations


def whole_characters(text: str) -> str:
    r"""The text with a question mark for each lone surrogate: JSON may contain half of
    a character (\ud800), which no store takes."""
    return text.encode("utf-8", "replace").decode()


class RemediatorError(Exception):
    """Base of the tree. `permanent`: the same attempt fails again, so do not retry."""

    permanent = False


class AzureCallFailed(RemediatorError):
    """An ARM or Azure Backup call that did not succeed.

    `code` is ARM's `error.code` ("" where the answer has none), `status` the HTTP
    status (0 where there was no answer), `correlation_id` the answer's
    x-ms-correlation-request-id ("" where there was none), `retry_after_seconds` ARM's
    Retry-After, `policies` the Azure policies that refused the call, each with its
    assignment, as ARM names them.
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
        """Whether a write may have taken effect all the same, so that its outcome is
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
        return self.status in (0, 408) or self.status >= 500


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
    """The audit store did not do what was requested."""


class StoreUnavailable(StoreError):
    pass


class RowExists(StoreError):
    permanent = True


class RowChanged(StoreError):
    pass


class SettingsError(RemediatorError):
    permanent = True


class NotUsable(RemediatorError):
    """Input that can never be used, however often it is sent."""

    permanent = True

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotOurs(NotUsable):
    """Well-formed input about something else than a failed backup of an Azure VM."""


class NotAKey(NotUsable, ValueError):
    """Also a ValueError, as every store raises for a table or a body that it does not
    accept."""
