"""Loading rules and judging facts by them."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aios.domain.event import one_line
from aios.domain.finding import Finding
from aios.domain.names import POLICIES
from aios.domain.policy import Decision, PolicyFacts, Rule, Verdict
from aios.domain.record import Document, Where
from aios.domain.tree import Tree
from aios.expressions import ExpressionError, Scope, compile_bool, evaluate_bool
from aios.policies.facts import FACTS

Parse = Callable[[str, bytes], tuple[Document | None, list[Finding]]]
MOMENTS = ("proposal", "apply")
SCOPE = Scope({name: schema for name, (schema, _) in FACTS.items()})


def load_rules(tree: Tree, parse: Parse) -> tuple[tuple[Rule, ...], list[Finding]]:
    """All rules of `state/policies/`, in the order of files and lines, and what is wrong.

    Fails closed: a rule whose condition is not in order is taken to match whatever comes, unless it would have let
    something pass; one whose decision nobody can read, and a file that nobody can, deny everything.
    """
    rules: list[Rule] = []
    findings: list[Finding] = []
    for path in tree.paths(POLICIES):
        if path.endswith((".yaml", ".yml")):
            found, problems = _file(path, tree.read(path) or b"", parse)
            rules += found
            findings += problems
    return tuple(rules), findings


def _file(path: str, content: bytes, parse: Parse) -> tuple[list[Rule], list[Finding]]:
    stem = posixpath.basename(path).rpartition(".")[0]
    document, findings = parse(path, content)
    if document is None:
        return [_closed(stem, "the file cannot be read")], findings
    raw = document.data.get("rules")
    if not isinstance(raw, list):
        place = document.position(("rules",))
        findings = [
            *findings,
            Finding(path, *place, "policy-rules", "`rules` is no list", "write `rules:` and `- when: …`"),
        ]
        return [_closed(stem, "its `rules` are no list")], findings
    rules: list[Rule] = []
    for index, each in enumerate(raw):
        where: Where = ("rules", index)
        name = f"{stem}/{index + 1}"
        if not isinstance(each, Mapping):
            findings = [*findings, _finding(document, where, "a rule is a mapping of when, then and why", "")]
            rules.append(_closed(name, "it is no mapping"))
            continue
        name = f"{stem}/{each.get('name') or index + 1}"
        rule, found = _rule(document, where, name, each)
        findings = [*findings, *found]
        if rule is not None:
            rules.append(rule)
    return rules, findings


def _rule(document: Document, where: Where, name: str, raw: Mapping[str, Any]) -> tuple[Rule | None, list[Finding]]:
    """The rule, or what stands for it where it is not in order, and what is wrong with it."""
    why = str(raw.get("why") or "")
    try:
        then = Decision(str(raw.get("then")))
    except ValueError:
        close = _suggestion(str(raw.get("then")), [each.value for each in Decision])
        said = f"unknown decision `{one_line(str(raw.get('then')), 60)}`" if "then" in raw else "`then` is missing"
        return _closed(name, said), [_finding(document, (*where, "then"), said, close)]
    at = raw.get("at", "proposal")
    if at not in MOMENTS:
        said = f"unknown moment `{one_line(str(at), 60)}`"
        return _closed(name, said), [_finding(document, (*where, "at"), said, _suggestion(str(at), MOMENTS))]
    if at == "apply" and then is not Decision.DENY:
        said = f"`at: apply` can only hold an effect, not {then.value} it"
        return _closed(name, said), [_finding(document, (*where, "then"), said, "write `then: deny`")]
    try:
        condition = _condition(raw.get("when"))
    except ExpressionError as error:
        found = [_finding(document, (*where, "when"), error.message, error.hint)]
        if then.strictness < Decision.ASK.strictness:
            return None, found  # it would let pass, and nobody can say what
        return Rule(name, "true", then, f"its condition is not in order: {error.message}", at), found
    return Rule(name, condition, then, why, at), []


def _condition(when: Any) -> str:
    if not isinstance(when, str):
        raise ExpressionError("`when` is no condition", 'write one in quotes, e.g. "size(effects) > 0"')
    compile_bool(when, SCOPE)
    return when


def _closed(name: str, problem: str) -> Rule:
    return Rule(name, "true", Decision.DENY, f"this policy is not in order: {problem}")


def _finding(document: Document, where: Where, message: str, hint: str) -> Finding:
    return Finding(document.path, *document.position(where), "policy-rule", one_line(message, 300), one_line(hint, 300))


def _suggestion(name: str, known: Sequence[str]) -> str:
    import difflib

    close = difflib.get_close_matches(name, known, 1)
    return f"did you mean `{close[0]}`?" if close else f"one of {', '.join(known)}"


def judge(rules: Sequence[Rule], facts: PolicyFacts, *, at: str = "proposal") -> Verdict:
    """The strictest decision of the rules that match. Fails closed: a rule that cannot be evaluated denies.

    With the proposal those are asked that are not `at: apply`; at apply all are.

    Three rules stand above all files: nobody but a person changes protected files, nothing broken is merged, and only a
    person's merge raises trust.
    """
    matched: list[tuple[str, Decision, str]] = []
    if facts["protected"]:
        matched.append(("built-in/protected", Decision.DENY, "it touches files that only a person may change"))
    if facts["errors"]:
        matched.append(("built-in/broken", Decision.DENY, f"{facts['errors']} of its files are not in order"))
    if facts["raised"]:
        matched.append(("built-in/trust-raised", Decision.ASK, "merging raises trust: that is a person's to say"))
    for rule in rules:
        if rule.at == "apply" and at != "apply":
            continue
        try:
            if evaluate_bool(rule.when, facts):
                matched.append((rule.name, rule.then, rule.why))
        except ExpressionError as error:
            matched.append((rule.name, Decision.DENY, f"the rule cannot be evaluated: {error.message}"))
    if not matched:
        return Verdict(Decision.ASK, "", "no rule says otherwise")
    name, decision, why = max(matched, key=lambda each: each[1].strictness)
    return Verdict(decision, name, why, tuple(matched))
