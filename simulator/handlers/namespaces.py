"""A resource provider and its types, as the Azure CLI asks before it reads a resource by its id.

https://learn.microsoft.com/rest/api/resources/providers/get
"""

from __future__ import annotations

from simulator import ids
from simulator.errors import ArmError
from simulator.ids import fold
from simulator.world import Answer, Call

VERSIONS = {
    ids.VIRTUAL_MACHINE: ("2024-07-01", "2021-03-01"),
    ids.EXTENSION: ("2024-07-01", "2021-03-01"),
    ids.COLLECTION: ("2024-07-01", "2021-03-01"),
    ids.VAULT: ("2024-04-01", "2016-06-01"),
    ids.LOCK: ("2020-05-01", "2016-09-01"),
}
"""Documented ones, newest first. https://learn.microsoft.com/azure/templates"""


def get_namespace(call: Call) -> Answer:
    """404 for one without a row. Code and message are assumed."""
    wanted = call.names["namespace"]
    types = {kind.partition("/")[2]: list(versions) for kind, versions in VERSIONS.items() if _in(kind, wanted)}
    if not types:
        raise ArmError(404, "InvalidResourceNamespace", f"The resource namespace '{wanted}' is invalid.")
    name = next(kind.partition("/")[0] for kind in VERSIONS if _in(kind, wanted))
    body = {
        "id": f"{call.subscription_id}/providers/{name}",
        "namespace": name,
        "registrationState": "Registered",
        "registrationPolicy": "RegistrationRequired",
        "resourceTypes": [
            {"resourceType": kind, "locations": ["West Europe"], "apiVersions": each} for kind, each in types.items()
        ],
    }
    return Answer(200, body)


def _in(kind: str, namespace: str) -> bool:
    return fold(kind.partition("/")[0]) == fold(namespace)
