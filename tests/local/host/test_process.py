"""The host as a process: ready line, signals, no child left behind, and one clear
message when it cannot start."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from local.host.errors import HostError
from local.host.server import Host
from tests.local.host.conftest import APPS, sample_env

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import sys
from pathlib import Path
from local.host.errors import HostError
from local.host.server import run
try:
    run(int(sys.argv[1]), Path(sys.argv[2]), {}, Path(sys.argv[3]))
except HostError as error:
    sys.exit(f"error: {error}")
"""


@pytest.fixture
def launch(tmp_path):
    """Start the host as a process of its own; it is killed at the end of the test."""
    running = []

    def start(port=0, app=APPS / "sample", folder="host", **env):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(port), str(tmp_path / folder), str(app)],
            cwd=ROOT, env={**os.environ, **sample_env(tmp_path), **env},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        running.append(process)
        return process

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


def ready(process):
    line = json.loads(process.stdout.readline())
    assert line["ready"] is True
    return line["url"]


def state(url):
    with urllib.request.urlopen(f"{url}/_host/state", timeout=10) as answer:
        return json.load(answer)


def is_gone(pid):
    """Whether the process has ended; a zombie has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_with_its_child(launch, number):
    process = launch()
    url = ready(process)
    worker = state(url)["worker_pid"]
    with pytest.raises(OSError):
        urllib.request.urlopen(f"{url}/api/boom", timeout=10)
    process.send_signal(number)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert out == "", "standard output holds the ready line and nothing else"
    assert is_gone(worker)


def test_a_signal_while_it_works(launch, tmp_path):
    process = launch()
    url = ready(process)
    worker = state(url)["worker_pid"]
    request = urllib.request.Request(
        f"{url}/admin/functions/sleeps", data=b'{"input": "60"}', method="POST"
    )
    urllib.request.urlopen(request, timeout=10)
    deadline = time.monotonic() + 10
    while not (tmp_path / "sleeps").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.terminate()
    process.communicate(timeout=50)  # it does not wait for the minute that the function sleeps
    assert process.returncode == 0 and is_gone(worker)


def test_a_signal_while_it_starts(launch):
    process = launch()
    time.sleep(0.8)
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode in (0, -signal.SIGTERM)


def test_a_host_that_is_killed_leaves_no_child(launch):
    process = launch()
    worker = state(ready(process))["worker_pid"]
    process.kill()
    process.communicate(timeout=20)
    deadline = time.monotonic() + 10
    while not is_gone(worker):
        assert time.monotonic() < deadline, "the worker lives on"
        time.sleep(0.05)


def broken_app(tmp_path, host_json, code="import azure.functions as f\napp = f.FunctionApp()\n"):
    app = tmp_path / "broken"
    app.mkdir()
    (app / "function_app.py").write_text(code)
    if host_json is not None:
        (app / "host.json").write_text(host_json)
    return app


def expect_refusal(process, *words):
    out, err = process.communicate(timeout=30)
    assert process.returncode == 1 and out == ""
    assert "Traceback" not in err, err
    message = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(message) == 1
    assert all(word in message[0] for word in words), message


BAD_SETTINGS = [
    ({"LOCAL_HOST_RETRY_SCALE": "quick"}, ("LOCAL_HOST_RETRY_SCALE", "'quick'")),
    ({"LOCAL_HOST_RETRY_SCALE": "nan"}, ("LOCAL_HOST_RETRY_SCALE",)),
    ({"LOCAL_HOST_DELIVERY_TIMEOUT_S": "-1"}, ("LOCAL_HOST_DELIVERY_TIMEOUT_S", "above 0")),
    ({"LOCAL_HOST_MAX_DELIVERY_ATTEMPTS": "0"}, ("LOCAL_HOST_MAX_DELIVERY_ATTEMPTS", "1 or more")),
    ({"LOCAL_HOST_MAX_DELIVERY_ATTEMPTS": "2.5"}, ("LOCAL_HOST_MAX_DELIVERY_ATTEMPTS",)),
    ({"SAMPLE_SCHEDULE": "61 * * * * *"}, ("schedule", "61")),
]


@pytest.mark.parametrize(("env", "words"), BAD_SETTINGS)
async def test_a_bad_setting_is_one_clear_message(sample, env, words):
    with pytest.raises(HostError) as refusal:
        async with sample(**env):
            raise AssertionError("it started")
    assert "\n" not in str(refusal.value)
    assert all(word in str(refusal.value) for word in words), refusal.value


def test_a_refusal_ends_the_process_with_one_message(launch):
    expect_refusal(launch(LOCAL_HOST_RETRY_SCALE="quick"), "LOCAL_HOST_RETRY_SCALE", "'quick'")


def test_a_setting_that_a_binding_needs(launch, tmp_path):
    code = (
        'import azure.functions as f\napp = f.FunctionApp()\n@app.timer_trigger(arg_name="timer",'
        ' schedule="%NOT_SET_ANYWHERE%")\ndef tick(timer: f.TimerRequest) -> None: ...\n'
    )
    expect_refusal(launch(app=broken_app(tmp_path, "{}", code)), "NOT_SET_ANYWHERE", "tick")


BAD_HOST_JSON = [
    (None, "host.json"),
    ("{", "not JSON"),
    ("[]", "JSON object"),
    ('{"extensions": 1}', "extensions"),
    (
        '{"extensions": {"durableTask": {"maxConcurrentActivityFunctions": "many"}}}',
        "maxConcurrentActivityFunctions",
    ),
    (
        '{"extensions": {"durableTask": {"maxConcurrentOrchestratorFunctions": 0}}}',
        "maxConcurrentOrchestratorFunctions",
    ),
    ('{"functionTimeout": "-1"}', "functionTimeout"),
    ('{"extensions": {"durableTask": {"storageProvider": []}}}', "storageProvider"),
    (
        (
            '{"extensions": {"durableTask": {"storageProvider": {"controlQueueVisibilityTimeout":'
            ' "2 minutes"}}}}'
        ),
        "controlQueueVisibilityTimeout",
    ),
]


@pytest.mark.parametrize(("text", "word"), BAD_HOST_JSON)
async def test_a_bad_host_json_is_one_clear_message(tmp_path, text, word):
    with pytest.raises(HostError, match=word):
        async with Host(0, tmp_path / "host", {}, broken_app(tmp_path, text)):
            raise AssertionError("it started")


def test_an_app_without_functions(launch, tmp_path):
    expect_refusal(launch(app=broken_app(tmp_path, "{}")), "function")


def test_a_port_that_is_taken(launch):
    first = launch()
    port = int(ready(first).rpartition(":")[2])
    expect_refusal(launch(port=port, folder="another"), str(port))


def test_a_folder_that_another_host_uses(launch):
    first = launch()
    ready(first)
    expect_refusal(launch(), "is in use by another host", str(first.pid))
    first.kill()
    first.communicate()
    ready(launch())
