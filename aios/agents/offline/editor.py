"""The editor without a model: mends what is mechanical, lists the rest with its place, scores, and asks when in doubt.

It promises that a quotation's words are never changed and that the evidence is kept in step with every change. What the
operator wrote into the draft is kept and marked as theirs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aios.agents.checks import CHECKS, align, headings
from aios.agents.evidence import RECORD, REFERENCE, Sentence, evidence_path, parse, render
from aios.agents.offline import copyedit, wording
from aios.agents.offline.assess import Assessment, Subject, assess
from aios.agents.offline.front import load
from aios.agents.offline.guidance import Guidance, meant, report, understand
from aios.agents.offline.material import language_of
from aios.agents.offline.phrasing import DESCRIPTION, Phrasing, phrasing
from aios.agents.offline.related import Related, links, related
from aios.agents.offline.text.language import Language
from aios.agents.offline.text.sentences import sentences
from aios.agents.offline.text.words import count_words
from aios.domain.agent import AgentCall, AgentReply, Question, Reason, Tools
from aios.domain.finding import Finding, Severity
from aios.domain.front_matter import render_markdown, split
from aios.domain.record import Record
from aios.domain.slug import is_slug, slug
from aios.errors import AiosError, RefusedError

Heard = tuple[Guidance, dict[str, str]]  # the operator's words, and what came of each
ANYWAY = "publish anyway"
STOP = "stop"


@dataclass(frozen=True, slots=True)
class _Edited:
    """The piece after mending: its parts, and what was done."""

    data: dict[str, Any]
    body: str
    evidence: list[Sentence]
    fixed: list[str]
    added: list[Related]
    by_operator: list[tuple[int, str]]
    heeded: list[tuple[wording.Rule, int]]


def editor(call: AgentCall, tools: Tools) -> AgentReply:
    """Edit `state/content/<record>.md` and its evidence; status becomes `edited`."""
    record = str(call.input["record"])
    path = f"state/content/{record}.md"
    text, proof = tools.read(path), tools.read(evidence_path(path))
    if text is None or proof is None:
        missing = path if text is None else evidence_path(path)
        raise AiosError(f"there is no {missing} to edit", "draft the piece first")
    guidance = understand(call.guidance)
    if guidance.answers and guidance.answers[-1] == STOP:
        raise RefusedError(f"the operator stopped {record}", "start a new run when there is more to say")
    known = language_of(tools)
    said = phrasing(known.code)
    others = [other for other in tools.records("content") if other.id != record]
    head, sentences_ = parse(proof)
    done: dict[str, str] = {}
    told = wording.rules(tools, now=call.now, workflow=call.run.partition("/")[0], agent=call.contract.name)
    edited = _mend(record, text, sentences_, others, (guidance, done), known, said, told)
    data = {**edited.data, "status": "edited", "updated": call.now, "run": call.run}
    files = _files(call, record, data, edited, head)
    subject = Subject(path, data, edited.body, split(files[path])[2], edited.evidence)
    broken = [finding for check in CHECKS.values() for finding in check(_overlay(files, tools), path)]
    found = assess(subject, broken, others, known)
    data["score"] = found.score
    files = _files(call, record, data, edited, head)
    # The score's line moves the body by one line at most; findings are counted in the file as it will be.
    shift = split(files[path])[2] - subject.line
    findings = [
        replace(item, line=item.line + shift) if item.line and item.path == path else item for item in found.findings
    ]
    return _reply(call, path, files, edited, found, findings, (guidance, done))


def _overlay(files: Mapping[str, str], tools: Tools) -> Any:
    return lambda path: files[path] if path in files else tools.read(path)


def _files(
    call: AgentCall, record: str, data: Mapping[str, Any], edited: _Edited, head: Mapping[str, Any]
) -> dict[str, str]:
    path = f"state/content/{record}.md"
    evidence = render(
        record,
        edited.evidence,
        run=call.run,
        tier=str(head.get("tier") or "offline"),
        created=call.now,
        trust=str(head.get("trust") or data.get("trust") or "external"),
    )
    return {path: render_markdown(data, edited.body), evidence_path(path): evidence}


def _mend(
    record: str,
    text: str,
    before: list[Sentence],
    others: Sequence[Record],
    heard: Heard,
    known: Language,
    said: Phrasing,
    told: Sequence[wording.Rule],
) -> _Edited:
    guidance, done = heard
    data, body, _ = load(text)
    before = [sentence for sentence in before if not sentence.rule.startswith("related-")]
    body = _without_related(body, said)
    fixed: list[str] = []
    body, dropped = _drops(body, guidance, known, done)
    fixed += dropped
    body, before, heeded = wording.heed(body, before, told)
    quoted = " ".join(" ".join(sentence.text.split()) for sentence in before)
    for mend in (
        copyedit.heading_levels,
        lambda draft: copyedit.typography(
            draft, lambda line: " ".join(REFERENCE.sub("", line).lstrip("# ").split()) not in quoted
        ),
        copyedit.repeated_paragraphs,
    ):
        body, what = mend(body)
        fixed += what
    this = Record("content", record, f"state/content/{record}.md", "content.v1", data, body)
    added = related(this, others, known)
    fresh: list[Sentence] = []
    if added:
        paragraph, fresh = links(added, said)
        body = _before_footnotes(body, paragraph)
    body, numbers, what = copyedit.renumber(copyedit.tidy(body))
    fixed += what
    evidence, by_operator = _in_step(record, body, [*before, *fresh], numbers)
    fixed += _mend_data(data, guidance, said, body)
    data["words"] = sum(count_words(sentence.text) for sentence in evidence if "```" not in sentence.text)
    return _Edited(data, body, evidence, fixed, added, by_operator, heeded)


def _drops(body: str, guidance: Guidance, known: Language, done: dict[str, str]) -> tuple[str, list[str]]:
    fixed: list[str] = []
    for directive in guidance.directives:
        if directive.name == "drop":
            lines = body.split("\n")
            names = [lines[number].lstrip("# ").strip() for number, _ in headings(body)]
            unwanted = set(meant(directive.what, names, known))
            body, gone = copyedit.drop_section(body, unwanted)
            fixed += gone
            done[directive.text] = "; ".join(gone) or "there is no such section"
        elif directive.name == "title":
            done[directive.text] = "taken as the title"
        else:
            done[directive.text] = "left to the planner and the writer"
    return body, fixed


def _without_related(body: str, said: Phrasing) -> str:
    """The body without the list of links that an earlier edit added."""
    return re.sub(rf"(?m)^{re.escape(said.related)}\n\n(?:- \[[^\n]*\n)+\n?", "", body)


def _before_footnotes(body: str, paragraph: str) -> str:
    match = re.search(r"(?m)^\[\^\d+\]:", body)
    place = match.start() if match else len(body)
    return f"{body[:place].rstrip()}\n\n{paragraph}\n\n{body[place:]}"


def _in_step(
    record: str, body: str, before: list[Sentence], numbers: Mapping[int, int]
) -> tuple[list[Sentence], list[tuple[int, str]]]:
    """The evidence of the body as it is now. What nothing accounts for came in after the draft: the operator's."""
    evidence: list[Sentence] = []
    by_operator: list[tuple[int, str]] = []
    for line, item in align(body, before):
        if isinstance(item, Sentence):
            evidence.append(replace(item, footnote=numbers.get(item.footnote) if item.footnote else None))
        else:
            path = f"state/content/{record}.md"
            evidence.append(Sentence(item, RECORD, source=path, rule="operator-text"))
            by_operator.append((line, item))
    return [*evidence, *(sentence for sentence in before if sentence.where)], by_operator


