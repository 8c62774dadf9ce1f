"""A repair after which the same failure comes back: the lock that kept the old restore
points is back as well, as promised, so that they pile up again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Returning:
    """How fast a repair of restore points wears off, and what became of it."""

    room: int
    """How many backups pass until one fails again, the verifying one among them."""
    backups_a_week: int | None
    """None where the policy's schedule cannot be read."""
    locks: tuple[str, ...] = ()
    """Ids of the locks on groups that are not the VM's own: they protect nothing but
    the old restore points, and somebody has to remove them."""
    at: str = ""
    """About when a backup fails again, ISO 8601; "" until the incident is fixed, and
    where the schedule is not known."""
    nth: int = 0
    """Which repair of this kind of the VM it is; 0 until the incident is fixed."""
    since: str = ""
    """When the incident of the first of them was opened, ISO 8601."""
    over: str = ""
    """Why nobody has to do anything about it any more; "" until then."""

    @property
    def needs_somebody(self) -> bool:
        """The VM is backed up, and somebody has to remove a lock all the same."""
        return bool(self.nth and self.locks and not self.over)


def ordinal(number: int) -> str:
    """In English: 1st, 2nd, 3rd, 4th, 11th, 21st."""
    tens, ones = divmod(number % 100, 10)
    ending = "th" if tens == 1 else {1: "st", 2: "nd", 3: "rd"}.get(ones, "th")
    return f"{number}{ending}"
