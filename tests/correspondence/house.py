"""A company with customers, and what services say of it: for the agents that answer, remind and announce."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aios.agents.contract import load
from aios.agents.offline import ENGINES
from aios.agents.perform import judge_files, judge_tree, perform
from aios.agents.tools import ContractTools
from aios.domain.agent import AgentCall, AgentReply
from aios.domain.front_matter import render_markdown, render_yaml
from aios.expressions import evaluate_bool
from aios.memory.recall import Memory
from aios.store.catalog import Catalog
from aios.store.documents import parse
from tests.memory.files import Files
from tests.monitor.company import machinery

NOW = "2026-11-23T09:00:00Z"
KINDS = ("content", "customer", "invoice", "lead", "message", "note", "suppression", "ticket")
COMPANY: dict[str, Any] = {
    "schema": "company.v1",
    "name": "Desk",
    "timezone": "Europe/Berlin",
    "language": "en",
    "owner": {"name": "Mara Lind", "email": "mara@desk.example"},
    "approvers": ["mara@desk.example"],
}


def customer(name: str, **fields: Any) -> dict[str, str]:
    data = {
        "schema": "customer.v1",
        "name": name.capitalize(),
        "email": f"hello@{name}.example",
        "domain": f"{name}.example",
        "status": "active",
        "newsletter": True,
    }
    return {f"state/customers/{name}.yaml": render_yaml(data | fields)}


def invoice(name: str, **fields: Any) -> dict[str, Any]:
    """A row as `invoices.list` gives it."""
    return {
        "id": f"in_{name}",
        "number": f"2026-{name}",
        "customer": {"id": "cus_1", "email": "hello@acorn.example", "name": "Acorn"},
        "status": "open",
        "amount_due": 14500,
        "amount_paid": 0,
        "currency": "EUR",
        "due": "2026-11-10",
        "created": "2026-10-27T08:00:00Z",
        "url": f"https://pay.example/{name}",
        "attempts": 0,
    } | fields


def payment(name: str, invoice: str, status: str, **fields: Any) -> dict[str, Any]:
    row = {"id": f"py_{name}", "invoice": f"in_{invoice}", "customer": "cus_1", "amount": 14500, "currency": "EUR"}
    return row | {"status": status, "failure": None, "created": "2026-11-12T08:00:00Z"} | fields


def mail(name: str, subject: str, text: str, **fields: Any) -> dict[str, Any]:
    """A row as `mail.read` gives it."""
    return {
        "id": f"<{name}@acorn.example>",
        "from": {"email": "hello@acorn.example", "name": "Tom Ashby"},
        "to": ["mara@desk.example"],
        "subject": subject,
        "date": "2026-11-22T08:00:00Z",
        "text": text,
        "in_reply_to": "",
        "references": [],
        "attachments": [],
        "automatic": False,
        "bounce": None,
        "folder": "INBOX",
    } | fields


def answer(name: str, title: str, body: str, **fields: Any) -> dict[str, str]:
    data = {"schema": "note.v1", "kind": "answer", "title": title, "created": "2026-01-05", "trust": "operator"}
    return {f"memory/answers/{name}.md": render_markdown(data | fields, f"{body}\n")}


def piece(name: str, published: str, body: str, **fields: Any) -> dict[str, str]:
    data = {
        "schema": "content.v1",
        "title": name.replace("-", " ").capitalize(),
        "slug": name,
        "status": "published",
        "created": "2026-01-05",
        "published": f"{published}T08:00:00Z",
        "url": f"https://desk.example/{name}/",
        "trust": "derived",
    }
    return {f"state/content/{name}.md": render_markdown(data | fields, body)}


def company(*parts: Mapping[str, str]) -> Files:
    tree = machinery().with_files({"state/company.yaml": render_yaml(COMPANY)})
    for part in parts:
        tree = tree.with_files(part)
    return tree


def ask(
    agent: str, tree: Files, given: Mapping[str, Any], *, now: str = NOW, guidance: tuple[str, ...] = ()
) -> tuple[AgentReply, Files]:
    """The reply, held to its contract, and the tree that it leaves; every record of that tree is in order."""
    contract, findings = load(tree, agent, parse=parse)
    assert contract is not None, findings
    memory = Memory(Path("/proc/nowhere"))

    def recall(query: str, limit: int, kinds: Any) -> Any:
        return memory.recall(tree, query, limit=limit, kinds=kinds, now=now, only=contract.reads)

    tools = ContractTools(tree, contract, recall=recall, records=Catalog(tree).records)
    run = {"bookkeeper": "follow-up-invoices", "supporter": "triage-support", "publicist": "send-newsletter"}[agent]
    request = AgentCall(contract, given, f"{run}/x/01kafe", "step", now, guidance=guidance)
    reply = perform(request, ENGINES[agent], tools)
    memory.close()
    judge_files(contract, given, reply.files, lambda glob, _: glob)
    after = tree.with_files(reply.files)
    assert judge_tree(contract, reply, after, holds=evaluate_bool, data=_data) == []
    wrong = Catalog(after).findings(*KINDS)
    assert wrong == [], [str(finding) for finding in wrong]
    return reply, after


def sent(tree: Files, name: str, at: str) -> Files:
    """The tree once the mail went out, as the bookkeeping of effects leaves it."""
    from aios.store.edit import edit

    path = f"state/messages/{name}.md"
    text = (tree.read(path) or b"").decode()
    return tree.with_files({path: edit(text, {"status": "sent", "sent": at, "receipt": f"sha256:{'ab' * 32}"})})


def data_of(tree: Files, path: str) -> Mapping[str, Any]:
    found = _data(path, tree.read(path) or b"")
    assert found is not None, path
    return found


def body_of(tree: Files, path: str) -> str:
    document, findings = parse(path, tree.read(path) or b"")
    assert document is not None, findings
    return document.body or ""


def _data(path: str, content: bytes) -> Mapping[str, Any] | None:
    document, _ = parse(path, content)
    return document.data if document else None
