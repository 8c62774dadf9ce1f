"""Every envelope and shape, and what can never be used. No text makes it raise."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local import scenarios
from shared.events.error_codes import (
    canonical,
    from_job,
    from_link,
    from_message,
    from_origin,
    resolve,
)
from shared.events.model import LOCK_NOT_BACK, CodeHint, FailureEvent, Ignored, Unusable
from shared.events.parse import parse, parse_alert

PAYLOADS = Path(__file__).parents[3].parent / "shared" / "payloads"
ALERT: dict[str, Any] = scenarios.load("winmanagedvm")["event"]
VM = ALERT["data"]["alertContext"]["linkedResourceId"]


def cloud(**fields: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "e1",
        "source": "s",
        "type": "AzureBackupRemediator.BackupAlert",
    } | fields


ENVELOPES = {
    "CloudEvents": cloud(data=ALERT),
    "CloudEvents, text": cloud(data=json.dumps(ALERT)),
    "CloudEvents, base64": cloud(data_base64=base64.b64encode(json.dumps(ALERT).encode()).decode()),
    "Event Grid schema": {"id": "e1", "eventType": "x", "subject": "s", "data": ALERT},
    "bare": ALERT,
    "bare, inner part": ALERT["data"],
    "dead letter": {
        "id": "e1",
        "eventType": "x",
        "data": ALERT,
        "deadLetterReason": "MaxDeliveryAttemptsExceeded",
    },
}


@pytest.mark.parametrize("envelope", ENVELOPES)
def test_the_same_failure_in_every_envelope(envelope: str) -> None:
    found = parse(json.dumps(ENVELOPES[envelope]))
    assert isinstance(found, FailureEvent)
    assert (found.vm_id, found.job_id) == (
        VM,
        ALERT["data"]["alertContext"]["extendedInfo"]["jobId"],
    )
    assert found.vault_id.endswith("/vaults/vault-backup")
    assert found.item_name == "VM;iaasvmcontainerv2;winvaultrg;winmanagedvm"
    assert [(hint.source, hint.code) for hint in found.error_code_hints] == [
        (source, "BackUpOperationFailed") for source in ("link", "originAlertId", "description")
    ]


@pytest.mark.parametrize("name", scenarios.names())
def test_every_scenario_s_event_is_understood(name: str) -> None:
    event = scenarios.load(name)["event"]
    assert isinstance(
        parse_alert(json.dumps(event)), Ignored if name == "sql_item" else FailureEvent
    )


@pytest.mark.skipif(
    not PAYLOADS.exists(), reason="the collected payloads are not beside the project"
)
@pytest.mark.parametrize(
    ("name", "kind", "told"),
    [
        ("alert_backup_failure_sql_redacted.json", Ignored, "not an Azure VM"),
        ("alert_metric_not_backup_redacted.json", Ignored, "not of Azure Backup"),
        ("alert_common_schema_metric_resolved_doc.json", Ignored, "not of Azure Backup"),
        ("eventgrid/cloudevent_blobcreated_doc.json", Unusable, "Microsoft.Storage.BlobCreated"),
        ("eventgrid/dead_letter_event_doc.json", Unusable, "Microsoft.Storage.BlobCreated"),
        ("eventgrid/resource_action_success_doc.json", Unusable, ""),
        ("job_details_completed_2018_real_trace.json", Ignored, "Completed"),
    ],
)
def test_real_payloads(name: str, kind: type, told: str) -> None:
    found = parse((PAYLOADS / name).read_text())
    assert isinstance(found, kind)
    assert told in found.reason


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "object is expected"),
        ("17", "object is expected"),
        ("null", "object is expected"),
        ("[" * 100_000, "nested too deeply"),
        ("x" * 1_048_577, "1048576 at most"),
        (json.dumps(cloud(specversion="0.3", data=ALERT)), "0.3"),
        (json.dumps(cloud(data=[ALERT])), "not an object"),
        (json.dumps(cloud(data_base64="%%%")), "base64"),
        (json.dumps(cloud()), "not an object"),
        (json.dumps({"hello": "world"}), "common alert schema"),
    ],
    ids=lambda value: value[:20],
)
def test_what_can_never_be_used_says_why(text: str, told: str) -> None:
    found = parse(text)
    assert isinstance(found, Unusable)
    assert told in found.reason
    assert len(found.reason) < 500


def test_our_own_event_is_left_alone() -> None:
    assert isinstance(parse(json.dumps(cloud(type=LOCK_NOT_BACK, data={"lock": {}}))), Ignored)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


def paths(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [above] + [path for key, each in inner for path in paths(each, (*above, key))]


@settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_nothing_raises_whatever_is_changed(data: st.DataObject) -> None:
    event = json.loads(json.dumps(data.draw(st.sampled_from(list(ENVELOPES.values())))))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(paths(event)))
        if not path:
            continue
        inner = event
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = data.draw(VALUES)
    text = json.dumps(event)
    cut = data.draw(st.integers(0, len(text)))
    for given_text in (text, text[:cut]):
        assert isinstance(parse(given_text), FailureEvent | Ignored | Unusable)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (
            "see https://aka.ms/AB-usererrorguestagentstatusunavailable",
            "UserErrorGuestAgentStatusUnavailable",
        ),
        (
            "https://aka.ms/AB-AA4ecq8 then https://aka.ms/ab-backupoperationfailedv2.",
            "BackUpOperationFailedV2",
        ),
        ("https://aka.ms/AB-usererrorfsfreezefailed", "UserErrorFsFreezeFailed"),
        ("https://aka.ms/AB-usererrornobodyknows", "usererrornobodyknows"),
        ("https://aka.ms/AB-AA4ecq8", None),
        ("https://example.com/AB-backupoperationfailed", None),
        ("", None),
    ],
)
def test_the_code_in_the_link(text: str, code: str | None) -> None:
    found = from_link(text)
    assert (found.code if found else None) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2516_0_468azureiaasvmbackupoperationfailedv2full", "BackUpOperationFailedV2"),
        ("2516_0_468azureiaasvmbackupoperationfailedfull", "BackUpOperationFailed"),
        (
            "2516_0_468azureiaasvmextensionoperationfailedformanageddisksfull",
            "ExtentionOperationFailed",
        ),
        ("2516_0_468azureworkloadusererrorparentfullbackupmissinglog", None),
        ("", None),
    ],
)
def test_the_longest_code_in_the_tail_of_the_origin(text: str, code: str | None) -> None:
    found = from_origin(text)
    assert (found.code if found else None) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (
            "VM agent unable to communicate with Azure Backup",
            "UserErrorGuestAgentStatusUnavailable",
        ),
        (
            "Backup failed with an internal error - Please retry the operation in a few minutes",
            "BackUpOperationFailed",
        ),
        ("GuestAgentSnapshotTaskStatusError: something", "GuestAgentSnapshotTaskStatusError"),
        ("we saw: Backup failed with an internal error", None),
        ("备份失败，发生内部错误", None),
    ],
)
def test_the_message(text: str, code: str | None) -> None:
    found = from_message(text)
    assert (found.code if found else None) == code


@pytest.mark.parametrize(
    ("details", "dynamic", "code"),
    [
        ([{"errorCode": 400094}], "", "BCMV2VMNotFound"),
        ([{"errorCode": 400095}], "", None),
        (
            [{"errorCode": 0, "errorString": "VMSnapshot extension operation failed"}],
            "",
            "ExtentionOperationFailed",
        ),
        ([], "ExtensionSnapshotFailedNoNetwork: no", "ExtensionSnapshotFailedNoNetwork"),
        (
            [{"recommendations": ["https://aka.ms/AB-backupoperationfailed"]}],
            "UserErrorFsFreezeFailed",
            "BackUpOperationFailed",
        ),
        (
            [{"recommendations": ["https://aka.ms/AB-usererrorfsfreezefailed"]}],
            "UserErrorFsFreezeFailed: x",
            "UserErrorFsFreezeFailed",
        ),
        ([{"recommendations": "no list", "errorString": 17, "errorCode": True}], "", None),
    ],
)
def test_the_job_s_own_words(details: list[dict[str, Any]], dynamic: str, code: str | None) -> None:
    found = from_job(details, dynamic)
    assert (found.code if found else None) == code


def test_the_job_wins_and_the_conflict_is_kept() -> None:
    found = resolve(
        CodeHint("job", "A", "A"), [CodeHint("link", "B", "b"), CodeHint("originAlertId", "a", "a")]
    )
    assert (found.code, found.source, found.conflicts) == ("A", "job", ("link says B",))
    assert resolve(None, []).code == ""


def test_a_message_that_v2_shares_does_not_contradict_v2() -> None:
    by_message = from_message("Backup failed with an internal error", "job")
    found = resolve(
        by_message, [CodeHint("link", "BackUpOperationFailedV2", "backupoperationfailedv2")]
    )
    assert (found.code, found.conflicts) == ("BackUpOperationFailedV2", ())


def test_canonical_knows_no_halves() -> None:
    assert canonical(" backupoperationfailed ") == "BackUpOperationFailed"
    assert canonical("BackUpOperation") == canonical("") == ""
