"""Writes each audit entry as one log record as well, so that a workbook can query Azure
Monitor for what happened.

The store is the record; this is a copy of its main fields. Evidence, actor and hashes
stay in the store. The names of the fields are stable: docs/queries.md and
infra/workbook.json query by them.
"""

from __future__ import annotations

import json
import logging

from shared.audit.entry import Entry

LOGGER = "azure_backup_remediator.audit"
HTTP_LOGGER = "azure.core.pipeline.policies.http_logging_policy"
"""The SDK's logger of every request and answer, with all headers."""
PREFIX = "remediator."
LONGEST_TEXT_CHARACTERS = 4_000
"""Azure Monitor cuts a message at 32,768 characters; a cut one is not JSON."""
SENT = ("incident", "vm", "kind", "phase", "result", "target", "correlation_id", "seq")
FIELDS = tuple(PREFIX + name for name in SENT)


def silence_http_dumps() -> None:
    """Raise the level of the SDK's HTTP logger to WARNING. The Python worker sets the
    root logger to INFO and forwards everything to Azure Monitor: four of five records
    of a repair would be the SDK's dumps of its requests.
    https://learn.microsoft.com/azure/developer/python/sdk/azure-sdk-logging
    """
    logging.getLogger(HTTP_LOGGER).setLevel(logging.WARNING)


def emit(entry: Entry) -> None:
    """Write one record: the fields as extra attributes, and the same as a line of JSON,
    since the Functions host forwards the message alone unless the app exports its logs
    itself."""
    fields = {PREFIX + name: _short(getattr(entry, name)) for name in SENT}
    logging.getLogger(LOGGER).info(
        "%s", json.dumps(fields, ensure_ascii=False, separators=(",", ":")), extra=fields
    )


def _short(value: str | int) -> str | int:
    return value[:LONGEST_TEXT_CHARACTERS] if isinstance(value, str) else value
