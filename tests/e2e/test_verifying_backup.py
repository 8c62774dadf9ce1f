"""The verifying backup is refused in passing, its answer lost, its job not to be seen
yet: waited for, tried again, never two of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local.promises import broken_promises
from tests.e2e.conftest import Product, running, scenario
from tests.e2e.test_guards import EXTENSION, LOCKED, ended, of_type
from tests.e2e.test_lifecycle import BACKUP_ITEM

pytestmark = pytest.mark.asyncio(loop_scope="module")
LOCKED_ITEM = {
    "error": {
        "code": "BMSUserErrorObjectLocked",
        "message": "Another operation is in progress on the selected item.",
    }
}
PASSING: dict[str, dict[str, Any]] = {
    "429": {"status": 429},
    "429 with Retry-After": {"status": 429, "headers": {"Retry-After": "1"}},
    "500": {"status": 500},
    "503": {"status": 503},
    "409 object locked": {"status": 409, "body": LOCKED_ITEM},
    "409 another operation": {
        "status": 409,
        "body": {"error": {"code": "AnotherOperationInProgress", "message": "m"}},
    },
    "409 backup in progress": {
        "status": 409,
        "body": {"error": {"code": "UserErrorBackupOperationInProgress", "message": "m"}},
    },
    "reset": {"reset": True},
    "HTML": {"status": 200, "body": "<html>Sign in</html>"},
}
LASTING: dict[str, dict[str, Any]] = {
    "400": {"status": 400, "body": {"error": {"code": "UserErrorInvalidRequest", "message": "m"}}},
    "403": {"status": 403},
    "404": {"status": 404},
    "409 stopped": {
        "status": 409,
        "body": {"error": {"code": "UserErrorProtectionStopped", "message": "m"}},
    },
}


async def orders(product: Product) -> list[int]:
    """The statuses of the requests for a backup."""
    return [
        each["status"]
        for each in await product.requests()
        if each["method"] == "POST" and each["path"].endswith("/backup")
    ]


async def kept(product: Product, before: dict[str, Any], incident: dict[str, Any]) -> list[str]:
    entries = await product.audit(incident["id"])
    return broken_promises(
        before, await product.state(), await product.requests(), incident, entries
    )


@pytest.mark.parametrize("refusal", PASSING)
@pytest.mark.parametrize("times", [1, 2])
async def test_a_passing_refusal_is_waited_for(product: Product, refusal: str, times: int) -> None:
    case = scenario(EXTENSION)
    await product.azure(case)
    before = await product.state()
    await product.fault(method="POST", path_regex=BACKUP_ITEM, times=times, action=PASSING[refusal])
    incident = await ended(product, case)
    assert incident["status"] == "fixed", incident
    assert len(await orders(product)) == times + 1
    assert (incident["backup_attempts"], incident["backup_since"]) == (0, "")
    waited = [
        entry["result"]
        for entry in await product.audit(incident["id"])
        if entry["result"].startswith("waiting: ")
    ]
    assert len(waited) == times
    assert all("verifying backup is tried again in" in each and "of 3" in each for each in waited)
    assert await kept(product, before, incident) == []


@pytest.mark.parametrize("refusal", PASSING)
async def test_a_refusal_that_stays_ends_with_a_person_after_three_attempts(
    product: Product, refusal: str
) -> None:
    case = scenario(LOCKED)
    await product.azure(case)
    before = await product.state()
    await product.fault(method="POST", path_regex=BACKUP_ITEM, action=PASSING[refusal])
    incident = await ended(product, case)
    assert incident["status"] == "needs_person", incident
    assert "the verifying backup could not be started" in incident["reason"]
    assert incident["manual_steps"]
    assert len(await orders(product)) == 3
    assert await kept(product, before, incident) == []


@pytest.mark.parametrize("refusal", LASTING)
async def test_a_lasting_refusal_goes_to_a_person_at_once(product: Product, refusal: str) -> None:
    case = scenario(EXTENSION)
    await product.azure(case)
    await product.fault(method="POST", path_regex=BACKUP_ITEM, action=LASTING[refusal])
    incident = await ended(product, case)
    assert incident["status"] == "needs_person", incident
    assert len(await orders(product)) == 1


async def test_a_retry_after_beyond_the_half_hour_is_not_waited_for(product: Product) -> None:
    case = scenario(EXTENSION)
    await product.azure(case)
    await product.fault(
        method="POST",
        path_regex=BACKUP_ITEM,
        action={"status": 429, "headers": {"Retry-After": "3000"}},
    )
    incident = await ended(product, case)
    assert incident["status"] == "needs_person"
    assert "30 minutes" in incident["reason"]
    assert len(await orders(product)) == 1


@pytest.mark.parametrize("hidden", [0, 3], ids=["seen at once", "not to be seen at first"])
async def test_a_backup_whose_answer_was_lost_is_followed_and_not_ordered_again(
    product: Product, hidden: int
) -> None:
    """It may even have ended by the time it is looked for."""
    case = scenario(EXTENSION)
    await product.azure(case)
    await product.fault(method="POST", path_regex=BACKUP_ITEM, times=1, action={"reset": "after"})
    if hidden:
        await product.fault(
            method="GET", path_regex="/backupJobs$", times=hidden, action={"status": 503}
        )
    incident = await ended(product, case)
    assert incident["status"] == "fixed", incident
    assert len(await orders(product)) == 1
    jobs = of_type(await product.state(), "Microsoft.RecoveryServices/vaults/backupJobs")
    assert len([job for job in jobs if job["properties"]["status"] == "Completed"]) == 1


async def test_the_operation_of_an_accepted_backup_that_cannot_be_read(product: Product) -> None:
    case = scenario(EXTENSION)
    await product.azure(case)
    await product.fault(
        method="GET",
        path_regex="/operationsStatus/",
        action={"status": 200, "body": "<html></html>"},
    )
    incident = await ended(product, case)
    assert incident["status"] == "fixed", incident
    assert len(await orders(product)) == 1


@pytest.mark.parametrize(("times", "status"), [(3, "fixed"), (None, "needs_person")])
async def test_a_new_job_that_is_not_to_be_seen_is_looked_for_again(
    product: Product, times: int | None, status: str
) -> None:
    """The failed job is read before; from then on the vault says that the new one is
    not there."""
    case = scenario(EXTENSION)
    await product.azure(case)
    gone = {
        "status": 404,
        "body": {"error": {"code": "ResourceNotFound", "message": "The job is not there."}},
    }
    limited = {"times": times} if times else {}
    await product.fault(
        method="GET", path_regex=rf"/backupJobs/(?!{case['job_id']})[^/]+$", action=gone, **limited
    )
    incident = await ended(product, case)
    assert incident["status"] == status, incident
    assert len(await orders(product)) == 1


@pytest.mark.parametrize(("times", "status"), [(1, "fixed"), (2, "needs_person")])
async def test_a_removal_that_was_preempted_is_tried_once_more(
    product: Product, times: int, status: str
) -> None:
    case = scenario(EXTENSION)
    await product.azure(case)
    before = await product.state()
    problem = {
        "code": "OperationPreempted",
        "message": "Operation execution has been preempted by a more recent operation.",
    }
    await product.fault(
        method="DELETE",
        path_regex="/extensions/VMSnapshot$",
        times=times,
        action={"lro_fail": problem},
    )
    incident = await ended(product, case)
    assert incident["status"] == status, incident
    assert [method for method, _ in await product.changes()].count("DELETE") == 2
    assert await kept(product, before, incident) == []
    if status == "needs_person":
        assert "came in between" in incident["reason"]


async def test_a_worker_that_dies_between_two_attempts_does_not_count_anew(tmp_path: Path) -> None:
    case = scenario(EXTENSION)
    async with running(tmp_path, REMEDIATOR_JOB_POLL_SECONDS="0.5") as product:
        await product.azure(case)
        await product.fault(method="POST", path_regex=BACKUP_ITEM, action={"status": 503})
        await product.deliver(case["event"])
        while (await product.incident_of(case["job_id"], ended=False))["backup_attempts"] < 2:
            pass
        answer = await product.http.post(f"{product.app}/_host/worker/kill")
        assert answer.status < 300
        incident = await product.incident_of(case["job_id"])
        assert incident["status"] == "needs_person", incident
        assert len(await orders(product)) in (
            2,
            3,
        ), "an attempt that died after it was counted may not have been sent"
