"""The bugs, by what they break. Each is one a person could write, and none is
equivalent to the code as it is.

`where` names the function, not the file: a function that moves keeps its mutants. Where
code changes, its anchor is pointed again; a mutant that survives stays here until a
test notices it.
"""

from __future__ import annotations

from tests.mutants.agent import AGENT_BELIEVED
from tests.mutants.evidence import LOG_EVIDENCE
from tests.mutants.locks import LOCK_PROTOCOL, ONCE, SURELY, keeper, lifting, put_back, watch
from tests.mutants.person import PERSON
from tests.mutants.plant import Mutant
from tests.mutants.second_try import SECOND_TRY

LOOKS, WINDOW, VERIFYING = (
    "tests/faults/test_last_looks.py",
    "tests/faults/test_lock_window.py",
    "tests/faults/test_verifying.py",
)
DEATHS = "tests/faults/test_deaths.py"
DECIDING, WINDOW_RULES = (
    "tests/shared/plan/test_deciding.py",
    "tests/shared/execution/test_lock_windows.py",
)
LOCK_FACTS, ONE_FAILURE = (
    "tests/shared/azure/test_lock_facts.py",
    "tests/shared/intake/test_one_failure.py",
)


def looks(*cases: str) -> tuple[str, ...]:
    name = "test_what_changed_since_the_plan_is_seen_and_nothing_is_changed"
    return tuple(f"{LOOKS}::{name}[{case}]" for case in cases)


def record(*cases: str) -> tuple[str, ...]:
    return tuple(f"{LOOKS}::test_the_record_goes_ahead_and_follows[{case}]" for case in cases)


def window(name: str) -> tuple[str, ...]:
    return (f"{WINDOW}::test_{name}",)


def verifying(name: str) -> tuple[str, ...]:
    return (f"{VERIFYING}::test_{name}",)


def last_look(name: str) -> tuple[str, ...]:
    return (f"tests/faults/test_last_look.py::test_{name}",)


def called_again(name: str) -> tuple[str, ...]:
    return (f"tests/faults/test_called_again.py::test_{name}",)


def proved(*cases: str) -> tuple[str, ...]:
    name = "test_nothing_is_lifted_unless_the_lock_is_proved"
    return tuple(f"tests/faults/test_proof.py::{name}[{case}]" for case in cases)


def held(name: str) -> tuple[str, ...]:
    return (f"tests/shared/execution/test_held.py::test_{name}",)


def held_groups(name: str) -> tuple[str, ...]:
    return (f"tests/faults/test_held_groups.py::test_{name}",)


def fence(name: str) -> tuple[str, ...]:
    return (f"tests/faults/test_fence.py::test_{name}",)


def turn(name: str) -> tuple[str, ...]:
    return (f"tests/shared/plan/test_turn.py::test_{name}",)


def transaction(name: str) -> tuple[str, ...]:
    return (f"tests/shared/store/test_{name}",)


def deciding(name: str) -> tuple[str, ...]:
    return (f"{DECIDING}::test_{name}",)


UNANSWERED = (
    "tests/faults/test_proof.py::test_a_deletion_without_an_answer_is_not_sent_again[True]",
)
JOURNAL = (
    "tests/shared/execution/test_lock_journal.py::test_the_second_outcome_of_an_intent_is_a_note",
)
UNRECORDED = (f"{LOOKS}::test_what_cannot_be_recorded_is_not_changed",)
ONE_OUTCOME = (f"{LOOKS}::test_every_change_has_its_one_outcome_with_arm_s_id",)
PLACES = "tests/shared/diagnosis/test_extension.py"
EXAMPLES = ("tests/shared/test_catalogue.py::test_an_example_gets_its_verdict",)
AGAIN = ("tests/faults/test_last_look.py::test_what_changes_in_the_window_keeps_the_collection",)
POINT_STAYS = (
    "tests/shared/execution/test_restore_points.py::test_it_stays_and_the_person_is_told_why",
)
ELSEWHERE = (
    "tests/shared/azure/test_elsewhere.py::test_home_is_the_endpoint_that_is_set",
    "tests/shared/azure/test_elsewhere.py::test_where_the_token_may_go",
    "tests/shared/azure/test_elsewhere.py::test_a_next_page_elsewhere_is_not_read",
)
HELD = held("a_group_is_held_by_another_s_window_and_by_an_open_row")
HEALED = verifying("what_healed_by_itself_meanwhile_is_left_alone")
HEALED_BY = ("tests/shared/plan/test_turn.py::test_the_newest_later_backup_counts",)
WITNESS = ("tests/shared/diagnosis/test_witness.py::test_anything_else_is_not",)
IDENTICAL = window("what_is_put_back_is_identical")
ROUND_TRIP = (f"{LOCK_FACTS}::test_what_is_put_is_what_is_read",)
NOT_THE_SAME = (f"{LOCK_FACTS}::test_two_locks_are_not_the_same",)
ONE_WINDOW = (f"{WINDOW_RULES}::test_one_window_a_group_and_no_move_over_what_another_wrote",)
GOES_ON = (f"{LOOKS}::test_what_does_not_matter_holds_nothing_back",)

PUTTING_BACK = (
    Mutant(
        "the read-back of a restored lock is not compared",
        "_WayBack._finish",
        "isinstance(found, Lock) and found.same_content(self.hand.row.body)",
        "isinstance(found, Lock)",
        put_back("another_body_that_is_read_back_is_noted"),
    ),
    Mutant(
        "a restored lock is not read back",
        "_WayBack._finish",
        "found = await self._read_back()",
        "found = answer.lock",
        put_back("an_accepted_put_that_cannot_be_seen_is_watched"),
    ),
    Mutant(
        "a lock is put back over what a person changed",
        "_WayBack._once",
        "isinstance(found, Lock) and not ("
        "found.same_content(body) or found.same_content(row.lock))",
        "False",
        put_back("another_body_is_noted_and_watched_as_for_a_delete"),
    ),
    Mutant(
        "the level of a lock is lost when it is put back",
        "ArmWriter.put_lock",
        "level=lock.level",
        'level="CanNotDelete"',
        IDENTICAL,
    ),
    Mutant(
        "the notes of a lock are lost when it is put back",
        "ArmWriter.put_lock",
        "notes=lock.notes",
        "notes=None",
        IDENTICAL,
    ),
    Mutant(
        "the owners of a lock are lost when it is put back",
        "ArmWriter.put_lock",
        "owners=owners or None",
        "owners=None",
        ROUND_TRIP,
    ),
    Mutant(
        "two locks of different level are the same",
        "Lock.same_content",
        "fold(self.level) == fold(other.level)",
        "True",
        NOT_THE_SAME,
    ),
    Mutant(
        "two locks of different notes are the same",
        "Lock.same_content",
        '(self.notes or "") == (other.notes or "")',
        "True",
        NOT_THE_SAME,
    ),
    Mutant(
        "two locks of different owners are the same",
        "Lock.same_content",
        "{fold(owner) for owner in self.owners} == {fold(owner) for owner in other.owners}",
        "True",
        NOT_THE_SAME,
    ),
    Mutant(
        "two locks of different scope are the same",
        "Lock.same_content",
        "fold(self.id) == fold(other.id)",
        "self.name == other.name",
        NOT_THE_SAME,
    ),
    Mutant(
        "the leader waits for the store before it puts locks back",
        "Session._unlock_and_delete",
        "endings = await asyncio.gather("
        "self.locks.put_back(), self._close_window(), return_exceptions=True)",
        "endings = [await self._close_window(), await self.locks.put_back()]",
        window("a_store_that_is_away_does_not_keep_the_lock_off"),
    ),
    Mutant(
        "the outcome of a put-back is not written",
        "LockJournal.record",
        "await self.journal.outcome("
        "row.chain, RESTORE, row.lock.id, row.result, row.correlation_id, detail)",
        "pass",
        keeper("an_outcome_that_nobody_wrote_is_written") + ONE_OUTCOME,
    ),
    Mutant(
        "two that put a lock back both write the outcome",
        "Journal.outcome",
        "return (kind, fold(target)) in await self.open_intents(chain.id)",
        "return True",
        JOURNAL,
    ),
    Mutant(
        "the guardian settles what the leader is settling",
        "SettledRows._look_at",
        "clock.after(row.settled_at, self.times.grace) <= now",
        "True",
        keeper("an_outcome_is_left_for_a_while_to_who_settled_it"),
    ),
    Mutant(
        "a failed attempt takes back that the lock is back",
        "Watch._mend",
        "if row.state is not LockState.WATCHED:",
        "if False:",
        watch("a_failed_attempt_takes_nothing_back_that_is_settled"),
    ),
)

