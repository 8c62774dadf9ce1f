"""The documents say what the code does: pages exist, names are right, links resolve,
commands exist, the worked hash computes."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import click
import pytest

from command_line.main import remediator
from functions.pages.access import ACTION_GROUPS
from local.host.command import LOCAL_PACE
from shared import catalogue
from shared.audit.chain import verify
from shared.audit.entry import PHASES, Entry
from shared.audit.heads import KIND
from shared.events.known_codes import NUMBERS, SPELLINGS
from shared.incident.status import Status
from shared.settings import Settings
from tests.docs.rooms import rooms
from tests.docs.tables import TABLES, Table

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
NOT_OURS = {".venv", ".venv-checkov", ".venv-azure-cli", "node_modules", ".remediator", ".git"}
PAGES = sorted(
    path for path in ROOT.rglob("*.md") if not NOT_OURS & set(path.relative_to(ROOT).parts)
)
MANUALS = [
    path
    for path in PAGES
    if path.parent == ROOT or DOCS in path.parents or path.parent == ROOT / "infra"
]
PATH_NAMES = {path: str(path.relative_to(ROOT)) for path in PAGES}


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def test_there_are_pages_to_test() -> None:
    assert {ROOT / "README.md", DOCS / "safety.md", ROOT / "infra/README.md"} <= set(PAGES)


# Causes and codes


@pytest.mark.parametrize("cause", catalogue.CAUSES, ids=lambda cause: cause.slug)
def test_every_cause_has_its_page(cause: catalogue.Cause) -> None:
    page = text(cause.page)
    assert page.startswith(f"# Cause {cause.number}: {cause.title}\n")
    assert f"`{cause.slug}`" in page
    assert f"shared/diagnosis/checkers/{cause.slug}.py" in page
    for heading in (
        "## What it is",
        "## How it is seen",
        "## What is done",
        "## Not established",
        "## Sources",
    ):
        assert heading in page
    assert all(verdict in page for verdict in ("CONFIRMED", "RULED_OUT", "UNKNOWN"))
    assert "https://learn.microsoft.com/" in page


@pytest.mark.parametrize("cause", catalogue.CAUSES, ids=lambda cause: cause.slug)
def test_a_cause_with_a_fix_says_what_is_safe_about_it(cause: catalogue.Cause) -> None:
    page = text(cause.page)
    assert ("## Fix safety" in page) == (cause.fix is not None)
    if cause.fix:
        assert f"shared/execution/fixes/{cause.fix.kind}.py" in page
        said = (
            "What can change",
            "Guards",
            "Never touched",
            "What may be lost",
            "How it is undone",
            "On a crash",
        )
        assert all(f"**{part}" in page for part in said)


@pytest.mark.parametrize("code", catalogue.ERROR_CODES, ids=lambda code: code.name)
def test_every_code_has_its_page_with_its_causes_in_order(code: catalogue.ErrorCode) -> None:
    page = text(code.page)
    assert page.startswith(f"# {code.name}\n")
    assert code.message in page
    assert code.link in page
    assert all(f"`{other}`" in page for other in SPELLINGS.get(code.name, ()))
    table = re.findall(
        r"^\| (\d) \| \[([^]]+)\]\(\.\./causes/(\w+)\.md\) \| (.+) \|$", page, re.MULTILINE
    )
    causes = catalogue.causes_of(code.name)
    assert [(int(number), title, slug) for number, title, slug, _ in table] == [
        (c.number, c.title, c.slug) for c in causes
    ]
    assert [remedy for *_, remedy in table] == [
        f"**automatic**: `{c.fix.kind}`" if c.fix and code.fixable else "a person" for c in causes
    ]


@pytest.mark.parametrize("code", catalogue.ERROR_CODES, ids=lambda code: code.name)
def test_the_page_of_a_code_says_whether_microsoft_advises_a_retry(
    code: catalogue.ErrorCode,
) -> None:
    (said,) = re.findall(r"^## Retry\n\n(Advised|Not advised)\b", text(code.page), re.MULTILINE)
    assert (said == "Advised") == code.retry_advised


def test_the_table_of_codes_is_the_catalogue() -> None:
    rows = re.findall(
        r"^\| \[(\w+)\]\((\w+)\.md\) \| (.+) \| ([\d ·]+) \| (.+) \|$",
        text("docs/codes/README.md"),
        re.MULTILINE,
    )
    documented = [
        (name, link, message, tuple(map(int, order.split(" · "))), others)
        for name, link, message, order, others in rows
    ]
    spelled = {
        code.name: ", ".join(f"`{each}`" for each in SPELLINGS.get(code.name, ())) or "none"
        for code in catalogue.ERROR_CODES
    }
    assert documented == [
        (code.name, code.name, code.message, code.causes, spelled[code.name])
        for code in catalogue.ERROR_CODES
    ]
    assert all(
        f"{number} {name}" in text("docs/codes/README.md") for number, name in NUMBERS.items()
    )


def test_no_page_is_left_over() -> None:
    assert {path.stem for path in (DOCS / "causes").glob("*.md")} == {
        cause.slug for cause in catalogue.CAUSES
    }
    assert {path.stem for path in (DOCS / "codes").glob("*.md")} == {
        code.name for code in catalogue.ERROR_CODES
    } | {"README"}


# Settings


@pytest.mark.parametrize("table", [each for each in TABLES if each.page == "docs/settings.md"])
def test_a_table_of_settings_is_what_the_code_holds(table: Table) -> None:
    assert table.read() == table.make(), "run: make settings"


def test_every_setting_is_on_the_page() -> None:
    page = text("docs/settings.md")
    ours = {each.metadata["name"] for each in fields(Settings)} | set(LOCAL_PACE)
    host = set(re.findall(r"LOCAL_HOST_[A-Z_]*[A-Z]", text("local/host/settings.py")))
    assert [name for name in ours | host if f"| `{name}` |" not in page] == []


@pytest.mark.parametrize("page", MANUALS, ids=PATH_NAMES.get)
def test_settings_that_are_named_exist(page: Path) -> None:
    known = text("docs/settings.md")
    named = set(
        re.findall(r"\b(?:REMEDIATOR|LOCAL_HOST)_[A-Z_]*[A-Z]\b", page.read_text(encoding="utf-8"))
    )
    assert [name for name in named if f"`{name}`" not in known] == []


# Rooms


def test_the_table_has_every_room_and_no_other() -> None:
    """The numbers are as of the last `make rooms`."""
    (table,) = (each for each in TABLES if each.name == "rooms")
    assert re.findall(r"^\| `(\S+)` \|", table.read(), re.MULTILINE) == rooms(), "run: make rooms"


# Links and commands


def anchors(page: Path) -> set[str]:
    """As GitHub makes them from headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=PATH_NAMES.get)
