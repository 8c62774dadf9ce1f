"""The parts of one installation that several checks need, and the result of a check."""

from __future__ import annotations

from dataclasses import dataclass, field

from command_line.doctor.view import Json, View
from shared.arm_ids import fold
from shared.errors import AzureCallFailed, RemediatorError
from shared.settings import DEFAULT_MODE

CHANGING_MODES = ("approve", "auto")
READER_NEEDED = "sign in (`az login`) as somebody with Reader on the subscription"


@dataclass(frozen=True, slots=True)
class Result:
    """`ok`: None where Azure did not let us see it, which is not fine either. `mend`: a
    command, or what to do."""

    name: str
    ok: bool | None
    found: str
    mend: str = ""


@dataclass(slots=True)
class Installation:
    view: View
    name: str
    """As in main.bicep: the parameter `name`."""
    site: Json | None = None
    identity: Json | None = None
    storage: Json | None = None
    topic: Json | None = None
    settings: dict[str, str] = field(default_factory=dict)
    settings_problem: str = ""
    region: str = ""
    sign_in: Json = field(default_factory=dict)
    """The settings of App Service authentication."""
    role_assignments: dict[str, list[Json]] = field(default_factory=dict)
    """By principal, once read."""

    @property
    def principal(self) -> str:
        return str(properties(self.identity).get("principalId", ""))

    @property
    def entra(self) -> Json:
        return (self.sign_in.get("identityProviders") or {}).get("azureActiveDirectory") or {}

    @property
    def sign_in_client(self) -> str:
        return str((self.entra.get("registration") or {}).get("clientId") or "")

    @property
    def tenant(self) -> str:
        issuer = str((self.entra.get("registration") or {}).get("openIdIssuer") or "")
        return issuer.rstrip("/").removesuffix("/v2.0").rpartition("/")[2]

    @property
    def mode(self) -> str:
        return fold(self.settings.get("REMEDIATOR_MODE", "").strip()) or DEFAULT_MODE

    @property
    def delivery(self) -> str:
        return fold(self.settings.get("REMEDIATOR_DELIVERY", "").strip()) or "function"

    @property
    def deploy(self) -> str:
        return self.deploy_with()

    def deploy_with(self, **parameters: str) -> str:
        """The deployment again, with the parameters that we know: a deployment without
        them would change them."""
        known = {"signInClientId": self.sign_in_client or "CLIENT_ID"}
        if self.settings:
            known |= {"mode": self.mode, "delivery": self.delivery}
            known |= {"logQuery": "true"} if self.settings.get("REMEDIATOR_WORKSPACE_ID") else {}
        values = " ".join(f"{name}={value}" for name, value in (known | parameters).items())
        where = f"--location {self.region or 'REGION'} --template-file infra/main.bicep"
        return (
            f"with the other parameters that you gave it: az deployment sub create {where}"
            f" --parameters {values}"
        )

    @property
    def connect(self) -> str:
        return "./infra/connect.sh"


def properties(resource: Json | None) -> Json:
    return dict((resource or {}).get("properties") or {})


def result(name: str, fine: bool, found: str, mend: str) -> Result:
    return Result(name, fine, found, "" if fine else mend)


async def read_installation(view: View, name: str) -> Installation:
    """A part that does not exist stays None. Raises AzureCallFailed where Azure cannot
    be read, RemediatorError without the subscription or with several installations."""
    read = Installation(view, name)
    if await view.get(view.subscription) is None:
        raise RemediatorError(
            f"{view.subscription} does not exist, or you cannot see it: {READER_NEEDED}"
        )
    group = await view.get(view.group)
    if group is None:
        return read
    read.region = str(group.get("location", ""))
    read.site = await _only_one(view, "Microsoft.Web/sites")
    read.identity = await _only_one(view, "Microsoft.ManagedIdentity/userAssignedIdentities")
    read.storage = await _only_one(view, "Microsoft.Storage/storageAccounts")
    read.topic = await _only_one(view, "Microsoft.EventGrid/topics")
    if read.site is not None:
        await _read_settings(read, read.site["id"])
    return read


async def _read_settings(read: Installation, site_id: str) -> None:
    try:
        found = await read.view.post(f"{site_id}/config/appsettings/list")
        read.settings = {key: str(value) for key, value in properties(found).items()}
    except AzureCallFailed as error:
        read.settings_problem = f"cannot be read: {error}"
    read.sign_in = properties(await read.view.get(f"{site_id}/config/authsettingsV2"))


async def _only_one(view: View, kind: str) -> Json | None:
    """The one of that type in the group, None where there is none. Raises
    RemediatorError for several: the doctor cannot know which one is meant."""
    found = await view.list_in_group(kind)
    if len(found) > 1:
        raise RemediatorError(
            f"{view.group} holds {len(found)} of {kind}; it is meant for one installation alone"
        )
    return found[0] if found else None
