"""One question to Azure Resource Graph: where are the restore point collections of a
VM? The list of a whole subscription costs a page for each hundred VMs, the question one
request.

Resource Graph follows Azure Resource Manager with a delay that nobody promises, and
leaves out what the caller may not read. So a row is only an id: who asks reads the
collection again, and reads the list of the VM's own group as well.

https://learn.microsoft.com/rest/api/azureresourcegraph/resourcegraph/resources/resources
"""

from __future__ import annotations

from shared.arm_ids import ArmId, fold, parse
from shared.azure.wire import Wire
from shared.errors import NotUnderstood, NotUsable

ADDRESS = "/providers/Microsoft.ResourceGraph/resources"
API_VERSION = "2022-10-01"
COLLECTION = "Microsoft.Compute/restorePointCollections"


def build_question(vm: ArmId) -> dict[str, object]:
    """The request's body."""
    return {
        "subscriptions": [vm.subscription],
        "query": build_query(vm),
        "options": {"resultFormat": "objectArray"},
    }


def build_query(vm: ArmId) -> str:
    """An id that `parse` has read can stand in a string of a query: it has no quote and
    no backslash."""
    return (
        "resources\n"
        f'| where type =~ "{fold(COLLECTION)}"\n'
        f'| where tostring(properties.source.id) =~ "{vm.text}"\n'
        "| project id"
    )


def read_ids(wire: Wire) -> tuple[ArmId, ...]:
    """The collections' ids. Raises NotUnderstood for an answer that does not show all
    rows; a VM with more than a page of collections does not exist."""
    rows = wire.get("data")
    if wire.get("resultTruncated") != "false" or wire.get("$skipToken"):
        raise NotUnderstood("Resource Graph does not show all rows")
    if not isinstance(rows, list):
        raise NotUnderstood("the answer of Resource Graph has no rows")
    return tuple(_read_id(row) for row in rows)


def _read_id(row: object) -> ArmId:
    text = row.get("id") if isinstance(row, dict) else None
    try:
        found = parse(text if isinstance(text, str) else "")
    except NotUsable as error:
        raise NotUnderstood(f"a row of Resource Graph has the id {text!r:.200}") from error
    if found.type != fold(COLLECTION):
        raise NotUnderstood(f"a row of Resource Graph is no collection: {text:.200}")
    return found
