"""checkov over the Bicep files, in an environment of its own because it pins an older
parser.

A failed check is a problem unless infra/check/accepted.json gives a reason; an
acceptance that no check needs any more is a problem as well. checkov exits with 0 after
a file that it could not parse, so its list of these has to be empty.
https://www.checkov.io

Each file is checked by itself. Given a folder, checkov keeps one table of names for all
of its files (bicep/graph_builder/local_graph.py, `vertices_by_name`), filled in the
order of a set: `param name` of one file got the default of another, and the result
changed with the hash seed of the process.
"""

from __future__ import annotations

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ACCEPTED = Path(__file__).parent / "accepted.json"
LONGEST_SECONDS = 300
AT_ONCE = 2


class SecurityError(Exception):
    """checkov did not run, or did not read every file; the message says which."""


@dataclass(frozen=True, slots=True)
class Security:
    passed: int
    accepted: int
    problems: list[str]


def run(checkov: Path, folder: Path) -> Security:
    """Raises SecurityError where checkov is missing, gives no JSON, or could not parse
    a file."""
    if not checkov.is_file():
        raise SecurityError(
            f"{checkov} is not there: make infra installs it, or --no-checkov leaves it out"
        )
    files = sorted(folder.rglob("*.bicep"))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda file: _run_checkov(checkov, file), files))
    return judge(answers, json.loads(ACCEPTED.read_text()))


def _run_checkov(checkov: Path, file: Path) -> Any:
    command = [
        str(checkov),
        "-f",
        str(file),
        "--framework",
        "bicep",
        "--skip-download",
        "--compact",
        "-o",
        "json",
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False
    )
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        raise SecurityError(
            f"{file}: checkov gave no JSON (exit {done.returncode}): {done.stderr.strip()[-500:]}"
        ) from error


def judge(answers: list[Any], accepted: list[dict[str, str]]) -> Security:
    """`answers`: the output of checkov for each file; `accepted`: check, resource,
    reason."""
    results = [_read_results(each) for each in answers]
    passed = sum(len(each["passed_checks"]) for each in results)
    if not passed:
        raise SecurityError("checkov checked nothing")
    problems, count = _find_problems(
        [each for one in results for each in one["failed_checks"]], accepted
    )
    return Security(passed, count, problems)


def _read_results(answer: Any) -> dict[str, list[Any]]:
    """The checks of one file; none where checkov has no rule for its contents."""
    if (
        isinstance(answer, dict)
        and answer.get("resource_count") == answer.get("parsing_errors") == 0
    ):
        return {"passed_checks": [], "failed_checks": []}
    results = answer.get("results") if isinstance(answer, dict) else None
    if not results or "parsing_errors" not in results:
        raise SecurityError(f"checkov checked nothing: {str(answer)[:200]}")
    if results["parsing_errors"]:
        unread = ", ".join(map(str, results["parsing_errors"]))
        raise SecurityError(f"checkov could not parse {unread}, and so checked nothing there")
    return {name: list(checks) for name, checks in results.items()}


def _find_problems(
    failed_checks: list[Any], accepted: list[dict[str, str]]
) -> tuple[list[str], int]:
    """The problems, and how many failed checks are accepted."""
    failed = {(each["check_id"], each["resource"]): each for each in failed_checks}
    allowed = {(each["check"], each["resource"]): each["reason"] for each in accepted}
    problems = [
        f"{each['file_path'].lstrip('/')}: {key[0]}: {each['check_name']} ({key[1]})"
        for key, each in failed.items()
        if key not in allowed
    ]
    problems += [
        f"accepted.json: {check} on {resource} is not found any more: take it out"
        for check, resource in allowed
        if (check, resource) not in failed
    ]
    problems += [
        f"accepted.json: {check} on {resource} has no reason"
        for (check, resource), reason in allowed.items()
        if not reason.strip()
    ]
    return sorted(problems), len(failed.keys() & allowed.keys())
