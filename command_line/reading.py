"""What commands share that read the store: where it is, and how an answer is shown."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from shared import clouds
from shared.app import App
from shared.clouds import PUBLIC, Cloud
from shared.errors import RemediatorError
from shared.settings import Settings
from shared.store.contract import Store

IMPATIENCE = {"REMEDIATOR_RETRY_SECONDS": "10", "REMEDIATOR_CALL_TIMEOUT_SECONDS": "20"}
"""Of commands that a person waits for, where the environment says nothing; the app
itself is more patient."""


def store_options[F: Callable[..., Any]](command: F) -> F:
    """--data and --storage, the same on every command that reads."""
    command = click.option(
        "--storage",
        metavar="LOCATION",
        help=(
            "Azure Tables instead of the embedded store: https://ACCOUNT.table.core.windows.net"
            " with your own sign-in, or a connection string where shared keys are on."
        ),
    )(command)
    return click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path(".remediator"),
        show_default=True,
        help="Folder of the embedded store.",
    )(command)


def url_of(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    """Option callback: an address as a client can use it. Raises BadParameter."""
    try:
        url = urlsplit(text) if text else None
        fine = url is None or (
            url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
        )
    except ValueError:  # an impossible port or host
        fine = False
    if not fine:
        raise click.BadParameter(f"{text!r} is no address; write it like http://127.0.0.1:8001")
    return text.rstrip("/") if text else None


def impatient(given: Mapping[str, str]) -> dict[str, str]:
    """The environment for a person who waits: an ARM that does not answer is given up
    soon, unless the environment says when."""
    return IMPATIENCE | {name: value for name, value in given.items() if value}


def say_what_is_asked(settings: Settings) -> None:
    """On standard error, before the first call: a command that waits says for what, and
    for how long."""
    longest = settings.retry_seconds + settings.call_timeout_seconds
    click.echo(
        f"asking {settings.arm_endpoint}; a call without an answer is given up after {longest:g} s"
        " at most ...",
        err=True,
    )


def arm_option[F: Callable[..., Any]](command: F) -> F:
    return click.option(
        "--arm",
        metavar="URL",
        callback=url_of,
        help="Azure Resource Manager; REMEDIATOR_ARM_ENDPOINT or Azure itself when left out.",
    )(command)


def chosen_cloud() -> Cloud:
    """That of REMEDIATOR_CLOUD, else the public one."""
    name = os.environ.get("REMEDIATOR_CLOUD", "").strip()
    try:
        return clouds.named(name) if name else PUBLIC
    except ValueError as error:
        raise click.UsageError(f"REMEDIATOR_CLOUD is {name!r}; it takes {error}") from error


def location(data: Path, storage: str | None) -> str:
    """Where the store is, in the words of REMEDIATOR_STORE. Raises UsageError where
    there is none."""
    path = data / "remediator.db"
    if not storage and not path.exists():
        raise click.UsageError(
            f"there is no store in {data}: name the folder given to `remediator serve` with --data"
        )
    return storage or f"sqlite:{path.resolve()}"


def with_store[T](
    data: Path, storage: str | None, work: Callable[[Store], Awaitable[T]], *, write: bool = False
) -> T:
    """Open the store, do the work, close it. A mistake of the user is one clear line."""

    async def run() -> T:
        from shared.store.open import PREFIX, open_store
        from shared.store.sqlite import SqliteStore

        where = location(data, storage)
        prefix = os.environ.get("REMEDIATOR_TABLE_PREFIX") or PREFIX
        store: Store = (
            open_store(storage, prefix, chosen_cloud())
            if storage
            else SqliteStore(Path(where.removeprefix("sqlite:")), read_only=not write)
        )
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
    """The product itself, put together as in Azure, over that store and that Azure. A
    mistake of the user is one clear line."""

    async def run() -> T:
        environment = impatient(os.environ) | {"REMEDIATOR_STORE": location(data, storage)}
        app = App(environment | ({"REMEDIATOR_ARM_ENDPOINT": arm} if arm else {}))
        say_what_is_asked(app.settings)
        try:
            return await work(app)
        finally:
            await app.close()

    try:
        return asyncio.run(run())
    except RemediatorError as error:
        raise click.ClickException(str(error)) from error