def _mend_data(data: dict[str, Any], guidance: Guidance, said: Phrasing, body: str) -> list[str]:
    fixed = []
    if guidance.title and data.get("title") != guidance.title:
        data["title"] = guidance.title
        fixed.append("title changed as asked")
    title = " ".join(str(data.get("title") or "").split())
    if title != data.get("title"):
        data["title"] = title
        fixed.append("blanks in the title mended")
    if not is_slug(str(data.get("slug") or "")):
        data["slug"] = slug(title)
        fixed.append(f"slug set to {data['slug']}")
    description = " ".join(str(data.get("description") or "").split())
    if len(description) > DESCRIPTION[1]:
        data["description"] = _cut(description)
        fixed.append(f"description cut from {len(description)} to {len(data['description'])} characters")
    elif len(description) < DESCRIPTION[0]:
        names = [line[3:].strip() for line in body.split("\n") if line.startswith("## ")]
        data["description"] = said.description(title, names, len(data.get("sources") or ()))
        fixed.append("description made from title and headings")
    return fixed


def _cut(text: str) -> str:
    """At the last sentence that fits, else at a word."""
    ends = [end for _, end in sentences(text) if DESCRIPTION[0] <= end <= DESCRIPTION[1]]
    return text[: ends[-1]] if ends else f"{text[: DESCRIPTION[1] - 1].rsplit(' ', 1)[0].rstrip(' ,;:–—')}…"


