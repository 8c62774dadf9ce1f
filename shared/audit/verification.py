"""Every check of a log or an export, entry by entry. It keeps the ends of chains, not
their entries."""

from __future__ import annotations

from collections.abc import Iterable

from shared.audit.chain import Broken, Chains
from shared.audit.entry import Entry
from shared.audit.heads import Days
from shared.audit.seals import check_seals


class Verification:
    """Checks hashes, links, daily heads, and sealed heads where there are any."""

    def __init__(self) -> None:
        self._chains, self._days = Chains(), Days()
        self._first: Broken | None = None
        self.entries = 0

    @property
    def incidents(self) -> int:
        """Number of chains so far, that of the heads included."""
        return len(self._chains)

    def add(self, entry: Entry) -> None:
        """The entries of one chain must come in order. After the first that does not
        verify, entries are only counted."""
        self.entries += 1
        if self._first is None:
            self._first = self._chains.add(entry)
            self._days.add(entry)

    def broken(self, seals: Iterable[Entry] = ()) -> Broken | None:
        """The first entry that does not verify; None when all do."""
        return self._first or self._days.broken() or check_seals(seals, self._days.heads)
