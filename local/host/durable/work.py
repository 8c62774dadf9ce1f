"""Activities: a work item becomes a call of the function and then the answer for the
backend."""

import json
import re
from typing import Any

from durabletask.internal import orchestrator_service_pb2 as pb
from google.protobuf import wrappers_pb2

from local.host.channel import json_datum
from local.host.durable.episodes import Run
from local.host.errors import WorkerGone
from local.host.functions import Functions
from local.host.newtonsoft import NotJson, pass_through
from local.host.process import Result


async def run_activity(item: Any, functions: Functions, run: Run) -> Any:
    """The ActivityResponse for a work item. A failing activity is an answer, and so is
    a worker that died with it."""
    request = item.activityRequest
    response = pb.ActivityResponse(
        instanceId=request.orchestrationInstance.instanceId,
        taskId=request.taskId,
        completionToken=item.completionToken,
    )
    try:
        text = await _result(request, functions, run)
    except _Failed as failure:
        response.failureDetails.CopyFrom(_details(request.name, failure))
    else:
        response.result.CopyFrom(wrappers_pb2.StringValue(value=text))
    return response


def summary(result: Result) -> str:
    """`Type: message` of the exception that ended an invocation."""
    kind = result.error.partition("(")[0]
    starts = [
        found.start()
        for found in re.finditer(rf"(?m)^(?:\w+\.)*{re.escape(kind)}(?:: |$)", result.traceback)
    ]
    return (
        result.traceback[starts[-1] :].strip() if starts else result.error or "no reason was given"
    )


class _Failed(Exception):
    """The activity failed: with what words, and the traceback where there is one."""

    def __init__(self, reason: str, trace: str = "") -> None:
        super().__init__(reason)
        self.trace = trace


async def _result(request: Any, functions: Functions, run: Run) -> str:
    """The activity's result as JSON text. Raises _Failed."""
    function = functions.durable("activityTrigger", request.name)
    if function is None:
        raise _Failed(f"there is no activity function of the name {request.name}")
    given = json.loads(request.input.value) if request.input.value else "null"
    try:
        result = await run(
            function, json_datum(given if isinstance(given, str) else json.dumps(given))
        )
    except WorkerGone as error:
        raise _Failed(str(error)) from error
    if not result.ok:
        raise _Failed(summary(result), result.traceback)
    return _written(result)


def _written(result: Result) -> str:
    try:
        return pass_through(str(result.value["v"])) if result.value else "null"
    except NotJson as error:
        raise _Failed(f"its result is {error}") from error


def _details(name: str, failure: _Failed) -> Any:
    return pb.TaskFailureDetails(
        errorType="Exception",
        errorMessage=f"Activity function '{name}' failed: {failure}",
        stackTrace=wrappers_pb2.StringValue(value=failure.trace) if failure.trace else None,
    )
