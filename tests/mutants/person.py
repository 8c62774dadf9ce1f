"""The bugs of what holds a fix up, and of what a person is told."""

from __future__ import annotations

from tests.mutants.plant import Mutant

RANKING = "tests/shared/plan/test_ranking.py"
SETTLE = "tests/shared/execution/test_settle.py"
TOLD = "tests/shared/plan/test_told.py"
LOCKS = "tests/shared/diagnosis/test_refusing_locks.py"
STATES = "tests/diagnosis_states/test_states.py"
REMEDY = "test_a_state_gets_its_verdicts_and_its_remedy"
MEMBERS = "tests/shared/execution/test_member_record.py"

HELD_UP = (f"{RANKING}::test_a_cause_with_which_no_backup_can_pass_holds_it_up",)
AHEAD = (f"{RANKING}::test_a_safe_fix_goes_ahead_of_what_only_a_person_can_mend",)

PERSON = (
    Mutant(
        "a person is told to do what Azure Policy refuses",
        "settle:_advise",
        "fold(target) for target in refused",
        "fold(target) for target in ()",
        (f"{SETTLE}::test_of_two_groups_only_what_is_left_is_told",),
    ),
    Mutant(
        "a person is told to delete again what is deleted",
        "settle:_advise",
        "if each.outcome is Outcome.DONE",
        "if not each.outcome",
        (f"{SETTLE}::test_of_two_groups_only_what_is_left_is_told",),
    ),
    Mutant(
        "the removal is advised before the agent that it needs",
        "order_repairs",
        "sorted(findings, key=is_held_up)",
        "findings",
        (f"{TOLD}::test_what_holds_up_a_fix_is_mended_before_it",),
    ),
    Mutant(
        "what policy held back has no commands",
        "hold_back",
        "if status is Status.IGNORED",
        "if status is not None",
        (f"{TOLD}::test_what_policy_holds_back_can_be_done_by_hand",),
    ),
    Mutant(
        "points are deleted though the agent is silent",
        "_holds_up",
        "return not _is_answered(vm)",
        "return False",
        HELD_UP,
    ),
    Mutant(
        "a VM that could not be read holds nothing up",
        "_is_answered",
        "isinstance(vm, VirtualMachine) and (vm.agent_ready or not vm.running)",
        "not isinstance(vm, VirtualMachine) or vm.agent_ready or not vm.running",
        HELD_UP,
    ),
    Mutant(
        "points are deleted though the extension failed",
        "_holds_up",
        "broken = other.cause == EXTENSION and not other.gone",
        "broken = False",
        (f"{RANKING}::test_an_extension_that_was_removed_in_vain_holds_up_the_deletion",),
    ),
    Mutant(
        "the extension is removed though another one has failed",
        "_holds_up",
        "return off or other.cause in NOT_REINSTALLED",
        "return off",
        (f"{RANKING}::test_the_state_of_the_vm_holds_up_the_extension",),
    ),
    Mutant(
        "what only a person can mend holds up every fix behind it",
        "ranking:_split",
        "if _holds_up(each, finding.cause, vm)",
        "if each.cause",
        AHEAD,
    ),
    Mutant(
        "the lock that refuses a removal is not named",
        "uninstall_extension:_read_failure",
        "locked, by_hand = await guards.why_extension_locked(hands.reader, target)",
        'locked, by_hand = "", ()',
        ("tests/e2e/test_person.py::test_an_extension_under_a_lock_stays_and_the_lock_is_named",),
    ),
    Mutant(
        "a backup is run again though the extension itself is Failed",
        "why_not_tried",
        "if name := find_unexamined(findings, vm):",
        "if (name := find_unexamined(findings, vm)) and not name:",
        (f"{TOLD}::test_a_failed_backup_extension_speaks_against_a_second_try",),
    ),
    Mutant(
        "a read-only lock is not told",
        "refusing_locks:_name",
        'refuses = phrase("new_backup") if read_only else deletion',
        "refuses = deletion",
        (f"{LOCKS}::test_a_lock_is_named_where_it_refuses_something",),
    ),
    Mutant(
        "the second VM of a window does not show that its group was unlocked",
        "WindowRecord._tell",
        "if incident.id != leader:",
        "if False:",
        (f"{MEMBERS}::test_the_second_vm_of_a_window_shows_that_its_group_was_unlocked",),
    ),
    Mutant(
        "after a verifying backup that failed the person is sent to another job",
        "_last_job",
        "return shown.job_id",
        "return incident.job_id",
        (f"{TOLD}::test_the_job_that_failed_last_is_the_one_to_read",),
    ),
    Mutant(
        "a fixed incident does not name what stays with a person",
        "tell_fixed",
        "steps = (*advise_on_locks(incident), *tell_others(incident))",
        "steps = advise_on_locks(incident)",
        (f"{TOLD}::test_a_fixed_incident_names_what_stays_with_a_person",),
    ),
)
