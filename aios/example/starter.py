"""What a new company begins with: its own record, the connectors that need nothing, and a README."""

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
# Agents in the box need no model. Agents of your own do: name one, and put its key into the environment.
# tiers:
#   small: {{model: gpt-4o-mini, key_env: OPENAI_API_KEY}}
#   large: {{model: my-model, base_url: "http://127.0.0.1:8000/v1"}}
"""

_CONNECTORS = {
    "site": """# yaml-language-server: $schema=../schemas/connector.v1.json
schema: connector.v1
use: static-site
summary: Your public site, written as plain files.
settings:
  path: public                  # serve this folder
  url: https://www.example.org  # where readers find it
  title: {name}
  links: files                  # pages can be opened from disk; `clean` for a web server
mode: live                      # dry-run: everything but the last step; observe: nothing is sent
""",
    "logs": """# yaml-language-server: $schema=../schemas/connector.v1.json
schema: connector.v1
use: access-log
summary: Your web server's log in the combined format, rotated files too.
settings:
  path: logs/access.log
  site: https://www.example.org
  timezone: Europe/Berlin
mode: live
""",
    "files": """# yaml-language-server: $schema=../schemas/connector.v1.json
schema: connector.v1
use: files
summary: Files, folders and public pages that you give as sources.
mode: live
""",
}

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


def starter_files(name: str, email: str) -> dict[str, bytes]:
    """What is the company's own, by path: `email` is its one approver's."""
    quoted = json.dumps(name, ensure_ascii=False)  # JSON is YAML, whatever the name
    files = {f"state/connectors/{key}.yaml": text.replace("{name}", quoted) for key, text in _CONNECTORS.items()}
    files["state/company.yaml"] = _COMPANY.format(name=quoted, email=json.dumps(email))
    return {path: text.encode() for path, text in files.items()}


def operator_readme(name: str) -> str:
    """The text of the company's README.md."""
    return _README.format(name=name)
