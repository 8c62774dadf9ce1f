"""Reads error codes from events and jobs, and spells each in one way.

An alert has no field for the code. It is in the last link of the recommended actions
(aka.ms/AB-<code>), at the end of originAlertId, and in the job's details. Where these
disagree the job wins, and the disagreement is recorded. docs/limits.md says what was
seen in a real alert and what was not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.arm_ids import fold
from shared.events.known_codes import MESSAGES, NUMBERS, OTHERS, SPELLINGS
from shared.events.model import CodeHint

_LINK = re.compile(r"aka\.ms/AB-([A-Za-z0-9]{1,100})", re.IGNORECASE | re.ASCII)
_WORD = re.compile(r"\b[A-Za-z][A-Za-z0-9]{9,80}\b", re.ASCII)
_NAME = re.compile(
    r"\b(?:UserError|Extension|Extention|GuestAgent|BackUpOperation|VMRestorePoint|BCMV2)[A-Za-z0-9]{3,80}\b"
)
_ROWS = {fold(spelling): name for name, others in SPELLINGS.items() for spelling in (name, *others)}
_KNOWN = _ROWS | {fold(name): name for name in (*OTHERS, *NUMBERS.values())}
_ONLY_BY_NUMBER = "ResourceNotFound"
SEE_MESSAGE = "UserErrorCrpReportedUserError"
"""Says only that Compute reported the error: the job's message has the cause.
https://learn.microsoft.com/azure/backup/backup-azure-troubleshoot-vm-backup-fails-snapshot-timeout"""


def _plain(message: str) -> str:
    """In lower case, with one spelling of quotes, gaps and "not", and no article in
    front; line breaks stay, since they end a sentence."""
    text = fold(message).replace("\r", "\n").replace("\u2019", "'").replace("n't", " not")
    return re.sub(r"[^\S\n]+", " ", text).strip().removeprefix("the ")


_BY_MESSAGE = {_plain(words): MESSAGES[words] for words in sorted(MESSAGES, key=len, reverse=True)}
_CODE_AHEAD = re.compile(r"^\s*[A-Za-z0-9]{10,80}\s?[:\u2013\u2014-]\s+", re.ASCII)
_REST = re.compile(r"\s*(?:$|[.;:!\n]|[-\u2013\u2014]\s|,?\s?please\b)")
"""What may follow a message: its end, or the recommendation that Azure appends."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """The code to act on, where it was read, and the readings that contradict it."""

    code: str
    """"" where nothing names one."""
    source: str
    conflicts: tuple[str, ...]


def canonical(text: str) -> str:
    """The catalogue's spelling of a code; "" for a code that it does not have."""
    return _ROWS.get(fold(text.strip()), "")


def spell(text: str) -> str:
    """The code as Microsoft writes it; a code that no article names as it was given."""
    return _KNOWN.get(fold(text.strip()), text.strip())


def from_link(recommended_actions: str) -> CodeHint | None:
    """The code in the last link of the form aka.ms/AB-<code>. Opaque links such as
    AB-AA4ecq8 name no code."""
    for raw in reversed(_LINK.findall(recommended_actions)):
        if fold(raw) in _KNOWN or not any(char.isdecimal() for char in raw):
            return CodeHint("link", spell(raw), raw)
    return None


def from_origin(origin_alert_id: str) -> CodeHint | None:
    """The longest known code at the end of originAlertId, which is provider, code and
    backup type in lower case without separators."""
    tail = fold(origin_alert_id).rsplit("_", 1)[-1].lstrip("0123456789")
    found = max((spelling for spelling in _KNOWN if spelling in tail), key=len, default="")
    return CodeHint("originAlertId", _KNOWN[found], tail) if found else None


def from_message(message: str, source: str = "description") -> CodeHint | None:
    """The code that the text names, else the code whose English message the text is or
    begins with. A code of the catalogue goes ahead of another one."""
    names = _known_names(message)
    if names:
        name = next((each for each in names if canonical(each)), names[0])
        return CodeHint(source, spell(name), name)
    code = _code_of_message(message)
    return CodeHint(source, code, message) if code else None


