"""The scripts around the templates, run with an `az` that records its arguments; and
the names that templates, scripts, settings and documents share."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CLIENT = "11111111-1111-1111-1111-111111111111"
AZ = """#!/bin/sh
printf '%s\\n' "$*" >> "$AZ_LOG"
case "$*" in
  *"ad app list"*) echo "$AZ_KNOWN" ;;
  *"ad app create"*) echo 11111111-1111-1111-1111-111111111111 ;;
  *"federated-credential list"*) echo "$AZ_KNOWN" ;;
  *"deployment sub show"*) echo "$AZ_OUTPUT" ;;
  *"cloud show"*) echo https://login.microsoftonline.com/ ;;
  *"account show --query tenantId"*) echo the-tenant ;;
  *"account show"*) echo the-subscription ;;
  *"web.redirectUris"*) echo "$AZ_REDIRECTS" ;;
  *"ad app show"*) echo the-object ;;
  *"ad sp show"*) [ -n "$AZ_KNOWN" ] ;;
esac
"""
OUTPUTS = (
    "RESOURCE_GROUP",
    "FUNCTION_APP",
    "TOPIC",
    "STORAGE_ACCOUNT",
    "SIGN_IN_REDIRECT",
    "IDENTITY_PRINCIPAL_ID",
    "INSTALLATION_NAME",
    "REMEDIATOR_DELIVERY",
)


@pytest.fixture
def run(tmp_path: Path):  # type: ignore[no-untyped-def]
    az, log = tmp_path / "az", tmp_path / "az.log"
    az.write_text(AZ)
    az.chmod(0o755)
    log.touch()

    def ran(
        script: str, *words: str, **environment: str
    ) -> tuple[subprocess.CompletedProcess[str], list[str]]:
        plain = {
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "AZ_LOG": str(log),
            "AZ_KNOWN": "",
            "AZ_OUTPUT": "",
            "AZ_REDIRECTS": "",
        }
        done = subprocess.run(
            ["sh", str(ROOT / "infra" / script), *words],
            env=plain | environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return done, log.read_text().splitlines()

    return ran


def test_connect_gives_the_events_template_what_it_asks_for(run) -> None:  # type: ignore[no-untyped-def]
    done, asked = run(
        "connect.sh",
        SIGN_IN_CLIENT_ID=CLIENT,
        **{name: name.lower() for name in OUTPUTS} | {"REMEDIATOR_DELIVERY": "queue"},
    )
    assert done.returncode == 0, done.stderr
    (deployed,) = [line for line in asked if line.startswith("deployment group create")]
    wanted = {
        name
        for name, default in re.findall(
            r"^param (\w+) \w+( = .*)?$", (ROOT / "infra/events.bicep").read_text(), re.MULTILINE
        )
        if not default
    }
    given = set(re.findall(r"(\w+)=", deployed))
    assert wanted <= given
    assert given - wanted == {"delivery", "name"}
    assert "functionApp=function_app" in deployed
    assert "signInObjectId=the-object" in deployed
    assert "delivery=queue" in deployed
    (credential,) = [line for line in asked if "federated-credential create" in line]
    assert '"issuer": "https://login.microsoftonline.com/the-tenant/v2.0"' in "\n".join(asked)
    assert CLIENT in credential
    assert not any("deployment sub show" in line for line in asked), "azd gave the outputs"


def test_connect_reads_the_outputs_of_the_deployment(run) -> None:  # type: ignore[no-untyped-def]
    done, asked = run(
        "connect.sh",
        SIGN_IN_CLIENT_ID=CLIENT,
        AZ_OUTPUT="function",
        AZ_KNOWN="there",
        DEPLOYMENT="mine",
    )
    assert done.returncode == 0, done.stderr
    read = [line for line in asked if line.startswith("deployment sub show --name mine")]
    assert [re.findall(r"outputs\.(\w+)\.", line)[0] for line in read] == list(OUTPUTS)
    declared = set(
        re.findall(r"^output (\w+) ", (ROOT / "infra/main.bicep").read_text(), re.MULTILINE)
    )
    assert set(OUTPUTS) <= declared
    assert not any("federated-credential create" in line for line in asked), "it is there already"


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({}, "set SIGN_IN_CLIENT_ID to the application id that ./infra/sign-in.sh printed"),
        (
            {"SIGN_IN_CLIENT_ID": CLIENT, "REMEDIATOR_DELIVERY": "post", "AZ_OUTPUT": "found"},
            "REMEDIATOR_DELIVERY is 'post'; it takes function or queue",
        ),
        (
            {"SIGN_IN_CLIENT_ID": CLIENT},
            (
                "the deployment backup-remediator has no output RESOURCE_GROUP: deploy"
                " infra/main.bicep first"
            ),
        ),
    ],
)
def test_connect_says_what_is_missing_and_changes_nothing(
    run, environment: dict[str, str], says: str
) -> None:  # type: ignore[no-untyped-def]
    done, asked = run("connect.sh", **environment)
    assert done.returncode == 2
    assert says in done.stderr
    assert not any(re.search(r"\b(create|update)\b", line) for line in asked)


def test_the_redirects_of_other_installations_stay(run) -> None:  # type: ignore[no-untyped-def]
    outputs = {name: name.lower() for name in OUTPUTS} | {
        "REMEDIATOR_DELIVERY": "function",
        "SIGN_IN_REDIRECT": "https://two/callback",
    }
    _, asked = run(
        "connect.sh", SIGN_IN_CLIENT_ID=CLIENT, AZ_REDIRECTS="https://one/callback", **outputs
    )
    assert (
        f"ad app update --id {CLIENT} --web-redirect-uris https://one/callback https://two/callback"
        in asked
    )


def test_a_redirect_that_is_there_is_left_alone(run) -> None:  # type: ignore[no-untyped-def]
    outputs = {name: name.lower() for name in OUTPUTS} | {
        "REMEDIATOR_DELIVERY": "function",
        "SIGN_IN_REDIRECT": "https://two/callback",
    }
    _, asked = run(
        "connect.sh",
        SIGN_IN_CLIENT_ID=CLIENT,
        AZ_REDIRECTS="https://one/callback\nhttps://two/callback",
        **outputs,
    )
    assert not any(line.startswith("ad app update") for line in asked)


def test_sign_in_makes_one_registration(run) -> None:  # type: ignore[no-untyped-def]
    done, asked = run("sign-in.sh")
    assert (done.returncode, done.stdout) == (0, f"{CLIENT}\n"), done.stderr
    steps = [
        "ad app list",
        "ad app create",
        "ad app update",
        "cloud show",
        "ad app show",
        "rest",
        "ad sp show",
        "ad sp create",
    ]
    assert [line.split(" --")[0] for line in asked] == steps
    assert asked[0].startswith("ad app list --filter displayName eq 'Azure Backup Remediator' ")
    assert '{"api": {"requestedAccessTokenVersion": 2}}' in asked[5]


def test_sign_in_finishes_what_a_run_before_it_left(run) -> None:  # type: ignore[no-untyped-def]
    done, asked = run("sign-in.sh", AZ_KNOWN=CLIENT)
    assert done.stdout == f"{CLIENT}\n"
    assert [line.split(" --")[0] for line in asked] == [
        "ad app list",
        "ad app update",
        "cloud show",
        "ad app show",
        "rest",
        "ad sp show",
    ]


def test_sign_in_does_not_guess_between_two(run) -> None:  # type: ignore[no-untyped-def]
    done, asked = run("sign-in.sh", AZ_KNOWN=f"{CLIENT}\n{CLIENT[:-1]}2")
    assert done.returncode == 2
    assert "several app registrations are named" in done.stderr
    assert len(asked) == 1


def test_the_roles_of_people_are_those_of_the_app() -> None:
    from functions.pages.access import Role

    roles = json.loads((ROOT / "infra/app-roles.json").read_text())
    assert [each["value"] for each in roles] == [each.value for each in Role]
    assert len({each["id"] for each in roles}) == len(roles)


def test_every_output_is_read() -> None:
    """Of a module by the template that uses it; of main.bicep by connect.sh or by
    whoever follows infra/README.md."""
    templates = {path: path.read_text() for path in (ROOT / "infra").rglob("*.bicep")}
    read_by = {name for text in templates.values() for name in re.findall(r"outputs\.(\w+)", text)}
    read_by |= set(OUTPUTS)
    read_by |= set(re.findall(r"`(\w+)`", (ROOT / "infra/README.md").read_text()))
    outputs = {
        (path.name, name)
        for path, text in templates.items()
        for name in re.findall(r"^output (\w+) ", text, re.MULTILINE)
    }
    assert len(outputs) > 20
    assert {each for each in outputs if each[1] not in read_by} == set()


def test_azd_gives_the_template_what_it_needs() -> None:
    main = (ROOT / "infra/main.bicep").read_text()
    parameters = set(re.findall(r"^param (\w+) ", main, re.MULTILINE))
    required = {
        name
        for name, default in re.findall(r"^param (\w+) \w+( = .*)?$", main, re.MULTILINE)
        if not default
    }
    given = set(json.loads((ROOT / "infra/main.parameters.json").read_text())["parameters"])
    assert required <= given <= parameters
    hooks = (ROOT / "azure.yaml").read_text()
    for script in re.findall(r"run: (\./infra/\S+)", hooks):
        assert os.access(ROOT / script, os.X_OK)


def test_the_settings_that_are_deployed_exist() -> None:
    from dataclasses import fields

    from shared.settings import Settings

    known = {each.metadata["name"] for each in fields(Settings)}
    deployed = set(
        re.findall(
            r"^    (REMEDIATOR_\w+):",
            (ROOT / "infra/modules/function-app.bicep").read_text(),
            re.MULTILINE,
        )
    )
    assert deployed
    assert deployed <= known
