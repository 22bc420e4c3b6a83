"""What the tests of mail share: a connector without sidecars, effects, and whoever dies in the middle of one."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from aios.connectors.mail.connector import MailConnector, connect
from aios.connectors.surroundings import Surroundings
from aios.domain.effect import Effect
from aios.effects.executor import Ask, Done, execute, settle
from aios.effects.ledger import Ledger
from aios.store.git import Git
from tests.connectors.cases import MAIL, NOW, SECRET
from tests.connectors.stands import Stand
from tests.effects.service import AT, desk
from tests.kills import dies_at

BOUNDARIES = (
    "before claim", "after claim", "before act", "composed", "begun", "transmitted", "sending", "taken", "accepted",
    "appended", "after act", "before receipt", "after receipt",
)  # fmt: skip


def connector(stand: Stand, root: Path, *, proxy: str = "", **settings: Any) -> MailConnector:
    """`proxy` is the address of one in front of SMTP; settings that are None are left out."""
    root.mkdir(parents=True, exist_ok=True)
    around = Surroundings(root, root / "local", lambda: NOW, lambda name: SECRET if name == "TOKEN" else None, _no)
    merged = {**stand.settings(proxy or stand.address), **settings}
    return connect("post", {name: value for name, value in merged.items() if value is not None}, around)


def _no(_: float) -> None:
    return


def mail(here: MailConnector, **more: Any) -> Effect:
    payload: Mapping[str, Any] = {**MAIL, **more}
    return Effect("post", "mail.send", here.target("mail.send", payload), payload, "run", "send", "messages/hello")


def perform(here: MailConnector, effect: Effect, git: Git, checkpoint: Callable[[str], None] = lambda _: None) -> Any:
    return execute(effect, here, desk(git, checkpoint=checkpoint), approved={effect.key}, approved_commit="0" * 40)


def die_everywhere(stand: Stand, root: Path, company: Path, count: Callable[[str], int]) -> dict[str, tuple[str, int]]:
    """Send a mail as often as there are boundaries, dying at each, and again; what came of the second attempt at each,
    and how many mails were there then. In the end each was sent once, whatever the operator had to be asked."""
    came: dict[str, tuple[str, int]] = {}
    for number, boundary in enumerate(BOUNDARIES, 1):
        here = connector(stand, root / "work")
        effect = mail(here, id=boundary, subject=f"Dying {boundary}")

        def drive(_: Path, checkpoint: Callable[[str], None], effect: Effect = effect) -> object:
            with Git(company) as git:
                dying = replace(connector(stand, root / "work"), checkpoint=checkpoint)
                return perform(dying, effect, git, checkpoint)

        with warnings.catch_warnings():  # the stand's threads are none of the child's
            warnings.simplefilter("ignore", DeprecationWarning)
            assert dies_at(root, number, drive), boundary
        with Git(company) as git:
            done = perform(here, effect, git)
            sent = count(f"Dying {boundary}")
            came[boundary] = (type(done).__name__, sent)
            if isinstance(done, Ask):  # the operator looks into the mailbox, and says what they see
                settle(Ledger(git), effect.key, happened=sent == 1, url="", now=AT, by="olga")
                assert isinstance(perform(here, effect, git), Done)
            assert count(f"Dying {boundary}") == 1, boundary
    return came
