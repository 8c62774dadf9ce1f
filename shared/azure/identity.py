"""The app's identity: managed in Azure, a developer's elsewhere.
https://learn.microsoft.com/python/api/azure-identity/"""

from __future__ import annotations

from typing import Any

from shared.clouds import Cloud


def make_credential(cloud: Cloud) -> Any:
    """Signs in at the cloud's authority. The caller closes it."""
    from azure.identity.aio import DefaultAzureCredential

    return DefaultAzureCredential(authority=cloud.authority)
