"""The bugs of the evidence from a workspace's log, which must decide nothing."""

from __future__ import annotations

from tests.mutants.plant import Mutant

READ = "tests/shared/azure/logs/test_vm_log.py"
TOLD = "tests/shared/diagnosis/test_log_evidence.py"

LOG_EVIDENCE = (
    Mutant(
        "backups of another VM are told as this one's",
        "vm_log:_read",
        "and same(job.vm_id, vm.text)",
        "",
        (f"{READ}::test_jobs_of_others_are_not_this_vms[another VM's, with this one's behind it]",),
    ),
    Mutant(
        "a log that does not answer stops the diagnosis",
        "VmLog.read",
        "errors.AzureCallFailed",
        "errors.NotFound",
        (f"{TOLD}::test_a_log_that_cannot_be_read_is_said_and_stops_nothing[500]",),
    ),
    Mutant(
        "a diagnosis waits for the log as long as for Azure",
        "VmLog.read",
        "min(settings.call_timeout_seconds, LONGEST_SECONDS)",
        "settings.call_timeout_seconds",
        (f"{READ}::test_a_log_that_does_not_answer_is_given_up",),
    ),
    Mutant(
        "the log is read at each look at a job that runs",
        "before:before_diagnosis",
        "return await _wait_for(diagnosis, incident, job)",
        "return await record_log_evidence(diagnosis, incident.id, failed_at)"
        " or await _wait_for(diagnosis, incident, job)",
        (f"{TOLD}::test_while_it_waits_the_log_is_not_read",),
    ),
    Mutant(
        "the failed backup itself is told as an earlier one",
        "read_log_evidence",
        " - SAME_JOB",
        "",
        (f"{TOLD}::test_the_logs_copy_of_the_failed_backup_is_not_an_earlier_one",),
    ),
    Mutant(
        "a heartbeat from before the failure is told beside a silent agent",
        "_say_heartbeat",
        "found.heartbeat > failed_at",
        "found.heartbeat",
        (f"{TOLD}::test_each_state_of_the_log_has_its_sentences",),
    ),
    Mutant(
        "a heartbeat is told beside a cause that is ruled out",
        "_is_of_agent",
        "and finding.verdict is not Verdict.RULED_OUT",
        "",
        (f"{TOLD}::test_a_heartbeat_is_told_beside_a_silent_agent_and_changes_no_verdict",),
    ),
)
