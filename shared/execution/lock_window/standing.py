"""What people are shown of the lock ledger: how every lock stands that is not settled,
and every row that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass

from shared.arm_ids import fold, is_at_or_above
from shared.execution.lock_window.deletions import RESTORE_LOCKS
from shared.execution.lock_window.ledger import LockLedger
from shared.execution.lock_window.lock_row import LockRow, LockState
from shared.execution.lock_window.strange_rows import StrangeRow
from shared.incident.model import Incident


@dataclass(frozen=True, slots=True)
class Standing:
    """Rows are in the order in which somebody should look at them."""

    rows: tuple[LockRow, ...] = ()
    """All that can be read, those that are settled as well."""
    unreadable: tuple[StrangeRow, ...] = ()

    @property
    def unsettled(self) -> tuple[LockRow, ...]:
        """Those that are not over, and those of locks that are missing since."""
        return tuple(row for row in self.rows if row.open or row.needs_somebody)

    @property
    def for_somebody(self) -> tuple[LockRow, ...]:
        return tuple(row for row in self.rows if row.needs_somebody)

    def of(self, incident: Incident) -> tuple[LockRow, ...]:
        """Those of the windows that it led, and those that are not over of the locks
        that were in the way of what it deletes."""
        targets = [each.target for each in incident.all_actions if each.kind == RESTORE_LOCKS]
        return tuple(
            row
            for row in self.rows
            if row.incident_id == incident.id
            or (row.open and any(is_at_or_above(row.lock.scope, each) for each in targets))
        )


def is_late(row: LockRow) -> bool:
    """Whether it should be back by now, and is not known to be."""
    return row.open and row.overdue and row.state is not LockState.WATCHED


async def read_standing(ledger: LockLedger) -> Standing:
    """Raises StoreUnavailable."""
    hands, unreadable = await ledger.read_all()
    rows = sorted((hand.row for hand in hands), key=_order)
    return Standing(tuple(rows), tuple(unreadable))


def _order(row: LockRow) -> tuple[bool, bool, bool, str, str]:
    watched = row.state is LockState.WATCHED
    return not row.needs_somebody, not row.open, watched, row.deadline, fold(row.lock.id)
