"""A local Azure Resource Manager: the routes, locks, operations and backups that this
product meets, on 127.0.0.1.

Rooms, in the order in which a request passes through them:

    server      listens, starts and stops
    gateway     one ARM request: log, faults, token, api-version, throttle, deny
    assignments, locks, then a handler queries, providers      which query parameters,
    resource types and api-versions there are routes      the table of paths and
    handlers handlers/   what each resource provider answers physics     what becomes of
    a backup and of the removal of an extension activity    what the Activity Log tells
    of the requests locks, deny, throttle, operations, faults, settings      the
    engines, each with its own rules state       the resources themselves, ARM's own
    JSON; validation refuses what cannot be control     /_sim/*, for tests scenarios/
    states with the event that starts them

Not deployed. README.md in this folder says how to drive it.
"""