COMES_BACK = "tests/shared/verification/test_coming_back.py::test_"
COMING_BACK = (
    Mutant(
        "a repair that comes back needs nobody",
        "Returning.needs_somebody",
        "self.nth and self.locks and not self.over",
        "False",
        (f"{COMES_BACK}it_stays_on_the_list_of_what_needs_somebody",),
    ),
    Mutant(
        "what could not be read takes a repair off the list",
        "locks_gone:_judge",
        "isinstance(locks, Unreadable) or",
        "not isinstance(locks, Unreadable) and",
        (f"{COMES_BACK}it_stays_until_no_lock_is_seen",),
    ),
    Mutant(
        "one free group takes a repair off the list",
        "look_at_standing_locks",
        "if all(reasons):",
        "if any(reasons):",
        (f"{COMES_BACK}all_of_its_groups_have_to_be_free",),
    ),
    Mutant(
        "a lock on the VM's own group has to be removed",
        "foresee_return",
        "not same(lock.scope, own_group)",
        "True",
        (
            "tests/shared/diagnosis/test_restore_points.py"
            "::test_a_lock_on_the_vm_s_own_group_protects_the_vm",
        ),
    ),
    Mutant(
        "an earlier repair stays on the list beside the newest",
        "tell_return",
        "if each.lock_stays:",
        "if False:",
        (f"{COMES_BACK}the_newest_repair_alone_is_on_the_list",),
    ),
    Mutant(
        "a collection in use is deleted again and again",
        "Deletion._delete",
        "fold(error.code) == fold(IN_USE)",
        "False",
        (
            "tests/e2e/test_lifecycle.py"
            "::test_a_collection_in_use_is_told_with_what_ends_the_use[as an operation]",
        ),
    ),
)
LIFTING = (
    Mutant(
        "the lock is not compared again before it is lifted",
        "judge_last_look",
        "if not found.same_content(lock):",
        "if False:",
        SURELY,
    ),
    Mutant(
        "a lock that a person added in the window is lifted",
        "CollectionDeletions._why_not_unlocked",
        "if not unlocked:",
        "if True:",
        window("a_lock_that_somebody_added_is_not_lifted_for_who_joins"),
    ),
    Mutant(
        "what must stay locked is not looked at by the executor",
        "CollectionDeletions._why_not_unlocked",
        "if kept := [reason for reason in reasons if reason]:",
        'if kept := "":',
        looks(
            "an application locks the group, in the window",
            "the subscription is locked, in the window",
        ),
    ),
    Mutant(
        "a lock with owners may be lifted",
        "why_lock_stays",
        "if lock.owners:",
        "if False:",
        looks("an application locks the group, before the window") + deciding("nothing_is_planned"),
    ),
    Mutant(
        "Azure Backup's own lock may be lifted",
        "why_lock_stays",
        "fold(lock.name) == fold(AZURE_BACKUPS_OWN_LOCK)",
        "False",
        looks("Azure Backup locks the group, before the window"),
    ),
    Mutant(
        "a lock of the subscription may be lifted",
        "why_lock_stays",
        "same(lock.scope, group_of(collection_id))",
        "collection_id.startswith(lock.scope)",
        looks("the subscription is locked, before the window"),
    ),
    Mutant(
        "a ReadOnly lock on a group of Azure Backup's is lifted in vain",
        "why_lock_stays",
        'fold(lock.level) != "readonly"',
        "True",
        deciding("nothing_is_planned"),
    ),
    Mutant(
        "a window goes on although its lock could not be lifted",
        "Session._serve",
        "if lifted.problem:",
        "if False:",
        proved("403 by rights"),
    ),
    Mutant(
        "whose lock may be off is refused for good",
        "Session._end_without",
        "if lifted.unknown:",
        "if False:",
        UNANSWERED,
    ),
)

RECORD = (
    Mutant(
        "the ledger is not written before the lift",
        "WindowLocks.write_ahead",
        "self.hands[fold(lock.id)] = await self.ledger.insert(self._plan(lock))",
        "self.hands[fold(lock.id)] = hand = await self.ledger.insert(self._plan(lock))\n"
        "            await self.ledger._store.delete(hand._place)",
        ONCE,
    ),
    Mutant(
        "a change is made before its intent is written",
        "change",
        "    await fence.journal.intent(incident, wanted.kind, wanted.target)\n",
        "",
        record("store insert audit intent uninstall_extension before ARM DELETE extensions"),
    ),
    Mutant(
        "the intent to lift a lock is not written",
        "WindowLocks.write_ahead",
        "if (LIFT, fold(lock.id)) not in known:",
        "if False:",
        record("store insert audit intent lift_lock before ARM DELETE locks"),
    ),
    Mutant(
        "the intent to put a lock back is not written",
        "WindowLocks.write_ahead",
        "if (RESTORE, fold(lock.id)) not in known:",
        "if False:",
        record("store insert audit intent restore_lock before ARM DELETE locks"),
    ),
    Mutant(
        "locks are lifted before the intents of the deletions",
        "Session._serve",
        "await asyncio.gather(*(self._write_intent(each) for each in ready))\n"
        "        lifted = await self.locks.lift(wanted)",
        "lifted = await self.locks.lift(wanted)\n"
        "        await asyncio.gather(*(self._write_intent(each) for each in ready))",
        record("store insert audit intent delete_restore_point_collection before ARM DELETE locks"),
    ),
    Mutant(
        "the intent of a deletion is not written",
        "Session._write_intent",
        "if (KIND, fold(ready.collection.id)) not in known:",
        "if False:",
        record(
            "store insert audit intent delete_restore_point_collection before ARM DELETE"
            " restorePointCollections"
        ),
    ),
    Mutant(
        "an intent that could not be written does not hold the change back",
        "Journal.intent",
        'await self.log.append(**_build(chain, kind, target, "intent", result, "", detail))',
        "try:\n            "
        'await self.log.append(**_build(chain, kind, target, "intent", result, "", detail))'
        "\n        except Exception:\n            pass",
        UNRECORDED,
    ),
    Mutant(
        "the outcome of a change is not written",
        "change:_send",
        'await fence.journal.outcome(incident, wanted.kind, wanted.target, "done", correlation_id)',
        "pass",
        ONE_OUTCOME,
    ),
    Mutant(
        "the outcome of a change that failed is not written",
        "change:_send",
        "await fence.journal.failed(incident, wanted.kind, wanted.target, error)",
        "pass",
        verifying("a_removal_that_fails_is_on_record_and_no_backup_is_started"),
    ),
    Mutant(
        "the outcome of a lift is not written",
        "WindowLocks._send",
        'self._end_intent(LIFT, lock, DONE, answer.correlation_id, {"status": answer.status})',
        "pass",
        ONE_OUTCOME,
    ),
    Mutant(
        "the outcome of a deletion is not written",
        "Session._close_intent",
        "self.later.begin(self.journal.outcome("
        "ready.incident, KIND, ready.collection.id, text, correlation_id))",
        "pass",
        ONE_OUTCOME,
    ),
    Mutant(
        "ARM's correlation id is lost",
        "ArmWriter._end_operation",
        "return began.correlation_id",
        'return ""',
        ONE_OUTCOME,
    ),
    Mutant(
        "the chain does not check what an entry follows",
        "chain:_find_fault",
        "if entry.prev_hash != before:",
        "if False:",
        ("tests/shared/audit/test_chain.py::test_removed_swapped_and_resealed_entries_are_found",),
    ),
    Mutant(
        "the chain does not check what an entry says",
        "chain:_find_fault",
        "entry.hash == hash_of(entry)",
        "entry.hash",
        ("tests/shared/audit/test_chain.py::test_a_change_of_any_field_is_found",),
    ),
    Mutant(
        "two writers take the same place in the chain",
        "AuditLog._take_place",
        "return False",
        "pass",
        ("tests/shared/audit/test_chain.py::test_writers_who_race_keep_one_chain",),
    ),
    Mutant(
        "a change of a row that another writer was first to change is not made again",
        "update:update",
        "retry_if_exception_type((RowExists, RowChanged))",
        "retry_if_exception_type(RowExists)",
        ("tests/shared/plan/test_limits.py::test_many_at_once_take_no_more_than_there_is",),
    ),
    Mutant(
        "the quarantine keeps no text",
        "Quarantine.keep",
        "reason, len(text), safe)",
        'reason, len(text), "")',
        (
            "tests/shared/intake/test_quarantine.py::test_a_text_is_kept_once_without_secrets_and_cut_to_its_size",
        ),
    ),
    Mutant(
        "the quarantine keeps secrets",
        "Quarantine.keep",
        "scrubbed(text[:LONGEST_PAYLOAD_CHARACTERS])",
        "text[:LONGEST_PAYLOAD_CHARACTERS]",
        (
            "tests/shared/intake/test_quarantine.py::test_a_text_is_kept_once_without_secrets_and_cut_to_its_size",
        ),
    ),
    Mutant(
        "only the last kind of secret is taken out",
        "scrubbed",
        "for pattern in SECRETS:",
        "for pattern in SECRETS[-1:]:",
        ("tests/shared/intake/test_quarantine.py::test_secrets_are_taken_out",),
    ),
)

