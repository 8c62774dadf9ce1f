"""One host to a data folder: two would play the same topic and deliver its events
twice."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from local.host.errors import FolderInUse

LOCK_FILE = "host.lock"


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Make the folder and hold it for this process while the block runs. Raises
    FolderInUse, OSError.

    The operating system lets go when the process dies, however it dies; the file that
    is left behind holds nothing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK_FILE).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise FolderInUse(
                f"{folder} is in use by another host (process {file.read().strip() or 'unknown'})"
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
