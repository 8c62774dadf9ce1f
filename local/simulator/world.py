"""The whole of one simulator, and what a handler gets and returns."""

from __future__ import annotations

import random
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local.simulator import ids, validation
from local.simulator.activity import Recorded
from local.simulator.faults import Action, Faults
from local.simulator.history import History
from local.simulator.ids import fold
from local.simulator.late import LateRequests
from local.simulator.locks import Locks
from local.simulator.operations import Operations
from local.simulator.request_log import Logged
from local.simulator.settings import Settings
from local.simulator.state import State
from local.simulator.throttle import Throttle

MAX_LOGGED_REQUESTS = 200_000
"""Requests kept for GET /_sim/requests; the oldest go first, and `n` keeps counting."""
MAX_ACTIVITY_RECORDS = 20_000
"""Requests kept for the Activity Log; Azure keeps 90 days."""


class World:
    """State, engines and logs. Raises StateError for an invalid state. `monotonic` is
    the clock of all engines."""

    def __init__(
        self,
        document: dict[str, Any] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.monotonic = monotonic
        self.random = random.Random()
        self.state = State() if document is None else validation.load(document)
        self.settings = Settings()
        self.faults = Faults()
        self.locks = Locks(monotonic)
        self._begin_histories()
        self.late = LateRequests()
        self.operations = Operations(monotonic, self.new_id)
        self.throttle = Throttle(monotonic)
        self.requests: deque[Logged] = deque(maxlen=MAX_LOGGED_REQUESTS)
        self.activity: deque[Recorded] = deque(maxlen=MAX_ACTIVITY_RECORDS)
        self.arrived = 0
        self.former_collections: dict[str, str] = {}
        """Id of the last collection that a VM lost, by the VM's key: the next one has
        the same layout."""

    def _begin_histories(self) -> None:
        self.lock_history = History(self.state, ids.LOCK, self.monotonic)
        self.collection_history = History(self.state, ids.COLLECTION, self.monotonic)

    @property
    def in_flight(self) -> int:
        """How many requests got no answer and are still to take effect."""
        return len(self.late)

    def new_id(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def replace_state(self, document: Any) -> None:
        """Replace the state; forget running operations and requests in flight. Raises
        StateError, and then changes nothing."""
        self.state = validation.load(document)
        self._begin_histories()
        self.late.forget()
        self.operations.clear()
        self.locks = Locks(self.monotonic)
        self.former_collections.clear()

    def change_settings(self, document: Any) -> None:
        """Change the named settings. Raises ControlError, and then changes nothing."""
        self.settings = self.settings.update(document)
        if "seed" in document:
            self.random.seed(self.settings.seed)
        if "throttle" in document:
            self.throttle.reset()


@dataclass(frozen=True, slots=True)
class Call:
    """One request that reached a handler."""

    world: World
    method: str
    path: str
    """Decoded, with a leading slash and no trailing one, in the caller's casing."""
    names: dict[str, str]
    """The values of the route's {names}."""
    query: dict[str, str]
    body: Any
    base_url: str
    fault: Action | None
    prefer: str = ""
    """The header Prefer."""

    @property
    def state(self) -> State:
        return self.world.state

    @property
    def api_version(self) -> str:
        return self.query["api-version"]

    @property
    def subscription_id(self) -> str:
        return f"/subscriptions/{self.names['subscription']}"

    @property
    def group_id(self) -> str:
        return ids.group_id(self.names["subscription"], self.names["group"])

    @property
    def list_scope(self) -> str:
        """The scope of a list that exists per group and per subscription."""
        return self.group_id if "group" in self.names else self.subscription_id

    def expands(self, what: str) -> bool:
        return fold(what) in fold(self.query.get("$expand", "")).replace(" ", "").split(",")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; `body` None is an empty body."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    action: str = ""
    """The action, for the Activity Log; "" when ARM refused before it was known."""
