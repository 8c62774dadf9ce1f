"""One episode of an orchestration: a work item becomes a call of the library, and its
result the answer for the backend."""

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from durabletask.internal import orchestrator_service_pb2 as pb
from google.protobuf import wrappers_pb2

from local.host.channel import string_datum
from local.host.durable import actions as build
from local.host.durable.backend import Backend
from local.host.durable.history import context_json, is_suspended, termination_reason
from local.host.durable.replay import Replay, ReplayError
from local.host.errors import WorkerGone
from local.host.functions import Function, Functions
from local.host.newtonsoft import NotJson, read
from local.host.process import Result

Run = Callable[[Function, Any], Awaitable[Result]]

_ERROR_STATE_LABEL = "$OutOfProcData$:"
_CONTINUE_AS_NEW = 4


async def run_episode(item: Any, backend: Backend, functions: Functions, run: Run) -> Any:
    """The OrchestratorResponse for a work item. Any failure, the worker's death
    included, ends the orchestration FAILED."""
    request = item.orchestratorRequest
    actions, status = await _run(request, backend, functions, run)
    # The backend clears the custom status when an answer has none, so repeat it.
    custom = status if status is not None else backend.custom_status(request.instanceId)
    return pb.OrchestratorResponse(
        instanceId=request.instanceId,
        actions=actions,
        customStatus=wrappers_pb2.StringValue(value=custom) if custom else None,
        completionToken=item.completionToken,
    )


async def _run(
    request: Any, backend: Backend, functions: Functions, run: Run
) -> tuple[list[Any], str | None]:
    """The actions of one episode and the custom status that it set, if any."""
    history = [*request.pastEvents, *request.newEvents]
    if backend.is_finished(request.instanceId):
        return [], None
    reason = termination_reason(history)
    if reason is not None:
        return [build.complete(pb.ORCHESTRATION_STATUS_TERMINATED, reason)], None
    if is_suspended(history):
        return [], None
    name = next(
        event.executionStarted.name for event in history if event.HasField("executionStarted")
    )
    function = functions.durable("orchestrationTrigger", name)
    if function is None:
        return [_fail(name, f"there is no orchestrator function of the name {name}")], None
    context = context_json(request.instanceId, request.pastEvents, request.newEvents)
    try:
        state = _read_state(await run(function, string_datum(context)))
    except (WorkerGone, NotJson) as error:
        return [_fail(name, str(error))], None
    status = json.dumps(state["customStatus"]) if "customStatus" in state else None
    return _translate(name, state, history), status


def _read_state(result: Result) -> dict[str, Any]:
    """The state that the library returns. If the orchestrator failed, it is in the
    message of the exception that the library raises.

    Raises NotJson for a state that the real extension could not read.
    """
    if result.ok and result.value is not None:
        return dict(read(result.value["v"]))
    start = result.traceback.rfind(_ERROR_STATE_LABEL)
    if start < 0:
        return {
            "isDone": False,
            "actions": None,
            "error": result.error or "the orchestrator gave no answer",
        }
    state, _ = json.JSONDecoder().raw_decode(result.traceback[start + len(_ERROR_STATE_LABEL) :])
    return dict(state)


def _translate(name: str, state: dict[str, Any], history: Sequence[Any]) -> list[Any]:
    """The backend's actions for the library's state."""
    if state["actions"] is None:
        return [_fail(name, state["error"])]
    actions = [action for group in state["actions"] for action in group]
    replay = Replay(actions, history)
    try:
        may_end = replay.run()
    except ReplayError as error:
        return [_fail(name, str(error))]
    return replay.to_send + (_end(name, state, actions) if may_end else [])


def _end(name: str, state: dict[str, Any], actions: list[dict[str, Any]]) -> list[Any]:
    """The action that ends the execution, or none while the orchestrator waits."""
    if state.get("error"):
        return [_fail(name, state["error"])]
    if not state["isDone"]:
        return []
    if actions and actions[-1]["actionType"] == _CONTINUE_AS_NEW:
        new_input = json.dumps(actions[-1]["input"])
        return [build.complete(pb.ORCHESTRATION_STATUS_CONTINUED_AS_NEW, new_input)]
    return [build.complete(pb.ORCHESTRATION_STATUS_COMPLETED, json.dumps(state.get("output")))]


def _fail(name: str, error: str) -> Any:
    message = f"Orchestrator function '{name}' failed: {error}"
    return build.complete(pb.ORCHESTRATION_STATUS_FAILED, json.dumps(message), message)
