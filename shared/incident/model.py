"""An incident: one failed backup job of one VM, from the first event to its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from shared.arm_ids import fold, protected_item_id
from shared.events.model import CodeHint
from shared.facts import COMPLETED_JOB_STATUSES, Lock
from shared.incident.outcome import Outcome
from shared.incident.returning import Returning
from shared.incident.status import ENDED, MOVES, Status
from shared.sentences import Sentence


class Verdict(StrEnum):
    CONFIRMED = "CONFIRMED"
    RULED_OUT = "RULED_OUT"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Target:
    """A resource that a fix would change, with the locks at or above it."""

    id: str
    locks: tuple[Lock, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict of one checker on its cause."""

    cause: str
    verdict: Verdict
    evidence: tuple[Sentence, ...]
    """Each with the fact that it rests on."""
    targets: tuple[Target, ...] = ()
    """What the cause's fix would act on; only with CONFIRMED."""
    by_hand: tuple[Sentence, ...] = ()
    """What a person can do about exactly this, where no fix is made; () where the
    cause's own advice says it all."""
    gone: bool = False
    """What the cause's fix acts on was looked for, and Azure shows it nowhere."""
    returning: Returning | None = None
    """With CONFIRMED: how soon the same failure comes back after the fix; None where it
    does not."""


@dataclass(frozen=True, slots=True)
class Action:
    """One change that was begun for this incident."""

    kind: str
    target: str
    outcome: Outcome
    """DONE, FAILED, REFUSED, or UNDER_WAY."""
    cause: str
    detail: str = ""
    code: str = ""
    """ARM's `error.code`, where Azure refused a change of its unit, or it failed."""


class Answer(StrEnum):
    """What became of a request that changes something."""

    NONE = ""
    """Not known yet: whoever sends it may live, or may have died."""
    ACCEPTED = "accepted"
    """Azure works on it."""
    DONE = "done"
    FAILED = "failed"
    """Azure refused it, or its operation failed: nothing of it follows any more."""
    UNKNOWN = "not known"
    """Nobody knows whether it took effect; what Azure shows has to say."""


LIFT, PROVE, RESTORE = "lift_lock", "prove_lock", "restore_lock"
"""Kinds of a lock's entries in the audit log; who looks after the lock closes them."""
ORDER = "backup"
"""Kind of the order of the verifying backup, or of the second try."""
RUN_BACKUP_AGAIN = "run_backup_again"
"""Kind of the second try: where no cause is found, one new backup."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that changes something, written before it is sent, by one execution."""

    kind: str
    target: str
    token: str
    """Random: the one execution that may send it."""
    at: str
    """When it was written, ISO 8601."""
    answer: Answer = Answer.NONE
    result: str = ""
    """Of a backup that began: its job's id."""

    @property
    def under_way(self) -> bool:
        return self.answer in (Answer.NONE, Answer.ACCEPTED)


TIMED_OUT, NOT_FOUND = "timed out", "not found"
"""Outcomes of a verifying backup that was followed for too long, or whose job is gone.
"""


@dataclass(frozen=True, slots=True)
class Verification:
    """The on-demand backup that shows whether the fix worked."""

    job_id: str
    outcome: str = ""
    """"" while it runs, then the job's last status, TIMED_OUT or NOT_FOUND."""
    error_code: str = ""
    """What it failed with, where it failed and the job names a code."""
    began_at: str = ""
    """ISO 8601; "" while it runs."""
    since: str = ""
    """When we began to follow it, ISO 8601; "" for one that an older version began."""
    point_type: str = ""
    """`recoveryPointType` of its recovery point, as Azure wrote it; "" before it
    completed, and where that is not known."""

    @property
    def completed(self) -> bool:
        """The new backup made a recovery point: backups of this VM work again."""
        return fold(self.outcome) in COMPLETED_JOB_STATUSES


@dataclass(frozen=True, slots=True)
class LaterFailure:
    """A backup of the VM that failed after the one that the incident was opened for;
    the incident goes on with it."""

    job_id: str
    error_code: str
    """"" where the job names none."""
    began_at: str
    """ISO 8601."""


class Awaited(StrEnum):
    """What an incident waits for before it changes anything."""

    JOB = "job"
    """A job of the VM that runs."""
    PLACE = "place"
    """Its turn within the limit of changes an hour."""
    ANSWER = "answer"
    """A fact that could not be read."""
    GROUP = "group"
    """A resource group that another lock window has, or a lock of which is not settled
    yet."""
    PAUSE = "pause"
    """The end of the pause before a second try."""
    BACKUP = "backup"
    """The next UTC day: of this one no on-demand backup of the VM is left."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the incident waits for, or waited for before the change that is due now."""

    since: str
    """When it first had to wait, ISO 8601: its rank in the line, and the beginning of
    its 24 hours."""
    awaited: Awaited
    cause: str
    """The cause whose fix it waits with; "" before one is planned."""
    group_id: str = ""
    """With GROUP: the resource group."""
    group_since: str = ""
    """With GROUP: when it first found that group held, ISO 8601: the beginning of its
    patience. It begins anew once the incident enters a window, or has waited for
    anything else."""


@dataclass(frozen=True, slots=True)
class EnteredWindow:
    """A lock window that the incident opened or joined."""

    group_id: str
    id: str
    end: str = ""
    """How it ended for this incident; "" while that is not on record."""


@dataclass(frozen=True, slots=True)
class FactsOnRecord:
    """What a diagnosis read of Azure, for shared/diagnosis/gathered.py."""

    failed_at: str
    """When the failed job began that it was read for."""
    read_at: str
    read: Mapping[str, str]
    """Question -> answer, as the text of a JSON value."""
    jobs_at: str = ""
    """When it was asked for later backups of the VM and for jobs that run, and there
    was none; "" where that is not known."""
    vaults: tuple[str, ...] = ()
    """Ids of the vaults that were asked."""


