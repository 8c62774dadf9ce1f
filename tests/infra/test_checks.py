"""infra/ breaks no rule, and every rule finds the fault that is seeded for it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from infra.check import faults, security
from infra.check.__main__ import main
from infra.check.findings import Finding
from infra.check.project import check
from infra.check.type_data import BY_HAND, HERE, trim

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
SNAPSHOT = ROOT.parent / "shared/bicep-types"
OUTCOMES: dict[str, faults.Outcome] = {}


def test_the_deployment_is_clean() -> None:
    assert check(INFRA).findings == []


@pytest.mark.parametrize("fault", faults.FAULTS, ids=lambda each: each.what)
def test_a_seeded_fault_is_found(fault: faults.Fault) -> None:
    outcome = faults.run(fault, INFRA)
    OUTCOMES[fault.what] = outcome
    assert outcome.found, f"{fault.rule} is not among {sorted(outcome.rules)}"


def test_every_rule_has_a_fault() -> None:
    assert faults.rules_without_fault() == []
    assert sum(each.listed for each in faults.FAULTS) == 18


def test_the_page_has_the_table_of_today() -> None:
    outcomes = [OUTCOMES.get(each.what) or faults.run(each, INFRA) for each in faults.FAULTS]
    assert faults.table(outcomes) in (ROOT / "docs/infra-checks.md").read_text(), (
        "python -m infra.check --no-checkov --write"
    )


def test_a_fault_that_changes_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="0 times in main.bicep, not once"):
        faults.run(faults.Fault("nothing", "main.bicep", "syntax", "not there", ""), INFRA)


def test_a_finding_needs_a_rule() -> None:
    with pytest.raises(ValueError, match="no such rule: taste"):
        Finding("main.bicep", 1, "taste", "")


def test_the_type_data_holds_what_is_used_and_no_more() -> None:
    held = {
        each["name"]
        for path in HERE.glob("*.json")
        for each in json.loads(path.read_text())["types"]
        if each["$type"] == "ResourceType"
    }
    assert held == check(INFRA).used_types()


@pytest.mark.skipif(
    not SNAPSHOT.is_dir(), reason="the full snapshot of the type data is not beside the project"
)
def test_the_type_data_is_what_the_snapshot_says(tmp_path: Path) -> None:
    lacking = trim(SNAPSHOT, check(INFRA).used_types(), tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        path.name: path.read_text() for path in HERE.glob("*.json") if path.name != BY_HAND
    }
    by_hand = {
        each["name"].casefold()
        for each in json.loads((HERE / BY_HAND).read_text())["types"]
        if each["$type"] == "ResourceType"
    }
    assert set(lacking) == by_hand


def test_the_command_says_what_it_looked_at() -> None:
    run = CliRunner().invoke(main, [str(INFRA), "--no-checkov", "--no-faults"])
    assert run.exit_code == 0, run.output
    assert run.output.splitlines()[-1].startswith("13 Bicep files, 38 resources of 24 types, ")
    assert run.output.endswith("nothing found\n")


def test_the_command_names_file_line_and_rule(tmp_path: Path) -> None:
    copy = tmp_path / "infra"
    shutil.copytree(INFRA, copy)
    main_bicep = copy / "main.bicep"
    main_bicep.write_text(
        main_bicep.read_text().replace(
            "location: location\n  tags: allTags\n}", "locations: location\n  tags: allTags\n}"
        )
    )
    run = CliRunner().invoke(main, [str(copy), "--no-checkov"])
    assert run.exit_code == 1
    assert (
        "unknown-property: Microsoft.Resources/resourceGroups@2025-04-01 has no locations; did you"
        " mean location?" in run.output
    )
    assert (
        "missing-property: Microsoft.Resources/resourceGroups@2025-04-01: location is required"
        in run.output
    )
    assert run.output.endswith("2 problems\n")


def test_a_value_that_holds_itself_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "main.bicep").write_text("var a = { b: a }\noutput c object = a\n")
    assert [each.rule for each in check(tmp_path).findings] == ["cycle"]


def test_a_folder_without_bicep_is_not_clean(tmp_path: Path) -> None:
    run = CliRunner().invoke(main, [str(tmp_path)])
    assert run.exit_code == 2
    assert "there is no .bicep file" in run.output


def test_the_plan_lists_every_resource() -> None:
    lines = CliRunner().invoke(main, [str(INFRA), "--plan"]).output.splitlines()
    assert any(
        line.split() == ["modules/topic.bicep", "topic", "Microsoft.EventGrid/topics@2025-02-15"]
        for line in lines
    )
    assert len(lines) == 39


def _report(failed: list[tuple[str, str]], parsing_errors: list[str] | None = None) -> Any:
    rows = [
        {
            "check_id": check,
            "check_name": "a rule",
            "resource": resource,
            "file_path": "/main.bicep",
        }
        for check, resource in failed
    ]
    return {
        "results": {
            "passed_checks": [{}],
            "failed_checks": rows,
            "parsing_errors": parsing_errors or [],
        }
    }


NO_RULE = {
    "passed": 0,
    "failed": 0,
    "skipped": 0,
    "parsing_errors": 0,
    "resource_count": 0,
    "checkov_version": "3",
}
"""What checkov prints for a file that none of its rules applies to."""
ACCEPTED = [{"check": "CKV_AZURE_1", "resource": "a.b", "reason": "because"}]


def test_checkov_accepts_what_has_a_reason() -> None:
    found = security.judge([_report([("CKV_AZURE_1", "a.b")]), NO_RULE], ACCEPTED)
    assert (found.passed, found.accepted, found.problems) == (1, 1, [])


def test_checkov_fails_on_the_rest_and_on_stale_acceptances() -> None:
    assert security.judge([_report([("CKV_AZURE_2", "a.b")])], ACCEPTED).problems == [
        "accepted.json: CKV_AZURE_1 on a.b is not found any more: take it out",
        "main.bicep: CKV_AZURE_2: a rule (a.b)",
    ]
    assert security.judge(
        [_report([("CKV_AZURE_1", "a.b")])], [ACCEPTED[0] | {"reason": " "}]
    ).problems == ["accepted.json: CKV_AZURE_1 on a.b has no reason"]


def test_checkov_runs_on_every_file() -> None:
    answers = [_report([("CKV_AZURE_1", "a.b")]), _report([("CKV_AZURE_2", "c.d")]), NO_RULE]
    found = security.judge(answers, ACCEPTED)
    assert (found.passed, found.accepted, found.problems) == (
        2,
        1,
        ["main.bicep: CKV_AZURE_2: a rule (c.d)"],
    )


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (_report([], ["/main.bicep"]), "could not parse /main.bicep"),
        (NO_RULE | {"parsing_errors": 1}, "checked nothing"),
        ([], "checked nothing"),
        ({"passed": 0, "failed": 0}, "checked nothing"),
        ({"results": {"failed_checks": []}}, "checked nothing"),
    ],
)
def test_checkov_that_did_not_see_a_file_is_an_error(answer: Any, says: str) -> None:
    with pytest.raises(security.SecurityError, match=says):
        security.judge([_report([]), answer], [])


def test_checkov_that_has_no_rule_for_any_file_is_an_error() -> None:
    with pytest.raises(security.SecurityError, match="checked nothing"):
        security.judge([NO_RULE, NO_RULE], [])


STAND_IN = """#!{python}
# As checkov does: one table of names for all files that it is given, filled in the
# order of a set; the last one of a name wins.
import json, re, sys
from pathlib import Path
given = Path(sys.argv[2])
paths = given.rglob("*.bicep") if sys.argv[1] == "-d" else [given]
texts = {{path.name: path.read_text() for path in paths}}
defaults = {{}}
for file in set(texts):
    defaults |= re.findall(r"param (\\w+) string(?: = '(.*)')?", texts[file])
