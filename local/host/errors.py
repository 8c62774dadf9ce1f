"""Every error the local host raises on purpose.

HostError            the host cannot start or go on; the message says what to do
├── AppLoadError     the app could not be imported or indexed; the message is the
│                    worker's own traceback
├── FolderInUse      another host runs on this data folder
├── SettingError     a %NAME% in a binding, a schedule or a setting cannot be read
└── WorkerGone       the worker process ended while it held this invocation
"""


class HostError(Exception):
    """The local host cannot start or go on."""


class AppLoadError(HostError):
    """The app could not be indexed: the real host would show no function at all."""


class SettingError(HostError):
    """A setting is missing or cannot be read."""


class FolderInUse(HostError):
    """Another host runs on this data folder."""


class WorkerGone(HostError):
    """The worker process ended before it answered. As in Azure, what it held has failed
    and is not handed out again."""