WINDOWS = (
    Mutant(
        "an incident joins a closing window",
        "Window.may_join",
        "(self.state == OPEN and clock.now() < self.join_until)",
        "clock.now() < self.join_until",
        (f"{WINDOW_RULES}::test_who_may_join",),
    ),
    Mutant(
        "an incident joins a window that has no time left",
        "Window.may_join",
        "self.state == OPEN and clock.now() < self.join_until",
        "self.state == OPEN",
        (f"{WINDOW_RULES}::test_who_may_join",),
    ),
    Mutant(
        "a window opens while a lock of before is still off",
        "Turns._enter",
        "if waits is not None:",
        "if False:",
        held_groups("a_group_that_is_found_held_only_by_the_executor_is_waited_for"),
    ),
    Mutant(
        "a window is ended with its lock off",
        "Session._end_window",
        "if await self.locks.has_open_rows():",
        "if False:",
        window("while_its_lock_is_off_a_group_is_not_unlocked_again"),
    ),
    Mutant(
        "the guardian leaves a lock that has no window",
        "Keeper._look",
        "(mine or held is None or hand.row.window_id != held.window.id)",
        "mine",
        keeper("rows_whose_window_is_gone_are_taken_over_at_once"),
    ),
    Mutant(
        "a lock that is off because of us counts as gone",
        "LedgerAwareReader.locks",
        "count_in(read, lifted, scope)",
        "read",
        window("a_lock_of_before_without_a_window_is_back_before_the_group_is_unlocked"),
    ),
    Mutant(
        "a window is moved over what another wrote",
        "_build_replace",
        "AND version = ?",
        "AND version >= ?",
        ONE_WINDOW,
    ),
    Mutant(
        "a window that another joined is ended",
        "_build_delete",
        "AND version = ?",
        "AND version >= ?",
        (f"{WINDOW_RULES}::test_a_window_that_somebody_joins_just_now_is_not_ended",),
    ),
    Mutant(
        "a second window opens on a group",
        "_build_insert",
        "ON CONFLICT DO NOTHING",
        "ON CONFLICT DO UPDATE SET body = excluded.body",
        ONE_WINDOW,
    ),
    Mutant(
        "health is ok with a lock that could not be put back",
        "_check_locks",
        "row.needs_somebody or _is_stuck(app, row)",
        "_is_stuck(app, row)",
        ("tests/shared/test_health_of_locks.py::test_a_lock_that_somebody_should_look_at",),
    ),
    Mutant(
        "health is ok with a lock whose time is over",
        "_check_locks",
        "row.needs_somebody or _is_stuck(app, row)",
        "row.needs_somebody",
        ("tests/shared/test_health_of_locks.py::test_a_lock_that_somebody_should_look_at",),
    ),
    Mutant(
        "the guardian begins an incident again for ever",
        "Restarts.may_restart",
        "incident.restarts < MOST_RESTARTS",
        "True",
        verifying("the_guardian_begins_a_lost_incident_again_a_few_times_only"),
    ),
    Mutant(
        "an engine that answers 500 has lost the incident",
        "is_running",
        "if code == NOT_FOUND:",
        "if code in (NOT_FOUND, 500):",
        ("tests/functions/test_engine.py::test_an_engine_that_does_not_say_is_not_one_without_it",),
    ),
    Mutant(
        "a restart is never forgotten",
        "_add_step",
        "restarts=0, ",
        "",
        (f"{DEATHS}::test_six_deaths_in_every_stage_and_after_it_end_fixed",),
    ),
    Mutant(
        "a stage is not called again after a death",
        "Remediation._attempt",
        "(*RETRY_PAUSES, None)",
        "(None,)",
        (f"{DEATHS}::test_six_workers_that_die_in_a_stage_end_fixed",),
    ),
)

PROOF = (
    Mutant(
        "a lock is lifted without a proof",
        "WindowLocks.lift",
        'if problem := "; ".join(filter(None, await do_all(map(self._prove, keys)))):',
        'if problem := "":',
        ONCE,
    ),
    Mutant(
        "a lock that was made again by its proof is lifted",
        "judge_proof",
        "if answer.status == MADE:",
        "if answer.status == MADE:\n        return Proof()\n    if False:",
        proved("201: it was not there"),
    ),
    Mutant(
        "a proof that is answered otherwise is one",
        "judge_proof",
        "not answer.shows(lock)",
        "False",
        proved("200 with other notes", "200 with another level"),
    ),
    Mutant(
        "a proof is written without its intent",
        "WindowLocks._prove",
        'await self.journal.intent(self.incident, PROVE, lock.id, {"lock": to_json(lock)})',
        "pass",
        record("store insert audit intent prove_lock before ARM PUT locks"),
    ),
    Mutant(
        "a lock on the collection itself is lifted",
        "why_lock_stays",
        'return (f"{where} is on exactly what would be deleted; whoever put it there decides, and"'
        ' " nothing is touched")',
        'return ""',
        looks("the collection is locked, before the window"),
    ),
    Mutant(
        "locks below the collection are not read",
        "CollectionDeletions.examine",
        "reader.locks(target, below=True)",
        "reader.locks(target)",
        looks("a point of the collection is locked, before the window"),
    ),
    Mutant(
        "a policy that refuses the extension's return is not asked",
        "uninstall_extension:_why_not_back",
        "problem, by_hand = await guards.why_not_reinstalled(hands.reader, vm, extension)",
        'problem, by_hand = "", ()',
        looks("policy does not say whether the extension may return"),
    ),
    Mutant(
        "the token follows an answer that points elsewhere",
        "StayHome.on_request",
        "self._home.check(request.http_request.url)",
        "pass",
        ELSEWHERE,
    ),
    Mutant(
        "any host is ARM's",
        "Home.check",
        "not (here == there or self._is_region(here, there))",
        "False",
        ELSEWHERE,
    ),
    Mutant(
        "any host with a label before it is ARM's",
        "Home._is_region",
        "Origin(there.scheme, rest, there.port) == here",
        "True",
        ELSEWHERE,
    ),
)

TURN = (
    Mutant(
        "a failure that healed by itself is repaired",
        "_Turn.answer",
        "if isinstance(found, later.Healed):",
        "if False:",
        HEALED,
    ),
    Mutant(
        "another VM's later backup heals this one",
        "later:look",
        " if job.is_of(vm.name, vm.resource_group)",
        "",
        HEALED_BY,
    ),
    Mutant(
        "jobs are looked for in the incident's own vault alone",
        "find_vaults",
        "{fold(vault.id): vault.id for vault in vaults}",
        "{}",
        ("tests/shared/plan/test_turn.py::test_a_job_of_the_vm_is_looked_for_in_every_vault",),
    ),
    Mutant(
        "a plan that waits is overtaken",
        "ChangeLimiter._in_line",
        "_expected(ahead + len(missing),",
        "_expected(len(missing),",
        (
            "tests/shared/plan/test_limits.py::test_all_places_or_none_and_nobody_overtakes_an_older_one",
        ),
    ),
    Mutant(
        "a verifying backup is ordered a fourth time",
        "Backups.order",
        "len(settled.orders) >= MOST_ATTEMPTS",
        "False",
        verifying("an_order_that_is_refused_is_sent_three_times"),
    ),
    Mutant(
        "an ended leader's open intents stay open",
        "Guardian._close_intents_of",
        "await close_intents(self.journal, self.keeping.ledger, leader)",
        "pass",
        keeper("what_an_ended_leader_left_open_in_its_record_is_closed"),
    ),
)

WAITING_FOR_GROUPS = (
    Mutant(
        "a row that is open holds no group",
        "held_by_rows",
        "if rows:",
        "if False:",
        HELD,
    ),
    Mutant(
        "a window that others have holds no group",
        "why_held",
        "if window is None:",
        "if True:",
        HELD,
    ),
    Mutant(
        "a member waits for its own window",
        "why_held",
        " or serves(window, incident_id)",
        "",
        HELD,
    ),
    Mutant(
        "a member that was told its results does not wait for the locks",
        "serves",
        " and not window.told",
        "",
        HELD,
    ),
    Mutant(
        "a time that is over is waited for",
        "held:_held",
        "if until <= clock.now():",
        "if False:",
        held("the_lock_that_is_off_for_longest_is_named_with_its_problem"),
    ),
    Mutant(
        "a lock that is off comes without the command that makes it again",
        "_held_by",
        "if row.state in NOT_BACK",
        "if False",
        held("the_lock_that_is_off_for_longest_is_named_with_its_problem"),
    ),
    Mutant(
        "a plan takes its places although its group is held",
        "_Turn._act",
        "held := await self._held_group()",
        "False",
        turn("a_plan_waits_for_each_group_that_it_unlocks_and_holds_no_place"),
    ),
    Mutant(
        "a plan asks for the first of its groups only",
        "_Turn._held_group",
        "for group_id in groups:",
        "for group_id in groups[:1]:",
        turn("a_plan_waits_for_each_group_that_it_unlocks_and_holds_no_place"),
    ),
    Mutant(
        "Azure is asked while a group is held",
        "_Turn.answer",
        "self._waits_for_group and (held := await self._held_group())",
        "False",
        turn("while_it_waits_for_a_group_azure_is_not_asked"),
    ),
    Mutant(
        "who waits for a group holds up the line",
        "_Turn._wait_for_group",
        "not self._waits_for_group",
        "False",
        turn("whoever_waits_for_a_group_holds_nobody_else_up"),
    ),
    Mutant(
        "a group is waited for as long as a job",
        "Waits._limit",
        "patience < day",
        "False",
        turn("the_patience_with_a_group_counts_from_its_first_wait"),
    ),
    Mutant(
        "a patience goes on after the 24 hours",
        "Waits._limit",
        "patience < day",
        "True",
        turn("a_patience_does_not_outlast_the_24_hours"),
    ),
    Mutant(
        "each look at a group begins its patience anew",
        "waiting:_waiting",
        "if before is not None and goes_on",
        "if False",
        turn("the_patience_with_a_group_counts_from_its_first_wait"),
    ),
    Mutant(
        "the patience with one group counts for the next",
        "waiting:_waiting",
        "same(before.group_id, reason.group_id)",
        "before.group_id",
        turn("another_group_has_a_patience_of_its_own"),
    ),
    Mutant(
        "a held group is looked at as rarely as a job",
        "Waits.wait",
        "if reason.awaited is Awaited.GROUP:",
        "if False:",
        turn("a_held_group_is_looked_at_again_soon"),
    ),
    Mutant(
        "a unit that waits for its group waits for a job",
        "CarryOut._put_off",
        "if done.held",
        "if False",
        held_groups("a_group_that_is_found_held_only_by_the_executor_is_waited_for"),
    ),
    Mutant(
        "a member asks for ever",
        "Remediation._carry_out",
        " or self._context.current_utc_datetime >= give_up",
        "",
        held_groups("a_member_whose_leader_never_ends_goes_to_a_person"),
    ),
    Mutant(
        "a third window is opened",
        "refuse_third",
        "if len(had) < MOST_WINDOWS:",
        "if True:",
        held_groups("after_two_windows_a_person_is_asked"),
    ),
    Mutant(
        "a failure has one window",
        "refuse_third",
        "if len(had) < MOST_WINDOWS:",
        "if not had:",
        held("the_third_window_of_a_group_is_refused_with_the_ends_of_two"),
    ),
    Mutant(
        "the windows of all groups count for one",
        "refuse_third",
        "if same(each.group_id, group_id)",
        "if True",
        held("the_third_window_of_a_group_is_refused_with_the_ends_of_two"),
    ),
    Mutant(
        "a window counts each time that its member asks",
        "note_window",
        "if any(each.id == entered.id for each in now.windows):",
        "if False:",
        held("a_window_is_counted_once_and_ends_the_wait_for_its_group"),
    ),
    Mutant(
        "the patience of before a window goes on after it",
        "note_window",
        'now.waiting and replace(now.waiting, group_id="", group_since="")',
        "now.waiting",
        held("a_window_is_counted_once_and_ends_the_wait_for_its_group"),
    ),
    Mutant(
        "a window is not counted",
        "Turns.take",
        "await note_window(self.book, incident, held.window)",
        "incident",
        held_groups("a_window_whose_opener_dies_at_once_is_counted"),
    ),
    Mutant(
        "a fix deletes on after a person put the lock back",
        "Session._look_once_more",
        "await self.locks.read_again(ready)\n",
        "\n",
        window("who_has_a_lock_put_back_stops_the_deletion"),
    ),
    Mutant(
        "a window that closed before the member's turn counts",
        "Session._finish",
        "if member.incident_id not in self.served:",
        "if False:",
        held_groups("a_window_that_closes_before_a_member_s_turn_does_not_count"),
    ),
    Mutant(
        "how a window ended is not kept",
        "Turns.take",
        "await note_end(self.book, incident, group_id, ended)",
        "pass",
        held_groups("after_two_windows_a_person_is_asked"),
    ),
    Mutant(
        "a later end is written over that of a window",
        "note_end",
        "not had or had[-1].end",
        "not had",
        held("only_the_window_that_has_just_ended_gets_that_end"),
    ),
)

