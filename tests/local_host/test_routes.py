"""Route templates, as a table of what must match, and of what must not."""

import pytest

from local_host.errors import SettingError
from local_host.routes import RouteTable, compile_route

ROUTES = [
    # target, template, methods
    ("list", "incidents", ["GET"]),
    ("make", "incidents", ["POST"]),
    ("latest", "incidents/latest", ["GET"]),
    ("number", "incidents/{number:int}", ["GET"]),
    ("one", "incidents/{id}", ["GET", "DELETE"]),
    ("action", "incidents/{id}/{action?}", ["PUT"]),
    ("file", "files/{name}.json", ["GET"]),
    ("rest", "pages/{*path}", ["GET"]),
    ("default", "log/{level=info}", ["GET"]),
    ("any", "any", []),
]
TABLE = RouteTable(compile_route(target, template, methods, "api") for target, template, methods in ROUTES)

FOUND = [
    ("GET", "/api/incidents", "list", {}),
    ("GET", "/api/incidents/", "list", {}),
    ("POST", "/API/Incidents", "make", {}),
    ("GET", "/api/incidents/latest", "latest", {}),
    ("GET", "/api/incidents/LATEST", "latest", {}),
    ("GET", "/api/incidents/42", "number", {"number": "42"}),
    ("GET", "/api/incidents/a%20b%2Fc", "one", {"id": "a b/c"}),
    ("GET", "/api/incidents/Keep-Case", "one", {"id": "Keep-Case"}),
    ("DELETE", "/api/incidents/42", "one", {"id": "42"}),
    ("PUT", "/api/incidents/42", "action", {"id": "42"}),
    ("PUT", "/api/incidents/42/close", "action", {"id": "42", "action": "close"}),
    ("GET", "/api/files/report.JSON", "file", {"name": "report"}),
    ("GET", "/api/files/a.b.json", "file", {"name": "a.b"}),
    ("GET", "/api/pages/a/b/c", "rest", {"path": "a/b/c"}),
    ("GET", "/api/pages", "rest", {}),
    ("GET", "/api/log", "default", {"level": "info"}),
    ("GET", "/api/log/debug", "default", {"level": "debug"}),
    ("PATCH", "/api/any", "any", {}),
]
NOT_FOUND = [
    "/",
    "/api",
    "/incidents",
    "/api/incidents/1/2/3/4",
    "/api/files/report.xml",
    "/api/any/more",
    "/apiincidents",
    "/api/log/a/b",
]
NOT_ALLOWED = [
    ("DELETE", "/api/incidents", {"GET", "POST"}),
    ("POST", "/api/incidents/latest", {"GET", "DELETE", "PUT"}),
    ("POST", "/api/pages/a", {"GET"}),
]


@pytest.mark.parametrize(("method", "path", "target", "params"), FOUND)
def test_found(method, path, target, params):
    match = TABLE.find(method, path)
    assert match is not None
    assert (match.target, match.params) == (target, params)


@pytest.mark.parametrize("path", NOT_FOUND)
def test_not_found(path):
    assert TABLE.find("GET", path) is None


@pytest.mark.parametrize(("method", "path", "allowed"), NOT_ALLOWED)
def test_another_method_is_refused_with_those_that_are_taken(method, path, allowed):
    match = TABLE.find(method, path)
    assert match is not None
    assert (match.target, match.allowed) == (None, allowed)


def test_another_prefix_and_none():
    for prefix, path in (("v1/api", "/v1/api/x"), ("", "/x")):
        match = RouteTable([compile_route("x", "/x/", ["GET"], prefix)]).find("GET", path)
        assert match is not None and match.target == "x"


@pytest.mark.parametrize(
    "kind, good, bad", [("guid", "0" * 32, "0" * 31), ("alpha", "abc", "ab1"), ("bool", "TRUE", "yes"), ("long", "-7", "x")]
)
def test_constraints(kind, good, bad):
    table = RouteTable([compile_route("x", f"x/{{v:{kind}}}", [], "api")])
    match = table.find("GET", f"/api/x/{good}")
    assert match is not None and match.params == {"v": good}
    assert table.find("GET", f"/api/x/{bad}") is None


@pytest.mark.parametrize("template", ["a/{", "a/{b", "a/b}", "{a:colour}", "{}", "{1a}"])
def test_templates_that_cannot_be_read(template):
    with pytest.raises(SettingError, match="route"):
        compile_route("x", template, [], "api")
