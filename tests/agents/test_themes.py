"""What several notes say of one thing becomes one section, under the name they give it."""

from __future__ import annotations

from aios.agents.offline.front import load
from aios.agents.offline.material import Source, units
from aios.agents.offline.relevance import relevance
from aios.agents.offline.text.language import language
from aios.agents.offline.text.quality import fault
from aios.agents.offline.themes import themes
from aios.domain.record import Trust
from aios.example import DEMO_TOPIC, company_files

KNOWN = language("en")


def _sources(*, but: tuple[str, ...] = ()) -> list[Source]:
    found = []
    for path, content in company_files().items():
        if path.startswith("state/sources/") and not path.endswith(but):
            data, body, _ = load(content.decode())
            found.append(Source(path, str(data["title"]), body, Trust.OPERATOR))
    return found


def _themes(topic: str, sources: list[Source]) -> dict[str, set[str]]:
    every = [unit for source in sources for unit in units(source, KNOWN)]
    ranked = sorted(zip(every, relevance(every, topic, KNOWN), strict=True), key=lambda item: -item[1])[:48]
    return {stem: {unit.source.id for unit, _ in members} for stem, members in themes(ranked, topic, KNOWN)}


def test_notes_on_one_topic_share_their_themes() -> None:
    found = _themes(DEMO_TOPIC, _sources())
    assert {"churn", "notic"} <= set(found)
    assert all(len(sources) > 1 for sources in found.values())
    assert "interview-acorn-price-rise" in found["notic"]


def test_a_topic_that_one_source_carries_has_none() -> None:
    alone = [source for source in _sources() if source.id == "trial-length-experiment"]
    assert _themes("free trial length", alone) == {}


def test_irregular_words_of_a_family_are_one() -> None:
    assert len({KNOWN.stem(word) for word in ("raise", "raised", "rise", "rose", "risen")}) == 1
    assert KNOWN.stem("decision") == KNOWN.stem("decided")
    assert KNOWN.stem("price") != KNOWN.stem("prize")


def test_a_figure_is_no_version() -> None:
    assert not fault("Churn rose from 1.9 percent to 3.4 percent in March and fell again in May.", own=True)
    assert not fault("Revenue per account grew from 15.40 to 19.10 euro within seven months of that.", own=True)
    assert fault("The option has no effect since version 2.1 of the library and is ignored.", own=True)
    assert fault("Support for it works in Python 3.8 and in everything that was released later.", own=True)
