"""Over HTTP, as served: the developer is let in, a forged header is not, and a review
goes all the way."""

from __future__ import annotations

from pathlib import Path

import pytest
from yarl import URL

from tests.e2e.conftest import Product, running, scenario
from tests.e2e.test_guards import LOCKED
from tests.functions.test_access import OPERATOR

FORGED = {"X-MS-CLIENT-PRINCIPAL": OPERATOR}
PATHS = ("incidents", "incidents/i1", "audit", "quarantine", "audit/page", "audit/page/i1")


async def statuses(product: Product, headers: dict[str, str]) -> set[int]:
    return {
        (await product.http.get(f"{product.app}/api/{path}", headers=headers)).status
        for path in PATHS
    }


@pytest.mark.parametrize(
    ("environment", "status"),
    [
        ({"REMEDIATOR_DEVELOPMENT_IDENTITY": ""}, 401),
        ({"WEBSITE_SITE_NAME": "app"}, 403),
    ],
    ids=["no development identity", "in Azure without authentication"],
)
async def test_a_forged_header_lets_nobody_in(
    tmp_path: Path, environment: dict[str, str], status: int
) -> None:
    async with running(tmp_path, **environment) as product:
        assert await statuses(product, {}) == {status}
        assert await statuses(product, FORGED) == {status}
        health = await (await product.http.get(f"{product.app}/api/health", headers=FORGED)).json()
        assert set(health) == {"status", "at"}
        sent = await product.http.post(
            f"{product.app}/api/review/i1", json={"state": "seen", "why": "w"}, headers=FORGED
        )
        assert sent.status == status


async def test_the_developer_reviews_an_incident(tmp_path: Path) -> None:
    async with running(tmp_path, REMEDIATOR_MODE="off") as product:
        case = scenario(LOCKED)
        await product.azure(case)
        await product.deliver(case["event"])
        incident = await product.incident_of(case["job_id"])
        assert await statuses(product, {"Host": "rebound.example.com"}) == {403}
        url = f"{product.app}/api/review/{incident['id']}"
        body = {"state": "accepted", "why": "expected: the mode is off"}
        assert (
            await product.http.post(url, data=body)
        ).status == 403  # a form that no page of ours sent
        answer = await product.http.post(
            url, data=body, headers={"Sec-Fetch-Site": "same-origin"}, allow_redirects=False
        )
        assert answer.status == 303
        page = await product.http.get(URL(url).join(URL(answer.headers["Location"])))
        assert (page.status, body["why"] in await page.text()) == (200, True)
        shown = await (
            await product.http.get(f"{product.app}/api/incidents/{incident['id']}")
        ).json()
        last = (await product.audit(incident["id"]))[-1]
        assert (last["kind"], last["actor"]) == ("review", "developer@localhost")
        assert shown["review"] == body | {
            "by": last["actor"],
            "at": last["at"],
            "seq": last["seq"],
            "about": None,
        }
        assert await product.changes() == []
