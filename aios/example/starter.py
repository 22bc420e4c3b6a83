"""What a new company begins with: its own record and a README for whoever opens the repository."""

from __future__ import annotations

import json

_COMPANY = """# yaml-language-server: $schema=schemas/company.v1.json
schema: company.v1
name: {name}
# Where you publish; the site connector (state/connectors/site.yaml) has the details.
url: https://www.example.org
# Schedules and reports use it.
timezone: Europe/Berlin
language: en
# Only a merge by one of these addresses (git's user.email) is an approval.
approvers:
  - {email}
# The one switch: `paused` stops every effect outside this repository.
outgoing: live
"""

_README = """# {name}

This repository is a company. Records lie in `state/`, one file each; `workflows/` says what happens in which order;
`memory/` keeps what was learned. Agents propose on branches, you approve by merging, and only then anything reaches the
world, at most once, with a receipt.

| You want to | Type |
|---|---|
| see what waits for you | `aios inbox` |
| start a piece | `aios run publish-content --input topic="…" --input sources=FOLDER` |
| read a proposal | `aios show ID` |
| approve it, and publish | `aios approve ID --apply` |
| send it back | `aios revise ID --note "shorter; drop section …"` |
| know why something is as it is | `aios explain ID` or `aios explain "a sentence"` |
| check every file | `aios check` |
| ask the records | `aios query "SELECT id, title, status FROM records WHERE kind = 'content'"` |
| stop every outgoing effect | `aios pause` |

What decides is here to be read and changed: `state/agents/` (contracts and instructions), `state/policies/` (what is
asked, what merges by itself), `state/connectors/` (how the world is reached). Start with `state/company.yaml` and
`state/connectors/site.yaml`.
"""


def starter_company(name: str, email: str) -> str:
    """The text of `state/company.yaml`."""
    return _COMPANY.format(name=json.dumps(name, ensure_ascii=False), email=json.dumps(email))


def operator_readme(name: str) -> str:
    """The text of the company's README.md."""
    return _README.format(name=name)
