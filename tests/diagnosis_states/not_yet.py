"""What the product does not do yet as the documents say, by the work that will do it.

The one list of exceptions. A row that misses anything else fails; so does one that is
listed here and misses it no more: take it out then.
"""

from __future__ import annotations

NOT_YET: dict[str, dict[str, str]] = {
    "Cause 5: what rules it out, and what only a person can know": {
        "S09 no agent by design": "5",
        "nowhere on linux, agent silent": "5",
    },
    "The remedy: what holds up a fix, and what speaks against a second try": {
        "extension operations are off": "remedy",
        "agent reported ready three days ago": "remedy",
    },
    "Causes 2 and 3: age of the agent's report, and an agent that answers": {
        "agent reported ready three days ago": "2",
        "power state missing, agent ready": "2",
        "power state unknown": "2",
    },
    "Cause 4 by provisioning state and running operations": {
        "agent reported ready three days ago": "4",
        "S14 other extension failed": "4",
        "the extension put the VM in failed state": "4",
        "updating since before the job": "4",
        "updating since a minute": "4",
        "VM in failed state": "4",
        "a backup runs": "4",
        "a restore runs": "4",
    },
}
"""Work -> row -> what it misses: numbers of causes, or "remedy"."""


def misses_of(row: str) -> set[str]:
    """What this row may miss, and must."""
    return {what for rows in NOT_YET.values() for what in rows.get(row, "").split()}
