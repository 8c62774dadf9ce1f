"""The Event Grid webhook: handshakes, notifications in both schemas, and what can never be used."""

import json

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOTIFICATION = {"aeg-event-type": "Notification"}
WEBHOOK = "/runtime/webhooks/eventgrid?functionName="


def grid(number, data=None):
    return {
        "id": f"event-{number}", "topic": "t", "subject": "s", "eventType": "Sample.Happened",
        "eventTime": "2026-01-01T00:00:00Z", "data": {"n": number} if data is None else data, "dataVersion": "1",
    }  # fmt: skip


def cloud(number):
    return {"specversion": "1.0", "id": f"cloud-{number}", "source": "/s", "type": "Sample.Cloud", "data": {"n": number}}


async def post(running, body, headers=NOTIFICATION, function="intake"):
    data = body if isinstance(body, bytes | str) else json.dumps(body)
    sent = {"Content-Type": "application/json", **headers}
    async with running.http.post(f"{running.url}{WEBHOOK}{function}", data=data, headers=sent) as answer:
        return answer.status, await answer.text()


def taken(running, since, name="intake"):
    return [json.loads(line) for line in running.notes(name)[since:]]


@pytest.mark.parametrize("wrapped", [True, False])
async def test_a_subscription_is_validated(shared, wrapped):
    event = grid(1, {"validationCode": "code-1", "validationUrl": "https://example.test"})
    before = len(shared.notes("intake"))
    status, body = await post(shared, [event] if wrapped else event, {"aeg-event-type": "SubscriptionValidation"})
    assert (status, json.loads(body)) == (200, {"validationResponse": "code-1"})
    assert taken(shared, before) == []


async def test_a_validation_without_a_code_is_400(shared):
    assert (await post(shared, [grid(1)], {"aeg-event-type": "SubscriptionValidation"}))[0] == 400


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
    seen = taken(shared, before)
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
    seen = taken(shared, before)
    assert sorted(each["id"] for each in seen) == ids
    assert {(each["class"], each["type"]) for each in seen} == {("CloudEvent", "Sample.Cloud")}


async def test_events_without_the_header_are_taken_when_they_are_clearly_events(shared):
    before = len(shared.notes("intake"))
    assert (await post(shared, [grid(7)], {}))[0] == 202
    assert [each["id"] for each in taken(shared, before)] == ["event-7"]


NOT_JSON = [
    (b"<xml>no event</xml>", "<xml>no event</xml>"),
    (b"", ""),
    (b'[{"id": "half', '[{"id": "half'),
    (b'{"half": \xff\xfe', '{"half": \ufffd\ufffd'),
    (b"[" * 100_000, "[" * 100_000),
]


@pytest.mark.parametrize(("body", "text"), NOT_JSON, ids=range(len(NOT_JSON)))
@pytest.mark.parametrize("headers", [NOTIFICATION, {"Content-Type": "application/cloudevents+json"}], ids=["grid", "cloud"])
async def test_what_is_not_json_reaches_the_function_as_the_text_it_is(shared, body, text, headers):
    before = len(shared.notes("keeps"))
    assert (await post(shared, body, headers, "keeps"))[0] == 202
    assert taken(shared, before, "keeps") == [text]


async def test_json_that_is_no_event_reaches_the_function_item_by_item(shared):
    before = len(shared.notes("keeps"))
    assert (await post(shared, [1, "two", None, {"three": "ä"}], function="keeps"))[0] == 202
    assert sorted(taken(shared, before, "keeps")) == sorted(["1", '"two"', "null", '{"three": "\\u00e4"}'])


async def test_neither_a_header_nor_an_event_is_400(shared):
    before = len(shared.notes("keeps"))
    for body in (b"nothing", {"hello": 1}, [], [grid(1), {"hello": 1}]):
        assert (await post(shared, body, {}, "keeps"))[0] == 400
    assert (await post(shared, [grid(1)], {"aeg-event-type": "Surprise"}, "keeps"))[0] == 400
    assert taken(shared, before, "keeps") == []


@pytest.mark.parametrize("name", ["nobody", "", "echo", "fan"])
async def test_an_unknown_function_is_404(shared, name):
    assert (await post(shared, [grid(1)], function=name))[0] == 404


async def test_a_function_that_raises_is_5xx_and_the_others_are_taken(shared):
    before = len(shared.notes("intake"))
    (shared.data / "refuse").touch()
    try:
        status, body = await post(shared, [grid(1), grid(2)])
    finally:
        (shared.data / "refuse").unlink()
    assert status == 500
    assert "2 of 2 events failed" in body and "Traceback" not in body
    assert len(taken(shared, before)) == 2
    assert (await post(shared, [grid(1), grid(2)]))[0] == 202


async def test_an_event_starts_an_orchestration(shared):
    assert (await post(shared, [grid(1, {"start": True})]))[0] == 202
    (started,) = [each for each in (await shared.state())["orchestrations"] if each["name"] == "fan"]
    assert (await shared.finished(started["id"]))["output"] == 6


async def test_unsubscribe_is_taken(shared):
    assert (await post(shared, "", {"aeg-event-type": "Unsubscribe"}))[0] == 202
