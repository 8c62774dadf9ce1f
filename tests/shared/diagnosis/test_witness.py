"""The job in the vault is the witness: what it does not confirm is not worked on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.diagnosis.witness import NotWitnessed, Witnessed, witness
from shared.facts import Absent, Job, Unreadable
from shared.incident.status import Status
from tests.shared.plan.test_deciding import INCIDENT

DETAILS = (
    {"errorCode": 0, "errorString": "VMSnapshot extension operation failed", "recommendations": []},
)
JOB = Job(
    "/j",
    "j",
    "Failed",
    "Backup",
    "vm",
    "iaasvmcontainerv2;rg;vm",
    "2026-01-01T00:00:00Z",
    "",
    DETAILS,
    "",
)


def test_a_failed_backup_of_this_vm_is_witnessed() -> None:
    found = witness(INCIDENT, JOB)
    assert isinstance(found, Witnessed)
    assert (found.error_code, found.failed_at) == ("ExtentionOperationFailed", JOB.start_time)
    assert found.message == "VMSnapshot extension operation failed"


def test_the_job_s_own_message_is_kept_with_its_code() -> None:
    said = "UserErrorCrpReportedUserError: OperationNotAllowed : it cannot exceed 18."
    found = witness(INCIDENT, replace(JOB, dynamic_error_message=said, error_details=()))
    assert isinstance(found, Witnessed)
    assert (found.error_code, found.message) == ("UserErrorCrpReportedUserError", said)


def test_the_job_that_the_event_names_may_tell_the_vm_s_name_only() -> None:
    assert isinstance(witness(INCIDENT, replace(JOB, container_name="")), Witnessed)


@pytest.mark.parametrize(
    ("job", "status"),
    [
        (Absent("the job"), Status.NEEDS_PERSON),
        (Unreadable("the job", "403"), Status.NEEDS_PERSON),
        (replace(JOB, operation="Restore"), Status.IGNORED),
        (replace(JOB, operation=""), Status.IGNORED),
        (replace(JOB, container_name="iaasvmcontainerv2;rg;vm0"), Status.NEEDS_PERSON),
        (replace(JOB, container_name="iaasvmcontainerv2;other;vm"), Status.NEEDS_PERSON),
        (replace(JOB, container_name="", entity_name="vm0"), Status.NEEDS_PERSON),
        (replace(JOB, container_name="", entity_name=""), Status.NEEDS_PERSON),
        (replace(JOB, status="Completed"), Status.IGNORED),
        (replace(JOB, status="InProgress"), Status.IGNORED),
        (replace(JOB, status=""), Status.IGNORED),
    ],
)
def test_anything_else_is_not(job: Job | Absent | Unreadable, status: Status) -> None:
    found = witness(INCIDENT, job)
    assert isinstance(found, NotWitnessed)
    assert found.status is status
    assert found.reason
