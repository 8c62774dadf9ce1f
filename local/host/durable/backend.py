"""The task hub: durabletask's in-memory backend, called in process. There is no gRPC
server, so no port is open.

Two hosts may share one, as two instances of an app share a task hub in Azure Storage.

Faults of durabletask 1.12.0 that the subclass corrects:
- a timer or an activity of an execution that is over (replaced, or continued as new)
  could settle a task of the next execution;
- work that arrived for an instance in flight was noticed up to 0.1 s late;
- an activity whose worker died was lost;
- an activity's result could reach an instance that had already finished.
"""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import grpc
from durabletask.internal import helpers
from durabletask.internal import orchestrator_service_pb2 as pb
from durabletask.testing.in_memory_backend import ActivityWorkItem, InMemoryOrchestrationBackend

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
        """Whether the caller is still listening."""
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


class Backend(InMemoryOrchestrationBackend):  # type: ignore[misc]
    """The task hub. Every method may be called from any thread."""

    def __init__(self, schedule: Scheduler = thread_scheduler) -> None:
        super().__init__(max_history_size=MAX_HISTORY_EVENTS)
        self._schedule = schedule
        self._first_tokens: dict[str, int] = {}

    def custom_status(self, instance_id: str) -> str | None:
        """The stored custom status, as JSON text."""
        with self._lock:
            instance = self._instances.get(instance_id)
            return (instance.custom_status or None) if instance else None

    def is_finished(self, instance_id: str) -> bool:
        """Whether the instance has ended or does not exist."""
        with self._lock:
            instance = self._instances.get(instance_id)
            return instance is None or self._is_terminal_status(instance.status)

    def give_back(self, item: Any, after_seconds: float) -> None:
        """Make a work item visible again after its visibility timeout. Until then no
        host sees it, and if it is an episode, its orchestration does not go on."""
        if item.HasField("orchestratorRequest"):
            message = pb.AbandonOrchestrationTaskRequest(completionToken=item.completionToken)
            self._schedule(after_seconds, lambda: self._show_episode(message))
        else:
            self._schedule(after_seconds, lambda: self._show_activity(item))

    def StartInstance(self, request: Any, context: Any) -> Any:
        """Start an instance. Raises BackendRefusal when the id is already running."""
        with self._lock:
            response = super().StartInstance(request, context)
            instance = self._instances[response.instanceId]
            self._first_tokens[response.instanceId] = instance.completion_token
            return response

    def CompleteOrchestratorTask(self, request: Any, context: Any) -> Any:
        """Store an episode's result, and look for more work at once."""
        response = super().CompleteOrchestratorTask(request, context)
        self._work_available.set()
        return response

    def CompleteActivityTask(self, request: Any, context: Any) -> Any:
        """Store an activity's result, unless the execution that called it is over."""
        with self._lock:
            stale = int(request.completionToken) < self._first_tokens.get(request.instanceId, 0)
            if stale or self.is_finished(request.instanceId):
                return pb.CompleteTaskResponse()
            return super().CompleteActivityTask(request, context)

    def _show_episode(self, message: Any) -> None:
        self.AbandonTaskOrchestratorWorkItem(message, Call())
        self._work_available.set()

    def _show_activity(self, item: Any) -> None:
        request = item.activityRequest
        copy = ActivityWorkItem(
            request.orchestrationInstance.instanceId,
            request.name,
            request.taskId,
            request.input.value if request.HasField("input") else None,
            int(item.completionToken),
        )
        with self._lock:
            self._activity_queue.append(copy)
        self._work_available.set()

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

    def _deliver(self, instance_id: str, token: int, event: Any) -> None:
        """Give an event to an instance if the execution that began with `token` still
        runs."""
        with self._lock:
            current = self._instances.get(instance_id)
            if self.is_finished(instance_id) or self._first_tokens.get(instance_id) != token:
                return
            current.pending_events.append(event)
            current.last_updated_at = datetime.now(UTC)
            self._enqueue_orchestration(instance_id)
