"""Options that several commands share, and how their values are checked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from shared import clock
from shared.setting_kinds import guid_or_empty

port_option = click.option(
    "--port",
    type=click.IntRange(0, 65535),
    required=True,
    help="Port on 127.0.0.1; 0 takes any free one.",
)


def store_options[F: Callable[..., Any]](command: F) -> F:
    """--data and --storage, for every command that opens the store."""
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


def arm_option[F: Callable[..., Any]](command: F) -> F:
    return click.option(
        "--arm",
        metavar="URL",
        callback=check_url,
        help="Azure Resource Manager; REMEDIATOR_ARM_ENDPOINT or Azure itself when left out.",
    )(command)


def check_url(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    """Option callback: the address without a slash at its end. Raises BadParameter for
    one that no client could use."""
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


def check_guid(_: click.Context, parameter: click.Parameter, text: str) -> str:
    """Option callback: the id in lower case, or nothing. Raises BadParameter for text
    that is no GUID."""
    try:
        return guid_or_empty(text)
    except ValueError as error:
        raise click.BadParameter(
            f"{text!r} is not a {parameter.name} id; write it like"
            " 11111111-1111-1111-1111-111111111111"
        ) from error


def check_time(_: click.Context, __: click.Parameter, text: str | None) -> datetime | None:
    """Option callback. Raises BadParameter for text that is no time."""
    try:
        return clock.as_time(text) if text else None
    except ValueError as error:
        raise click.BadParameter(
            f"{text!r} is no time; write it like 2026-01-31T12:00:00Z"
        ) from error
