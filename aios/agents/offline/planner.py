"""The planner without a model: recalls what there is on a topic and makes an outline of it.

It promises three to seven sections, each with its material named; or a question that says what is missing, and no file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from aios.agents.offline.cut import cut
from aios.agents.offline.digested import READ, Digested, digested, fresh, read_states
from aios.agents.offline.earlier import Earlier, most_alike
from aios.agents.offline.guidance import Guidance, report, understand
from aios.agents.offline.material import Material, Unit, gather, language_of, parts_of, touching
from aios.agents.offline.outline import ENOUGH_WORDS, Section, Speech
from aios.agents.offline.phrasing import Phrasing, phrasing
from aios.agents.offline.plan import FEWEST_SECTIONS, Plan, make_plan
from aios.agents.offline.published import Places, freshness, quoted
from aios.agents.offline.relevance import query_of, relevance
from aios.agents.offline.text.headings import spelling
from aios.agents.offline.text.keyphrases import phrases
from aios.agents.offline.text.language import Language
from aios.agents.offline.text.words import stems
from aios.domain.agent import AgentCall, AgentReply, Question, Reason, Tools
from aios.domain.finding import Finding, Severity
from aios.domain.front_matter import render_markdown
from aios.domain.memory import Hit
from aios.domain.record import Record
from aios.domain.slug import slug
from aios.domain.trust import worst
from aios.domain.wording import counted

POOL = 48  # units looked at closely
FEWEST_PASSAGES = 6
FEWEST_WORDS = 200
COMFORTABLE = 320  # words of material from which weakly related sources are left alone
WEAK = (0.16, 0.05)  # of the best unit's relevance; the second where the first leaves too little


def planner(call: AgentCall, tools: Tools) -> AgentReply:
    """Plan one piece: `state/content/<record>.md` with status `planned`."""
    topic = " ".join(str(call.input["topic"]).split())
    known = language_of(tools)
    guidance = understand(call.guidance)
    wishes = guidance.all("add", "focus", "more")
    given = [str(item) for item in call.input.get("sources") or ()]
    queries = [*parts_of(topic), *wishes]
    material = gather(call, tools, queries, given=given)
    others = touching(call, tools, queries)
    before = quoted(tools.records("content"), but=_record_id(call, tools, topic))
    every = [unit for source in material.sources for unit in cut(tools, source, known)]
    speech = Speech(known, spelling(source.body for source in material.sources), _background(every, known))
    unsaid = [unit for unit in every if freshness(unit, before) == 1]
    for weak, said_before in ((WEAK[0], before), (WEAK[1], before), (WEAK[1], Places())):
        ranked = _ranked(every, topic, known, guidance, said_before, weak=weak)
        earlier = _earlier(call, tools, topic, ranked, known)
        plan = make_plan(ranked, every, topic, speech, guidance, earlier, unsaid if said_before else every)
        words = sum(section.words for section in plan.sections)
        if not _too_little(plan.sections) and (words >= COMFORTABLE or weak == WEAK[1]):
            break
    said = phrasing(known.code)
    if _too_little(plan.sections):
        return AgentReply(
            output={}, question=_question(topic, plan.sections, material, given), reasons=_read(material, others)
        )
    return _reply(call, tools, topic, (material, others), plan, earlier, guidance, said)


def _background(every: Sequence[Unit], known: Language) -> Counter[str]:
    return phrases(
        (unit.source.body[passage.start : passage.end] for unit in every for passage in unit.passages), known
    )


def _ranked(
    every: Sequence[Unit], topic: str, known: Language, guidance: Guidance, before: Places, *, weak: float
) -> list[tuple[Unit, float]]:
    focus = guidance.all("focus", "more")
    scores = relevance(every, topic, known, focus=focus)
    less = [query_of(text, known) for text in guidance.all("less")]
    scored = [
        (unit, score * freshness(unit, before) * (0.3 if any(_meets(unit, query, known) for query in less) else 1.0))
        for unit, score in zip(every, scores, strict=True)
        if score > 0
    ]
    scored.sort(key=lambda item: (-item[1], item[0].source.path, item[0].at))
    best = scored[0][1] if scored else 0.0
    return [item for item in scored if item[1] >= weak * best][:POOL]


def _meets(unit: Unit, query: Mapping[str, float], known: Language) -> bool:
    return bool(query) and set(query) <= set(stems(unit.heading, known)) | set(unit.stems)


def _earlier(
    call: AgentCall, tools: Tools, topic: str, ranked: Sequence[tuple[Unit, float]], known: Language
) -> Earlier | None:
    refresh = str(call.input.get("refresh") or "")
    record = tools.record("content", refresh) if refresh else None
    if record is not None:
        return Earlier(record, 1.0, covers=True)
    names = [unit.heading for unit, _ in ranked[:12]]
    sources = [unit.source.id for unit, _ in ranked]
    return most_alike(tools.records("content"), topic, names, known, sources=sources)


def _too_little(made: Sequence[Section]) -> bool:
    return (
        len(made) < FEWEST_SECTIONS
        or sum(section.passages for section in made) < FEWEST_PASSAGES
        or sum(section.words for section in made) < FEWEST_WORDS
    )


def _question(topic: str, made: Sequence[Section], material: Material, given: Sequence[str]) -> Question:
    words = sum(section.words for section in made)
    passages = sum(section.passages for section in made)
    sources = sorted({source for section in made for source in section.sources})
    looked = f"{len(material.sources)} source{'s' if len(material.sources) != 1 else ''} read"
    have = (
        f"{passages} quotable passage{'s' if passages != 1 else ''} ({words} words) in {', '.join(sources)}"
        if sources
        else "nothing quotable"
    )
    text = (
        f"There is too little material on “{topic}” for an honest piece: {looked}, {have}. A piece needs at least "
        f"{FEWEST_SECTIONS} sections with {FEWEST_PASSAGES} passages and {FEWEST_WORDS} words between them. "
        f"Nothing was written. Start again with files or folders that speak about the topic: "
        f'`aios run publish-content --replace --input topic="{topic}" --input sources=PATH`.'
    )
    evidence = [f"found: {section.heading} ({section.words} words, {', '.join(section.sources)})" for section in made]
    evidence += [f"given, but without a passage on the topic: {source}" for source in given if source not in sources][
        :10
    ]
    return Question(text, evidence=tuple(evidence))


def _read(material: Material, others: Sequence[Hit]) -> tuple[Reason, ...]:
    read = tuple(source.path.removeprefix("state/").removesuffix(".md") for source in material.sources)
    reasons = [Reason(f"read {counted(len(read), 'source')}", "recalled for the topic, best first", read[:40])]
    if material.left_out:
        reasons.append(
            Reason(f"left out {counted(len(material.left_out), 'source')}", "; ".join(material.left_out[:8]))
        )
    other = [hit for hit in others if hit.path.startswith(("memory/lessons/", "state/decisions/"))][:6]
    if other:
        refs = tuple(dict.fromkeys(hit.path.removeprefix("state/").rsplit(".", 1)[0] for hit in other))
        titles = "; ".join(dict.fromkeys(hit.title for hit in other if hit.title))
        reasons.append(Reason("earlier lessons and decisions that touch the topic", titles or "recalled", refs))
    return tuple(reasons)


def _record_id(call: AgentCall, tools: Tools, topic: str) -> str:
    """slug(topic); another id only where a different piece has that one."""
    refresh = str(call.input.get("refresh") or "")
    if refresh and tools.record("content", refresh) is not None:
        return refresh
    base = slug(topic, limit=58)
    name, number = base, 1
    while (taken := tools.record("content", name)) is not None:
        same = slug(str(taken.get("topic") or taken.get("title") or ""), limit=58) == base
        if same or taken.get("run") == call.run:
            return name
        number += 1
        name = f"{base}-{number}"
    return name


def _questions(tools: Tools, made: Sequence[Section], before: Digested, said: Phrasing) -> list[list[dict[str, Any]]]:
    found: list[list[dict[str, Any]]] = []
    for number, section in enumerate(made, 1):
        places = [{"source": unit.source.id, "heading": unit.heading, "at": unit.at} for unit in section.units]
        at = [(unit.source.id, unit.at) for unit in section.units]
        held = [before.notes[place] for place in at if place in before.notes]
        text = said.question(section.heading, section.phrases)
        asked = {"id": f"q{number}", "text": text, "material": places, "notes": list(dict.fromkeys(held))}
        if before.known:
            asked["fresh"] = fresh(tools, before, text)
        found.append([asked])
    return found


def _weak(made: Sequence[Section], said: Phrasing) -> list[str]:
    """What the whole piece lacks, in few lines."""
    alone = [section.heading for section in made if len(section.sources) == 1]
    weak = [said.one_source(said.quoting(alone))] if alone else []
    return weak + [said.thin(section.heading, section.words) for section in made if section.words < 1.4 * ENOUGH_WORDS]


def _gaps(section: Section, said: Phrasing) -> list[str]:
    gaps = []
    if len(section.sources) == 1:
        gaps.append(said.one_source(said.quoting([section.heading])))
    if section.words < 1.4 * ENOUGH_WORDS:
        gaps.append(said.thin(section.heading, section.words))
    return gaps


def _product(tools: Tools, topic: str, known: Language) -> Record | None:
    about = set(stems(topic, known))
    for product in tools.records("product"):
        name = set(stems(str(product.get("name", "")), known))
        if name and name <= about and product.get("status") in {"live", "beta"}:
            return product
    return None


def _reply(
    call: AgentCall,
    tools: Tools,
    topic: str,
    read: tuple[Material, Sequence[Hit]],
    plan: Plan,
    earlier: Earlier | None,
    guidance: Guidance,
    said: Phrasing,
) -> AgentReply:
    material, others = read
    record = _record_id(call, tools, topic)
    path = f"state/content/{record}.md"
    old = tools.record("content", record)
    title = guidance.title or topic[:1].upper() + topic[1:]
    gaps = [*plan.gaps, *_weak(plan.sections, said)]
    used = list(dict.fromkeys(source for section in plan.sections for source in section.sources))
    before = digested(call, tools, used, material.states)
    questions = _questions(tools, plan.sections, before, said)
    trusts = [source.trust for source in material.sources if source.id in used]
    grew_from = earlier.record.id if earlier else ""
    changed = [*plan.changed, *(_news(earlier.record, used, material.states) if earlier else ())]
    product = _product(tools, topic, language_of(tools))
    by_hand = old is not None and bool((old.body or "").strip()) and not old.get("tier") and old.get("url")
    data: dict[str, Any] = {
        "schema": "content.v1",
        "title": title,
        "summary": said.summary([section.heading for section in plan.sections], len(used)),
        "slug": str(old.get("slug") if old and old.get("url") else slug(title)),
        "status": "planned",
        "created": str(old.get("created") or call.now) if old else call.now,
        "updated": call.now,
        "tags": _tags(topic, plan.sections),
        "topic": topic,
        "sources": used,
        **({"grew_from": grew_from, "kept": plan.kept, "changed": changed} if grew_from else {}),
        "outline": [
            {
                "heading": section.heading,
                "questions": asked,
                "coverage": {"passages": section.passages, "sources": len(section.sources), "words": section.words},
                "gaps": _gaps(section, said),
            }
            for section, asked in zip(plan.sections, questions, strict=True)
        ],
        "missing": gaps,
        READ: dict(sorted(material.states.items())),
        "tier": "offline",
        "run": call.run,
        "trust": worst(trusts).value,
    }
    if by_hand and old is not None:
        # What a person wrote stays theirs: the piece grows, and nothing of it is rewritten.
        data |= {key: old.get(key) for key in ("title", "summary", "description", "tags") if old.get(key)}
        data["sources"] = list(dict.fromkeys([*map(str, old.get("sources") or ()), *used]))
        del data["tier"]
    if product is not None:
        data["product"] = product.id
    if old is not None:
        data |= {
            key: old.get(key)
            for key in ("url", "published", "receipt", "product", "project", "audience")
            if old.get(key)
        }
    output = {
        "record": record,
        "title": title,
        "questions": [
            {"id": item["id"], "section": section.heading, "text": item["text"]}
            for section, asked in zip(plan.sections, questions, strict=True)
            for item in asked
        ],
        "grew_from": grew_from,
        "gaps": gaps,
    }
    return AgentReply(
        output=output,
        files={path: render_markdown(data, old.body or "" if by_hand and old else "")},
        title=f"{title}: {counted(len(plan.sections), 'section')} from {counted(len(used), 'source')}",
        reasons=(*_reasons(plan, changed, earlier, product), *_read(material, others)),
        findings=(*_duplicate(earlier, record, path), *report(guidance, path, done=plan.done)),
        confidence=_confidence(plan.sections),
    )


def _news(earlier: Record, used: Sequence[str], states: Mapping[str, str]) -> list[str]:
    """What became of the material since the earlier piece was planned; nothing where that plan does not tell."""
    then = read_states(earlier.data)
    new = [name for name in used if then and name in states and name not in then]
    other = [name for name in used if then.get(name, states.get(name)) != states.get(name)]
    told = [f"new since then: {', '.join(new)}"] if new else []
    return told + ([f"changed since then, and read anew: {', '.join(other)}"] if other else [])


def _tags(topic: str, made: Sequence[Section]) -> list[str]:
    """The topic's parts, and the key phrases that made it into a heading."""
    named = [phrase for section in made for phrase in section.phrases[:3] if phrase.lower() in section.heading.lower()]
    names = [*(parts_of(topic)[1:] or (topic,)), *named]
    return list(dict.fromkeys(slug(name) for name in names if len(name.split()) <= 3))[:6]


