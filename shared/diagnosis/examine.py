"""Runs one checker. The causes of an incident are examined side by side, and their
findings put back in the catalogue's order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shared import catalogue
from shared.diagnosis.checkers.contract import Reader, Subject
from shared.incident.model import Finding


async def examine(slug: str, subject: Subject, reader: Reader) -> Finding:
    return await catalogue.cause(slug).checker.check(subject, reader)


def in_order(findings: Iterable[Finding], slugs: Sequence[str]) -> tuple[Finding, ...]:
    """Findings in the order of `slugs`; fan-out gives them in any."""
    return tuple(sorted(findings, key=lambda finding: slugs.index(finding.cause)))