def test_relative_links_resolve(page: Path) -> None:
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


@pytest.mark.parametrize("page", MANUALS, ids=PATH_NAMES.get)
def test_files_that_are_named_exist(page: Path) -> None:
    named = re.findall(
        r"`((?:shared|functions|tests|local|infra|command_line)/[\w/.-]+)`",
        page.read_text(encoding="utf-8"),
    )
    assert [
        name for name in named if not (ROOT / name).exists() and not (ROOT / f"{name}.py").exists()
    ] == []


def spans(page: Path) -> Iterator[str]:
    """What is set as code: fenced and indented blocks line by line, and inline."""
    content = page.read_text(encoding="utf-8")
    for block in re.findall(r"^```\w*\n(.*?)^```", content, re.MULTILINE | re.DOTALL):
        yield from block.splitlines()
    yield from re.findall(r"^ {4,}(\S.*)$", content, re.MULTILINE)
    yield from re.findall(r"`([^`\n]+)`", content)


def commands(page: Path) -> Iterator[str]:
    for span in spans(page):
        for part in re.split(r" && | \| ", span):
            if found := re.match(r"\s*(?:\.venv/bin/)?(remediator|make) (\S.*)", part):
                yield f"{found[1]} {found[2]}"


def problem_of(command: str) -> str:
    """What is wrong with a `remediator` or `make` command, or ""."""
    program, *words = shlex.split(command.replace("…", ""), comments=True)
    if program == "make":
        targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))
        return "" if set(words) <= targets else f"no such target: {command}"
    here: click.Command = remediator
    while (
        isinstance(here, click.Group)
        and words
        and not words[0].startswith("-")
        and re.fullmatch(r"[a-z]+", words[0])
    ):
        if words[0] not in here.commands:
            return f"no such command: {command}"
        here = here.commands[words.pop(0)]
    options = {name for parameter in here.params for name in parameter.opts} | {
        "--help",
        "-h",
        "--version",
    }
    unknown = [
        word for word in words if word.startswith("--") and word.split("=")[0] not in options
    ]
    return f"no such option: {command}" if unknown else ""


