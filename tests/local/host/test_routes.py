"""Route templates, as tables of what must match and what must not."""

import pytest

from local.host.errors import SettingError
from local.host.routes import RouteTable, compile_route

ROUTES = [
    # target, template, methods
    ("list", "incidents", ["GET"]),
    ("make", "incidents", ["POST"]),
    ("one", "incidents/{id}", ["GET", "DELETE"]),
    ("latest", "incidents/latest", ["GET"]),
    ("action", "incidents/{id}/{action}", ["PUT"]),
    ("any", "any", []),
]
TABLE = RouteTable(
    compile_route(target, template, methods, "api") for target, template, methods in ROUTES
)

FOUND = [
    ("GET", "/api/incidents", "list", {}),
    ("GET", "/api/incidents/", "list", {}),
    ("POST", "/API/Incidents", "make", {}),
    ("GET", "/api/incidents/latest", "latest", {}),
    ("GET", "/api/incidents/LATEST", "latest", {}),
    ("GET", "/api/incidents/a%20b%2Fc", "one", {"id": "a b/c"}),
    ("GET", "/api/incidents/Keep-Case", "one", {"id": "Keep-Case"}),
    ("DELETE", "/api/incidents/latest", "one", {"id": "latest"}),
    ("PUT", "/api/incidents/42/close", "action", {"id": "42", "action": "close"}),
    ("PATCH", "/api/any", "any", {}),
]
NOT_FOUND = [
    ("GET", "/"),
    ("GET", "/api"),
    ("GET", "/incidents"),
    ("GET", "/api/incidents/1/2/3"),
    ("GET", "/api/any/more"),
    ("GET", "/apiincidents"),
    ("DELETE", "/api/incidents"),
    ("POST", "/api/incidents/latest"),
    ("GET", "/api/incidents/42/close"),
]


@pytest.mark.parametrize(("method", "path", "target", "params"), FOUND)
def test_found(method, path, target, params):
    match = TABLE.find(method, path)
    assert match is not None
    assert (match.target, match.params) == (target, params)


@pytest.mark.parametrize(("method", "path"), NOT_FOUND)
def test_not_found(method, path):
    assert TABLE.find(method, path) is None


def test_another_prefix_and_no_prefix():
    for prefix, path in (("v1/api", "/v1/api/x"), ("", "/x")):
        match = RouteTable([compile_route("x", "/x/", ["GET"], prefix)]).find("GET", path)
        assert match is not None and match.target == "x"


@pytest.mark.parametrize(
    "template",
    ["a/{", "a/{b", "a/b}", "{a:int}", "{}", "{1a}", "{a?}", "{*rest}", "{a=b}", "{a}.json"],
)
def test_templates_that_are_not_supported(template):
    with pytest.raises(SettingError, match="route"):
        compile_route("x", template, [], "api")
