"""The app that the tests of the local host run: one function for every trigger and
every durable construct."""

import asyncio
import json
import os
import time
from datetime import timedelta
from pathlib import Path

import azure.durable_functions as df
import azure.functions as func
from azure.durable_functions.models.DurableOrchestrationStatus import DurableOrchestrationStatus

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)
DATA = Path(os.environ["SAMPLE_DATA"])


def note(name, text="x"):
    """Append a line, so that a test can count the calls."""
    with (DATA / name).open("a") as file:
        file.write(f"{text}\n")


@app.route(route="echo/{word}", methods=["GET", "POST"])
def echo(req: func.HttpRequest) -> func.HttpResponse:
    seen = {
        "method": req.method,
        "url": req.url,
        "params": dict(req.route_params),
        "query": dict(req.params),
        "headers": dict(req.headers),
        "body": req.get_body().decode("latin-1"),
    }
    response = func.HttpResponse(json.dumps(seen), status_code=203, mimetype="application/json")
    response.headers.add("X-Sample", "yes")
    response.headers.add("Set-Cookie", "one=1; Path=/; HttpOnly")
    response.headers.add("Set-Cookie", "two=2; SameSite=Lax")
    return response


@app.route(route="bytes", methods=["POST"])
async def send_back(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(req.get_body(), mimetype="application/octet-stream")


@app.route(route="boom")
async def boom(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the binding gives it
    print("this line must not reach the host's standard output")
    raise RuntimeError("boom")


@app.route(route="slow")
async def slow(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the binding gives it
    note("slow")
    await asyncio.sleep(60)
    return func.HttpResponse("late")


@app.route(route="env/{name}")
def env(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(os.environ.get(req.route_params["name"], ""))


@app.route(route="durable", methods=["POST"])
@app.durable_client_input(client_name="client")
async def durable(
    req: func.HttpRequest, client: df.DurableOrchestrationClient
) -> func.HttpResponse:
    """Call a method of the real 1.7 client: {"call": name, "args": [...], "kwargs":
    {...}}."""
    wanted = req.get_json()
    try:
        result = await getattr(client, wanted["call"])(
            *wanted.get("args", []), **wanted.get("kwargs", {})
        )
    except Exception as error:  # noqa: BLE001 - every error goes to the test
        return func.HttpResponse(json.dumps({"error": str(error)}), status_code=500)
    if isinstance(result, DurableOrchestrationStatus):
        result = {**result.to_json(), "exists": bool(result)} if result else {"exists": False}
    return func.HttpResponse(json.dumps(result, default=str))


@app.event_grid_trigger(arg_name="event")
@app.durable_client_input(client_name="client")
async def intake(event: func.EventGridEvent, client: df.DurableOrchestrationClient):
    kind = event.type if isinstance(event, func.CloudEvent) else event.event_type
    data = event.get_json() if hasattr(event, "get_json") else event.data
    note(
        "intake",
        json.dumps({"class": type(event).__name__, "type": kind, "id": event.id, "data": data}),
    )
    if (DATA / "refuse").exists():
        raise RuntimeError("not now")
    if (DATA / "late").exists():
        await asyncio.sleep(5)
    if isinstance(data, dict) and data.get("start"):
        await client.start_new("fan", None, 3)


@app.event_grid_trigger(arg_name="event")
def keeps(event: str) -> None:
    """Takes any text, as a function that quarantines what it cannot use."""
    note("keeps", json.dumps(event))


@app.timer_trigger(arg_name="timer", schedule="%SAMPLE_SCHEDULE%")
def tick(timer: func.TimerRequest) -> None:
    note("tick", str(timer.past_due))


@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
def at_start(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding gives it
    note("at_start")


@app.activity_trigger(input_name="number")
def double(number: int) -> int:
    note("double")
    return number * 2


@app.activity_trigger(input_name="given", activity="shape")
def shape_activity(given: dict) -> dict:
    return {"got": given}


@app.activity_trigger(input_name="given")
async def fails(given: str) -> str:
    note("fails")
    raise ValueError(f"cannot do {given}")


@app.activity_trigger(input_name="given")
def silent(given: str) -> str:  # noqa: ARG001 - the binding gives it
    raise ValueError


@app.activity_trigger(input_name="given")
def odd_json(given: str) -> object:
    """Values that Python's JSON has and Newtonsoft's has not."""
    return {
        "nan": float("nan"),
        "half": "\ud800",
        "deep": json.loads("[" * int(given) + "]" * int(given)),
    }


@app.activity_trigger(input_name="given")
def dies(given: str) -> str:
    """The first call ends the process, as running out of memory does."""
    note("dies")
    if len((DATA / "dies").read_text().splitlines()) == 1:
        os._exit(9)
    return f"lived {given}"


@app.activity_trigger(input_name="seconds")
def sleeps(seconds: float) -> str:
    note("sleeps")
    time.sleep(seconds)
    return f"slept {seconds}"


@app.orchestration_trigger(context_name="context")
def fan(context: df.DurableOrchestrationContext):
    count = context.get_input()
    context.set_custom_status({"stage": "fan-out"})
    results = yield context.task_all([context.call_activity("double", n) for n in range(count)])
    context.set_custom_status({"stage": "done"})
    return sum(results)


@app.orchestration_trigger(context_name="context")
def shapes(context: df.DurableOrchestrationContext):
    result = yield context.call_activity("shape", context.get_input())
    return {"result": result}


@app.orchestration_trigger(context_name="context")
def catches(context: df.DurableOrchestrationContext):
    wanted = context.get_input()
    try:
        return (yield context.call_activity(wanted["activity"], wanted["given"]))
    except Exception as error:  # noqa: BLE001 - every error goes to the test
        return f"caught {error}"


@app.orchestration_trigger(context_name="context")
def falls(context: df.DurableOrchestrationContext):
    yield context.call_activity("double", 1)
    raise RuntimeError("the orchestrator fell")


@app.orchestration_trigger(context_name="context")
def first_failure(context: df.DurableOrchestrationContext):
    """task_all fails at the first child, but the next action waits for the rest."""
    try:
        yield context.task_all(
            [context.call_activity("fails", "x"), context.call_activity("sleeps", 1)]
        )
    except Exception:  # noqa: BLE001 - the type that an orchestrator gets
        after = yield context.call_activity("double", 21)
        return after
    return None


@app.orchestration_trigger(context_name="context")
def race(context: df.DurableOrchestrationContext):
    """An event against a timer; the timer is cancelled when the event wins, and work
    goes on."""
    seconds = context.get_input()
    timer = context.create_timer(context.current_utc_datetime + timedelta(seconds=seconds))
    event = context.wait_for_external_event("Approval")
    winner = yield context.task_any([event, timer])
    if winner == timer:
        return "timed out"
    timer.cancel()
    doubled = yield context.call_activity("double", 8)
    answer = json.loads(event.result) if isinstance(event.result, str) else event.result
    return {"answer": answer, "doubled": doubled}


@app.orchestration_trigger(context_name="context")
def forgets_timer(context: df.DurableOrchestrationContext):
    timer = context.create_timer(context.current_utc_datetime + timedelta(seconds=1.5))
    event = context.wait_for_external_event("go")
    yield context.task_any([event, timer])
    return "done"


@app.orchestration_trigger(context_name="context")
def two_events(context: df.DurableOrchestrationContext):
    first = yield context.wait_for_external_event("first")
    second = yield context.wait_for_external_event("second")
    return [json.loads(first), json.loads(second)]


@app.orchestration_trigger(context_name="context")
def both_events(context: df.DurableOrchestrationContext):
    names = context.get_input()
    values = yield context.task_all([context.wait_for_external_event(name) for name in names])
    return [json.loads(value) for value in values]


@app.orchestration_trigger(context_name="context")
def sleeper(context: df.DurableOrchestrationContext):
    yield context.create_timer(
        context.current_utc_datetime + timedelta(seconds=context.get_input())
    )
    return "awake"


@app.orchestration_trigger(context_name="context")
def counts_down(context: df.DurableOrchestrationContext):
    left = context.get_input()
    long_timer = context.create_timer(context.current_utc_datetime + timedelta(seconds=1.5))
    work = context.call_activity("double", left)
    yield context.task_any([work, long_timer])
    long_timer.cancel()
    if left > 0:
        context.continue_as_new(left - 1)
        return None
    # A timer of an earlier execution would end this one early.
    start = context.current_utc_datetime
    yield context.create_timer(start + timedelta(seconds=2))
    return (context.current_utc_datetime - start).total_seconds()


@app.orchestration_trigger(context_name="context")
def again(context: df.DurableOrchestrationContext):
    """Call an activity that died again."""
    for _ in range(3):
        try:
            return (yield context.call_activity("dies", "on"))
        except Exception as error:  # noqa: BLE001 - every error goes to the test
            context.set_custom_status(str(error))
    return None


@app.orchestration_trigger(context_name="context")
def unsupported(context: df.DurableOrchestrationContext):
    """Constructs that the local host does not support."""
    wanted = context.get_input()
    if wanted == "retry":
        yield context.call_activity_with_retry("double", df.RetryOptions(50, 3), 1)
    elif wanted == "sub":
        yield context.call_sub_orchestrator("fan", 1)
    elif wanted == "entity":
        yield context.call_entity(df.EntityId("Counter", "one"), "add", 2)
    else:
        yield context.call_http("GET", "http://127.0.0.1:9/")


@app.orchestration_trigger(context_name="context")
def long_work(context: df.DurableOrchestrationContext):
    first = yield context.call_activity("sleeps", context.get_input())
    second = yield context.call_activity("double", 2)
    return [first, second]


@app.orchestration_trigger(context_name="context")
def blocks(context: df.DurableOrchestrationContext):
    """An orchestrator that blocks, as none should: it is killed in the middle."""
    value = yield context.call_activity("double", 3)
    note("blocks")
    if len((DATA / "blocks").read_text().splitlines()) == 1:
        time.sleep(30)
    return value


@app.orchestration_trigger(context_name="context")
def fickle(context: df.DurableOrchestrationContext):
    """Not deterministic: schedules other work in the replay."""
    note("fickle")
    runs = len((DATA / "fickle").read_text().splitlines())
    yield context.call_activity("double" if runs == 1 else "shape", 1)
    yield context.wait_for_external_event("never")
