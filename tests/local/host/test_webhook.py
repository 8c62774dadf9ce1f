"""The Event Grid webhook: handshakes, notifications in both schemas, and bodies that
are refused."""

import json

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOTIFICATION = {"aeg-event-type": "Notification"}
WEBHOOK = "/runtime/webhooks/eventgrid?functionName="


def grid(number, data=None):
    return {
        "id": f"event-{number}",
        "topic": "t",
        "subject": "s",
        "eventType": "Sample.Happened",
        "eventTime": "2026-01-01T00:00:00Z",
        "data": {"n": number} if data is None else data,
        "dataVersion": "1",
    }


def cloud(number):
    return {
        "specversion": "1.0",
        "id": f"cloud-{number}",
        "source": "/s",
        "type": "Sample.Cloud",
        "data": {"n": number},
    }


async def post(running, body, headers=NOTIFICATION, function="intake"):
    data = body if isinstance(body, bytes | str) else json.dumps(body)
    sent = {"Content-Type": "application/json", **headers}
    async with running.http.post(
        f"{running.url}{WEBHOOK}{function}", data=data, headers=sent
    ) as answer:
        return answer.status, await answer.text()


def notes_since(running, since, name="intake"):
    return [json.loads(line) for line in running.notes(name)[since:]]


@pytest.mark.parametrize("wrapped", [True, False])
async def test_a_subscription_is_validated(shared, wrapped):
    event = grid(1, {"validationCode": "code-1", "validationUrl": "https://example.test"})
    before = len(shared.notes("intake"))
    status, body = await post(
        shared, [event] if wrapped else event, {"aeg-event-type": "SubscriptionValidation"}
    )
    assert (status, json.loads(body)) == (200, {"validationResponse": "code-1"})
    assert notes_since(shared, before) == []


@pytest.mark.parametrize("body", [[grid(1)], [], {}, "text", None], ids=str)
async def test_a_validation_without_a_code_is_500(shared, body):
    headers = {"aeg-event-type": "SubscriptionValidation"}
    assert (await post(shared, json.dumps(body), headers))[0] == 500


async def test_abuse_protection(shared):
    headers = {"WebHook-Request-Origin": "eventgrid.azure.net", "WebHook-Request-Rate": "120"}
    async with shared.http.options(f"{shared.url}{WEBHOOK}intake", headers=headers) as answer:
        assert answer.status == 200
        assert answer.headers["WebHook-Allowed-Origin"] == "eventgrid.azure.net"
        assert answer.headers["WebHook-Allowed-Rate"] == "120"
    async with shared.http.options(f"{shared.url}{WEBHOOK}intake") as answer:
        assert answer.status == 400


async def test_every_event_of_a_notification_is_one_invocation(shared):
    before = len(shared.notes("intake"))
    assert (await post(shared, [grid(1), grid(2), grid(3)]))[0] == 202
    seen = notes_since(shared, before)
    assert sorted(each["id"] for each in seen) == ["event-1", "event-2", "event-3"]
    assert {each["class"] for each in seen} == {"EventGridEvent"}
    assert sorted(each["data"]["n"] for each in seen) == [1, 2, 3]


@pytest.mark.parametrize(
    ("body", "content_type", "ids"),
    [
        (cloud(1), "application/cloudevents+json; charset=utf-8", ["cloud-1"]),
        ([cloud(1), cloud(2)], "application/cloudevents-batch+json", ["cloud-1", "cloud-2"]),
    ],
)
@pytest.mark.parametrize("headers", [NOTIFICATION, {}])
async def test_cloud_events(shared, body, content_type, ids, headers):
    before = len(shared.notes("intake"))
    assert (await post(shared, body, {**headers, "Content-Type": content_type}))[0] == 202
    seen = notes_since(shared, before)
    assert sorted(each["id"] for each in seen) == ids
    assert {(each["class"], each["type"]) for each in seen} == {("CloudEvent", "Sample.Cloud")}


CLOUD = {"Content-Type": "application/cloudevents+json"}
DEEP = '[{"id": "deep", "data": ' + "[" * 64 + "]" * 64 + "}]"
NO_EVENTS = [
    b"<xml>no event</xml>",
    b"",
    b'[{"id": "half',
    b'{"half": \xff\xfe',
    b"[" * 100_000,
    b"1",
    b'"text"',
    b"null",
    DEEP,
]


@pytest.mark.parametrize("body", NO_EVENTS, ids=range(len(NO_EVENTS)))
@pytest.mark.parametrize("headers", [NOTIFICATION, CLOUD], ids=["grid", "cloud"])
async def test_a_body_without_events_is_500_and_reaches_no_function(shared, body, headers):
    before = len(shared.notes("keeps"))
    assert (await post(shared, body, headers, "keeps"))[0] == 500
    assert notes_since(shared, before, "keeps") == []


async def test_an_item_that_is_not_an_object_is_500_and_the_others_are_delivered(shared):
    before = len(shared.notes("keeps"))
    status, body = await post(shared, [1, "two", None, {"three": "ä"}, []], function="keeps")
    assert status == 500 and "4 of 5" in body
    assert notes_since(shared, before, "keeps") == ['{"three": "\\u00e4"}']


async def test_an_empty_notification_is_accepted(shared):
    assert (await post(shared, []))[0] == 202


async def test_dates_are_rewritten_and_the_rest_is_unchanged(shared):
    before = len(shared.notes("keeps"))
    event = {
        "at": "2026-01-01T00:00:00.120000Z",
        "data": [{"east": "2026-01-01T02:00:00+02:00"}, "2026-01-01", 1.5],
    }
    assert (await post(shared, [event], function="keeps"))[0] == 202
    (text,) = notes_since(shared, before, "keeps")
    assert json.loads(text) == {
        "at": "2026-01-01T00:00:00.12Z",
        "data": [{"east": "2026-01-01T00:00:00+00:00"}, "2026-01-01", 1.5],
    }


@pytest.mark.parametrize("headers", [{}, {"aeg-event-type": "Surprise"}], ids=str)
async def test_a_missing_or_unknown_event_type_is_400(shared, headers):
    before = len(shared.notes("keeps"))
    for body in (b"nothing", {"hello": 1}, [], [grid(1)]):
        assert (await post(shared, body, headers, "keeps"))[0] == 400
    assert notes_since(shared, before, "keeps") == []


@pytest.mark.parametrize("name", ["nobody", "", "echo", "fan"])
async def test_an_unknown_function_is_404(shared, name):
    assert (await post(shared, [grid(1)], function=name))[0] == 404


async def test_a_function_that_raises_is_500_and_every_event_reached_it(shared):
    before = len(shared.notes("intake"))
    (shared.data / "refuse").touch()
    try:
        status, body = await post(shared, [grid(1), grid(2)])
    finally:
        (shared.data / "refuse").unlink()
    assert status == 500
    assert "2 of 2 events failed" in body and "Traceback" not in body
    assert len(notes_since(shared, before)) == 2
    assert (await post(shared, [grid(1), grid(2)]))[0] == 202


async def test_an_event_starts_an_orchestration(shared):
    assert (await post(shared, [grid(1, {"start": True})]))[0] == 202
    (started,) = [
        each for each in (await shared.state())["orchestrations"] if each["name"] == "fan"
    ]
    assert (await shared.wait_for_end(started["id"]))["output"] == 6


async def test_unsubscribe_is_accepted(shared):
    assert (await post(shared, "", {"aeg-event-type": "Unsubscribe"}))[0] == 202
