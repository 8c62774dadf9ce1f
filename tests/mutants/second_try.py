"""The bugs of the second try and of the count of on-demand backups."""

from __future__ import annotations

from tests.mutants.plant import Mutant

RULES = "tests/shared/plan/test_second_try.py"
COUNT = "tests/shared/plan/test_on_demand.py"
RUNS, EVENTS = "tests/faults/test_second_try.py", "tests/e2e/test_second_try.py"


def not_run(*cases: str) -> tuple[str, ...]:
    return tuple(f"{RULES}::test_it_is_not_run_again[{case}]" for case in cases)


def rule(name: str) -> tuple[str, ...]:
    return (f"{RULES}::test_{name}",)


def count(name: str) -> tuple[str, ...]:
    return (f"{COUNT}::test_{name}",)


def runs(name: str) -> tuple[str, ...]:
    return (f"{RUNS}::test_{name}",)


def events(name: str) -> tuple[str, ...]:
    return (f"{EVENTS}::test_{name}",)


RULE_OF_IT = (
    Mutant(
        "a backup is run again and again for one failure",
        "_why_over",
        "shown is not None",
        "shown is not None and not shown.outcome",
        not_run("it was run again already"),
    ),
    Mutant(
        "a backup is run again after a fix that was begun",
        "_why_over",
        '"a fix was begun" if incident.actions else ""',
        '""',
        not_run("a fix was begun"),
    ),
    Mutant(
        "what is not known never speaks against a second try",
        "_speaks_against",
        "not said & NOT_AGAINST",
        "False",
        not_run("an extension may still settle", "evidence of another version"),
    ),
    Mutant(
        "a lock on the vault does not speak against a second try",
        "_speaks_against",
        "bool(said & AGAINST) or",
        "",
        not_run("the vault is locked", "no lock, and the vault's were not read"),
    ),
    Mutant(
        "a backup of unmanaged disks is run again",
        "why_not_tried",
        "vm.managed_disks is False",
        "False",
        not_run("unmanaged disks"),
    ),
    Mutant(
        "a clean-up that does not work does not speak against a second try",
        "_enhanced",
        "total <= kept",
        "True",
        (
            "tests/shared/plan/test_second_try.py::test_the_examples_of_every_checker_that_speak_against_it",
        ),
    ),
    Mutant(
        "points of a former machine count for this one",
        "_not_at_limit",
        "total - former < POINT_LIMIT <= total",
        "False",
        ("tests/shared/test_catalogue.py::test_an_example_gets_its_verdict",),
    ),
    Mutant(
        "a confirmed cause does not speak against a second try",
        "_speaks_against",
        "finding.verdict is Verdict.CONFIRMED",
        "False",
        not_run("a cause is confirmed"),
    ),
    Mutant(
        "a second try of a VM that is being changed",
        "_why_unsettled",
        'fold(vm.provisioning_state) != "succeeded"',
        'fold(vm.provisioning_state) == "failed"',
        not_run("the VM is Updating", "no provisioning state"),
    ),
    Mutant(
        "a second try of a VM whose power state is not known",
        "_why_unsettled",
        "fold(vm.power_state) not in AT_REST",
        "False",
        not_run("no power state", "the VM starts"),
    ),
    Mutant(
        "a second try for every code",
        "why_not_tried",
        "not row.retry_advised and not _healed(row.name, vm)",
        "False",
        not_run("a retry is not advised"),
    ),
    Mutant(
        "a failure of the agent has healed although it is silent",
        "_healed",
        "and vm.agent_ready",
        "",
        not_run("the agent is silent"),
    ),
    Mutant(
        "the agent of a VM that is off is Ready again",
        "_healed",
        "and vm.running",
        "",
        not_run("the agent was Ready when it was shut down"),
    ),
    Mutant(
        "a backup is run again after a person cancelled one",
        "consider_second_try",
        "told := second_try.why_cancelled(cancelled)",
        "told := ''",
        events("it_is_left_to_a_person[a person cancelled a later backup]"),
    ),
    Mutant(
        "whether a person cancelled one need not be known",
        "why_cancelled",
        'return why_unread("a person cancelled a later backup", cancelled)',
        'return ""',
        rule("not_after_a_job_that_a_person_cancelled"),
    ),
    Mutant(
        "a backup is run again after a migration of the policy",
        "consider_second_try",
        "second_try.may_be_migration(incident) and",
        "False and",
        events("it_is_left_to_a_person[the policy was migrated]"),
    ),
    Mutant(
        "item and policy may disagree about the migration",
        "why_migrated",
        "item.policy_type == policy.type == STANDARD",
        "STANDARD in (item.policy_type, policy.type)",
        rule("not_where_a_migration_of_the_policy_may_be_the_cause"),
    ),
    Mutant(
        "a second try is planned in any mode",
        "planner:plan",
        "return allow(incident, again, mode)",
        "return again",
        rule("a_stricter_mode_holds_it_back_and_keeps_it_on_record"),
    ),
    Mutant(
        "a second try needs no place within the limit",
        "make_plan",
        "counts=True",
        "counts=False",
        rule("it_is_run_again"),
    ),
)
PAUSE = (
    Mutant(
        "a second try has no pause",
        "_Turn._pause_ends",
        'return at if at > clock.now() else ""',
        "return ''",
        runs("the_pause_ends_at_its_time_whatever_is_lost_meanwhile"),
    ),
    Mutant(
        "the pause begins anew when the engine is lost",
        "_Turn._pause_ends",
        "self.incident.retry_at or",
        "",
        runs("the_pause_ends_at_its_time_whatever_is_lost_meanwhile"),
    ),
    Mutant(
        "a later failure has no pause of its own",
        "later:_add",
        ', retry_at=""',
        "",
        events(
            "a_scheduled_backup_that_fails_meanwhile_is_a_failure_with_a_pause_of_its_own",
        ),
    ),
    Mutant(
        "a stage that is asked twice begins its diagnosis anew",
        "_Turn.answer",
        "self.incident.status is Status.VERIFYING and self.plan.is_second_try",
        "False",
        (
            "tests/shared/plan/test_turn.py::test_a_second_try_takes_its_place_once_and_the_same_answer_follows",
        ),
    ),
    Mutant(
        "a second try is taken for a fix",
        "begin_order",
        "bool(incident.retry_at) and not incident.actions",
        "False",
        events("it_waits_and_passes"),
    ),
    Mutant(
        "the person is sent to the first job, not to the one that was run again",
        "_last_job",
        "newest.job_id if newest else incident.job_id",
        "incident.job_id",
        ("tests/shared/plan/test_told.py::test_the_job_that_failed_last_is_the_one_to_read",),
    ),
)
COUNTED = (
    Mutant(
        "a fourth backup of a day is ordered",
        "OnDemandBackups.count",
        "len(orders) < self.per_day",
        "len(orders) <= self.per_day",
        count("the_fourth_of_a_day_waits_for_the_next"),
    ),
    Mutant(
        "an order that is sent again is refused",
        "OnDemandBackups.count",
        "order in orders or",
        "",
        count("an_order_that_is_sent_again_counts_once"),
    ),
    Mutant(
        "each attempt of an order counts",
        "Backups._why_too_many",
        "{incident.backup_since}",
        "{len(incident.orders)}",
        events("attempts_of_one_order_count_once"),
    ),
    Mutant(
        "yesterday's orders count today",
        "_orders_of_today",
        'body is None or body["day"] != _today()',
        "body is None",
        count("the_fourth_of_a_day_waits_for_the_next"),
    ),
    Mutant(
        "a second try takes the last backup of the day",
        "OnDemandBackups.find_turn",
        "min(1, self.per_day - 1) if leaves_one else 0",
        "0",
        count("a_second_try_leaves_one_for_the_backup_that_verifies_a_fix"),
    ),
    Mutant(
        "a second try does not say that it leaves one",
        "_Turn._next_backup",
        "leaves_one = self.plan.is_second_try",
        "leaves_one = False",
        events("a_second_try_leaves_one_for_a_fix"),
    ),
    Mutant(
        "a fix is made that no backup can verify today",
        "_Turn._act",
        "at := await self._next_backup()",
        'at := ""',
        runs("where_none_is_left_a_fix_waits_until_midnight_and_is_made_then"),
    ),
    Mutant(
        "orders are not counted",
        "Backups.order",
        "await self._why_too_many(settled) or await self._attempt(settled)",
        "await self._attempt(settled)",
        runs("a_fix_that_finds_none_left_when_it_orders_asks_a_person"),
    ),
)

SECOND_TRY = (*RULE_OF_IT, *PAUSE, *COUNTED)
