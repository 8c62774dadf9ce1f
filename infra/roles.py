"""The actions and roles that the deployment grants, and Azure's rule for wildcards in
actions. The doctor, the simulator and the tests read them here.

roles.json holds the actions of the two custom roles; modules/access.bicep assigns the
built-in roles.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent
_ROLES = json.loads((_FOLDER / "roles.json").read_text(encoding="utf-8"))
READER: list[str] = _ROLES["reader"]["actions"]
REMEDIATOR: list[str] = _ROLES["remediator"]["actions"]
LOG_QUERY: list[str] = _ROLES["optional"]["logQuery"]
GRANTED = [*READER, *REMEDIATOR, *LOG_QUERY]

BLOB_OWNER = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
BLOB_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
QUEUE_CONTRIBUTOR = "974c5e8b-45b9-4653-ba55-5f855dd0fb88"
QUEUE_SENDER = "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a"
TABLE_CONTRIBUTOR = "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3"
TOPIC_SENDER = "d5a91429-5739-47e2-a06b-3470a27159e7"
METRICS_PUBLISHER = "3913510d-42f4-4e42-8a64-420c390055eb"
"""Built-in roles:
https://learn.microsoft.com/azure/role-based-access-control/built-in-roles"""


def covers(permission: Mapping[str, Any], action: str) -> bool:
    """True when a permission of a role definition or of a deny assignment, as ARM
    writes it, has the action among its `actions` and not among its `notActions`."""
    actions, not_actions = permission.get("actions"), permission.get("notActions")
    return matches(actions or (), action) and not matches(not_actions or (), action)


def matches(patterns: Iterable[str], action: str) -> bool:
    """True when one pattern names the action, in any case. `*` stands for any text,
    slashes included.

    https://learn.microsoft.com/azure/role-based-access-control/role-definitions
    """
    return any(
        re.fullmatch(re.escape(each).replace(r"\*", ".*"), action, re.IGNORECASE | re.ASCII)
        for each in patterns
    )
