"""Drives Chromium through visit.mjs."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).parent / "visit.mjs"


async def visit(pages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What each page looked like. Raises RuntimeError that says what is missing."""
    if shutil.which("chromium") is None:
        raise RuntimeError(
            "Chromium is not installed: run `make test`, which installs it on Debian as root"
        )
    process = await asyncio.create_subprocess_exec(
        "node",
        str(SCRIPT),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate(json.dumps({"pages": pages}).encode())
    if process.returncode != 0:
        raise RuntimeError(f"the browser ended with {process.returncode}: {err.decode()[-2000:]}")
    return [json.loads(line) for line in out.decode().splitlines()]
