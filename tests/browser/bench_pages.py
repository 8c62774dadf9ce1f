"""How long the review pages take over 100,000 incidents, on both stores. `make bench`
writes docs/benchmarks/pages.{json,md}."""

from __future__ import annotations

import asyncio
import json
import logging
import statistics
import tempfile
import time
from itertools import batched, groupby
from pathlib import Path
from typing import Any

from shared.codec import to_json
from shared.incident.book import INCIDENTS
from shared.incident.listing import MONTHS, SUMMARIES, key_of, month_of, summary_of
from shared.incident.model import Incident
from shared.store.contract import Body
from shared.store.open import PREFIX
from shared.store.tables import TablesStore, _build_entity
from tests.azurite import azurite
from tests.browser import seed
from tests.browser.test_pages import fill
from tests.e2e.conftest import Product, running

NEWEST = 2_000
"""So many have more than their row in the list: what the measured pages read beside it.
Azurite takes each insert more slowly the more there are."""
COUNT, ROUNDS, TRANSACTION_ROWS, AT_ONCE = 100_000, 30, 100, 4
FOLDER = Path(__file__).parents[2] / "docs" / "benchmarks"
PAGES = {
    "first page": "",
    "page 1,001": "?after={middle}",
    "narrowed, found at once": "?status=needs_person",
    "narrowed, 5,000 passed over": "?vm=none-is-called-so",
    "as JSON, 50 incidents": "incidents",
    "overview": "/overview",
}


def rows(incidents: list[Incident]) -> list[tuple[str, str, str, Body]]:
    found: list[tuple[str, str, str, Body]] = [
        (SUMMARIES, month_of(key), key, to_json(summary_of(each)))
        for each in incidents
        if (key := key_of(each.id))
    ]
    found += [(SUMMARIES, MONTHS, month, {}) for month in dict.fromkeys(row[1] for row in found)]
    return found + [(INCIDENTS, "incident", each.id, to_json(each)) for each in incidents[-NEWEST:]]


async def fill_tables(storage: str, found: list[tuple[str, str, str, Body]]) -> None:
    """In transactions: one by one it would take five minutes. A row of a transaction is
    the same row."""
    store = TablesStore.from_connection_string(storage, PREFIX)
    gate = asyncio.Semaphore(AT_ONCE)

    async def send(table: str, some: tuple[tuple[str, str, str, Body], ...]) -> None:
        async with gate:
            client = await store._open_table(table)
            await client.submit_transaction(
                [
                    ("create", _build_entity(partition, key, body))
                    for _, partition, key, body in some
                ]
            )

    for (table, _), ours in groupby(found, key=lambda row: row[:2]):
        await store._open_table(table)
        await asyncio.gather(
            *(send(table, some) for some in batched(ours, TRANSACTION_ROWS, strict=False))
        )
    await store.close()


async def milliseconds(product: Product, path: str) -> list[float]:
    url = (
        f"{product.app}/api/incidents?limit=50"
        if path == "incidents"
        else f"{product.app}/api/audit/page{path}"
    )
    taken: list[float] = []
    for _ in range(ROUNDS + 1):
        begun = time.perf_counter()
        answer = await product.http.get(url)
        body = await answer.read()
        taken.append((time.perf_counter() - begun) * 1000)
        if answer.status != 200 or not body:
            raise RuntimeError(f"{url} answered {answer.status}: {body[:300]!r}")
    return taken[1:]  # the first one opens the store


async def measured(name: str, product: Product, middle: str) -> list[dict[str, Any]]:
    found = []
    for page, path in PAGES.items():
        taken = sorted(await milliseconds(product, path.format(middle=middle)))
        median, worst = statistics.median(taken), taken[int(len(taken) * 0.95)]
        found.append(
            {"store": name, "page": page, "median_ms": round(median), "p95_ms": round(worst)}
        )
    return found


async def main() -> None:
    logging.disable(logging.CRITICAL)
    incidents = list(seed.incidents(COUNT))
    seeded = rows(incidents)
    middle = key_of(incidents[-50_001].id)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        await fill(Path(one), seeded)
        async with running(
            Path(one), REMEDIATOR_DEVELOPMENT_IDENTITY="developer@localhost"
        ) as product:
            found = await measured("SQLite", product, middle)
        async with azurite() as storage:
            text = storage.connection_string()
            await fill_tables(text, seeded)
            async with running(
                Path(other), storage=text, REMEDIATOR_DEVELOPMENT_IDENTITY="developer@localhost"
            ) as product:
                found += await measured("Azure Tables (Azurite 3.35.0)", product, middle)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "pages.json").write_text(
        json.dumps({"incidents": COUNT, "requests": ROUNDS, "runs": found}, indent=1) + "\n"
    )
    lines = [
        "# How long the review pages take",
        "",
        (
            f"{COUNT:,} incidents in the store, {ROUNDS} requests one after the other, through the"
            " local host and its worker process, on 2 cores;"
        ),
        (
            "from the request to the last byte. Aim for the first page: under 300 ms. The host of"
            " Azure and its storage were not measured."
        ),
        "",
        "| store | page | median, ms | 95 of 100, ms |",
        "|---|---|---:|---:|",
        *(
            f"| {each['store']} | {each['page']} | {each['median_ms']} | {each['p95_ms']} |"
            for each in found
        ),
    ]
    (FOLDER / "pages.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines[5:]))


if __name__ == "__main__":
    asyncio.run(main())
