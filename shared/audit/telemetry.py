"""Sends each audit entry out as one log record as well, so that a workbook can ask
Azure Monitor what happened.

The store is the record; this is a copy of its headlines. Evidence, actor and hashes
stay in the store. Names of the fields are stable: docs/queries.md and
infra/workbook.json ask by them.
"""

from __future__ import annotations

import json
import logging

from shared.audit.entry import Entry

LOGGER = "azure_backup_remediator.audit"
HTTP_LOGGER = "azure.core.pipeline.policies.http_logging_policy"
"""Where the SDK writes each request and each answer, with all their headers."""
PREFIX = "remediator."
LONGEST_TEXT_CHARACTERS = 4_000
"""Azure Monitor cuts a message at 32,768 characters, and a cut one is no JSON."""
SENT = ("incident", "vm", "kind", "phase", "result", "target", "correlation_id", "seq")
FIELDS = tuple(PREFIX + name for name in SENT)


def silence_http_dumps() -> None:
    """The Python worker sets the root logger to INFO and hands everything on to Azure
    Monitor; without this, four of five records of a repair are the SDK's dumps of its
    requests. https://learn.microsoft.com/azure/developer/python/sdk/azure-sdk-logging
    """
    logging.getLogger(HTTP_LOGGER).setLevel(logging.WARNING)


def emit(entry: Entry) -> None:
    """One record: the fields as extra attributes, and the same as one line of JSON.

    The line is there because the Functions host hands on the message alone unless the
    app exports its logs itself.
    """
    fields = {PREFIX + name: _short(getattr(entry, name)) for name in SENT}
    logging.getLogger(LOGGER).info(
        "%s", json.dumps(fields, ensure_ascii=False, separators=(",", ":")), extra=fields
    )


def _short(value: str | int) -> str | int:
    return value[:LONGEST_TEXT_CHARACTERS] if isinstance(value, str) else value
