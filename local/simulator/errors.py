"""The errors that the simulator raises.

    SimulatorError          it cannot start, or got something that it cannot use
    ├── StateError          an invalid state
    ├── ControlError        an invalid fault or setting
    ├── PortInUse
    └── ScenarioError       (local/scenarios)
    ArmError                an error answer of ARM
    └── LogError            an error answer of the Log Analytics API (log_errors.py)

Bodies of ARM errors are those that real ARM was seen to send; a comment marks those
that are assumed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from local.simulator import ids


class SimulatorError(Exception):
    """An error that the user of the simulator can correct; the message says how."""


class StateError(SimulatorError):
    """The state is invalid: the message names the resource and the reason."""


class ControlError(SimulatorError):
    """A fault or a setting does not exist or has an invalid value."""


class PortInUse(SimulatorError):
    """The port is taken, or may not be used."""


@dataclass
class ArmError(Exception):
    """An error answer: HTTP status, ARM's code and message, and the optional rest of
    the envelope."""

    status: int
    code: str
    message: str
    headers: dict[str, str] = field(default_factory=dict)
    details: list[dict[str, Any]] = field(default_factory=list)
    target: str = ""
    additional_info: list[dict[str, Any]] = field(default_factory=list)

    def body(self) -> dict[str, Any]:
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.target:
            error["target"] = self.target
        if self.details:
            error["details"] = self.details
        if self.additional_info:
            error["additionalInfo"] = self.additional_info
        return {"error": error}


def no_token() -> ArmError:
    message = (
        "Authentication failed. The 'Authorization' header is missing or is not a bearer token."
    )
    challenge = 'Bearer authorization_uri="https://login.windows.net/", error="invalid_token"'
    return ArmError(401, "AuthenticationFailed", message, {"WWW-Authenticate": challenge})


def missing_api_version() -> ArmError:
    message = "The api-version query parameter (?api-version=) is required for all requests."
    return ArmError(400, "MissingApiVersionParameter", message)


def invalid_api_version(version: str, versions: Iterable[str] = ()) -> ArmError:
    supported = f" The supported versions are '{','.join(versions)}'." if versions else ""
    return ArmError(
        400, "InvalidApiVersionParameter", f"The api-version '{version}' is invalid.{supported}"
    )


def no_registered_provider(version: str, kind: str, versions: Iterable[str]) -> ArmError:
    """As seen for locks, where location and supported locations were empty."""
    message = (
        f"No registered resource provider found for location '' and API version '{version}' for"
        f" type '{kind.partition('/')[2]}'. The supported api-versions are"
        f" '{', '.join(versions)}'. The supported locations are ''."
    )
    return ArmError(400, "NoRegisteredProviderFound", message)


def invalid_namespace(namespace: str) -> ArmError:
    """The message was seen; the status is assumed to be that of InvalidResourceType."""
    return ArmError(
        404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid."
    )


def invalid_type(namespace: str, version: str) -> ArmError:
    message = (
        f"The resource type could not be found in the namespace '{namespace}' for api version"
        f" '{version}'."
    )
    return ArmError(404, "InvalidResourceType", message)


def unsupported_query(name: str, value: str) -> ArmError:
    """Code and message are assumed."""
    return ArmError(
        400,
        "InvalidParameter",
        f"The query parameter '{name}' with the value '{value}' is not supported by this"
        " operation.",
    )


def restore_points_too_old() -> ArmError:
    return ArmError(
        400, "BadRequest", "This request can be made with api-version '2021-03-01' or newer"
    )


def invalid_content(reason: str) -> ArmError:
    return ArmError(400, "InvalidRequestContent", f"The request content was invalid: {reason}")


def subscription_not_found(subscription: str) -> ArmError:
    return ArmError(
        404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found."
    )


def group_not_found(group: str) -> ArmError:
    return ArmError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.")


def resource_not_found(resource_id: str) -> ArmError:
    """404 for a resource id, or for a path that is not an id."""
    try:
        parsed = ids.parse(resource_id)
    except ids.MalformedId:
        return ArmError(404, "NotFound", f"The resource '{resource_id}' could not be found.")
    where = (
        f"under resource group '{parsed.group}'"
        if parsed.group
        else f"in subscription '{parsed.subscription}'"
    )
    message = f"The Resource '{parsed.type}/{parsed.name}' {where} was not found. "
    return ArmError(
        404,
        "ResourceNotFound",
        message + "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def lock_not_found(name: str) -> ArmError:
    """The status is verified, the code is from memory."""
    return ArmError(404, "LockNotFound", f"The lock '{name}' could not be found.")


def scope_locked(target: str, verb: str, scopes: list[str]) -> ArmError:
    message = (
        f"The scope '{target}' cannot perform {verb} operation because following scope(s) are"
        f" locked: '{','.join(scopes)}'. Please remove the lock and try again."
    )
    return ArmError(409, "ScopeLocked", message)


def lock_owned(name: str, owners: list[str]) -> ArmError:
    message = (
        f"The management lock '{name}' is owned by system application(s) '{','.join(owners)}'. "
        "Please see https://aka.ms/arm-lock for detail."
    )
    return ArmError(401, "UnauthorizedApplicationId", message)


def denied(
    client: str, action: str, target: str, name: str, assignment: str, scope: str
) -> ArmError:
    message = (
        f"The client '{client}' with object id '{client}' has permission to perform action"
        f" '{action}' on scope '{target}'; however, the access is denied because of the deny"
        f" assignment with name '{name}' and Id '{assignment}' at scope '{scope}'."
    )
    return ArmError(403, "DenyAssignmentAuthorizationFailed", message)


def not_authorized(client: str, action: str, target: str) -> ArmError:
    message = (
        f"The client '{client}' with object id '{client}' does not have authorization to perform"
        f" action '{action}' over scope '{target}' or the scope is invalid. If access was recently"
        " granted, please refresh your credentials."
    )
    return ArmError(403, "AuthorizationFailed", message)


def disallowed_by_policy(target: str, method: str, violations: list[dict[str, Any]]) -> ArmError:
    """A denied deletion has the same code and another message (reported publicly in
    2023)."""
    name = ids.parse(target).name
    identifiers = [
        {
            "policyAssignment": {
                "name": info["policyAssignmentDisplayName"],
                "id": info["policyAssignmentId"],
            },
            "policyDefinition": {
                "name": info["policyDefinitionDisplayName"],
                "id": info["policyDefinitionId"],
            },
        }
        for info in (violation["info"] for violation in violations)
    ]
    what = "Deletion of resource" if method == "DELETE" else "Resource"
    message = (
        f"{what} '{name}' was disallowed by policy. Policy identifiers:"
        f" '{json.dumps(identifiers)}'."
    )
    return ArmError(
        403, "RequestDisallowedByPolicy", message, target=name, additional_info=violations
    )


def vm_not_running() -> ArmError:
    return ArmError(
        409, "OperationNotAllowed", "Cannot modify extensions in the VM when the VM is not running."
    )


def interface_without_running_vm(name: str) -> ArmError:
    """The refusal is documented; status, code and message are assumed."""
    message = f"Network interface {name} must be attached to a running virtual machine."
    return ArmError(400, "NetworkInterfaceNotAttachedToRunningVm", message)


def backup_in_progress() -> ArmError:
    """Code and message are documented; the HTTP status is assumed."""
    message = "Unable to initiate backup as another backup operation is currently in progress"
    return ArmError(400, "UserErrorBackupOperationInProgress", message)


def not_supported(method: str, path: str) -> ArmError:
    """Ours, not Azure's."""
    message = f"The simulator does not support {method} {path}."
    return ArmError(501, "NotPlayedBySimulator", message)
