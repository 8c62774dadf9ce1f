"""Every `az` line that the product prints or documents: the one place that knows where
they are.

A command goes from its `az` to where a shell would end it, to the closing backtick, or
to the end of the line. Strings of Python are taken as they are printed, each expression
in them replaced by its value in FILLED.
"""

from __future__ import annotations

import ast
import io
import re
import shlex
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.words.filled import FILLED, PLACEHOLDERS, VARIABLES
from tests.words.printed import PRINTED

ROOT = Path(__file__).resolve().parents[2]
NOT_SHIPPED = {"tests", "node_modules", "__pycache__", "dist", "build"}
READABLE = {".md", ".py", ".sh", ".bicep", ".yaml", ".json", ".html", ".js", ".toml", ".kql"}
COMMAND = re.compile(r"(?<![\w./`-])`?(az [a-z])")
_SPAN = re.compile(r"`([^`\n]+)`")
_HOLE = re.compile(r"\{(\w+)\}")
_PLACEHOLDER = re.compile(r"(?<![$\w{])[A-Z][A-Z_]+(?!\w)")


class NotCollected(Exception):
    """A line that cannot be parsed as it stands; the message names what is missing."""


@dataclass(frozen=True, slots=True)
class Line:
    """`named`: only a command's name, in prose, in backticks and without options. It
    must exist, and may lack required options."""

    where: str
    text: str
    named: bool = False

    @property
    def words(self) -> list[str]:
        """As a shell splits it, with the placeholders of a reader filled in. Raises
        NotCollected."""
        text = self.text
        for name, value in VARIABLES.items():
            text = text.replace(name, value) if ".sh:" in self.where else text
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise NotCollected(f"{self.where}: {error}: {self.text}") from None
        return [
            _PLACEHOLDER.sub(lambda found: PLACEHOLDERS.get(found[0], found[0]), word)
            for word in words
        ]


@cache
def lines() -> list[Line]:
    """All of them. Raises NotCollected."""
    found = [
        line for path in files() for line in of_file(_name(path), path.read_text(encoding="utf-8"))
    ]
    return list(dict.fromkeys([*found, *printed()]))


def printed() -> Iterator[Line]:
    """As the product's own functions give them, with values that a shell could
    misread."""
    for where, give in PRINTED.items():
        for text in give():
            yield from [Line(where, text)] if text.startswith("az ") else of_text(where, text)


def files() -> list[Path]:
    """The project's text files, without tests and without what set-up and runs make."""
    found = (path for path in ROOT.rglob("*") if path.suffix in READABLE and path.is_file())
    return sorted(
        path for path in found if not any(map(_made_or_tests, path.relative_to(ROOT).parts))
    )


def _made_or_tests(part: str) -> bool:
    return part in NOT_SHIPPED or part.startswith(".") or part.endswith(".egg-info")


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def of_file(name: str, text: str) -> list[Line]:
    """The lines in a file of this name. Raises NotCollected for text that looks like a
    command and is not written as one."""
    if "az " not in text:
        return []
    readers: dict[str, Callable[[str, str], Iterator[Line]]] = {".py": of_python, ".sh": of_script}
    return list(readers.get(Path(name).suffix, of_text)(name, text))


def of_script(name: str, text: str) -> Iterator[Line]:
    """Commands within commands as well; comments and what is echoed are text."""
    for found in COMMAND.finditer(text):
        before = text[text.rfind("\n", 0, found.start()) + 1 : found.start()]
        if before.lstrip().startswith("#"):
            continue
        yield Line(_at(name, text, found.start(1)), cut(text[found.start(1) :]))
    for comment in re.finditer(r"^\s*#.*$", text, re.MULTILINE):
        yield from of_text(name, comment[0])


