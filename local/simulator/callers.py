"""The caller that a token names.

Every bearer token is accepted, and all have the same rights, those of one service
principal. A JWT names its own principal in the Activity Log; its signature is not
checked.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

CLIENT_ID = "22222222-2222-2222-2222-222222222222"
"""Object id of the one service principal."""
APPLICATION_ID = "22222222-aaaa-2222-aaaa-222222222222"
TENANT_ID = "33333333-3333-3333-3333-333333333333"
OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
_LONG_NAMES = {
    "oid": OBJECT_ID,
    "tid": "http://schemas.microsoft.com/identity/claims/tenantid",
    "upn": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn",
}


def claims_of(authorization: str) -> dict[str, str]:
    """The claims as the Activity Log names them."""
    default = {"oid": CLIENT_ID, "appid": APPLICATION_ID, "tid": TENANT_ID}
    claims = _read_jwt(authorization.partition(" ")[2]) or default
    return {
        _LONG_NAMES.get(name, name): value
        for name, value in claims.items()
        if isinstance(value, str)
    }


def name_of(claims: Mapping[str, str]) -> str:
    """The UPN of a person, else the object id. Which GUID Azure uses for a service
    principal is not established."""
    return claims.get(_LONG_NAMES["upn"]) or claims.get(OBJECT_ID, "")


def _read_jwt(token: str) -> Mapping[str, object] | None:
    """The claims of a JWT; None for any other token."""
    parts = token.strip().split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return None
    return claims if isinstance(claims, dict) else None