POINTS = (
    Mutant(
        "what a deletion would lose is not looked at",
        "CollectionDeletions._why_not_deleted",
        "vault_guards.why_points_lost(reader, collection, vm_id, item_id, pairing),\n",
        "",
        looks(
            "the protection is stopped, before the window",
            "a restore point is being made, before the window",
        ),
    ),
    Mutant(
        "a lock of the vault that refuses the new backup is not looked at",
        "CollectionDeletions._why_not_deleted",
        "looks.append(vault_guards.why_backup_refused(reader, incident.vault_id, off))",
        "pass",
        looks("the vault is read only, before the window"),
    ),
    Mutant(
        "a lock of the vault that is off because of us does not refuse the new backup",
        "why_backup_refused",
        "count_in(locks, lifted, vault_id)",
        "locks",
        (f"{DECIDING}::test_a_vault_lock_that_is_off_because_of_us_will_refuse_the_backup",),
    ),
    Mutant(
        "the executor does not say which locks are off because of us",
        "CollectionDeletions._why_not_deleted",
        "incident.vault_id, off)",
        "incident.vault_id)",
        last_look("a_vault_lock_that_another_window_took_off_keeps_the_collection"),
    ),
    Mutant(
        "a copy that tells no tier counts as none",
        "_why_lost",
        " or not copy.tiers",
        "",
        POINT_STAYS,
    ),
    Mutant(
        "an extension is removed where no backup would install it again",
        "_look_at_extension",
        "if no_backup:",
        "if False:",
        looks("the protection is stopped, before the extension goes"),
    ),
    Mutant(
        "there is no last look with the locks off",
        "Session._delete",
        "if late := await self._look_again(ready, look):",
        "if late := None:",
        AGAIN,
    ),
    Mutant(
        "the last look does not ask whose collection it is",
        "CollectionDeletions.look_again",
        "guards.why_not_ours(found, incident.vm_id) or ",
        "",
        window("a_collection_that_becomes_another_vm_s_is_not_deleted"),
    ),
    Mutant(
        "the last look does not see new locks",
        "CollectionDeletions.look_again",
        "_locked_by_others(locks, lifted)",
        '""',
        AGAIN,
    ),
    Mutant("the last look does not see new points", "why_changed", "(*made, ", "(", AGAIN),
    Mutant(
        "a point of another machine is deleted",
        "restore_points:why_kept",
        "*_why_other_machine(points, vm.vm_id_guid),",
        "",
        POINT_STAYS,
    ),
    Mutant(
        "a point in the making is deleted",
        "restore_points:why_kept",
        "*why_in_use(known.collection, recovery),",
        "",
        POINT_STAYS,
    ),
    Mutant(
        "a policy of unknown type counts as known",
        "restore_points:why_kept",
        "*_why_type_unknown(item, policy),",
        "",
        POINT_STAYS,
    ),
    Mutant(
        "any copy of a point is a copy in the vault",
        "_why_lost",
        "if copy and copy.in_vault:",
        "if copy:",
        POINT_STAYS,
    ),
    Mutant(
        "what is newer than the vault is expired",
        "_why_lost",
        "min(max(vaulted), now - daily_retention)",
        "now - daily_retention",
        POINT_STAYS,
    ),
    Mutant(
        "without a retention every point is expired",
        "_why_lost",
        "expired_before is None or point.at",
        "expired_before is not None and point.at",
        POINT_STAYS,
    ),
    Mutant(
        "a copy of any time is the point's",
        "_pair",
        "if abs(point.at - copy.at) <= pairing",
        "if True",
        POINT_STAYS,
    ),
    Mutant("two points share one copy", "_pair", "and j not in partner.values()", "", POINT_STAYS),
)

LAST_LOOKS = (
    Mutant(
        "the executor does not look whose collection it is",
        "CollectionDeletions.examine",
        "if problem := guards.why_not_ours(collection, incident.vm_id):",
        'if problem := "":',
        looks(
            "the collection is another VM's, before the window",
            "the collection is another VM's, in the window",
        ),
    ),
    Mutant(
        "the leader's guards answer for every member",
        "Session._examine",
        "await self.book.get(member.incident_id)",
        "self.incident",
        ("tests/faults/test_windows.py::test_vms_of_one_group_share_one_window[2]",),
    ),
    Mutant(
        "mode and tags are not looked at again before a deletion",
        "CollectionDeletions._why_not_deleted",
        "guards.why_switched_off(settings.mode, reader, incident, (collection.id,)),\n",
        "",
        looks("the VM is tagged off, before the window", "the VM is tagged off, in the window"),
    ),
    Mutant(
        "running jobs are not looked at again before a deletion",
        "CollectionDeletions.examine",
        "if job := await job_running(reader, incident):",
        "if job := None:",
        looks(
            "a restore of the VM begins, before the window",
            "a restore of the VM begins, in the window",
        ),
    ),
    Mutant(
        "mode and tags are not looked at again before a removal",
        "_look_at_extension",
        "if off:",
        "if False:",
        looks("the VM is tagged off, before the extension goes"),
    ),
    Mutant(
        "running jobs are not looked at again before a removal",
        "_look_at_extension",
        "if job:",
        "if False:",
        looks("a restore of the VM begins, before the extension goes"),
    ),
    Mutant(
        "the state of the VM is not looked at again before a removal",
        "_look_at_extension",
        "problem, by_hand = guards.why_extension_stays(vm)",
        'problem, by_hand = "", ()',
        looks("the VM is switched off", "the agent falls silent"),
    ),
    Mutant(
        "a VM without a power state counts as running",
        "VirtualMachine.running",
        'fold(self.power_state) == "running"',
        'fold(self.power_state) in ("running", "")',
        looks("the VM's power state is not told"),
    ),
    Mutant(
        "the publisher of an extension is not looked at by the executor",
        "_find_extension",
        "if not named.is_backup_extension:",
        "if False:",
        looks("the extension is another publisher's", "the extension is of another type"),
    ),
    Mutant(
        "any publisher's extension is the backup extension",
        "Extension.is_backup_extension",
        "fold(self.publisher) == fold(BACKUP_EXTENSION_PUBLISHER) and ",
        "",
        EXAMPLES,
    ),
    Mutant(
        "any extension of the publisher is the backup extension",
        "Extension.is_backup_extension",
        " and fold(self.type) in types",
        "",
        looks("the extension is of another type"),
    ),
    Mutant(
        "an extension of another VM is removed",
        "uninstall_extension:steps",
        "if foreign:",
        "if False:",
        deciding("nothing_is_planned"),
    ),
    Mutant(
        "a collection is the VM's by its name alone",
        "RestorePointCollection.is_of",
        " and same(self.source_id, vm_id)",
        "",
        EXAMPLES,
    ),
    Mutant(
        "a collection is Azure Backup's by its source alone",
        "RestorePointCollection.belongs_to",
        "fold(self.name).startswith(fold(BACKUP_COLLECTION_PREFIX))",
        "True",
        EXAMPLES,
    ),
    Mutant(
        "observe is treated as auto by the executor",
        "why_switched_off",
        'mode.name == "auto"',
        'mode.name in ("auto", "observe")',
        looks("the VM is tagged observe, before the extension goes"),
    ),
    Mutant(
        "observe is treated as auto by the planner",
        "allow",
        'mode.name == "auto"',
        'mode.name in ("auto", "observe")',
        verifying("a_stricter_mode_changes_nothing"),
    ),
    Mutant(
        "the tag of the VM is ignored",
        "mode_in_force",
        'asked += _from_tags(vm_tags, "the VM")',
        "pass",
        looks("the VM is tagged off, before the extension goes")
        + deciding("tags_only_make_it_stricter"),
    ),
    Mutant(
        "the tag of the group is not read",
        "mode_now",
        "found.tags, group_tags)",
        "found.tags, {})",
        looks("the group is tagged off, before the extension goes"),
    ),
    Mutant(
        "a tag that says nonsense is ignored",
        "_from_tags",
        'else Mode("off",',
        'else Mode("auto",',
        looks("the VM is tagged with nonsense, before the extension goes"),
    ),
    Mutant(
        "a tag makes it less strict",
        "mode_in_force",
        "return min(asked",
        "return max(asked",
        deciding("tags_only_make_it_stricter"),
    ),
    Mutant(
        "what cannot be read is absent",
        "Reads._read",
        "except errors.AzureCallFailed as error:\n            return Unreadable(what, str(error))",
        "except errors.AzureCallFailed:\n            return Absent(what)",
        looks("the collection cannot be read, before the window"),
    ),
    Mutant(
        "what is absent cannot be read",
        "Reads._read",
        "return Absent(what, error.code)",
        'return Unreadable(what, "not found")',
        lifting("what_somebody_took_off_is_not_ours_to_put_back"),
    ),
    Mutant(
        "a job that is being cancelled does not count as running",
        "running_job:_find",
        "(new or not job.ended)",
        'job.status == "InProgress"',
        looks("a backup of the VM is being cancelled, before the window"),
    ),
    Mutant(
        "a job that names no VM counts as another's",
        "running_job:_find",
        "is not False",
        "is True",
        looks("a job begins that names no VM, before the window"),
    ),
    Mutant(
        "a job of a VM of the same name in another group is ours",
        "Job.is_of",
        "parts[-2:] == [fold(vm_group), fold(vm_name)]",
        "parts[-1:] == [fold(vm_name)]",
        GOES_ON,
    ),
    Mutant(
        "running jobs that cannot be read hold nothing back",
        "running_job:_find",
        'found = found or Unreadable("whether a job of the VM runs", jobs.why)',
        "found = found or None",
        looks("the running jobs cannot be read, before the window"),
    ),
    Mutant(
        "a ReadOnly lock is not seen to block",
        "Lock.blocks_deletion",
        "in [fold(level) for level in BLOCKING_LOCK_LEVELS]",
        "== fold(BLOCKING_LOCK_LEVELS[0])",
        IDENTICAL,
    ),
)

