"""Opens the store that a setting names."""

from __future__ import annotations

from pathlib import Path

from shared.clouds import PUBLIC, Cloud
from shared.errors import SettingsError
from shared.store.contract import Store

PREFIX = "remediator"


def open_store(location: str, prefix: str = PREFIX, cloud: Cloud = PUBLIC) -> Store:
    """Open the store at `location`: sqlite:<path>,
    https://<account>.table.core.windows.net (signs in with the app's identity), or a
    storage connection string.

    Raises SettingsError for anything else. Nothing is sent yet: a store that does not
    answer fails at its first call.
    """
    if location.startswith("sqlite:"):
        from shared.store.sqlite import SqliteStore

        return SqliteStore(Path(location.removeprefix("sqlite:")))
    from shared.store.tables import TablesStore

    if location.startswith("https://"):
        return TablesStore.from_endpoint(location, prefix, cloud)
    try:
        return TablesStore.from_connection_string(location, prefix)
    except ValueError as error:
        takes = (
            "https://<account>.table.core.windows.net, a storage connection string, or"
            " sqlite:<path>"
        )
        raise SettingsError(
            f"the store's location is none that is known ({error}); it takes {takes}"
        ) from error
