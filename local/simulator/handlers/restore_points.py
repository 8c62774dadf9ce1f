"""Microsoft.Compute: restore point collections and their points.

Points are told only by GET of one collection with $expand=restorePoints, or one by one.
https://learn.microsoft.com/rest/api/compute/restore-point-collections
"""

from __future__ import annotations

from local.simulator import errors, ids, physics
from local.simulator.handlers import compute
from local.simulator.handlers.resources import found, page
from local.simulator.ids import fold
from local.simulator.operations import Failure, Finish
from local.simulator.state import Resource, properties, wire
from local.simulator.world import Answer, Call

OLDEST_API = "2021-03-01"


def list_collections(call: Call) -> Answer:
    _check_version(call)
    scope = call.group_id if "group" in call.names else call.subscription_id
    return page(
        call,
        (_served(each, with_points=False) for each in call.state.of_type(ids.COLLECTION, scope)),
    )


def get_collection(call: Call) -> Answer:
    _check_version(call)
    return Answer(200, _served(found(call, call.path), call.expands("restorePoints")))


def delete_collection(call: Call) -> Answer:
    _check_version(call)
    collection = call.state.get(call.path)
    if collection is None:
        return Answer(204)
    seconds = call.world.settings.lro_s["collection_delete"]
    finish = _removal_of_collection(call, collection)
    return compute.begin(
        call, "collection_delete", collection["id"], seconds, finish, collection.get("location", "")
    )


def get_point(call: Call) -> Answer:
    _check_version(call)
    point = _point(found(call, _collection_id(call)), call.names["point"])
    if point is None:
        raise errors.resource_not_found(call.path)
    return Answer(200, {**wire({"id": _point_id(call), **point})})


def delete_point(call: Call) -> Answer:
    _check_version(call)
    collection = call.state.get(_collection_id(call))
    point = _point(collection, call.names["point"]) if collection else None
    if collection is None or point is None:
        return Answer(204)
    seconds = call.world.settings.lro_s["restore_point_delete"]
    finish = _removal_of_point(call, collection["id"], point)
    return compute.begin(
        call,
        "restore_point_delete",
        _point_id(call),
        seconds,
        finish,
        collection.get("location", ""),
    )


def _check_version(call: Call) -> None:
    if call.api_version < OLDEST_API:
        raise errors.restore_points_too_old()


def _served(collection: Resource, with_points: bool) -> Resource:
    served = wire(collection)
    if not with_points:
        served["properties"].pop("restorePoints", None)
        return served
    points = served["properties"].setdefault("restorePoints", [])
    for point in points:
        point.setdefault("id", f"{collection['id']}/restorePoints/{point['name']}")
    return served


def _point(collection: Resource, name: str) -> Resource | None:
    for point in properties(collection).get("restorePoints") or []:
        if fold(str(point["name"])) == fold(name):
            found_point: Resource = point
            return found_point
    return None


def _collection_id(call: Call) -> str:
    return f"{call.group_id}/providers/{ids.COLLECTION}/{call.names['collection']}"


def _point_id(call: Call) -> str:
    return f"{_collection_id(call)}/restorePoints/{call.names['point']}"


def _removal_of_collection(call: Call, collection: Resource) -> Finish:
    world, collection_id = call.world, collection["id"]
    properties(collection)["provisioningState"] = compute.DELETING

    def finish(forced: Failure | None) -> Failure | None:
        left = world.state.get(collection_id)
        if forced and left is not None:
            properties(left)["provisioningState"] = "Failed"
        elif not forced:
            physics.remove_collection(world, collection_id)
        return forced

    return finish


def _removal_of_point(call: Call, collection_id: str, point: Resource) -> Finish:
    world, name = call.world, str(point["name"])
    point.setdefault("properties", {})["provisioningState"] = compute.DELETING

    def finish(forced: Failure | None) -> Failure | None:
        collection = world.state.get(collection_id)
        if collection is None:
            return forced
        if forced and (left := _point(collection, name)):
            left["properties"]["provisioningState"] = "Failed"
        elif not forced:
            held = properties(collection)
            held["restorePoints"] = [each for each in held["restorePoints"] if each["name"] != name]
        return forced

    return finish
