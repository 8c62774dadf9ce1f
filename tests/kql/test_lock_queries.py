"""The queries about locks, over the trails that locks leave in the audit log."""

from __future__ import annotations

import pytest

from functions.pages import charts
from shared.audit.entry import Entry
from shared.audit.journal import PROCESS_ENDED
from shared.execution.lock_window import words
from shared.incident.model import LIFT, RESTORE
from tests.kql import lock_queries as rule
from tests.kql.kusto import analyzed
from tests.kql.queries import shipped

ALERT = "infra/queries/lock-not-back.kql"
NOT_BACK = "docs/queries.md: Locks not back"
UNLOCKED = "docs/queries.md: Unlocked minutes"
LOCK, OTHER = "/subscriptions/s/resourceGroups/RG/locks/Keep", "/subscriptions/s/other"

type Told = tuple[str, str, str]
"""HH:MM, phase, result."""
PLANNED = "will be put back by 2026-01-31T00:10:00.000000Z"
LEFT = f"{words.LEFT_OFF}: Ana (command line)"
RESTORED = "Ana (command line) decided to put it back"
ANSWERED = "put back: answered at 2026-01-31T00:03:00.000000Z with 201; it is watched from now on"
AGAIN = "put back: it was absent at 2026-01-31T00:04:00.000000Z, and a deletion of ours may still"
FAILED = "not back yet: RequestDisallowedByPolicy: no"
GONE = "the lock Keep on RG is not there; its row was settled at 2026-01-31T00:03:00.000000Z"
ABSENT = "is not there, and no deletion of ours can still take effect: left alone"
LIFTED: tuple[Told, ...] = (("00:01", "intent", PLANNED),)
OVER = (*LIFTED, ("00:03", "outcome", words.DONE))
DECIDED = (*LIFTED, ("00:05", "note", LEFT), ("00:05", "outcome", words.LEFT_OFF))
TRAILS: dict[str, tuple[tuple[Told, ...], str]] = {
    "a fix is at work, or its process died": (LIFTED, "00:01"),
    "it is back": (OVER, ""),
    "it is back, and watched": ((*LIFTED, ("00:03", "note", ANSWERED)), ""),
    "it was never lifted": ((*LIFTED, ("00:02", "outcome", words.NEVER_LIFTED)), ""),
    "it was never lifted, since another lock is not there": (
        (*LIFTED, ("00:02", "outcome", f"{words.NEVER_LIFTED} (the lock x is not there)")),
        "",
    ),
    "a person changed it": ((*LIFTED, ("00:09", "outcome", words.CHANGED)), ""),
    "its process died before its row was there": (
        (*LIFTED, ("00:09", "outcome", PROCESS_ENDED)),
        "",
    ),
    "Azure refuses it": ((*LIFTED, ("00:03", "note", FAILED), ("00:04", "note", FAILED)), "00:01"),
    "a person left it off": (DECIDED, ""),
    "a person left it off, and its outcome is not on record": (DECIDED[:-1], ""),
    "a person left it off, then put it back, and its watch is over": (
        (
            *DECIDED,
            ("01:00", "note", RESTORED),
            ("01:01", "note", ANSWERED),
            ("01:06", "note", "the watch is over: done"),
            ("01:06", "note", words.DONE),
        ),
        "",
    ),
    "a person left it off, then put it back, and it is watched": (
        (*DECIDED, ("01:00", "note", RESTORED), ("01:01", "note", ANSWERED)),
        "",
    ),
    "a person left it off, then put it back, which Azure refuses": (
        (*DECIDED, ("01:00", "note", RESTORED), ("01:01", "note", FAILED)),
        "01:01",
    ),
    "it is not back, and a person only decided to put it back": (
        (*LIFTED, ("00:03", "note", FAILED), ("00:09", "note", RESTORED)),
        "00:01",
    ),
    "absent in its watch, and put back": (
        (*LIFTED, ("00:03", "note", ANSWERED), ("00:04", "note", AGAIN)),
        "",
    ),
    "absent in its watch, and not put back": (
        (*LIFTED, ("00:03", "note", ANSWERED), ("00:04", "note", FAILED)),
        "00:04",
    ),
    "missing since": ((*OVER, ("02:00", "note", GONE)), "02:00"),
    "missing, then left off": (
        (*OVER, ("02:00", "note", GONE), ("03:00", "note", LEFT), ("03:00", "note", LEFT)),
        "",
    ),
    "missing, then put back": (
        (*OVER, ("02:00", "note", GONE), ("03:00", "note", RESTORED), ("03:01", "note", ANSWERED)),
        "",
    ),
    "lifted again": ((*OVER, ("08:00", "intent", PLANNED)), "08:00"),
    "what was seen after its end": (
        (*OVER, ("00:04", "note", "it was there when it was put back: somebody had made a lock")),
        "",
    ),
    "of a row that cannot be read: back": (
        (("00:01", "intent", "begun"), ("00:01", "outcome", "answered 201")),
        "",
    ),
    "of a row that cannot be read: Azure refuses it, which health tells": (
        (("00:01", "intent", "begun"), ("00:01", "outcome", "AuthorizationFailed: no")),
        "",
    ),
    "a person left it alone, since it is there": (
        (*LIFTED, ("00:03", "note", FAILED), ("00:05", "note", f"{words.LEFT_THERE}: Ana")),
        "",
    ),
    "a person removed it in its watch": (
        (*LIFTED, ("00:03", "note", ANSWERED), ("00:04", "note", ABSENT)),
        "00:04",
    ),
    "a person removed it in its watch, which is over": (
        (
            *LIFTED,
            ("00:03", "note", ANSWERED),
            ("00:04", "note", ABSENT),
            ("00:08", "outcome", f"{words.NOTHING_TO_PUT_BACK}: it was back, and somebody"),
        ),
        "",
    ),
}


