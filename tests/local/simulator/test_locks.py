"""Locks and deny assignments: what they block, and which lists show them."""

from __future__ import annotations

import pytest

from local.scenarios import parts
from local.simulator import deny, ids
from tests.local.simulator.support import (
    COLLECTION_ID,
    EXTENSION_ID,
    GROUP_ID,
    ITEM_ID,
    LOCKS,
    SUB,
    VM_ID,
    state,
)

S = f"/subscriptions/{SUB}"
POINT_ID = f"{COLLECTION_ID}/restorePoints/AzureBackup_20261120_223107"
STATUS = f"{S}/providers/Microsoft.RecoveryServices/locations/westeurope/backupStatus"

BLOCKED = [
    # scope of the lock, level, method, target, blocked
    (GROUP_ID, "CanNotDelete", "GET", COLLECTION_ID, False),
    (GROUP_ID, "ReadOnly", "GET", COLLECTION_ID, False),
    (COLLECTION_ID, "CanNotDelete", "DELETE", EXTENSION_ID, False),
    (ids.group_id(SUB, "rg-backup"), "ReadOnly", "DELETE", COLLECTION_ID, False),
    (ids.group_id(SUB, "rg-backup"), "CanNotDelete", "POST", f"{ITEM_ID}/backup", False),
    (S, "CanNotDelete", "POST", STATUS, False),
    (GROUP_ID, "ReadOnly", "DELETE", f"{VM_ID}/{LOCKS}/none", False),
    (GROUP_ID, "CanNotDelete", "DELETE", COLLECTION_ID, True),
    (GROUP_ID, "CanNotDelete", "DELETE", POINT_ID, True),
    (GROUP_ID, "CanNotDelete", "DELETE", EXTENSION_ID, True),
    (VM_ID, "CanNotDelete", "DELETE", EXTENSION_ID, True),
    (COLLECTION_ID, "CanNotDelete", "DELETE", POINT_ID, True),
    (POINT_ID, "CanNotDelete", "DELETE", COLLECTION_ID, True),
    (S, "CanNotDelete", "DELETE", COLLECTION_ID, True),
    (
        S.upper().replace("SUBSCRIPTIONS", "subscriptions"),
        "ReadOnly",
        "DELETE",
        COLLECTION_ID,
        True,
    ),
    (ids.group_id(SUB, "rg-backup"), "ReadOnly", "POST", f"{ITEM_ID}/backup", True),
    (S, "ReadOnly", "POST", STATUS, True),
    (
        GROUP_ID,
        "CanNotDelete",
        "DELETE",
        f"{GROUP_ID}/providers/Microsoft.Network/networkInterfaces/absent",
        True,
    ),
]


@pytest.mark.parametrize(("scope", "level", "method", "target", "blocked"), BLOCKED)
async def test_what_a_lock_blocks(start, scope, level, method, target, blocked):
    arm = await start(state(parts.lock(scope, "l", "", level=level)))
    reply = await arm.send(
        method, target, {"resourceId": VM_ID, "resourceType": "VM"} if method == "POST" else None
    )
    assert (reply.code == "ScopeLocked") == blocked, reply.body
    if blocked:
        assert f"'{scope}'" in reply.body["error"]["message"]


async def test_every_locked_scope_is_named(start):
    arm = await start(
        state(parts.lock(S, "top", ""), parts.lock(COLLECTION_ID, "own", ""), lock="ReadOnly")
    )
    message = (await arm.delete(COLLECTION_ID)).body["error"]["message"]
    assert f"'{S},{GROUP_ID},{COLLECTION_ID}'" in message


LISTED = [
    # scope of the list, filter, names
    (COLLECTION_ID, "atScope()", {"top", "keep", "own"}),
    (COLLECTION_ID, "", {"top", "keep", "own"}),
    (GROUP_ID, "atScope()", {"top", "keep"}),
    (GROUP_ID, "", {"top", "keep", "own", "vm"}),
    (GROUP_ID.upper().replace("SUBSCRIPTIONS", "subscriptions"), "ATSCOPE()", {"top", "keep"}),
    (S, "", {"top", "keep", "own", "vm", "other"}),
    (S, "atScope()", {"top"}),
]


@pytest.mark.parametrize(("scope", "narrow", "names"), LISTED)
async def test_which_locks_are_listed(start, scope, narrow, names):
    other = parts.lock(ids.group_id(SUB, "rg-backup"), "other", "")
    more = [
        parts.lock(S, "top", ""),
        parts.lock(COLLECTION_ID, "own", ""),
        parts.lock(VM_ID, "vm", ""),
        other,
    ]
    arm = await start(state(*more, lock="CanNotDelete"))
    reply = await arm.get(f"{scope}/{LOCKS}", **({"filter": narrow} if narrow else {}))
    assert {each["name"] for each in reply.body["value"]} == names


async def test_a_lock_that_is_deleted_and_put_back_is_the_same(start):
    arm = await start(state(lock="CanNotDelete"))
    before = (await arm.sim("GET", "state")).body
    path = f"{GROUP_ID}/{LOCKS}/keep"
    body = (await arm.get(path)).body
    assert (await arm.delete(path)).status == 200
    assert (await arm.delete(path)).status == 204
    assert (await arm.send("PUT", path, {"properties": body["properties"]})).status == 201
    assert (await arm.sim("GET", "state")).body == before
    changed = await arm.send(
        "PUT",
        path.upper().replace("/SUBSCRIPTIONS", "/subscriptions"),
        {"properties": {"level": "readonly"}},
    )
    assert (changed.status, changed.body["id"], changed.body["properties"]) == (
        200,
        path,
        {"level": "ReadOnly"},
    )


