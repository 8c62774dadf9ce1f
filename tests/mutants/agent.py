"""The bugs of what is believed of the VM agent: how old its report is, and what a
recovery point tells of it."""

from __future__ import annotations

from tests.mutants.plant import Mutant

AGENT = "tests/shared/diagnosis/test_agent.py"
POINT = "tests/shared/verification/test_recovery_point.py"
EXAMPLES = "tests/shared/test_catalogue.py"


def agent(name: str) -> tuple[str, ...]:
    return (f"{AGENT}::test_{name}",)


def point(*names: str) -> tuple[str, ...]:
    return tuple(f"{POINT}::test_{name}" for name in names)


REPORT = (
    Mutant(
        "an old report of the agent is believed",
        "is_old",
        "reported < failed",
        "False",
        agent("cause_4_says_what_it_rests_on[an old report]"),
    ),
    Mutant(
        "an operation that began after the failed job is what failed it",
        "_judge_operation",
        "since < failed_at",
        "True",
        (f"{EXAMPLES}::test_an_example_gets_its_verdict",),
    ),
    Mutant(
        "an extension that cannot be installed is waited for",
        "_missing",
        "vm.guest.extension_operations is False",
        "False",
        agent("a_missing_extension_that_cannot_be_installed_is_no_passing_state"),
    ),
)

NEW_POINT = (
    Mutant(
        "a crash-consistent point of a VM that runs is fine",
        "judge_point",
        "fold(point.type) != CRASH_CONSISTENT",
        "True",
        point("a_crash_consistent_point_of_a_vm_that_runs_stays_with_a_person"),
    ),
    Mutant(
        "a policy that cannot be read is agentless",
        "_judge_crash_consistent",
        "if agentless is True:",
        "if agentless:",
        point("what_cannot_be_read_excuses_no_crash_consistent_point[the policy]"),
    ),
    Mutant(
        "a VM that cannot be read is off",
        "_judge_crash_consistent",
        "_advise(incident, None)",
        "()",
        point("what_cannot_be_read_excuses_no_crash_consistent_point[the VM]"),
    ),
    Mutant(
        "an agent that was Ready all the time is mended",
        "_is_mended",
        "incident.attempt > 1 and not incident.actions",
        "True",
        point("a_crash_consistent_point_of_a_vm_that_runs_stays_with_a_person"),
    ),
    Mutant(
        "another backup's recovery point is taken for ours",
        "find_point",
        "since <= clock.normal(each.time) <= until",
        "True",
        point("a_type_that_is_not_known_is_said_and_neither_fine_nor_broken"),
    ),
)

AGENT_BELIEVED = (*REPORT, *NEW_POINT)
