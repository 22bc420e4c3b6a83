"""The writer without a model: arranges researched passages into a piece, with light connections and a footnote each.

It promises that every sentence is a slice of a source, a template, or a value of a record, and that the evidence file
lists them all in order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aios.agents.evidence import evidence_path, render
from aios.agents.offline.cut import cut
from aios.agents.offline.front import load, load_yaml
from aios.agents.offline.guidance import Guidance, meant, report, understand
from aios.agents.offline.material import Source, language_of, read_source
from aios.agents.offline.phrasing import Phrasing, phrasing
from aios.agents.offline.piece import Piece
from aios.agents.offline.published import Places, is_quoted, quoted
from aios.agents.offline.research_note import note_path
from aios.agents.offline.selection import Chosen, Pick, select
from aios.agents.offline.text.headings import clean, is_generic, spelling
from aios.agents.offline.text.language import Language
from aios.agents.offline.text.passages import Passage
from aios.agents.offline.text.similarity import jaccard
from aios.agents.offline.text.words import stems
from aios.domain.agent import AgentCall, AgentReply, Reason, Tools
from aios.domain.finding import Finding, Severity
from aios.domain.front_matter import render_markdown
from aios.domain.keys import digest
from aios.domain.loose import mappings
from aios.domain.slug import slug
from aios.domain.trust import worst
from aios.domain.wording import counted
from aios.errors import AiosError

WORDS = 1000  # of prose, aimed at when the operator says nothing
ENOUGH_WORDS = 45  # of a section, beyond which it repeats nothing that a piece says already
FEWEST_WORDS = 450  # of a piece that leaves out what was said before
ADDED = 40  # percent of that, added to what a person wrote
SAME_HEADING = 0.5  # of the stems of both
_DEFINES = re.compile(
    r"^(?:an?\s|the\s|ein\w*\s|der\s|die\s|das\s)?[`*\w][^,;:.]{1,45}\s(?:is|are|means|refers\sto|stands\sfor|ist|sind|bedeutet)\s"
    r"(?:an?\b|the\b|when\b|what\b|how\b|ein\w*\b|der\b|die\b|das\b)",
    re.IGNORECASE,
)


# By path: the source (None: gone) and its passages by place.
Sources = dict[str, tuple[Source | None, Mapping[tuple[int, int], Passage]]]


@dataclass(frozen=True, slots=True)
class _Section:
    heading: str
    picks: list[Pick]
    findings: list[Finding]


@dataclass(frozen=True, slots=True)
class Draft:
    """What a piece is written from: the plan's data, what a person wrote already, and each section's passages.

    `missing` are the gaps, `findings` what was odd about the material and what came of the operator's words.
    """

    data: Mapping[str, Any]
    written: str
    filled: Sequence[tuple[str, list[Pick]]]
    missing: list[str]
    findings: list[Finding]


def writer(call: AgentCall, tools: Tools) -> AgentReply:
    """Draft `state/content/<record>.md` and `state/evidence/<record>.yaml` from the plan and the research notes."""
    draft, known = gathered(call, tools), language_of(tools)
    said, path = phrasing(known.code), f"state/content/{call.input['record']}.md"
    if draft.written:
        piece = _continued(draft.written, path, draft.filled, said, known)
    else:
        piece = _compose(tools, draft.data, draft.filled, said, known)
    return finished(call, draft, piece, known)


def gathered(call: AgentCall, tools: Tools) -> Draft:
    """The plan's sections with the passages that fit. Raises AiosError where there is no plan or no passage."""
    record = str(call.input["record"])
    path = f"state/content/{record}.md"
    text = tools.read(path)
    if text is None:
        raise AiosError(f"there is no plan {path} to write from", "plan the piece first")
    data, body, _ = load(text)
    written = "" if data.get("tier") else body.strip()  # the plan of a person's piece keeps what they wrote
    known = language_of(tools)
    guidance = understand(call.guidance)
    sources: Sources = {}
    before = quoted(tools.records("content"), but=record)
    sections = [_section(tools, record, item, sources, known) for item in data.get("outline") or ()]
    sections = _unsaid(sections, before)
    done: dict[str, str] = {}
    sections = _dropped(sections, guidance, known, done)
    chosen = select(
        [section.picks for section in sections],
        known,
        words=_aim(sections, guidance) * ADDED // 100 if written else _aim(sections, guidance),
        wanted=guidance.all("focus", "more"),
        unwanted=guidance.all("less"),
    )
    filled = [(section.heading, picks) for section, picks in zip(sections, chosen.sections, strict=True) if picks]
    missing = _missing(data, sections, chosen, phrasing(known.code))
    if not filled:
        raise AiosError(
            f"no passage for {record} was good enough to quote", "add sources on the topic and plan it again"
        )
    told = [*(finding for section in sections for finding in section.findings), *report(guidance, path, done=done)]
    return Draft(data, written, filled, missing, told)


