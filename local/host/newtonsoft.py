"""JSON as Newtonsoft.Json 13 reads and writes it: the real host and its extensions pass
all JSON through that library.

- NaN and infinities become text (FloatFormatHandling.String).
- More than 64 levels are refused (JsonReader.MaxDepth).
- Half a surrogate pair becomes U+FFFD when the text is encoded.
- The Event Grid extension reads with DateParseHandling.DateTime, so it rewrites texts
  that look like dates. Durable Functions reads with DateParseHandling.None.
- Harsher than Newtonsoft: comments, single quotes and bare names are refused.
"""

import json
import math
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

MAX_DEPTH = 64

_HALF_PAIR = re.compile("[\ud800-\udfff]")
_DATE = re.compile(
    r"(?P<whole>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(?P<part>\d{1,7}))?(?P<zone>Z|(?P<sign>[+-])(?P<hours>\d\d):?(?P<minutes>\d\d)?)?"
)


class NotJson(ValueError):
    """The text is not JSON, or is nested deeper than the reader goes."""


def read(text: str) -> Any:
    """The value of a JSON text. Raises NotJson."""
    try:
        value = json.loads(text, parse_constant=str, parse_float=_read_float)
    except (ValueError, RecursionError) as error:
        raise NotJson(f"not JSON, or nested too deeply: {error}") from error
    _refuse_depth(value)
    return _map_texts(value, lambda text: _HALF_PAIR.sub("\ufffd", text))


def pass_through(text: str) -> str:
    """JSON text as it comes out after Newtonsoft read and wrote it. Raises NotJson."""
    return json.dumps(read(text))


def rewrite_dates(value: Any) -> Any:
    """The value with each text that Newtonsoft takes for a date rewritten as Newtonsoft
    writes it on a machine in UTC."""
    return _map_texts(value, _rewrite_date)


def trim_fraction(text: str) -> str:
    """A timestamp without the zeros that .NET leaves out: `…00.120000Z` becomes
    `…00.12Z`, `…00.000Z` `…00Z`."""
    return re.sub(r"\.(\d*?)0+(?=$|\D)", lambda match: f".{match[1]}" if match[1] else "", text)


def _read_float(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else f"{'-' if number < 0 else ''}Infinity"


def _refuse_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in _children(parent)]
        if not any(isinstance(item, dict | list) for item in level):
            break
    else:
        raise NotJson(f"nested deeper than {MAX_DEPTH} levels")


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _map_texts(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {
            _HALF_PAIR.sub("\ufffd", key): _map_texts(item, change) for key, item in value.items()
        }
    if isinstance(value, list):
        return [_map_texts(item, change) for item in value]
    return value


def _rewrite_date(text: str) -> str:
    match = _DATE.fullmatch(text)
    if match is None:
        return text
    offset = timedelta(hours=int(match["hours"] or 0), minutes=int(match["minutes"] or 0))
    if match["sign"] == "-":
        offset = -offset
    try:
        moment = datetime.fromisoformat(match["whole"]) - offset
    except (ValueError, OverflowError):
        return text
    zone = "+00:00" if match["sign"] else match["zone"] or ""
    return trim_fraction(f"{moment.isoformat()}.{match['part'] or 0}") + zone