def entry(told: Told, kind: str = RESTORE, target: str = LOCK, incident: str = "i") -> Entry:
    at, phase, result = told
    day, _, time = at.rpartition(" ")
    stamp = f"{day or '2026-01-31'}T{time}:00.000000Z"
    return Entry(1, stamp, incident, "", kind, target, phase, result, "", "", {}, "", "")


@pytest.mark.parametrize("case", TRAILS)
def test_a_lock_is_not_back(case: str) -> None:
    trail, since = TRAILS[case]
    found = rule.find_not_back(map(entry, trail))
    assert [at[11:16] for at in found.values()] == ([since] if since else [])


def test_each_lock_stands_by_itself_whoever_lifted_it() -> None:
    entries = [
        entry(("00:01", "intent", PLANNED)),
        entry(("00:02", "intent", PLANNED), target=OTHER),
        entry(("00:03", "outcome", words.DONE), target=LOCK.upper()),
        entry(("00:04", "intent", "begun"), kind=LIFT),
    ]
    assert list(rule.find_not_back(entries)) == [OTHER]


def test_the_query_has_these_conditions() -> None:
    query, text = analyzed()[ALERT], shipped()[ALERT]
    assert query.compared("remediator.phase") == {"intent", "outcome"}
    assert query.compared("remediator.result", "==") == {rule.DONE}
    assert query.compared("remediator.result", "contains") == {rule.MISSING}
    begins = {rule.NOT_BACK, *rule.ENDS}
    assert query.compared("remediator.result", "startswith") == begins
    for condition in (
        f'is_off = phase == "intent" or result startswith "{rule.NOT_BACK}" or result contains',
        f'is_over = phase == "outcome" or result == "{rule.DONE}" or result startswith',
        "over_at = max(TimeGenerated) by lock",
        "kind=leftouter over on lock",
        "isnull(over_at) or TimeGenerated > over_at",
        "off_since = min(TimeGenerated)",
        "off_since < ago(15m)",
    ):
        assert text.count(condition) == 1, condition


def test_the_list_and_the_alert_have_the_same_conditions() -> None:
    alert, _, last = shipped()[ALERT].partition("| where off_since < ago(15m)\n")
    assert last and shipped()[NOT_BACK].startswith(alert)


# How long they were off