def _known_names(text: str) -> list[str]:
    """The codes that a text names, in its order and as it writes them."""
    only_by_number = fold(_ONLY_BY_NUMBER)
    return [
        word
        for word in _WORD.findall(text)
        if fold(word) in _KNOWN and fold(word) != only_by_number
    ]


def _code_of_message(message: str) -> str:
    """The code whose message the text is, with or without a code ahead of it and the
    recommendation behind it; "" for any other text. A part of a message proves
    nothing."""
    text = _plain(_CODE_AHEAD.sub("", message))
    return next(
        (
            code
            for words, code in _BY_MESSAGE.items()
            if text.startswith(words) and _REST.match(text, len(words))
        ),
        "",
    )


def from_job(
    error_details: Sequence[Mapping[str, Any]], dynamic_error_message: str
) -> CodeHint | None:
    """The code in the job's own details; the best reading wins, and a reading that only
    points at the job's message counts last.

    1. a link or a text that names a code of the catalogue,
    2. a published number; other numbers mean nothing,
    3. a link or a text that names another code that is known, or that is a UserError,
    4. a text that is the message of a code,
    5. any other name, in a text or a link.
    """
    texts = [dynamic_error_message]
    for detail in error_details:
        texts += [_read_text(detail.get("errorString")), _read_text(detail.get("errorTitle"))]
    links = [hint for each in error_details if (hint := from_link(_join_recommendations(each)))]
    names = [hint for text in texts for hint in _names_in(text)]
    named = [*names, *links]  # a link has lost the case of a code that is not known
    exact = [
        *(hint for hint in (*links, *names) if canonical(hint.code)),
        *_by_number(error_details),
        *(hint for hint in named if _is_a_code(hint.code)),
        *(CodeHint("job", code, text) for text in texts if (code := _code_of_message(text))),
    ]
    found = [hint for hint in exact if hint.code != SEE_MESSAGE] or [*exact, *named]
    return CodeHint("job", found[0].code, found[0].raw) if found else None


def _names_in(text: str) -> list[CodeHint]:
    """The known codes that a text names, then what looks like the name of one."""
    names = [*_known_names(text), *_NAME.findall(text)]
    return [CodeHint("job", spell(name), name) for name in dict.fromkeys(names)]


def _by_number(error_details: Sequence[Mapping[str, Any]]) -> list[CodeHint]:
    return [
        CodeHint("job", name, str(each["errorCode"]))
        for each in error_details
        if (name := NUMBERS.get(_read_number(each.get("errorCode"))))
    ]


def _is_a_code(name: str) -> bool:
    return fold(name) in _KNOWN or fold(name).startswith("usererror")


def resolve(job: CodeHint | None, hints: Iterable[CodeHint]) -> Resolved:
    """The job wins over the event, and among the event's places the first one wins.
    BackUpOperationFailed and its V2 share one message, so a message alone never
    contradicts a name."""
    ordered = [hint for hint in (job, *hints) if hint is not None]
    if not ordered:
        return Resolved("", "nothing", ())
    chosen = ordered[0]
    for hint in ordered[1:]:
        if _more_exact(hint, chosen):
            chosen = hint
    conflicts = tuple(
        f"{hint.source} says {hint.code}"
        for hint in ordered
        if hint is not chosen and not _agree(hint, chosen)
    )
    return Resolved(chosen.code, chosen.source, conflicts)


def _more_exact(hint: CodeHint, chosen: CodeHint) -> bool:
    """Whether `hint` names the V2 of a code that `chosen` has only by the message that
    both share."""
    by_message = fold(chosen.raw) != fold(chosen.code) and " " in chosen.raw.strip()
    return by_message and fold(hint.code) == fold(f"{chosen.code}V2")


def _agree(one: CodeHint, other: CodeHint) -> bool:
    """Whether `one` goes with `other`, the chosen one: SEE_MESSAGE goes with any."""
    if one.code == SEE_MESSAGE or fold(one.code) == fold(other.code):
        return True
    return _more_exact(one, other) or _more_exact(other, one)


def _join_recommendations(detail: Mapping[str, Any]) -> str:
    found = detail.get("recommendations")
    return " ".join(_read_text(each) for each in found) if isinstance(found, list) else ""


def _read_text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _read_number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
