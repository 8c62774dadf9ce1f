"""A resource provider and its types: the Azure CLI reads them before it reads a
resource by its id.

https://learn.microsoft.com/rest/api/resources/providers/get
"""

from __future__ import annotations

from local.simulator import errors
from local.simulator.ids import fold
from local.simulator.providers import VERSIONS
from local.simulator.world import Answer, Call

LOCATION = "West Europe"


def get_namespace(call: Call) -> Answer:
    """The types of `providers.py`, newest version first. 404 for a namespace that has
    none."""
    wanted = fold(call.names["namespace"])
    kinds = [kind for kind in VERSIONS if fold(kind.partition("/")[0]) == wanted]
    if not kinds:
        raise errors.invalid_namespace(call.names["namespace"])
    name = kinds[0].partition("/")[0]
    body = {
        "id": f"{call.subscription_id}/providers/{name}",
        "namespace": name,
        "registrationState": "Registered",
        "registrationPolicy": "RegistrationRequired",
        "resourceTypes": [
            {
                "resourceType": kind.partition("/")[2],
                "locations": [LOCATION],
                "apiVersions": [*reversed(VERSIONS[kind])],
            }
            for kind in kinds
        ],
    }
    return Answer(200, body)
