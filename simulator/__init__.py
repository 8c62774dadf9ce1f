"""A local Azure Resource Manager: the routes, locks, operations and backups that this product meets, on 127.0.0.1.

Rooms, in the order in which a request passes through them:

    server      listens, starts and stops
    gateway     one ARM request: log, faults, token, api-version, throttle, deny assignments, locks, then a handler
    routes      the table of paths and handlers
    handlers/   what each resource provider answers
    physics     what becomes of a backup and of the removal of an extension
    locks, deny, throttle, operations, faults, settings      the engines, each with its own rules
    state       the resources themselves, ARM's own JSON; validation refuses what cannot be
    control     /_sim/*, for tests
    scenarios/  states with the event that starts them

Not deployed. README.md in this folder says how to drive it.
"""
