"""Verifies an export of the audit log by itself: python verify_audit.py audit.jsonl

Needs Python 3.9 or newer and nothing else. The rules are in audit-format.md; read this
file before you trust it. Exit code 0: all holds. 1: the first entry that does not hold
is named. 2: the file cannot be read.
"""

import hashlib
import json
import sys
from pathlib import Path

GENESIS = "0" * 64
HEADS = "heads"


def hash_of(entry):
    fields = {name: value for name, value in entry.items() if name != "hash"}
    text = json.dumps(
        fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    )
    return hashlib.sha256(text.encode()).hexdigest()


class Broken(Exception):
    """The first entry that does not hold, and why."""


def follow(ends, entry):
    """Each chain by itself: numbers without gaps, each entry following the one before,
    each hash right. Keeps the chain's end."""
    seq, before = ends.get(entry["incident"], (0, GENESIS))
    where = f"incident {entry['incident']}, entry {entry['seq']}"
    if entry["seq"] != seq + 1:
        raise Broken(f"{where}: entry {seq + 1} is missing or out of place")
    if entry["prev_hash"] != before:
        raise Broken(f"{where}: it does not follow the entry before it")
    if entry["hash"] != hash_of(entry):
        raise Broken(f"{where}: its content is not what was written")
    ends[entry["incident"]] = (entry["seq"], entry["hash"])


def check(heads, days):
    """Each daily head: the last entry of every chain of that day is what it was."""
    kept_since = max((e["detail"]["before"] for e in heads if e["kind"] == "retention"), default="")
    for head in heads:
        if head["kind"] != "head" or head["detail"]["day"] < kept_since:
            continue
        last = days.get(head["detail"]["day"], {})
        lines = "".join(f"{name} {last[name][0]} {last[name][1]}\n" for name in sorted(last))
        found = hashlib.sha256(lines.encode()).hexdigest()
        if (found, len(last)) != (head["detail"]["root"], head["detail"]["chains"]):
            raise Broken(
                f"incident heads, entry {head['seq']}: the entries of {head['detail']['day']} are"
                " not those that it bound"
            )


def verify(lines):
    """How many entries there are. Of a chain only its end is kept, and of a day the
    last place in each chain."""
    ends, days, heads, count = {}, {}, [], 0
    for entry in (json.loads(line) for line in lines if line.strip()):
        follow(ends, entry)
        count += 1
        if entry["incident"] == HEADS:
            heads.append(entry)
        else:
            days.setdefault(entry["at"][:10], {})[entry["incident"]] = (entry["seq"], entry["hash"])
    check(heads, days)
    return count


def main(path):
    try:
        with Path(path).open(encoding="utf-8", errors="replace") as file:
            print(f"Holds: {verify(file)} entries.")
    except Broken as broken:
        print(f"BROKEN: the first entry that does not hold is {broken}")
        return 1
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"not an export of the audit log: {error!r}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else __doc__)
