"""The topic: an event that the real Event Grid client publishes is delivered at least
once, or ends as a dead letter."""

import asyncio
import json

import aiohttp
import pytest
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError
from azure.core.messaging import CloudEvent
from azure.eventgrid import EventGridEvent
from azure.eventgrid.aio import EventGridPublisherClient

from local.host.server import Host
from local.host.settings import RETRY_SCHEDULE_SECONDS, read_settings
from tests.local.host.conftest import APPS, Running, sample_env, until

QUICK = {"LOCAL_HOST_RETRY_SCALE": "0.01"}
"""Pauses of 0.1, 0.3, 0.6, 3 s …"""


def event(number):
    return EventGridEvent(
        subject="s",
        event_type="Sample.Happened",
        data={"n": number},
        data_version="1",
        id=f"e-{number}",
    )


async def publish(running, events, key=None):
    endpoint = f"{running.url}/topics/backup-alerts/api/events"
    credential = AzureKeyCredential(key or running.host.topic_key)
    # The client speaks http only to a pipeline without the check for https.
    async with EventGridPublisherClient(endpoint, credential, retry_total=0) as client:
        await client.send(events)


def received(running, name="intake"):
    return [json.loads(line) for line in running.notes(name)]


async def counts(running):
    return (await running.state())["topic"]


async def wait_for_counts(running, **wanted):
    async with asyncio.timeout(10):
        while not wanted.items() <= (await counts(running)).items():
            await asyncio.sleep(0.03)


def files(running, folder):
    return [
        json.loads(path.read_text())
        for path in sorted((running.data / "host" / "topic" / folder).glob("*.json"))
    ]


async def test_events_of_the_real_client_reach_every_function(running):
    await publish(running, [event(1), event(2)])
    await wait_for_counts(running, pending=0, delivered=2)
    assert sorted((each["class"], each["id"], each["data"]["n"]) for each in received(running)) == [
        ("EventGridEvent", "e-1", 1),
        ("EventGridEvent", "e-2", 2),
    ]
    first = json.loads(received(running, "keeps")[0])
    assert first["topic"] == "backup-alerts" and first["metadataVersion"] == "1"
    assert files(running, "pending") == files(running, "dead-letters") == []


async def test_cloud_events_of_the_real_client(running):
    await publish(running, CloudEvent(source="/s", type="Sample.Cloud", data={"n": 1}, id="c-1"))
    await wait_for_counts(running, delivered=1)
    assert [(each["class"], each["type"], each["data"]) for each in received(running)] == [
        ("CloudEvent", "Sample.Cloud", {"n": 1})
    ]
    assert "topic" not in json.loads(received(running, "keeps")[0])


async def test_a_wrong_key_is_401_and_nothing_is_kept(running):
    with pytest.raises(HttpResponseError) as refused:
        await publish(running, [event(1)], key="wrong")
    assert refused.value.status_code == 401
    assert await counts(running) == {"pending": 0, "delivered": 0, "dead_letters": 0}


WRONG = [
    b"",
    b"{",
    b"{}",
    b"[1]",
    b'[{"id": "1"}]',
    b"[" * 100_000,
    b'[{"specversion": "1.0", "id": "1"}]',
]


async def test_a_body_that_is_not_a_list_of_events_is_400_and_nothing_is_kept(running):
    url = f"{running.url}/topics/backup-alerts/api/events"
    headers = {"aeg-sas-key": running.host.topic_key}
    for body in WRONG:
        async with running.http.post(url, data=body, headers=headers) as answer:
            assert answer.status == 400, body[:40]
            assert (await answer.json())["error"]["message"]
    async with running.http.post(url, data=b"x" * (1024 * 1024 + 1), headers=headers) as answer:
        assert answer.status == 413
    assert (await counts(running))["pending"] == 0


async def test_a_failed_delivery_is_tried_again_after_the_pause(sample):
    async with sample(LOCAL_HOST_RETRY_SCALE="0.05") as running:
        (running.data / "refuse").touch()
        began = asyncio.get_running_loop().time()
        await publish(running, event(1))
        await until(lambda: len(received(running)) == 2)
        assert asyncio.get_running_loop().time() - began >= 0.5
        (running.data / "refuse").unlink()
        assert (await counts(running))["pending"] == 1
        await wait_for_counts(running, pending=0, delivered=1)
        assert [each["id"] for each in received(running)] == ["e-1"] * 3
        # The function that succeeded does not get it again.
        assert len(received(running, "keeps")) == 1


