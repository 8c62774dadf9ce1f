"""The status of an incident, and the table of the moves that it may make.

1. Work goes down the table. FIXING and VERIFYING return to DIAGNOSING when a cause is
   left, or after the durable engine lost its state; from there straight to VERIFYING
   when the lost work turns out to be done.
2. WAITING stands before a change. It leads back to DIAGNOSING, since findings grow old,
   or to IGNORED when the failure healed by itself.
3. Any work may end with a person. Only a person's word leaves an ended status: the
   incident is OPEN again, as a new attempt. Nothing leaves FIXED.
4. Only the first stage takes an incident out of OPEN. A later stage that finds it OPEN
   was called for an earlier attempt.
"""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    OPEN = "open"
    DIAGNOSING = "diagnosing"
    WAITING = "waiting"
    AWAITING_APPROVAL = "awaiting_approval"
    FIXING = "fixing"
    VERIFYING = "verifying"
    FIXED = "fixed"
    NEEDS_PERSON = "needs_person"
    OBSERVED = "observed"
    IGNORED = "ignored"
    FAILED = "failed"


ENDED = frozenset(
    {Status.FIXED, Status.NEEDS_PERSON, Status.OBSERVED, Status.IGNORED, Status.FAILED}
)

MOVES: dict[Status, frozenset[Status]] = {
    Status.OPEN: frozenset(
        {Status.DIAGNOSING, Status.WAITING, Status.IGNORED, Status.NEEDS_PERSON, Status.FAILED}
    ),
    Status.DIAGNOSING: frozenset(
        {
            Status.FIXING,
            Status.WAITING,
            Status.VERIFYING,
            Status.AWAITING_APPROVAL,
            Status.OBSERVED,
            Status.IGNORED,
            Status.NEEDS_PERSON,
            Status.FAILED,
        }
    ),
    Status.WAITING: frozenset(
        {Status.DIAGNOSING, Status.IGNORED, Status.NEEDS_PERSON, Status.FAILED}
    ),
    Status.AWAITING_APPROVAL: frozenset({Status.FIXING, Status.NEEDS_PERSON, Status.FAILED}),
    Status.FIXING: frozenset(
        {
            Status.VERIFYING,
            Status.DIAGNOSING,
            Status.WAITING,
            Status.IGNORED,
            Status.NEEDS_PERSON,
            Status.FAILED,
        }
    ),
    Status.VERIFYING: frozenset(
        {Status.FIXED, Status.DIAGNOSING, Status.NEEDS_PERSON, Status.FAILED}
    ),
    Status.FIXED: frozenset(),
} | {status: frozenset({Status.OPEN}) for status in ENDED - {Status.FIXED}}
