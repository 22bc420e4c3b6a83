"""A declaration of each connector in the box, with comments: what `aios connectors example` prints."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from aios.store.documents import parse

if TYPE_CHECKING:
    from aios.connectors.registry import Kind

HEAD = "# yaml-language-server: $schema=../schemas/connector.v1.json\nschema: connector.v1\n"
AROUND = """\
# mode: dry-run                    # everything but the last step; `live` does it, `observe` only reads
# capabilities: [CAPABILITY]   # only these of what it offers
# limits: {rate: 60/m, acts: {per_apply: 50, per_day: 200}}   # calls; effects at a time and on a day
# retry: {attempts: 3, backoff: 2s}
# breaker: {failures: 5, pause: 10m}   # leaves a service alone that keeps failing
"""


def example(product: str, kind: Kind) -> str:
    """The text of a file that `aios check` finds in order. Every line `# name: value` in it may be uncommented, in
    place of a line with that name where there is one."""
    text = _text(product)
    settings = parse("", text.encode())[0]
    offers = kind.offers(settings.data["settings"]) if kind.offers and settings else kind.capabilities
    given = {line.partition(":")[0] for line in text.splitlines()}
    around = [line for line in AROUND.splitlines() if line.removeprefix("# ").partition(":")[0] not in given]
    return HEAD + text + "\n".join([*around, ""]).replace("CAPABILITY", next(iter(offers)))


def summary(product: str) -> str:
    """What it is, in its example's first words."""
    return _text(product).partition("\n")[0].removeprefix("# ")


def _text(product: str) -> str:
    return resources.files(__name__).joinpath(f"{product}.yaml").read_text("utf-8")
