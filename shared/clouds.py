"""Azure's clouds: where each has its endpoints. Chosen by one setting,
REMEDIATOR_CLOUD.

ARM's addresses and token scopes and the sign-in authorities are those of the SDK's own
tables (azure.mgmt.core, azure.identity), which a test compares; the rest is from
https://learn.microsoft.com/azure/azure-government/compare-azure-government-global-azure
and https://learn.microsoft.com/azure/china/resources-developer-guide
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.arm_ids import fold


@dataclass(frozen=True, slots=True)
class Cloud:
    name: str
    arm: str
    arm_scope: str
    authority: str
    """Host of the sign-in service."""
    portal: str
    storage_suffix: str
    logs: str
    """The Log Analytics query API; its tokens are asked for this address."""


PUBLIC = Cloud(
    name="public",
    arm="https://management.azure.com",
    arm_scope="https://management.azure.com/.default",
    authority="login.microsoftonline.com",
    portal="https://portal.azure.com",
    storage_suffix="core.windows.net",
    logs="https://api.loganalytics.io",
)
CHINA = Cloud(
    name="china",
    arm="https://management.chinacloudapi.cn",
    arm_scope="https://management.chinacloudapi.cn/.default",
    authority="login.chinacloudapi.cn",
    portal="https://portal.azure.cn",
    storage_suffix="core.chinacloudapi.cn",
    logs="https://api.loganalytics.azure.cn",
)
US_GOVERNMENT = Cloud(
    name="usgov",
    arm="https://management.usgovcloudapi.net",
    arm_scope="https://management.core.usgovcloudapi.net/.default",
    authority="login.microsoftonline.us",
    portal="https://portal.azure.us",
    storage_suffix="core.usgovcloudapi.net",
    logs="https://api.loganalytics.us",
)
CLOUDS = (PUBLIC, CHINA, US_GOVERNMENT)


def named(name: str) -> Cloud:
    """Raises ValueError that says which there are."""
    for cloud in CLOUDS:
        if cloud.name == fold(name):
            return cloud
    raise ValueError(f"one of {', '.join(cloud.name for cloud in CLOUDS)}")
