"""Runs the tests that matter in a copy of the tree, with one bug in it or without any.
Never touches the tree itself.
"""

from __future__ import annotations

import compileall
import os
import py_compile
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.plant import Mutant, NotPlanted, Planted, Sources

LONGEST_SECONDS = 300
LEFT_OUT = (
    ".git",
    ".venv*",
    "node_modules",
    "__pycache__",
    ".remediator",
    ".*_cache",
    ".hypothesis",
    "dist",
)
NODE = Path("tests/node_modules")
REST = {"FAULT_REST_SECONDS": "30"}
"""How long a run with a bug may take to come to rest; one without needs a second or
two.
"""
PASSED, TESTS_FAILED = 0, 1
"""Exit codes of pytest. https://docs.pytest.org/en/stable/reference/exit-codes.html"""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run of pytest ended."""

    code: int | None
    """None: it did not end in time."""
    passed: tuple[str, ...]
    failed: tuple[str, ...]
    """Node ids."""
    last_words: str


@dataclass(frozen=True, slots=True)
class Verdict:
    mutant: Mutant
    noticed_by: str
    """Node id of the first test that failed, or ""."""
    problem: str
    """Why there is no verdict, or ""."""
    seconds: float

    @property
    def survived(self) -> bool:
        return not self.noticed_by and not self.problem


class Copy:
    """A copy of the tree in a folder of its own."""

    def __init__(self, root: Path, folder: Path) -> None:
        """Raises NotPlanted when tests in the copy would import the product from
        elsewhere.
        """
        self.folder = folder
        shutil.copytree(root, folder, ignore=shutil.ignore_patterns(*LEFT_OUT))
        if (root / NODE).exists():  # Azurite; too large to copy
            (folder / NODE).symlink_to((root / NODE).resolve())
        # By content, not by time: of two bugs of one length within a second the
        # second would go unseen.
        compileall.compile_dir(
            folder, quiet=1, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH
        )
        self.sources = Sources(folder)
        where = self._run(
            [sys.executable, "-c", "import shared; print(shared.__file__)"]
        ).stdout.strip()
        if not Path(where).is_relative_to(folder):
            raise NotPlanted(f"the copy in {folder} would test the product in {where}")

    def trial(self, mutant: Mutant) -> Verdict:
        began = time.monotonic()
        try:
            planted = self.sources.plant(mutant)
        except NotPlanted as error:
            return Verdict(mutant, "", str(error), 0.0)
        ran = self._with(planted, mutant.tests)
        seconds = time.monotonic() - began
        if ran.code == PASSED and ran.passed:
            return Verdict(mutant, "", "", seconds)
        if ran.code == TESTS_FAILED and ran.failed:
            return Verdict(mutant, ran.failed[0], "", seconds)
        ended = (
            f"did not end in {LONGEST_SECONDS} s" if ran.code is None else f"ended with {ran.code}"
        )
        return Verdict(mutant, "", f"pytest {ended}: {ran.last_words}", seconds)

    def _with(self, planted: Planted, tests: Sequence[str]) -> Ran:
        path = self.folder / planted.path
        whole = path.read_text(encoding="utf-8")
        path.write_text(planted.text, encoding="utf-8")
        try:
            return self.pytest("-x", *tests)
        finally:
            path.write_text(whole, encoding="utf-8")

    def pytest(self, *arguments: str) -> Ran:
        quiet = ["-q", "-p", "no:cacheprovider", "--tb=no", "-rpfE"]
        try:
            ended = self._run([sys.executable, "-m", "pytest", *quiet, *arguments])
        except subprocess.TimeoutExpired:
            return Ran(None, (), (), "")
        lines = ended.stdout.splitlines()
        words = [line for line in [*lines, *ended.stderr.splitlines()] if line.strip()]
        return Ran(
            ended.returncode,
            _named(lines, "PASSED"),
            _named(lines, "FAILED"),
            " | ".join(words[-3:]),
        )

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        env = (
            os.environ
            | {"PYTHONPATH": str(self.folder), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "1000"}
            | REST
        )
        with (
            subprocess.Popen(
                command,
                cwd=self.folder,
                env=env,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            ) as process,
            ExitStack() as unless_it_ends,
        ):
            unless_it_ends.callback(process.wait)
            unless_it_ends.callback(os.killpg, process.pid, signal.SIGKILL)  # and what it started
            told, errors = process.communicate(timeout=LONGEST_SECONDS)
            unless_it_ends.pop_all()
        return subprocess.CompletedProcess(command, process.returncode, told, errors)


def _named(lines: list[str], how: str) -> tuple[str, ...]:
    """Node ids in pytest's summary. A message follows after ` - `, which a node id may
    have as well.
    """
    told = [line.removeprefix(f"{how} ") for line in lines if line.startswith(f"{how} ")]
    return tuple(each.split(" - ")[0] if how == "FAILED" else each for each in told)
