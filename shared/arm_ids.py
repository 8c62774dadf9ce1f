"""Parses and compares ARM resource ids, and refuses those that could be made to name
another resource.

https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.errors import NotUsable

LONGEST = 2048
_REFUSED_CHARACTERS = frozenset('%?#\\<>"')
_TO_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def fold(text: str) -> str:
    """The text with its ASCII letters in lower case and all else unchanged: the only
    way to compare ids and names.

    Names of resource groups may contain any Unicode letter. `str.casefold` makes
    `rg-straße` and `rg-strasse` one group, and `str.lower` the Kelvin sign and k:
    either would name another resource.
    https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
    """
    return text.translate(_TO_LOWER)


@dataclass(frozen=True, slots=True)
class ArmId:
    """A parsed id. `names` are the resource names, the outermost first."""

    text: str
    subscription: str
    resource_group: str
    provider: str
    """Namespace of the innermost provider; "" for a group or a subscription."""
    types: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        """Of the resource, else of the resource group, else of the subscription."""
        return self.names[-1] if self.names else self.resource_group or self.subscription

    @property
    def type(self) -> str:
        """In lower case, such as microsoft.compute/virtualmachines; "" for a resource
        group or a subscription."""
        return fold("/".join((self.provider, *self.types))) if self.provider else ""

    @property
    def parent(self) -> str:
        """Id of the resource that this is a child of, else of its resource group or
        subscription."""
        if len(self.names) > 1:
            return self.text.rsplit("/", 2)[0]
        return (
            self.text[: fold(self.text).rindex("/providers/")]
            if self.provider
            else self.text.rsplit("/", 2)[0]
        )

    def __str__(self) -> str:
        return self.text


def parse(text: str, field: str = "the id") -> ArmId:
    """Parse
    /subscriptions/{id}[/resourceGroups/{name}][/providers/{namespace}/{type}/{name}...],
    in any case. Raises NotUsable for anything else; the reason begins with `field`, the
    source of the text."""
    try:
        return _parse(text)
    except NotUsable as error:
        raise NotUsable(f"{field}: {error.reason}") from None


def _parse(text: str) -> ArmId:
    segments = _split(text)
    if len(segments) < 2 or fold(segments[0]) != "subscriptions":
        raise NotUsable(f"not an ARM resource id: {_quote(text)}")
    rest, group = segments[2:], ""
    if rest and fold(rest[0]) == "resourcegroups":
        if len(rest) < 2:
            raise NotUsable(f"no resource group is named: {_quote(text)}")
        group, rest = rest[1], rest[2:]
    provider, pairs = _read_innermost(rest, text)
    return ArmId(
        "/" + "/".join(segments),
        segments[1],
        group,
        provider,
        tuple(pairs[::2]),
        tuple(pairs[1::2]),
    )


def same(one: str, other: str) -> bool:
    """Whether two ids name the same thing. ARM compares ids without regard to case."""
    return fold(one.strip("/")) == fold(other.strip("/"))


def is_at_or_above(scope: str, target: str) -> bool:
    """Whether `scope` is `target` or one of its parent scopes, so that `target`
    inherits its locks."""
    return same(scope, target) or fold(f"/{target.strip('/')}/").startswith(
        fold(f"/{scope.strip('/')}/")
    )


def group_of(resource_id: str) -> str:
    """Id of the resource's resource group. Raises NotUsable where it has none."""
    found = parse(resource_id)
    if not found.resource_group:
        raise NotUsable(f"the id is in no resource group: {_quote(resource_id)}")
    return "/" + "/".join(found.text.split("/")[1:5])


def protected_item_id(vault_id: str, container: str, item: str) -> str:
    """Id of a protected item of a vault.
    https://learn.microsoft.com/rest/api/backup/protected-items/get"""
    return f"{vault_id}/backupFabrics/Azure/protectionContainers/{container}/protectedItems/{item}"


def _split(text: str) -> list[str]:
    if len(text) > LONGEST:
        raise NotUsable(f"an id of {len(text)} characters; {LONGEST} is the most")
    if any(char in _REFUSED_CHARACTERS or not char.isprintable() for char in text):
        raise NotUsable(f"a character that no resource id has: {_quote(text)}")
    if not text.strip("/ "):
        raise NotUsable("missing")
    segments = text.strip("/").split("/")
    if any(segment.strip() in ("", ".", "..") for segment in segments):
        raise NotUsable(f"an empty or dotted segment: {_quote(text)}")
    return segments


def _read_innermost(rest: list[str], text: str) -> tuple[str, list[str]]:
    """Namespace and type/name pairs after the last /providers/."""
    if not rest:
        return "", []
    if fold(rest[0]) != "providers":
        raise NotUsable(f"providers expected after the scope: {_quote(text)}")
    last = max(index for index, segment in enumerate(rest) if fold(segment) == "providers")
    provider, pairs = rest[last + 1 : last + 2], rest[last + 2 :]
    if not provider or not pairs or len(pairs) % 2:
        raise NotUsable(f"a type without a name: {_quote(text)}")
    return provider[0], pairs


def _quote(text: str) -> str:
    return repr(text if len(text) <= 120 else text[:117] + "...")
