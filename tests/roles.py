"""The actions that infra/roles.json grants, as the deployment does."""

from __future__ import annotations

import json
from pathlib import Path

ROLES = json.loads((Path(__file__).resolve().parents[1] / "infra/roles.json").read_text())
READER: list[str] = ROLES["reader"]["actions"]
REMEDIATOR: list[str] = ROLES["remediator"]["actions"]
LOG_QUERY: list[str] = ROLES["optional"]["logQuery"]
GRANTED = [*READER, *REMEDIATOR, *LOG_QUERY]
