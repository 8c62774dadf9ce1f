"""The local host: one process that emulates the Functions host, and one child process
in which the app runs.

`run` is the command's body; `Host` is the same in process, for tests (the app still
runs in a child process).
"""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

from aiohttp import web

from local.host.admin import Admin
from local.host.data_folder import lock_folder
from local.host.durable.backend import Backend
from local.host.durable.dispatch import Dispatcher
from local.host.durable.facade import Facade
from local.host.durable.faults import EngineFaults
from local.host.errors import SettingError
from local.host.eventgrid import EventGridWebhook
from local.host.functions import read_functions
from local.host.http import HttpTriggers
from local.host.invoker import Invoker
from local.host.process import Worker
from local.host.queues import Queues
from local.host.settings import MAX_BODY_BYTES, HostSettings, read_settings
from local.host.timers import Timers
from local.host.topic import Topic
from local.host.topic_store import TopicStore
from local.serving import log_to_stderr, serve_until_signal

log = logging.getLogger("local.host")

TOPIC_NAME = "backup-alerts"
TASK_HUB = "local"


class Host:
    """The running host, as an async context manager.

    Entering returns when every function is loaded and the port is served; it raises
    HostError when the app cannot be indexed. Leaving ends the child and waits for it.
    Port 0 takes any free port; `url` is the address.

    Hosts that share a `hub` are instances of one app: give each a data folder of its
    own, and all the same store in `env`. Work that an instance held when it stopped
    becomes visible to the others after host.json's visibility timeouts.
    """

    def __init__(
        self,
        port: int,
        data: Path,
        env: Mapping[str, str],
        app_dir: Path | None = None,
        hub: Backend | None = None,
    ) -> None:
        self._hub = hub
        self._port = port
        self._data = data
        self._env = {**os.environ, **env}
        self._app_dir = (app_dir or Path(__file__).resolve().parents[2]).resolve()
        self._topic_key = secrets.token_urlsafe(32)
        self._stack = contextlib.AsyncExitStack()
        self.url = ""

    async def __aenter__(self) -> "Host":
        async with self._stack:  # what has started stops again where the rest does not start
            await self._start()
            self._stack = self._stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    @property
    def topic_key(self) -> str:
        """The key of the emulated topic; the app reads it from REMEDIATOR_TOPIC_KEY."""
        return self._topic_key

    async def _start(self) -> None:
        """Start every part. The stack stops them in reverse order: first no new
        requests, last the child."""
        self._stack.enter_context(lock_folder(self._data))
        settings = read_settings(self._env, self._app_dir)
        listener = self._stack.enter_context(contextlib.closing(_bind(self._port)))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        env = {**self._env, **self._app_settings()}
        worker = await self._start_worker(env, settings)

        functions = read_functions(worker.index, env)
        invoker = Invoker(worker, TASK_HUB, self.url)
        backend = self._hub or self._make_hub()
        dispatcher = Dispatcher(backend, functions, invoker, settings)
        webhook = EventGridWebhook(functions, invoker)
        kind = "queueTrigger"
        triggered, disabled = functions.of_type(kind), functions.disabled_of_type(kind)
        queues = Queues(triggered, invoker, env, settings, disabled)
        store = TopicStore(self._data / "topic")
        topic = Topic(store, self._topic_key, settings, functions, webhook, queues)
        timers = Timers(functions.of_type("timerTrigger"), invoker)
        admin = Admin(functions, invoker, worker, backend, topic.counts)
        for part in (dispatcher, queues, topic, timers, admin):
            self._stack.push_async_callback(part.stop)
        faults = EngineFaults()
        facade = Facade(backend, functions, self.url, faults)
        triggers = HttpTriggers(functions, invoker, settings.route_prefix)
        await self._serve(
            _build_application(admin, webhook, topic, facade, faults, triggers), listener
        )

        dispatcher.start()
        queues.start()
        topic.start()
        if settings.timers:
            timers.start()
        log.info(
            "serving %d functions at %s; stores in %s", len(worker.index), self.url, self._data
        )

    async def _start_worker(self, env: Mapping[str, str], settings: HostSettings) -> Worker:
        log_path = None if settings.log_to_stderr else self._data / "worker.log"
        worker = Worker(self._app_dir, env, log_path, settings.function_timeout_seconds)
        self._stack.push_async_callback(worker.stop)
        await worker.start()
        return worker

    def _make_hub(self) -> Backend:
        backend = Backend(_loop_scheduler(asyncio.get_running_loop()))
        self._stack.callback(backend.stop)
        return backend

    async def _serve(self, app: web.Application, listener: socket.socket) -> None:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.SockSite(runner, listener).start()

    def _app_settings(self) -> dict[str, str]:
        """The app settings that the platform would set, and the one setting of the
        deployment that changes how the libraries behave."""
        return {
            "AZURE_FUNCTIONS_DURABLE_STRICT_TYPING": "1",
            "FUNCTIONS_WORKER_RUNTIME": "python",
            "WEBSITE_HOSTNAME": self.url.removeprefix("http://"),
            "REMEDIATOR_TOPIC_ENDPOINT": f"{self.url}/topics/{TOPIC_NAME}/api/events",
            "REMEDIATOR_TOPIC_KEY": self._topic_key,
        }


def run(port: int, data: Path, env: Mapping[str, str], app_dir: Path | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then stop cleanly and return.

    Prints one line of JSON on standard output when the app is ready, and nothing else.
    Raises HostError when the app cannot be indexed or a setting cannot be read. `env`
    comes on top of this process's environment.
    """
    log_to_stderr()
    logging.getLogger("durabletask").setLevel(logging.WARNING)
    asyncio.run(serve_until_signal(Host(port, data, env, app_dir)))


def _bind(port: int) -> socket.socket:
    """A bound socket that does not listen yet, so that nobody connects before the app
    is ready."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise SettingError(f"port {port} on 127.0.0.1 cannot be used: {error.strerror}") from error
    return listener


def _loop_scheduler(loop: asyncio.AbstractEventLoop) -> Callable[[float, Callable[[], None]], None]:
    def schedule(delay_seconds: float, action: Callable[[], None]) -> None:
        loop.call_soon_threadsafe(loop.call_later, delay_seconds, action)

    return schedule


def _build_application(
    admin: Admin,
    webhook: EventGridWebhook,
    topic: Topic,
    facade: Facade,
    faults: EngineFaults,
    triggers: HttpTriggers,
) -> web.Application:
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    router = app.router
    router.add_post("/runtime/webhooks/eventgrid", webhook.post)
    router.add_options("/runtime/webhooks/eventgrid", webhook.options)
    router.add_post("/topics/{name}/api/events", topic.publish)
    router.add_post("/admin/functions/{name}", admin.run)
    router.add_get("/_host/state", admin.state)
    router.add_post("/_host/worker/kill", admin.kill_worker)
    faults.add_routes(router)
    facade.add_routes(router)
    router.add_route("*", "/{path:.*}", triggers.handle)
    return app
