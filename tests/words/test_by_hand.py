"""The command that puts a lock back carries the lock's own values through a shell, and
is printed in one piece."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from command_line import incidents, locks
from command_line.console import console
from shared.execution.lock_window.standing import Standing
from shared.execution.lock_window.words import by_hand
from tests.shared.execution.rows import row
from tests.words.filled import GROUP_ID, SUBSCRIPTION, VM_ID
from tests.words.printed import HARD_NAMES, INCIDENT, lock, sentences

SCOPES = {
    f"/subscriptions/{SUBSCRIPTION}": ["--subscription", SUBSCRIPTION],
    GROUP_ID: ["--subscription", SUBSCRIPTION, "--resource-group", "rg-app (old)"],
    VM_ID: ["--subscription", SUBSCRIPTION, "--resource", VM_ID],
}
TEXT = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=60
)


@settings(max_examples=100, deadline=None)
@given(
    name=TEXT.filter(lambda text: "/" not in text),
    notes=st.one_of(st.none(), TEXT),
    scope=st.sampled_from(sorted(SCOPES)),
)
def test_a_shell_splits_it_into_what_the_lock_says(
    name: str, notes: str | None, scope: str
) -> None:
    command = by_hand(lock(name, notes, scope))
    wanted = [
        "az",
        "lock",
        "create",
        f"--name={name}",
        "--lock-type",
        "CanNotDelete",
        *SCOPES[scope],
    ]
    wanted += [f"--notes={notes}"] if notes else []
    assert shlex.split(command) == as_a_shell_splits(command) == wanted


def as_a_shell_splits(command: str) -> list[str]:
    script = f"set -- {command}\nprintf '%s\\0' \"$@\"".encode()
    done = subprocess.run(["sh"], input=script, capture_output=True, check=True)
    return done.stdout.decode().split("\0")[:-1]


@pytest.mark.parametrize("name", HARD_NAMES)
def test_it_is_printed_in_one_piece(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    held = lock(name, "Protects\tthe shop " * 12)
    locks._show(Standing((row(lock=held),)))
    assert by_hand(held) in capsys.readouterr().out.splitlines()


def test_a_step_is_printed_in_one_piece(capsys: pytest.CaptureFixture[str]) -> None:
    incidents._print(console(), replace(INCIDENT, manual_steps=tuple(sentences())))
    printed = capsys.readouterr().out
    assert [step for step in sentences() if f". {step}\n" not in printed] == []
