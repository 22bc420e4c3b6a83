"""Loading rules and judging facts by them."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Sequence
from typing import Any

from aios.domain.finding import Finding
from aios.domain.names import POLICIES
from aios.domain.policy import Decision, PolicyFacts, Rule, Verdict
from aios.domain.record import Document
from aios.domain.tree import Tree
from aios.expressions import ExpressionError, Scope, compile_bool, evaluate_bool
from aios.policies.facts import FACTS

Parse = Callable[[str, bytes], tuple[Document | None, list[Finding]]]
SCOPE = Scope({name: schema for name, (schema, _) in FACTS.items()})


def load_rules(tree: Tree, parse: Parse) -> tuple[tuple[Rule, ...], list[Finding]]:
    """All rules of `state/policies/`, in the order of files and lines, and what is wrong with the others."""
    rules: list[Rule] = []
    findings: list[Finding] = []
    for path in tree.paths(POLICIES):
        if not path.endswith(".yaml"):
            continue
        document, found = parse(path, tree.read(path) or b"")
        findings += found
        raw = document.data.get("rules") if document else None
        for index, each in enumerate(raw if isinstance(raw, list) else ()):
            rule, problem = _rule(path, index, each)
            if rule is not None:
                rules.append(rule)
            elif document is not None:
                where = document.position(("rules", index, "when"))
                findings.append(Finding(path, *where, "policy-rule", problem.message, problem.hint))
    return tuple(rules), findings


def _rule(path: str, index: int, raw: Any) -> tuple[Rule | None, ExpressionError]:
    stem = posixpath.basename(path).removesuffix(".yaml")
    if not isinstance(raw, dict):
        return None, ExpressionError("a rule is a mapping of when, then and why")
    try:
        decision = Decision(str(raw.get("then")))
        when = raw.get("when")
        if not isinstance(when, str):
            return None, ExpressionError("`when` is missing", "write a condition, e.g. size(effects) > 0")
        compile_bool(when, SCOPE)
    except ValueError:
        return None, ExpressionError(f"unknown decision `{raw.get('then')}`", "deny, ask, confirm, digest or auto")
    except ExpressionError as error:
        return None, error
    return Rule(f"{stem}/{raw.get('name', index + 1)}", when, decision, str(raw.get("why", ""))), ExpressionError("")


def judge(rules: Sequence[Rule], facts: PolicyFacts) -> Verdict:
    """The strictest decision of the rules that match. Fails closed: a rule that cannot be evaluated denies.

    Two rules stand above all files: nobody but a person changes protected files, and nothing broken is merged.
    """
    matched: list[tuple[str, Decision, str]] = []
    if facts["protected"]:
        matched.append(("built-in/protected", Decision.DENY, "it touches files that only a person may change"))
    if facts["errors"]:
        matched.append(("built-in/broken", Decision.DENY, f"{facts['errors']} of its files are not in order"))
    for rule in rules:
        try:
            if evaluate_bool(rule.when, facts):
                matched.append((rule.name, rule.then, rule.why))
        except ExpressionError as error:
            matched.append((rule.name, Decision.DENY, f"the rule cannot be evaluated: {error.message}"))
    if not matched:
        return Verdict(Decision.ASK, "", "no rule says otherwise")
    name, decision, why = max(matched, key=lambda each: each[1].strictness)
    return Verdict(decision, name, why, tuple(matched))