DELETING = (
    Mutant(
        "accepted counts as deleted",
        "CollectionDeletions.confirm_gone",
        "if isinstance(found, Absent):",
        "if True:",
        window("accepted_is_not_deleted"),
    ),
    Mutant(
        "a deletion is tried once more than it may be",
        "Deletion._delete",
        "self.failed_operations >= TRIES",
        "self.failed_operations > TRIES",
        window("a_deletion_that_fails_is_tried_three_times"),
    ),
    Mutant(
        "after a failed unit the next one is carried out",
        "Remediation._carry_out_all",
        "if all(outcome.done for outcome in outcomes):",
        "if True:",
        window("after_a_failed_group_the_next_one_stays_locked"),
    ),
    Mutant(
        "the limit of changes is off by one",
        "_expected",
        "if wanted <= free:",
        "if wanted <= free + 1:",
        (
            "tests/shared/plan/test_limits.py::test_places_are_free_again_an_hour_after_they_were_taken",
        ),
    ),
    Mutant(
        "a change is counted for good",
        "ChangeLimiter._current",
        "if at > hour",
        "if at",
        (
            "tests/shared/plan/test_limits.py::test_places_are_free_again_an_hour_after_they_were_taken",
        ),
    ),
    Mutant(
        "the limit of changes is not asked",
        "_Turn._act",
        "if at := await self.planning.limiter.take(self._ticket):",
        "if at := (await self.planning.limiter.take(self._ticket))[:0]:",
        verifying("no_more_changes_an_hour_than_the_limit"),
    ),
    Mutant(
        "nobody remembers what was fixed a short while ago",
        "_Turn._act",
        "await self.planning.cooling.begin("
        "self.incident.vm_id, self.plan.cause, self.incident.attempt_key)",
        "pass",
        verifying("what_was_fixed_a_short_while_ago_is_not_fixed_the_same_way_again"),
    ),
    Mutant(
        "a fix that a guard refused counts as one",
        "Places.give_back",
        "await self.cooling.take_back(incident.vm_id, cause, incident.attempt_key)",
        "pass",
        verifying("what_a_guard_refused_is_fixed_the_next_time"),
    ),
    Mutant(
        "what was fixed a short while ago is fixed the same way again",
        "plan",
        " and found.cause not in lately",
        "",
        verifying("what_was_fixed_a_short_while_ago_is_not_fixed_the_same_way_again"),
    ),
    Mutant(
        "a fix is tried again in the same incident",
        "plan",
        "found.cause not in incident.tried and ",
        "",
        deciding("nothing_is_planned"),
    ),
    Mutant(
        "an unknown code is fixed by guess",
        "plan",
        "row is None or not row.fixable",
        "row is not None and not row.fixable",
        deciding("nothing_is_planned"),
    ),
    Mutant(
        "a code that does not say what failed is fixed by guess",
        "plan",
        "row is None or not row.fixable",
        "row is None",
        deciding("nothing_is_planned"),
    ),
    Mutant(
        "a job that names a code is taken for the code of its message",
        "from_job",
        "*(hint for hint in named if _is_a_code(hint.code)),",
        "",
        ("tests/shared/events/test_known_codes.py::test_which_reading_of_a_job_wins",),
    ),
    Mutant(
        "a cause that is not known is fixed",
        "_Case.confirmed",
        "found.verdict is Verdict.CONFIRMED",
        "found.verdict is not Verdict.RULED_OUT",
        deciding("nothing_is_planned"),
    ),
)

SHOWING = (
    Mutant(
        "a new backup is started where it was switched off meanwhile",
        "Backups.order",
        'if mode.name != "auto":',
        "if False:",
        verifying("switched_off_after_the_fix_no_backup_is_started"),
    ),
    Mutant(
        "an order for a backup is sent again",
        "ArmWriter.start_backup",
        "return await call_once(send, self._clients.settings.call_timeout_seconds)",
        "return await self._clients.call_with_retries(send)",
        verifying("an_order_whose_answer_is_lost_is_not_sent_again"),
    ),
    Mutant(
        "another VM's backup shows that the fix worked",
        "_ours",
        " and job.is_of(vm.name, vm.resource_group)",
        "",
        verifying("another_vm_s_backup_is_not_taken_for_ours"),
    ),
    Mutant(
        "a failed backup shows that the fix worked",
        "Verification.completed",
        "COMPLETED_JOB_STATUSES",
        '(*COMPLETED_JOB_STATUSES, "failed")',
        verifying("only_a_completed_backup_makes_it_fixed[Failed]"),
    ),
    Mutant(
        "any backup that has ended shows that the fix worked",
        "conclude",
        "if shown.completed:",
        'if fold(shown.outcome) != "failed":',
        verifying("only_a_completed_backup_makes_it_fixed[Cancelled]"),
    ),
    Mutant(
        "what healed since the diagnosis is fixed all the same",
        "running_job:_find",
        "new_since and",
        "False and",
        ("tests/faults/test_verifying.py::test_what_healed_by_itself_meanwhile_is_left_alone",),
    ),
    Mutant(
        "a job that began since the diagnosis is not looked for",
        "job_running",
        "return _find(listed, incident, seen.jobs_at)",
        "return None",
        looks("a backup of the VM is being cancelled, before the window"),
    ),
    Mutant(
        "an old record of facts is judged",
        "gathered:_is_recent",
        "return bool(since) and clock.now() <= clock.after(since, seconds)",
        "return True",
        (
            "tests/shared/diagnosis/test_gathered.py::test_a_record_is_judged_only_while_it_is_recent",
        ),
    ),
    Mutant(
        "the jobs count as looked for when the facts were read",
        "is_just_diagnosed",
        "facts.jobs_at, JUST_SECONDS",
        "facts.read_at, JUST_SECONDS",
        (
            "tests/shared/diagnosis/test_gathered.py::"
            "test_a_diagnosis_is_recent_by_when_the_jobs_were_asked_for",
        ),
    ),
    Mutant(
        "a fix that a backup has tested in vain is tested again",
        "_is_fix_in_place",
        "incident.actions if incident.shown_before else incident.all_actions",
        "incident.all_actions",
        (
            "tests/shared/plan/test_attempts.py::test_a_fix_that_a_backup_has_tested_already_is_not_tested_again",
        ),
    ),
    Mutant(
        "the facts of another failure are judged",
        "gathered:_is_recent",
        "clock.normal(facts.failed_at) != clock.normal(failed_at)",
        "False",
        (
            "tests/shared/diagnosis/test_gathered.py::test_a_record_is_judged_only_while_it_is_recent",
        ),
    ),
    Mutant(
        "the tags of other people go on record",
        "gathered:_to_text",
        "if fold(name) == TAG",
        "if name",
        ("tests/shared/diagnosis/test_gathered.py::test_of_tags_only_ours_go_on_record",),
    ),
    Mutant(
        "a step that failed is fixed",
        "Settle.settle",
        "if problems:",
        "if False:",
        window("while_its_lock_is_off_a_group_is_not_unlocked_again"),
    ),
)

