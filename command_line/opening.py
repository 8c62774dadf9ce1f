"""How commands open the store and the app."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import click

from shared import clouds
from shared.app import App
from shared.clouds import PUBLIC, Cloud
from shared.errors import RemediatorError
from shared.settings import Settings
from shared.store.contract import Store

SHORT_WAITS = {"REMEDIATOR_RETRY_SECONDS": "10", "REMEDIATOR_CALL_TIMEOUT_SECONDS": "20"}
"""For commands that a person waits for, where the environment sets nothing; the app
itself waits longer."""


SQLITE = "sqlite:"


def shorten_waits(given: Mapping[str, str]) -> dict[str, str]:
    """The environment, with short waits for an ARM that does not answer where it sets
    none."""
    return SHORT_WAITS | {name: value for name, value in given.items() if value}


def announce_wait(settings: Settings) -> None:
    """Print to standard error, before the first call, which address is asked and the
    longest wait for an answer."""
    longest = settings.retry_seconds + settings.call_timeout_seconds
    click.echo(
        f"asking {settings.arm_endpoint}; a call without an answer is given up after {longest:g} s"
        " at most ...",
        err=True,
    )


def read_cloud() -> Cloud:
    """The cloud that REMEDIATOR_CLOUD names, else the public one. Raises UsageError."""
    name = os.environ.get("REMEDIATOR_CLOUD", "").strip()
    try:
        return clouds.find_cloud(name) if name else PUBLIC
    except ValueError as error:
        raise click.UsageError(f"REMEDIATOR_CLOUD is {name!r}; it takes {error}") from error


def locate_store(data: Path, storage: str | None) -> str:
    """Where the store is, as REMEDIATOR_STORE takes it. Raises UsageError where `data`
    has no store."""
    path = data / "remediator.db"
    if not storage and not path.exists():
        raise click.UsageError(
            f"there is no store in {data}: name the folder given to `remediator serve` with --data"
        )
    return storage or f"{SQLITE}{path.resolve()}"


def open_at(where: str, prefix: str, *, write: bool) -> Store:
    """The store at a location as REMEDIATOR_STORE takes it. An embedded one is opened
    to be read only, unless `write`. Raises UsageError, or SettingsError for a location
    that is none."""
    from shared.store.open import open_store
    from shared.store.sqlite import SqliteStore

    if where.startswith(SQLITE):
        return SqliteStore(Path(where.removeprefix(SQLITE)), read_only=not write)
    return open_store(where, prefix, read_cloud())


def with_store[T](
    data: Path, storage: str | None, work: Callable[[Store], Awaitable[T]], *, write: bool = False
) -> T:
    """Open the store, do the work, close it. Raises ClickException for what the store
    refuses."""

    async def run() -> T:
        from shared.store.open import PREFIX

        where = locate_store(data, storage)
        prefix = os.environ.get("REMEDIATOR_TABLE_PREFIX") or PREFIX
        store = open_at(where, prefix, write=write)
        try:
            return await work(store)
        finally:
            await store.close()

    try:
        return asyncio.run(run())
    except RemediatorError as error:
        raise click.ClickException(str(error)) from error


def with_app[T](
    data: Path, storage: str | None, arm: str | None, work: Callable[[App], Awaitable[T]]
) -> T:
    """Compose the app as in Azure, over that store and that ARM, do the work, close it.
    Raises ClickException for what they refuse."""

    async def run() -> T:
        environment = shorten_waits(os.environ) | {"REMEDIATOR_STORE": locate_store(data, storage)}
        app = App(environment | ({"REMEDIATOR_ARM_ENDPOINT": arm} if arm else {}))
        announce_wait(app.settings)
        try:
            return await work(app)
        finally:
            await app.close()

    try:
        return asyncio.run(run())
    except RemediatorError as error:
        raise click.ClickException(str(error)) from error
