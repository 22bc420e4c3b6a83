"""One case per connector in the box: how it is set up, and one of each thing that it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from aios.connectors.registry import Sinks, load
from aios.connectors.sidecars.audit import Crossing
from aios.domain.effect import Connector, Effect
from aios.domain.keys import digest
from aios.store.trees import EmptyTree, OverlayTree
from tests.connectors.stands import Stand, mail, mcp
from tests.connectors.stands.ghost import KEY, serve_ghost
from tests.connectors.stands.plausible import serve_plausible
from tests.connectors.stands.rest import serve_rest
from tests.connectors.stands.stripe import serve_stripe
from tests.connectors.stands.wordpress import serve_wordpress
from tests.peers.mail import serve_real as real_mail
from tests.peers.wordpress import serve_real

NOW = datetime(2026, 3, 9, 12, tzinfo=UTC)
SECRET = "s3cret-value-nobody-may-see"  # noqa: S105  nobody's
SECRETS = {"TOKEN": SECRET, "GHOST_KEY": KEY}
LINE = '192.0.2.1 - - [08/Mar/2026:10:00:00 +0000] "GET /hello/ HTTP/1.1" 200 512 "-" "Mozilla/5.0 Firefox/140.0"\n'
ARTICLE: Mapping[str, Any] = {
    "id": "hello",
    "slug": "hello",
    "title": "Hello <b>there</b>",
    "summary": "A greeting.",
    "description": "A greeting to all who read.",
    "markdown": "Good *morning*.\n\n## Again\n\n<script>alert(1)</script>\n",
    "date": "2026-03-02T09:00:00Z",
    "updated": "2026-03-02T09:00:00Z",
    "tags": ["greeting"],
    "author": "Ann",
    "metrics_tag": "hello",
}
INVOICE: Mapping[str, Any] = {
    "id": "march",
    "customer": {"email": "Bob@reader.example", "name": "Bob Reader"},
    "lines": [
        {"description": "Price review", "quantity": 1, "amount": 120_000},
        {"description": "Hours, on site", "quantity": 3, "amount": 9_050},
    ],
    "currency": "EUR",
    "due_days": 14,
    "memo": "Thank you & <b>see you</b>.",
}
REMINDER: Mapping[str, Any] = {"id": "a-1-0", "invoice": "in_00002", "amount": 4_900, "currency": "EUR"}


MAIL: Mapping[str, Any] = {
    "id": "hello",
    "recipients": [{"email": "ben@mail.test", "name": "Ben Öl"}],
    "subject": "Grüße — a greeting",
    "markdown": "Dear Ben,\n\nsee [our site](https://test.example/a?b=1&c=2).\n\n<script>alert(1)</script>\n\n.\n\n"
    "..NET and .mail\n",
}


def _nothing(_: Path) -> None:
    return


@dataclass(frozen=True)
class Case:
    """`acts` are (capability, payload) in an order that makes sense; `reads` are (capability, parameters).

    `serve` starts the service that the connector is connected to, where it is none of files; its settings are then the
    stand's, and those here are added.
    """

    use: str
    settings: Mapping[str, Any]
    acts: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    reads: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    prepare: Callable[[Path], None] = field(default=_nothing)
    serve: Callable[[], Stand] | None = None


def _log(root: Path) -> None:
    (root / "logs").mkdir()
    (root / "logs/access.log").write_text(LINE)


def _notes(root: Path) -> None:
    (root / "notes").mkdir()
    (root / "notes/one.md").write_text("# One\n\nA first note, long enough to be worth reading.\n")


# A picture of one dot, and an article that shows it.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63304898"
    "000001e40121ca6cd2320000000049454e44ae426082"
)
DOT = {
    "source": "media/dot.png",
    "path": "state/content/media/dot.png",
    "sha256": digest(PNG),
    "media_type": "image/png",
    "alt": "A dot",
}
SHOWING: Mapping[str, Any] = {
    **ARTICLE,
    "markdown": "Good *morning*.[^1]\n\n![A dot](media/dot.png)\n\n<script>alert(1)</script>\n\n[^1]: [gallery]\n",
    "media": [DOT],
}
POSTS = (
    ("cms.draft", {**ARTICLE, "id": "later", "slug": "later"}),
    ("cms.publish", SHOWING),
    ("cms.update", {**SHOWING, "title": "Hello again", "updated": "2026-03-05T09:00:00Z"}),
    ("cms.unpublish", {"id": "hello", "slug": "hello"}),
)


def _pictures(root: Path) -> None:
    (root / "state/content/media").mkdir(parents=True)
    (root / DOT["path"]).write_bytes(PNG)


CASES = {
    "static-site": Case(
        "static-site",
        {"url": "https://test.example", "title": "Test & Co"},
        acts=(
            ("cms.publish", ARTICLE),
            ("cms.update", {**ARTICLE, "title": "Hello again", "updated": "2026-03-05T09:00:00Z"}),
            ("cms.unpublish", {"id": "hello", "slug": "hello"}),
        ),
        reads=(("cms.list", {}),),
    ),
    "access-log": Case(
        "access-log",
        {"path": "logs/access.log", "site": "https://test.example"},
        reads=(("analytics.read", {"days": 7}),),
        prepare=_log,
    ),
    "http": Case(
        "http",
        {},
        acts=(("tickets.reply", {"ticket": "2", "text": "Yes: “<b>tomorrow</b>”"}),),
        reads=(("tickets.list", {}), ("tickets.list", {"state": "open", "limit": 2})),
        serve=serve_rest,
    ),
    "mcp": Case(
        "mcp",
        {},
        acts=(("notes.write", {"id": "second", "text": "Good <b>morning</b>"}), ("notes.remove", {"id": "second"})),
        reads=(("sources.read", {}),),
        serve=mcp.serve,
    ),
    "plausible": Case("plausible", {}, reads=(("analytics.read", {"days": 7}),), serve=serve_plausible),
    "stripe": Case(
        "stripe",
        {},
        acts=(("invoices.draft", INVOICE), ("invoices.remind", REMINDER)),
        reads=(("customers.list", {}), ("invoices.list", {"limit": 5}), ("payments.list", {"since": "2026-01-01"})),
        serve=serve_stripe,
    ),
    "mail": Case(
        "mail",
        {},
        acts=(
            ("mail.send", MAIL),
            ("mail.send", {**MAIL, "id": "answer", "subject": "Re: a greeting", "in_reply_to": "<one@mail.test>"}),
            ("mail.send", {**MAIL, "id": "news", "subject": "News", "list": {"name": "News"}}),
        ),
        reads=(("mail.read", {}),),
        serve=mail.serve,
    ),
    "ghost": Case("ghost", {}, POSTS, (("cms.list", {}),), _pictures, serve_ghost),
    "wordpress": Case("wordpress", {}, POSTS, (("cms.list", {}),), _pictures, serve_wordpress),
    "files": Case("files", {}, reads=(("sources.read", {"locations": ["notes"]}),), prepare=_notes),
}


# The same beside the real service: by the peer that it takes.
REAL = {
    "mail": replace(CASES["mail"], serve=real_mail),
    "wordpress": replace(CASES["wordpress"], serve=serve_real),
}


@dataclass
class Stage:
    """A connector in its sidecars, and what its audit was told."""

    connector: Connector
    root: Path
    crossings: list[Crossing]


STANDS: dict[Path, Stand] = {}


def stand_of(case: Case, root: Path) -> Stand | None:
    """The service of a test, started when it is first asked for; `conftest.py` stops it."""
    if case.serve is not None and root not in STANDS:
        STANDS[root] = case.serve()
    return STANDS.get(root)


def settings_of(case: Case, root: Path) -> dict[str, Any]:
    stand = stand_of(case, root)
    return {**(stand.settings(stand.address) if stand else {}), **case.settings}


def stage(
    case: Case, root: Path, *, mode: str = "live", settings: Mapping[str, Any] | None = None, **more: Any
) -> Stage:
    """The connector as the registry makes it from a declaration; `settings` instead of those of the case's stand."""
    if not (root / "prepared").exists():
        root.mkdir(exist_ok=True)
        case.prepare(root)
        (root / "prepared").touch()
    given = settings_of(case, root) if settings is None else dict(settings)
    declared = {"schema": "connector.v1", "use": case.use, "settings": given, "mode": mode, **more}
    tree = OverlayTree(EmptyTree(), {"state/connectors/it.yaml": yaml.safe_dump(declared).encode()})
    crossings: list[Crossing] = []
    connectors, findings = load(
        tree,
        root=root,
        local=root,
        secret=SECRETS.get,
        clock=lambda: NOW,
        pause=lambda _: None,
        sinks=Sinks(crossings.append),
    )
    assert findings == []
    return Stage(connectors["it"], root, crossings)


def effect(connector: Connector, capability: str, payload: Mapping[str, Any]) -> Effect:
    return Effect(
        connector.name, capability, connector.target(capability, payload), payload, "run", "step", "content/x"
    )