def _reply(
    call: AgentCall,
    path: str,
    files: Mapping[str, str | None],
    edited: _Edited,
    found: Assessment,
    findings: list[Finding],
    heard: Heard,
) -> AgentReply:
    guidance, done = heard
    record = str(call.input["record"])
    threshold = call.contract.escalate_below
    reasons = [Reason(f"{name} {value:.2f}", why) for name, (value, why) in found.parts.items()]
    reasons.insert(
        0, Reason(f"score {found.score:.2f}", "weighted sum of the parts, less where substance or structure is weak")
    )
    if edited.fixed:
        reasons.append(Reason("mended", "; ".join(edited.fixed)))
    reasons += [Reason(*told) for told in wording.reasons_of(edited.heeded)]
    reasons += [
        Reason(f"linked to “{item.record.get('title')}”", f"shares {', '.join(item.shared[:6])}", (item.record.ref,))
        for item in edited.added
    ]
    theirs = [
        Finding(path, 0, 0, "operator-text", f"kept as the operator's own: “{text[:80]}”", severity=Severity.INFO)
        for _, text in edited.by_operator
    ]
    everything = (*findings, *theirs, *report(guidance, path, done=done))
    anyway = ANYWAY in guidance.answers
    if found.score < threshold and not anyway:
        return AgentReply(
            output={},
            reasons=tuple(reasons),
            findings=everything,
            confidence=found.score,
            question=_question(record, found, threshold),
        )
    if anyway:
        reasons.append(Reason("goes on below the threshold", f"the operator said “{ANYWAY}”"))
    output = {
        "record": record,
        "score": found.score,
        "fixed": edited.fixed,
        "findings": [{"rule": item.rule, "message": item.message, "line": item.line} for item in findings],
    }
    return AgentReply(
        output=output,
        files=files,
        title=f"{edited.data.get('title')}: score {found.score:.2f}, {len(edited.fixed)} mended, {len(findings)} open",
        reasons=tuple(reasons),
        findings=everything,
        confidence=max(found.score, threshold) if anyway else found.score,
    )


def _question(record: str, found: Assessment, threshold: float) -> Question:
    low = sorted(found.parts.items(), key=lambda item: item[1][0])[:2]
    why = " and ".join(f"{name} ({reason})" for name, (_, reason) in low)
    options = [ANYWAY, *([f"drop {found.weakest}"] if found.weakest else []), STOP]
    evidence = [f"{item.path}:{item.line} [{item.rule}] {item.message}" for item in found.findings[:20]]
    text = f"“{record}” scores {found.score:.2f}, below {threshold:.2f}: weakest are {why}. What shall happen?"
    return Question(text, tuple(options), tuple(evidence))
