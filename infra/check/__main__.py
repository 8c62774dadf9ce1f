"""The command behind `make infra`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from infra.check import faults, security
from infra.check.findings import RULES
from infra.check.project import Result, check
from infra.check.type_data import trim

PAGE = Path("docs/infra-checks.md")
BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("folder", type=FOLDER, default="infra")
@click.option("--plan", is_flag=True, help="List every resource that a deployment makes, and stop.")
@click.option(
    "--checkov",
    type=click.Path(path_type=Path),
    default=".venv-checkov/bin/checkov",
    show_default=True,
    help="Where checkov is.",
)
@click.option("--no-checkov", is_flag=True, help="Skip checkov's security rules.")
@click.option("--no-faults", is_flag=True, help="Skip the seeded faults.")
@click.option("--write", is_flag=True, help="Write the table of faults into docs/infra-checks.md.")
@click.option("--trim", "snapshot", type=FOLDER, help="Rewrite the copy of the type data.")
def main(
    folder: Path,
    plan: bool,
    checkov: Path,
    no_checkov: bool,
    no_faults: bool,
    write: bool,
    snapshot: Path | None,
) -> None:
    """Check the Bicep files in FOLDER (default: infra) without the Bicep compiler.

    Two parsers must accept each file. Then come symbols, functions, modules, scopes,
    and each resource body against the compiler's own type data, and checkov's security
    rules. Last, faults are put into a copy, and each of them must be found.

    It is not the compiler: run `az bicep build --file infra/main.bicep` as well
    wherever you have it.

    --trim SNAPSHOT: a folder of Azure/bicep-types-az,
    <provider>/<api-version>/types.json; needed after a new resource type or
    api-version.

    Exit: 0 nothing found, 1 findings, 2 not run.
    """
    try:
        result = check(folder)
    except FileNotFoundError as error:
        raise click.UsageError(str(error)) from error
    if snapshot is not None:
        _trim(snapshot, result)
        return
    if plan:
        _print_plan(result)
        return
    problems = [f"{folder}/{each}" for each in result.findings]
    problems += [] if no_checkov else _run_checkov(checkov, folder)
    if not problems and not no_faults:
        problems += _run_faults(folder, write)
    for each in problems:
        click.echo(each)
    kinds = {each[2].partition("@")[0] for each in result.resources()}
    click.echo(
        f"{result.files} Bicep files, {len(result.resources())} resources of {len(kinds)} types,"
        f" {len(RULES)} rules: {_count_problems(problems)}"
    )
    sys.exit(1 if problems else 0)


def _run_checkov(checkov: Path, folder: Path) -> list[str]:
    click.echo("checkov's security rules, about half a minute ...", err=True)
    try:
        found = security.run(checkov, folder)
    except security.SecurityError as error:
        return [str(error)]
    click.echo(
        f"checkov: {found.passed} checks passed, {found.accepted} accepted with a reason,"
        f" {len(found.problems)} problems; every file parsed"
    )
    return found.problems


def _run_faults(folder: Path, write: bool) -> list[str]:
    outcomes = [faults.run(each, folder) for each in faults.FAULTS]
    listed = [each for each in outcomes if each.fault.listed]
    found = sum(each.found for each in outcomes)
    click.echo(
        f"seeded faults: {found} of {len(outcomes)} found, {sum(each.found for each in listed)} of"
        f" the {len(listed)} that parsers were tried with"
    )
    if write:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{faults.table(outcomes)}\n{END}{rest.partition(END)[2]}")
    missed = [f"the fault is not found: {each.fault.what}" for each in outcomes if not each.found]
    bare = [f"no fault shows that the rule {each} works" for each in faults.rules_without_fault()]
    return missed + bare


def _trim(snapshot: Path, result: Result) -> None:
    lacking = ", ".join(trim(snapshot, result.used_types())) or "none"
    click.echo(f"the type data is rewritten; the snapshot lacks, so write by hand: {lacking}")


def _print_plan(result: Result) -> None:
    for file, symbol, kind in sorted(result.resources()):
        click.echo(f"{file:<34} {symbol:<20} {kind}")
    click.echo(
        f"{len(result.resources())} resources, loops counted once and conditions taken as met; `az"
        " deployment sub what-if` says what would change"
    )


def _count_problems(problems: list[str]) -> str:
    if not problems:
        return "nothing found"
    return f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"


if __name__ == "__main__":
    main(prog_name="python -m infra.check")
