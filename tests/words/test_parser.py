"""Every `az` line goes through the Azure CLI's own parser. `make words` sets the CLI
up; without it these are skipped."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.execution.lock_window.words import by_hand
from tests.words.az import PYTHON, Parser
from tests.words.filled import GROUP_ID, SUBSCRIPTION, VM_ID
from tests.words.lines import Line, lines
from tests.words.printed import lock

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="`make words` sets up the Azure CLI")
LACKS = "required"


@pytest.fixture(scope="module")
def parser() -> Iterator[Parser]:
    with Parser() as running:
        yield running


@pytest.mark.parametrize("line", lines(), ids=lambda line: line.where)
def test_the_azure_cli_takes_it(line: Line, parser: Parser) -> None:
    verdict = parser.judge(line.words)
    if line.named and LACKS in verdict.error and "_subcommand" not in verdict.error:
        return
    assert verdict.fine, f"{line.text}: {verdict.error}"
    assert line.named or not verdict.confirms, (
        f"{line.text}: asks to be confirmed, and has no --yes"
    )


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("az vm deallocate --ids A --nope", "unrecognized arguments: --nope"),
        ("az vm dealocate --ids A", "misspelled"),
        (
            "az backup job list --operation Backup --status Failed",
            "required: --resource-group/-g, --vault-name/-v",
        ),
        (
            "az backup job list -g A -v B --operation Backups",
            "'Backups' is not a valid value for '--operation'",
        ),
        ("az lock create --name -keep --lock-type CanNotDelete", "expected one argument"),
        (
            "az lock create --name keep --lock-type Sometimes",
            "Allowed values: CanNotDelete, ReadOnly",
        ),
        ("az vm start --ids nothing", "invalid resource ID"),
        ("az lock list, at its group", "misspelled"),
        ("az monitor alert-processing-rule list", "misspelled"),
    ],
)
def test_it_refuses_what_is_wrong(command: str, error: str, parser: Parser) -> None:
    verdict = parser.judge(shlex.split(command))
    assert not verdict.fine
    assert error in verdict.error


def test_it_knows_what_asks_to_be_confirmed(parser: Parser) -> None:
    assert parser.judge(["az", "group", "delete", "--name", "A"]).confirms
    assert not parser.judge(["az", "group", "delete", "--name", "A", "--yes"]).confirms


# The command that puts a lock back

SCOPES = {
    f"/subscriptions/{SUBSCRIPTION}": (None, None),
    GROUP_ID: ("rg-app (old)", None),
    VM_ID: ("rg-app (old)", "vm1"),
}
ANY = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\0\r"), min_size=1, max_size=60
)
HARD = st.text("-'\"$`\\ \n=ü锁#!*~;&|<>%@", min_size=1, max_size=12)
NAMES = st.one_of(HARD, ANY).filter(lambda text: not text.startswith("@") and "/" not in text)
"""A value that begins with @ names a file, if there is one: see `by_hand`. A lock's
name has no slash."""


@settings(max_examples=150, deadline=None)
@given(name=NAMES, notes=st.one_of(st.none(), NAMES), scope=st.sampled_from(sorted(SCOPES)))
def test_name_and_notes_of_a_lock_come_through(
    name: str, notes: str | None, scope: str, parser: Parser
) -> None:
    command = by_hand(lock(name, notes, scope))
    words = shlex.split(command)
    verdict = parser.judge(words)
    assert verdict.fine, verdict.error
    got = verdict.arguments
    assert (got["lock_name"], got["notes"], got["level"]) == (name, notes, "CanNotDelete")
    assert (got["resource_group"], got["resource_name"]) == SCOPES[scope]
