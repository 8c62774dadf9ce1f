"""The times of the lock protocol, all from the settings. docs/lock-protocol.md says
what each is for."""

from __future__ import annotations

from dataclasses import dataclass

from shared.settings import Settings

LONGEST_TICK_SECONDS = 55.0
"""One tick of the guardian's timer; the next one comes after 60 s."""
KEPT_SECONDS = 24 * 3600.0
"""How long the row of a lock is kept, and looked at, after it is over."""
SETTLED_LOOK_SECONDS = 3600.0
"""Pause between two looks at a lock whose row is over."""


@dataclass(frozen=True, slots=True)
class Times:
    """In seconds."""

    lease: float
    """T: an owner whose heartbeat did not change for so long is dead."""
    write: float
    """w: one lock write, all included."""
    watch: float
    """Q."""
    late: float
    """L: the latest effect of a request."""
    stale: float
    """R: the oldest read."""
    grace: float
    """How long after its deadline an open window is left to its owner."""
    patience: float
    """How long one execution tries to put a lock back."""
    window: float
    """The longest time that a group stays unlocked."""

    @classmethod
    def of(cls, settings: Settings) -> Times:
        return cls(
            lease=settings.lease_seconds,
            write=min(settings.lease_seconds * 6 / 15, settings.call_timeout_seconds),
            watch=settings.watch_seconds,
            late=settings.late_seconds,
            stale=settings.stale_seconds,
            grace=settings.guardian_grace_seconds,
            patience=settings.restore_patience_seconds,
            window=settings.window_seconds,
        )

    @property
    def heartbeat(self) -> float:
        """H, and the limit of one beat: so T >= 2 (H + s) + w + m holds."""
        return self.lease * 2 / 15

    @property
    def margin(self) -> float:
        """m: from the last look at the clock to the bytes."""
        return self.lease / 15

    @property
    def store(self) -> float:
        """How long a write of the store is waited for while a lock is off."""
        return self.lease / 15

    @property
    def read(self) -> float:
        """The time limit of one GET of a lock."""
        return self.lease / 5

    @property
    def last_start(self) -> float:
        """Before its end a window takes nothing off any more: what was sent has its
        answer then. In a short window at most a quarter of it."""
        return min(self.write + self.margin, self.window / 4)

    @property
    def look(self) -> float:
        """P: the guardian's look."""
        return self.lease / 3

    @property
    def longest_silence(self) -> float:
        """Since the last heartbeat: then nothing is lifted or deleted any more, and the
        owner puts back by itself."""
        return self.lease - self.write - self.margin

    @property
    def tick(self) -> float:
        """How long the guardian stays while a row or a window is open."""
        return min(LONGEST_TICK_SECONDS, self.lease * LONGEST_TICK_SECONDS / 15)

    @property
    def next_tick(self) -> float:
        """Within how long the guardian's next tick begins: a minute."""
        return self.lease * 4

    @property
    def closing(self) -> float:
        """How long somebody stays to close the window of an owner that may be dead:
        until that is known, and its locks had their time to go back."""
        return self.lease + 2 * self.look + self.patience

    @property
    def gone(self) -> float:
        """For how long a group has to be gone until it is believed: five minutes."""
        return self.lease * 20

    def find_problems(self) -> list[str]:
        """The sums that do not hold: the app starts all the same, and a lock may be
        left off that the protocol promises to watch."""
        needed = self.late + self.stale + self.write
        if self.watch >= needed:
            return []
        return [
            f"REMEDIATOR_WATCH_SECONDS is {self.watch:g}: a watch shorter than"
            f" REMEDIATOR_LATE_SECONDS ({self.late:g}), REMEDIATOR_STALE_SECONDS ({self.stale:g})"
            f" and one lock write ({self.write:g}) may end before a late deletion takes effect"
        ]

    def watch_pause(self, watched: float) -> float:
        """Until the next look at a lock that is watched since `watched` seconds."""
        return min(max(watched, 2.0 * self.lease / 15), self.lease)