def _confidence(made: Sequence[Section]) -> float:
    passages = min(1.0, sum(section.passages for section in made) / 18)
    several = sum(len(section.sources) > 1 for section in made) / len(made)
    return round(0.55 + 0.3 * passages + 0.15 * several, 3)


def _reasons(plan: Plan, news: Sequence[str], earlier: Earlier | None, product: Record | None) -> list[Reason]:
    reasons = []
    if earlier is not None:
        kept = f"keeps “{'”, “'.join(plan.kept)}”" if plan.kept else "keeps none of its headings"
        changed = "; ".join(news) or "changes nothing"
        reasons.append(
            Reason(
                f"grew from “{earlier.record.get('title')}” (likeness {earlier.likeness:.2f})",
                f"{kept}; {changed}",
                (earlier.record.ref,),
            )
        )
    if product is not None:
        reasons.append(Reason(f"is about the product {product.get('name')}", "the topic names it", (product.ref,)))
    for section in plan.sections:
        where = tuple(
            f"{unit.source.path}:{unit.passages[0].start}-{unit.passages[-1].end}" for unit in section.units[:6]
        )
        heading = (
            f"heading of “{section.origin.source.title}”"
            if section.origin
            else "heading kept, asked for or made of key phrases"
        )
        telling = f", key phrases {', '.join(section.phrases[:4])}" if section.phrases else ""
        amount = f"{counted(section.passages, 'passage')} in {', '.join(section.sources)}"
        why = f"{amount}; relevance {section.score:.2f}; {heading}{telling}"
        reasons.append(Reason(f"section “{section.heading}”", why, where))
    return reasons


def _duplicate(earlier: Earlier | None, record: str, path: str) -> list[Finding]:
    if earlier is None or not earlier.covers:
        return []
    title = earlier.record.get("title")
    if earlier.record.id == record:
        message = f"“{title}” covers this topic already ({earlier.record.get('status')}): this renews it in place"
        hint = "reject the proposal to leave the earlier text as it is"
    else:
        message = f"“{title}” ({earlier.record.path}) covers this topic already: this would be a second piece on it"
        hint = (
            f"renew the earlier piece instead (its topic: {earlier.record.get('topic') or title}), or narrow this topic"
        )
    return [Finding(path, 0, 0, "duplicate-topic", message, hint, Severity.WARNING)]
