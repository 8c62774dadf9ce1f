"""Makes docs/settings.md from the table in shared/settings.py: `python -m
command_line.settings_doc > docs/settings.md`.

What no table holds (the local host, the platform's own settings) is written here by
hand.
"""

from __future__ import annotations

from dataclasses import fields

from local.host.command import LOCAL_PACE
from shared.settings import Settings

BEGIN = """\
# Settings

Every setting is an environment variable: an app setting in Azure, the shell's environment locally. They are read once, when the app starts; in
Azure a changed app setting restarts the app. A value that cannot be is an error that names the setting: the app then answers 503 on
`/api/health` and takes no event, rather than run on a guess. An empty value is the default.

This page is made by `python -m command_line.settings_doc`.

| setting | default | meaning |
|---|---|---|
"""

LOCAL = """
## Under `remediator serve`

`--arm` and `--data` (or `--storage`) set `REMEDIATOR_ARM_ENDPOINT` and `REMEDIATOR_STORE`; the local host sets
`REMEDIATOR_TOPIC_ENDPOINT` and `REMEDIATOR_TOPIC_KEY` to the topic that it plays. The environment does not override these four.
Where `--arm` is the simulator, `REMEDIATOR_LOGS_ENDPOINT` is the simulator as well, whatever the environment says.
`REMEDIATOR_DEVELOPMENT_IDENTITY` is `developer@localhost` where the environment does not set it.

The simulator answers at once, so these defaults are shorter; the environment overrides them:

| setting | default under `remediator serve` |
|---|---|
"""

HOST = """
The local host itself:

| setting | default | meaning |
|---|---|---|
| `LOCAL_HOST_LOG` | empty | `stderr`: the app's log goes to standard error. Otherwise to `worker.log` in the data folder. |
| `LOCAL_HOST_TIMERS` | `on` | `off`, `false` or `0`: timers do not run, so the guardian does not either. |
| `LOCAL_HOST_RETRY_SCALE` | `0.1` | Event Grid's pauses between deliveries, and the visibility timeouts of queues and of the durable engine, are multiplied by this: the first pause is then 1 s instead of 10 s. |
| `LOCAL_HOST_MAX_DELIVERY_ATTEMPTS` | `30` | Deliveries of one event before it becomes a dead letter. |
| `LOCAL_HOST_DELIVERY_TIMEOUT_S` | `30` | Seconds that a delivery may take; after that it counts as failed, while the function runs on. |

## Settings of the platform that matter here

| setting | meaning |
|---|---|
| `AzureWebJobsStorage`, or `AzureWebJobsStorage__accountName` or `AzureWebJobsStorage__tableServiceUri` | The storage of the Functions host. Its tables hold the records when `REMEDIATOR_STORE` is empty. |
| `WEBSITE_OWNER_NAME` | Set by Azure. The subscription that the app is deployed in, used when `REMEDIATOR_SUBSCRIPTION_ID` is empty. |
| `WEBSITE_AUTH_ENABLED` | Set by Azure. `True` while App Service authentication is on; otherwise nobody is let in. |
| `WEBSITE_SITE_NAME`, `WEBSITE_INSTANCE_ID` | Set by Azure. Where one of them is, there is no development identity. |
| `AZURE_CLIENT_ID` | The client id of a user-assigned identity, where the app has one. |
| `AzureWebJobs.intake.Disabled`, or `AzureWebJobs_intake_Disabled` where names take no dots | `true`: no event is taken; Event Grid keeps them and sends them again for as long as its subscription allows. Locks still go back. |
| `AzureWebJobs.guardian.Disabled` | Never set this: the guardian puts locks back. |
"""


def page() -> str:
    """The whole text of docs/settings.md."""
    rows = [
        _row(each.metadata["name"], each.metadata["default"], each.metadata["meaning"])
        for each in fields(Settings)
    ]
    pace = [f"| `{name}` | `{value}` |\n" for name, value in LOCAL_PACE.items()]
    return BEGIN + "".join(rows) + LOCAL + "".join(pace) + HOST


def _row(name: str, default: str, meaning: str) -> str:
    shown = f"`{default}`" if default else "empty"
    return f"| `{name}` | {shown} | {meaning.replace('<', '&lt;').replace('|', '&#124;')} |\n"


if __name__ == "__main__":
    print(page(), end="")