def of_text(name: str, text: str) -> Iterator[Line]:
    """Lines of a page: in backticks, or from `az` on in a line of code."""
    for number, line in enumerate(re.sub(r"\\\n\s*", "", text).split("\n"), 1):
        where = f"{name}:{number}"
        rest = line
        for span in _SPAN.finditer(line):
            if COMMAND.match(span[1]):
                command = cut(span[1])
                yield Line(where, command, named=" -" not in command and line.strip() != span[0])
                rest = rest.replace(span[0], "")
        for found in COMMAND.finditer(rest):
            yield Line(where, _whole(where, rest[found.start(1) :]))


def _whole(where: str, text: str) -> str:
    """Outside backticks a command goes to the end of its line, or on to another command
    of the shell."""
    command, end = scan(text)
    if not text[end:].startswith(("&&", "|", "2>", ">")) and text[end:]:
        raise NotCollected(
            f"{where}: put the command in backticks, or end the line with it: {text}"
        )
    return command


def of_python(name: str, text: str) -> Iterator[Line]:
    for node in _strings(ast.parse(text)):
        printed_text = _render(name, node)
        for line in of_text(name, printed_text) if COMMAND.search(printed_text) else ():
            yield Line(f"{name}:{node.lineno}", line.text, line.named)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield from of_text(f"{name}:{token.start[0]}", token.string)


def _strings(tree: ast.AST) -> Iterator[ast.Constant | ast.JoinedStr]:
    """Whole strings: not the parts of an f-string, but the strings in its holes."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.JoinedStr):
            yield child
            for value in child.values:
                yield from _strings(value) if isinstance(value, ast.FormattedValue) else ()
        elif isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield child
        else:
            yield from _strings(child)


def _render(name: str, node: ast.Constant | ast.JoinedStr) -> str:
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    template = "".join(str(part.value) for part in parts if isinstance(part, ast.Constant))
    if not COMMAND.search(template):
        return ""
    return "".join(_part(f"{name}:{node.lineno}", part) for part in parts)


def _part(where: str, part: ast.expr) -> str:
    if isinstance(part, ast.Constant):
        return _HOLE.sub(lambda hole: _fill(where, hole[1]), str(part.value))
    assert isinstance(part, ast.FormattedValue)
    return _fill(where, ast.unparse(part.value))


def _fill(where: str, expression: str) -> str:
    """The value of an expression: first by file and expression, then by expression."""
    for key in (f"{where.rpartition(':')[0]}: {expression}", expression):
        if key in FILLED:
            return FILLED[key]
    raise NotCollected(
        f"{where}: what is {{{expression}}} filled in with? Say it in tests/words/filled.py"
    )


def _at(name: str, text: str, index: int) -> str:
    return f"{name}:{text.count(chr(10), 0, index) + 1}"


ENDS = ("&&", "||", "|", ";", ")", "`", "\n", "2>", ">")


def cut(text: str) -> str:
    return scan(text)[0]


def scan(text: str) -> tuple[str, int]:
    """The first command of a shell text, `$(…)` in it as one word, and where the shell
    would end it."""
    kept, index, quote = [], 0, ""
    while index < len(text):
        char = text[index]
        if char == "\\" and quote != "'":
            kept.append("" if text[index + 1 : index + 2] == "\n" else text[index : index + 2])
            index += 2
            continue
        if text.startswith("$(", index) and quote != "'":
            index = _after(text, index + 2)
            kept.append("FILLED_IN")
            continue
        if not quote and any(text.startswith(end, index) for end in ENDS):
            break
        if char in "'\"" and quote in ("", char):
            quote = "" if quote else char
        kept.append(char)
        index += 1
    return "".join(kept).strip(), index


def _after(text: str, index: int) -> int:
    """Behind the bracket that closes the `$(` before `index`."""
    quote = ""
    while index < len(text):
        if text.startswith("$(", index) and quote != "'":
            index = _after(text, index + 2)
            continue
        char = text[index]
        index += 1
        if char == ")" and not quote:
            return index
        if char in "'\"" and quote in ("", char):
            quote = "" if quote else char
    return index
