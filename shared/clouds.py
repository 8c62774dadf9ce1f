"""The endpoints of each Azure cloud. The setting REMEDIATOR_CLOUD chooses one.

ARM's endpoints, token scopes and sign-in authorities are those in the SDK's own tables
(azure.mgmt.core, azure.identity), as a test checks; the rest is from
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
    """The Log Analytics query API, which is also the audience of its tokens."""


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


def find_cloud(name: str) -> Cloud:
    """Raises ValueError, which lists the names, for any other."""
    for cloud in CLOUDS:
        if cloud.name == fold(name):
            return cloud
    raise ValueError(f"one of {', '.join(cloud.name for cloud in CLOUDS)}")
