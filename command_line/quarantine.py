"""`remediator quarantine` and `remediator replay`: events that were not taken, and
taking them again."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TextIO

import click

from command_line.console import console, make_table
from command_line.opening import with_app, with_store
from command_line.options import arm_option, store_options
from shared.app import App
from shared.counts import count_of
from shared.errors import NotUsable
from shared.intake.quarantine import Kept, Quarantine
from shared.intake.replay import events_in, out_of_quarantine
from shared.intake.taken import Taken
from shared.store.contract import Store

BEGINS = "The running app begins their work within a minute."


@click.group()
def quarantine() -> None:
    """Events that could not be understood or taken, each with its reason.

    \b
    Examples:  remediator quarantine list
               remediator quarantine show 5f2c…
               remediator quarantine retry --all      (after an upgrade that knows them)
    """


@quarantine.command("list")
@store_options
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
def list_kept(data: Path, storage: str | None, as_json: bool) -> None:
    """Newest first."""
    found = _read_all(data, storage)
    if as_json:
        click.echo(json.dumps([_summary(each) for each in found], indent=2, ensure_ascii=False))
        return
    rows = make_table("Id", "At (UTC)", "Characters", "Reason")
    for each in found:
        rows.add_row(
            each.id,
            each.at[:19].replace("T", " "),
            f"{each.characters:,}{' (cut)' if each.cut else ''}",
            each.reason,
        )
    console().print(rows if found else "Nothing is in quarantine.")


@quarantine.command("show")
@click.argument("kept_id")
@store_options
@click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
def show_kept(kept_id: str, data: Path, storage: str | None, as_json: bool) -> None:
    """One event with all that is kept of it. What looked like a secret was taken out
    before it was kept."""
    kept = _find(_read_all(data, storage), kept_id)
    if as_json:
        click.echo(
            json.dumps(_summary(kept) | {"payload": kept.payload}, indent=2, ensure_ascii=False)
        )
        return
    click.echo(f"{kept.id}\n{kept.at}  {kept.reason}\n\n{kept.payload}")


@quarantine.command("retry")
@click.argument("kept_ids", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every event in quarantine.")
@store_options
@arm_option
@click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
def retry(
    kept_ids: tuple[str, ...],
    everything: bool,
    data: Path,
    storage: str | None,
    arm: str | None,
    as_json: bool,
) -> None:
    """Take events again, by id or all. An event that is still of no use stays; exit
    code 1 then."""
    if bool(kept_ids) == everything:
        raise click.UsageError("name the ids, or say --all")

    async def again(app: App) -> list[tuple[str, Taken, bool]]:
        rows = [each async for each in app.quarantine.all()]
        wanted = rows if everything else [_find(rows, kept_id) for kept_id in kept_ids]
        found = []
        for each in wanted:
            taken = await out_of_quarantine(app.intake, each, app.own_subscription)
            found.append((each.id, taken, await app.quarantine.get(each.id) is None))
        return found

    found = with_app(data, storage, arm, again)
    _print([(name, taken) for name, taken, _ in found], as_json)
    if not all(gone for _, _, gone in found):
        sys.exit(1)


@click.command()
@click.argument("file", type=click.File("r", encoding="utf-8"))
@store_options
@arm_option
@click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
def replay(file: TextIO, data: Path, storage: str | None, arm: str | None, as_json: bool) -> None:
    """Take stored events from FILE (- for standard input): one event, a JSON array such
    as a dead-letter blob, or JSON Lines.

    A failure that is known already opens nothing, so a file may be played twice. Exit
    code 1 when an event is of no use: it is kept in quarantine with its reason.

    \b
    Example:
      az storage blob download --auth-mode login --account-name STORAGE \\
        --container-name dead-letters --name BLOB --file dead-letter.json
      remediator replay dead-letter.json
    """
    try:
        events = list(events_in(file.read()))
    except (NotUsable, UnicodeDecodeError) as error:
        raise click.UsageError(f"{file.name}: {error}") from error

    async def take(app: App) -> list[tuple[str, Taken]]:
        found = []
        for number, event in enumerate(events, 1):
            found.append((f"event {number}", await app.intake.take(event, app.own_subscription)))
        return found

    found = with_app(data, storage, arm, take)
    _print(found, as_json)
    if any(
        each.what.startswith("quarantined") for _, taken in found for each in (taken, *taken.parts)
    ):
        sys.exit(1)


def _print(found: list[tuple[str, Taken]], as_json: bool) -> None:
    if as_json:
        rows = [
            {"event": name, "what": taken.what, "incident": taken.incident_id or None}
            for name, taken in found
        ]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for name, taken in found:
        click.echo(f"{name}: {taken.what}{f' ({taken.incident_id})' if taken.incident_id else ''}")
    started = len({each for _, taken in found for each in taken.starts})
    click.echo(
        f"{count_of(len(found), 'event')}, {count_of(started, 'incident')} to work on."
        f" {BEGINS if started else ''}".rstrip()
    )


def _read_all(data: Path, storage: str | None) -> list[Kept]:
    async def read(store: Store) -> list[Kept]:
        return [each async for each in Quarantine(store).all()]

    return sorted(with_store(data, storage, read), key=lambda each: each.at, reverse=True)


def _find(rows: list[Kept], kept_id: str) -> Kept:
    found = [each for each in rows if each.id.startswith(kept_id)]
    if len(found) != 1:
        how = "several events begin with" if found else "the quarantine has no event"
        raise click.UsageError(f"{how} {kept_id}; `remediator quarantine list` shows them")
    return found[0]


def _summary(kept: Kept) -> dict[str, object]:
    return {
        "id": kept.id,
        "at": kept.at,
        "reason": kept.reason,
        "characters": kept.characters,
        "cut": kept.cut,
    }
