"""Verifies an export of the audit log by itself: python verify_audit.py audit.jsonl

Needs Python 3.9 or newer and nothing else. The rules are in audit-format.md; read this file before you trust it.
Exit code 0: all holds. 1: the first entry that does not hold is named. 2: the file cannot be read.
"""

import hashlib
import json
import sys
from pathlib import Path

GENESIS = "0" * 64
HEADS = "heads"


def hash_of(entry):
    fields = {name: value for name, value in entry.items() if name != "hash"}
    text = json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def chains(entries):
    """Each chain by itself: numbers without gaps, each entry following the one before, each hash right."""
    last = {}
    for entry in entries:
        seq, before = last.get(entry["incident"], (0, GENESIS))
        if entry["seq"] != seq + 1:
            return f"incident {entry['incident']}, entry {entry['seq']}: entry {seq + 1} is missing or out of place"
        if entry["prev_hash"] != before:
            return f"incident {entry['incident']}, entry {entry['seq']}: it does not follow the entry before it"
        if entry["hash"] != hash_of(entry):
            return f"incident {entry['incident']}, entry {entry['seq']}: its content is not what was written"
        last[entry["incident"]] = (entry["seq"], entry["hash"])
    return ""


def heads(entries):
    """Each daily head: the last entry of every chain of that day is what it was."""
    kept_since = max((e["detail"]["before"] for e in entries if e["incident"] == HEADS and e["kind"] == "retention"), default="")
    for head in entries:
        if head["incident"] != HEADS or head["kind"] != "head" or head["detail"]["day"] < kept_since:
            continue
        last = {}
        for entry in entries:
            if entry["incident"] != HEADS and entry["at"][:10] == head["detail"]["day"]:
                last[entry["incident"]] = entry
        lines = "".join(f"{name} {last[name]['seq']} {last[name]['hash']}\n" for name in sorted(last))
        found = hashlib.sha256(lines.encode()).hexdigest()
        if (found, len(last)) != (head["detail"]["root"], head["detail"]["chains"]):
            return f"incident heads, entry {head['seq']}: the entries of {head['detail']['day']} are not those that it bound"
    return ""


def main(path):
    try:
        with Path(path).open(encoding="utf-8") as file:
            entries = [json.loads(line) for line in file if line.strip()]
        entries.sort(key=lambda entry: entry["seq"])
        broken = chains(entries) or heads(entries)
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"not an export of the audit log: {error!r}", file=sys.stderr)
        return 2
    print(f"BROKEN: the first entry that does not hold is {broken}" if broken else f"Holds: {len(entries)} entries.")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else __doc__)