@dataclass(frozen=True, slots=True)
class Incident:
    id: str
    status: Status
    subscription_id: str
    vault_id: str
    vm_id: str
    container_name: str
    item_name: str
    job_id: str
    error_code: str
    """In the catalogue's spelling; "" while unknown."""
    opened_at: str
    closed_at: str = ""
    description: str = ""
    reason: str = ""
    """Why the incident is where it is, for a person."""
    error_code_hints: tuple[CodeHint, ...] = ()
    findings: tuple[Finding, ...] = ()
    from_log: tuple[Sentence, ...] = ()
    """What the log of the workspace tells of the VM: evidence beside the findings; ()
    where no workspace is configured."""
    actions: tuple[Action, ...] = ()
    verification: Verification | None = None
    later_failures: tuple[LaterFailure, ...] = ()
    waiting: Waiting | None = None
    """Set from the first wait until the change that had to wait has ended."""
    retry_at: str = ""
    """When the pause before the second try of its newest failure ends, ISO 8601; ""
    before one is planned."""
    windows: tuple[EnteredWindow, ...] = ()
    """The lock windows that it had, oldest first."""
    manual_steps: tuple[Sentence, ...] = ()
    fired_at: str = ""
    """When the failure was reported, by the event; "" where the event has no time that
    can be read."""
    part_of: str = ""
    """Id of the incident that was at work on this VM when this failure came: this one
    is part of its history."""
    restarts: int = 0
    """How often the work was lost and begun again since its last progress."""
    passed: tuple[str, ...] = ()
    """Stages that came through in work that was begun again: its progress."""
    backup_since: str = ""
    """When the verifying backup was first ordered; "" before, and once there is a job
    to follow."""
    sent: tuple[Sent, ...] = ()
    """Its single changes, oldest first; an order of the verifying backup until there is
    a job to follow. shared/execution/fence.py."""
    facts: FactsOnRecord | None = None
    """What the newest diagnosis judges."""
    attempt: int = 1
    """Grows when a person has it diagnosed anew. shared/incident/attempts.py."""
    earlier_actions: tuple[Action, ...] = ()
    """The actions of earlier attempts, oldest first."""
    shown_before: bool = False
    """A backup of ours ended in an earlier attempt, and tested the fixes of it."""
    returning: Returning | None = None
    """What comes of its fix in time; None where that lasts, or there is none."""

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    @property
    def lock_stays(self) -> bool:
        """It is fixed for a time only, until somebody removes a lock."""
        shown = self.returning
        return self.status is Status.FIXED and shown is not None and shown.needs_somebody

    @property
    def at_work(self) -> bool:
        """Its work has begun, and has not ended."""
        return not self.ended and self.status is not Status.OPEN

    @property
    def attempt_key(self) -> str:
        """Names this attempt where changes are counted: in the limit of changes an
        hour, and in the cooling time."""
        return self.id if self.attempt == 1 else f"{self.id} (attempt {self.attempt})"

    @property
    def all_actions(self) -> tuple[Action, ...]:
        """The actions of every attempt, oldest first."""
        return (*self.earlier_actions, *self.actions)

    @property
    def item_id(self) -> str:
        """Id of the VM's protected item in the vault."""
        return protected_item_id(self.vault_id, self.container_name, self.item_name)

    def sends(self, kind: str, target: str) -> tuple[Sent, ...]:
        """The requests of this kind for this target, oldest first."""
        wanted = (kind, fold(target))
        return tuple(each for each in self.sent if (each.kind, fold(each.target)) == wanted)

    @property
    def orders(self) -> tuple[Sent, ...]:
        """The orders of the verifying backup, until there is a job to follow."""
        return self.sends(ORDER, self.item_id)

    @property
    def all_later_failures(self) -> tuple[LaterFailure, ...]:
        """The backups of the VM that failed after the first, the verifying one
        included."""
        shown = self.verification
        if shown is None or fold(shown.outcome) != "failed":
            return self.later_failures
        return (
            *self.later_failures,
            LaterFailure(shown.job_id, shown.error_code, shown.began_at),
        )

    @property
    def newest_failure(self) -> LaterFailure | None:
        """The newest of them; None when there is none."""
        return max(self.all_later_failures, key=lambda each: each.began_at, default=None)

    @property
    def code_now(self) -> str:
        """The error code that the diagnosis goes by: that of the newest failure."""
        newest = self.newest_failure
        return self.error_code if newest is None else newest.error_code

    @property
    def is_second_try(self) -> bool:
        """What it did last is a second try, not a fix."""
        return bool(self.actions) and self.actions[-1].kind == RUN_BACKUP_AGAIN

    @property
    def tried(self) -> frozenset[str]:
        """Causes whose fix was carried to an end in this attempt, well or badly: each
        is tried once. The fix that waits is not over."""
        ended = {action.cause for action in self.actions if action.outcome and action.cause}
        return frozenset(ended - {self.waiting.cause if self.waiting else ""})

    def moved(self, status: Status, reason: str, *, now: str) -> Incident:
        """The incident in a new status, or with a new reason in the same status. Raises
        ValueError for a move that the table does not have."""
        if status == self.status:
            return replace(self, reason=reason or self.reason)
        if status not in MOVES[self.status]:
            raise ValueError(f"incident {self.id} cannot go from {self.status} to {status}")
        # Those of an earlier attempt hold until this one is at work.
        steps = () if self.status is Status.OPEN else self.manual_steps
        closed_at = now if status in ENDED else ""
        return replace(self, status=status, reason=reason, closed_at=closed_at, manual_steps=steps)
