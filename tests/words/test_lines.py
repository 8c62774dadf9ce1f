"""Every `az` line is found, and is a command and nothing else. In test_parser.py the
Azure CLI itself parses it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.words.lines import COMMAND, ROOT, Line, NotCollected, files, lines, of_file

TRAILING = re.compile(r"(?:^|\s)#|…|\.\.\.|[^\x00-\x7f]")


def test_the_lines_are_there() -> None:
    where = {line.where.partition(":")[0] for line in lines()}
    wanted = {
        "README.md",
        "infra/README.md",
        "infra/connect.sh",
        "infra/sign-in.sh",
        "infra/main.bicep",
        "docs/runbook.md",
        "docs/first-week.md",
        "docs/causes/no_internet.md",
        "command_line/doctor/access.py",
        "command_line/doctor/alerts.py",
        "command_line/doctor/app.py",
        "command_line/doctor/installation.py",
        "command_line/doctor/sign_in.py",
        "command_line/doctor/stores.py",
        "shared/diagnosis/advice.py",
        "shared/execution/lock_window/words.py",
    }
    assert wanted - where == set()


def test_no_line_is_left_out() -> None:
    """As many as a search of the file's own text finds, whatever reads the file."""
    left: dict[str, object] = {}
    for path in files():
        text = path.read_text(encoding="utf-8")
        written, collected = (
            len(COMMAND.findall(text)),
            len(of_file(path.relative_to(ROOT).as_posix(), text)),
        )
        if written > collected:
            left[path.relative_to(ROOT).as_posix()] = (written, collected)
        if path.suffix == ".py" and re.search(r"""\[\s*["']az["'],""", text):
            left[path.relative_to(ROOT).as_posix()] = (
                "a command in pieces: let tests/words/printed.py give it"
            )
    assert left == {}


@pytest.mark.parametrize(
    "line", [line for line in lines() if "by_hand" not in line.where], ids=lambda line: line.where
)
def test_it_is_a_command_and_nothing_else(line: Line) -> None:
    assert TRAILING.findall(line.text) == []
    assert line.words[0] == "az"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("x.md", "Look at `az lock list -g A`.", ["az lock list -g A"]),
        (
            "x.md",
            "    make package && az group list && az lock list",
            ["az group list", "az lock list"],
        ),
        ("x.md", "    az group \\\n      list", ["az group list"]),
        (
            "x.sh",
            'A="$(az ad app show --id "$(az account show)" --query id)"',
            ["az ad app show --id", "az account show"],
        ),
        (
            "x.sh",
            "az ad sp show --id A 2>/dev/null || az ad sp create --id A",
            ["az ad sp show --id A", "az ad sp create --id A"],
        ),
        ("x.py", "A = 'Run a backup: ' 'az group list'", ["az group list"]),
        (
            "x.py",
            "def f():\n    '''Like `az login`.'''  # or `az group list`",
            ["az login", "az group list"],
        ),
        ("x.bicep", "@description('Look: `az group list`')", ["az group list"]),
        ("x.json", '{"a": "`az group list`"}', ["az group list"]),
    ],
)
def test_a_line_is_found(name: str, text: str, words: list[str]) -> None:
    found = [line.text for line in of_file(name, text)]
    assert len(found) == len(words)
    assert all(line.startswith(wanted) for line, wanted in zip(found, words, strict=True))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.py", "f'az group show --name {unheard_of}'"),
        ("x.py", "'az group show --name {unheard_of}'"),
        ("x.md", "    az group show --name 'open"),
        ("x.md", "Run az group list (when you like), and go on."),
        ("x.py", "A = 'az vm deallocate --ids A; or start it'"),
    ],
)
def test_a_line_that_is_not_written_as_a_command_is_refused(name: str, text: str) -> None:
    with pytest.raises(NotCollected):
        assert [line.words for line in of_file(name, text)] == []


@pytest.mark.parametrize(
    "text",
    [
        "az group list # all",
        "az storage blob download … --file a",
        "az group list ...",
        "az group list；再",
    ],
)
def test_what_is_no_part_of_a_command_is_seen(text: str) -> None:
    assert TRAILING.search(text)


def test_only_a_name_in_prose_may_lack_its_options() -> None:
    found = {
        line.text: line.named
        for line in of_file(
            str(Path("x.md")),
            "See `az lock list`, then `az lock show --name A`.\n\n    az lock list -g A",
        )
    }
    assert found == {
        "az lock list": True,
        "az lock show --name A": False,
        "az lock list -g A": False,
    }
