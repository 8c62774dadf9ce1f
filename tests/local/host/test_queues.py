"""Queue triggers: what becomes of a message whose function fails."""

from types import SimpleNamespace

import pytest

from local.host.functions import Function
from local.host.queues import HELD_SECONDS, Queues
from local.host.settings import HostSettings, read_settings

STORAGE = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;QueueEndpoint=http://127.0.0.1:9/a;"


class Told:
    """A queue that notes what is asked of it."""

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
    # queue, given out, taken, asked of the queue, asked of its poison queue
    ("work", 1, True, [("delete", "m")], []),
    ("work", 2, False, [("hide", 30)], []),
    ("work", 3, False, [("delete", "m")], [("send", "m")]),
    ("work-poison", 1, False, [("hide", HELD_SECONDS // 2)], None),
    ("work-poison", 3, True, [("delete", "m")], None),
    ("work-poison", 4, True, [("hide", HELD_SECONDS // 2)], None),
    ("work", 4, True, [("delete", "m")], [("send", "m")]),
]


@pytest.mark.parametrize(("name", "given_out", "taken", "asked", "of_poison"), CASES)
async def test_after_the_function(tmp_path, name, given_out, taken, asked, of_poison):
    async def run(function, datum):  # noqa: ARG001 - the part of the invoker
        return SimpleNamespace(ok=taken)

    queues = Queues(
        [trigger(name)], SimpleNamespace(run=run), {"STORAGE": STORAGE}, settings(tmp_path)
    )
    assert [client is None for client in queues._poison] == [of_poison is None]
    own, poison = Told(), None if of_poison is None else Told()
    await queues._one(
        trigger(name), own, poison, SimpleNamespace(content="m", dequeue_count=given_out)
    )
    assert (own.calls, poison and poison.calls) == (asked, of_poison)
