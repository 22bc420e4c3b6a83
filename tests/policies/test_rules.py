"""Rules: in order, the strictest verdict wins, no rule asks, and what is broken fails closed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aios.domain.finding import Severity
from aios.domain.policy import Decision, Rule
from aios.policies import judge, load_rules
from aios.policies.facts import Today
from aios.store.documents import parse
from tests.policies.proposals import change, effect, finding, proposal
from tests.records.dict_tree import REPOSITORY, DictTree

SHIPPED = {
    f"state/policies/{path.name}": path.read_bytes() for path in sorted((REPOSITORY / "state/policies").glob("*.yaml"))
}


def rule(name: str, when: str, then: Decision) -> Rule:
    return Rule(f"test/{name}", when, then, f"because of {name}")


def loaded(text: str | bytes, name: str = "own") -> tuple[tuple[Rule, ...], list[Any]]:
    return load_rules(DictTree({f"state/policies/{name}.yaml": text}), parse)


def policy(*rules: str) -> str:
    return "schema: policy.v1\nsummary: For a test.\nrules:\n" + "".join(f"  - {each}\n" for each in rules)


def test_no_rule_asks() -> None:
    verdict = judge((), proposal())
    assert (verdict.decision, verdict.rule, verdict.why) == (Decision.ASK, "", "no rule says otherwise")
    assert judge((rule("never", "false", Decision.AUTO),), proposal()).decision is Decision.ASK


def test_the_strictest_of_the_rules_that_match_wins_and_all_are_told() -> None:
    rules = (
        rule("a", "true", Decision.AUTO),
        rule("b", "added == 1", Decision.CONFIRM),
        rule("c", "added == 2", Decision.DENY),
        rule("d", "true", Decision.CONFIRM),
    )
    verdict = judge(rules, proposal())
    assert (verdict.decision, verdict.rule, verdict.why) == (Decision.CONFIRM, "test/b", "because of b")
    assert [name for name, _, _ in verdict.matched] == ["test/a", "test/b", "test/d"]


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(Decision)), max_size=8))
def test_the_verdict_is_the_strictest_and_the_first_of_those(drawn: list[tuple[bool, Decision]]) -> None:
    rules = tuple(rule(str(n), str(match).lower(), then) for n, (match, then) in enumerate(drawn))
    matching = [(n, then) for n, (match, then) in enumerate(drawn) if match]
    verdict = judge(rules, proposal())
    order = [Decision.AUTO, Decision.DIGEST, Decision.ASK, Decision.CONFIRM, Decision.DENY]
    if matching:
        strictest = max((then for _, then in matching), key=order.index)
        first = next(n for n, then in matching if then is strictest)
        assert (verdict.decision, verdict.rule) == (strictest, f"test/{first}")
    else:
        assert verdict.decision is Decision.ASK


def test_two_rules_stand_above_all_files() -> None:
    everything = (rule("all", "true", Decision.AUTO),)
    protected = judge(everything, proposal(changes=[change("state/policies/own.yaml")]))
    assert (protected.decision, protected.rule) == (Decision.DENY, "built-in/protected")
    broken = judge(everything, proposal(findings=[finding(Severity.ERROR)]))
    assert (broken.decision, broken.rule) == (Decision.DENY, "built-in/broken")
    assert judge(everything, proposal(findings=[finding(Severity.WARNING)])).decision is Decision.AUTO


@pytest.mark.parametrize(
    ("when", "matching", "other"),
    [
        ("workflow == 'publish-content'", {}, {"workflow": "watch-content"}),
        ("subject.startsWith('launch-')", {"subject": "launch-x"}, {}),
        ("'writer' in agents", {}, {"agents": ["editor"]}),
        ("agents.exists(a, a != 'writer')", {"agents": ["writer", "editor"]}, {}),
        ("paths.exists(p, p.startsWith('memory/'))", {"changes": [change("memory/x.md")]}, {}),
        ("paths.all(p, p.matches('^state/content/[a-z]+[.]md$'))", {}, {"changes": [change("state/content/x/y.md")]}),
        ("kinds == ['content']", {}, {"changes": [change("state/customers/acme.yaml")]}),
        ("added > 0 && changed == 0", {}, {"changes": [change("state/content/x.md", before="b" * 40)]}),
        ("deleted > 0", {"changes": [change("state/content/x.md", before="b" * 40, after="")]}, {}),
        ("size(effects) > 0", {"effects": [effect()]}, {}),
        ("effects.exists(e, e.capability == 'mail.send')", {"effects": [effect("mail.send")]}, {"effects": [effect()]}),
        ("irreversible > 0", {"effects": [effect(reversible=False)]}, {"effects": [effect()]}),
        (
            "recipients > 100",
            {"effects": [effect(recipients=["x"] * 101)]},
            {"effects": [effect(recipients=["x"] * 100)]},
        ),
        ("amount >= 10000", {"effects": [effect(amount=10_000)]}, {"effects": [effect(amount=9_999)]}),
        ("effects.all(e, e.currency == 'EUR')", {"effects": [effect(currency="EUR")]}, {"effects": [effect()]}),
        ("first_time > 0", {"effects": [effect(recipients=["x@x.example"])]}, {"effects": [effect()]}),
        (
            "today.exists(t, t.capability == 'mail.send' && t.acts > 2)",
            {"effects": [effect("mail.send", recipients=["a", "b", "c"])]},
            {"effects": [effect("mail.send", recipients=["a", "b"])]},
        ),
        ("'external' in trust", {"trust": ["external"]}, {"trust": ["derived"]}),
        ("unverified > 0", {"unverified": 1}, {}),
        ("warnings > 1", {"findings": [finding(Severity.WARNING)] * 2}, {}),
        ("cost_usd > 0.5", {"cost_usd": 1}, {"cost_usd": 0.5}),
        ("cost_usd * 2.0 > 1.5", {"cost_usd": 1}, {}),
        ("tokens > 50000", {"tokens": 60_000}, {}),
    ],
)
def test_a_rule_may_ask_for_every_fact(when: str, matching: dict[str, Any], other: dict[str, Any]) -> None:
    rules, findings = loaded(policy(f'{{when: "{when}", then: digest, why: so}}'))
    assert findings == []
    assert judge(rules, proposal(**matching)).decision is Decision.DIGEST
    assert judge(rules, proposal(**other)).decision is Decision.ASK


def test_rules_come_in_the_order_of_files_and_lines_with_their_names() -> None:
    files = {
        "state/policies/b.yaml": policy(
            "{when: 'true', then: ask, why: x}", "{name: named, when: 'true', then: deny, why: y}"
        ),
        "state/policies/a.yaml": policy("{when: 'added > 3', then: auto, why: z}"),
        "state/policies/README.md": "no rules",
    }
    rules, findings = load_rules(DictTree(files), parse)
    assert findings == []
    assert [(each.name, each.when, each.then.value, each.why) for each in rules] == [
        ("a/1", "added > 3", "auto", "z"),
        ("b/1", "true", "ask", "x"),
        ("b/named", "true", "deny", "y"),
    ]


BROKEN = [
    (
        "{when: 'amont > 3', then: deny, why: x}",
        "when",
        "`amont` is unknown in `amont > 3`",
        "did you mean `amount`?",
        "deny",
    ),
    ("{when: 'amount > \"3\"', then: confirm, why: x}", "when", "`>` cannot take int and string in", "", "confirm"),
    ("{when: 'amount', then: ask, why: x}", "when", "`amount` is int, not true or false", "compare it", "ask"),
    ("{when: '${{ protected }}', then: deny, why: x}", "when", "`${{ … }}` has no place", "write the bare", "deny"),
    (
        "{when: 'effects.all(e, e.amout > 1)', then: deny, why: x}",
        "when",
        "`e` has no `amout`",
        "did you mean `amount`?",
        "deny",
    ),
    ("{when: '', then: deny, why: x}", "when", "the expression is empty", "", "deny"),
    ("{when: 3, then: deny, why: x}", "when", "`when` is no condition", "write one in quotes", "deny"),
    ("{then: deny, why: x}", "", "`when` is no condition", "write one in quotes", "deny"),
    ("{when: 'true', then: alow, why: x}", "then", "unknown decision `alow`", "one of deny", "deny"),
    ("{when: 'true', why: x}", "", "`then` is missing", "one of deny", "deny"),
    ("{when: 'amont > 3', then: auto, why: x}", "when", "`amont` is unknown", "did you mean `amount`?", ""),
    ("{when: 'amont > 3', then: digest, why: x}", "when", "`amont` is unknown", "did you mean `amount`?", ""),
    ("just text", "", "a rule is a mapping", "", "deny"),
]


@pytest.mark.parametrize(("text", "field", "message", "hint", "then"), BROKEN)
def test_a_broken_rule_is_a_finding_and_fails_closed(text: str, field: str, message: str, hint: str, then: str) -> None:
    whole = policy("{when: 'true', then: auto, why: lets everything pass}", text)
    rules, findings = loaded(whole)
    (told,) = findings
    assert told.message.startswith(message)
    assert told.hint.startswith(hint)
    assert (told.path, told.line) == ("state/policies/own.yaml", 5)
    line = whole.splitlines()[4]
    assert not field or told.column == line.index(f"{field}:") + 1
    assert judge(rules, proposal()).decision is (Decision(then) if then else Decision.AUTO)
    assert judge(rules[1:], proposal()).decision is (Decision(then) if then else Decision.ASK)


@pytest.mark.parametrize(
    "text",
    [
        "rules: [\n",
        "",
        "rules: {}\n",
        "schema: policy.v1\nsummary: x\n",
        "rules: !!python/object:os.system x\n",
        b"\xff\xfe",
        "- 1\n",
    ],
)
def test_a_broken_file_is_a_finding_and_denies_everything(text: str | bytes) -> None:
    rules, findings = loaded(text)
    assert findings
    assert findings[0].path == "state/policies/own.yaml"
    assert judge(rules, proposal()).decision is Decision.DENY


def test_a_rule_that_cannot_be_evaluated_denies_and_says_why() -> None:
    verdict = judge((rule("odd", "1 / size(effects) > 0", Decision.AUTO),), proposal())
    assert verdict.decision is Decision.DENY
    assert verdict.why == "the rule cannot be evaluated: `1 / size(effects) > 0`: divide by zero"


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_any_file_is_rules_or_findings(text: str | bytes) -> None:
    content = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    rules, findings = loaded(content)
    assert findings
    assert judge(rules, proposal()).decision is Decision.DENY


@given(
    st.dictionaries(
        st.sampled_from(["when", "then", "why", "name", "x"]), st.none() | st.integers() | st.text(max_size=12)
    )
)
def test_any_rule_is_kept_or_a_finding(raw: dict[str, Any]) -> None:
    rules, findings = loaded(json.dumps({"rules": [raw]}))
    assert len(rules) == 1 or findings
    judge(rules, proposal())


def test_the_shipped_policies_are_in_order_and_say_what_they_mean() -> None:
    rules, findings = load_rules(DictTree(SHIPPED), parse)
    assert findings == []
    numbers = [change("state/metrics/2026-w09.yaml"), change("memory/lessons/x.md"), change("state/signals/x.yaml")]
    assert judge(rules, proposal(workflow="watch-content", changes=numbers)).decision is Decision.AUTO
    assert judge(rules, proposal(workflow="watch-content")).decision is Decision.ASK
    assert judge(rules, proposal(workflow="own", changes=numbers)).decision is Decision.ASK
    assert judge(rules, proposal(effects=[effect()])).decision is Decision.ASK
    assert judge(rules, proposal(effects=[effect(reversible=False)])).decision is Decision.CONFIRM
    assert judge(rules, proposal(effects=[effect()] * 6)).decision is Decision.CONFIRM
    assert (
        judge(rules, proposal(workflow="watch-content", changes=numbers, effects=[effect()])).decision is Decision.ASK
    )


def test_a_rule_for_apply_is_asked_only_then_and_the_others_again() -> None:
    quiet = "{when: \"time < '08:00' || weekday == 'sunday'\", then: deny, why: quiet, at: apply}"
    rules, findings = loaded(policy(quiet, '{when: "size(effects) > 1", then: deny, why: many}'))
    assert findings == []
    night = Today(at=datetime(2026, 3, 2, 6, 0, tzinfo=UTC))
    for hour, expected in ((6, Decision.DENY), (9, Decision.ASK)):
        told = proposal(today=Today(at=datetime(2026, 3, 2, hour, 0, tzinfo=UTC)))
        assert judge(rules, told).decision is Decision.ASK
        assert judge(rules, told, at="apply").decision is expected
    told = proposal(today=Today(at=datetime(2026, 3, 2, 9, 0, tzinfo=UTC)), effects=[effect(), effect()])
    assert judge(rules, told).decision is judge(rules, told, at="apply").decision is Decision.DENY
    assert judge(rules, proposal(today=night)).rule == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{when: 'true', then: deny, why: w, at: aply}", "unknown moment `aply`"),
        ("{when: 'true', then: auto, why: w, at: apply}", "`at: apply` can only hold an effect"),
    ],
)
def test_a_rule_at_a_moment_that_nobody_knows_denies(text: str, message: str) -> None:
    rules, findings = loaded(policy(text))
    assert (findings[0].message.startswith(message), rules[0].then) == (True, Decision.DENY)
