"""/runtime/webhooks/durabletask/...: the HTTP interface that the 1.7 client speaks, on the in-memory backend.

Starting an id that is Running, Pending or Suspended is refused with 409; one that has ended is replaced, as with the
default `overridableExistingInstanceStates`. Rewinding answers 501.
"""

import json
import uuid
from datetime import datetime
from typing import Any

import grpc
from aiohttp import web
from durabletask.internal import orchestrator_service_pb2 as pb
from google.protobuf import timestamp_pb2, wrappers_pb2

from local_host.durable.backend import Backend, BackendRefusal, Call
from local_host.durable.status import FINISHED, RUNTIME_STATUS, runtime_status, to_json
from local_host.functions import Functions
from local_host.invoker import management_urls

ROOT = "/runtime/webhooks/durabletask"
_REPLACEABLE = (pb.ORCHESTRATION_STATUS_COMPLETED, pb.ORCHESTRATION_STATUS_FAILED, pb.ORCHESTRATION_STATUS_TERMINATED)


class Facade:
    """Handlers for the durable webhooks. `base_url` is where this host is found."""

    def __init__(self, backend: Backend, functions: Functions, base_url: str) -> None:
        self._backend = backend
        self._functions = functions
        self._call = Call()
        self._base_url = base_url

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Put the handlers into a router."""
        one = f"{ROOT}/instances/{{id:[^/]+}}"
        router.add_post(f"{ROOT}/orchestrators/{{name}}", self.start)
        router.add_post(f"{ROOT}/orchestrators/{{name}}/{{id:[^/]+}}", self.start)
        router.add_get(f"{ROOT}/instances", self.list)
        router.add_get(f"{ROOT}/instances/", self.list)
        router.add_delete(f"{ROOT}/instances/", self.purge_many)
        router.add_get(one, self.status)
        router.add_delete(one, self.purge_one)
        router.add_post(f"{one}/raiseEvent/{{event}}", self.raise_event)
        router.add_post(f"{one}/{{operation:terminate|suspend|resume|restart|rewind}}", self.manage)
        router.add_get(f"{ROOT}/entities/{{name}}/{{key:[^/]+}}", self.read_entity)
        router.add_post(f"{ROOT}/entities/{{name}}/{{key:[^/]+}}", self.signal_entity)

    async def start(self, request: web.Request) -> web.Response:
        """Start an orchestration: 202, 400 for an unknown orchestrator or a body that is not JSON, 409."""
        name = request.match_info["name"]
        body = (await request.read()).decode()
        if self._functions.durable("orchestrationTrigger", name) is None:
            return _bad_request(f"The function '{name}' doesn't exist, is disabled, or is not an orchestrator function.")
        if body and not _is_json(body):
            return _bad_request("The request body is not JSON.")
        instance_id = request.match_info.get("id") or uuid.uuid4().hex
        message = pb.CreateInstanceRequest(instanceId=instance_id, name=name, input=_wrap(body))
        message.orchestrationIdReusePolicy.replaceableStatus.extend(_REPLACEABLE)
        try:
            self._backend.StartInstance(message, self._call)
        except BackendRefusal as refusal:
            if refusal.code is not grpc.StatusCode.ALREADY_EXISTS:
                raise
            return web.json_response(f"An Orchestration instance with the id {instance_id} already exists.", status=409)
        return self._accepted(instance_id)

    async def status(self, request: web.Request) -> web.Response:
        """One orchestration: 200 when it has ended, 202 while it runs, 404."""
        state = self._state(request.match_info["id"])
        if state is None:
            return web.Response(status=404)
        finished = runtime_status(state) in FINISHED
        body = to_json(state, show_input=request.query.get("showInput", "true").lower() != "false")
        headers = {} if finished else {"Location": str(request.url), "Retry-After": "10"}
        failed = runtime_status(state) == "Failed" and _flag(request, "returnInternalServerErrorOnFailure")
        return web.json_response(body, status=500 if failed else 200 if finished else 202, headers=headers)

    async def list(self, request: web.Request) -> web.Response:
        """Every orchestration that fits the query."""
        query = pb.InstanceQuery(fetchInputsAndOutputs=True, runtimeStatus=_statuses(request))
        prefix = request.query.get("instanceIdPrefix")
        if prefix:
            query.instanceIdPrefix.value = prefix
        _set_times(query, request)
        found = self._backend.QueryInstances(pb.QueryInstancesRequest(query=query), self._call)
        states = [to_json(state, show_input=_flag(request, "showInput")) for state in found.orchestrationState]
        return web.json_response(states)

    async def raise_event(self, request: web.Request) -> web.Response:
        """Raise an event: 202, 400 without JSON, 404, 410 when it has ended. The raw body is the payload."""
        instance_id = request.match_info["id"]
        refusal = self._not_running(instance_id)
        if refusal is not None:
            return refusal
        body = (await request.read()).decode()
        if not _is_json(body):
            return web.json_response("Only application/json request content is supported", status=400)
        message = pb.RaiseEventRequest(instanceId=instance_id, name=request.match_info["event"], input=_wrap(body))
        self._backend.RaiseEvent(message, self._call)
        return web.Response(status=202)

    async def manage(self, request: web.Request) -> web.Response:
        """Terminate, suspend, resume or restart: 202, 404, 410; rewind: 501."""
        instance_id, operation = request.match_info["id"], request.match_info["operation"]
        if operation == "restart":
            return self._restart(instance_id, request)
        if operation == "rewind":
            return web.json_response("rewind is not played by the local host", status=501)
        refusal = self._not_running(instance_id)
        if refusal is not None:
            return refusal
        reason = request.query.get("reason", "")
        if operation == "terminate":
            output = _wrap(json.dumps(reason))
            self._backend.TerminateInstance(pb.TerminateRequest(instanceId=instance_id, output=output), self._call)
        elif operation == "suspend":
            self._backend.SuspendInstance(pb.SuspendRequest(instanceId=instance_id, reason=_wrap(reason)), self._call)
        else:
            self._backend.ResumeInstance(pb.ResumeRequest(instanceId=instance_id, reason=_wrap(reason)), self._call)
        return web.Response(status=202)

    async def purge_one(self, request: web.Request) -> web.Response:
        """Forget one orchestration that has ended: 200, else 404."""
        return self._purge(pb.PurgeInstancesRequest(instanceId=request.match_info["id"]))

    async def purge_many(self, request: web.Request) -> web.Response:
        """Forget every orchestration that has ended and fits the query."""
        chosen = pb.PurgeInstanceFilter(runtimeStatus=_statuses(request))
        _set_times(chosen, request)
        return self._purge(pb.PurgeInstancesRequest(purgeInstanceFilter=chosen))

    async def read_entity(self, request: web.Request) -> web.Response:
        """An entity's state: 200, or 404 when it has none."""
        message = pb.GetEntityRequest(instanceId=_entity_id(request), includeState=True)
        found = self._backend.GetEntity(message, self._call)
        text = found.entity.serializedState.value if found.exists else ""
        if not text:
            return web.Response(status=404)
        return web.Response(text=text, content_type="application/json")

    async def signal_entity(self, request: web.Request) -> web.Response:
        """Send an entity a signal: 202. The raw body is the input."""
        body = (await request.read()).decode()
        if body and not _is_json(body):
            return _bad_request("The request body is not JSON.")
        message = pb.SignalEntityRequest(
            instanceId=_entity_id(request), name=request.query.get("op", ""), requestId=str(uuid.uuid4())
        )
        message.input.value = body or "null"
        self._backend.SignalEntity(message, self._call)
        return web.Response(status=202)

    def _state(self, instance_id: str) -> Any:
        message = pb.GetInstanceRequest(instanceId=instance_id, getInputsAndOutputs=True)
        found = self._backend.GetInstance(message, self._call)
        return found.orchestrationState if found.exists else None

    def _not_running(self, instance_id: str) -> web.Response | None:
        state = self._state(instance_id)
        if state is None:
            return web.Response(status=404)
        return web.Response(status=410) if runtime_status(state) in FINISHED else None

    def _restart(self, instance_id: str, request: web.Request) -> web.Response:
        message = pb.RestartInstanceRequest(
            instanceId=instance_id,
            restartWithNewInstanceId=request.query.get("restartWithNewInstanceId", "true").lower() == "true",
        )
        try:
            return self._accepted(self._backend.RestartInstance(message, self._call).instanceId)
        except BackendRefusal as refusal:
            return web.Response(status=404 if refusal.code is grpc.StatusCode.NOT_FOUND else 409)

    def _purge(self, message: Any) -> web.Response:
        deleted = self._backend.PurgeInstances(message, self._call).deletedInstanceCount
        return web.json_response({"instancesDeleted": deleted}) if deleted else web.Response(status=404)

    def _accepted(self, instance_id: str) -> web.Response:
        urls = management_urls(self._base_url, instance_id)
        return web.json_response(urls, status=202, headers={"Location": urls["statusQueryGetUri"], "Retry-After": "10"})


def _entity_id(request: web.Request) -> str:
    return f"@{request.match_info['name'].lower()}@{request.match_info['key']}"


def _statuses(request: web.Request) -> list[pb.OrchestrationStatus]:
    wanted = [name for name in request.query.get("runtimeStatus", "").split(",") if name]
    return [number for number, name in RUNTIME_STATUS.items() if name in wanted]


def _set_times(query: Any, request: web.Request) -> None:
    for name in ("createdTimeFrom", "createdTimeTo"):
        text = request.query.get(name)
        if text:
            stamp = timestamp_pb2.Timestamp()
            stamp.FromDatetime(datetime.fromisoformat(text))
            getattr(query, name).CopyFrom(stamp)


def _flag(request: web.Request, name: str) -> bool:
    return request.query.get(name, "").lower() == "true"


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _bad_request(message: str) -> web.Response:
    return web.json_response({"Message": message, "ExceptionMessage": message}, status=400)


def _wrap(text: str) -> Any:
    return wrappers_pb2.StringValue(value=text) if text else None