TAKING = (
    Mutant(
        "a failure of another subscription is worked on",
        "Intake._take_one",
        "fold(event.subscription_id) != fold(await own_subscription())",
        "False",
        (f"{ONE_FAILURE}::test_a_failure_of_another_subscription_is_set_aside",),
    ),
    Mutant(
        "a claim is not conditional",
        "IncidentBook.claim",
        "or await self._claim_of(key)",
        "or Owner(new_incident_id(job_id, key)).as_claim(first=True)",
        (f"{ONE_FAILURE}::test_the_same_failure_told_an_hour_later_is_the_same_incident",),
    ),
    Mutant(
        "two incidents work on one VM at once",
        "hold_vm",
        "if holder == incident.id:",
        "if True:",
        (f"{ONE_FAILURE}::test_only_one_of_two_failures_of_a_vm_is_worked_on",),
    ),
    Mutant(
        "a VM is held for ever by an incident that has ended",
        "IncidentBook.hold_vm",
        'or await self._has_ended(str(current["incident_id"]))',
        "",
        (
            f"{ONE_FAILURE}::test_the_next_failure_of_the_vm_is_an_incident_of_its_own_once_the_first_has_ended",
        ),
    ),
    Mutant(
        "a job that did not fail is a failure",
        "witness",
        'if fold(job.status) != "failed":',
        "if False:",
        WITNESS,
    ),
    Mutant(
        "another VM's job is a witness",
        "witness",
        "if problem := _of_another_vm(incident, job):",
        'if problem := "":',
        WITNESS,
    ),
    Mutant(
        "a failed restore is a failed backup",
        "witness",
        'if fold(job.operation) != "backup":',
        "if False:",
        WITNESS,
    ),
    Mutant(
        "the mode off is not looked at first",
        "begin",
        "    if off:",
        "    if False:",
        verifying("with_the_mode_off_azure_is_not_even_asked"),
    ),
)

MENDED = (
    Mutant(
        "the last look does not see a restore that began",
        "CollectionDeletions.look_again",
        "    if job:",
        "    if False:",
        last_look("a_restore_that_begins_with_the_locks_off_is_waited_for"),
    ),
    Mutant(
        "after an operation that failed the deletion is sent again unseen",
        "Deletion._delete",
        'self.looked_at = float("-inf")',
        "pass",
        last_look("after_an_operation_that_failed_it_looks_again"),
    ),
    Mutant(
        "however long a deletion is refused nobody looks again",
        "Deletion._delete",
        "_now() - self.looked_at >= LOOK_AGAIN_SECONDS",
        'self.looked_at == float("-inf")',
        last_look("after_a_while_of_requests_that_are_refused_it_looks_again"),
    ),
    Mutant(
        "a unit that was put off goes on when it is called again",
        "_why_too_late",
        "incident.status is Status.WAITING",
        "False",
        turn("a_unit_that_is_called_again_once_it_was_put_off_changes_nothing"),
    ),
    Mutant(
        "a unit goes on although its incident has ended",
        "_why_too_late",
        "not incident.at_work",
        "False",
        turn("a_unit_that_is_called_once_the_incident_has_ended_changes_nothing"),
    ),
    Mutant(
        "a plan that was refused after it was begun gives its places back",
        "Settle._hand_over",
        " and not any(fold(step.target) in begun for step in plan.steps)",
        "",
        turn("a_plan_that_was_refused_after_it_was_begun_keeps_its_place"),
    ),
    Mutant(
        "a change whose effect cannot be read is done",
        "_mark_done",
        " and each.cause in gone",
        "",
        called_again("a_change_whose_effect_cannot_be_read_is_not_done"),
    ),
    Mutant(
        "lost work is begun again without recovering it",
        "begin",
        "incident.status is not Status.OPEN and not recovered",
        "False",
        (
            "tests/shared/diagnosis/test_begin.py"
            "::test_an_incident_that_was_begun_before_is_recovered_first[fixing]",
        ),
    ),
    Mutant(
        "a backup that completed is forgotten with the engine",
        "_backup_to_follow",
        " or shown.completed",
        "",
        called_again("a_backup_that_completed_counts_for_whoever_begins_again"),
    ),
    Mutant(
        "a job of the VM's name is the VM's",
        "Job.is_of",
        "else None",
        "else bool(self.entity_name) or None",
        (f"{LOCK_FACTS}::test_whose_job_it_is",),
    ),
    Mutant(
        "the job that the event names has to tell the VM's group",
        "_of_another_vm",
        " or (ours is None and job.entity_name)",
        "",
        (
            "tests/shared/diagnosis/test_witness.py::test_the_job_that_the_event_names_may_tell_the_vm_s_name_only",
        ),
    ),
    Mutant(
        "who may come again at once does not pause",
        "_choose_pause_seconds",
        "_read_retry_after(state) or float(_JITTER(state))",
        "waits if (waits := _read_retry_after(state)) is not None else float(_JITTER(state))",
        ("tests/shared/azure/test_rubbish.py::test_who_may_come_at_once_pauses_all_the_same",),
    ),
)

ACCESS = (
    Mutant(
        "a stranger is let in where authentication is off",
        "_read_principal",
        'if fold(environment.get("WEBSITE_AUTH_ENABLED", "")) != "true":',
        "if False:",
        ("tests/functions/test_access.py::test_refused",),
    ),
    Mutant(
        "a guest of another tenant is let in",
        "_read_principal",
        "if tenant_id and tenants != {tenant_id}:",
        "if False:",
        ("tests/functions/test_access.py::test_refused",),
    ),
    Mutant(
        "a reader may do what an approver may",
        "_admit",
        "if not roles[-1].includes(role):",
        "if False:",
        ("tests/functions/test_access.py::test_roles_are_a_ladder",),
    ),
    Mutant(
        "anybody hands over alerts",
        "judge_sender",
        "if callers == {fold(wanted)}:",
        "if callers:",
        ("tests/functions/test_access.py::test_nobody_else_does",),
    ),
)

STORE = (
    Mutant(
        "a transaction that is refused leaves what it had written",
        "_execute_all",
        'connection.execute("BEGIN IMMEDIATE")',
        "pass",
        transaction("transact.py::test_one_that_does_not_hold_leaves_everything"),
    ),
    Mutant(
        "a transaction that the client sent twice is refused by its own first send",
        "TablesStore.transact",
        "if not any(map(_is_own_write, operations, stored)):",
        "if True:",
        transaction("lost_answers.py::test_a_write_that_the_client_sent_twice_is_its_own"),
    ),
    Mutant(
        "a read makes the table",
        "TablesStore._find_entity",
        "client = self._get_client(table)",
        "client = await self._open_table(table)",
        transaction("reads.py::test_a_table_that_is_not_there_reads_as_empty_and_is_not_made"),
    ),
    Mutant(
        "a table that somebody deleted reads as empty",
        "TablesStore._find_entity",
        "table_is_new=table not in self._seen",
        "table_is_new=True",
        transaction("contract.py::test_a_table_that_somebody_deleted_is_no_empty_table"),
    ),
    Mutant(
        "a row that another wrote over is handed out as the version of ours",
        "_choose_etag",
        "if stored is None or not _is_own_write(operation, stored):",
        "if stored is None:",
        transaction(
            "lost_answers.py::test_a_transaction_is_its_own_where_one_row_was_written_over"
        ),
    ),
    Mutant(
        "a transaction of rows of two partitions is taken",
        "check_writes",
        "if not isinstance(write, Insert)",
        "if False",
        transaction("transact.py::test_what_cannot_be_one_transaction_is_refused_by_both"),
    ),
)

LOG = "tests/command_line/test_lock_log.py"
DOCTOR = "tests/command_line/test_doctor.py"
WHOSE, LEFT_OFF = (f"{LOG}::test_whose_a_deletion_is",), (f"{LOG}::test_which_locks_were_left_off",)
NOT_SETTLED = (
    f"{DOCTOR}::test_an_installation_whose_locks_are_off_is_not_fine",
    f"{DOCTOR}::test_nothing_is_settled_while_a_lock_is_off",
)

