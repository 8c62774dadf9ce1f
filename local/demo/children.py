"""Runs our own commands as child processes. They end with the block that started them,
and with the process of that block."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Mapping, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import click

READY_SECONDS = 60
END_SECONDS = 15
PARENT_VARIABLE = "REMEDIATOR_PARENT_FD"
"""Descriptor of a pipe that the parent alone can write to: it closes when the parent
ends, however it dies."""


@dataclass(frozen=True, slots=True)
class Child:
    url: str
    pid: int


@asynccontextmanager
async def run_command(
    *arguments: str, log: Path, environment: Mapping[str, str]
) -> AsyncIterator[Child]:
    """Run `remediator ARGUMENTS` until the block ends; standard error goes to `log`.

    Raises ClickException when it is not ready within READY_SECONDS.
    """
    ours, theirs = _open_lifeline()
    try:
        variables = dict(environment) | {PARENT_VARIABLE: str(theirs)}
        process = await _spawn(arguments, log, variables, theirs)
        try:
            yield Child(await _read_url(process, arguments[0], log), process.pid)
        finally:
            await _end(process)
    finally:
        os.close(ours)


def end_with_parent(environment: MutableMapping[str, str]) -> None:
    """In a child: end as on SIGTERM as soon as the parent is gone. The variable is
    removed, so that no grandchild sees it."""
    if descriptor := environment.pop(PARENT_VARIABLE, ""):
        os.set_inheritable(int(descriptor), False)
        threading.Thread(target=_wait_for_the_end, args=(int(descriptor),), daemon=True).start()


def _wait_for_the_end(descriptor: int) -> None:
    while os.read(descriptor, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _open_lifeline() -> tuple[int, int]:
    """(the parent's end, the child's end)"""
    theirs, ours = os.pipe()
    return ours, theirs


async def _spawn(
    arguments: tuple[str, ...], log: Path, environment: Mapping[str, str], lifeline: int
) -> asyncio.subprocess.Process:
    try:
        with log.open("ab") as errors:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "command_line.entry",
                *arguments,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                env=environment,
                pass_fds=(lifeline,),
            )
    finally:
        os.close(lifeline)


async def _read_url(process: asyncio.subprocess.Process, command: str, log: Path) -> str:
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), READY_SECONDS)
        return str(json.loads(line)["url"])
    except (TimeoutError, ValueError, KeyError, TypeError) as error:
        raise click.ClickException(
            f"`remediator {command}` did not start{_last_error(log)}; see {log}"
        ) from error


def _last_error(log: Path) -> str:
    """The error with which the child's output ends, or ""."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    found = bool(lines) and lines[-1].startswith("Error: ")
    return f": {lines[-1].removeprefix('Error: ')}" if found else ""


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), END_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
