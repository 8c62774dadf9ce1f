"""One setting turns every address, token scope and portal link to another of Azure's
clouds: seen where requests leave the SDK."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.core import AzureClouds
from azure.core.credentials import AccessToken
from azure.core.exceptions import ServiceRequestError
from azure.core.pipeline.policies import AsyncRetryPolicy
from azure.core.pipeline.transport import AioHttpTransport
from azure.identity import AzureAuthorityHosts
from azure.mgmt.core.tools import get_arm_endpoints

from functions.pages import render as pages
from shared import clouds, errors
from shared.audit.seals import open_seals
from shared.azure.clients import AzureClients
from shared.azure.logs import FailedBackupLog
from shared.azure.reader import ArmReader
from shared.clouds import Cloud
from shared.errors import SettingsError
from shared.facts import Unreadable
from shared.settings import Settings
from shared.store.open import open_store

SUB = "11111111-1111-1111-1111-111111111111"
EDGES = [
    # cloud, ARM, its scope, authority, log, portal, storage
    (
        "public",
        "management.azure.com",
        "https://management.azure.com/.default",
        "login.microsoftonline.com",
        "api.loganalytics.io",
        "portal.azure.com",
        "core.windows.net",
    ),
    (
        "china",
        "management.chinacloudapi.cn",
        "https://management.chinacloudapi.cn/.default",
        "login.chinacloudapi.cn",
        "api.loganalytics.azure.cn",
        "portal.azure.cn",
        "core.chinacloudapi.cn",
    ),
    (
        "usgov",
        "management.usgovcloudapi.net",
        "https://management.core.usgovcloudapi.net/.default",
        "login.microsoftonline.us",
        "api.loganalytics.us",
        "portal.azure.us",
        "core.usgovcloudapi.net",
    ),
]
named = pytest.mark.parametrize(
    ("name", "arm", "scope", "authority", "log", "portal", "storage"),
    EDGES,
    ids=[e[0] for e in EDGES],
)


class Credential:
    """Notes the scopes that tokens are asked for."""

    def __init__(self) -> None:
        self.scopes: list[str] = []

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.scopes += scopes
        return AccessToken("x", int(time.time()) + 3600)

    async def close(self) -> None: ...


def signed_in(monkeypatch: pytest.MonkeyPatch, credential: Callable[[Cloud], Credential]) -> None:
    for module in ("azure.clients", "store.tables", "audit.seals"):
        monkeypatch.setattr(f"shared.{module}.make_credential", credential)


def test_the_sdk_has_the_same_addresses() -> None:
    ours = {
        AzureClouds.AZURE_PUBLIC_CLOUD: clouds.PUBLIC,
        AzureClouds.AZURE_CHINA_CLOUD: clouds.CHINA,
    }
    for sdk, cloud in (ours | {AzureClouds.AZURE_US_GOVERNMENT: clouds.US_GOVERNMENT}).items():
        told = get_arm_endpoints(sdk)
        assert (told["resource_manager"].rstrip("/"), told["credential_scopes"]) == (
            cloud.arm,
            [cloud.arm_scope],
        )
    hosts = [
        AzureAuthorityHosts.AZURE_PUBLIC_CLOUD,
        AzureAuthorityHosts.AZURE_CHINA,
        AzureAuthorityHosts.AZURE_GOVERNMENT,
    ]
    assert [cloud.authority for cloud in clouds.CLOUDS] == hosts


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Requests as they would leave; none does."""
    found: list[Any] = []

    async def stopped(_: Any, request: Any, **__: Any) -> None:
        found.append(request)
        raise ServiceRequestError("nothing leaves this test")

    monkeypatch.setattr(AioHttpTransport, "send", stopped)
    yield found


@asynccontextmanager
async def clients(name: str, **more: str) -> AsyncIterator[AzureClients]:
    settings = Settings.from_environment(
        {
            "REMEDIATOR_CLOUD": name,
            "REMEDIATOR_RETRY_SECONDS": "0",
            "REMEDIATOR_WORKSPACE_ID": SUB,
            **more,
        }
    )
    made = AzureClients(settings, SUB)
    yield made
    await made.close()


