"""HTTP triggers: what the function sees, and what the caller gets."""

import asyncio
import json

import aiohttp
import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_function_sees_the_whole_request(shared):
    url = f"{shared.url}/api/Echo/a%20b%2Fc?x=1&y=%C3%A4&x=2&empty=&none"
    async with shared.http.post(
        url, data=b"\x00\xffbody", headers={"X-Given": "Value", "Cookie": "k=v"}
    ) as answer:
        seen = json.loads(await answer.text())
    assert seen["method"] == "POST"
    assert seen["params"] == {"word": "a b/c"}
    assert seen["query"] == {"x": "1,2", "y": "ä"}
    assert seen["headers"]["x-given"] == "Value" and seen["headers"]["cookie"] == "k=v"
    assert seen["body"] == "\x00\xffbody"
    assert seen["url"].startswith(f"{shared.url}/api/Echo/")


async def test_the_caller_gets_status_headers_and_cookies(shared):
    async with shared.http.get(f"{shared.url}/api/echo/word") as answer:
        assert answer.status == 203
        assert answer.content_type == "application/json"
        assert answer.headers["X-Sample"] == "yes"
        cookies = answer.headers.getall("Set-Cookie")
        assert json.loads(await answer.text())["params"] == {"word": "word"}
    assert [cookie.split(";")[0] for cookie in cookies] == ["one=1", "two=2"]
    assert "HttpOnly" in cookies[0] and "SameSite=Lax" in cookies[1]


async def test_a_large_body_comes_back_byte_for_byte(shared):
    body = bytes(range(256)) * 20_000
    async with shared.http.post(f"{shared.url}/api/bytes", data=body) as answer:
        assert (answer.status, answer.content_type) == (200, "application/octet-stream")
        assert await answer.read() == body


@pytest.mark.parametrize(
    "path",
    ["/api/nothing", "/", "/api", "/api/echo", "/api/echo/a/b/c", "/echo/a", "/admin/nothing"],
)
async def test_unknown_paths_are_404(shared, path):
    async with shared.http.get(shared.url + path) as answer:
        assert answer.status == 404


async def test_another_method_is_404(shared):
    async with shared.http.delete(f"{shared.url}/api/echo/word") as answer:
        assert answer.status == 404
    async with shared.http.get(f"{shared.url}/api/bytes") as answer:
        assert answer.status == 404


async def test_a_body_without_its_length_is_not_read(shared):
    async def chunks():
        yield b"in "
        yield b"pieces"

    async with shared.http.post(f"{shared.url}/api/bytes", data=chunks()) as answer:
        assert (answer.status, await answer.read()) == (200, b"")


async def test_a_function_that_raises_is_500_without_the_reason(shared):
    async with shared.http.get(f"{shared.url}/api/boom") as answer:
        body = await answer.text()
        assert answer.status == 500
    assert "boom" not in body and "Traceback" not in body and "RuntimeError" not in body
    async with shared.http.get(f"{shared.url}/api/echo/still") as answer:
        assert answer.status == 203


async def test_the_app_sees_the_settings_of_the_platform_and_not_the_channel(shared):
    async def read(name: str) -> str:
        async with shared.http.get(f"{shared.url}/api/env/{name}") as answer:
            return await answer.text()

    assert await read("FUNCTIONS_WORKER_RUNTIME") == "python"
    assert await read("WEBSITE_HOSTNAME") == shared.url.removeprefix("http://")
    assert (await read("REMEDIATOR_TOPIC_ENDPOINT")).startswith(shared.url)
    assert await read("REMEDIATOR_TOPIC_KEY") == shared.host.topic_key
    assert await read("LOCAL_HOST_CHANNEL_FD") == ""


async def test_many_requests_at_once(shared):
    async def one(number: int) -> dict:
        async with shared.http.get(f"{shared.url}/api/echo/{number}") as answer:
            return json.loads(await answer.text())["params"]

    assert await asyncio.gather(*(one(n) for n in range(60))) == [
        {"word": str(n)} for n in range(60)
    ]


async def test_it_listens_on_loopback_only(shared):
    assert shared.url.startswith("http://127.0.0.1:")
    with pytest.raises(aiohttp.ClientConnectorError):
        async with shared.http.get(shared.url.replace("127.0.0.1", "127.0.0.2")):
            pass