def introduction(draft: Draft, known: Language) -> tuple[str, str]:
    """The sentence that says what the piece draws on, and its rule."""
    said = phrasing(known.code)
    sources = {pick.source.path: pick.source for _, picks in draft.filled for pick in picks}
    spellings = spelling(source.body for source in sources.values())
    topic = _inside(str(draft.data.get("topic") or draft.data.get("title")), spellings, known)
    titles = list(dict.fromkeys(title_of(source) for source in sources.values()))
    return said.intro.format(topic=topic, sources=said.named(titles)), "introduction"


def finished(call: AgentCall, draft: Draft, piece: Piece, known: Language, *, tier: str = "offline") -> AgentReply:
    """The reply for a piece, whoever wrote it."""
    own = _own(draft.data, draft.filled) if draft.written else {}
    return _reply(call, own, draft, piece, known, tier)


def _section(
    tools: Tools,
    record: str,
    item: Mapping[str, Any],
    sources: Sources,
    known: Language,
) -> _Section:
    """A planned section with the passages that its notes name, best first, each checked against its source."""
    picks: list[Pick] = []
    findings: list[Finding] = []
    for asked in item.get("questions") or ():
        note = note_path(record, str(asked.get("id")))
        data = load_yaml(tools.front(note) or "")
        for entry in mappings(data.get("x-passages")):
            name = str(entry.get("source"))
            if name not in sources:
                sources[name] = _cut(tools, read_source(tools, name), known)
            source, places = sources[name]
            passage = _passage(source, places, entry) if source else None
            if source is None or passage is None:
                message = (
                    f"{name} no longer has the passage at {entry.get('start')}–{entry.get('end')}; it is not quoted"
                )
                findings.append(Finding(note, 0, 0, "source-changed", message, "research it again", Severity.WARNING))
            else:
                picks.append(Pick(source, passage, note, str(entry.get("heading") or "")))
    return _Section(str(item.get("heading") or ""), picks, findings)


def _unsaid(sections: Sequence[_Section], before: Places) -> list[_Section]:
    """First what no published piece quotes; the rest only as far as a section needs it to stand on its own.

    Where that would leave too little of a piece, everything stays.
    """
    found = []
    for section in sections:
        said = [pick for pick in section.picks if is_quoted(pick.source.path, pick.passage, before)]
        kept = [pick for pick in section.picks if pick not in said]
        for pick in said:
            if sum(each.passage.words for each in kept) < ENOUGH_WORDS:
                kept.append(pick)
        found.append(replace(section, picks=kept))
    words = sum(pick.passage.words for section in found for pick in section.picks)
    return found if words >= FEWEST_WORDS else list(sections)


def _cut(
    tools: Tools, source: Source | None, known: Language
) -> tuple[Source | None, Mapping[tuple[int, int], Passage]]:
    """A source with its passages by place, cut once however many of them are named."""
    found = cut(tools, source, known) if source else ()
    return source, {(passage.start, passage.end): passage for unit in found for passage in unit.passages}


