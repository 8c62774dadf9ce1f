"""Starts our own commands as child processes and stops exactly those."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import click

READY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Child:
    url: str
    pid: int


@asynccontextmanager
async def started(*arguments: str, log: Path, environment: Mapping[str, str]) -> AsyncIterator[Child]:
    """Run `remediator ARGUMENTS` until the block ends; its other output goes to `log`.

    Raises ClickException if it does not get ready.
    """
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "command_line.main", *arguments, stdout=asyncio.subprocess.PIPE, stderr=errors, env=environment
        )
    try:
        yield Child(await _ready(process, arguments[0], log), process.pid)
    finally:
        if process.returncode is None:
            process.terminate()
            await _ended(process)


async def _ready(process: asyncio.subprocess.Process, command: str, log: Path) -> str:
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), READY_SECONDS)
        return str(json.loads(line)["url"])
    except (TimeoutError, ValueError, KeyError, TypeError) as error:
        raise click.ClickException(f"`remediator {command}` did not start; see {log}") from error


async def _ended(process: asyncio.subprocess.Process) -> None:
    try:
        await asyncio.wait_for(process.wait(), 15)
    except TimeoutError:
        process.kill()
        await process.wait()
