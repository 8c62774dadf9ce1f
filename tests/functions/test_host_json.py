"""What host.json promises, and that no setting outlasts it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared import settings
from shared.errors import SettingsError
from shared.settings import Settings

HOST: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "host.json").read_text(encoding="utf-8")
)
TWO_MINUTES = timedelta(minutes=2)


def span(text: str) -> timedelta:
    hours, minutes, seconds = (int(part) for part in text.split(":"))
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


@pytest.mark.parametrize(
    "queue", ["workItemQueueVisibilityTimeout", "controlQueueVisibilityTimeout"]
)
def test_the_work_of_a_dead_instance_comes_back_in_two_minutes(queue: str) -> None:
    assert span(HOST["extensions"]["durableTask"]["storageProvider"][queue]) == TWO_MINUTES


def test_the_settings_know_the_function_timeout() -> None:
    assert span(HOST["functionTimeout"]).total_seconds() == settings.FUNCTION_TIMEOUT_SECONDS


TOGETHER = {"REMEDIATOR_GATHER_SECONDS": "300", "REMEDIATOR_WINDOW_SECONDS": "1000"}


@pytest.mark.parametrize("patience", ["0.1", "120", "182.4"])
def test_what_ends_before_the_function_timeout_is_taken(patience: str) -> None:
    Settings.from_environment(TOGETHER | {"REMEDIATOR_RESTORE_PATIENCE_SECONDS": patience})


@pytest.mark.parametrize("patience", ["182.5", "600"])
def test_what_reaches_the_function_timeout_is_refused_with_a_sentence(patience: str) -> None:
    """Each by itself is allowed; gathering, window, twice the patience and the rest are
    not."""
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment(TOGETHER | {"REMEDIATOR_RESTORE_PATIENCE_SECONDS": patience})
    for part in (*TOGETHER, "REMEDIATOR_RESTORE_PATIENCE_SECONDS", "1800"):
        assert part in str(refused.value)


def test_a_function_timeout_beside_host_json_is_refused() -> None:
    with pytest.raises(
        SettingsError, match="AzureFunctionsJobHost__functionTimeout is set; remove it"
    ):
        Settings.from_environment({"AzureFunctionsJobHost__functionTimeout": "00:05:00"})
