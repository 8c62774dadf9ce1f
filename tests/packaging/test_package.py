"""The zip that is deployed: the same bytes each time, nothing in it that does not
belong, and a clean Python can load it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import azure_functions_runtime
import click
import pytest

from command_line.doctor import app as doctor
from command_line.package import DEPLOYED, ROOT, build, list_deployed

HERE = Path(__file__).parent
ZIP_BUDGET_BYTES = 490_000
INSTALLED_BUDGET_MEGABYTES = 75
"""Both are stated in docs/packaging.md."""
FUNCTIONS = {
    "alerts": "httpTrigger",
    "intake": "eventGridTrigger",
    "remediate": "orchestrationTrigger",
    "guardian": "timerTrigger",
    "leave_lock": "httpTrigger",
    "restore_lock": "httpTrigger",
    "daily": "timerTrigger",
    "sweep": "timerTrigger",
    "list_incidents": "httpTrigger",
    "show_incident": "httpTrigger",
    "list_audit": "httpTrigger",
    "list_quarantine": "httpTrigger",
    "show_health": "httpTrigger",
    "audit_page": "httpTrigger",
    "audit_page_of": "httpTrigger",
    "review": "httpTrigger",
    "retry": "httpTrigger",
}
ACTIVITIES = (
    "begin_incident",
    "recover_incident",
    "check_cause",
    "decide_plan",
    "carry_out_unit",
    "settle_fix",
    "start_backup",
    "look_at_backup",
    "conclude_backup",
    "hand_over_incident",
    "before_diagnosis",
    "take_turn",
    "note_progress",
)
QUEUES = {"intake_queue": "queueTrigger", "intake_poison": "queueTrigger"}


def test_the_doctor_looks_for_functions_that_the_app_has() -> None:
    assert set(doctor.FUNCTIONS) <= set(FUNCTIONS)
    assert set(doctor.QUEUE_FUNCTIONS) == set(QUEUES)


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    first = build(ROOT, tmp_path / "a.zip")
    copy = tmp_path / "copy"
    for name in [*first, ".funcignore"]:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copy / name)
        os.utime(copy / name, (time.time(), 1_000_000_000))
        (copy / name).chmod(0o600)
    assert build(copy, tmp_path / "b.zip") == first
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert (tmp_path / "a.zip").stat().st_size <= ZIP_BUDGET_BYTES


def test_nothing_is_in_it_that_does_not_belong() -> None:
    names = list(list_deployed(ROOT))
    assert {name.split("/")[0] for name in names} == set(DEPLOYED)
    for word in (
        "test",
        "simulator",
        "local/",
        "command_line",
        "__pycache__",
        ".pyc",
        ".md",
        "infra",
    ):
        assert not [name for name in names if word in name], word
    sources = {
        path.relative_to(ROOT).as_posix()
        for room in ("functions", "shared")
        for path in (ROOT / room).rglob("*.py")
    }
    assert sources <= set(names)


def test_a_file_that_nobody_decided_about_is_an_error(tmp_path: Path) -> None:
    for name in list_deployed(ROOT):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    shutil.copyfile(ROOT / ".funcignore", tmp_path / ".funcignore")
    (tmp_path / "secrets.txt").write_text("x")
    with pytest.raises(click.UsageError, match=r"secrets.txt is neither"):
        list(list_deployed(tmp_path))
    (tmp_path / "secrets.txt").unlink()
    (tmp_path / "host.json").unlink()
    with pytest.raises(click.UsageError, match=r"host.json is missing"):
        list(list_deployed(tmp_path))


def test_requirements_are_pinned_with_hashes_and_name_no_index() -> None:
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    pinned = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert pinned
    assert all("==" in line and line.endswith("\\") for line in pinned)
    assert text.count("--hash=sha256:") >= len(pinned)
    assert "://" not in text and "index-url" not in text


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(a Python that has nothing but requirements.txt, the unpacked zip). Takes up to a
    minute."""
    folder = tmp_path_factory.mktemp("clean")
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    install = [
        python,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-compile",
        "--disable-pip-version-check",
        "--require-hashes",
    ]
    subprocess.run([*install, "-r", ROOT / "requirements.txt"], check=True, timeout=600)
    build(ROOT, folder / "app.zip")
    with zipfile.ZipFile(folder / "app.zip") as archive:
        archive.extractall(folder / "app")
    return python, folder / "app"


def load_app(clean: tuple[Path, Path], beside: Path, **settings: str) -> dict[str, list[str]]:
    python, app = clean
    shutil.copytree(
        Path(azure_functions_runtime.__file__).parent,
        beside / "azure_functions_runtime",
        dirs_exist_ok=True,
    )
    shutil.copyfile(ROOT / "local/host/worker_protos.py", beside / "worker_protos.py")
    shutil.copyfile(HERE / "load.py", beside / "load.py")
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(beside),
        "PYTHONDONTWRITEBYTECODE": "1",
        **settings,
    }
    done = subprocess.run(
        [python, beside / "load.py"],
        cwd=app,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.timeout(900)
@pytest.mark.parametrize("delivery", ["function", "queue"])
def test_a_clean_python_loads_it_and_finds_every_function(
    clean: tuple[Path, Path], tmp_path: Path, delivery: str
) -> None:
    found = load_app(clean, tmp_path, REMEDIATOR_DELIVERY=delivery)
    expected = (
        FUNCTIONS
        | dict.fromkeys(ACTIVITIES, "activityTrigger")
        | (QUEUES if delivery == "queue" else {})
    )
    triggers = {
        name: next(kind for kind in kinds if kind.endswith("Trigger"))
        for name, kinds in found.items()
    }
    assert triggers == expected


@pytest.mark.timeout(900)
def test_what_it_needs_stays_within_its_budget(clean: tuple[Path, Path]) -> None:
    site = next((clean[0].parents[1] / "lib").glob("python3.*")) / "site-packages"
    ours = [
        path
        for path in site.rglob("*")
        if path.is_file() and path.relative_to(site).parts[0].split("-")[0] != "pip"
    ]
    megabytes = sum(path.stat().st_size for path in ours) / 1_000_000
    assert megabytes <= INSTALLED_BUDGET_MEGABYTES, f"{megabytes:.0f} MB"
