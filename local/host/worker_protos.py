"""Stand-ins for the protobuf classes that azure-functions-runtime 1.3.0 expects from
its host.

The runtime only builds these records and reads their fields, so plain namespaces are
enough.
"""

from types import SimpleNamespace
from typing import Any


class _BindingInfo(SimpleNamespace):
    undefined = 0
    inout = 2


# The numbers of the FunctionRpc protocol; `in` is a keyword, so it is set by name.
setattr(_BindingInfo, "in", 0)
_BindingInfo.out = 1  # type: ignore[attr-defined]


class _StatusResult(SimpleNamespace):
    Failure = 0
    Success = 1


def _record(**fields: Any) -> SimpleNamespace:
    return SimpleNamespace(**fields)


PROTOS = SimpleNamespace(
    BindingInfo=_BindingInfo,
    StatusResult=_StatusResult,
    RpcException=_record,
    RpcFunctionMetadata=_record,
    RpcRetryOptions=_record,
    WorkerMetadata=_record,
    WorkerInitResponse=_record,
    FunctionMetadataResponse=_record,
    FunctionLoadResponse=_record,
)


def request(name: str, **fields: Any) -> SimpleNamespace:
    """A request object as the runtime's entry points read it: `.request.<name>` and
    `.properties`."""
    return SimpleNamespace(
        request=SimpleNamespace(**{name: SimpleNamespace(**fields)}),
        properties={"host": "127.0.0.1", "protos": PROTOS},
    )
