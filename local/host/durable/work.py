"""Activities: a work item becomes a call of the function, and its result the answer for
the backend."""

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
    """The ActivityResponse for a work item. A failure is an answer too, and so is the
    worker's death."""
    request = item.activityRequest
    response = pb.ActivityResponse(
        instanceId=request.orchestrationInstance.instanceId,
        taskId=request.taskId,
        completionToken=item.completionToken,
    )
    try:
        text = await _call(request, functions, run)
    except _ActivityFailed as failure:
        response.failureDetails.CopyFrom(_failure_details(request.name, failure))
    else:
        response.result.CopyFrom(wrappers_pb2.StringValue(value=text))
    return response


class _ActivityFailed(Exception):
    """The activity failed; `trace` is the traceback, or "" when there is none."""

    def __init__(self, reason: str, trace: str = "") -> None:
        super().__init__(reason)
        self.trace = trace


async def _call(request: Any, functions: Functions, run: Run) -> str:
    """Run the activity and return its result as JSON text. Raises _ActivityFailed."""
    function = functions.durable("activityTrigger", request.name)
    if function is None:
        raise _ActivityFailed(f"there is no activity function of the name {request.name}")
    value = json.loads(request.input.value) if request.input.value else "null"
    text = value if isinstance(value, str) else json.dumps(value)
    try:
        result = await run(function, json_datum(text))
    except WorkerGone as error:
        raise _ActivityFailed(str(error)) from error
    if not result.ok:
        raise _ActivityFailed(_summarize(result), result.traceback)
    try:
        return pass_through(str(result.value["v"])) if result.value else "null"
    except NotJson as error:
        raise _ActivityFailed(f"its result is {error}") from error


def _summarize(result: Result) -> str:
    """`Type: message` of the exception that ended an invocation."""
    kind = re.escape(result.error.partition("(")[0])
    pattern = rf"(?m)^(?:\w+\.)*{kind}(?:: |$)"
    starts = [match.start() for match in re.finditer(pattern, result.traceback)]
    if starts:
        return result.traceback[starts[-1] :].strip()
    return result.error or "no reason was given"


def _failure_details(name: str, failure: _ActivityFailed) -> Any:
    return pb.TaskFailureDetails(
        errorType="Exception",
        errorMessage=f"Activity function '{name}' failed: {failure}",
        stackTrace=wrappers_pb2.StringValue(value=failure.trace) if failure.trace else None,
    )
