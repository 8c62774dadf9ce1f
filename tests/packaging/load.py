"""Run by a clean Python: loads the app in the current folder as Azure's worker does,
and prints its functions as JSON."""

import asyncio
import json
import sys
from pathlib import Path

import azure_functions_runtime as runtime
from worker_protos import PROTOS, request  # a copy of local/host/worker_protos.py beside this file


async def main() -> None:
    sys.path.insert(0, str(Path.cwd()))
    runtime.start_threadpool_executor()
    init = request("worker_init_request", capabilities={}, function_app_directory=str(Path.cwd()))
    begun = await runtime.worker_init_request(init)
    if begun.result.status != PROTOS.StatusResult.Success:
        sys.exit(f"{begun.result.exception.message}\n{begun.result.exception.stack_trace}")
    found = (
        await runtime.functions_metadata_request(request("functions_metadata_request"))
    ).function_metadata_results
    print(
        json.dumps(
            {each.name: [json.loads(raw)["type"] for raw in each.raw_bindings] for each in found}
        )
    )


asyncio.run(main())
