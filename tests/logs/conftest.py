from __future__ import annotations

from tests.simulator.conftest import start

__all__ = ["start"]
