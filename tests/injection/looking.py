"""What must hold wherever hostile texts came in, asked of the whole repository afterwards."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from aios.store.git import Git
from aios.store.log import read_events
from tests.injection.company import everything, git
from tests.injection.texts import HOST, SECRET

# What only the operator's own acts may say.
DECIDED = ("proposal.approved", "proposal.rejected", "effect.claimed", "content.published")
_AUTOLINK = re.compile(r"https?://|www\.\w|ftp://|mailto:\w", re.IGNORECASE)
_OURS = re.compile(
    r"<details><summary>[\w ]+</summary></details>|</?details>|</?summary>|<!-- aios:[\w/-]+ \w+ -->"
    r"|<details><summary>[\w ]+</summary>"
)
_STYLE = re.compile(r"\x1b\[(?:0|1|2|3\d|9\d)?m")


def assert_nothing_leaked(root: Path) -> None:
    found = [name for name, content in everything(root).items() if SECRET.encode() in content]
    assert found == []


def assert_nothing_decided(root: Path) -> None:
    """No event of any ref says that something was approved, whatever texts say."""
    refs = git(root, "for-each-ref", "--format=%(refname)").split()
    with Git(root) as opened:
        events = [event for ref in refs for event in read_events(opened, until=ref)]
    assert events
    assert {kind for event in events for kind in event.types} & set(DECIDED) == set()
    for event in events:
        assert all(len(values) == 1 or name == "Aios-Record" for name, values in event.trailers.items()), event.subject
        assert not event.actor.startswith("operator:") or event.type == "company.founded", event.subject


def assert_only_written(root: Path, allowed: str, *, branch: str) -> None:
    """A proposal's branch changes nothing but `allowed` (a pattern) and its run's record."""
    changed = git(root, "diff", "--name-only", "-z", f"main...{branch}").split("\0")
    wanted = rf"(?:{allowed})|state/runs/\d+/\d+/\w+\.yaml"
    assert [path for path in changed if path and not re.fullmatch(wanted, path)] == []


def assert_nothing_live(text: str) -> None:
    """Markdown, as git hosts read it, without links, images, HTML, mentions or closing words of strangers."""
    from markdown_it import MarkdownIt

    tokens = [
        token
        for block in MarkdownIt("commonmark").enable("table").parse(text)
        for token in (block, *(block.children or ()))
    ]
    html = [token.content.strip() for token in tokens if token.type in {"html_block", "html_inline"}]
    assert [each for each in html if not _OURS.fullmatch(each)] == []
    assert [token.attrs for token in tokens if token.type in {"link_open", "image"}] == []
    words = "\n".join(token.content for token in tokens if token.type == "text")
    assert _AUTOLINK.findall(words) == []
    assert re.findall(r"(?<![\w`/.])@\w", words) == []
    assert re.findall(r"(?:clos|fix|resolv)\w*:? #\d", words, re.IGNORECASE) == []


def assert_plain(text: str) -> None:
    """Nothing that a terminal obeys, and nothing that turns or hides what is read; styles of our own are allowed."""
    odd = {
        f"U+{ord(char):04X}"
        for char in set(_STYLE.sub("", text)) - {"\n", "\t"}
        if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co"} and char not in "\u200c\u200d\u2060"
    }
    assert odd == set()


def assert_page_is_harmless(page: bytes, shown: str, *, drawn: bool = False) -> None:
    """Nothing of a page runs or is loaded from elsewhere; it links to the hostile host only where that was shown.

    `drawn`: we draw on it.
    """
    from lxml import html

    root = html.document_fromstring(page.decode(), parser=html.HTMLParser(encoding="utf-8"))
    for element in root.iter():
        if not isinstance(element.tag, str):
            continue
        assert element.tag not in {"iframe", "object", "embed", "form", "base", "applet", "math"}, element.tag
        assert drawn or element.tag != "svg"
        assert element.tag != "script" or element.get("type") == "application/ld+json"
        assert element.get("http-equiv") in {None, "Content-Security-Policy"}
        assert [name for name in element.attrib if name.startswith("on") or name == "srcdoc"] == []
        for name in ("src", "srcset", "action", "data", "poster", "background", "formaction"):
            assert HOST not in str(element.get(name) or "")
            assert "//" not in str(element.get(name) or "")
        href = str(element.get("href") or "").strip().lower()
        if element.tag == "link" and href == "data:,":  # ours: browsers need not ask for an icon
            continue
        assert not href.startswith(("javascript:", "data:", "vbscript:", "file:")), href
        if HOST in href:
            assert element.tag == "a"
            assert element.get("rel") == "external noopener"
            assert href in shown