def _passage(source: Source, places: Mapping[tuple[int, int], Passage], entry: Mapping[str, Any]) -> Passage | None:
    """The passage at the note's place, if the source still says there what the note saw."""
    start, end = entry.get("start"), entry.get("end")
    if not (isinstance(start, int) and isinstance(end, int)):
        return None
    if start < 0 or digest(source.body[start:end].encode()) != entry.get("sha256"):
        return None
    return places.get((start, end))


def _dropped(sections: list[_Section], guidance: Guidance, known: Language, done: dict[str, str]) -> list[_Section]:
    for directive in guidance.directives:
        names = [section.heading for section in sections]
        there = meant(directive.what, names, known)
        if directive.name == "drop":
            sections = [section for section in sections if section.heading not in there]
            done[directive.text] = f"dropped “{'”, “'.join(there)}”" if there else "there is no such section"
        elif directive.name in {"shorter", "longer"}:
            done[directive.text] = f"aimed at {_aim(sections, guidance)} words"
        elif directive.name == "title":
            done[directive.text] = "taken as the title"
        elif directive.name == "add":
            done[directive.text] = (
                "it is there" if there else "left to the planner, who finds the material for a section"
            )
        else:
            done[directive.text] = "weighed when choosing among the researched passages"
    return sections


def _aim(sections: Sequence[_Section], guidance: Guidance) -> int:
    """Words to aim at. “Shorter” is shorter than what the material would give."""
    available = sum(pick.passage.words for section in sections for pick in section.picks)
    return round(min(WORDS, available) * guidance.length) if guidance.length < 1 else round(WORDS * guidance.length)


def _missing(data: Mapping[str, Any], sections: Sequence[_Section], chosen: Chosen, said: Phrasing) -> list[str]:
    missing = [str(gap) for gap in data.get("missing") or ()]
    empty = [section.heading for section, picks in zip(sections, chosen.sections, strict=True) if not picks]
    return list(dict.fromkeys([*missing, *(said.empty.format(heading=heading) for heading in empty)]))


def _compose(
    tools: Tools, data: Mapping[str, Any], filled: Sequence[tuple[str, list[Pick]]], said: Phrasing, known: Language
) -> Piece:
    piece = Piece()
    sources = {pick.source.path: pick.source for _, picks in filled for pick in picks}
    spellings = spelling(source.body for source in sources.values())
    topic = _inside(str(data.get("topic") or data.get("title")), spellings, known)
    titles = list(dict.fromkeys(title_of(source) for source in sources.values()))
    names = _named([heading for heading, _ in filled], spellings, said, known)
    own = all(source.own for source in sources.values())
    piece.connect(
        (said.intro.format(topic=topic, sources=said.named(titles)), "introduction"),
        (said.covers.format(headings=said.series(names)), "headings-of-the-piece"),
        (said.own if own else said.quoted, "how-to-read"),
    )
    met: dict[str, int] = {}
    for heading, picks in filled:
        origin = next((pick for pick in picks if clean(pick.heading).lower() == heading.lower()), None)
        place = origin.passage.heading_at if origin else None
        piece.heading(
            heading,
            rule="heading-of-a-source" if origin else "heading-of-the-plan",
            source=origin.source.path if origin else "",
            start=place if place is not None and place >= 0 else None,
        )
        _write_section(piece, heading, picks, said, known, met)
    product = tools.record("product", str(data["product"])) if data.get("product") else None
    if product is not None and product.get("summary"):
        text = said.product.format(name=product.get("name"), summary=" ".join(str(product.get("summary")).split()))
        piece.record(text, source=product.path, rule="product-summary")
    return piece


