"""Builds what a function is handed and runs it: the trigger's datum, and a client for
each durableClient binding."""

import json
import logging
from typing import Any

from local.host.channel import Message, string_datum
from local.host.functions import Function
from local.host.process import Result, Worker

log = logging.getLogger("local.host.invoker")


class Invoker:
    """Runs functions in the worker. `base_url` is where the app finds this host."""

    def __init__(self, worker: Worker, task_hub: str, base_url: str) -> None:
        self._worker = worker
        self._task_hub = task_hub
        self._base_url = base_url

    async def run(self, function: Function, datum: Message) -> Result:
        """Run one function with its trigger's datum. Raises WorkerGone; a failure of
        the function is a Result."""
        inputs = [(function.parameter, datum)]
        inputs += [(name, string_datum(json.dumps(self._client()))) for name in function.clients]
        result = await self._worker.invoke(function.name, inputs)
        if not result.ok and function.trigger_type != "orchestrationTrigger":
            log.warning("%s failed: %s", function.name, result.error)
        return result

    def _client(self) -> dict[str, Any]:
        root = f"{self._base_url}/runtime/webhooks/durabletask"
        return {
            "taskHubName": self._task_hub,
            "creationUrls": {
                "createNewInstancePostUri": (
                    f"{root}/orchestrators/{{functionName}}[/{{instanceId}}]"
                ),
                "createAndWaitOnNewInstancePostUri": (
                    f"{root}/orchestrators/{{functionName}}[/{{instanceId}}]"
                ),
            },
            "managementUrls": management_urls(self._base_url, "INSTANCEID"),
            "baseUrl": root,
            "requiredQueryStringParameters": "",
            "rpcBaseUrl": f"{root}/",
            "httpBaseUrl": f"{root}/",
        }


def management_urls(base_url: str, instance_id: str) -> dict[str, str]:
    """The addresses under which one orchestration is managed, as the real extension
    lists them."""
    one = f"{base_url}/runtime/webhooks/durabletask/instances/{instance_id}"
    return {
        "id": instance_id,
        "statusQueryGetUri": one,
        "sendEventPostUri": f"{one}/raiseEvent/{{eventName}}",
        "terminatePostUri": f"{one}/terminate?reason={{text}}",
        "rewindPostUri": f"{one}/rewind?reason={{text}}",
        "purgeHistoryDeleteUri": one,
        "restartPostUri": f"{one}/restart",
        "suspendPostUri": f"{one}/suspend?reason={{text}}",
        "resumePostUri": f"{one}/resume?reason={{text}}",
    }
