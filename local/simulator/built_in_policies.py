"""Azure's built-in policy definitions that assignments may use. Their rules are shorter
than Azure's, with the same result."""

from __future__ import annotations

from typing import Any

from local.simulator import ids


def _parameter(kind: str, default: Any = None) -> dict[str, Any]:
    return {"type": kind} if default is None else {"type": kind, "defaultValue": default}


def _built_in(name: str, condition: dict[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
    rule = {"if": condition, "then": {"effect": "[parameters('effect')]"}}
    return {
        "displayName": name,
        "policyType": "BuiltIn",
        "parameters": parameters,
        "policyRule": rule,
    }


BUILT_IN: dict[str, dict[str, Any]] = {
    "6c112d4e-5bc7-47ae-a041-ea2d9dccd749": _built_in(
        "Not allowed resource types",
        {"field": "type", "in": "[parameters('listOfResourceTypesNotAllowed')]"},
        {
            "listOfResourceTypesNotAllowed": _parameter("Array"),
            "effect": _parameter("String", "Deny"),
        },
    ),
    "78460a36-508a-49a4-b2b2-2f5ec564f4bb": _built_in(
        "Do not allow deletion of resource types",
        {"field": "type", "in": "[parameters('listOfResourceTypesDisallowedForDeletion')]"},
        {
            "listOfResourceTypesDisallowedForDeletion": _parameter("Array"),
            "effect": _parameter("String", "DenyAction"),
        },
    ),
    "c0e996f8-39cf-4af9-9f45-83fbde810432": _built_in(
        "Only approved VM extensions should be installed",
        {
            "allOf": [
                {"field": "type", "equals": ids.EXTENSION},
                {
                    "field": f"{ids.EXTENSION}/type",
                    "notIn": "[parameters('approvedExtensions')]",
                },
            ]
        },
        {"approvedExtensions": _parameter("Array"), "effect": _parameter("String", "Audit")},
    ),
}
"""By the name under /providers/Microsoft.Authorization/policyDefinitions."""
