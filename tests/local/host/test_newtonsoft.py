"""JSON as Newtonsoft reads and writes it, as tables."""

import json

import pytest

from local.host.newtonsoft import (
    MAX_DEPTH,
    NotJson,
    pass_through,
    read,
    rewrite_dates,
    trim_fraction,
)


def nested(levels):
    return "[" * levels + "]" * levels


UNCHANGED = [
    "{}",
    "null",
    "0.1",
    "12345678901234567890",
    '"2026-01-01T00:00:00.120000Z"',
    '{"a": [1, "\\u00e4", null, true]}',
]
CHANGED = [
    ('{"a": NaN}', {"a": "NaN"}),
    ("[Infinity, -Infinity, 1e400, -1e400]", ["Infinity", "-Infinity", "Infinity", "-Infinity"]),
    ('"half \\ud800, whole \\ud83d\\ude00"', "half \ufffd, whole \U0001f600"),
    ('{"\\udfff": 1}', {"\ufffd": 1}),
    ('{"a": 1, "a": 2}', {"a": 2}),
]
REFUSED = ["", "{", "<xml>", "{'a': 1}", "[1] // why", nested(MAX_DEPTH + 1), "[" * 100_000]


@pytest.mark.parametrize("text", UNCHANGED)
def test_what_passes_unchanged(text):
    assert json.loads(pass_through(text)) == json.loads(text)


@pytest.mark.parametrize(("text", "value"), CHANGED)
def test_what_comes_out_changed(text, value):
    assert json.loads(pass_through(text)) == value


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_refused(text):
    with pytest.raises(NotJson):
        read(text)


@pytest.mark.parametrize("text", [nested(MAX_DEPTH), '{"a":' * MAX_DEPTH + "1" + "}" * MAX_DEPTH])
def test_the_deepest_nesting_that_is_read(text):
    assert read(text) is not None


DATES = [
    ("2026-01-01T00:00:00.120000Z", "2026-01-01T00:00:00.12Z"),
    ("2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00Z"),
    ("2026-01-01T01:30:00+02:00", "2025-12-31T23:30:00+00:00"),
    ("2026-01-01T01:30:00.50-0130", "2026-01-01T03:00:00.5+00:00"),
    ("2026-01-01T01:30:00.1234567", "2026-01-01T01:30:00.1234567"),
    ("2026-01-01T01:30:00.100", "2026-01-01T01:30:00.1"),
]
NO_DATES = [
    "2026-01-01",
    "2026-13-01T00:00:00Z",
    "2026-01-01T00:00:00.12345678Z",
    "0001-01-01T00:00:00+14:00",
    "at 2026-01-01T00:00:00Z",
    "",
]


@pytest.mark.parametrize(("text", "written"), DATES)
def test_dates_are_rewritten(text, written):
    assert rewrite_dates({"a": [text, 1]}) == {"a": [written, 1]}


@pytest.mark.parametrize("text", NO_DATES)
def test_other_texts_are_left_alone(text):
    assert rewrite_dates(text) == text


@pytest.mark.parametrize(
    ("text", "trimmed"),
    [("1.100Z", "1.1Z"), ("10.000Z", "10Z"), ("10Z", "10Z"), ("1.010", "1.01"), ("1.0", "1")],
)
def test_fractions_are_trimmed(text, trimmed):
    assert trim_fraction(text) == trimmed
