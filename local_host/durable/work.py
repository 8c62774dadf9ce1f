"""Activities and entities: a work item becomes a call of the function and then the answer for the backend."""

import json
import re
from typing import Any

from durabletask.internal import helpers
from durabletask.internal import orchestrator_service_pb2 as pb
from google.protobuf import wrappers_pb2

from local_host.channel import json_datum, string_datum
from local_host.durable.episodes import Run
from local_host.functions import Functions
from local_host.process import Result


async def run_activity(item: Any, functions: Functions, run: Run) -> Any:
    """The ActivityResponse for a work item. Raises WorkerGone; a failing activity is an answer."""
    request = item.activityRequest
    response = pb.ActivityResponse(
        instanceId=request.orchestrationInstance.instanceId, taskId=request.taskId, completionToken=item.completionToken
    )
    function = functions.durable("activityTrigger", request.name)
    if function is None:
        response.failureDetails.CopyFrom(_failure(f"there is no activity function of the name {request.name}", ""))
        return response
    given = json.loads(request.input.value) if request.input.value else "null"
    result = await run(function, json_datum(given if isinstance(given, str) else json.dumps(given)))
    if result.ok:
        response.result.CopyFrom(wrappers_pb2.StringValue(value=str(result.value["v"]) if result.value else "null"))
    else:
        message = f"Activity function '{request.name}' failed:  {summary(result)}"
        response.failureDetails.CopyFrom(_failure(message, result.traceback))
    return response


async def run_entity(item: Any, functions: Functions, run: Run) -> Any:
    """The EntityBatchResult for a work item. Raises WorkerGone; a failing operation is an answer."""
    batch, infos = helpers.convert_to_entity_batch_request(item.entityRequestV2)
    name, _, key = batch.instanceId.removeprefix("@").partition("@")
    state = batch.entityState.value or None
    function = functions.durable("entityTrigger", name)
    if function is None:
        return _all_failed(item, batch, infos, f"there is no entity function of the name {name}")
    context = {
        "self": {"name": name, "key": key},
        "exists": state is not None,
        "state": state,
        "batch": [{"name": op.operation, "input": op.input.value or "null", "isSignal": False} for op in batch.operations],
    }
    result = await run(function, string_datum(json.dumps(context)))
    if not result.ok or result.value is None:
        return _all_failed(item, batch, infos, summary(result))
    answer = json.loads(result.value["v"])
    return pb.EntityBatchResult(
        results=[_operation_result(each) for each in answer["results"]],
        entityState=_wrap(answer["entityState"]) if answer["entityExists"] else None,
        completionToken=item.completionToken,
        operationInfos=infos,
    )


def summary(result: Result) -> str:
    """`Type: message` of the exception that ended an invocation."""
    kind = result.error.partition("(")[0]
    starts = [found.start() for found in re.finditer(rf"(?m)^(?:\w+\.)*{re.escape(kind)}(?:: |$)", result.traceback)]
    return result.traceback[starts[-1] :].strip() if starts else result.error or "no reason was given"


def _all_failed(item: Any, batch: Any, infos: Any, reason: str) -> Any:
    """Every operation failed and the state stays as it was."""
    failure = pb.OperationResult(failure=pb.OperationResultFailure(failureDetails=_failure(reason, "")))
    return pb.EntityBatchResult(
        results=[failure for _ in batch.operations],
        entityState=batch.entityState,
        completionToken=item.completionToken,
        operationInfos=infos,
    )


def _operation_result(each: dict[str, Any]) -> Any:
    if each["isError"]:
        details = _failure(str(json.loads(each["result"])), "")
        return pb.OperationResult(failure=pb.OperationResultFailure(failureDetails=details))
    return pb.OperationResult(success=pb.OperationResultSuccess(result=_wrap(each["result"])))


def _failure(message: str, trace: str) -> Any:
    # The backend takes an activity without an error message for one that succeeded.
    return pb.TaskFailureDetails(
        errorType="Exception", errorMessage=message or "no reason was given", stackTrace=_wrap(trace) if trace else None
    )


def _wrap(text: str) -> Any:
    return wrappers_pb2.StringValue(value=text)
