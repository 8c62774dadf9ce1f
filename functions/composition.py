"""The one App of this worker process: made when first needed, never at import."""

from __future__ import annotations

import os
from functools import cache

from shared.app import App


@cache
def the_app() -> App:
    return App(os.environ)
