"""Every error the local host raises on purpose.

HostError                 the host cannot start or go on; the message says what to do
├── AppLoadError          the app could not be imported or indexed; carries the worker's own traceback
├── FolderInUse           another host runs on this data folder
├── SettingError          a %NAME% in a binding, a schedule or a setting cannot be resolved or read
└── WorkerGone            the worker process ended while it held this invocation
"""


class HostError(Exception):
    """The local host cannot start or go on."""


class AppLoadError(HostError):
    """The app failed to index: the real host would show no function at all."""


class SettingError(HostError):
    """A setting is missing or cannot be understood."""


class FolderInUse(HostError):
    """Another host runs on this data folder."""


class WorkerGone(HostError):
    """The worker process ended before it answered. As in Azure nothing is handed out
    again: what it held has failed."""