WATCHDOG = (
    Mutant(
        "without a principal a deletion counts as somebody else's",
        "lock_log:tell_whose",
        'return Whose.UNKNOWN, "its correlation id is not on record, and no --principal was given"',
        'return Whose.OTHERS, ""',
        WHOSE,
    ),
    Mutant(
        "a deletion that names nobody counts as ours",
        "lock_log:tell_whose",
        'if "@" in event.caller:',
        'if not event.caller:\n        return Whose.OURS, ""\n    if "@" in event.caller:',
        WHOSE,
    ),
    Mutant(
        "the caller counts before the claims",
        "lock_log:tell_whose",
        "whose = Whose.OURS if same(event.object_id, principal) else Whose.OTHERS",
        "whose = Whose.OURS",
        WHOSE,
    ),
    Mutant(
        "a correlation id in other letters is not on record",
        "lock_log:tell_whose",
        "fold(event.correlation_id) in correlation_ids",
        "event.correlation_id in correlation_ids",
        WHOSE,
    ),
    Mutant(
        "a deletion of nobody knows whom is not told",
        "lock_log:_judge",
        "for whose in (Whose.OURS, Whose.UNKNOWN):",
        "for whose in (Whose.OURS,):",
        LEFT_OFF,
    ),
    Mutant(
        "only our own write counts as one",
        "lock_log:_judge",
        "if not each.deleted",
        "if not each.deleted and each.object_id == principal",
        LEFT_OFF,
    ),
    Mutant(
        "a write at the same moment counts as later",
        "lock_log:_judge",
        "event.at >= written_at",
        "event.at > written_at",
        LEFT_OFF,
    ),
    Mutant(
        "a group that was deleted before the lock takes it along",
        "lock_log:_judge",
        "_group_gone_at(event.lock_id, groups_gone) > event.at",
        "_group_gone_at(event.lock_id, groups_gone)",
        LEFT_OFF,
    ),
    Mutant(
        "a lock that cannot be read is fine",
        "lock_log:_describe_now",
        'return f"not known ({found.reason})", True',
        'return f"not known ({found.reason})", False',
        (f"{LOG}::test_a_lock_that_cannot_be_read_is_not_fine",),
    ),
    Mutant(
        "a lock that reads as there right after its deletion is fine",
        "lock_log:_describe_now",
        "clock.after(left_off.deleted_at, OLDEST_READ_SECONDS) > clock.now()",
        "False",
        (f"{LOG}::test_a_lock_that_reads_as_there_right_after_its_deletion_is_not_fine",),
    ),
    Mutant(
        "a lock in the ledger may be off for ever",
        "lock_log:_describe_now",
        "entry is not None and not entry.overdue",
        "entry is not None",
        (f"{LOG}::test_a_lock_in_the_ledger_is_off_by_intention_until_its_deadline",),
    ),
    Mutant(
        "a log that cannot be read is fine",
        "LogCheck.wrong",
        "self.read is None or bool(self.read.not_understood)",
        "self.read is not None and bool(self.read.not_understood)",
        (f"{LOG}::test_a_log_that_cannot_be_read_is_not_fine",),
    ),
    Mutant(
        "a record that cannot be read is fine",
        "LogCheck.wrong",
        "self.read is None or bool(self.read.not_understood)",
        "self.read is None",
        (f"{LOG}::test_a_record_that_cannot_be_read_is_named_and_not_fine",),
    ),
    Mutant(
        "an operation that began counts as done",
        "activity_log:_succeeded",
        "return status in SUCCEEDED",
        "return True",
        (f"{LOG}::test_only_operations_that_ended_well_count",),
    ),
    Mutant(
        "a status that is not known counts as a failure",
        "activity_log:_succeeded",
        "if status not in (*SUCCEEDED, *NOT_SUCCEEDED):",
        "if False:",
        (f"{LOG}::test_a_record_that_cannot_be_read_is_named_and_not_fine",),
    ),
    Mutant(
        "a record of the group counts as a lock's",
        "activity_log:_read_event",
        'if parse(lock_id, "its resource").type != LOCK:',
        'if parse(lock_id, "its resource").type == "":\n        pass\n    if False:',
        (f"{LOG}::test_a_record_that_cannot_be_read_is_named_and_not_fine",),
    ),
    Mutant(
        "only the first page of the log is read",
        "activity_log:_read_all",
        "if not link:",
        "if True:",
        (f"{LOG}::test_all_pages_are_read",),
    ),
    Mutant(
        "the log counts as complete until now",
        "activity_log:read_locks",
        "until - LATEST",
        "until",
        (f"{LOG}::test_it_says_until_when_the_log_can_be_trusted",),
    ),
    Mutant(
        "an open lock is settled",
        "unsettled:find_unsettled",
        "return locks + windows",
        "return windows",
        NOT_SETTLED,
    ),
    Mutant(
        "a window that cannot be read is settled",
        "unsettled:find_unsettled",
        "windows += map(_describe_strange_window, unreadable_windows)",
        "pass",
        (f"{DOCTOR}::test_a_row_that_cannot_be_read_is_not_settled",),
    ),
    Mutant(
        "a missing lock is settled",
        "unsettled:find_unsettled",
        "if row.open or row.missing_since",
        "if row.open",
        (f"{DOCTOR}::test_a_missing_lock_is_not_settled",),
    ),
    Mutant(
        "an open window is settled",
        "unsettled:find_unsettled",
        "return locks + windows",
        "return locks",
        NOT_SETTLED,
    ),
    Mutant(
        "a ledger that cannot be read is fine",
        "check_locks",
        'yield Result(LOCKS, None, f"the lock ledger cannot be read: {error}", RIGHT)',
        'yield Result(LOCKS, True, "")',
        (f"{DOCTOR}::test_a_ledger_that_cannot_be_read_is_not_known",),
    ),
    Mutant(
        "locks that are not settled end with exit code 0",
        "require_settled",
        "sys.exit(1)",
        "return",
        (f"{DOCTOR}::test_nothing_is_settled_while_a_lock_is_off",),
    ),
    Mutant(
        "the Activity Log may go to any workspace",
        "_sends_changes",
        "enabled and any(same(to, each) for each in workspaces)",
        "enabled",
        (f"{DOCTOR}::test_what_is_taken_away_is_named_with_what_mends_it",),
    ),
)

FENCE = (
    Mutant(
        "a change is sent although another execution was first",
        "Fence.enter",
        " or _basis(now) != _basis(incident)",
        "",
        fence("who_decided_before_another_sent_sends_nothing"),
    ),
    Mutant(
        "an order is sent although another one's job is followed",
        "_basis",
        "incident.sent, incident.verification",
        "incident.sent, None",
        fence("who_decided_before_another_ordered_orders_nothing"),
    ),
    Mutant(
        "an ended incident still sends",
        "Fence.enter",
        " or now.ended",
        "",
        fence("an_ended_incident_sends_nothing"),
    ),
    Mutant(
        "a request that may still be sent is not waited for",
        "Fence.settle",
        "if self.is_fresh(sent):",
        "if False:",
        fence("after_a_death_nobody_acts_while_its_request_may_be_sent"),
    ),
    Mutant(
        "the executor does not ask what is under way",
        "CarryOut.carry_out",
        "if isinstance(settled, str):\n                return StepOutcome(Outcome.BUSY, settled)",
        "if isinstance(settled, str):\n                settled = incident",
        fence("after_a_death_nobody_acts_while_its_request_may_be_sent"),
    ),
    Mutant(
        "a backup is ordered while another execution orders it",
        "Backups.order",
        "if isinstance(settled, str):",
        "if isinstance(settled, str) and (settled := incident) is None:",
        fence("while_another_execution_orders_a_backup_nobody_else_does"),
    ),
    Mutant(
        "the intent of a death in the fence stays open",
        "Fence.settle",
        "await self._close_intent(incident, sent)",
        "pass",
        fence("after_a_death_nobody_acts_while_its_request_may_be_sent"),
    ),
    Mutant(
        "a request without an answer counts as refused",
        "change:_send",
        "wanted.unanswered if error.may_have_happened else Answer.FAILED",
        "Answer.FAILED",
        fence("what_has_no_answer_is_not_sent_again_while_it_may_take_effect"),
    ),
    Mutant(
        "there is no last look right before a change",
        "change",
        "late = await wanted.look()",
        "late = None",
        looks("the VM is tagged off, right before the request"),
    ),
    Mutant(
        "a last look that took too long is acted on",
        "change",
        "not leave.in_time",
        "False",
        fence("a_last_look_that_took_too_long_is_not_acted_on"),
    ),
    Mutant(
        "what was not sent stays on the row",
        "change",
        "await fence.leave_unsent(incident.id, leave)",
        "pass",
        fence("a_last_look_that_took_too_long_is_not_acted_on"),
    ),
    Mutant(
        "an extension that works is removed",
        "_why_extension_left",
        'if fold(state) == "succeeded":',
        'if fold(state) == "x":',
        (f"{LOOKS}::test_an_extension_that_works_by_now_is_not_removed",),
    ),
    Mutant(
        "a removal that was done is made again",
        "uninstall_extension:carry_out",
        "sent.answer is Answer.DONE",
        "False",
        fence("one_that_is_back_is_not_removed"),
    ),
    Mutant(
        "a removal is sent while an operation works on the extension",
        "_why_extension_left",
        "(working or hands",
        "(hands",
        fence("while_an_operation_works_on_it_it_is_not_sent_again"),
    ),
    Mutant(
        "a removal is sent a third time",
        "uninstall_extension:carry_out",
        "len(sends) >= MOST_SENDS",
        "False",
        fence("what_azure_puts_off_again_goes_to_a_person"),
    ),
    Mutant(
        "an extension that moves again is removed",
        "_why_extension_left",
        "None if stuck else",
        "None if True else",
        fence("one_that_moves_again_is_left_until_it_settles"),
    ),
    Mutant(
        "an extension that names another cause is removed",
        "_why_extension_left",
        "if has_words(words := backup_extension.name_other_cause(extension.statuses)):",
        "if has_words(words := extension.status) and False:",
        looks("the extension comes to name the network"),
    ),
    Mutant(
        "an extension that names another cause is taken for broken",
        "backup_extension:_judge",
        "if has_words(words := name_other_cause(extension.statuses)):",
        "if has_words(words := extension.status) and False:",
        EXAMPLES,
    ),
    Mutant(
        "words from before the failed job count",
        "ExtensionStatus.is_newer_than",
        "bool(mine and other) and mine >= other",
        "bool(mine and other)",
        EXAMPLES,
    ),
    Mutant(
        "an extension in transition is stuck at once",
        "Extension.is_stuck",
        " and clock.after(last, after_seconds) <= now",
        "",
        EXAMPLES,
    ),
    Mutant(
        "an extension without a known time is stuck",
        "Extension.is_stuck",
        "self.in_transition and bool(last) and clock.after(last, after_seconds) <= now",
        "self.in_transition and (not last or clock.after(last, after_seconds) <= now)",
        EXAMPLES,
    ),
    Mutant(
        "an extension that a policy does without is removed",
        "rule_out_where_agentless",
        "if policy.is_agentless:",
        "if False:",
        EXAMPLES,
    ),
    Mutant(
        "an unread policy is taken for one that needs the extension",
        "_in_doubt",
        "Verdict.UNKNOWN if finding.targets else finding.verdict",
        "finding.verdict",
        EXAMPLES,
    ),
    Mutant(
        "another publisher's extension of that name is the backup extension",
        "extension_places:_get",
        "if not named.is_backup_extension:",
        "if False:",
        (f"{PLACES}::test_another_publishers_of_that_name_is_not_it",),
    ),
    Mutant(
        "an extension that is seen in the list alone is gone",
        "_look_in_list",
        "if any(same(each.id, target) for each in listed):",
        "if False:",
        fence("one_that_is_seen_in_one_place_only_is_not_gone"),
    ),
    Mutant(
        "a backup is ordered again while the first order may still take effect",
        "Backups._quiet_seconds",
        "max(quiet_seconds(self.settings.job_poll_seconds), self.fence.late_seconds)",
        "quiet_seconds(self.settings.job_poll_seconds)",
        fence("an_order_that_may_still_take_effect_is_not_repeated"),
    ),
    Mutant(
        "an accepted backup is ordered again",
        "Backups._read_last",
        "if last.answer is Answer.ACCEPTED:",
        "if False:",
        fence("an_accepted_backup_that_is_not_to_be_seen_is_not_ordered_again"),
    ),
    Mutant(
        "the removal of an extension is sent again unseen",
        "ArmWriter.delete_extension",
        "await call_once(send, self._clients.settings.call_timeout_seconds)",
        "await self._clients.call_with_retries(send)",
        fence("what_azure_puts_off_again_goes_to_a_person"),
    ),
    Mutant(
        "with the locks off mode and tags are not looked at",
        "CollectionDeletions.look_again",
        "        if off:\n",
        "        if False:\n",
        last_look("what_changes_in_the_window_keeps_the_collection"),
    ),
    Mutant(
        "what a dead process sent has no outcome when its incident ends",
        "Closing.close",
        "await self._close_intents(incident_id)",
        "pass",
        fence("a_death_in_the_order_of_a_backup_orders_one"),
    ),
)

