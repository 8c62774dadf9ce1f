"""Microsoft.Compute: restore point collections and their points.

Only GET of one collection with $expand=restorePoints shows its points, or GET of one
point.
https://learn.microsoft.com/rest/api/compute/restore-point-collections
"""

from __future__ import annotations

from local.simulator import errors, ids, physics
from local.simulator.handlers import compute
from local.simulator.handlers.resources import get_existing, page
from local.simulator.ids import fold
from local.simulator.operations import Failure, Finish
from local.simulator.state import Resource, properties, wire
from local.simulator.world import Answer, Call

OLDEST_API = "2021-03-01"


def list_collections(call: Call) -> Answer:
    _check_version(call)
    collections = call.state.of_type(ids.COLLECTION, call.list_scope)
    return page(call, (_render(each, with_points=False) for each in collections))


def get_collection(call: Call) -> Answer:
    _check_version(call)
    collection = get_existing(call, call.path)
    return Answer(200, _render(collection, with_points=call.expands("restorePoints")))


def delete_collection(call: Call) -> Answer:
    _check_version(call)
    collection = call.state.get(call.path)
    if collection is None:
        return Answer(204)
    return compute.start_removal(
        call,
        "collection_delete",
        collection["id"],
        call.world.settings.lro_s["collection_delete"],
        _remove_collection(call, collection),
        collection.get("location", ""),
    )


def get_point(call: Call) -> Answer:
    _check_version(call)
    point = _find_point(get_existing(call, _collection_id(call)), call.names["point"])
    if point is None:
        raise errors.resource_not_found(call.path)
    return Answer(200, wire({"id": _point_id(call), **point}))


def delete_point(call: Call) -> Answer:
    _check_version(call)
    collection = call.state.get(_collection_id(call))
    point = _find_point(collection, call.names["point"]) if collection else None
    if collection is None or point is None:
        return Answer(204)
    return compute.start_removal(
        call,
        "restore_point_delete",
        _point_id(call),
        call.world.settings.lro_s["restore_point_delete"],
        _remove_point(call, collection["id"], point),
        collection.get("location", ""),
    )


def _check_version(call: Call) -> None:
    if call.api_version < OLDEST_API:
        raise errors.restore_points_too_old()


def _render(collection: Resource, *, with_points: bool) -> Resource:
    rendered = wire(collection)
    if not with_points:
        rendered["properties"].pop("restorePoints", None)
        return rendered
    for point in rendered["properties"].setdefault("restorePoints", []):
        point.setdefault("id", f"{collection['id']}/restorePoints/{point['name']}")
    return rendered


def _find_point(collection: Resource, name: str) -> Resource | None:
    points: list[Resource] = properties(collection).get("restorePoints") or []
    return next((point for point in points if fold(str(point["name"])) == fold(name)), None)


def _collection_id(call: Call) -> str:
    return f"{call.group_id}/providers/{ids.COLLECTION}/{call.names['collection']}"


def _point_id(call: Call) -> str:
    return f"{_collection_id(call)}/restorePoints/{call.names['point']}"


def _remove_collection(call: Call, collection: Resource) -> Finish:
    world, collection_id = call.world, collection["id"]
    properties(collection)["provisioningState"] = compute.DELETING

    def finish(injected: Failure | None) -> Failure | None:
        remaining = world.state.get(collection_id)
        if injected and remaining is not None:
            properties(remaining)["provisioningState"] = "Failed"
        elif not injected:
            physics.remove_collection(world, collection_id)
        return injected

    return finish


def _remove_point(call: Call, collection_id: str, point: Resource) -> Finish:
    world, name = call.world, str(point["name"])
    point.setdefault("properties", {})["provisioningState"] = compute.DELETING

    def finish(injected: Failure | None) -> Failure | None:
        collection = world.state.get(collection_id)
        if collection is None:
            return injected
        if injected and (remaining := _find_point(collection, name)):
            remaining["properties"]["provisioningState"] = "Failed"
        elif not injected:
            points = properties(collection)["restorePoints"]
            points[:] = [other for other in points if other["name"] != name]
        return injected

    return finish
