"""The environment of a deployed app with sign-in on, and an App of its own that reaches
nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.composition import the_app

AZURE = {"WEBSITE_SITE_NAME": "app", "WEBSITE_INSTANCE_ID": "i", "WEBSITE_AUTH_ENABLED": "True"}
SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in list(os.environ):
        if name.startswith(("WEBSITE_", "REMEDIATOR_")):
            monkeypatch.delenv(name)
    ours = {
        "REMEDIATOR_STORE": f"sqlite:{tmp_path / 'store.db'}",
        "REMEDIATOR_SUBSCRIPTION_ID": SUBSCRIPTION,
        "REMEDIATOR_ARM_ENDPOINT": "http://127.0.0.1:9",  # nobody is there
        "REMEDIATOR_RETRY_SECONDS": "0",
        "REMEDIATOR_CALL_TIMEOUT_SECONDS": "0.5",
    }
    for name, value in (AZURE | ours).items():
        monkeypatch.setenv(name, value)
    the_app.cache_clear()
    yield
    the_app.cache_clear()
