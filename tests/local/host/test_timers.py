"""Timer triggers: at the start, by schedule, and on demand."""

import asyncio
import time

import pytest

from local.host.errors import SettingError
from tests.local.host.conftest import until


async def test_at_the_start_and_on_demand(running):
    await until(lambda: running.notes("at_start") == ["x"])
    async with running.http.post(f"{running.url}/admin/functions/Tick", json={}) as answer:
        assert answer.status == 202
    await until(lambda: running.notes("tick") == ["False"])
    async with running.http.post(f"{running.url}/admin/functions/at_start") as answer:
        assert answer.status == 202
    await until(lambda: running.notes("at_start") == ["x", "x"])


async def test_by_schedule_once_for_every_due_time(sample):
    async with sample(SAMPLE_SCHEDULE="* * * * * *") as running:
        began = time.monotonic()
        await until(lambda: len(running.notes("tick")) >= 3)
        due = int(time.monotonic() - began) + 2  # one at either end
        assert len(running.notes("tick")) <= due


async def test_switched_off_they_run_only_on_demand(sample):
    async with sample(SAMPLE_SCHEDULE="* * * * * *", LOCAL_HOST_TIMERS="off") as running:
        await asyncio.sleep(1.2)
        assert running.notes("tick") + running.notes("at_start") == []
        async with running.http.post(f"{running.url}/admin/functions/tick", json={}) as answer:
            assert answer.status == 202
        await until(lambda: len(running.notes("tick")) == 1)


async def test_what_admin_refuses(running):
    for path, body, status in (
        ("nobody", b"{}", 404),
        ("fan", b"{}", 400),
        ("echo", b"{}", 400),
        ("tick", b"{", 400),
    ):
        async with running.http.post(f"{running.url}/admin/functions/{path}", data=body) as answer:
            assert answer.status == status, path
    async with running.http.post(
        f"{running.url}/admin/functions/double", json={"input": "21"}
    ) as answer:
        assert answer.status == 202
    await until(lambda: running.notes("double") == ["x"])


async def test_a_disabled_timer_is_none_of_the_functions(sample):
    async with sample(**{"AzureWebJobs.at_start.Disabled": "true"}) as running:
        assert "at_start" not in (await running.state())["functions"]
        async with running.http.post(f"{running.url}/admin/functions/at_start") as answer:
            assert answer.status == 404


@pytest.mark.parametrize(
    ("schedule", "reason"), [("every day", "needs six fields"), ("0 0 0 30 2 *", "never fires")]
)
async def test_a_wrong_schedule_stops_the_start(sample, schedule, reason):
    with pytest.raises(SettingError, match=reason):
        async with sample(SAMPLE_SCHEDULE=schedule):
            raise AssertionError("it started")
