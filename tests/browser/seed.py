"""Many incidents, as months of work would leave them: the same for the same count."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shared import catalogue, clock
from shared.audit.chain import GENESIS, add_hash
from shared.audit.entry import Entry
from shared.codec import to_english
from shared.diagnosis.advice import About
from shared.facts import Lock
from shared.incident.model import Action, Finding, Incident, Target, Verdict, Verification
from shared.incident.status import Status
from shared.sentences import phrase

SUBSCRIPTION = "/subscriptions/11111111-1111-1111-1111-111111111111"
LAST = datetime(2026, 11, 20, 22, 0, tzinfo=UTC)
ENDINGS = (
    [Status.FIXED] * 6
    + [Status.NEEDS_PERSON] * 3
    + [Status.OBSERVED, Status.IGNORED, Status.FAILED, Status.VERIFYING, Status.FIXING]
)


def incidents(count: int) -> Iterator[Incident]:
    """Oldest first."""
    chance = random.Random(count)
    for number in range(count):
        moment = LAST - timedelta(minutes=7 * (count - number))
        yield _incident(number, moment, chance)


def _incident(number: int, moment: datetime, chance: random.Random) -> Incident:
    group, name = f"rg-team-{number % 23}", f"vm-{number % 997:03d}"
    vm_id = (
        f"{SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachines/{name}"
    )
    code = chance.choice(catalogue.ERROR_CODES)
    cause = catalogue.causes_of(code.name)[-1]
    status = chance.choice(ENDINGS)
    opened = clock.as_text(moment)
    job = f"{number:08x}-0000-4000-8000-000000000000"
    incident = Incident(
        id=f"{opened[:19].replace('-', '').replace(':', '')}-{job[:8]}-{number:08x}",
        status=status,
        subscription_id=SUBSCRIPTION.rsplit("/", 1)[1],
        vault_id=f"{SUBSCRIPTION}/resourceGroups/rg-backup/providers/Microsoft.RecoveryServices/vaults/vault-backup",
        vm_id=vm_id,
        container_name=f"IaasVMContainer;iaasvmcontainerv2;{group};{name}",
        item_name=f"VM;iaasvmcontainerv2;{group};{name}",
        job_id=job,
        error_code=code.name,
        opened_at=opened,
        closed_at=(
            clock.after(opened, chance.randint(60, 9000))
            if status not in (Status.VERIFYING, Status.FIXING)
            else ""
        ),
        description=code.message,
        reason=f"{cause.title}: as it was found on {name}",
        findings=_findings(code.name, cause.slug, vm_id),
    )
    if status in (Status.FIXED, Status.VERIFYING) and cause.fix:
        action = Action(
            cause.fix.kind, f"{vm_id}/extensions/VMSnapshot", "done", cause.slug, "uninstalled"
        )
        incident = replace(
            incident, actions=(action,), verification=Verification(job[:-1] + "1", "Completed")
        )
    if status is Status.NEEDS_PERSON:
        incident = replace(incident, manual_steps=cause.advice(About.of(incident)))
    return incident


def _findings(code: str, confirmed: str, vm_id: str) -> tuple[Finding, ...]:
    found = []
    for cause in catalogue.causes_of(code):
        verdict = Verdict.CONFIRMED if cause.slug == confirmed else Verdict.RULED_OUT
        targets = (Target(vm_id),) if verdict is Verdict.CONFIRMED else ()
        evidence = (
            phrase("agent_message", message=f"what was read about {cause.slug} <b>&amp;</b>"),
        )
        found.append(Finding(cause.slug, verdict, evidence, targets))
    return tuple(found)


def entries(incident: Incident) -> list[Entry]:
    """A short chain of that incident."""
    chain: list[Entry] = []
    lock = Lock(
        f"{SUBSCRIPTION}/resourceGroups/x/providers/Microsoft.Authorization/locks/keep",
        "keep",
        "CanNotDelete",
        "why",
        (),
    )
    told = [
        ("event", "note", "claimed (CloudEvents 1.0)", {"job": incident.job_id}),
        *(
            (
                "finding",
                "note",
                f"{each.cause}: {each.verdict}",
                {"evidence": to_english(each.evidence)},
            )
            for each in incident.findings
        ),
        (
            "lift_lock",
            "intent",
            "begun",
            {"lock": {"id": lock.id, "name": lock.name, "level": lock.level}},
        ),
        ("lift_lock", "outcome", "done", {}),
        ("restore_lock", "outcome", "done", {}),
        (
            "status",
            "note",
            f"{incident.status}: {incident.reason}",
            {"manual_steps": to_english(incident.manual_steps)},
        ),
    ]
    for seq, (kind, phase, result, detail) in enumerate(told, 1):
        chain.append(
            add_hash(
                Entry(
                    seq=seq,
                    at=clock.after(incident.opened_at, seq),
                    incident=incident.id,
                    vm=incident.vm_id,
                    kind=kind,
                    target=incident.vm_id,
                    phase=phase,
                    result=result,
                    actor="azure-backup-remediator",
                    correlation_id=(
                        "11111111-2222-4333-8444-555555555555" if phase == "outcome" else ""
                    ),
                    detail=detail,
                    prev_hash=chain[-1].hash if chain else GENESIS,
                    hash="",
                )
            )
        )
    return chain
