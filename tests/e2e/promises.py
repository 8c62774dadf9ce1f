"""The promises of the product, checked on what the simulator saw and on the audit
trail."""

from __future__ import annotations

from typing import Any

from local.promises import COLLECTION, LOCK, intents_kept, kind_of, locks_of

MUTATING = ("PUT", "PATCH", "DELETE", "POST")
EXTENSION = "microsoft.compute/virtualmachines/extensions"


def broken_promises(
    before: dict[str, Any],
    after: dict[str, Any],
    requests: list[dict[str, Any]],
    incident: dict[str, Any],
    entries: list[dict[str, Any]],
) -> list[str]:
    """Empty when all hold."""
    broken = []
    if locks_of(before) != locks_of(after):
        broken.append(f"a lock is not as it was: {locks_of(before)} / {locks_of(after)}")
    for request in requests:
        if request["method"] == "DELETE" and (
            problem := not_allowed(before, request["path"], incident["vm_id"] or "")
        ):
            broken.append(problem)
    if any(entry["phase"] == "intent" for entry in entries) and not intents_kept(entries):
        broken.append("an intent has no outcome, or an outcome no intent")
    changed = [each for each in requests if changes_azure(each)]
    if changed and not any(entry["phase"] == "intent" for entry in entries):
        broken.append(f"changed without an intent: {changed}")
    return broken


def changes_azure(request: dict[str, Any]) -> bool:
    """checkPolicyRestrictions and backupStatus are POSTs that only read."""
    asks = request["method"] == "POST" and request["path"].endswith(
        ("/checkPolicyRestrictions", "/backupStatus")
    )
    return request["method"] in MUTATING and not asks


def not_allowed(before: dict[str, Any], path: str, vm_id: str) -> str:
    """Why this DELETE was not promised, or ""."""
    kind, wanted = kind_of(path), path.replace("%2F", "/").split("?")[0].casefold().lstrip("/")
    target = next(
        (each for each in before["resources"] if each["id"].casefold().lstrip("/") == wanted), None
    )
    if target is None:
        return f"DELETE of something that was not there: {path}"
    properties = target["properties"]
    if kind == LOCK:
        return (
            ""
            if COLLECTION not in wanted
            else f"DELETE of a lock on a collection, or on one of its points: {path}"
        )
    if kind == COLLECTION and (
        kept := [lock for lock in locks_of(before) if lock.lstrip("/").startswith(wanted + "/")]
    ):
        return f"DELETE of a collection on which somebody put a lock: {kept}"
    if kind == COLLECTION:
        ours = (
            target["name"].casefold().startswith("azurebackup_")
            and properties["source"]["id"].casefold() == vm_id.casefold()
        )
        return "" if ours else f"DELETE of a collection that is not the VM's: {path}"
    if kind == EXTENSION:
        known = properties["publisher"] == "Microsoft.Azure.RecoveryServices" and properties[
            "type"
        ] in (
            "VMSnapshot",
            "VMSnapshotLinux",
        )
        return (
            ""
            if known and wanted.startswith(vm_id.casefold().lstrip("/"))
            else f"DELETE of a foreign extension: {path}"
        )
    return f"DELETE of a kind that is never deleted: {path}"
