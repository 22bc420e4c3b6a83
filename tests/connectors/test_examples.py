"""What `aios connectors example` prints: in order as it is, and with any of its commented lines."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aios.connectors.examples import example
from aios.connectors.registry import KINDS, Sinks, load
from aios.domain.finding import Finding
from aios.store.trees import EmptyTree, OverlayTree
from tests.connectors.cases import NOW

COMMENTED = re.compile(r"(?m)^( *)# ([a-z_]+: )")
PATH = "state/connectors/mine.yaml"


def findings_of(text: str, root: Path) -> list[Finding]:
    tree = OverlayTree(EmptyTree(), {PATH: text.encode()})
    found, findings = load(
        tree, root=root, local=root, secret=lambda _: None, clock=lambda: NOW, sinks=Sinks(lambda _: None)
    )
    assert findings or list(found) == ["mine"]
    return findings


def text_of(product: str) -> str:
    return example(product, KINDS[product]())


@pytest.mark.parametrize("product", KINDS)
def test_it_is_in_order_and_so_is_each_line_that_may_be_uncommented(product: str, tmp_path: Path) -> None:
    text = text_of(product)
    assert findings_of(text, tmp_path) == []
    commented = list(COMMENTED.finditer(text))
    assert commented
    for each in commented:
        line = text[each.start() :].partition("\n")[0]
        name = each[2]
        rest = text[: each.start()] + each[1] + text[each.start(2) :]
        if each[1] and (double := re.search(rf"(?m)^{each[1]}{name}.*\n", text)):  # it stands instead of that one
            rest = rest.replace(double[0], "")
        assert findings_of(rest, tmp_path) == [], line


@pytest.mark.parametrize("product", KINDS)
def test_it_names_every_setting(product: str) -> None:
    text = text_of(product)
    assert [name for name in KINDS[product]().settings["properties"] if not re.search(rf"\b{name}:", text)] == []
