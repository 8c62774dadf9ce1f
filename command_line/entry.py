"""Where `remediator` begins: before anything heavy is imported, so that Ctrl-C ends it
without a stack trace at any moment."""

from __future__ import annotations

import os
import signal
import sys

INTERRUPTED = 128 + signal.SIGINT


def main() -> None:
    """Import the commands and run the one that is named. Exit code 130 after Ctrl-C."""
    # Another handler means that the shell wants the signal ignored.
    quiet = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if quiet:
        # Nothing has begun that needs an end, so the process may just stop.
        signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    from command_line.main import run

    if quiet:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
