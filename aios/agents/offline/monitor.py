"""The monitor: turns a period's traffic into metrics, signals and lessons. Every number comes from the data.

It writes a metric per published piece, raises `refresh-content` for pieces that fade and `topic-opportunity` for what
people looked for and did not find, and keeps as lessons what the numbers of several pieces agree on. Equal traffic over
an equal tree gives equal files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from aios.agents.offline import lessons
from aios.agents.offline.engagement import (
    METRICS,
    SITE,
    Engagement,
    engagement,
    is_news,
    metric,
    metric_path,
    periods_before,
    site_metric,
)
from aios.agents.offline.front import load
from aios.agents.offline.material import language_of
from aios.agents.offline.text.language import Language
from aios.agents.offline.text.words import stems
from aios.agents.offline.traffic import Traffic, address_of, day_of, read_traffic
from aios.agents.offline.trend import Word
from aios.agents.offline.wanted import Wanted, covered_by, mistyped, raised_before, wanted
from aios.domain.agent import AgentCall, AgentReply, Reason, Tools
from aios.domain.finding import Finding, Severity
from aios.domain.front_matter import render_yaml
from aios.domain.record import Record, Trust, ref_of
from aios.domain.slug import slug
from aios.errors import AiosError
from aios.memory.notes import lesson, path_of

SIGNALS = "state/signals/"
MOST_TOPICS = 3  # raised at once: the operator's attention is the scarce thing
MOST_REFRESHES = 2
MOST_LESSONS = 2
MOST_MISSING = 40  # addresses that are compared with those of the pieces
MISTYPED_HINT = "correct the link that leads there, or add a redirect"
REFRESH_AGAIN = timedelta(days=90)  # after a refresh was proposed
REST = timedelta(days=28)  # after a piece was changed
COVERED_ENOUGH = 0.7  # of the period's days must be in the log before a fall is believed
LESSON_LASTS = timedelta(days=180)
HOST_LASTS = timedelta(days=60)
MATERIAL = ("source", "note", "decision", "product")


def monitor(call: AgentCall, tools: Tools) -> AgentReply:
    """Metrics, signals and lessons of one period. Raises AiosError where the traffic names no period."""
    traffic = read_traffic(call.input["traffic"])
    if traffic is None:
        raise AiosError("the traffic names no period", "`from` and `to` must be dates, the first not after the second")
    if not traffic.views:
        return _nothing(call, traffic)
    watch = _Watch(call, tools, traffic)
    watch.measure()
    watch.refresh()
    watch.listen()
    watch.learn()
    return watch.reply()


def _nothing(call: AgentCall, traffic: Traffic) -> AgentReply:
    """An empty log is a broken pipe more often than an empty audience: nothing is recorded, nothing seems to fade."""
    message = f"no page view between {traffic.start} and {traffic.end}: nothing was recorded"
    hint = "look at the connector that offers analytics.read: `aios doctor`"
    finding = Finding("", 0, 0, "no-traffic", message, hint, Severity.WARNING)
    output = {"record": str(call.input.get("record") or ""), "summary": message, "metrics": [], "signals": []}
    return AgentReply(
        output | {"lessons": [], "refresh": [], "views": 0, "visitors": 0}, findings=(finding,), title=message
    )


class _Watch:
    """One call's work, gathered step by step."""

    def __init__(self, call: AgentCall, tools: Tools, traffic: Traffic) -> None:
        self.call = call
        self.tools = tools
        self.traffic = traffic
        self.known: Language = language_of(tools)
        self.content = tools.records("content")
        self.metrics = tools.records("metric")
        self.signals = tools.records("signal")
        self.found: list[Engagement] = []
        self.files: dict[str, str | None] = {}
        self.reasons: list[Reason] = []
        self.findings: list[Finding] = []
        self.refreshes: list[str] = []
        self._period = f"from {traffic.start} to {traffic.end}"

    def measure(self) -> None:
        """A metric record per published piece, where the period is news, and one for all pages."""
        for piece in self.content:
            if piece.get("status") != "published" and not (piece.get("published") and piece.get("status") != "retired"):
                continue
            found = engagement(piece, self.traffic, self.metrics)
            if found is None:
                continue
            self.found.append(found)
            if piece.id == self.call.input.get("record") or is_news(found.recorded, self.traffic):
                self._write(
                    metric_path(piece.id, self.traffic),
                    metric(found, self.traffic, now=self.call.now, run=self.call.run),
                )
        site = [record for record in self.metrics if not record.get("content")]
        if is_news(site, self.traffic):
            self._write(
                metric_path(SITE, self.traffic), site_metric(self.traffic, now=self.call.now, run=self.call.run)
            )

    def refresh(self) -> None:
        """A signal for each fading piece that was not touched or proposed lately, the greatest loss first."""
        fading = [item for item in self.found if item.trend.word is Word.FADING]
        if len(self.traffic.covered) < COVERED_ENOUGH * self.traffic.length:
            if fading:
                have = f"{len(self.traffic.covered)} of {self.traffic.length} days"
                self.reasons.append(Reason("no refresh proposed", f"the log covers only {have}: a fall may be a gap"))
            return
        fading.sort(key=lambda item: (item.page.views - item.trend.usual, item.piece.id))
        for item in [item for item in fading if self._may_refresh(item)][:MOST_REFRESHES]:
            why = (
                f"“{item.piece.get('title')}” had {item.page.views} views {self._period}; "
                f"periods of that length usually bring {item.trend.usual:.0f}."
            )
            evidence = [self._ref(item), *(ref_of(record.path) for record in item.earlier)]
            title = str(item.piece.get("topic") or item.piece.get("title"))
            inputs = {"content": item.piece.id, "topic": title, "why": why}
            name = f"{slug(f'refresh {item.piece.id}', limit=56)}-{self.call.now[:7]}"
            strength = round(min(1.0, -(item.trend.change or 0.0)), 2)
            more = {"strength": strength, "content": item.piece.id}
            if self._raise("refresh-content", name, inputs, why, evidence, Trust.DERIVED, **more):
                self.refreshes.append(item.piece.id)
                self.reasons.append(Reason(f"proposed to refresh {item.ref}", why, tuple(evidence)))

    def listen(self) -> None:
        """A signal for each topic that is wanted, not covered and not raised before."""
        addresses = [address_of(item.piece) for item in self.found]
        missing = sorted(self.traffic.missing.items(), key=lambda item: (-item[1], item[0]))
        for path, number in missing[:MOST_MISSING]:
            if meant := mistyped(path, addresses):
                piece = next(item.piece for item in self.found if address_of(item.piece) == meant)
                message = f"{number} visits to {path}, which is not there; {meant} was probably meant"
                self.findings.append(Finding(piece.path, 0, 0, "mistyped-link", message, MISTYPED_HINT, Severity.INFO))
        before = periods_before([record for record in self.metrics if not record.get("content")], self.traffic.start)
        raised = 0
        for topic in wanted(self.traffic, before, self.known):
            if raised == MOST_TOPICS:
                break
            if all(kind != "search" and mistyped(label, addresses) for kind, label, _ in topic.seen):
                continue
            piece_on_it = covered_by(topic, self.content, self.known)
            earlier = raised_before(topic, self.signals, self.known)
            if piece_on_it or earlier:
                known = piece_on_it or earlier
                says = "a piece covers it" if piece_on_it else "it was raised before"
                self.reasons.append(Reason(f"not raised: {topic.topic}", says, (ref_of(known.path),) if known else ()))
                continue
            raised += self._want(topic)

    def learn(self) -> None:
        """Lessons of several pieces, and of hosts that begin to send readers; only from what is on record."""
        if not any(path.startswith(METRICS) for path in self.files):
            return
        readings = [lessons.reading(item, self._ref(item)) for item in self.found]
        learned = 0
        for comparison in lessons.comparisons(readings):
            title, body = lessons.statement(comparison)
            known = self.tools.read(path_of("lesson", title))
            if (comparison.is_telling and learned < MOST_LESSONS) or (known is not None and comparison.is_gone):
                learned += comparison.is_telling
                sources = [ref for item in (*comparison.having, *comparison.others) for ref in item.sources]
                self._lesson(title, body, sources, Trust.DERIVED, LESSON_LASTS)
        for item in self.found:
            for host, visits, usual in lessons.new_hosts(item)[:1]:
                body = (
                    f"{host} sent {visits} of {item.page.views} views to “{item.piece.get('title')}” ({item.ref}) "
                    f"{self._period}; usually it sends {usual:g}. Readers from there care for this subject."
                )
                self._lesson(
                    f"{host} sends readers to {item.piece.id}", body, [self._ref(item)], Trust.EXTERNAL, HOST_LASTS
                )

    def reply(self) -> AgentReply:
        def written(prefix: str) -> list[str]:
            return [path for path in self.files if path.startswith(prefix)]

        metrics, signals, notes = written(METRICS), written(SIGNALS), written("memory/lessons/")
        topics = len(signals) - len(self.refreshes)
        parts = [f"{len(self.found)} piece{'s' * (len(self.found) != 1)} measured"]
        parts += [f"{len(self.refreshes)} fading"] * bool(self.refreshes)
        parts += [f"{topics} topic{'s' * (topics != 1)} wanted"] * bool(topics)
        parts += [f"{len(notes)} lesson{'s' * (len(notes) != 1)}"] * bool(notes)
        summary = ", ".join(parts)
        own = next((item for item in self.found if item.piece.id == self.call.input.get("record")), None)
        pages = [own.page] if own else [item.page for item in self.found]
        output = {
            "record": str(self.call.input.get("record") or ""),
            "summary": summary,
            "metrics": [_stem(path) for path in metrics],
            "signals": [_stem(path) for path in signals],
            "lessons": notes,
            "refresh": self.refreshes,
            "views": sum(page.views for page in pages),
            "visitors": sum(page.visitors for page in pages),
        }
        title = f"{summary}, {self.traffic.start} to {self.traffic.end}"
        return AgentReply(output, self.files, title, tuple(self.reasons), tuple(self.findings))

    def _may_refresh(self, item: Engagement) -> bool:
        today = day_of(self.call.now) or self.traffic.end
        touched = day_of(item.piece.get("updated")) or day_of(item.piece.get("published"))
        proposed = [
            day
            for signal in self.signals
            if signal.get("name") == "refresh-content"
            and signal.get("content") == item.piece.id
            and (day := day_of(signal.get("raised")))
        ]
        if touched and today - touched < REST:
            why = f"it was changed on {touched}; new numbers need time"
        elif proposed and today - max(proposed) < REFRESH_AGAIN:
            why = f"that was proposed on {max(proposed)}"
        else:
            return True
        self.reasons.append(Reason(f"{item.ref} fades, but no refresh is proposed", why, (self._ref(item),)))
        return False

    def _want(self, topic: Wanted) -> bool:
        times = f"asked for {topic.total} times {self._period}"
        ways = [f"{topic.searches} in searches"] * bool(topic.searches)
        ways += [f"{topic.misses} at pages that do not exist"] * bool(topic.misses)
        usual = "" if topic.usual is None else f", {topic.usual:g} in an earlier period"
        hits = self.tools.recall(topic.topic, limit=8, kinds=MATERIAL)
        fitting = [hit for hit in hits if 2 * len(topic.key & set(stems(hit.text, self.known))) >= len(topic.key)]
        paths = tuple(dict.fromkeys(hit.path for hit in fitting))
        material = (
            f"{len(paths)} of your files speak{'s' * (len(paths) == 1)} of it"
            if paths
            else "nothing in your files speaks of it yet"
        )
        why = f"“{topic.topic}” was {times} ({', '.join(ways)}{usual}); no piece covers it; {material}."
        evidence: list[Any] = [{"from": kind, "text": label, "count": number} for kind, label, number in topic.seen[:5]]
        evidence += [ref_of(path) for path in paths[:5]]
        name = f"topic-{slug(topic.topic, limit=57)}"
        inputs = {"topic": topic.topic}
        if not self._raise("topic-opportunity", name, inputs, why, evidence, Trust.EXTERNAL, strength=topic.strength):
            return False
        self.reasons.append(Reason(f"raised the topic {topic.topic}", why, tuple(ref_of(path) for path in paths)))
        return True

    def _raise(
        self,
        name: str,
        identifier: str,
        inputs: Mapping[str, Any],
        why: str,
        evidence: Sequence[Any],
        trust: Trust,
        **more: Any,
    ) -> bool:
        """Write the signal; False where a file of that name is there already."""
        fields = {"schema": "signal.v1", "name": name, "inputs": dict(inputs), "why": why, "evidence": list(evidence)}
        end = {"raised": self.call.now, "status": "open", "run": self.call.run, "trust": trust.value}
        path = f"{SIGNALS}{identifier}.yaml"
        if self.tools.read(path) is not None:
            return False
        self._write(path, fields | more | end)
        return True

    def _lesson(self, title: str, body: str, sources: Sequence[str], trust: Trust, lasts: timedelta) -> None:
        day = day_of(self.call.now) or self.traffic.end
        path, text = lesson(
            title,
            body,
            run=self.call.run,
            source=list(dict.fromkeys(sources)),
            trust=trust,
            created=self.call.now,
            expires=(day + lasts).isoformat(),
        )
        known = self.tools.read(path)
        if known is None or load(known)[1].strip() != body.strip():
            self.files[path] = text
            self.reasons.append(Reason(f"noted: {title}", body.split("\n", 1)[0], tuple(dict.fromkeys(sources))[:8]))

    def _write(self, path: str, data: Mapping[str, Any]) -> None:
        self.files[path] = render_yaml(data)

    def _ref(self, item: Engagement) -> str:
        """The metric record of this period; where none is written, the newest one on record."""
        path = metric_path(item.piece.id, self.traffic)
        if path in self.files:
            return ref_of(path)
        newest: Record | None = max(item.recorded, key=lambda record: str(record.get("to")), default=None)
        return ref_of(newest.path) if newest else item.ref


def _stem(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[0]
