from __future__ import annotations

from tests.local.simulator.conftest import start

__all__ = ["start"]
