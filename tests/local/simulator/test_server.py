"""Starting and stopping."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from local import scenarios
from local.simulator.errors import PortInUse
from local.simulator.server import Simulator, run

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_says_when_it_is_ready_and_stops_cleanly(number):
    code = "from local.simulator.server import run; run(0, 'winmanagedvm')"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    ready = json.loads(process.stdout.readline())
    assert ready["ready"] is True and ready["url"].startswith("http://127.0.0.1:")
    with urllib.request.urlopen(f"{ready['url']}/_sim/state") as answer:
        assert json.load(answer)["title"] == scenarios.load("winmanagedvm")["title"]
    process.send_signal(number)
    rest, _ = process.communicate(timeout=10)
    assert (process.returncode, rest) == (0, "")


def test_an_unknown_scenario_is_refused_before_anything_is_printed(capsys):
    with pytest.raises(scenarios.ScenarioError, match="no scenario 'none'"):
        run(0, "none")
    assert capsys.readouterr().out == ""


async def test_a_port_in_use_is_named():
    async with Simulator() as first:
        assert first.url == f"http://127.0.0.1:{first.port}" and first.port > 0
        with pytest.raises(PortInUse, match=str(first.port)):
            async with Simulator(first.port):
                pass


async def test_it_listens_on_the_loopback_address_only():
    async with Simulator() as running:
        with socket.socket() as other:
            other.bind(("127.0.0.2", running.port))


async def test_the_port_is_free_afterwards():
    async with Simulator() as first:
        port = first.port
    async with Simulator(port) as again:
        assert again.port == port
