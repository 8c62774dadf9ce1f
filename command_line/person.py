"""The person at this command line, as the record names them."""

from __future__ import annotations

import getpass


def name_person() -> str:
    """The user name here; the audit log tells it from one that signed in."""
    return f"{getpass.getuser()} (command line)"
