"""One host per data folder: two would deliver the events of the same topic twice."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from local.host.errors import FolderInUse

LOCK_FILE = "host.lock"


@contextlib.contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Make the folder and lock it for this process while the block runs. Raises
    FolderInUse, OSError.

    The operating system releases the lock when the process dies, however it dies. The
    lock file stays behind and blocks nobody.
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
