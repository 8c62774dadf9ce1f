"""What the backup extension says of itself: whether its words name another cause than
that it fails to load.

Names and numbers are those of the Linux extension; the words of the Windows extension
are not published.
https://github.com/Azure/azure-linux-extensions/blob/master/VMBackup/main/ExtensionErrorCodeHelper.py
"""

from __future__ import annotations

import re
from collections.abc import Callable

from shared.arm_ids import fold
from shared.extension_facts import NO_STATUS, ExtensionStatus, find_newest
from shared.sentences import Sentence, phrase

NO_NETWORK = ("NoNetwork", "RestrictedNetwork")
NO_NETWORK_CODES = ("76", "761")
NO_FREEZE = ("FsFreezeFailed", "FsFreezeTimeout", "UnableToOpenMount", "FIFREEZE")
NO_FREEZE_CODES = ("121", "122", "123")
NO_DOWNGRADE = ("Downgrade not allowed", "Downgrade is not allowed")
"""Words of the VM agent: an older version of the extension is asked for than the one
that is installed. https://github.com/Azure/WALinuxAgent/issues/1059"""
CODE_IN_JSON = re.compile(r"code\W{1,4}:\W{0,4}(\d+)", re.ASCII | re.IGNORECASE)
"""The code of the result, in the JSON of a substatus."""
SUCCESS_IN_JSON = re.compile(r'"status\W{1,4}:\W{0,4}success\b', re.ASCII | re.IGNORECASE)
FROZEN_MOUNT = re.compile(r"FIFREEZE:?\s{1,4}(/[^\s,;\"']*)", re.ASCII | re.IGNORECASE)
LONGEST_EXCERPT = 300


def names_network(status: ExtensionStatus) -> bool:
    """Whether it says that Azure storage cannot be reached."""
    return _names(status, NO_NETWORK, NO_NETWORK_CODES)


def names_freeze(status: ExtensionStatus) -> bool:
    """Whether it says that a file system could not be frozen for the snapshot."""
    return _names(status, NO_FREEZE, NO_FREEZE_CODES)


def find_mount(status: ExtensionStatus) -> str:
    """The mount whose file system could not be frozen, or "". It comes from the guest:
    quote it in a command."""
    found = FROZEN_MOUNT.search(status.message)
    return (found[1].rstrip(":.)]") or "/") if found else ""


def names_downgrade(status: ExtensionStatus) -> bool:
    """Whether it says that an older version is refused."""
    return _names(status, NO_DOWNGRADE, ())


def tells_success(status: ExtensionStatus) -> bool:
    """Whether it is a substatus whose result is success. A status above says `success`
    of any command that has ended, so it tells nothing."""
    text = status.code + status.message
    return status.is_substatus and SUCCESS_IN_JSON.search(text) is not None


def find_words(
    statuses: tuple[ExtensionStatus, ...], *names: Callable[[ExtensionStatus], bool]
) -> ExtensionStatus:
    """The newest status that one of `names` holds of; NO_STATUS of none."""
    return find_newest(tuple(each for each in statuses if any(name(each) for name in names)))


def quote_words(extension: str, status: ExtensionStatus) -> Sentence:
    """Evidence: what it said and when; of a long text the part that matters."""
    return phrase(
        "extension_last_said",
        extension=extension,
        time=status.time or phrase("no_time"),
        message=repr(shorten(f"{status.code} {status.message}".strip())),
    )


def has_words(status: ExtensionStatus) -> bool:
    return status is not NO_STATUS


def _names(status: ExtensionStatus, words: tuple[str, ...], codes: tuple[str, ...]) -> bool:
    text = fold(status.code + " " + status.message)
    told = {fold(status.code).rsplit("/", 1)[-1], *CODE_IN_JSON.findall(text)}
    return any(fold(word) in text for word in words) or bool(told.intersection(codes))


def shorten(text: str) -> str:
    """The text, or the part of it that names a cause: a guest may write any amount."""
    if len(text) <= LONGEST_EXCERPT:
        return text
    places = [fold(text).find(fold(word)) for word in (*NO_NETWORK, *NO_FREEZE, *NO_DOWNGRADE)]
    middle = min((place for place in places if place >= 0), default=0)
    start = max(0, middle - LONGEST_EXCERPT // 2)
    return text[start : start + LONGEST_EXCERPT]
