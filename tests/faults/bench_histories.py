"""What a day of following or waiting costs the durable engine. `make bench` writes
docs/benchmarks/histories.{json,md}."""

from __future__ import annotations

import json
import logging
from typing import Any

from tests.faults.bench_windows import FOLDER
from tests.faults.histories import START, Engine
from tests.faults.long_work import followed, waited

WORK = {
    "a verifying backup of 23 hours, followed": followed,
    "a wait of 24 hours for a job of the VM": waited,
}
TITLES = (
    "",
    "hours",
    "activities",
    "histories",
    "events of the longest",
    "KB of the longest",
    "CPU of its costliest episode, ms",
    "CPU in all, s",
)


def measured(what: str, engine: Engine) -> dict[str, Any]:
    return {
        "what": what,
        "hours": round((engine.now - START).total_seconds() / 3600, 1),
        "activities": len(engine.calls),
        "histories": len(engine.histories),
        "events": max(len(each.events) for each in engine.histories),
        "kb": round(max(each.bytes for each in engine.histories) / 1000),
        "episode_ms": round(max(each.longest_cpu_seconds for each in engine.histories) * 1000),
        "cpu_s": round(sum(each.cpu_seconds for each in engine.histories), 2),
    }


def main() -> None:
    logging.disable(logging.CRITICAL)
    found = [measured(what, work()) for what, work in WORK.items()]
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "histories.json").write_text(json.dumps({"runs": found}, indent=1) + "\n")
    lines = [
        "# What a long wait costs",
        "",
        (
            "The orchestrator in the durable library (1.x), in virtual time, with the pauses of the"
            " product where nothing is set. The library reads and"
        ),
        (
            "replays the whole history in each episode, so that is what must stay small: after 100"
            " pauses the work goes on in a new history."
        ),
        "",
        "| " + " | ".join(TITLES) + " |",
        "|---|" + "---:|" * (len(TITLES) - 1),
    ]
    lines += ["| " + " | ".join(str(value) for value in each.values()) + " |" for each in found]
    (FOLDER / "histories.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines[5:]))


if __name__ == "__main__":
    main()
