"""The worker: the child process in which the unmodified app runs, inside the real
azure-functions-runtime.

1. Take the channel from the parent, index the app, and answer with its functions or
   with the load error.
2. Run every invocation that arrives, many at a time; answer each with its result.
3. When the channel closes, the parent is gone: exit at once, so that no process is
   orphaned.
"""

import asyncio
import json
import os
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import azure_functions_runtime as runtime
from azure_functions_runtime.bindings.datumdef import Datum
from azure_functions_runtime.native_invocation import invocation_request_native

from local.host.channel import (
    CHANNEL_FD_VARIABLE,
    Message,
    from_base64,
    pack,
    receive,
    to_base64,
)
from local.host.worker_protos import PROTOS, request
from local.serving import log_to_stderr


def main() -> None:
    """Run the worker until the parent closes the channel."""
    channel = _take_channel()
    log_to_stderr()
    asyncio.run(_serve(channel, Path.cwd()))


def _take_channel() -> socket.socket:
    descriptor = int(os.environ.pop(CHANNEL_FD_VARIABLE))
    # A process that the app starts must not inherit the channel: it would stay open
    # after the parent's end, and the worker would not notice.
    os.set_inheritable(descriptor, False)
    return socket.socket(fileno=descriptor)


async def _serve(channel: socket.socket, app_dir: Path) -> None:
    functions, error = await _load(app_dir)
    if error is not None:
        channel.sendall(pack({"op": "failed", "error": error}))
        return
    ids = {f["name"]: f["id"] for f in functions}
    channel.sendall(pack({"op": "ready", "functions": functions}))
    loop = asyncio.get_running_loop()
    running: set[asyncio.Task[None]] = set()

    def start(message: Message) -> None:
        task = loop.create_task(_invoke(channel, ids, message))
        running.add(task)
        task.add_done_callback(running.discard)

    threading.Thread(target=_read_messages, args=(channel, loop, start), daemon=True).start()
    await asyncio.Event().wait()


def _read_messages(channel: socket.socket, loop: asyncio.AbstractEventLoop, start: Any) -> None:
    while (message := receive(channel)) is not None:
        loop.call_soon_threadsafe(start, message)
    # On a thread, and without clean-up: the exit must not wait for an app that blocks
    # the event loop.
    os._exit(0)


def _search_app_last(app_dir: Path) -> None:
    """Put the app's folder at the end of sys.path, as the 3.13 worker does: a deployed
    distribution of the same name wins.

    Our own folder was only needed to start this process; it leaves the path, so that no
    app finds modules there.
    """
    ours = Path(__file__).resolve().parents[2]
    others = [entry for entry in sys.path if Path(entry).resolve() not in (app_dir, ours)]
    sys.path[:] = [*others, str(app_dir)]


async def _load(app_dir: Path) -> tuple[list[Message], str | None]:
    """The app's functions as the host would see them, or the load error."""
    _search_app_last(app_dir)
    runtime.start_threadpool_executor()
    init = await runtime.worker_init_request(
        request("worker_init_request", capabilities={}, function_app_directory=str(app_dir))
    )
    if init.result.status != PROTOS.StatusResult.Success:
        return [], f"{init.result.exception.message}\n{init.result.exception.stack_trace}"
    metadata = await runtime.functions_metadata_request(request("functions_metadata_request"))
    functions = metadata.function_metadata_results
    if functions is None:
        return [], f"there is no function_app.py in {app_dir}, or it registers no function"
    for f in functions:
        await runtime.function_load_request(
            request("function_load_request", function_id=f.function_id)
        )
    return [
        {
            "name": f.name,
            "id": f.function_id,
            "bindings": [json.loads(raw) for raw in f.raw_bindings],
        }
        for f in functions
    ], None


async def _invoke(channel: socket.socket, ids: dict[str, str], message: Message) -> None:
    try:
        packed = pack(await _run_function(ids, message))
    except Exception as failure:  # noqa: BLE001 - the entry point of an invocation: the host decides
        packed = pack(
            {
                "op": "result",
                "id": message["id"],
                "value": None,
                "ok": False,
                "error": repr(failure),
                "traceback": "",
            }
        )
    channel.sendall(packed)


async def _run_function(ids: dict[str, str], message: Message) -> Message:
    inputs = [(name, _to_datum(datum)) for name, datum in message["inputs"]]
    invocation_id, function_id = message["invocation_id"], ids[message["name"]]
    ok, value, outputs, error, trace = await invocation_request_native(
        invocation_id, function_id, inputs, {}
    )
    answer = {"op": "result", "id": message["id"], "ok": ok, "error": error, "traceback": trace}
    answer["value"] = _from_datum(value) if ok else None
    if outputs:
        answer["ignored_outputs"] = [name for name, _ in outputs]
    return answer


def _to_datum(wire: Message) -> Any:
    kind, value = wire["t"], wire["v"]
    if kind == "bytes":
        return Datum(from_base64(value), "bytes")
    if kind == "http":
        return Datum(_http_request(value), "http")
    return Datum(value, kind)


def _http_request(value: Message) -> dict[str, Any]:
    def texts(pairs: dict[str, str]) -> dict[str, Any]:
        return {name: Datum(text, "string") for name, text in pairs.items()}

    return {
        "method": Datum(value["method"], "string"),
        "url": Datum(value["url"], "string"),
        "headers": texts(value["headers"]),
        "params": texts(value["params"]),
        "query": texts(value["query"]),
        "body": Datum(from_base64(value["body"]), "bytes"),
    }


def _from_datum(datum: Any) -> Message | None:
    if datum is None or datum.type is None:
        return None
    if datum.type == "http":
        return {"t": "http", "v": _http_response(datum.value)}
    if datum.type == "bytes":
        return {"t": "bytes", "v": to_base64(datum.value)}
    return {"t": datum.type, "v": datum.value}


def _http_response(value: dict[str, Any]) -> Message:
    return {
        "status": int(value["status_code"].value),
        "headers": {name: datum.value for name, datum in value["headers"].items()},
        "cookies": [
            morsel.OutputString() for jar in value["cookies"] or [] for morsel in jar.values()
        ],
        "body": to_base64(value["body"].value),
    }


if __name__ == "__main__":
    main()