@pytest.mark.parametrize("page", PAGES, ids=PATH_NAMES.get)
def test_commands_exist(page: Path) -> None:
    assert [problem for command in commands(page) if (problem := problem_of(command))] == []


@pytest.mark.parametrize(
    "wrong",
    [
        "remediator nothing",
        "remediator audit nothing",
        "remediator audit list --nothing",
        "make nothing",
    ],
)
def test_a_command_that_does_not_exist_is_found(wrong: str) -> None:
    assert problem_of(wrong)


def test_ids_in_documents_are_made_up() -> None:
    """But for the one that Microsoft publishes for everybody."""
    guid = re.compile(
        r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE
    )
    found = {each for page in MANUALS for each in guid.findall(page.read_text(encoding="utf-8"))}
    assert found <= {"11111111-1111-1111-1111-111111111111", ACTION_GROUPS}


# The audit format


FORMAT = "docs/audit-format.md"


def example() -> list[dict[str, object]]:
    block = re.search(r"```jsonl\n(.*?)```", text(FORMAT), re.DOTALL)
    assert block
    return [json.loads(line) for line in block[1].splitlines()]


def test_the_worked_hash_computes_with_the_standard_library_alone() -> None:
    first, second = example()
    block = re.search(r"```text\n(.*?)\n```", text(FORMAT), re.DOTALL)
    assert block
    assert hashlib.sha256(block[1].encode()).hexdigest() == second["hash"]
    assert second["prev_hash"] == first["hash"]
    assert first["prev_hash"] == "0" * 64


def test_the_function_that_the_page_prints_is_the_rule() -> None:
    block = re.search(r"```python\n(.*?)```", text(FORMAT), re.DOTALL)
    assert block
    room: dict[str, object] = {"json": json, "hashlib": hashlib}
    exec(block[1], room)
    hash_of = room["hash_of"]
    assert callable(hash_of)
    assert [hash_of(entry) for entry in example()] == [entry["hash"] for entry in example()]
    assert verify(Entry.from_json(entry) for entry in example()) is None


def test_the_fields_are_those_of_an_entry() -> None:
    section = text(FORMAT).split("## Fields")[1].split("## Kinds")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == [
        each.name for each in fields(Entry)
    ]


KIND_ARGUMENT = 2
"""Place of the kind in self._note(incident, vm, kind, ...)."""
WRITERS = {
    "note": ("note",),
    "_note": ("note",),
    "intent": ("intent",),
    "outcome": ("outcome", "note"),
    "failed": ("outcome", "note"),
    "Change": ("intent", "outcome", "note"),
    "_end_intent": ("outcome", "note"),
}
"""A second outcome of an intent is a note."""
KIND_FIRST = ("_end_intent", "Change")
ROWS = ("row", "hand.row", "self.hand.row")
"""What a LockJournal notes something of: always as a `restore_lock`."""