OFF_AT: tuple[Told, ...] = (("00:01", "intent", "begun"), ("00:02", "outcome", "done"))
NOW = "2026-01-31T12:00:00.000000Z"
TIMES: dict[str, tuple[tuple[Told, ...], tuple[Told, ...], list[int]]] = {
    "back at once": (OFF_AT, (("00:03", "outcome", "done"),), [2]),
    "watched": (OFF_AT, (("00:03", "note", ANSWERED), ("00:08", "outcome", "done")), [2]),
    "watched, by a version without the note": (OFF_AT, (("00:08", "outcome", "done"),), [7]),
    "the outcome of its lift is written late": (
        (("00:01", "intent", "begun"), ("00:05", "outcome", "done")),
        (("00:03", "note", ANSWERED), ("00:08", "outcome", "done")),
        [2],
    ),
    "whether it was lifted is not known": (
        (("00:01", "intent", "begun"), ("00:02", "outcome", "not known: no answer")),
        (("00:03", "note", ANSWERED),),
        [2],
    ),
    "it was not lifted": (
        (("00:01", "intent", "begun"), ("00:02", "outcome", "not begun: its time was over")),
        (("00:03", "outcome", words.NEVER_LIFTED),),
        [],
    ),
    "not back": (OFF_AT, (("00:03", "note", FAILED),), [719]),
    "a person decided to put it back": (
        OFF_AT,
        (("00:03", "note", FAILED), ("00:05", "note", RESTORED), ("00:06", "note", ANSWERED)),
        [5],
    ),
    "a person left it off": (
        OFF_AT,
        (("00:05", "note", LEFT), ("00:05", "outcome", words.LEFT_OFF)),
        [719],
    ),
    "a person left it off, then put it back": (
        OFF_AT,
        (("00:05", "outcome", words.LEFT_OFF), ("00:31", "note", ANSWERED)),
        [30],
    ),
    "a person left it off the day before": (
        (("2026-01-30 23:58", "intent", "begun"), ("2026-01-30 23:58", "outcome", "done")),
        (("2026-01-30 23:59", "outcome", words.LEFT_OFF), ("09:00", "note", ANSWERED)),
        [2],
    ),
    "a person changed it": (OFF_AT, (("00:05", "outcome", words.CHANGED),), [4]),
    "its group is gone": (OFF_AT, (("00:11", "outcome", words.GROUP_GONE),), [10]),
    "lifted twice": (
        (*OFF_AT, ("08:00", "intent", "begun"), ("08:00", "outcome", "done")),
        (("00:03", "note", ANSWERED), ("00:08", "outcome", "done"), ("08:04", "outcome", "done")),
        [2, 4],
    ),
    "lifted, and not the second time": (
        (*OFF_AT, ("08:00", "intent", "begun"), ("08:00", "outcome", "not begun: no")),
        (("00:03", "outcome", "done"), ("08:04", "outcome", words.NEVER_LIFTED)),
        [2],
    ),
}


@pytest.mark.parametrize("case", TIMES)
def test_how_long_a_lock_was_off(case: str) -> None:
    lift, restore, minutes = TIMES[case]
    entries = [entry(told, LIFT) for told in lift] + [entry(told) for told in restore]
    chain = sorted(entries, key=lambda each: each.at)
    found = charts.find_lifts([entry(("00:00", "intent", "begun"), LIFT, OTHER), *chain])
    assert [round(charts.count_seconds(each, NOW) / 60) for each in found] == minutes


def test_each_day_has_the_minutes_that_ended_on_it() -> None:
    before = [entry((f"2026-01-30 {at}", *told), LIFT) for at, *told in OFF_AT]
    back = entry(("2026-01-30 00:05", "outcome", "done"))
    today = [entry(told, LIFT, incident="j") for told in OFF_AT]
    for_today = entry(("00:11", "note", ANSWERED), incident="j")
    found = charts.unlocked_minutes([*before, back, *today, for_today], NOW)
    assert list(found.items()) == [("2026-01-31", 10.0), ("2026-01-30", 4.0)]


def test_the_query_and_the_chart_have_the_same_conditions() -> None:
    query, text = analyzed()[UNLOCKED], shipped()[UNLOCKED]
    assert query.compared("remediator.result", "==") == {"done"}
    begins = {"not known", words.LEFT_OFF, *charts.BACK}
    assert query.compared("remediator.result", "startswith") == begins
    for condition in (
        'is_lift = entry_kind == "lift_lock" and phase == "intent"',
        "row_cumsum(toint(is_lift), incident != prev(incident) or lock != prev(lock))",
        "order by incident asc, lock asc, TimeGenerated asc",
        "off_at = minif(TimeGenerated, is_lift)",
        "back_at = minif(TimeGenerated, is_back) by incident, lock, lift",
        "min_of(coalesce(back_at, now()), iff(isnull(left_off_at), now(), endofday(left_off_at)))",
    ):
        assert text.count(condition) == 1, condition
