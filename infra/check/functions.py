"""Bicep's own functions and decorators. A name that is not here is a finding: add it
with its counts from the reference.

https://learn.microsoft.com/azure/azure-resource-manager/bicep/bicep-functions
https://learn.microsoft.com/azure/azure-resource-manager/bicep/parameters#use-decorators
"""

from __future__ import annotations

from dataclasses import dataclass

from infra.check.shapes import ANY, BOOLEAN, INTEGER, STRING, Shape, array, record

MANY = 1000


@dataclass(frozen=True, slots=True)
class Function:
    """`only_in`: the target scopes where it may be called without arguments; empty:
    everywhere."""

    least: int
    most: int
    gives: Shape
    only_in: tuple[str, ...] = ()


_SUFFIXES = (
    "acrLoginServer",
    "azureDatalakeAnalyticsCatalogAndJob",
    "azureDatalakeStoreFileSystem",
    "azureFrontDoorEndpointSuffix",
    "keyvaultDns",
    "sqlServerHostname",
    "storage",
)
_SUBSCRIPTION = record(
    {"id": STRING, "subscriptionId": STRING, "tenantId": STRING, "displayName": STRING}
)
_GROUP = record(
    {
        "id": STRING,
        "name": STRING,
        "type": STRING,
        "location": STRING,
        "managedBy": STRING,
        "tags": record({}, STRING),
        "properties": ANY,
    }
)
_TENANT = record(
    {"tenantId": STRING, "displayName": STRING, "country": STRING, "countryCode": STRING}
)
_DEPLOYMENT = record({"name": STRING, "location": STRING, "properties": ANY})
_ENVIRONMENT = record(
    {
        "name": STRING,
        "activeDirectoryDataLake": STRING,
        "authentication": record(
            {
                "loginEndpoint": STRING,
                "audiences": array(STRING),
                "tenant": STRING,
                "identityProvider": STRING,
            }
        ),
        "batch": STRING,
        "gallery": STRING,
        "graph": STRING,
        "graphAudience": STRING,
        "media": STRING,
        "portal": STRING,
        "resourceManager": STRING,
        "sqlManagement": STRING,
        "vmImageAliasDoc": STRING,
        "suffixes": record(dict.fromkeys(_SUFFIXES, STRING)),
    }
)

FUNCTIONS: dict[str, Function] = {
    "any": Function(1, 1, ANY),
    "array": Function(1, 1, array(ANY)),
    "base64": Function(1, 1, STRING),
    "base64ToString": Function(1, 1, STRING),
    "bool": Function(1, 1, BOOLEAN),
    "concat": Function(1, MANY, ANY),
    "contains": Function(2, 2, BOOLEAN),
    "dateTimeAdd": Function(2, 3, STRING),
    "deployment": Function(0, 0, _DEPLOYMENT),
    "empty": Function(1, 1, BOOLEAN),
    "endsWith": Function(2, 2, BOOLEAN),
    "environment": Function(0, 0, _ENVIRONMENT),
    "extensionResourceId": Function(3, MANY, STRING),
    "first": Function(1, 1, ANY),
    "flatten": Function(1, 1, array(ANY)),
    "format": Function(1, MANY, STRING),
    "guid": Function(1, MANY, STRING),
    "indexOf": Function(2, 2, INTEGER),
    "int": Function(1, 1, INTEGER),
    "intersection": Function(2, MANY, ANY),
    "items": Function(1, 1, array(record({"key": STRING, "value": ANY}))),
    "join": Function(2, 2, STRING),
    "json": Function(1, 1, ANY),
    "last": Function(1, 1, ANY),
    "lastIndexOf": Function(2, 2, INTEGER),
    "length": Function(1, 1, INTEGER),
    "loadFileAsBase64": Function(1, 1, STRING),
    "loadJsonContent": Function(1, 3, ANY),
    "loadTextContent": Function(1, 2, STRING),
    "managementGroup": Function(0, 1, ANY, ("managementGroup",)),
    "max": Function(1, MANY, INTEGER),
    "min": Function(1, MANY, INTEGER),
    "newGuid": Function(0, 0, STRING),
    "objectKeys": Function(1, 1, array(STRING)),
    "padLeft": Function(2, 3, STRING),
    "pickZones": Function(3, 5, array(STRING)),
    "range": Function(2, 2, array(INTEGER)),
    "replace": Function(3, 3, STRING),
    "resourceGroup": Function(0, 2, _GROUP, ("resourceGroup",)),
    "resourceId": Function(2, MANY, STRING),
    "skip": Function(2, 2, ANY),
    "split": Function(2, 2, array(STRING)),
    "startsWith": Function(2, 2, BOOLEAN),
    "string": Function(1, 1, STRING),
    "subscription": Function(0, 1, _SUBSCRIPTION, ("subscription", "resourceGroup")),
    "subscriptionResourceId": Function(2, MANY, STRING),
    "substring": Function(2, 3, STRING),
    "take": Function(2, 2, ANY),
    "tenant": Function(0, 0, _TENANT),
    "tenantResourceId": Function(2, MANY, STRING),
    "toLower": Function(1, 1, STRING),
    "toUpper": Function(1, 1, STRING),
    "trim": Function(1, 1, STRING),
    "union": Function(2, MANY, ANY),
    "uniqueString": Function(1, MANY, STRING),
    "uri": Function(2, 2, STRING),
    "uriComponent": Function(1, 1, STRING),
    "utcNow": Function(0, 1, STRING),
}
OF_STRINGS = frozenset(
    {
        "base64",
        "endsWith",
        "guid",
        "replace",
        "startsWith",
        "toLower",
        "toUpper",
        "trim",
        "uniqueString",
        "uri",
        "uriComponent",
    }
)
"""Functions whose every argument is a string."""
LOADS = frozenset({"loadJsonContent", "loadTextContent", "loadFileAsBase64"})

BOUNDS = {
    "minLength": ("string", "array"),
    "maxLength": ("string", "array"),
    "minValue": ("int",),
    "maxValue": ("int",),
}
"""Decorators that stand on these types only; an array may be written with brackets."""
DECORATORS: dict[str, tuple[int, int, frozenset[str]]] = {
    "description": (1, 1, frozenset({"param", "var", "resource", "module", "output"})),
    "metadata": (1, 1, frozenset({"param", "output"})),
    "allowed": (1, 1, frozenset({"param"})),
    "secure": (0, 0, frozenset({"param", "output"})),
    "minLength": (1, 1, frozenset({"param", "output"})),
    "maxLength": (1, 1, frozenset({"param", "output"})),
    "minValue": (1, 1, frozenset({"param", "output"})),
    "maxValue": (1, 1, frozenset({"param", "output"})),
    "batchSize": (1, 1, frozenset({"resource", "module"})),
}
"""Name → fewest arguments, most, and what it may stand on."""
