"""Every `az` command in the steps for a person works as printed in a shell whose
default subscription is another one."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest

from shared import catalogue
from shared.diagnosis import advice
from shared.diagnosis.advice import About
from shared.sentences import Sentence
from tests.words.filled import SUBSCRIPTION, VAULT_ID
from tests.words.lines import Line, lines
from tests.words.printed import INCIDENT, PRINTED

STEPS = [
    line for line in lines() if not line.named and line.where.startswith(("shared/", *PRINTED))
]
OF_A_LOCK = ["az", "lock"]
SHOW_POLICY = ["az", "policy", "assignment", "show"]
VAULTS = "99999999-9999-9999-9999-999999999999"
"""The subscription of a vault that is not the VM's."""


def names_subscription(words: list[str]) -> bool:
    """By `--subscription`, or by full ids. The Azure CLI ignores the subscription in
    the id of a lock, reads it from the path of the URL of `az rest`, and gets a policy
    assignment by its scope alone, which may be a management group."""
    if "--subscription" in words:
        return True
    if words[:2] == ["az", "rest"]:
        return words[words.index("--url") + 1].startswith("/subscriptions/")
    if words[:4] == SHOW_POLICY:
        return "--scope" in words
    return "--ids" in words and words[:2] != OF_A_LOCK


@pytest.mark.parametrize("line", STEPS, ids=lambda line: line.where)
def test_a_step_names_the_subscription(line: Line) -> None:
    assert names_subscription(line.words), line.text


def test_every_source_of_steps_is_looked_at() -> None:
    where = {line.where for line in STEPS} | {line.where.rpartition(":")[0] for line in STEPS}
    assert set(PRINTED) - where == set()
    assert {
        "shared/diagnosis/advice.py",
        "shared/diagnosis/agent_steps.py",
        "shared/diagnosis/by_hand.py",
        "shared/diagnosis/failed_extensions.py",
        "shared/diagnosis/refusing_locks.py",
    } <= where


@pytest.mark.parametrize(
    ("command", "fine"),
    [
        ("az vm start --ids A", True),
        ("az vm nic list --vm-name A --resource-group B", False),
        ("az vm nic list --vm-name A --resource-group B --subscription C", True),
        ("az lock delete --ids A", False),
        ("az lock delete --name=A --subscription C --resource D", True),
        ("az rest --method post --url '/subscriptions/C/x?api-version=1'", True),
        ("az rest --method post --url '/providers/x?api-version=1'", False),
    ],
)
def test_a_command_that_goes_to_the_default_subscription_is_seen(command: str, fine: bool) -> None:
    assert names_subscription(shlex.split(command)) is fine


def _advise() -> list[Sentence]:
    incident = replace(INCIDENT, vault_id=VAULT_ID.replace(SUBSCRIPTION, VAULTS))
    about = About.of(incident)
    steps = [step for cause in catalogue.CAUSES for step in cause.advice(about)]
    return [*steps, *advice.vm_gone(about), *advice.unknown_code(incident)]


def test_the_subscription_is_that_of_the_vm_or_of_the_vault() -> None:
    commands = [step.values["command"] for step in _advise() if "command" in step.values]
    words = [shlex.split(str(each)) for each in commands if str(each).startswith("az ")]
    named = [
        ("backup" in each, each[each.index("--subscription") + 1])
        for each in words
        if "--subscription" in each
    ]
    assert set(named) == {(True, VAULTS), (False, SUBSCRIPTION)}
