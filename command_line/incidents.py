"""`remediator incidents`: what failed and what became of it."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import click
from rich.console import Console

from command_line.console import console, make_table
from command_line.opening import with_store
from command_line.options import store_options
from command_line.person import name_person
from shared.audit.journal import Journal
from shared.audit.log import AuditLog
from shared.codec import to_json
from shared.execution.lock_window.held import why_in_hand
from shared.execution.lock_window.ledger import LockLedger
from shared.execution.lock_window.windows import LockWindows
from shared.incident import review as reviews
from shared.incident.attempts import Attempts, NotRetried, is_to_begin
from shared.incident.book import IncidentBook
from shared.incident.listing import NOT_REVIEWED, Wanted
from shared.incident.model import Incident
from shared.incident.status import Status
from shared.incident.view import incident_json, whole_incident_json
from shared.store.contract import Store


@click.group()
def incidents() -> None:
    """Failed backups and what became of them.

    \b
    Examples:  remediator incidents list
               remediator incidents show 20260131T020500-1a2b3c4d-5e6f7a8b
               remediator incidents review 20260131T020500-1a2b3c4d-5e6f7a8b \\
                 --state accepted --why "seen in the job"
               remediator incidents retry 20260131T020500-1a2b3c4d-5e6f7a8b
    """


@incidents.command("list")
@store_options
@click.option(
    "--status",
    type=click.Choice([status.value for status in Status]),
    help="Only those with this status.",
)
@click.option(
    "--needs-somebody",
    is_flag=True,
    help="Only those with a person, and fixed ones that come back under a lock that stays.",
)
@click.option("--vm", metavar="NAME", default="", help="Only those whose VM's name holds this.")
@click.option(
    "--review",
    type=click.Choice([NOT_REVIEWED, *(state.value for state in reviews.State)]),
    help="Only those with this review; `none`: nobody has reviewed them yet.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=200,
    show_default=True,
    help="The most that are listed.",
)
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
def list_incidents(
    data: Path,
    storage: str | None,
    status: str | None,
    needs_somebody: bool,
    vm: str,
    review: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """Newest first."""
    wanted = Wanted(status=status or "", vm=vm, review=review or "", somebody=needs_somebody)

    async def read(store: Store) -> tuple[list[Incident], bool]:
        book = IncidentBook(store)
        page = await book.listing.page(wanted, limit)
        return await book.of_page(page), bool(page.after)

    found, more = with_store(data, storage, read)
    if as_json:
        click.echo(
            json.dumps(
                [incident_json(incident) for incident in found], indent=2, ensure_ascii=False
            )
        )
        return
    rows = make_table("Incident", "VM", "Error code", "Status", "Why")
    for incident in found:
        rows.add_row(
            incident.id,
            incident.vm_id.rsplit("/", 1)[-1],
            incident.error_code or "-",
            incident.status.value,
            incident.reason,
        )
    none = "No incident is like that." if wanted.narrow else "No failed backup has arrived yet."
    console().print(rows if found else none)
    if more:
        click.echo(
            f"There may be more: these are the newest {len(found)}; ask for more with --limit, or"
            " for fewer with --status.",
            err=True,
        )


@incidents.command("show")
@click.argument("incident_id")
@store_options
@click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
def show_incident(incident_id: str, data: Path, storage: str | None, as_json: bool) -> None:
    """Findings, changes and what a person can do, for one incident."""

    async def read(store: Store) -> Incident | None:
        return await IncidentBook(store).get(incident_id)

    incident = with_store(data, storage, read)
    if incident is None:
        raise click.UsageError(
            f"there is no incident {incident_id}; `remediator incidents list` shows them"
        )
    if as_json:
        click.echo(json.dumps(whole_incident_json(incident), indent=2, ensure_ascii=False))
        return
    _print(console(), incident)


@incidents.command("review")
@click.argument("incident_id")
@store_options
@click.option(
    "--state",
    type=click.Choice([state.value for state in reviews.State]),
    required=True,
    help="Your verdict.",
)
@click.option("--why", metavar="TEXT", required=True, help="Your reason, 1 to 1,000 characters.")
@click.option(
    "--about",
    type=click.IntRange(min=1),
    metavar="SEQ",
    help="One entry of its audit log, by number; else the whole incident.",
)
@click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
def review_incident(
    incident_id: str,
    data: Path,
    storage: str | None,
    state: str,
    why: str,
    about: int | None,
    as_json: bool,
) -> None:
    """Put your review on record, under your user name here. It is an audit entry; a
    later review does not remove it."""

    async def write(store: Store) -> reviews.Review | None:
        incident = await IncidentBook(store).get(incident_id)
        return (
            await reviews.review(store, AuditLog(store), incident, name_person(), state, why, about)
            if incident
            else None
        )

    made = with_store(data, storage, write, write=True)
    if made is None:
        raise click.UsageError(
            f"there is no incident {incident_id}; `remediator incidents list` shows them"
        )
    if as_json:
        click.echo(json.dumps(to_json(made), indent=2, ensure_ascii=False))
        return
    console().print(f"{incident_id}: {made.state} by {made.by}, on record as entry {made.seq}")


@incidents.command("retry")
@click.argument("incident_id")
@store_options
@click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
def retry_incident(incident_id: str, data: Path, storage: str | None, as_json: bool) -> None:
    """Have an incident diagnosed anew, as a new attempt in the same incident: after you
    mended something, removed a lock, or changed the mode. Your name goes on record.

    The running app begins it within a minute, and obeys mode, tags and limits as for a
    new failure: in mode observe it ends as observed again. A cause that was fixed a
    short while ago is not fixed the same way again within the cooling time.

    Refused, with exit code 1, for an incident that is fixed or has not ended, while
    another one is at work on the VM, and while a lock window or a request of this one
    is not over.

    \b
    Examples:  remediator incidents list --status needs_person
               remediator incidents retry 20260131T020500-1a2b3c4d-5e6f7a8b
               remediator incidents show 20260131T020500-1a2b3c4d-5e6f7a8b
    """

    async def ask(store: Store) -> tuple[Incident | NotRetried | None, bool]:
        book = IncidentBook(store)
        locks = partial(why_in_hand, LockWindows(store), LockLedger(store))
        before = await book.find(incident_id)
        attempts = Attempts(book, Journal(AuditLog(store)), locks)
        made = await attempts.begin(incident_id, name_person())
        return made, before is not None and is_to_begin(before)

    made, asked_before = with_store(data, storage, ask, write=True)
    if made is None:
        raise click.UsageError(
            f"there is no incident {incident_id}; `remediator incidents list` shows them"
        )
    if isinstance(made, NotRetried):
        raise click.ClickException(made.reason)
    if as_json:
        click.echo(json.dumps(incident_json(made), indent=2, ensure_ascii=False))
        return
    told = "was asked for before and has not begun" if asked_before else "is on record"
    console().print(
        f"{made.id}: attempt {made.attempt} {told}; the running app begins it within a minute"
    )


def _print(console: Console, incident: Incident) -> None:
    """A step stays on one line: it may end with a command to copy."""
    console.print(f"{incident.id}  {incident.status}: {incident.reason}")
    console.print(
        f"VM {incident.vm_id or 'none'}\ncode {incident.error_code or 'not known'}, job"
        f" {incident.job_id}{f', attempt {incident.attempt}' if incident.attempt > 1 else ''}"
    )
    for finding in incident.findings:
        console.print(
            f"  {finding.verdict:10} {finding.cause}: {'; '.join(map(str, finding.evidence))}"
        )
    for line in incident.from_log:
        console.print(f"  log        {line}")
    for action in incident.all_actions:
        console.print(
            f"  {action.outcome or 'under way':10} {action.kind} {action.target} {action.detail}"
        )
    for number, step in enumerate(incident.manual_steps, 1):
        console.print(f"  {number}. {step}", soft_wrap=True)
