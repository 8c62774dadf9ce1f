"""A lock whose resource group was deleted cannot be put back. That is believed only
where the group's own GET says so, at least three times over five minutes, in a
subscription that can be read: any other 404 may be a proxy's, or about something else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from shared import clock
from shared.arm_ids import fold, parse, same
from shared.azure.reader import ArmReader
from shared.azure.subscriptions import list_subscriptions
from shared.errors import AzureCallFailed
from shared.execution.lock_window.ledger import Hand, Wrote
from shared.execution.lock_window.lock_row import LockRow
from shared.execution.lock_window.times import Times
from shared.facts import Absent

GROUP_NOT_FOUND = "ResourceGroupNotFound"
MOST_LOOKS = 3


@dataclass(frozen=True, slots=True)
class GoneGroups:
    reader: ArmReader
    times: Times

    async def is_gone(self, hand: Hand, token: str) -> bool:
        """Look once more, and remember it in the row. False: it is there, or that is
        not sure yet."""
        seen_gone = await self._look(hand.row)

        def remember(row: LockRow) -> LockRow:
            looks = (*row.gone[:1], *row.gone[1:][-1:], clock.now())
            return replace(row, gone=looks if seen_gone else ())

        if await hand.write(token, remember) is not Wrote.STORED:
            return False
        looks = hand.row.gone
        return len(looks) >= MOST_LOOKS and clock.after(looks[0], self.times.gone) <= looks[-1]

    async def _look(self, row: LockRow) -> bool:
        name = parse(row.group_id).resource_group
        group = await self.reader.resource_group_tags(name)
        if not (isinstance(group, Absent) and fold(group.code) == fold(GROUP_NOT_FOUND)):
            return False
        own = self.reader.clients.subscription_id
        try:
            return any(same(each, own) for each in await list_subscriptions(self.reader.clients))
        except AzureCallFailed:
            return False
