"""Reading a workflow: what the YAML says is what the conductor gets, and broken ones say where and why."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from aios.domain.finding import Severity
from aios.domain.workflow import Escalate, Retry, StepKind
from aios.runs.definition import load
from tests.records.dict_tree import company
from tests.workflows.house import AGENTS, GOOD, PLANNER, WRITER, checked, line_of, without_state


def test_a_good_workflow_has_no_findings_and_keeps_what_it_says() -> None:
    workflow, findings = checked(GOOD)
    assert [str(each) for each in findings] == []
    assert workflow is not None
    assert list(workflow.steps) == ["plan", "research", "write", "approve", "publish", "measure"]
    assert [(each.kind, dict(each.spec).get("name")) for each in workflow.triggers] == [
        ("manual", None),
        ("schedule", None),
        ("event", None),
        ("signal", "topic-opportunity"),
    ]
    research, write, measure = (workflow.steps[name] for name in ("research", "write", "measure"))
    assert research.retry == Retry(attempts=3, backoff=2.0, ceiling=60.0)
    assert (research.for_each, research.parallel, research.timeout) == ("steps.plan.questions", 4, 60.0)
    assert research.needs == ("plan",)  # implied by its list
    assert write.needs == ("research", "plan")
    assert write.escalate == Escalate(0.6, ("operator",))
    assert write.empty == {"record": "", "words": 0}
    assert (measure.after, measure.kind, measure.uses) == (604_800.0, StepKind.COLLECT, "analytics.read")
    assert workflow.steps["publish"].compensate == "cms.unpublish"
    assert (workflow.budget.usd, workflow.budget.tokens, workflow.budget.minutes) == (0.5, 60000, 10.0)


# What is wrong → (what of the good workflow is replaced, by what, the line's mark, rule, message, hint).
BROKEN = {
    "an unknown step in needs": (
        "needs: [research]", "needs: [reserch]", "needs: [reserch]", "needs",
        "`write` needs `reserch`, which is no step", "did you mean `research`?",
    ),
    "an unknown step in an expression": (
        "${{ steps.plan.record }}", "${{ steps.plam.record }}", "${{ steps.plam", "expression",
        "`steps.plam` is unknown in `steps.plam.record`", "did you mean `steps.plan`?",
    ),
    "an unknown field of a step": (
        "${{ steps.write.record }}", "${{ steps.write.recrd }}", "${{ steps.write.recrd }}", "expression",
        "`steps.write` has no `recrd` in `steps.write.recrd`", "did you mean `record`?",
    ),
    "an unknown field of an item": (
        'question: "${{ item }}"', 'question: "${{ item.idd }}"', "item.idd", "expression",
        "`item` has no `idd` in `item.idd`", "did you mean `id`?",
    ),
    "an unknown input": (
        'topic: "${{ inputs.topic }}", limit', 'topic: "${{ inputs.topik }}", limit', "inputs.topik", "expression",
        "`inputs.topik` is unknown in `inputs.topik`", "did you mean `inputs.topic`?",
    ),
    "a gate has no output": (
        "when: \"size(steps.plan.questions) > 0", "when: \"steps.approve.x && size(steps.plan.questions) > 0",
        "", "cycle", "steps need each other: write → approve → write",
        "drop one of these needs, or an expression that reads ahead",
    ),
    "steps in a circle": (
        "agent: planner\n", "agent: planner\n    needs: [write]\n", "needs: [write]", "cycle",
        "steps need each other: plan → research → write → plan",
        "drop one of these needs, or an expression that reads ahead",
    ),
    "a step that needs itself": (
        "agent: planner\n", "agent: planner\n    needs: [plan]\n", "needs: [plan]", "cycle",
        "steps need each other: plan → plan", "drop one of these needs, or an expression that reads ahead",
    ),
    "a step that can never run": (
        "size(steps.plan.questions) > 0 && inputs.note == null", "1 > 2", "when: \"1 > 2", "unreachable",
        "`write` can never run: `1 > 2` is always false", "drop the step or its `when`",
    ),
    "a list that is always empty": (
        "${{ steps.plan.questions }}", "${{ [] }}", "for_each", "unreachable",
        "`research` can never run: `[]` is always empty", "drop the step or its `for_each`",
    ),
    "an unknown agent": (
        "agent: writer", "agent: writr", "agent: writr", "uses", "unknown agent `writr`", "did you mean `writer`?",
    ),
    "an unknown effect": (
        "effect: cms.publish", "effect: cms.publsh", "effect: cms.publsh", "uses",
        "unknown capability `cms.publsh`", "did you mean `cms.publish`?",
    ),
    "an unknown collection": (
        "collect: analytics.read", "collect: weather.now", "collect: weather.now", "uses",
        "unknown capability `weather.now`", "known here: analytics.read, sources.read",
    ),
    "a reading used as an effect": (
        "effect: cms.publish", "effect: sources.read", "effect: sources.read", "uses",
        "`sources.read` reads", "write `collect: sources.read`",
    ),
    "an act used as a collection": (
        "collect: analytics.read", "collect: cms.publish", "collect: cms.publish", "uses",
        "`cms.publish` acts", "write `effect: cms.publish`",
    ),
    "an unknown approver": (
        "gate: operator", "gate: boss", "gate: boss", "",
        "`steps.approve.gate` is `boss`; expected one of operator", "",
    ),
    "a value of the wrong type": (
        "limit: 5", 'limit: "${{ inputs.topic }}"', "limit: ", "type",
        "`inputs.topic` is string, where integer is wanted", "turn it into a number: int(…)",
    ),
    "a number where text is wanted": (
        'topic: "${{ inputs.topic }}", limit', 'topic: "${{ inputs.days }}", limit', "topic: \"${{ inputs.days", "type",
        "`inputs.days` is integer, where string is wanted", "turn it into text: string(…)",
    ),
    "a literal of the wrong type": (
        "limit: 5", "limit: many", "limit: many", "type",
        "`limit`: 'many' is not of type 'integer'", "give integer",
    ),
    "text around a value that is no text": (
        "limit: 5", 'limit: "about ${{ inputs.days }}"', "limit: ", "type",
        "`limit`: text around an expression is text, where integer is wanted", "give integer",
    ),
    "a list that is no list": (
        "${{ steps.plan.questions }}", "${{ steps.plan.record }}", "for_each", "type",
        "`steps.plan.record` is string, where array is wanted", "give a value of that type",
    ),
    "types that do not go together": (
        "size(steps.plan.questions) > 0 &&", "size(steps.plan.questions) > '0' &&", "when: \"size", "expression",
        "`>` cannot take int and string in `size(steps.plan.questions) > '0' && inputs.note == null`",
        "see the types of its parts",
    ),
    "a condition that is no condition": (
        " > 0 && inputs.note == null", "", "when: \"size", "expression",
        "`size(steps.plan.questions)` is int, not true or false", "compare it with something",
    ),
    "a condition with braces": (
        "size(steps.plan.questions) > 0 && inputs.note == null", "${{ true }}", "when: \"${{", "expression",
        "`${{ … }}` has no place inside an expression", "write the bare expression",
    ),
    "an expression that does not end": (
        "${{ steps.write.record }}", "${{ steps.write.record }", "${{ steps.write.record }\"", "expression",
        "`${{ steps.write.record }` is never closed", "end it with `}}`",
    ),
    "an expression that is none": (
        "${{ steps.write.record }}", "${{ steps.write. }}", "${{ steps.write. }}", "expression",
        "`steps.write.` ends too early", "something is missing at its end",
    ),
    "two expressions in for_each": (
        "${{ steps.plan.questions }}", "${{ steps.plan.questions }}${{ 1 }}", "for_each", "expression",
        "`for_each` is more than one expression", "write `${{ … }}` and nothing around it",
    ),
    "an effect without a gate": (
        "needs: [approve]\n    compensate", "needs: [write]\n    compensate", "  publish:\n    effect", "gate",
        "the effect `cms.publish` has no gate before it", "add a step `gate: operator` and need it",
    ),
    "an effect without a record": (
        '    with: {record: "${{ steps.write.record }}"}\n', "", "  publish:\n    effect", "with",
        "the effect cms.publish needs `record`", "add `record:` to `with`",
    ),
    "an unknown compensation": (
        "compensate: cms.unpublish", "compensate: cms.unpublsh", "compensate: cms.unpublsh", "compensate",
        "unknown capability `cms.unpublsh`", "did you mean `cms.unpublish`?",
    ),
    "a compensation that only reads": (
        "compensate: cms.unpublish", "compensate: sources.read", "compensate: sources.read", "compensate",
        "`sources.read` only reads, it undoes nothing", "name one that acts",
    ),
    "an argument that the agent does not take": (
        "limit: 5", "limits: 5", "limits: 5", "with", "the agent planner takes no `limits`", "did you mean `limit`?",
    ),
    "an argument that the agent needs": (
        'topic: "${{ inputs.topic }}", limit: 5', "limit: 5", "with: {limit", "with",
        "the agent planner needs `topic`", "add `topic:` to `with`",
    ),
    "an argument that the collection does not take": (
        'days: "${{ inputs.days }}"', "weeks: 2", "weeks: 2", "with",
        "analytics.read takes no `weeks`", "it takes: days",
    ),
    "a literal beyond the bounds of its receiver": (
        'days: "${{ inputs.days }}"', "days: 0", "days: 0", "type",
        "`days`: 0 is less than the minimum of 1", "give integer",
    ),
    "a default that does not fit": (
        "default: 7", "default: 0", "default: 0", "input",
        "the default of `days` does not fit: 0 is less than the minimum of 1", "",
    ),
    "an input that is no schema": (
        "days: {type: integer,", "days: {type: int,", "days: {type: int,", "input",
        "`days` is no JSON Schema: 'int' is not valid under any of the given schemas",
        "e.g. {type: string, minLength: 3}",
    ),
    "an input that leads outside": (
        "days: {type: integer, minimum: 1, default: 7}", 'days: {$ref: "http://example.com/x.json", default: 7}',
        "days: {$ref", "input", "`days` is no JSON Schema: `$ref` leads outside of the workflow",
        "e.g. {type: string, minLength: 3}",
    ),
    "an input with a pattern that is none": (
        "topic: {type: string, minLength: 3}", 'topic: {type: string, pattern: "("}', "topic: {type", "input",
        "`topic` is no JSON Schema: ", "e.g. {type: string, minLength: 3}",
    ),
    "an input that no expression can name": (
        "note: {type: string, required: false}\n", "note: {type: string, required: false}\n  for: {default: 1}\n",
        "  for:", "name", "no expression can name the input `for`",
        "letters, digits and underscores; no word of the language",
    ),
    "a step that no expression can name": (
        "  measure:\n", "  import:\n", "  import:", "name", "no expression can name the step `import`",
        "letters, digits and underscores; no word of the language",
    ),
    "another name than the file's": (
        "name: publish\n", "name: publisch\n", "name: publisch", "name",
        "`name` is `publisch` in a file named `publish`", "make them equal",
    ),
    "a subject that is no slug": (
        'subject: "${{ slug(inputs.topic) }}"', "subject: My Subject", "subject:", "subject",
        "`My Subject` is no slug", "small letters, digits, dashes, or slug(…)",
    ),
    "a subject that is no text": (
        "${{ slug(inputs.topic) }}", "${{ inputs.days > 3 }}", "subject:", "type",
        "`inputs.days > 3` is bool, where text is wanted", "turn it into text: slug(…)",
    ),
    "a subject of an unknown input": (
        "${{ slug(inputs.topic) }}", "${{ slug(inputs.topick) }}", "subject:", "expression",
        "`inputs.topick` is unknown in `slug(inputs.topick)`", "did you mean `inputs.topic`?",
    ),
    "a cron that is none": (
        "17 6 * * 1", "17 25 * * 1", "schedule:", "cron",
        "`17 25 * * 1` is no schedule: Bad hour", "minute hour day month weekday, e.g. 17 6 * * 1",
    ),
    "a cron with seconds": (
        "17 6 * * 1", "0 17 6 * * 1", "schedule:", "cron",
        "`0 17 6 * * 1` is no schedule: it has 6 fields, not five", "minute hour day month weekday, e.g. 17 6 * * 1",
    ),
    "a time zone that is none": (
        "Europe/Berlin", "Europe/Berlni", "schedule:", "timezone",
        "unknown time zone `Europe/Berlni`", "e.g. Europe/Berlin",
    ),
    "a schedule that leaves an input out": (
        ", inputs: {topic: weekly}", "", "schedule:", "input",
        "nothing gives the input `topic` where a schedule starts it", "add `inputs: {topic: …}` or a default",
    ),
    "a schedule with an unknown input": (
        "inputs: {topic: weekly}", "inputs: {topic: weekly, dayz: 3}", "schedule:", "input",
        "there is no input `dayz`", "did you mean `days`?",
    ),
    "a schedule with a wrong input": (
        "inputs: {topic: weekly}", "inputs: {topic: a}", "schedule:", "type",
        "`topic`: 'a' is too short", "give string",
    ),
    "a schedule that computes": (
        "inputs: {topic: weekly}", 'inputs: {topic: "${{ now() }}"}', "schedule:", "expression",
        "a schedule knows nothing to put into `topic`", "write the value itself",
    ),
    "a trigger that computes with what it does not know": (
        "${{ event.topic }}", "${{ signal.topic }}", "event:", "expression",
        "`signal.topic` is unknown in `signal.topic`", "known here: event",
    ),
    "a trigger's condition that is none": (
        "event.kind == 'piece'", "event.kind ==", "event:", "expression",
        "`event.kind ==` ends too early", "something is missing at its end",
    ),
    "a list for a gate": (
        "gate: operator\n", 'gate: operator\n    for_each: "${{ steps.plan.questions }}"\n', "", "for-each",
        "`approve` is decided once, not for each item", "one gate stands before all of them",
    ),
    "a condition for a gate": (
        "gate: operator\n", 'gate: operator\n    when: "inputs.days > 1"\n', "when: \"inputs.days", "when",
        "`approve` is a gate, which always asks", "put `when` on what follows it",
    ),
    "an escalation of what has no confidence": (
        "gate: operator\n", "gate: operator\n    escalate: {below: 0.5}\n", "escalate: {below: 0.5}", "escalate",
        "`approve` has no confidence to escalate", "only agents and collections do",
    ),
    "a timeout of nothing": (
        "timeout: 60s", "timeout: 0s", "timeout: 0s", "timeout", "`timeout` must be longer than nothing", "e.g. 60s",
    ),
    "a delay of a lifetime": (
        "after: 7d", "after: 9999w", "after: 9999w", "duration",
        "`after`: `9999w` is more than ten years", "write e.g. 90s, 10m, 6h, 7d or 2w",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_workflow_says_what_is_wrong_where_and_what_to_do(what: str) -> None:
    old, new, mark, rule, message, hint = BROKEN[what]
    assert GOOD.count(old) >= 1
    text = GOOD.replace(old, new, 1)
    workflow, findings = checked(text)
    told = [
        each for each in findings if each.message.startswith(message) and (not rule or each.rule == f"workflow-{rule}")
    ]
    assert len(told) == 1, [str(each) for each in findings]
    assert not hint or told[0].hint == hint
    assert told[0].path == "workflows/publish.yaml"
    assert told[0].column > 0
    assert not mark or told[0].line == line_of(text, mark), str(told[0])
    assert (workflow is None) == (told[0].severity is Severity.ERROR)


# What the schema refuses, at line:column.
UNSHAPED = {
    "a bad duration": ("after: 7d", "after: 7 days", "after: 7 days", 5),
    "a bad pause": ("backoff: 2s", "backoff: soon", "retry:", 26),
    "a kind of its own": ("agent: planner", "robot: planner", "  plan:", 3),
    "two kinds at once": ("agent: planner", "agent: planner\n    gate: operator", "  plan:", 3),
    "a field that there is not": ("agent: planner", "agent: planner\n    wen: true", "wen: true", 5),
    "no steps": (GOOD[GOOD.index("steps:") :], "steps: {}\n", "steps:", 1),
    "steps that are a list": (GOOD[GOOD.index("steps:") :], "steps: [plan]\n", "steps:", 1),
    "needs that are text": ("needs: [write]", "needs: write", "needs: write", 5),
    "too many at once": ("parallel: 4", "parallel: 400", "parallel: 400", 5),
    "too many attempts": ("attempts: 3", "attempts: 300", "retry:", 13),
    "a budget below nothing": ("usd: 0.5", "usd: -1", "budget:", 10),
    "a trigger that there is not": ("  manual: {}", "  full-moon: {}", "full-moon", 3),
    "a step's name with a dash": ("  measure:", "  measure-it:", "measure-it", 3),
    "a name that is no text": ("name: publish\n", "name: [a]\n", "name: [a]", 1),
}


@pytest.mark.parametrize("what", UNSHAPED)
def test_what_the_schema_refuses_is_told_with_its_place(what: str) -> None:
    old, new, mark, column = UNSHAPED[what]
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    workflow, findings = checked(text)
    assert workflow is None
    line = line_of(text, mark)
    assert any((each.line, each.column) == (line, column) for each in findings), [str(each) for each in findings]


@pytest.mark.parametrize("name", ["ledger", "traces"])
def test_names_of_our_own_branches_are_reserved(name: str) -> None:
    workflow, findings = checked(GOOD.replace("name: publish\n", f"name: {name}\n"), name=name)
    assert workflow is None
    assert [(each.rule, each.line, each.message) for each in findings] == [
        ("workflow-name", 2, f"`{name}` is reserved")
    ]


def test_an_agent_that_may_not_write_what_the_step_needs_is_told() -> None:
    workflow, findings = checked(GOOD, agents={**AGENTS, "writer": without_state(WRITER)})
    assert workflow is None
    (told,) = findings
    assert (told.rule, told.line) == ("workflow-permission", line_of(GOOD, "  write:"))
    assert told.message == "`write` works on a record, and the agent writer may write none"
    assert told.hint == "grant it in `writes` of state/agents/writer.yaml"


def test_an_agent_whose_permission_depends_on_what_it_is_not_given_is_told() -> None:
    text = GOOD.replace('{record: "${{ steps.plan.record }}", notes: "${{ steps.research }}"}', "{notes: []}")
    _, findings = checked(text)
    told = [each for each in findings if each.rule == "workflow-permission"]
    assert [(each.line, each.message) for each in told] == [
        (line_of(text, "with: {notes"), "what writer may write depends on `record`, which `write` does not give")
    ]


def test_all_findings_come_at_once_and_in_order() -> None:
    text = (
        GOOD.replace("agent: writer", "agent: writr").replace("after: 7d", "after: soon").replace("usd: 0.5", "usd: -1")
    )
    _, findings = checked(text)
    assert {each.line for each in findings} >= {
        line_of(text, part) for part in ("budget:", "agent: writr", "after: soon")
    }
    assert findings == sorted(findings)


def test_each_of_a_list_of_triggers_counts() -> None:
    text = GOOD.replace(
        'schedule: {cron: "17 6 * * 1", timezone: Europe/Berlin, inputs: {topic: weekly}}',
        'schedule:\n    - {cron: "0 6 * * *", inputs: {topic: early}}\n'
        '    - {cron: "0 61 * * *", inputs: {topic: late}}',
    )
    _, findings = checked(text)
    assert [(each.rule, each.line) for each in findings] == [("workflow-cron", line_of(text, "0 61"))]
    workflow, _ = checked(text.replace("0 61", "0 18"))
    assert workflow is not None
    assert [t.spec["inputs"]["topic"] for t in workflow.triggers if t.kind == "schedule"] == ["early", "late"]


def test_a_missing_file_and_a_broken_one_are_findings() -> None:
    assert [each.rule for each in load(company(), "nowhere", {}, {})[1]] == ["workflow-missing"]
    workflow, findings = checked("steps: [\n")
    assert workflow is None
    assert findings
    assert findings[0].line > 0


def test_an_input_that_may_be_left_out_may_be_null() -> None:
    _, findings = checked(GOOD.replace("inputs.note == null", "inputs.topic == null"))
    assert [each.rule for each in findings] == ["workflow-expression"]


def test_two_paths_of_many_steps_are_checked_quickly() -> None:
    steps = ["  s0: {agent: planner, with: {topic: abc}}"]
    for n in range(1, 120):
        before = f"s{n - 1}, s{max(0, n - 2)}" if n > 1 else "s0"
        steps.append(f"  s{n}: {{agent: planner, needs: [{before}], with: {{topic: abc}}}}")
    steps.append("  out: {effect: cms.publish, needs: [s119], with: {record: x}}")
    text = GOOD[: GOOD.index("steps:")] + "steps:\n" + "\n".join(steps) + "\n"
    _, findings = checked(text)
    assert [each.rule for each in findings] == ["workflow-gate"]


def test_the_order_of_steps_is_the_same_in_every_process() -> None:
    code = (
        "from tests.workflows.house import *\n"
        "names = ['e', 'b', 'zz', 'a', 'm', 'q']\n"
        "steps = [f'  {n}: {{agent: planner, with: {{topic: abc}}}}' for n in names]\n"
        "steps += [f'  last{n}: {{agent: planner, needs: [zz, a, e], with: {{topic: abc}}}}' for n in names]\n"
        "text = GOOD[: GOOD.index('steps:')] + 'steps:\\n' + '\\n'.join(steps) + '\\n'\n"
        "print(list(checked(text)[0].steps))\n"
    )
    said = set()
    for seed in ("1", "2", "3", "4"):
        found = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        )
        said.add(found.stdout)
    assert len(said) == 1


def test_an_agent_with_another_contract_makes_other_types() -> None:
    other = replace(PLANNER, output={"type": "object", "properties": {"record": {"type": "string"}}})
    _, findings = checked(GOOD, agents={**AGENTS, "planner": other})
    assert {each.message for each in findings} >= {
        "`steps.plan` has no `questions` in `steps.plan.questions`",
        "`steps.plan` has no `questions` in `size(steps.plan.questions) > 0 && inputs.note == null`",
    }
