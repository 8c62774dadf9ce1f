"""App settings of the runs: Azure's times, shrunk."""

from __future__ import annotations

SETTINGS = {
    "REMEDIATOR_SUBSCRIPTION_ID": "11111111-1111-1111-1111-111111111111",
    "REMEDIATOR_STORE": "sqlite:unused",
    "REMEDIATOR_MODE": "auto",
    "REMEDIATOR_POLL_SECONDS": "0.02",
    "REMEDIATOR_JOB_POLL_SECONDS": "0.05",
    "REMEDIATOR_BUSY_POLL_SECONDS": "0.05",
    "REMEDIATOR_GATHER_SECONDS": "3",
    "REMEDIATOR_GUARDIAN_GRACE_SECONDS": "0.2",
    "REMEDIATOR_LOST_AFTER_SECONDS": "0",
    "REMEDIATOR_RETRY_SECONDS": "0.5",
    "REMEDIATOR_CALL_TIMEOUT_SECONDS": "2",
    "REMEDIATOR_RESTORE_PATIENCE_SECONDS": "0.4",
    "REMEDIATOR_UNLOCK_WAIT_SECONDS": "1",
    "REMEDIATOR_WINDOW_SECONDS": "3",
    "REMEDIATOR_CHANGES_PER_HOUR": "100000",
}
PATIENT = {
    "REMEDIATOR_GATHER_SECONDS": "60",
    "REMEDIATOR_CALL_TIMEOUT_SECONDS": "60",
    "REMEDIATOR_RETRY_SECONDS": "60",
    "REMEDIATOR_RESTORE_PATIENCE_SECONDS": "60",
    "REMEDIATOR_UNLOCK_WAIT_SECONDS": "60",
    "REMEDIATOR_WINDOW_SECONDS": "80",
}
"""For runs without a fault: nothing is given up because this machine is slow."""
PATIENT_ALONE = PATIENT | {"REMEDIATOR_GATHER_SECONDS": "3"}
"""The same for one failure: nobody else will join its window, and a thirtieth of the
longest gathering is always waited."""
