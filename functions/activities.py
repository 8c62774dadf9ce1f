"""The orchestrator and its activities: their names, and the one type that each activity
takes and the one that it gives.

What passes between them is a frozen dataclass, which the codec makes plain JSON. The
table is for both sides: functions/remediation.py has the shells, one a row, and
functions/orchestration.py calls them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shared.codec import from_json
from shared.incident.model import Finding
from shared.incident.next_step import NextStep
from shared.incident.outcome import StepOutcome
from shared.plan.decide import Decision
from shared.plan.planner import Plan
from shared.plan.steps import Step
from shared.settings import Settings
from shared.verification.follow import Look

ORCHESTRATOR = "remediate"


@dataclass(frozen=True, slots=True)
class Begin:
    incident_id: str
    recovered: bool = False
    """What a lost process left was brought to its end."""


@dataclass(frozen=True, slots=True)
class OfIncident:
    """For an activity that needs to know no more."""

    incident_id: str


@dataclass(frozen=True, slots=True)
class OfFailure:
    incident_id: str
    failed_at: str
    """When the backup that failed began."""


@dataclass(frozen=True, slots=True)
class Check:
    incident_id: str
    failed_at: str
    cause: str


@dataclass(frozen=True, slots=True)
class Decide:
    incident_id: str
    failed_at: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class TakeTurn:
    incident_id: str
    failed_at: str
    plan: Plan
    unread: int = 0
    """That of the last answer."""


@dataclass(frozen=True, slots=True)
class CarryOut:
    incident_id: str
    cause: str
    unit: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Settle:
    incident_id: str
    plan: Plan
    outcomes: tuple[StepOutcome, ...]


@dataclass(frozen=True, slots=True)
class HandOver:
    incident_id: str
    stage: str
    """The activity that failed at every attempt."""
    error: str


@dataclass(frozen=True, slots=True)
class Progress:
    incident_id: str
    stage: str
    """The activity that came through."""


@dataclass(frozen=True, slots=True)
class Done:
    """For an activity that has no more to say."""


@dataclass(frozen=True, slots=True)
class Activity[W, R]:
    name: str
    takes: type[W]
    gives: type[R]

    def read_work(self, data: Any) -> W:
        """Raises NotUsable."""
        return from_json(self.takes, data)

    def read_result(self, data: Any) -> R:
        """Raises NotUsable."""
        return from_json(self.gives, data)


BEGIN = Activity("begin_incident", Begin, NextStep)
RECOVER = Activity("recover_incident", OfIncident, Done)
BEFORE_DIAGNOSIS = Activity("before_diagnosis", OfFailure, NextStep)
CHECK = Activity("check_cause", Check, Finding)
DECIDE = Activity("decide_plan", Decide, Decision)
TAKE_TURN = Activity("take_turn", TakeTurn, NextStep)
CARRY_OUT = Activity("carry_out_unit", CarryOut, StepOutcome)
SETTLE = Activity("settle_fix", Settle, NextStep)
START_BACKUP = Activity("start_backup", OfIncident, NextStep)
LOOK_AT_BACKUP = Activity("look_at_backup", OfIncident, Look)
CONCLUDE_BACKUP = Activity("conclude_backup", OfIncident, NextStep)
HAND_OVER = Activity("hand_over_incident", HandOver, Done)
NOTE_PROGRESS = Activity("note_progress", Progress, Done)

ACTIVITIES: tuple[Activity[Any, Any], ...] = (
    BEGIN,
    RECOVER,
    BEFORE_DIAGNOSIS,
    CHECK,
    DECIDE,
    TAKE_TURN,
    CARRY_OUT,
    SETTLE,
    START_BACKUP,
    LOOK_AT_BACKUP,
    CONCLUDE_BACKUP,
    HAND_OVER,
    NOTE_PROGRESS,
)


@dataclass(frozen=True, slots=True)
class Pace:
    """Pauses and limits, in seconds. The orchestrator may not read settings itself."""

    job_poll_seconds: float
    longest_pause_seconds: float
    busy_poll_seconds: float
    longest_busy_pause_seconds: float
    busy_wait_seconds: float
    """How long a member of a lock window waits for its leader."""

    @classmethod
    def of(cls, settings: Settings) -> Pace:
        return cls(
            settings.job_poll_seconds,
            settings.longest_pause_seconds,
            settings.busy_poll_seconds,
            settings.longest_busy_pause_seconds,
            settings.group_patience_seconds,
        )


@dataclass(frozen=True, slots=True)
class GoesOn:
    """Where the last history ended."""

    wait: OfFailure | TakeTurn | None = None
    """The work of `before_diagnosis` or `take_turn` that waits; None while the
    verifying backup is followed."""
    pause_seconds: float = 0.0
    """The next pause of the wait."""


@dataclass(frozen=True, slots=True)
class Remediate:
    """The orchestrator's input."""

    incident_id: str
    pace: Pace
    restarted: bool = False
    """The work was begun before, and the durable engine lost it."""
    goes_on: GoesOn | None = None
    """Set where this history follows another one."""
