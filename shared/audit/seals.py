"""Copies each daily head to where the app itself cannot change it: a blob container
with an immutability policy.

A seal is written once and never overwritten. The installation has to make sure that the
container has such a policy.
https://learn.microsoft.com/azure/storage/blobs/immutable-policy-configure-version-scope
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

from azure.core.exceptions import AzureError, ResourceExistsError
from azure.storage.blob.aio import ContainerClient

from shared.audit.chain import Broken
from shared.audit.entry import Entry
from shared.audit.heads import HEADS, KIND
from shared.azure.identity import make_credential
from shared.clouds import PUBLIC, Cloud
from shared.errors import SettingsError, StoreUnavailable

FOLDER = "heads/"
OPTIONS: dict[str, Any] = {"retry_total": 2, "connection_timeout": 5, "read_timeout": 30}


class Seals:
    """Every method raises StoreUnavailable when the container does not answer."""

    def __init__(self, container: ContainerClient, credential: Any = None) -> None:
        self._container = container
        self._credential = credential

    async def put(self, head: Entry) -> bool:
        """Seal a head. False: that day has a seal already, which stays."""
        text = json.dumps(head.to_json(), ensure_ascii=False, sort_keys=True)
        try:
            await self._container.upload_blob(
                f"{FOLDER}{head.detail['day']}.json", text.encode(), overwrite=False
            )
        except ResourceExistsError:
            return False
        except AzureError as error:
            raise StoreUnavailable(
                f"the seal of {head.detail['day']} could not be written: {error}"
            ) from error
        return True

    async def all(self) -> AsyncIterator[Entry]:
        """Every sealed head, oldest day first."""
        try:
            async for name in self._container.list_blob_names(name_starts_with=FOLDER):
                blob = await self._container.download_blob(name)
                yield Entry.from_json(json.loads(await blob.readall()))
        except AzureError as error:
            raise StoreUnavailable(f"the seals could not be read: {error}") from error

    async def days(self) -> set[str]:
        try:
            names = [
                name async for name in self._container.list_blob_names(name_starts_with=FOLDER)
            ]
        except AzureError as error:
            raise StoreUnavailable(f"the seals could not be listed: {error}") from error
        return {name.removeprefix(FOLDER).removesuffix(".json") for name in names}

    async def close(self) -> None:
        await self._container.close()
        if self._credential is not None:
            await self._credential.close()


def open_seals(location: str, cloud: Cloud = PUBLIC) -> Seals:
    """Open the container at `location`:
    https://<account>.blob.core.windows.net/<container> (signs in with the app's
    identity), or <container>@<connection string>.

    Raises SettingsError for anything else.
    """
    if location.startswith("https://"):
        credential = make_credential(cloud)
        return Seals(
            ContainerClient.from_container_url(location, credential=credential, **OPTIONS),
            credential,
        )
    name, _, text = location.partition("@")
    try:
        return Seals(ContainerClient.from_connection_string(text, name, **OPTIONS))
    except ValueError as error:
        takes = (
            "https://<account>.blob.core.windows.net/<container>, or <container>@<connection"
            " string>"
        )
        raise SettingsError(
            f"the container of seals is none that is known ({error}); it takes {takes}"
        ) from error


def check_seals(seals: Iterable[Entry], entries: Iterable[Entry]) -> Broken | None:
    """The first sealed head that the log does not have unchanged; None when it has
    all."""
    kept = {entry.hash for entry in entries if entry.incident == HEADS and entry.kind == KIND}
    for seal in seals:
        if seal.hash not in kept:
            return Broken(
                HEADS,
                seal.seq,
                f"the head of {seal.detail.get('day')} is sealed with another hash than any in"
                " the log",
            )
    return None


async def seal_all(seals: Seals, heads: AsyncIterator[Entry]) -> int:
    """Seal the days that have no seal yet. Returns their number."""
    sealed = await seals.days()
    made = 0
    async for head in heads:
        if head.kind == KIND and head.detail["day"] not in sealed:
            made += await seals.put(head)
    return made