def _continued(
    written: str, path: str, filled: Sequence[tuple[str, list[Pick]]], said: Phrasing, known: Language
) -> Piece:
    """What a person wrote, word for word; new passages behind the section they belong to, new sections at the end."""
    piece = Piece()
    left = list(filled)
    met: dict[str, int] = {}
    for section in re.split(r"(?m)^(?=## )", written):
        for block in re.split(r"\n{2,}", section.strip()):
            piece.keep(block, source=path)
        about = set(stems(section.partition("\n")[0], known))
        for heading, picks in [each for each in left if jaccard(about, set(stems(each[0], known))) >= SAME_HEADING]:
            left.remove((heading, picks))
            _write_section(piece, heading, picks, said, known, met)
    for heading, picks in left:
        piece.heading(heading, rule="heading-of-the-plan")
        _write_section(piece, heading, picks, said, known, met)
    return piece


def _own(data: Mapping[str, Any], filled: Sequence[tuple[str, list[Pick]]]) -> dict[str, Any]:
    """What stays of a person's record: its title and words about itself; it remains theirs."""
    used = [pick.source.id for _, picks in filled for pick in picks]
    kept = {key: data[key] for key in ("title", "summary", "description", "slug") if data.get(key)}
    return {**kept, "sources": list(dict.fromkeys([*map(str, data.get("sources") or ()), *used])), "tier": None}


def _write_section(
    piece: Piece, heading: str, picks: list[Pick], said: Phrasing, known: Language, met: dict[str, int]
) -> None:
    """The section's passages source by source, each source in its own order, a definition first."""
    quoted: list[Pick] = []
    for place, run in enumerate(runs(picks, set(stems(heading, known)), known)):
        source = run[0].source
        lead = "" if source.own else _lead(place, run[0], heading, said, known, met)
        if quoted and (lead or quoted[-1].source.path != source.path):
            _quote(piece, quoted)
            quoted = []
        if lead:
            piece.connect((lead, "attribution"))
        quoted += run
        met[source.path] = met.pop(source.path, 0) + 1  # the last to speak comes last
    if quoted:
        _quote(piece, quoted)


def _quote(piece: Piece, picks: list[Pick]) -> None:
    piece.quote(picks[0].source, [(pick.passage, pick.note) for pick in picks])


def runs(picks: Sequence[Pick], about: set[str], known: Language) -> list[list[Pick]]:
    """Picks grouped by source, in the source's order, then by heading.

    First the source with a definition, then one whose heading is the section's (`about`), else as ranked.
    """
    order: dict[str, tuple[int, int, int]] = {}
    for place, pick in enumerate(picks):
        first = pick.source.body[pick.passage.start : pick.passage.end]
        defines = 0 if _DEFINES.match(first) and pick.passage.opening else 1
        fits = max(jaccard(about, set(stems(name, known))) for name in (pick.heading, pick.source.title))
        mine = (defines, 0 if fits >= 0.5 else 1, place)
        order[pick.source.path] = min(order.get(pick.source.path, mine), mine)
    grouped: list[list[Pick]] = []
    for pick in sorted(picks, key=lambda pick: (order[pick.source.path], pick.passage.start)):
        last = grouped[-1][-1] if grouped else None
        if last and last.source.path == pick.source.path and last.passage.heading_at == pick.passage.heading_at:
            grouped[-1].append(pick)
        else:
            grouped.append([pick])
    return grouped


def _lead(number: int, first: Pick, heading: str, said: Phrasing, known: Language, met: dict[str, int]) -> str:
    """The sentence that says whose words follow, and under which heading where it is not the section's."""
    title = title_of(first.source)
    under = clean(first.heading)
    about = set(stems(under, known))
    same = not about or is_generic(under) or jaccard(about, set(stems(heading, known))) >= 0.5
    same = same or jaccard(about, set(stems(title, known))) >= 0.5 or "`" in under
    turn = sum(met.values())
    if first.source.path == next(iter(reversed(met)), ""):
        # Nobody else has spoken since: the quotation goes on, or the section's heading is the source's own.
        return "" if same else said.under_same.format(heading=under)
    if not same:
        return said.under.format(title=title, heading=under)
    if first.source.path not in met and not number:
        return said.leads[len(met) % len(said.leads)].format(title=title)
    templates = said.adds if number else said.again
    return templates[turn % len(templates)].format(title=title)


