"""What the product does not do yet as the documents say, by the work that will do it.

The one list of exceptions. A row that misses anything else fails; so does one that is
listed here and misses it no more: take it out then.
"""

from __future__ import annotations

NOT_YET: dict[str, dict[str, str]] = {
    "Cause 5: what rules it out, and what only a person can know": {
        "seen only as a handler that is ready": "5",
        "handler refuses a downgrade": "5",
    },
    "The remedy: what holds up a fix, and what speaks against a second try": {
        "handler refuses a downgrade": "remedy",
        "S05 cause outside the code's row": "remedy",
        "extension failed, its group is locked": "remedy",
        "S32 old words of the extension": "remedy",
        "18 points locked, shut down inside the guest": "remedy",
        "the extension put the VM in failed state": "remedy",
    },
    "Cause 1: words of another cause speak against the network": {
        "file systems do not freeze, code of its own": "1",
    },
}
"""Work -> row -> what it misses: numbers of causes, or "remedy"."""


def misses_of(row: str) -> set[str]:
    """What this row may miss, and must."""
    return {what for rows in NOT_YET.values() for what in rows.get(row, "").split()}
