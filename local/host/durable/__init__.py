"""Durable Functions 1.7 on durabletask's in-memory backend.

backend    the task hub: the in-memory backend with its faults corrected
dispatch   takes work items from the hub and has the worker do them
work       an activity: work item → call of the function → answer
episodes   an orchestrator's episode: work item → call of the library → answer
history    protobuf history → the JSON context that the 1.7 library reads
replay     the library's JSON actions, run against the history → protobuf actions
actions    builds protobuf actions, and reads scheduled work from the history
facade     the HTTP interface that the 1.7 client calls
status     an orchestration's state, as that interface shows it
faults     the switch that makes that interface answer 500
"""