ATTEMPTS, AGAIN_IN_PLAN = (
    "tests/shared/incident/test_attempts.py",
    "tests/shared/plan/test_attempts.py",
)


def attempts(name: str) -> tuple[str, ...]:
    return (f"{ATTEMPTS}::test_{name}",)


def planned_again(name: str) -> tuple[str, ...]:
    return (f"{AGAIN_IN_PLAN}::test_{name}",)


def stale(stage: str) -> tuple[str, ...]:
    return planned_again(f"a_stage_of_an_earlier_attempt_does_nothing[{stage}]")


RETRIES = (
    Mutant(
        "a fixed incident is diagnosed anew",
        "why_not_again",
        "if incident.status is Status.FIXED:",
        "if False:",
        attempts("who_gets_no_attempt_is_told_why[fixed]"),
    ),
    Mutant(
        "an incident at work gets a second attempt beside the first",
        "why_not_again",
        "if Status.OPEN not in MOVES[incident.status]:",
        "if False:",
        attempts("who_gets_no_attempt_is_told_why[fixing]"),
    ),
    Mutant(
        "a failure of another subscription is diagnosed",
        "why_not_again",
        "if not (incident.vm_id and incident.item_name):",
        "if not incident.vm_id:",
        attempts("who_gets_no_attempt_is_told_why[a failure of another subscription]"),
    ),
    Mutant(
        "a request of an earlier attempt takes effect in the next one",
        "why_not_again",
        "if now < over:",
        "if False:",
        attempts("who_gets_no_attempt_is_told_why[a request without an answer]"),
    ),
    Mutant(
        "a new attempt begins whatever speaks against it",
        "Attempts.begin",
        "if reason := await self.why_not(incident):",
        "if reason := why_not_again(incident, clock.now()):",
        attempts("while_its_lock_window_is_not_over_it_is_refused"),
    ),
    Mutant(
        "the VM is not held for a new attempt",
        "Attempts.begin",
        "holder = await self.book.hold_vm(incident.vm_id, incident_id)",
        "holder = incident_id",
        attempts("the_word_is_on_record_and_the_guardian_finds_the_work"),
    ),
    Mutant(
        "a late word begins a third attempt",
        "Attempts.begin",
        "if each.attempt < attempt else each",
        "if each.ended else each",
        attempts("a_word_that_comes_late_does_not_begin_a_third"),
    ),
    Mutant(
        "a new attempt has no record of who asked",
        "Attempts.begin",
        "actor=person",
        'actor="app"',
        attempts("the_word_is_on_record_and_the_guardian_finds_the_work"),
    ),
    Mutant(
        "what an earlier attempt sent passes for this one's",
        "next_attempt",
        "sent=(),",
        "",
        planned_again("a_removal_that_an_earlier_attempt_sent_does_not_count"),
    ),
    Mutant(
        "what an earlier attempt decided is sent in the next",
        "_basis",
        "incident.attempt, ",
        "",
        planned_again("what_an_earlier_attempt_decided_is_not_sent_in_the_next"),
    ),
    *(
        Mutant(
            f"a stage of an earlier attempt goes on in the next: {where}",
            where,
            f"{before}not incident.at_work",
            f"{before}incident.ended",
            stale(stage),
        )
        for where, stage, before in (
            ("before:before_diagnosis", "before_diagnosis", ""),
            ("decide", "decide_plan", ""),
            ("turn:take_turn", "take_turn", ""),
            ("_why_too_late", "carry_out_unit", ""),
            ("Settle.settle", "settle_fix", "incident is None or "),
            ("conclude", "conclude_backup", ""),
        )
    ),
    Mutant(
        "a backup is ordered by a stage that is called late",
        "start:start",
        "incident.status is not Status.VERIFYING",
        "incident.ended",
        stale("start_backup"),
    ),
    Mutant(
        "a new attempt takes the place of an earlier one within the limit",
        "_Turn._ticket",
        "self.incident.attempt_key",
        "self.incident.id",
        planned_again("each_attempt_takes_its_own_place_within_the_limit"),
    ),
    Mutant(
        "a fix of an earlier attempt is not subject to the cooling time",
        "_plan",
        "incident.attempt_key",
        "incident.id",
        planned_again("its_earlier_attempt_s_fix_is_subject_to_the_cooling_time"),
    ),
    Mutant(
        "a change of this attempt passes for one of the earlier",
        "Journal.intended",
        "entry.detail.get(ATTEMPT, 0) > attempt",
        "True",
        attempts("an_intent_of_an_earlier_attempt_is_none_of_this_one"),
    ),
    Mutant(
        "an incident that was opened again is nobody's work",
        "IncidentBook._remove_from_working",
        "if incident is not None and not incident.ended:",
        "if False:",
        attempts("who_saw_it_ended_does_not_take_it_off_the_list_for_good"),
    ),
    Mutant(
        "an incident that was opened again is forgotten",
        "forget_old",
        "if await _is_over(book, incident_id):",
        "if True:",
        (
            "tests/shared/intake/test_nothing_lost.py"
            "::test_what_is_opened_again_meanwhile_is_not_forgotten",
        ),
    ),
    Mutant(
        "a member of a window gets a new attempt",
        "why_in_hand",
        " or held.window.member(incident_id)",
        "",
        held("whose_windows_are_not_over[it is a member of one]"),
    ),
    Mutant(
        "an incident whose lock is watched gets a new attempt",
        "why_in_hand",
        "if hand.row.open and",
        "if hand.row.red and",
        held("whose_windows_are_not_over[one is watched still]"),
    ),
    Mutant(
        "a Reader has a failure fixed again",
        "retry:retry",
        "forms.admit(req, MAY_RETRY",
        "forms.admit(req, Role.READER",
        ("tests/functions/test_retry.py::test_who_may_ask",),
    ),
)

MUTANTS = (
    *LOCK_PROTOCOL,
    *AGENT_BELIEVED,
    *PUTTING_BACK,
    *COMING_BACK,
    *LIFTING,
    *RECORD,
    *WINDOWS,
    *PROOF,
    *TURN,
    *WAITING_FOR_GROUPS,
    *POINTS,
    *LAST_LOOKS,
    *DELETING,
    *SHOWING,
    *TAKING,
    *MENDED,
    *ACCESS,
    *STORE,
    *WATCHDOG,
    *FENCE,
    *PERSON,
    *SECOND_TRY,
    *LOG_EVIDENCE,
    *RETRIES,
)
