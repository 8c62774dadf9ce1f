"""durabletask's in-memory backend, called in process: no gRPC server, so no port is open to anyone.

What the subclass puts right (durabletask 1.12.0):
- a sub-orchestration of more than 30 s never woke its parent, because a thread waited that long and gave up;
- a timer or an activity of an execution that is over (replaced, or continued as new) could settle a task of the next one;
- work that arrives for an instance in flight was seen up to 0.1 s late;
- no parent is recorded for a sub-orchestration;
- an activity's result could reach an instance that is finished already.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import grpc
from durabletask.internal import helpers
from durabletask.internal import orchestrator_service_pb2 as pb
from durabletask.testing.in_memory_backend import InMemoryOrchestrationBackend

MAX_HISTORY_EVENTS = 100_000

Scheduler = Callable[[float, Callable[[], None]], None]


class BackendRefusal(Exception):
    """The backend refused a call; `code` is its gRPC status code."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(details)
        self.code = code


class Call:
    """The part of a gRPC context that the backend reads."""

    def __init__(self) -> None:
        self.active = True

    def is_active(self) -> bool:
        """Whether the caller still listens."""
        return self.active

    def time_remaining(self) -> None:
        """No deadline."""

    def abort(self, code: grpc.StatusCode, details: str) -> None:
        """Refuse the call."""
        raise BackendRefusal(code, details)


def thread_scheduler(delay_seconds: float, action: Callable[[], None]) -> None:
    """Run `action` later, on a thread of its own."""
    timer = threading.Timer(delay_seconds, action)
    timer.daemon = True
    timer.start()


@dataclass(frozen=True)
class _Watch:
    parent_id: str
    parent_token: int
    task_id: int


class Backend(InMemoryOrchestrationBackend):  # type: ignore[misc]
    """The task hub. Every method may be called from any thread."""

    def __init__(self, schedule: Scheduler = thread_scheduler) -> None:
        super().__init__(max_history_size=MAX_HISTORY_EVENTS)
        self._schedule = schedule
        self._parents: dict[str, str] = {}
        self._first_tokens: dict[str, int] = {}
        self._watches: dict[str, _Watch] = {}

    def parent_of(self, instance_id: str) -> str | None:
        """The orchestration that started this one as its sub-orchestration."""
        return self._parents.get(instance_id)

    def custom_status(self, instance_id: str) -> str | None:
        """The custom status that is stored, as JSON text."""
        with self._lock:
            instance = self._instances.get(instance_id)
            return (instance.custom_status or None) if instance else None

    def is_finished(self, instance_id: str) -> bool:
        """Whether the instance is gone or has come to an end."""
        with self._lock:
            instance = self._instances.get(instance_id)
            return instance is None or self._is_terminal_status(instance.status)

    def StartInstance(self, request: Any, context: Any) -> Any:
        """Start an instance; raises BackendRefusal when the id runs already."""
        with self._lock:
            response = super().StartInstance(request, context)
            self._parents.pop(response.instanceId, None)
            self._begin_execution(response.instanceId)
            return response

    def CompleteOrchestratorTask(self, request: Any, context: Any) -> Any:
        """Take an episode's result, and look for more work at once."""
        response = super().CompleteOrchestratorTask(request, context)
        self._work_available.set()
        return response

    def CompleteActivityTask(self, request: Any, context: Any) -> Any:
        """Take an activity's result, unless the execution that asked for it is over."""
        with self._lock:
            stale = int(request.completionToken) < self._first_tokens.get(request.instanceId, 0)
            if stale or self.is_finished(request.instanceId):
                return pb.CompleteTaskResponse()
            return super().CompleteActivityTask(request, context)

    def PurgeInstances(self, request: Any, context: Any) -> Any:
        """Forget instances, and what is kept beside them."""
        with self._lock:
            response = super().PurgeInstances(request, context)
            self._parents = {child: parent for child, parent in self._parents.items() if child in self._instances}
            self._first_tokens = {each: token for each, token in self._first_tokens.items() if each in self._instances}
            return response

    def _begin_execution(self, instance_id: str) -> None:
        self._first_tokens[instance_id] = self._instances[instance_id].completion_token

    def _create_instance_internal(
        self, instance_id: str, name: str, encoded_input: str | None = None, version: str | None = None
    ) -> None:
        super()._create_instance_internal(instance_id, name, encoded_input, version=version)
        self._begin_execution(instance_id)

    def _process_complete_orchestration_action(self, instance: Any, complete_action: Any) -> None:
        super()._process_complete_orchestration_action(instance, complete_action)
        if complete_action.orchestrationStatus == pb.ORCHESTRATION_STATUS_CONTINUED_AS_NEW:
            # The caller gives the instance this token when the episode is done.
            self._first_tokens[instance.instance_id] = self._next_completion_token

    def _process_create_timer_action(self, instance: Any, action: Any) -> None:
        fire_at = action.createTimer.fireAt.ToDatetime(tzinfo=UTC)
        instance.history.append(helpers.new_timer_created_event(action.id, fire_at))
        token = self._first_tokens[instance.instance_id]
        delay = max(0.0, (fire_at - datetime.now(UTC)).total_seconds())
        event = helpers.new_timer_fired_event(action.id, fire_at)
        self._schedule(delay, lambda: self._deliver(instance.instance_id, token, event))

    def _process_create_sub_orchestration_action(self, instance: Any, action: Any) -> None:
        child = action.createSubOrchestration.instanceId
        super()._process_create_sub_orchestration_action(instance, action)
        watch = self._watches.get(child)
        if watch is not None and (watch.parent_id, watch.task_id) == (instance.instance_id, action.id):
            self._parents[child] = instance.instance_id

    def _watch_sub_orchestration(self, parent_instance_id: str, sub_instance_id: str, task_id: int) -> None:
        token = self._first_tokens[parent_instance_id]
        self._watches[sub_instance_id] = _Watch(parent_instance_id, token, task_id)

    def _notify_waiters(self, instance_id: str) -> None:
        super()._notify_waiters(instance_id)
        instance = self._instances[instance_id]
        if instance_id not in self._watches or not self._is_terminal_status(instance.status):
            return
        watch = self._watches.pop(instance_id)
        self._deliver(watch.parent_id, watch.parent_token, _outcome(instance, watch.task_id))

    def _deliver(self, instance_id: str, token: int, event: Any) -> None:
        """Give an event to an instance if the execution that began with `token` still runs."""
        with self._lock:
            current = self._instances.get(instance_id)
            if self.is_finished(instance_id) or self._first_tokens.get(instance_id) != token:
                return
            current.pending_events.append(event)
            current.last_updated_at = datetime.now(UTC)
            self._enqueue_orchestration(instance_id)


def _outcome(child: Any, task_id: int) -> Any:
    """The event that tells a parent how its sub-orchestration ended."""
    if child.status == pb.ORCHESTRATION_STATUS_COMPLETED:
        return helpers.new_sub_orchestration_completed_event(task_id, child.output)
    reason = child.failure_details.errorMessage if child.failure_details else ""
    if child.status == pb.ORCHESTRATION_STATUS_TERMINATED:
        reason = f"terminated: {child.output or ''}"
    message = f"The sub-orchestrator function '{child.name}' failed: {reason}"
    return helpers.new_sub_orchestration_failed_event(task_id, Exception(message))
