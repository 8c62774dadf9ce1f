"""Queue triggers: what happens to a message after its function succeeds or fails."""

from types import SimpleNamespace

import pytest

from local.host.functions import Function
from local.host.queues import LEASE_SECONDS, Queues
from local.host.settings import HostSettings, read_settings

STORAGE = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;QueueEndpoint=http://127.0.0.1:9/a;"


class RecordingQueue:
    """A queue that records its calls."""

    queue_name = "q"

    def __init__(self) -> None:
        self.calls: list[tuple[str, object]] = []

    async def send_message(self, content: str) -> None:
        self.calls.append(("send", content))

    async def delete_message(self, message: SimpleNamespace) -> None:
        self.calls.append(("delete", message.content))

    async def update_message(self, message: SimpleNamespace, visibility_timeout: int) -> None:  # noqa: ARG002
        self.calls.append(("hide", visibility_timeout))


def trigger(queue: str) -> Function:
    return Function(
        "f",
        {"type": "queueTrigger", "name": "message", "queueName": queue, "connection": "STORAGE"},
        (),
    )


def settings(tmp_path) -> HostSettings:
    (tmp_path / "host.json").write_text(
        '{"extensions": {"queues": {"messageEncoding": "none", "maxDequeueCount": 3,'
        ' "visibilityTimeout": "00:01:00"}}}'
    )
    return read_settings({"LOCAL_HOST_RETRY_SCALE": "0.5"}, tmp_path)


CASES = [
    # queue, times dequeued, function succeeds, calls of the queue, of its poison queue
    ("work", 1, True, [("delete", "m")], []),
    ("work", 2, False, [("hide", 30)], []),
    ("work", 3, False, [("delete", "m")], [("send", "m")]),
    ("work-poison", 1, False, [("hide", LEASE_SECONDS // 2)], None),
    ("work-poison", 3, True, [("delete", "m")], None),
    ("work-poison", 4, True, [("hide", LEASE_SECONDS // 2)], None),
    ("work", 4, True, [("delete", "m")], [("send", "m")]),
]


@pytest.mark.parametrize(("name", "dequeued", "succeeds", "calls", "poison_calls"), CASES)
async def test_after_the_function(tmp_path, name, dequeued, succeeds, calls, poison_calls):
    async def run(function, datum):  # noqa: ARG001 - the signature of Invoker.run
        return SimpleNamespace(ok=succeeds)

    queues = Queues(
        [trigger(name)], SimpleNamespace(run=run), {"STORAGE": STORAGE}, settings(tmp_path)
    )
    assert [client is None for client in queues._poison] == [poison_calls is None]
    own, poison = RecordingQueue(), None if poison_calls is None else RecordingQueue()
    await queues._process(
        trigger(name), own, poison, SimpleNamespace(content="m", dequeue_count=dequeued)
    )
    assert (own.calls, poison and poison.calls) == (calls, poison_calls)