BAD_LOCKS = [
    ("keep", {"level": "Sometimes"}),
    ("keep", {"level": "NotSpecified"}),
    ("keep", {}),
    ("keep", None),
    ("keep", {"level": "ReadOnly", "notes": "x" * 513}),
    ("keep", {"level": "ReadOnly", "owners": ["me"]}),
    ("k" * 261, {"level": "ReadOnly"}),
    ("is:bad", {"level": "ReadOnly"}),
]


@pytest.mark.parametrize(("name", "properties"), BAD_LOCKS)
async def test_invalid_locks_are_refused(start, name, properties):
    arm = await start(state())
    reply = await arm.send("PUT", f"{GROUP_ID}/{LOCKS}/{name}", {"properties": properties})
    assert (reply.status, reply.code) == (400, "InvalidRequestContent")


async def test_the_scope_of_a_lock_must_exist(start):
    arm = await start(state())
    body = {"properties": {"level": "CanNotDelete"}}
    absent = f"{GROUP_ID}/providers/Microsoft.Compute/restorePointCollections/absent"
    assert (await arm.send("PUT", f"{absent}/{LOCKS}/l", body)).code == "ResourceNotFound"
    assert (
        await arm.send("PUT", f"{ids.group_id(SUB, 'no')}/{LOCKS}/l", body)
    ).code == "ResourceGroupNotFound"
    assert (await arm.send("PUT", f"{S}/{LOCKS}/l", body)).status == 201
    assert (await arm.send("PUT", f"{POINT_ID}/{LOCKS}/l", body)).status == 201


async def test_an_owned_lock_stays(start):
    arm = await start(state(parts.lock(GROUP_ID, "managed", "n", owner="app-1")))
    path = f"{GROUP_ID}/{LOCKS}/managed"
    for reply in (
        await arm.delete(path),
        await arm.send("PUT", path, {"properties": {"level": "ReadOnly"}}),
    ):
        assert (reply.status, reply.code) == (401, "UnauthorizedApplicationId")
    assert (await arm.get(path)).body["properties"]["owners"] == [{"applicationId": "app-1"}]


async def test_a_deleted_lock_blocks_for_a_while(start):
    arm = await start(state(lock="CanNotDelete"))
    await arm.sim("PUT", "settings", {"lock_delete_propagation_s": 0.3})
    assert (await arm.delete(f"{GROUP_ID}/{LOCKS}/keep")).status == 200
    assert (await arm.get(f"{GROUP_ID}/{LOCKS}/keep")).status == 404
    assert (await arm.delete(COLLECTION_ID)).code == "ScopeLocked"
    arm.clock.turn(0.35)
    assert (await arm.delete(COLLECTION_ID)).status == 202


def assignment(scope: str, **changes):
    made = parts.deny_assignment(scope, "stack")
    made["properties"].update(changes)
    return made


DENIED = [
    (assignment(GROUP_ID), "DELETE", COLLECTION_ID, True),
    (assignment(COLLECTION_ID), "DELETE", COLLECTION_ID, True),
    (assignment(GROUP_ID), "DELETE", f"{GROUP_ID}/{LOCKS}/keep", True),
    (assignment(COLLECTION_ID), "DELETE", f"{GROUP_ID}/{LOCKS}/keep", False),
    (assignment(GROUP_ID), "GET", COLLECTION_ID, False),
    (assignment(GROUP_ID, doNotApplyToChildScopes=True), "DELETE", COLLECTION_ID, False),
    (
        assignment(GROUP_ID, excludePrincipals=[{"id": deny.CLIENT_ID}]),
        "DELETE",
        COLLECTION_ID,
        False,
    ),
    (assignment(GROUP_ID, principals=[{"id": "somebody-else"}]), "DELETE", COLLECTION_ID, False),
    (assignment(GROUP_ID, principals=[{"id": deny.CLIENT_ID}]), "DELETE", COLLECTION_ID, True),
    (
        assignment(GROUP_ID, permissions=[{"actions": ["*"], "notActions": ["*/delete"]}]),
        "DELETE",
        COLLECTION_ID,
        False,
    ),
    (
        assignment(S, permissions=[{"actions": ["*/backup/action"]}]),
        "POST",
        f"{ITEM_ID}/backup",
        True,
    ),
]


@pytest.mark.parametrize(("denial", "method", "target", "denied"), DENIED)
async def test_what_a_deny_assignment_forbids(start, denial, method, target, denied):
    arm = await start(state(denial))
    reply = await arm.send(method, target)
    assert (reply.code == "DenyAssignmentAuthorizationFailed") == denied, reply.body
    if denied:
        assert (
            reply.status == 403
            and "deny assignment with name 'stack'" in reply.body["error"]["message"]
        )


async def test_a_deny_assignment_comes_before_a_lock(start):
    arm = await start(state(assignment(GROUP_ID), lock="CanNotDelete"))
    assert (await arm.delete(COLLECTION_ID)).code == "DenyAssignmentAuthorizationFailed"