failed = [
    {{
        "check_id": "CKV_AZURE_43",
        "check_name": "naming",
        "resource": f"account of {{file}}",
        "file_path": "/" + file,
    }}
    for file, text in texts.items()
    if "resource account" in text and "-" in defaults["name"]
]
results = {{"passed_checks": [{{}}], "failed_checks": failed, "parsing_errors": []}}
print(json.dumps({{"results": results}}))
"""


def test_the_result_does_not_depend_on_the_order_of_a_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller gives the module's `name`; the default of `name` in another file is
    not its value."""
    checkov, folder = tmp_path / "checkov", tmp_path / "infra"
    checkov.write_text(STAND_IN.format(python=sys.executable))
    checkov.chmod(0o755)
    folder.mkdir()
    (folder / "main.bicep").write_text("param name string = 'backup-remediator'")
    (folder / "storage.bicep").write_text(
        "param name string\nresource account 'x@1' = { name: name }"
    )
    monkeypatch.setattr(security, "ACCEPTED", tmp_path / "accepted.json")
    security.ACCEPTED.write_text("[]")
    as_one, each_by_itself = set(), set()
    for seed in range(10):
        monkeypatch.setenv("PYTHONHASHSEED", str(seed))
        as_one.add(subprocess.run([checkov, "-d", folder], capture_output=True, check=True).stdout)
        found = security.run(checkov, folder)
        each_by_itself.add((found.passed, found.accepted, *found.problems))
    assert len(as_one) == 2, "the stand-in no longer plays the fault"
    assert each_by_itself == {(2, 0)}


def test_checkov_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(security.SecurityError, match="make infra installs it"):
        security.run(tmp_path / "checkov", INFRA)


def test_every_acceptance_has_a_reason() -> None:
    for each in json.loads(security.ACCEPTED.read_text()):
        assert set(each) == {"check", "resource", "reason"}
        assert len(each["reason"]) > 40
