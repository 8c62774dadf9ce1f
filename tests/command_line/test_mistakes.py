"""Every command with arguments that cannot be: one clear sentence, exit code 1 or 2,
never a stack trace."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from command_line.main import remediator

ROOT = Path(__file__).resolve().parents[2]
SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
VM = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/v"
ALONE = {name: value for name, value in os.environ.items() if not name.startswith("REMEDIATOR_")}
SHORT = {
    "REMEDIATOR_RETRY_SECONDS": "0.2",
    "REMEDIATOR_CALL_TIMEOUT_SECONDS": "2",
    "REMEDIATOR_SUBSCRIPTION_ID": SUBSCRIPTION,
}


def run(line: str) -> Result:
    """In this process, with none of the shell's settings. An exception that is no exit
    would be a stack trace."""
    settings = dict.fromkeys(name for name in os.environ if name.startswith("REMEDIATOR_")) | SHORT
    result = CliRunner().invoke(remediator, line.split(), env=settings, prog_name="remediator")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What the rows name in braces: files and folders of every wrong kind, and a port
    in use."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "file").write_text("x", encoding="utf-8")
    (folder / "empty").mkdir()
    (folder / "broken.json").write_text("{", encoding="utf-8")
    (folder / "binary.json").write_bytes(b"\xff\xfe\x00")
    (folder / "odd.json").write_text(
        json.dumps({"resources": [{"id": "nothing"}]}), encoding="utf-8"
    )
    (folder / "no-end.json").write_text(
        json.dumps({"title": "t", "resources": [], "event": {}, "expect": {"status": "well"}}),
        encoding="utf-8",
    )
    (folder / "store").mkdir()
    (folder / "store" / "remediator.db").write_text(
        "this is no database, and longer than a header would be" * 40, encoding="utf-8"
    )
    (folder / "new").mkdir()
    import asyncio

    from shared.store.sqlite import SqliteStore

    async def make() -> None:
        store = SqliteStore(folder / "new" / "remediator.db")
        await store.ping()
        await store.close()

    asyncio.run(make())
    with socket.create_server(("127.0.0.1", 0)) as server:
        names = (
            "file",
            "empty",
            "broken.json",
            "binary.json",
            "odd.json",
            "no-end.json",
            "store",
            "new",
        )
        yield {name.split(".")[0].replace("-", "_"): str(folder / name) for name in names} | {
            "port": str(server.getsockname()[1])
        }


MISTAKES: list[tuple[str, str]] = [
    # (command line, a part of the sentence)
    ("nothing", "No such command"),
    ("simulate --port {port}", "cannot be used"),
    ("simulate --port 70000", "70000"),
    ("simulate --port 0 --scenario nothing", "no scenario 'nothing'"),
    ("simulate --port 0 --scenario {broken}", "cannot be read"),
    ("simulate --port 0 --scenario {binary}", "cannot be read"),
    ("simulate --port 0 --scenario {empty}", "cannot be read"),
    ("simulate --port 0 --scenario {odd}", "nothing"),
    ("serve --port {port} --arm http://127.0.0.1:9 --data {new}", "cannot be used"),
    ("serve --port 0 --arm nowhere --data {new}", "is no address"),
    ("serve --port 0 --arm http://127.0.0.1:99999 --data {new}", "is no address"),
    ("serve --port 0 --arm http://127.0.0.1:9 --data {file}", "is a file"),
    ("serve --port 0 --arm http://127.0.0.1:9 --data /proc/nowhere", "/proc/nowhere"),
    ("serve --port 0 --arm http://127.0.0.1:9 --data {file}/below", "Not a directory"),
    ("serve --port 0 --arm http://127.0.0.1:9 --data {new} --delivery queue", "needs --storage"),
    ("demo --data /proc/nowhere", "/proc/nowhere"),
    ("demo --data {file}", "is a file"),
    ("demo --data {file}/below", "Not a directory"),
    ("demo --data {new} --scenario nothing", "no scenario 'nothing'"),
    ("demo --data {new} --scenario {broken}", "cannot be read"),
    ("demo --data {new} --scenario {odd}", "has no title and no event and no expect"),
    ("demo --data {new} --scenario {no_end}", "expects 'well'; an incident ends as"),
    ("scenarios nothing", "no scenario 'nothing'"),
    ("scenarios {broken} --json", "cannot be read"),
    ("scenarios {odd}", "has no title"),
    ("try nothing --app http://127.0.0.1:9 --arm http://127.0.0.1:9", "no scenario 'nothing'"),
    ("try winmanagedvm --app nowhere --arm http://127.0.0.1:9", "is no address"),
    ("try winmanagedvm --app http://127.0.0.1:9 --arm ftp://127.0.0.1", "is no address"),
    ("try winmanagedvm --app http://127.0.0.1:9 --arm http://127.0.0.1:9", "has no answer"),
    ("package --output /proc/nowhere/x.zip", "/proc/nowhere"),
    ("package --output {empty}", "is a directory"),
    ("package --output {file}/x.zip", "/file"),
    ("incidents list --data {empty}", "there is no store"),
    ("incidents list --data {file}", "is a file"),
    ("incidents list --data {store}", "database"),
    ("incidents list --data {new} --limit 0", "0"),
    ("incidents list --data {new} --status fine", "fine"),
    ("incidents show none --data {new}", "there is no incident none"),
    ("incidents show a/b --data {new}", "a/b"),
    ("incidents review none --state seen --why w --data {new}", "there is no incident none"),
    ("incidents review a/b --state seen --why w --data {new}", "a/b"),
    ("incidents retry none --data {new}", "there is no incident none"),
    ("incidents retry a/b --data {new}", "there is no incident a/b"),
    ("incidents retry none --data {empty}", "there is no store"),
    ("incidents list --storage rubbish", "none that is known"),
    ("audit list --data {empty}", "there is no store"),
    ("audit list --data {store}", "database"),
    ("audit list --data {new} --since soon", "is no time"),
    ("audit list --data {new} --incident a/b", "a/b"),
    ("audit show none --data {new}", "has no incident none"),
    ("audit show a/b --data {new}", "a/b"),
    ("audit export --data {new} --since soon", "is no time"),
    ("audit export --data {store}", "database"),
    ("audit verify {broken}", "is not an audit entry"),
    ("audit verify {binary}", "line 1"),
    ("audit verify {empty}", "irectory"),
    ("audit verify nothing", "No such file"),
    ("audit verify --data {new} --seals rubbish", "none that is known"),
    ("locks list --data {empty}", "there is no store"),
    ("locks list --data {store}", "database"),
    ("locks settled --data {empty}", "there is no store"),
    ("locks settled --data {store}", "database"),
    ("locks verify --data {new} --arm nowhere", "is no address"),
    ("locks verify --data {new} --days 90", "1<=x<=89"),
    ("locks verify --data {new} --principal ops", "'ops' is not a principal id"),
    ("locks restore --data {new}", "name one LOCK_ID"),
    ("locks leave nothing --data {new} --arm http://127.0.0.1:9", "has no lock nothing"),
    ("locks leave --data {new}", "LOCK_ID"),
    ("locks restore nothing --data {new} --arm http://127.0.0.1:9", "has no lock nothing"),
    ("locks leave --data {new}", "Missing argument 'LOCK_ID'"),
    ("locks leave nothing --data {new} --arm http://127.0.0.1:9", "has no lock nothing"),
    ("sweep --data {new} --since soon", "is no time"),
    ("sweep --data {new} --arm nowhere", "is no address"),
    ("sweep --data {new} --arm http://127.0.0.1:9", "127.0.0.1"),
    ("quarantine list --data {store}", "database"),
    ("quarantine show none --data {new}", "none"),
    ("replay nothing --data {new} --arm http://127.0.0.1:9", "nothing"),
    ("replay {binary} --data {new} --arm http://127.0.0.1:9", "binary.json"),
    ("diagnose nothing", "'nothing' is not the id of a VM"),
    ("diagnose /subscriptions/s/resourceGroups/g", "is not the id of a VM"),
    (f"diagnose {VM} --arm nowhere", "is no address"),
    (f"diagnose {VM} --code Nothing --arm http://127.0.0.1:9", "'Nothing' is not in the catalogue"),
    (f"diagnose {VM} --arm http://127.0.0.1:9", "the VM cannot be read"),
    ("doctor --subscription production", "is not a subscription id"),
    (f"doctor --subscription {SUBSCRIPTION} --arm nowhere", "is no address"),
    (
        f"doctor --subscription {SUBSCRIPTION} --arm http://127.0.0.1:9 --app-url nowhere",
        "is no address",
    ),
    (f"doctor --subscription {SUBSCRIPTION} --arm http://127.0.0.1:9", "127.0.0.1"),
]


@pytest.mark.parametrize(("line", "sentence"), MISTAKES, ids=[line[:70] for line, _ in MISTAKES])
def test_a_mistake_ends_with_a_sentence(made: dict[str, str], line: str, sentence: str) -> None:
    done = run(line.format(**made))
    assert done.exit_code in (1, 2), (done.exit_code, done.output)
    assert sentence in done.output
    assert done.stderr.strip(), "the sentence is on standard error"


def leaves(group: click.Group, before: str = "") -> Iterator[str]:
    for name, each in group.commands.items():
        yield from (
            leaves(each, f"{before}{name} ")
            if isinstance(each, click.Group)
            else [f"{before}{name}"]
        )


def test_every_command_has_its_mistakes() -> None:
    assert [
        name
        for name in leaves(remediator)
        if not any(line.startswith(name) for line, _ in MISTAKES)
    ] == ["quarantine retry"]


@pytest.mark.parametrize(
    "name", ["", "audit", "incidents", "locks", "quarantine", *leaves(remediator)]
)
def test_help_teaches_with_an_example(name: str) -> None:
    shown = run(f"{name} --help").output + (
        run(f"{name.split()[0]} --help").output if " " in name else ""
    )
    lines = [line for line in shown.splitlines() if not line.startswith("Usage:")]
    assert any(f"remediator {name or 'demo'}" in line for line in lines), shown


@pytest.mark.parametrize("line", ["scenarios winmanagedvm --json", "scenarios"])
def test_a_reader_that_goes_away_is_no_error(line: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "command_line.entry", *line.split()],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=ALONE,
    )  # fmt: skip
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    said = process.stderr.read()
    process.wait()
    process.stderr.close()
    assert "Traceback" not in said and "Exception ignored" not in said


HOOK = """
import os, signal, sys
class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            os.kill(os.getpid(), signal.SIGINT)
        return None
sys.meta_path.insert(0, Interrupts())
from command_line.entry import main
sys.argv = ["remediator", "scenarios"]
main()
"""


@pytest.mark.parametrize("name", ["command_line.main", "aiohttp"])
def test_ctrl_c_while_importing_is_quiet(name: str) -> None:
    """The signal comes at the moment when that module is imported: as early as a person
    can be."""
    done = subprocess.run(
        [sys.executable, "-c", HOOK.format(name=name)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=ALONE,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (128 + signal.SIGINT, "", "")


def test_ctrl_c_while_a_command_imports_is_quiet(tmp_path: Path) -> None:
    words = [
        "remediator",
        "serve",
        "--port",
        "0",
        "--arm",
        "http://127.0.0.1:9",
        "--data",
        str(tmp_path),
    ]
    code = HOOK.format(name="local.host.server").replace('["remediator", "scenarios"]', repr(words))
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=ALONE,
        check=False,
    )
    assert done.returncode != 0 and "Traceback" not in done.stderr, done.stderr
