"""A small service of notes and its connector, in the four ways in which services know what was done before."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aios.connectors.http import Service
from aios.connectors.registry import Kind
from aios.connectors.surroundings import Surroundings
from aios.domain.effect import Capability, Collected, Effect, Lookup, Outcome, Preview, Receipt
from aios.domain.finding import Finding
from aios.errors import RefusedError
from tests.connectors.stands import Stand

KEYS = "idempotency keys and a look-up"
BLIND_KEYS = "idempotency keys, no look-up"
LOOKS = "a look-up, no idempotency keys"
FORGETS = "neither"
PAYLOAD = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
SETTINGS = {"type": "object", "required": ["url", "way"], "additionalProperties": True}
TIMEOUT = 1.5  # seconds: none passes by itself, however busy the machine is


def capabilities(way: str) -> Mapping[str, Capability]:
    known = way in {KEYS, LOOKS}
    return {"note.add": Capability("note.add", True, PAYLOAD, summary="Add a note.", authoritative=known)}


@dataclass(frozen=True, slots=True)
class Notes:
    name: str
    service: Service
    way: str

    def capabilities(self) -> Mapping[str, Capability]:
        return capabilities(self.way)

    def target(self, capability: str, payload: Mapping[str, Any]) -> str:
        del capability, payload
        return f"{self.service.base}/notes"

    def preview(self, effect: Effect) -> Preview:
        return Preview("Add a note", str(effect.payload["text"]), reversible=False)

    def undo(self, effect: Effect, receipt: Receipt) -> Effect | None:
        del effect, receipt
        return None

    def lookup(self, effect: Effect) -> Lookup:
        if self.way in {BLIND_KEYS, FORGETS}:
            return Lookup(None, authoritative=False)
        found = self.service.ask("GET", "/notes", params={"key": effect.key}).data
        return Lookup(_outcome(found[0]) if found else None, authoritative=True)

    def act(self, effect: Effect) -> Outcome:
        note = {"text": effect.payload["text"], **({"key": effect.key} if self.way in {KEYS, LOOKS} else {})}
        headers = {"Idempotency-Key": effect.key} if self.way in {KEYS, BLIND_KEYS} else {}
        return _outcome(self.service.ask("POST", "/notes", json=note, headers=headers).data)

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        del params
        raise RefusedError(f"{self.name} does not offer {capability}", "it offers note.add")

    def check(self) -> Sequence[Finding]:
        return []


def _outcome(note: Mapping[str, Any]) -> Outcome:
    return Outcome(str(note["id"]), response={"id": note["id"]})


def _connect(name: str, settings: Mapping[str, Any], around: Surroundings) -> Notes:
    del around
    return Notes(name, Service(name, str(settings["url"]), timeout=TIMEOUT), str(settings["way"]))


def kind() -> Kind:
    return Kind(SETTINGS, capabilities(KEYS), _connect)


def serve(way: str) -> Stand:
    """The service, empty."""
    notes: list[dict[str, Any]] = []
    answered: dict[str, dict[str, Any]] = {}
    lock = Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = parse_qs(urlsplit(self.path).query)["key"][0]
            with lock:
                self._answer(200, [note for note in notes if note.get("key") == wanted])

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            key = self.headers.get("Idempotency-Key", "")
            with lock:
                note = answered.get(key) or {**body, "id": len(notes) + 1}
                if key not in answered:
                    notes.append(note)
                    answered.update({key: note} if key else {})
            self._answer(201, note)

        def _answer(self, status: int, data: Any) -> None:
            body = json.dumps(data).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop() -> None:
        server.shutdown()
        server.server_close()

    return Stand(
        address=f"127.0.0.1:{server.server_address[1]}",
        settings=lambda address: {"url": f"http://{address}", "way": way},
        count=lambda: Counter({"note": len(notes)}),
        snapshot=lambda: list(notes),
        stop=stop,
    )
