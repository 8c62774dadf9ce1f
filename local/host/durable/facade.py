"""/runtime/webhooks/durabletask/…: the part of Durable's HTTP interface that the app
uses, on the task hub.

As HttpApiHandler of the Durable extension: a start of an id that is Running, Pending or
Suspended is refused with 500, an instance that has ended is replaced
(`overridableExistingInstanceStates` is NonRunningStates). The real handler checks and
then writes, so two first starts at the same time are both accepted, and one message is
dropped later.
"""

import asyncio
import json
import logging
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from durabletask.internal import orchestrator_service_pb2 as pb
from google.protobuf import wrappers_pb2

from local.host.durable.backend import Backend, BackendRefusal, Call
from local.host.durable.faults import EngineFaults
from local.host.durable.status import FINISHED, runtime_status, to_json
from local.host.functions import Functions
from local.host.invoker import management_urls
from local.host.newtonsoft import NotJson, pass_through

log = logging.getLogger("local.host.durable")

ROOT = "/runtime/webhooks/durabletask"
RETRY_AFTER_SECONDS = "5"
CHECK_TO_WRITE_SECONDS = 0.02
_REPLACEABLE = (
    pb.ORCHESTRATION_STATUS_COMPLETED,
    pb.ORCHESTRATION_STATUS_FAILED,
    pb.ORCHESTRATION_STATUS_TERMINATED,
)


async def _storage_round_trip() -> None:
    """The time between the check for a running instance and the write of a new one."""
    await asyncio.sleep(CHECK_TO_WRITE_SECONDS)


class Facade:
    """Handlers of the durable webhooks. `base_url` is this host's address;
    `before_write` is awaited between the check and the write of a start."""

    def __init__(
        self,
        backend: Backend,
        functions: Functions,
        base_url: str,
        faults: EngineFaults,
        before_write: Callable[[], Awaitable[None]] = _storage_round_trip,
    ) -> None:
        self._backend = backend
        self._functions = functions
        self._base_url = base_url
        self._faults = faults
        self._before_write = before_write
        self._call = Call()

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add the handlers to a router; the rest of the extension's interface answers
        501."""
        one, wrap = f"{ROOT}/instances/{{id:[^/]+}}", self._faults.wrap
        router.add_post(f"{ROOT}/orchestrators/{{name}}", wrap("start", self.start))
        router.add_post(f"{ROOT}/orchestrators/{{name}}/{{id:[^/]+}}", wrap("start", self.start))
        router.add_get(one, wrap("status", self.status))
        router.add_post(f"{one}/raiseEvent/{{event}}", wrap("raiseEvent", self.raise_event))
        router.add_post(
            f"{one}/{{operation:terminate|suspend|resume}}", wrap("manage", self.manage)
        )
        router.add_route("*", f"{ROOT}/{{rest:.*}}", _refuse)

    async def start(self, request: web.Request) -> web.Response:
        """Start an orchestration: 202; 400 for an unknown orchestrator or a body that
        is not JSON; 500 for an id that is running."""
        name = request.match_info["name"]
        instance_id = request.match_info.get("id") or uuid.uuid4().hex
        if self._functions.durable("orchestrationTrigger", name) is None:
            return _error(
                400,
                f"The function '{name}' doesn't exist, is disabled, or is not an orchestrator"
                " function.",
            )
        try:
            body = _normalize_json(await request.read())
        except NotJson as error:
            return _error(400, f"Invalid JSON content: {error}")
        state = self._state(instance_id)
        if state is not None and runtime_status(state) not in FINISHED:
            return _error(
                500,
                f"An Orchestration instance with the status {runtime_status(state)} already"
                " exists.",
            )
        await self._before_write()
        return self._write_start(name, instance_id, body)

    async def status(self, request: web.Request) -> web.Response:
        """The status of an orchestration: 200 when it has ended, 202 while it runs, 404
        for an unknown id."""
        state = self._state(request.match_info["id"])
        if state is None:
            return web.Response(status=404)
        body = to_json(state, show_input=request.query.get("showInput", "true").lower() != "false")
        if runtime_status(state) in FINISHED:
            return web.json_response(body)
        return web.json_response(
            body,
            status=202,
            headers={"Location": str(request.url), "Retry-After": RETRY_AFTER_SECONDS},
        )

    async def raise_event(self, request: web.Request) -> web.Response:
        """Raise an event whose payload is the body: 202; 400 when that is not JSON; 404
        for an unknown id; 410 when the orchestration has ended."""
        instance_id = request.match_info["id"]
        refusal = self._refuse_unless_running(instance_id)
        if refusal is not None:
            return refusal
        if request.content_type != "application/json":
            return _error(400, "Only application/json request content is supported")
        try:
            body = _normalize_json(await request.read())
        except NotJson as error:
            return _error(400, f"Invalid JSON content: {error}")
        message = pb.RaiseEventRequest(
            instanceId=instance_id, name=request.match_info["event"], input=_wrap(body)
        )
        self._backend.RaiseEvent(message, self._call)
        return web.Response(status=202)

    async def manage(self, request: web.Request) -> web.Response:
        """Terminate, suspend or resume: 202; 404 for an unknown id; 410 when the
        orchestration has ended."""
        instance_id, operation = request.match_info["id"], request.match_info["operation"]
        refusal = self._refuse_unless_running(instance_id)
        if refusal is not None:
            return refusal
        reason = request.query.get("reason", "")
        if operation == "terminate":
            output = _wrap(json.dumps(reason))
            self._backend.TerminateInstance(
                pb.TerminateRequest(instanceId=instance_id, output=output), self._call
            )
        elif operation == "suspend":
            self._backend.SuspendInstance(
                pb.SuspendRequest(instanceId=instance_id, reason=_wrap(reason)), self._call
            )
        else:
            self._backend.ResumeInstance(
                pb.ResumeRequest(instanceId=instance_id, reason=_wrap(reason)), self._call
            )
        return web.Response(status=202)

    def _write_start(self, name: str, instance_id: str, body: str) -> web.Response:
        message = pb.CreateInstanceRequest(instanceId=instance_id, name=name, input=_wrap(body))
        message.orchestrationIdReusePolicy.replaceableStatus.extend(_REPLACEABLE)
        try:
            self._backend.StartInstance(message, self._call)
        except BackendRefusal as refusal:
            # Another start of this id came between the check and the write.
            log.warning("a start of %s was accepted and is dropped: %s", instance_id, refusal)
        urls = management_urls(self._base_url, instance_id)
        headers = {"Location": urls["statusQueryGetUri"], "Retry-After": RETRY_AFTER_SECONDS}
        return web.json_response(urls, status=202, headers=headers)

    def _state(self, instance_id: str) -> Any:
        message = pb.GetInstanceRequest(instanceId=instance_id, getInputsAndOutputs=True)
        answer = self._backend.GetInstance(message, self._call)
        return answer.orchestrationState if answer.exists else None

    def _refuse_unless_running(self, instance_id: str) -> web.Response | None:
        state = self._state(instance_id)
        if state is None:
            return web.Response(status=404)
        return web.Response(status=410) if runtime_status(state) in FINISHED else None


async def _refuse(request: web.Request) -> web.Response:
    return _error(501, f"the local host does not support {request.method} {request.path}")


def _normalize_json(content: bytes) -> str:
    """The body as Newtonsoft rewrites it; empty stays empty. Raises NotJson."""
    text = content.decode(errors="replace")
    return pass_through(text) if text else ""


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"Message": message, "ExceptionMessage": message}, status=status)


def _wrap(text: str) -> Any:
    return wrappers_pb2.StringValue(value=text) if text else None
