"""The compare-and-swap: nothing that somebody wrote in between is lost, and nothing is
written where nothing changes. And how a text becomes a key."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from shared.errors import NotUsable, StoreUnavailable
from shared.store import update as module
from shared.store.contract import Body, Row, Store
from shared.store.keys import key_of_bytes, key_of_text
from shared.store.update import Change, remove, update

pytestmark = pytest.mark.asyncio(loop_scope="session")
AT_ONCE = 20


async def increase(body: Body | None) -> Body:
    return {"n": int(body["n"]) + 1 if body else 1}


async def current(store: Store) -> Row | None:
    return await store.get("rows", "p", "k")


async def change(store: Store, with_: Change) -> Body:
    return await update(store, "rows", "p", "k", with_)


async def test_every_one_of_many_changes_at_once_counts(store: Store) -> None:
    bodies = await asyncio.gather(*(change(store, increase) for _ in range(AT_ONCE)))
    assert sorted(body["n"] for body in bodies) == list(range(1, AT_ONCE + 1))
    row = await current(store)
    assert row is not None and row.body == {"n": AT_ONCE}


async def test_nothing_is_written_where_nothing_changes(store: Store) -> None:
    async def leave(body: Body | None) -> Body:
        return dict(body or {})

    assert await change(store, leave) == {}, "a row that is missing is written all the same"
    before = await store.insert("rows", "p2", "k", {"n": [1, {"x": None}]})
    assert await update(store, "rows", "p2", "k", leave) == before.body
    assert await store.get("rows", "p2", "k") == before


async def test_what_the_change_raises_ends_it_and_nothing_is_written(store: Store) -> None:
    calls = 0

    async def refuse(_: Body | None) -> Body:
        nonlocal calls
        calls += 1
        raise NotUsable("no")

    with pytest.raises(NotUsable):
        await change(store, refuse)
    assert (await current(store), calls) == (None, 1)


@pytest.mark.parametrize("there", [False, True])
async def test_a_row_that_others_keep_writing_is_given_up_by_name(
    store: Store, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE_SECONDS", 0)
    monkeypatch.setattr(module, "ATTEMPTS", 3)
    if there:
        await store.insert("rows", "p", "k", {"n": 0})
    attempts = 0

    async def lose(_: Body | None) -> Body:
        """Somebody writes, or deletes, between our read and our write."""
        nonlocal attempts
        attempts += 1
        row = await current(store)
        if row is None:
            await store.insert("rows", "p", "k", {"n": attempts})
        else:
            await store.delete(row)
        return {"n": "ours"}

    with pytest.raises(StoreUnavailable, match="rows/p/k was written by too many at once"):
        await change(store, lose)
    assert attempts == 3


async def test_a_loser_reads_again_and_changes_what_the_winner_wrote(store: Store) -> None:
    seen: list[Body | None] = []

    async def lose_once(body: Body | None) -> Body:
        seen.append(body)
        if len(seen) == 1:
            await store.insert("rows", "p", "k", {"n": 7})
        return await increase(body)

    assert await change(store, lose_once) == {"n": 8}
    assert seen == [None, {"n": 7}]


async def test_a_removed_row_is_gone_and_one_that_is_missing_is_no_error(store: Store) -> None:
    await store.insert("rows", "p", "k", {})
    await store.insert("rows", "p", "other", {})
    for _ in range(2):
        await remove(store, "rows", "p", "k")
    assert [row.key async for row in store.query("rows")] == ["other"]


async def test_a_row_that_somebody_writes_while_it_is_removed_stays(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = await store.insert("rows", "p", "k", {"n": 1})
    real = store.delete

    async def late(stale: Row) -> None:
        await store.replace(row, {"n": 2})
        await real(stale)

    monkeypatch.setattr(store, "delete", late)
    await remove(store, "rows", "p", "k")
    left = await current(store)
    assert left is not None and left.body == {"n": 2}


async def test_a_text_has_one_key_whatever_its_casing() -> None:
    folded = hashlib.sha256(b"/subscriptions/a/vm1").hexdigest()[:32]
    assert key_of_text("/subscriptions/A/VM1") == key_of_text("/subscriptions/a/vm1") == folded
    assert key_of_bytes(b"A") == hashlib.sha256(b"A").hexdigest()[:32] != key_of_bytes(b"a")
