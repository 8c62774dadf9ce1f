"""Runs a function with its inputs: the trigger's datum, and a client for each
durableClient binding."""

import json
import logging
from typing import Any

from local.host.channel import Message, string_datum
from local.host.functions import Function
from local.host.process import Result, Worker

log = logging.getLogger("local.host.invoker")


class Invoker:
    """Runs functions in the worker. `base_url` is this host's address for the app."""

    def __init__(self, worker: Worker, task_hub: str, base_url: str) -> None:
        self._worker = worker
        self._task_hub = task_hub
        self._base_url = base_url

    async def run(self, function: Function, datum: Message) -> Result:
        """Run one function with its trigger's datum. A function that fails is a Result,
        too. Raises WorkerGone."""
        client = string_datum(json.dumps(self._build_client()))
        inputs = [(function.parameter, datum), *((name, client) for name in function.clients)]
        result = await self._worker.invoke(function.name, inputs)
        if not result.ok and function.trigger_type != "orchestrationTrigger":
            log.warning("%s failed: %s", function.name, result.error)
        return result

    def _build_client(self) -> dict[str, Any]:
        root = f"{self._base_url}/runtime/webhooks/durabletask"
        create = f"{root}/orchestrators/{{functionName}}[/{{instanceId}}]"
        return {
            "taskHubName": self._task_hub,
            "creationUrls": {
                "createNewInstancePostUri": create,
                "createAndWaitOnNewInstancePostUri": create,
            },
            "managementUrls": management_urls(self._base_url, "INSTANCEID"),
            "baseUrl": root,
            "requiredQueryStringParameters": "",
            "rpcBaseUrl": f"{root}/",
            "httpBaseUrl": f"{root}/",
        }


def management_urls(base_url: str, instance_id: str) -> dict[str, str]:
    """The management addresses of one orchestration, as the real extension lists
    them."""
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