@named
async def test_requests_and_tokens(
    sent: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    arm: str,
    scope: str,
    authority: str,
    log: str,
    portal: str,
    storage: str,
) -> None:
    credential = Credential()
    signed_in(monkeypatch, lambda _: credential)
    async with clients(name) as made:
        assert isinstance(await ArmReader(made).resource_group_tags("rg"), Unreadable)
        assert isinstance(await ArmReader(made).vaults(), Unreadable)
        assert isinstance(
            await ArmReader(made).running_jobs(
                f"/subscriptions/{SUB}/resourceGroups/rg/providers/Microsoft.RecoveryServices/vaults/v"
            ),
            Unreadable,
        )
        assert [urlsplit(each.url).hostname for each in sent] == [arm] * 3
        assert set(credential.scopes) == {scope}
        credential.scopes.clear()
        now = datetime.now(UTC)
        await FailedBackupLog(made).failures(now, now)
        assert {urlsplit(each.url).hostname for each in sent[3:]} == {log}
        assert set(credential.scopes) == {f"https://{log}/.default"}
    assert clouds.find_cloud(name).portal == f"https://{portal}"
    assert authority and storage


@named
async def test_sign_in(
    sent: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    arm: str,
    scope: str,
    authority: str,
    log: str,
    portal: str,
    storage: str,
) -> None:
    """The real credential, as a developer has it: the token request goes to the cloud's
    authority, for its scope."""
    for variable, value in (("TENANT_ID", SUB), ("CLIENT_ID", SUB), ("CLIENT_SECRET", "x")):
        monkeypatch.setenv(f"AZURE_{variable}", value)
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    monkeypatch.setattr(AsyncRetryPolicy, "get_backoff_time", lambda *_: 0)
    async with clients(name) as made:
        assert isinstance(await ArmReader(made).resource_group_tags("rg"), Unreadable)
    to_authority = [each for each in sent if urlsplit(each.url).hostname == authority]
    assert to_authority, [each.url for each in sent]
    assert {urlsplit(each.url).hostname for each in sent} <= {authority, arm}
    bodies = [
        parse_qs(each.data) if isinstance(each.data, str) else each.data
        for each in to_authority
        if each.data
    ]
    asked = {
        value if isinstance(value, str) else value[0]
        for body in bodies
        for key, value in body.items()
        if key == "scope"
    }
    assert asked <= {scope} and (asked or not bodies)
    assert log and portal and storage


@named
async def test_storage(
    sent: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    arm: str,
    scope: str,
    authority: str,
    log: str,
    portal: str,
    storage: str,
) -> None:
    chosen: list[str] = []
    credential = Credential()

    def signing_in(cloud: Cloud) -> Credential:
        chosen.append(cloud.name)
        return credential

    signed_in(monkeypatch, signing_in)
    settings = Settings.from_environment(
        {"REMEDIATOR_CLOUD": name, "AzureWebJobsStorage__accountName": "acc"}
    )
    assert settings.store == f"https://acc.table.{storage}"
    store = open_store(settings.store, cloud=settings.cloud)
    with pytest.raises(errors.StoreUnavailable):
        await store.ping()
    await store.close()
    seals = open_seals(f"https://acc.blob.{storage}/seals", settings.cloud)
    await seals.close()
    assert chosen == [name, name]
    assert {urlsplit(each.url).hostname for each in sent} == {f"acc.table.{storage}"}
    assert arm and scope and authority and log and portal


async def test_an_address_of_one_s_own_keeps_the_cloud_s_scope(
    sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    credential = Credential()
    signed_in(monkeypatch, lambda _: credential)
    async with clients("china", REMEDIATOR_ARM_ENDPOINT="https://arm.example.com") as made:
        await ArmReader(made).resource_group_tags("rg")
    assert urlsplit(sent[0].url).hostname == "arm.example.com"
    assert credential.scopes == ["https://management.chinacloudapi.cn/.default"]


@pytest.mark.parametrize("cloud", clouds.CLOUDS, ids=lambda cloud: cloud.name)
def test_portal_links(cloud: Cloud) -> None:
    link = pages._templates().filters["in_portal"]("a b", cloud.portal)
    assert (
        link
        == f"{cloud.portal}/#blade/Microsoft_Azure_ActivityLog/ActivityLogBlade/correlationId/a%20b"
    )


def test_another_cloud_is_an_error_that_says_which_there_are() -> None:
    with pytest.raises(
        SettingsError, match="REMEDIATOR_CLOUD is 'mars'; it takes one of public, china, usgov"
    ):
        Settings.from_environment({"REMEDIATOR_CLOUD": "mars"})
