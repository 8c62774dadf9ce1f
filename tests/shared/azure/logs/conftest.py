from __future__ import annotations

from tests.local.simulator.conftest import start, start_with_world

__all__ = ["start", "start_with_world"]
