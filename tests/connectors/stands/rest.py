"""A help desk that nobody sells: a small REST service with keys and pages, and a manifest for it."""

from __future__ import annotations

import copy
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from tests.connectors.stands import Stand
from tests.connectors.stands.serving import Asked, Said, serve

SECRET = "s3cret-value-nobody-may-see"  # noqa: S105  nobody's; the tests' own
MANIFEST = """
auth: {bearer: {env: TOKEN}}
headers: {Accept-Language: en}
test: GET /me
offers:
  tickets.list:
    summary: Tickets, those that changed last come last.
    read: GET /tickets
    takes: {state: string}
    optional: [state]
    query: {state: "${{ params.state }}", updated_from: "${{ cursor }}"}
    items: data.tickets
    pages: {next: data.next, as: after, size: {per_page: 2}}
    fields:
      id: id
      subject: title
      email: requester.email
      tag: tags.0
      open: "${{ item.state != 'closed' }}"
      updated: updated_at
    cursor: updated
  tickets.reply:
    summary: Answer a ticket.
    write: POST /tickets/${{ payload.ticket }}/replies
    takes: {ticket: string, text: string, internal: boolean}
    optional: [internal]
    body: {text: "${{ payload.text }}", internal: "${{ payload.internal }}", external_id: "${{ key }}"}
    idempotency: Idempotency-Key
    answer: {id: reply.id, url: reply.url}
    target: ticket ${{ payload.ticket }}
    shows: "Answer ticket ${{ payload.ticket }}"
    find:
      ask: GET /tickets/${{ payload.ticket }}/replies
      items: replies
      key: external_id
      answer: {id: id, url: url}
      proves: true
    undo:
      use: tickets.unreply
      with: {ticket: "${{ payload.ticket }}", reply: "${{ receipt.external_id }}"}
      how: tickets.unreply takes the answer back
    later: [423]
  tickets.unreply:
    summary: Take an answer back.
    write: DELETE /tickets/${{ payload.ticket }}/replies/${{ payload.reply }}
    takes: {ticket: string, reply: string}
    find: {ask: "GET /tickets/${{ payload.ticket }}/replies/${{ payload.reply }}", gone: true}
    done: [404]
"""


@dataclass
class Desk:
    """`asked` are all requests; `replies` those that are there, by their id."""

    tickets: list[dict[str, Any]] = field(default_factory=list)
    replies: dict[str, dict[str, Any]] = field(default_factory=dict)
    made: Counter[str] = field(default_factory=Counter)
    keys: dict[str, Said] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def ticket(self, updated: str, **more: Any) -> dict[str, Any]:
        number = len(self.tickets) + 1
        plain = {"id": number, "title": f"Question {number}", "requester": {"email": f"c{number}@reader.example"}}
        made = {**plain, "tags": [], "state": "open", "updated_at": updated, **more}
        self.tickets.append(made)
        return made

    def answer(self, asked: Asked) -> Said:
        self.asked.append(asked)
        if asked.headers.get("authorization") != f"Bearer {SECRET}":
            return Said({"message": f"unknown key {asked.headers.get('authorization')}"}, 401)
        key = asked.headers.get("idempotency-key")
        if key and key in self.keys:
            return self.keys[key]
        said = self._answer(asked)
        if key and said.status < 300:
            self.keys[key] = said
        return said

    def _answer(self, asked: Asked) -> Said:
        match asked.method, asked.parts:
            case "GET", ["v2", "me"]:
                return Said({"name": "aios"})
            case "GET", ["v2", "tickets"]:
                return self._listed(asked.query)
            case "GET", ["v2", "tickets", number, "replies"]:
                return Said({"replies": [r for r in self.replies.values() if r["ticket"] == number]})
            case "POST", ["v2", "tickets", number, "replies"] if any(str(t["id"]) == number for t in self.tickets):
                name = f"r{next(self.numbers)}"
                reply = {"id": name, "url": f"https://desk.example/{number}#{name}", "ticket": number, **asked.json}
                self.replies[name] = reply
                self.made["tickets.reply"] += 1
                return Said({"reply": copy.deepcopy(reply)}, 201)
            case "GET", ["v2", "tickets", _, "replies", name] if name in self.replies:
                return Said(self.replies[name])
            case "DELETE", ["v2", "tickets", _, "replies", name] if name in self.replies:
                del self.replies[name]
                self.made["tickets.unreply"] += 1
                return Said(None, 204)
        return Said({"message": "there is no such thing"}, 404)

    def _listed(self, query: Any) -> Said:
        found = [t for t in self.tickets if t["updated_at"] >= query.get("updated_from", "")]
        found = [t for t in found if query.get("state", t["state"]) == t["state"]]
        begin, size = int(query.get("after", 0)), int(query.get("per_page", 50))
        more = str(begin + size) if begin + size < len(found) else None
        return Said({"data": {"tickets": found[begin : begin + size], "next": more}})


def some() -> Desk:
    desk = Desk()
    for day in (3, 5, 4):
        desk.ticket(f"2026-03-0{day}T09:00:00Z", tags=["billing"] if day == 5 else [])
    return desk


def serve_rest(desk: Desk | None = None, answer: Callable[[Asked], Said] | None = None) -> Stand:
    """`answer` stands before the desk where it is given."""
    desk = desk or some()
    address, stop = serve(answer or desk.answer)

    def settings(at: str) -> dict[str, Any]:
        return {"url": f"http://{at}/v2", **yaml.safe_load(MANIFEST)}

    return Stand(address, settings, lambda: +desk.made, lambda: copy.deepcopy((desk.tickets, desk.replies)), stop)
