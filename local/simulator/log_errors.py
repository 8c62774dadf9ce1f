"""Error answers of the Log Analytics query API.

https://learn.microsoft.com/azure/azure-monitor/logs/api/errors has the envelope and
BadArgumentError; README.md lists the codes that are assumed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from local.simulator.errors import ArmError

DEFAULT_CODES = {
    400: "BadArgumentError",
    401: "AuthenticationFailed",
    403: "InsufficientAccessError",
    404: "WorkspaceNotFoundError",
    429: "ThrottledError",
    500: "InternalServerError",
    503: "ServiceUnavailable",
    504: "GatewayTimeout",
}
"""Codes of a fault that has no body of its own, by status."""
NOT_RESOLVED = "SEM0100"
RESULT_TOO_LARGE = "-2133196797"


@dataclass
class LogError(ArmError):
    """`inner` has (code, message) of each inner error, the outermost first."""

    inner: list[tuple[str, str]] = field(default_factory=list)

    def body(self) -> dict[str, Any]:
        error: dict[str, Any] = {"message": self.message, "code": self.code}
        innermost = error
        for code, message in self.inner:
            innermost["innererror"] = {"code": code, "message": message}
            innermost = innermost["innererror"]
        return {"error": error}


def bad_argument(*inner: tuple[str, str]) -> LogError:
    return LogError(
        400, "BadArgumentError", "The request had some invalid properties", inner=list(inner)
    )


def semantic(message: str) -> LogError:
    return bad_argument(("SemanticError", "A semantic error occurred."), (NOT_RESOLVED, message))


def query_not_supported(part: str) -> LogError:
    """Ours, not Azure's: the query may be valid, but the simulator does not run it."""
    message = f"The simulator does not support this query: {part}"
    return bad_argument(("NotPlayedBySimulator", message))


def workspace_not_found() -> LogError:
    return LogError(404, "WorkspaceNotFoundError", "The workspace could not be found")


def no_access() -> LogError:
    message = "The provided credentials have insufficient access to perform the requested operation"
    return LogError(403, "InsufficientAccessError", message)


def throttled(wait_seconds: int) -> LogError:
    return LogError(
        429, "ThrottledError", "Rate limit is exceeded", {"Retry-After": str(wait_seconds)}
    )


def partial(limit: int) -> dict[str, Any]:
    """The `error` beside a result that was cut off.
    https://learn.microsoft.com/azure/azure-monitor/service-limits#query-api"""
    message = (
        f"The results of this query exceed the set limit of {limit} records, so not all records"
        " were returned (E_QUERY_RESULT_SET_TOO_LARGE, 0x80DA0003)."
    )
    cause = {"code": RESULT_TOO_LARGE, "message": message, "severity": 2, "severityName": "Error"}
    detail = {
        "code": "EngineError",
        "message": "Something went wrong processing your query on the server.",
        "innererror": cause,
    }
    return {
        "code": "PartialError",
        "message": "There were some errors when processing your query.",
        "details": [detail],
    }
