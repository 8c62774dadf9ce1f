"""A local Azure Resource Manager on 127.0.0.1: the routes, locks, operations and
backups that this product uses.

Files, in the order in which a request passes through them:

    server              starts, listens and stops
    gateway             one ARM request: its checks in order, then a handler
    queries, providers  known query parameters, resource types and api-versions
    routes              the table of paths and handlers
    permissions         the action that each operation needs
    handlers/           the answers, a file for each resource provider
    physics             how a backup and the removal of an extension end
    activity            the Activity Log, made from the requests
    locks, deny, policies, throttle, operations, faults, settings
                        the engines, each with rules of its own
    state               the resources, in ARM's own JSON; validation checks them
    control             /_sim/*, for tests

Not deployed. README.md in this folder says how to use it.
"""
