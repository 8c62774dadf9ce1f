"""The bugs of the lock protocol: at least one for each rule that docs/lock-protocol.md
names. Most are noticed by the tests beside each part, in seconds."""

from __future__ import annotations

from tests.mutants.plant import Mutant

EXECUTION = "tests/shared/execution"
WRITES = "tests/shared/azure/test_lock_writes.py"


def _of(file: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{EXECUTION}/test_{file}.py::test_{name}" for name in names)


def lifting(*names: str) -> tuple[str, ...]:
    return _of("lifting", *names)


def put_back(*names: str) -> tuple[str, ...]:
    return _of("put_back", *names)


def watch(*names: str) -> tuple[str, ...]:
    return _of("watch", *names)


def keeper(*names: str) -> tuple[str, ...]:
    return _of("keeper", *names)


def lease(*names: str) -> tuple[str, ...]:
    return _of("lease", *names)


def ledger(*names: str) -> tuple[str, ...]:
    return _of("ledger", *names)


def windows(*names: str) -> tuple[str, ...]:
    return _of("lock_windows", *names)


def decisions(*names: str) -> tuple[str, ...]:
    return _of("decisions", *names)


NOT_LOST = lifting("nothing_is_sent_once_the_window_or_the_row_is_lost")
SURELY = lifting("what_is_not_surely_as_it_was_is_not_lifted")
OVERTAKEN = lifting("who_is_overtaken_opens_the_row_again_and_puts_back")
NO_LEASE = lifting("who_has_no_lease_after_the_answer_watches_what_it_puts_back")
ONCE = lifting("it_is_proved_written_down_as_sent_and_sent_once")
WHILE_SENT = lifting("the_row_is_sent_while_the_delete_is_under_way")
UNANSWERED_DELETE = lifting("a_delete_without_an_answer_is_not_sent_again")
NOT_THERE = lifting("a_lock_that_was_not_there_is_put_back_and_watched")
SENT_ONCE = (f"{WRITES}::test_an_answer_says_whether_it_may_have_acted",)
GONE = put_back("a_group_is_gone_only_where_azure_says_so_long_enough")
SETTLED_LOOK = keeper("a_settled_lock_that_is_absent_is_reported_and_not_put_back")
STRANGE = keeper("a_row_of_another_version_is_put_back_from_its_text")
UNREADABLE_ROW = ledger("a_row_that_cannot_be_read_is_found_beside_the_others")

ROWS_AND_LEASES = (
    Mutant(
        "a row is written whoever owns it",
        "Hand.write",
        "change(row) if row.owner == token else None",
        "change(row)",
        ledger("the_owner_writes_and_nobody_else"),
    ),
    Mutant(
        "a row is taken away in whatever state it is",
        "Hand.remove",
        "self.row.owner == token and self.row.state is state",
        "self.row.owner == token",
        ledger("a_row_is_taken_away_by_its_owner_in_the_state_it_names"),
    ),
    Mutant(
        "a row is taken away whoever owns it",
        "Hand.remove",
        "self.row.owner == token and self.row.state is state",
        "self.row.state is state",
        ledger(
            "a_row_is_taken_away_by_its_owner_in_the_state_it_names",
            "a_row_that_became_another_s_is_not_taken_away",
        ),
    ),
    Mutant(
        "a row of another version is read as one of ours",
        "ledger:_read",
        'place.body.get("schema") != SCHEMA',
        "False",
        UNREADABLE_ROW,
    ),
    Mutant(
        "a row that cannot be read ends the reading of the others",
        "ledger:_read",
        "return read_strange_row(place, str(error))",
        "raise",
        UNREADABLE_ROW,
    ),
    Mutant(
        "an impossible time of a row stops whoever reckons with it",
        "ledger:_read",
        "if mistake := find_wrong_time(row):",
        'if mistake := "":',
        UNREADABLE_ROW,
    ),
    Mutant(
        "a row that cannot be read is skipped",
        "LockLedger.read_all",
        "strange.append(each)",
        "if each.lock is None:\n                    strange.append(each)",
        STRANGE,
    ),
    Mutant(
        "the heartbeat is unconditional",
        "LockWindows.beat",
        "self._store.replace(beat.row, to_json(following))",
        "self._store.replace("
        "(await self._store.get(WINDOWS, beat.row.partition, HEARTBEAT)) or beat.row,"
        " to_json(following))",
        windows("each_heartbeat_follows_the_last_one")
        + lease("a_beat_is_conditional_on_the_last_one"),
    ),
    Mutant(
        "who wakes beats on, whoever has the window by now",
        "Lease._beat_once",
        "found is None or found.heartbeat.token != self.token",
        "found is None",
        lease("a_beat_is_conditional_on_the_last_one"),
    ),
    Mutant(
        "an owner whose beat had no answer takes itself for overtaken",
        "Lease._beat_once",
        "found is None or found.heartbeat.token != self.token",
        "True",
        lease("its_own_beat_whose_answer_was_lost_is_its_own"),
    ),
    Mutant(
        "a lease that ran out is revived by a clock",
        "Lease.in_time",
        "self._lost = True",
        "return False",
        lease("one_that_ran_out_is_lost_whatever_a_clock_says_later"),
    ),
    Mutant(
        "a lease that ran out is revived by a late beat",
        "Lease._keep_beating",
        "elif self.in_time:",
        "else:",
        lease("a_beat_that_comes_too_late_revives_nothing"),
    ),
    Mutant(
        "a lease counts from the answer to its heartbeat",
        "Lease._keep_beating",
        "self._beat, self._began = beat, began",
        "self._beat, self._began = beat, read_clocks()",
        lease("time_counts_from_when_the_beat_began"),
    ),
    Mutant(
        "a lease is judged by one of the clocks",
        "Lease._silence",
        "max(now - began",
        "min(now - began",
        lease("it_holds_as_long_as_both_clocks_say"),
    ),
    Mutant(
        "a watch shorter than the assumptions need is fine",
        "Times.find_problems",
        "if self.watch >= needed:",
        "if True:",
        (
            "tests/command_line/test_doctor.py"
            "::test_what_is_taken_away_is_named_with_what_mends_it[a watch that is too short]",
        ),
    ),
)

TAKING_OFF = (
    Mutant(
        "the row is not written as sent before the DELETE goes out",
        "WindowLocks._mark_sent",
        "replace(row, state=LockState.SENT, out=True)",
        "row",
        WHILE_SENT + ONCE,
    ),
    Mutant(
        "a lock is lifted although its row became another's",
        "WindowLocks._send_all",
        'problem = "" if set(wrote) <= {Wrote.STORED} else self._lose("its rows are not ours")',
        'problem = ""',
        NOT_LOST + lifting("a_row_that_the_store_did_not_take_as_sent_is_not_sent"),
    ),
    Mutant(
        "the window is not looked at before the DELETE",
        "WindowLocks._send_all",
        "problem = problem or await self._why_not_now()",
        "pass",
        lifting("nothing_is_sent_once_the_window_is_lost_although_the_row_says_sent"),
    ),
    Mutant(
        "whose window was taken over is told that its time is over",
        "WindowLocks._why_not_now",
        "held is None or not is_of(held, self.window.id, self.lease.token)",
        "held is None",
        lifting("who_was_overtaken_is_told_so"),
    ),
    Mutant(
        "locks are lifted in a window that is over",
        "WindowLocks._why_not_now",
        "held.window.state != OPEN or held.window.deadline <= clock.now()",
        "False",
        NOT_LOST,
    ),
    Mutant(
        "a lock is proved although the lease is lost",
        "WindowLocks._why_not_now",
        "if self.lease.in_time",
        "if True",
        lifting("nothing_is_proved_once_the_window_is_lost"),
    ),
    Mutant(
        "the window's time is not enough for the answer",
        "WindowLocks._is_over",
        "_now() >= self.give_up - self.times.last_start",
        "_now() >= self.give_up",
        lifting("the_time_of_the_window_has_to_be_enough_for_the_answer"),
    ),
    Mutant(
        "who comes when the time is over is sent to a person",
        "WindowLocks._give_up_all",
        "bool(self.broken) or self._is_over",
        "bool(self.broken)",
        lifting("where_the_time_is_over_its_members_ask_again"),
    ),
    Mutant(
        "the clock is not looked at before the DELETE",
        "WindowLocks._send",
        "if not self.lease.in_time:",
        "if False:",
        lifting("the_clock_is_looked_at_last"),
    ),
    Mutant(
        "an unreadable last look leads to a lift",
        "judge_last_look",
        'return Proof(why_unread(f"the lock {lock.name} is as it was", found))',
        "return Proof()",
        SURELY,
    ),
    Mutant(
        "there is no last look after the proof",
        "WindowLocks._look_again",
        "return look.problem",
        'return ""',
        SURELY,
    ),
    Mutant(
        "what somebody took off before us is put back",
        "WindowLocks._look_again",
        "if look.absent:",
        "if False:",
        lifting("what_somebody_took_off_is_not_ours_to_put_back"),
    ),
    Mutant(
        "the row of a proof without an answer is taken away",
        "WindowLocks._put_proof",
        "if proof.late:",
        "if False:",
        lifting("a_proof_without_an_answer_is_watched_for"),
    ),
    Mutant(
        "the locks of a window are lifted although one cannot be proved",
        "WindowLocks.lift",
        "return await self._give_up_all(keys, problem)",
        "pass",
        lifting("where_one_cannot_be_proved_none_is_lifted"),
    ),
    Mutant(
        "a lock write is sent again when it has no answer",
        "writer:_write_once",
        "answer = await call_once(watched, seconds)",
        "try:\n            answer = await call_once(watched, seconds)\n"
        "        except errors.Unavailable:\n"
        "            answer = await call_once(watched, seconds)",
        SENT_ONCE,
    ),
    Mutant(
        "the transport sends a lost DELETE again by itself",
        "make_one_attempt_transport",
        "middlewares=(never_again,),",
        "middlewares=(),",
        SENT_ONCE,
    ),
    Mutant(
        "a DELETE without an answer is sent again",
        "WindowLocks._hear",
        "if answer.passing:",
        "if answer.passing or answer.unanswered:",
        UNANSWERED_DELETE,
    ),
    Mutant(
        "a DELETE without an answer counts as one that was refused",
        "WindowLocks._hear",
        "if answer.error is not None and not answer.unanswered:",
        "if answer.error is not None:",
        UNANSWERED_DELETE,
    ),
    Mutant(
        "an answer that is not the API's says that nothing was done",
        "LockAnswer.unanswered",
        "self.error.may_have_happened or self.status in (0, 408) or self.status >= 500",
        "self.status == 0",
        SENT_ONCE,
    ),
    Mutant(
        "a 204 is believed to be our deletion",
        "WindowLocks._hear",
        "if answer.error is None and answer.status != ABSENT_BEFORE:",
        "if answer.error is None:",
        NOT_THERE,
    ),
    Mutant(
        "a 204 is believed to be somebody else's deletion",
        "WindowLocks._hear",
        "if answer.passing:",
        "if answer.status == ABSENT_BEFORE:\n            await self._forget(key)\n"
        "            return Lifted()\n        if answer.passing:",
        NOT_THERE,
    ),
    Mutant(
        "a refused deletion counts as lifted",
        "WindowLocks._hear",
        "await self._abandon(key, problem, ended=True)",
        "pass",
        lifting("a_delete_that_was_refused_was_none"),
    ),
    Mutant(
        "a deletion goes on after the lease is lost",
        "WindowLocks.why_not_delete",
        "if self.broken or not self.lease.in_time:",
        "if self.broken:",
        lifting("a_collection_is_deleted_only_while_all_its_locks_are_off_and_ours"),
    ),
    Mutant(
        "a deletion goes on although a lock of it is going back",
        "WindowLocks.why_not_delete",
        "if any(hand.row.state is not LockState.OFF for hand in hands):",
        "if False:",
        lifting("a_collection_is_deleted_only_while_all_its_locks_are_off_and_ours"),
    ),
    Mutant(
        "an opener that was taken over opens its window",
        "gathering:_is_ours",
        "is_of(found, window.id, window.token) and found.window.state == GATHERING",
        "found.window.id == window.id",
        windows("whoever_gathers_does_not_open_what_was_taken_over"),
    ),
    Mutant(
        "who called again counts as served by a window that was taken over",
        "serves",
        " and window.epoch == 1",
        "",
        _of("held", "a_group_is_held_by_another_s_window_and_by_an_open_row"),
    ),
    Mutant(
        "a window opens beside a watched row",
        "held_by_rows",
        "if hand.row.open",
        "if hand.row.open and hand.row.state is not LockState.WATCHED",
        _of("held", "a_group_is_held_by_another_s_window_and_by_an_open_row")
        + keeper("rows_are_asked_again_once_a_window_is_there"),
    ),
    Mutant(
        "a row that cannot be read holds no group",
        "held_by_rows",
        "if not strange.group_id or same(strange.group_id, group_id):",
        "if False:",
        _of("held", "a_row_that_cannot_be_read_holds_its_group_or_any"),
    ),
    Mutant(
        "the rows are not asked again once the window is there",
        "Turns._open",
        "if opened is None or waits is None:",
        "if True:",
        keeper("rows_are_asked_again_once_a_window_is_there"),
    ),
)

GOING_BACK = (
    Mutant(
        "a read that shows the lock ends the putting back",
        "_WayBack._once",
        "answer = await self._send(body)",
        "if isinstance(found, Lock):\n            return await self._settle(DONE)\n"
        "        answer = await self._send(body)",
        put_back("a_read_that_shows_the_lock_ends_nothing"),
    ),
    Mutant(
        "a lock that cannot be read stays off",
        "_WayBack._once",
        "answer = await self._send(body)",
        "if isinstance(found, Unreadable):\n            return await self._give_up()\n"
        "        answer = await self._send(body)",
        put_back("a_lock_that_cannot_be_read_is_put_back"),
    ),
    Mutant(
        "another body ends the putting back",
        "_WayBack._note",
        "self._watch(with_body(row, found, stale), mends=True)",
        'settled(with_body(row, found, stale), "left alone: a person changed it")',
        put_back("another_body_is_noted_and_watched_as_for_a_delete"),
    ),
    Mutant(
        "after another body was read the watch leaves absent alone",
        "_WayBack._note",
        "mends=True",
        "mends=row.out",
        put_back("another_body_is_noted_and_watched_as_for_a_delete"),
    ),
    Mutant(
        "another body counts at once, however young the one on record is",
        "with_body",
        "if row.is_young(stale_seconds):",
        "if False:",
        put_back("a_young_body_on_record_is_not_replaced_by_another")
        + watch("the_planned_body_does_not_replace_a_young_one"),
    ),
    Mutant(
        "the planned body is put back whatever is on record",
        "_WayBack._choose_body",
        "return self.hand.row.body",
        "return self.hand.row.lock",
        put_back("the_body_on_record_is_put_back_not_the_planned_one"),
    ),
    Mutant(
        "who was overtaken puts back its own body",
        "_WayBack._choose_body",
        "return await choose_body(self.by.ledger, self.hand.row, self.by.times.store)",
        "return self.hand.row.body",
        put_back("who_was_overtaken_puts_back_the_youngest_body_on_record"),
    ),
    Mutant(
        "the newest window's body counts, not the youngest one",
        "choose_body",
        "max(rows, key=lambda each: (each.noted_at, each.window_id == own), default=row)",
        "rows[-1]",
        put_back("who_was_overtaken_puts_back_the_youngest_body_on_record"),
    ),
    Mutant(
        "a watched lock that somebody removed is told to nobody",
        "Watch.look",
        "if _was_there(row):",
        "if False:",
        watch("what_was_back_and_is_absent_is_told_at_once_and_not_mended"),
    ),
    Mutant(
        "a put-back has no correlation id",
        "_WayBack._watch_what_is_back",
        "correlation_id=correlation_id)\n            return self._watch",
        'correlation_id="")\n            return self._watch',
        put_back("a_delete_without_an_answer_is_watched_for"),
    ),
    Mutant(
        "a lock that the watch cannot put back is no alert",
        "Watch._mend",
        "await alert_not_back(self.settings, replace(hand.row, attempts=attempts), problem)",
        "pass",
        watch("a_put_that_azure_refuses_for_good_is_told_with_backoff"),
    ),
    Mutant(
        "a watch goes on counting the attempts from before it",
        "begin_watch",
        '        problem="",\n        attempts=0,\n',
        '        problem="",\n',
        watch("a_watch_counts_its_own_attempts"),
    ),
    Mutant(
        "a DELETE without an answer is settled at once",
        "_WayBack._settles_at_once",
        "self.first and row.lifted and never_doubted",
        "self.first",
        put_back("a_delete_without_an_answer_is_watched_for") + UNANSWERED_DELETE,
    ),
    Mutant(
        "a PUT without an answer is settled at once",
        "_WayBack._settles_at_once",
        "self.missed or self.reopen",
        "self.reopen",
        put_back("a_put_without_an_answer_is_sent_again_and_watched_for"),
    ),
    Mutant(
        "what another execution put back is settled at once",
        "_WayBack._settles_at_once",
        "self.first and row.lifted and never_doubted",
        "row.lifted and never_doubted",
        put_back("what_another_execution_puts_back_is_watched"),
    ),
    Mutant(
        "what was opened again is settled at once",
        "_WayBack._settles_at_once",
        "self.missed or self.reopen or row.reopened or row.missed or row.out",
        "self.missed or row.missed or row.out",
        put_back("whatever_was_settled_is_opened_again") + NO_LEASE,
    ),
    Mutant(
        "the watch leaves absent alone after a DELETE without an answer",
        "_WayBack._watch_what_is_back",
        "mends=mends or row.out",
        "mends=mends",
        put_back("a_delete_without_an_answer_is_watched_for"),
    ),
    Mutant(
        "a lock that was there when it was put back is not reported",
        "_WayBack._finish",
        "if answer.status == 200 and self._saw_it_off:",
        "if False:",
        put_back("a_lock_that_was_there_when_it_was_put_back_is_reported"),
    ),
    Mutant(
        "the row of another is put back all the same",
        "_WayBack.go",
        "if wrote is Wrote.ANOTHERS:",
        "if False:",
        put_back("a_row_of_another_is_left_to_it"),
    ),
    Mutant(
        "the store is a condition for putting a lock back",
        "_WayBack.go",
        "if wrote is Wrote.ANOTHERS:",
        "if wrote is not Wrote.STORED:",
        put_back("the_store_is_no_condition"),
    ),
    Mutant(
        "the guardian waits for the store before it puts a lock back",
        "Keeper._put_back",
        "if wrote is Wrote.ANOTHERS:",
        "if wrote is not Wrote.STORED:",
        keeper("a_store_that_takes_no_row_keeps_no_lock_off[True-20.0]"),
    ),
    Mutant(
        "a person's word is not obeyed between two attempts",
        "_WayBack._look_at_row",
        "return self.reopen or (there and self._is_mine(self.hand.row))",
        "return True",
        put_back("who_is_told_to_leave_it_off_between_two_attempts_stops"),
    ),
    Mutant(
        "who stops leaves a PUT of its own behind",
        "_WayBack._leave",
        "while self.missed:",
        "while False:",
        put_back("who_stops_while_its_put_may_still_land_leaves_the_row_watched"),
    ),
    Mutant(
        "who is overtaken after its DELETE stops",
        "WindowLocks.put_back",
        "reopen=key in self.lost",
        "reopen=False",
        OVERTAKEN,
    ),
    Mutant(
        "who has lost its lease when the DELETE is answered goes on as its owner",
        "WindowLocks._hear",
        "if await self._mark(hand, _off) and self.lease.in_time:",
        "if await self._mark(hand, _off):",
        NO_LEASE,
    ),
    Mutant(
        "who is overtaken while its DELETE has no answer stops",
        "WindowLocks._hear",
        "if not await self._mark(hand, _returning) or not self.lease.in_time:",
        "if not await self._mark(hand, _returning) and False:",
        OVERTAKEN,
    ),
    Mutant(
        "the re-opening is not repeated when the store does not answer",
        "_WayBack._has_to_open",
        "return self.reopen and not self.opened",
        "return False",
        put_back("the_reopening_is_repeated_until_the_store_takes_it"),
    ),
    Mutant(
        "the re-opening is given up where Azure refuses the PUT",
        "_WayBack._give_up",
        "await self._open_for_sure()",
        "pass",
        put_back("a_refusal_of_azure_does_not_end_the_reopening"),
    ),
    Mutant(
        "a row that is forgotten is not opened again",
        "_WayBack._open_again",
        "wrote = await self.hand.insert_again(open_again(self.hand.row))",
        "pass",
        put_back("a_row_that_is_forgotten_is_written_again"),
    ),
    Mutant(
        "an unknown deletion counts as heard when the row is opened again",
        "_WayBack._open_again",
        "out=not lifted",
        "out=False",
        put_back("whatever_was_settled_is_opened_again"),
    ),
    Mutant(
        "a subscription that is not found is a group that is gone",
        "GoneGroups._look",
        "isinstance(group, Absent) and fold(group.code) == fold(GROUP_NOT_FOUND)",
        "not isinstance(group, dict)",
        GONE,
    ),
    Mutant(
        "a group is believed to be gone although the subscription cannot be read",
        "GoneGroups._look",
        "except AzureCallFailed:\n            return False",
        "except AzureCallFailed:\n            return True",
        GONE,
    ),
    Mutant(
        "a group is believed to be gone at once",
        "GoneGroups.is_gone",
        "len(looks) >= MOST_LOOKS and clock.after(looks[0], self.times.gone) <= looks[-1]",
        "seen_gone",
        GONE + watch("a_group_that_is_gone_ends_it_once_that_is_believed"),
    ),
    Mutant(
        "three looks at a group that is gone are enough, however soon",
        "GoneGroups.is_gone",
        "and clock.after(looks[0], self.times.gone) <= looks[-1]",
        "",
        GONE,
    ),
    Mutant(
        "a lock that Azure refuses to have back does not need a person",
        "_WayBack._hear",
        "return await self._give_up(LockState.NEEDS_PERSON)",
        "return await self._give_up()",
        put_back("a_refusal_needs_a_person"),
    ),
)

TAKING_OVER = (
    Mutant(
        "a living owner is taken over",
        "Keeper._is_dead",
        "silent = _now() - self._seen[1] >= self.by.times.lease",
        "silent = True",
        keeper("one_that_is_slow_is_not_dead_before_its_lease_is_over"),
    ),
    Mutant(
        "an owner that beats dies all the same",
        "Keeper._is_dead",
        "self._seen is None or self._seen[0] != heartbeat",
        "self._seen is None",
        keeper("a_living_owner_keeps_its_window_and_its_rows"),
    ),
    Mutant(
        "who joins makes a dead owner alive",
        "Keeper._is_dead",
        "heartbeat = beat.heartbeat if beat else None",
        "heartbeat = held.window.members",
        keeper("who_joins_makes_no_dead_owner_alive"),
    ),
    Mutant(
        "a window whose time is over is left to an owner that hangs",
        "Keeper._is_dead",
        "return silent or (late and held.window.state == OPEN)",
        "return silent",
        keeper("an_open_window_whose_time_is_over_is_closed_though_its_owner_lives"),
    ),
    Mutant(
        "an owner that is putting back is taken over at the deadline",
        "Keeper._is_dead",
        "late and held.window.state == OPEN",
        "late",
        keeper("a_living_owner_that_is_putting_back_is_left_to_it"),
    ),
    Mutant(
        "the rows of a living owner are put back",
        "Keeper._look",
        "and (mine or held is None or hand.row.window_id != held.window.id)",
        "",
        keeper("a_living_owner_keeps_its_window_and_its_rows"),
    ),
    Mutant(
        "a window that its owner has left is waited for",
        "Keeper._own_or_take",
        "left_over if _is_done(held) else self._is_dead(held, beat)",
        "self._is_dead(held, beat)",
        keeper("an_owner_that_has_left_its_window_is_not_waited_for"),
    ),
    Mutant(
        "a taker leaves the window open",
        "LockWindows.take_over",
        "state=CLOSING, ",
        "",
        windows("after_a_take_over_the_former_owner_writes_nothing"),
    ),
    Mutant(
        "a taker leaves the owner's token in the window",
        "LockWindows.take_over",
        "replace(held.window, token=token, state=CLOSING, epoch=epoch)",
        "replace(held.window, state=CLOSING, epoch=epoch)",
        windows("after_a_take_over_the_former_owner_writes_nothing"),
    ),
    Mutant(
        "a window is ended whoever owns it",
        "LockWindows.end",
        " or held.window.token != window.token",
        "",
        windows("a_window_is_ended_by_its_owner_with_its_heartbeat"),
    ),
    Mutant(
        "a taker sends before it writes the row",
        "Keeper._put_back",
        "wrote = await hand.force(self._take, self.by.times.store)",
        "await self.by.restorer.writer.put_lock(hand.row.body, self.token, 60)\n"
        "        wrote = await hand.force(self._take, self.by.times.store)",
        keeper("a_row_is_written_before_any_request_for_it"),
    ),
    Mutant(
        "a planned row of a dead owner gets a PUT",
        "Keeper._put_back",
        "await hand.force(self._watch_for_proof)\n            return",
        "await hand.force(lambda row: replace(row, state=LockState.RETURNING))",
        keeper("a_planned_lock_gets_no_put_and_is_watched_for_its_proof"),
    ),
    Mutant(
        "the watch for a proof puts back what is absent",
        "Keeper._watch_for_proof",
        "mends=False",
        "mends=True",
        keeper("a_planned_lock_gets_no_put_and_is_watched_for_its_proof"),
    ),
    Mutant(
        "a window is ended while a row of it is watched",
        "Keeper._look",
        "held is not None and not hands and (mine or _is_done(held))",
        "held is not None and (mine or _is_done(held))",
        keeper("a_window_stays_while_a_row_of_it_is_watched"),
    ),
    Mutant(
        "one lock that hangs keeps the others unwatched",
        "Keeper._begin_putting_back",
        "timeout=self.by.times.look",
        "timeout=None",
        keeper("a_lock_that_hangs_keeps_no_other_one_off_or_unwatched"),
    ),
    Mutant(
        "a sick group holds up the others",
        "Guardian._begin_keeping",
        "if key not in begun and",
        "if not begun and",
        keeper("a_group_that_hangs_keeps_no_other_one_waiting"),
    ),
    Mutant(
        "a part of a tick that fails stops the others",
        "guardian:_run_all",
        "return_exceptions=True",
        "return_exceptions=False",
        keeper("a_part_that_fails_stops_no_other"),
    ),
    Mutant(
        "a row that cannot be read is not put back",
        "Guardian.guard",
        "self.strange.put_back_all(outcomes),",
        "",
        STRANGE,
    ),
    Mutant(
        "a row that cannot be read and was never lifted is put back",
        "StrangeLocks.put_back_all",
        "if row.may_be_off and row.lock is not None:",
        "if row.lock is not None:",
        STRANGE,
    ),
    Mutant(
        "settled rows are not looked at",
        "Guardian.guard",
        "self.settled.look_at_all(),",
        "",
        keeper("a_tick_with_nothing_open_ends_at_once_and_looks_at_what_is_settled"),
    ),
)

WATCHING = (
    Mutant(
        "the watch leaves absent alone after a DELETE",
        "Watch.look",
        "if isinstance(found, Absent) and row.mends:",
        "if isinstance(found, Absent) and row.mends and over:",
        watch("an_absent_lock_is_put_back_each_time_it_is_seen"),
    ),
    Mutant(
        "the watch puts back once for the one DELETE",
        "Watch.look",
        "if isinstance(found, Absent) and row.mends:",
        "if isinstance(found, Absent) and row.mends and not row.put_at:",
        watch("an_absent_lock_is_put_back_each_time_it_is_seen"),
    ),
    Mutant(
        "the watch for a PUT undoes a person's deletion",
        "Watch.look",
        "if isinstance(found, Absent) and row.mends:",
        "if isinstance(found, Absent):",
        watch("where_only_a_put_may_land_absent_is_left_alone"),
    ),
    Mutant(
        "the watch is ended before its time",
        "Watch.look",
        "row.watch_until <= clock.now() and not row.is_young(self.times.stale)",
        "not row.is_young(self.times.stale)",
        watch("a_lock_that_is_there_stays_watched"),
    ),
    Mutant(
        "the watch is ended while the body on record is young",
        "Watch.look",
        "row.watch_until <= clock.now() and not row.is_young(self.times.stale)",
        "row.watch_until <= clock.now()",
        watch("it_does_not_end_while_the_body_on_record_is_young"),
    ),
    Mutant(
        "a look that began in time ends the watch",
        "Watch.look",
        "over = row.watch_until <= clock.now() and not row.is_young(self.times.stale)\n"
        "        found = await read_lock(self.reader, row.lock, self.times)",
        "found = await read_lock(self.reader, row.lock, self.times)\n"
        "        over = row.watch_until <= clock.now() and not row.is_young(self.times.stale)",
        watch("a_look_that_began_in_time_does_not_end_it"),
    ),
    Mutant(
        "a PUT that was decided before its end ends the watch",
        "Watch._mend",
        "is Wrote.STORED and back and final:",
        "is Wrote.STORED and back and hand.row.watch_until <= clock.now():",
        watch("a_put_that_was_decided_in_time_does_not_end_it"),
    ),
    Mutant(
        "a PUT without an answer ends the watch",
        "Watch._mend",
        "is Wrote.STORED and back and final:",
        "is Wrote.STORED and final:",
        watch("a_put_that_azure_does_not_answer_is_a_problem_and_tried_again"),
    ),
    Mutant(
        "the watch puts back the planned body",
        "Watch._mend",
        "body = await choose_body(self.ledger, hand.row, self.times.store)",
        "body = hand.row.lock",
        watch("the_last_body_on_record_is_put_back"),
    ),
    Mutant(
        "the watch puts back what its own row says",
        "Watch._mend",
        "body = await choose_body(self.ledger, hand.row, self.times.store)",
        "body = hand.row.body",
        watch("the_body_on_record_may_be_in_the_row_of_a_newer_window"),
    ),
    Mutant(
        "the watch writes over another body",
        "Watch.look",
        "await self._note(hand, found)",
        "await self._mend(hand, final=over)",
        watch("another_body_is_noted_and_not_written_over"),
    ),
    Mutant(
        "what cannot be read ends the watch",
        "Watch.look",
        "return  # neither mended nor over",
        "found = Absent(found.what)",
        watch("what_cannot_be_read_neither_ends_it_nor_is_written"),
    ),
    Mutant(
        "the watch writes over a person's word",
        "Watch._end",
        "if row.state is LockState.WATCHED else None",
        "if True else None",
        watch("what_a_person_decided_meanwhile_is_not_written_over"),
    ),
    Mutant(
        "a proof that may have landed is not told",
        "result_of_watch",
        "return late + ",
        "return NEVER_LIFTED + ",
        watch("a_proof_that_never_came_is_told_with_its_span"),
    ),
)

AFTERWARDS = (
    Mutant(
        "a settled lock that is absent is not reported",
        "SettledRows._look",
        'since = (each.missing_since or now) if absent else ""',
        'since = ""',
        SETTLED_LOOK,
    ),
    Mutant(
        "a settled lock is never looked at",
        "settled_rows:_is_due",
        "clock.after(row.looked_at or row.settled_at, SETTLED_LOOK_SECONDS) <= clock.now()",
        "False",
        SETTLED_LOOK,
    ),
    Mutant(
        "a lock that a person left off is reported as missing",
        "SettledRows._look_at",
        "newest and _is_due(row) and (row.result in (DONE, CHANGED) or row.missing_since)",
        "newest and _is_due(row)",
        SETTLED_LOOK,
    ),
    Mutant(
        "a lock that cannot be read is no longer missing",
        "SettledRows._look",
        "if not isinstance(found, Absent | Lock):",
        "if False:",
        keeper("one_that_is_there_again_is_no_longer_missing"),
    ),
    Mutant(
        "a lock that is in use is reported as missing",
        "SettledRows._look_at",
        "elif newest and _is_due(row)",
        "elif _is_due(row)",
        keeper("a_lock_with_an_open_row_is_not_reported"),
    ),
    Mutant(
        "the row of a missing lock is forgotten after a day",
        "SettledRows._look_at",
        "KEPT_SECONDS) <= now and not row.missing_since",
        "KEPT_SECONDS) <= now",
        keeper("a_settled_row_is_kept_for_a_day_or_until_somebody_decides"),
    ),
    Mutant(
        "an outcome that its execution could not write is never written",
        "SettledRows._look_at",
        "await self.journal.record(hand)",
        "pass",
        keeper("an_outcome_that_nobody_wrote_is_written"),
    ),
    Mutant(
        "a person's word to leave a lock off is not obeyed by who has it in hand",
        "Decisions._leave_off",
        "owner=person, ",
        "",
        decisions("whoever_had_it_in_hand_puts_it_back_no_more"),
    ),
    Mutant(
        "a lock is left off while a fix has it off",
        "Decisions._leave_off",
        "if row.state in IN_A_WINDOW:",
        "if False:",
        decisions("it_is_left_off_unless_a_fix_has_it_off"),
    ),
    Mutant(
        "who took a lock off does not learn that a person put it back",
        "Decisions._put_back",
        "owner=token, ",
        "",
        decisions("who_took_it_off_learns_that_it_is_another_s"),
    ),
    Mutant(
        "a word that the store did not take is reported as done",
        "Decisions._put_back",
        "if wrote is Wrote.SILENT:",
        "if False:",
        decisions("a_word_that_the_store_does_not_take_is_not_reported_as_done"),
    ),
    Mutant(
        "a lock that is being put back is reported as back",
        "_sum_up_restoring",
        "row.state is LockState.SETTLED and row.result == DONE",
        "row.state is not LockState.OFF",
        _of("outcomes", "a_lock_is_said_to_be_back_only_where_it_is"),
    ),
    Mutant(
        "a window whose lock is absent in its watch ended well",
        "outcomes:_is_back",
        "return not row.problem",
        "return True",
        _of("outcomes", "a_lock_is_said_to_be_back_only_where_it_is"),
    ),
    Mutant(
        "a lock with a problem is said to be on its way",
        "state_of",
        "if row.red:",
        "if False:",
        _of("lock_words", "what_is_said_of_a_lock"),
    ),
)

LOCK_PROTOCOL = (
    *ROWS_AND_LEASES,
    *TAKING_OFF,
    *GOING_BACK,
    *TAKING_OVER,
    *WATCHING,
    *AFTERWARDS,
)
