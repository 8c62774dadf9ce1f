"""`remediator scenarios`: the failures that can be simulated."""

from __future__ import annotations

import json
from typing import Any

import click

from command_line.console import console, make_table
from local import scenarios as stored


@click.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
def scenarios(name: str | None, as_json: bool) -> None:
    """List the scenarios, or show the one called NAME: a state of Azure, the event of a
    failed backup, and how it should end.

    `simulate`, `demo` and `try` take the output of NAME --json as a file.

    \b
    Examples:  remediator scenarios
               remediator scenarios winmanagedvm --json > mine.json
               remediator demo --scenario mine.json
    """
    if name is None:
        _list(as_json)
        return
    scenario = stored.load_whole(name)
    if as_json:
        document = {key: scenario[key] for key in (*stored.SHAPE, "logs") if key in scenario}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        return
    click.echo(f"{scenario['title']}\n{scenario.get('description', '')}\n")
    for resource in scenario["resources"]:
        click.echo(f"  {resource.get('id', '?')}")
    click.echo(f"\nExpected: {describe_end(scenario['expect'])}")


def _list(as_json: bool) -> None:
    scenarios = {name: stored.load_whole(name) for name in stored.names()}
    if as_json:
        rows = [
            {"name": name, "title": scenario["title"], "expect": scenario["expect"]}
            for name, scenario in scenarios.items()
        ]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    listed = make_table("Scenario", "Title", "Expected")
    for name, scenario in scenarios.items():
        listed.add_row(name, scenario["title"], describe_end(scenario["expect"]))
    console().print(listed)


def describe_end(expect: dict[str, Any]) -> str:
    """The end that a scenario expects, in one line."""
    parts = [
        expect["status"],
        expect.get("cause") and f"because of {expect['cause']}",
        ", ".join(expect.get("actions") or []),
    ]
    return "; ".join(part for part in parts if part)