def written_kinds() -> dict[str, set[str]]:
    """The kinds that the code writes, each with its phases, read from the source."""
    trees = {
        path.stem: ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted((ROOT / "shared").rglob("*.py"))
    }
    constants = {
        (module, name): value for module, tree in trees.items() for name, value in _constants(tree)
    }
    found: dict[str, set[str]] = {}
    for module, tree in trees.items():
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            name = (
                call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
            )
            place = _place_of_kind(name, call, module)
            if name not in WRITERS or len(call.args) <= place:
                continue
            if name == "note" and ast.unparse(call.args[0]) in ROWS:
                continue  # LockJournal.note, which is read where it writes
            argument = call.args[place]
            if ast.unparse(argument).split(".")[-1] == "kind":
                continue  # a function that hands on the kind of an entry that is there already
            kind = (
                argument.value
                if isinstance(argument, ast.Constant)
                else _resolve(ast.unparse(argument), module, tree, constants)
            )
            assert isinstance(kind, str)
            found.setdefault(kind, set()).update(WRITERS[name])
    return found | {KIND: {"note"}}  # the head itself, appended by name


def _place_of_kind(name: str, call: ast.Call, module: str) -> int:
    if name in KIND_FIRST:
        return 0
    return 1 if _of_journal(call, module) else KIND_ARGUMENT


def _of_journal(call: ast.Call, module: str) -> bool:
    owner = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
    return owner.split(".")[-1] == "journal" or (module, owner) == ("journal", "self")


def _resolve(
    text_of: str, module: str, tree: ast.Module, constants: dict[tuple[str, str], str]
) -> str:
    """The value of a constant: this module's, an imported one, or `module.NAME`."""
    *above, name = text_of.split(".")
    homes = [above[-1]] if above else [module]
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.ImportFrom)
            and node.module
            and name in [alias.name for alias in node.names]
        ):
            homes.append(node.module.split(".")[-1])
    return next(constants[(home, name)] for home in homes if (home, name) in constants)


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if not isinstance(node, ast.Assign):
            continue
        target, value = node.targets[0], node.value
        pairs = (
            zip(target.elts, value.elts, strict=True)
            if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
            else [(target, value)]
        )
        for name, constant in pairs:
            if (
                isinstance(name, ast.Name)
                and isinstance(constant, ast.Constant)
                and isinstance(constant.value, str)
            ):
                yield name.id, constant.value


def test_the_kinds_are_those_that_the_code_writes() -> None:
    section = text(FORMAT).split("## Kinds")[1].split("## Results")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([\w, ]+) \|", section, re.MULTILINE)
    documented = {kind: set(phases.split(", ")) for kind, phases in rows}
    assert documented == written_kinds()
    assert set().union(*documented.values()) == set(PHASES)


def test_nothing_else_appends_to_the_log() -> None:
    """Or the test of the kinds would not see it."""
    callers = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "shared").rglob("*.py")
        if re.search(r"(audit|log)\.append\(", path.read_text())
    ]
    assert sorted(callers) == [
        "shared/audit/heads.py",
        "shared/audit/journal.py",
        "shared/incident/review.py",
    ]


# HTTP


def test_every_route_and_status_is_on_the_page_of_routes() -> None:
    page = text("docs/http.md")
    routes = {
        f"/api/{route}"
        for path in (ROOT / "functions").rglob("*.py")
        for route in re.findall(r'\.route\(route="([^"]+)"', path.read_text(encoding="utf-8"))
    }
    assert routes
    assert [
        route for route in routes if not re.search(rf"`(?:GET|POST) {re.escape(route)}[`?]", page)
    ] == []
    assert [status.value for status in Status if f"| `{status.value}` |" not in page] == []
