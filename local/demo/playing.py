"""Plays a scenario: loads it into a simulator, delivers its event to an app, follows
the incident. Shared by `demo` and `try`."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import click
from rich.console import Console

from shared.arm_ids import fold
from shared.incident.status import Status

type Json = dict[str, Any]

ENDED = (Status.FIXED, Status.NEEDS_PERSON, Status.OBSERVED, Status.IGNORED, Status.FAILED)
ANSWER_SECONDS = 30.0
"""Longest wait for one answer of the app or the simulator."""
LOOK_SECONDS = 0.2
JOBS = "/backupjobs/"


@dataclass(frozen=True, slots=True)
class Stage:
    """A simulator and an app that reads it."""

    http: aiohttp.ClientSession
    arm: str
    app: str

    async def load(self, scenario: Json) -> None:
        state = {
            name: scenario[name]
            for name in ("resources", "logs", "hidden_extensions")
            if name in scenario
        }
        await self.send("PUT", f"{self.arm}/_sim/state", state)

    async def deliver(self, event: Json) -> int:
        """The status of the bridge's answer."""
        status, _ = await self.send("POST", f"{self.app}/api/alerts", event)
        return status

    async def incidents(self) -> list[Json]:
        found: list[Json] = await self.get(f"{self.app}/api/incidents")
        return found

    async def audit(self, incident_id: str) -> list[Json]:
        found: list[Json] = await self.get(f"{self.app}/api/audit?incident={incident_id}")
        return found

    async def mode(self) -> str:
        """The app's mode, from its health; "" where health does not show it, which is
        so for a caller who is not signed in."""
        _, health = await self.send("GET", f"{self.app}/api/health", accepted=(503,))
        return str(health.get("mode", "")) if isinstance(health, dict) else ""

    async def get(self, url: str) -> Any:
        return (await self.send("GET", url))[1]

    async def send(
        self, method: str, url: str, body: Any = None, accepted: tuple[int, ...] = ()
    ) -> tuple[int, Any]:
        """The status, and the body as JSON where it is JSON. Raises ClickException for
        a status of 400 and above that is not `accepted`."""
        try:
            async with self.http.request(method, url, json=body) as answer:
                text = await answer.text()
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise click.ClickException(
                f"{method} {url} has no answer: {error or type(error).__name__}"
            ) from error
        if answer.status >= 400 and answer.status not in accepted:
            raise click.ClickException(f"{method} {url} answered {answer.status}: {text[:400]}")
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, text


@asynccontextmanager
async def open_stage(arm: str, app: str) -> AsyncIterator[Stage]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS)) as http:
        yield Stage(http, arm.rstrip("/"), app.rstrip("/"))


def renew_jobs(scenario: Json, known_jobs: set[str]) -> Json:
    """The scenario; with new job ids where the app knows one of its jobs, so that each
    run is a new failure."""
    text = json.dumps(scenario)
    jobs = jobs_of(scenario)
    if not {fold(each) for each in jobs} & {fold(each) for each in known_jobs}:
        return scenario
    for job in jobs:
        text = re.sub(re.escape(job), str(uuid.uuid4()), text, flags=re.IGNORECASE | re.ASCII)
    changed: Json = json.loads(text)
    return changed


def jobs_of(scenario: Json) -> set[str]:
    """Names of the backup jobs in the state, and the one that the event names."""
    ids = [str(each.get("id", "")) for each in scenario["resources"] if isinstance(each, dict)]
    found = {each.rsplit("/", 1)[1] for each in ids if JOBS in fold(each)}
    named = re.search(r'"jobId": *"([^"]+)"', json.dumps(scenario["event"]))
    return found | ({named[1]} if named else set())


async def follow(
    on: Stage, scenario: Json, known: set[str], console: Console, longest_seconds: float
) -> Json:
    """Print the audit entries of the scenario's incident until it has ended or the time
    is over; return the incident.

    `known`: ids of the incidents from before. Raises ClickException where no incident
    was opened in that time.
    """
    seen: Json = {}
    printed = 0
    try:
        async with asyncio.timeout(longest_seconds):
            while seen.get("status") not in ENDED:
                await asyncio.sleep(LOOK_SECONDS)
                if found := _find(
                    scenario, [each for each in await on.incidents() if each["id"] not in known]
                ):
                    entries = await on.audit(found["id"])
                    _print(console, entries[printed:])
                    seen, printed = found, len(entries)
    except TimeoutError as error:
        if not seen:
            raise click.ClickException(
                f"no incident was opened within {longest_seconds:g} s; see the app's log"
            ) from error
    return seen


def _find(scenario: Json, new: list[Json]) -> Json | None:
    jobs = {fold(each) for each in jobs_of(scenario)}
    ours = [each for each in new if fold(each["job_id"]) in jobs]
    return next(iter(ours or new), None)


def _print(console: Console, entries: list[Json]) -> None:
    for entry in entries:
        console.print(
            f"   {entry['at'][11:19]}  {entry['phase']:8} {entry['kind']:32} {entry['result']}"
        )
