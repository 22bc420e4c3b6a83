"""Verdicts that are kept from one check to the next: a cache, never a truth.

One JSON file with a checksum. Anything odd about it (another version, a cut, a flipped bit) makes it empty.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from aios.domain.finding import Finding, Severity
from aios.store.judge import Facts, Verdict

# Counts up with every change to what a verdict says, so that no old one is believed.
VERSION = 1

# Path -> (blob, hash of the schemas it was judged by, verdict)
Kept = dict[str, tuple[str, str, Verdict]]


def load(path: Path | None) -> Kept:
    """What was kept; empty where there is nothing that can be trusted."""
    if path is None:
        return {}
    try:
        head, _, payload = path.read_bytes().partition(b"\n")
        if json.loads(head) != [VERSION, len(payload), zlib.crc32(payload)]:
            return {}
        return {
            name: (blob, schema, _verdict(name, findings, facts))
            for name, (blob, schema, findings, facts) in json.loads(payload).items()
        }
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def save(path: Path, kept: Mapping[str, tuple[str, str, Verdict]]) -> None:
    """Replace the file in one move. A cache that cannot be written costs time, no more: errors are left aside."""
    payload = json.dumps(
        {name: (blob, schema, *_plain(verdict)) for name, (blob, schema, verdict) in kept.items()},
        separators=(",", ":"),
        ensure_ascii=False,
    ).encode()
    head = json.dumps([VERSION, len(payload), zlib.crc32(payload)]).encode()
    fresh = path.with_name(f"{path.name}.new")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(head + b"\n" + payload)
        fresh.replace(path)


def _plain(verdict: Verdict) -> tuple[object, object]:
    findings = [
        (each.line, each.column, each.rule, each.message, each.hint, each.severity.value) for each in verdict.findings
    ]
    facts = verdict.facts
    return findings, None if facts is None else (facts.title, facts.unique, facts.references)


def _verdict(path: str, findings: list[list[object]], facts: list[list[object]] | None) -> Verdict:
    told = tuple(
        Finding(path, int(str(line)), int(str(column)), str(rule), str(message), str(hint), Severity(str(severity)))
        for line, column, rule, message, hint, severity in findings
    )
    if facts is None:
        return Verdict(told)
    title, unique, references = facts
    return Verdict(told, Facts(title, unique, references))  # type: ignore[arg-type]  # lists serve as tuples here
