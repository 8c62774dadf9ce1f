"""Durable Functions 1.7 on durabletask's in-memory backend.

backend    the task hub: the in-memory backend, with what it lacks put right
history    protobuf history → the JSON context that the 1.7 library reads
replay     the library's JSON actions, run against the history → protobuf actions
dispatch   hands work items to the worker; one that dies with them has failed them
facade     the HTTP interface that the 1.7 client speaks
faults     the switch by which that interface answers 500
"""
