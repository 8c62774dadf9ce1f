"""checkov over the Bicep files, in an environment of its own because it pins an older parser.

What it finds fails the check unless infra_check/accepted.json says why not; an acceptance that nothing needs any more fails as well.
It ends with 0 after a file that it could not parse, so that list has to be empty. https://www.checkov.io
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ACCEPTED = Path(__file__).parent / "accepted.json"
LONGEST_SECONDS = 300


class SecurityError(Exception):
    """checkov did not run, or did not see everything; the message says which."""


@dataclass(frozen=True, slots=True)
class Security:
    passed: int
    accepted: int
    problems: list[str]


def run(checkov: Path, folder: Path) -> Security:
    if not checkov.is_file():
        raise SecurityError(f"{checkov} is not there: make infra installs it, or --no-checkov leaves it out")
    command = [str(checkov), "-d", str(folder), "--framework", "bicep", "--skip-download", "--compact", "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False)
    try:
        answer = json.loads(done.stdout)
    except ValueError as error:
        raise SecurityError(f"checkov gave no JSON (exit {done.returncode}): {done.stderr.strip()[-500:]}") from error
    return judged(answer, json.loads(ACCEPTED.read_text()))


def judged(answer: Any, accepted: list[dict[str, str]]) -> Security:
    """`answer`: what checkov printed; `accepted`: check, resource, reason."""
    report = answer[0] if isinstance(answer, list) and answer else answer
    results = report.get("results") if isinstance(report, dict) else None
    if not results or "parsing_errors" not in results:
        raise SecurityError("checkov checked nothing")
    if results["parsing_errors"]:
        raise SecurityError(
            f"checkov could not parse {', '.join(map(str, results['parsing_errors']))}, and so checked nothing there"
        )
    failed = {(each["check_id"], each["resource"]): each for each in results["failed_checks"]}
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
        f"accepted.json: {check} on {resource} has no reason" for (check, resource), reason in allowed.items() if not reason.strip()
    ]
    return Security(len(results["passed_checks"]), len(failed.keys() & allowed.keys()), sorted(problems))