def title_of(source: Source) -> str:
    """The source's title without the site's name behind it."""
    return re.split(r"\s+[—|–]\s+|\s+-\s+(?=[A-Z])", clean(source.title).replace("*", ""))[0].replace("`", "")


def _inside(text: str, spellings: Mapping[str, str], known: Language) -> str:
    """As it is written in the middle of a sentence: the first letter small unless it begins a name."""
    first = re.match(r"[^\W\d_]+", text)
    if known.code == "de" or first is None or first.group()[1:] != first.group()[1:].lower():
        return text
    written = spellings.get(first.group().lower(), first.group().lower())
    return written + text[first.end() :]


def _named(headings: Sequence[str], spellings: Mapping[str, str], said: Phrasing, known: Language) -> list[str]:
    """Headings as they are named in a sentence; questions in quotation marks."""
    return [
        said.marks.format(heading) if heading.endswith(("?", "!")) else _inside(heading, spellings, known)
        for heading in headings
    ]


def _reply(
    call: AgentCall,
    own: Mapping[str, Any],
    draft: Draft,
    piece: Piece,
    known: Language,
    tier: str,
) -> AgentReply:
    data, filled, missing = draft.data, draft.filled, draft.missing
    said, guidance = phrasing(known.code), understand(call.guidance)
    record = str(call.input["record"])
    path = f"state/content/{record}.md"
    title = guidance.title or str(data.get("title"))
    spellings = spelling(pick.source.body for _, picks in filled for pick in picks[:1])
    headings = _named([heading for heading, _ in filled], spellings, said, known)
    used = list(dict.fromkeys(pick.source.id for _, picks in filled for pick in picks))
    trust = worst(pick.source.trust for _, picks in filled for pick in picks).value
    fresh: dict[str, Any] = {
        **data,
        "title": title,
        "summary": f"{title}: {said.summary(headings, len(used))}",
        "description": said.description(title, headings, len(used)),
        "slug": data.get("slug") if data.get("url") or not guidance.title else slug(title),
        "status": "drafted",
        "updated": call.now,
        "sources": used,
        "missing": missing,
        "tier": tier,
        "words": piece.words,
        "run": call.run,
        "trust": trust,
        **own,
    }
    if fresh["tier"] is None:
        del fresh["tier"]
    evidence = render(record, piece.sentences, run=call.run, tier=tier, created=call.now, trust=trust)
    reasons = [
        Reason(
            f"“{heading}” {'quotes' if tier == 'offline' else 'draws on'} {counted(len(picks), 'passage')}",
            "chosen from the research notes by rank, kept in their sources' order, repetitions left out",
            tuple(f"{pick.source.path}:{pick.passage.start}-{pick.passage.end}" for pick in picks),
        )
        for heading, picks in filled
    ]
    reasons.append(
        Reason(
            f"{counted(len(piece.footnotes), 'passage')} used",
            f"{piece.words} words; what else was researched repeats them or exceeds the length",
        )
    )
    return AgentReply(
        output={"record": record, "words": piece.words, "citations": len(piece.footnotes), "missing": missing},
        files={path: render_markdown(fresh, piece.body()), evidence_path(path): evidence},
        title=f"{title}: {counted(len(filled), 'section')}, {piece.words} words, "
        f"{counted(len(piece.footnotes), 'citation')}",
        reasons=tuple(reasons),
        findings=tuple(draft.findings),
        confidence=round(min(1.0, 0.4 + 0.1 * len(filled) + piece.words / 4000), 3),
    )
