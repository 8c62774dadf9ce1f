"""The Azure CLI's own parser, one process for all lines: its import takes seconds, a
line milliseconds."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-azure-cli/bin/python"
SCRIPT = Path(__file__).with_name("parse_in_cli.py")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The parser's verdict on one call."""

    fine: bool
    error: str
    """The CLI's message, "" where it accepts the call."""
    confirms: bool
    """It would ask the person to confirm."""
    network_wanted: bool
    """A validator wanted to ask Azure; its verdict does not count."""
    arguments: dict[str, Any]


class Parser:
    """A context manager. Raises RuntimeError where the CLI is not installed or ends
    early."""

    def __enter__(self) -> Self:
        if not PYTHON.exists():
            raise RuntimeError("the Azure CLI is not installed: run `make words`")
        self._process = subprocess.Popen(
            [PYTHON, SCRIPT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            text=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(timeout=30)

    def judge(self, words: list[str]) -> Verdict:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        if not (answer := self._process.stdout.readline()):
            raise RuntimeError(f"the Azure CLI ended over {words}")
        return Verdict(**json.loads(answer))
