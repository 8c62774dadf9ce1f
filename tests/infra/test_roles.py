"""The roles in infra/roles.py are those of the deployment, and wildcards match as
Azure's do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra import roles

ROOT = Path(__file__).resolve().parents[2]
LOCK_DELETE = "Microsoft.Authorization/locks/delete"


def test_the_built_in_roles_are_those_that_the_deployment_assigns() -> None:
    access = (ROOT / "infra/modules/access.bicep").read_text(encoding="utf-8")
    assigned = set(re.findall(r"^var \w+ = '([0-9a-f-]{36})'$", access, re.MULTILINE))
    ours = {value for value in vars(roles).values() if re.fullmatch(r"[0-9a-f-]{36}", str(value))}
    assert ours == assigned


@pytest.mark.parametrize(
    ("patterns", "action", "matches"),
    [
        (["Microsoft.Authorization/locks"], LOCK_DELETE, False),
        (["Microsoft.Authorization/locks/delet"], LOCK_DELETE, False),
        (["xMicrosoft.Authorization/locks/delete"], LOCK_DELETE, False),
        (["MicrosoftxAuthorization/locks/delete"], LOCK_DELETE, False),
        (["Microsoft.Authorization/*/read"], LOCK_DELETE, False),
        ([], LOCK_DELETE, False),
        ([""], LOCK_DELETE, False),
        (["mİcrosoft.Authorization/locks/delete"], LOCK_DELETE, False),
        ([LOCK_DELETE], LOCK_DELETE, True),
        (["microsoft.AUTHORIZATION/locks/delete"], LOCK_DELETE, True),
        (["*"], LOCK_DELETE, True),
        (["*/delete"], LOCK_DELETE, True),
        (["Microsoft.Authorization/*"], LOCK_DELETE, True),
        (["Microsoft.*/locks/*"], LOCK_DELETE, True),
        (["Microsoft.Compute/*", "Microsoft.Authorization/locks/*"], LOCK_DELETE, True),
    ],
)
def test_a_pattern_matches_the_whole_action(
    patterns: list[str], action: str, matches: bool
) -> None:
    assert roles.matches(patterns, action) is matches


@pytest.mark.parametrize(
    ("permission", "covered"),
    [
        ({}, False),
        ({"actions": None, "notActions": None}, False),
        ({"actions": ["*"], "notActions": ["Microsoft.Authorization/*/Delete"]}, False),
        ({"notActions": ["*/read"]}, False),
        ({"actions": ["*"], "notActions": ["*/read"]}, True),
        ({"actions": ["*"], "notActions": None}, True),
    ],
)
def test_a_permission_covers_what_it_does_not_take_away(
    permission: dict[str, list[str] | None], covered: bool
) -> None:
    assert roles.covers(permission, LOCK_DELETE) is covered