async def test_after_the_last_attempt_it_is_a_dead_letter(sample):
    async with sample(**QUICK, LOCAL_HOST_MAX_DELIVERY_ATTEMPTS="3") as running:
        (running.data / "refuse").touch()
        await publish(running, event(1))
        await wait_for_counts(running, pending=0, delivered=0, dead_letters=1)
        assert len(received(running)) == 3
        (letter,) = files(running, "dead-letters")
        assert (letter["id"], letter["deadLetterReason"], letter["deliveryAttempts"]) == (
            "e-1",
            "MaxDeliveryAttemptsExceeded",
            3,
        )
        assert "not now" in letter["lastDeliveryOutcome"] and letter["data"] == {"n": 1}
        await publish(running, event(1))
        await wait_for_counts(running, pending=0, dead_letters=2)
        assert len(files(running, "dead-letters")) == 2


async def test_a_late_function_counts_as_failed(sample):
    async with sample(
        **QUICK, LOCAL_HOST_DELIVERY_TIMEOUT_S="0.05", LOCAL_HOST_MAX_DELIVERY_ATTEMPTS="1"
    ) as running:
        (running.data / "late").touch()
        await publish(running, event(1))
        await wait_for_counts(running, dead_letters=1)
        assert files(running, "dead-letters")[0]["lastDeliveryOutcome"] == "TimedOut"


async def test_pending_events_outlive_the_host(tmp_path):
    env = sample_env(tmp_path, **QUICK)
    (tmp_path / "refuse").touch()
    async with (
        Host(0, tmp_path / "host", env, APPS / "sample") as host,
        aiohttp.ClientSession() as http,
    ):
        running = Running(host, http, tmp_path)
        await publish(running, [event(1), event(2)])
        await until(lambda: len(received(running)) >= 2)
    assert len(files(running, "pending")) == 2
    (tmp_path / "refuse").unlink()
    # Files that a crash or a person can leave there.
    (tmp_path / "host/topic/pending/half.0.tmp").write_text("{")
    (tmp_path / "host/topic/pending/odd.json").write_text('{"key": 1}')
    async with (
        Host(0, tmp_path / "host", env, APPS / "sample") as host,
        aiohttp.ClientSession() as http,
    ):
        running = Running(host, http, tmp_path)
        await wait_for_counts(running, pending=0, delivered=2)
    assert {each["id"] for each in received(running)} == {"e-1", "e-2"}
    left = [path.name for path in (tmp_path / "host/topic/pending").iterdir()]
    assert left == ["odd.unreadable"]


async def test_an_event_whose_worker_died_is_delivered_again(sample):
    async with sample(**QUICK) as running:
        (running.data / "late").touch()
        await publish(running, event(1))
        await until(lambda: received(running))
        (running.data / "late").unlink()
        async with running.http.post(f"{running.url}/_host/worker/kill") as answer:
            assert answer.status == 202
        await wait_for_counts(running, pending=0, delivered=1)
        assert [each["id"] for each in received(running)] == ["e-1", "e-1"]


async def test_equal_ids_are_two_events(sample):
    async with sample(**QUICK) as running:
        await publish(running, [event(1), event(1)])
        await wait_for_counts(running, pending=0, delivered=2)
        assert len(received(running)) == 2


async def test_ids_cannot_leave_the_folder(running):
    strange = EventGridEvent(
        subject="s", event_type="t", data={}, data_version="1", id="../../outside"
    )
    await publish(running, strange)
    await wait_for_counts(running, delivered=1)
    assert list(running.data.parent.glob("**/outside*")) == []


def test_the_pauses_are_event_grids_own_scaled():
    settings = read_settings(
        {"LOCAL_HOST_RETRY_SCALE": "0.5", "SAMPLE_HUB": "tests", "SAMPLE_TIMEOUT": "00:30:00"},
        APPS / "sample",
    )
    pauses = [settings.retry_delay_seconds(attempts) for attempts in range(1, 13)]
    assert pauses[:10] == [seconds / 2 for seconds in RETRY_SCHEDULE_SECONDS]
    assert pauses[9:] == [21600.0] * 3
