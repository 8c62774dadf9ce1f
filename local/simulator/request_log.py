"""The log of ARM requests that GET /_sim/requests shows."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from typing import Any

log = logging.getLogger("simulator")


@dataclass(frozen=True, slots=True)
class Logged:
    """One ARM request as GET /_sim/requests shows it; `at` is monotonic seconds."""

    n: int
    at: float
    method: str
    path: str
    status: int
    duration_ms: float
    late: bool = False
    """It got no answer, and took effect when `duration_ms` was over; `status` is the
    answer that nobody got."""

    def to_json(self) -> dict[str, Any]:
        """With `late` only where it is."""
        shown = asdict(self)
        if not self.late:
            del shown["late"]
        return shown


@dataclass(slots=True)
class Line:
    """A request on its way into the log."""

    number: int
    began: float
    method: str
    path: str
    status: int = 500  # aiohttp's answer to an exception
    late: bool = False

    def end(self, now: float) -> Logged:
        took_ms = round((now - self.began) * 1000, 3)
        answer = f"{self.status or 'reset'}{', late' if self.late else ''}"
        log.info("%s %s: %s, %.0f ms", self.method, self.path, answer, took_ms)
        return Logged(
            self.number, self.began, self.method, self.path, self.status, took_ms, self.late
        )
