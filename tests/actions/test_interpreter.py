"""The interpreter itself: it must fail where GitHub would, or it proves nothing."""

from __future__ import annotations

from textwrap import indent

import pytest

from tests.actions.conftest import OLGA, Start, only
from tests.actions.hub import Hub
from tests.actions.hub.things import App

pytestmark = pytest.mark.peer("actions")

CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"
UPLOAD = "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f"
APP = "actions/create-github-app-token@1b10c78c7865c340bc4f6099eb2f838309f1e8c3"
CACHE = "actions/cache@27d5ce7f107fe9357f9df03efb73ab90386fccae"
DOWNLOAD = "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c"


def workflow(jobs: str, on: str = "push", top: str = "permissions: {}") -> dict[str, str]:
    text = f"name: sample\non:\n  {on}:\n{top}\njobs:\n{jobs}"
    return {".github/workflows/sample.yml": text}


def job(name: str, script: str, *more: str, permissions: str = "{}", uses: str = "") -> str:
    """A job of one step (and what it uses before), the last of its lines a script."""
    head = [
        f"  {name}:",
        "    runs-on: ubuntu-24.04",
        f"    permissions: {permissions}",
        *(f"    {each}" for each in more),
    ]
    steps = ["    steps:", *([f"      - uses: {uses}"] if uses else [])]
    return (
        "\n".join(
            [
                *head,
                *steps,
                "      - id: only",
                "        run: |",
                *(f"          {line}" for line in script.splitlines()),
            ]
        )
        + "\n"
    )


def test_jobs_follow_their_needs_and_hand_on_what_they_say(start: Start) -> None:
    first = job("a", 'echo "list=[1,2]" >> "$GITHUB_OUTPUT"', 'outputs: {list: "${{ steps.only.outputs.list }}"}')
    second = job(
        "b",
        'echo "number ${{ matrix.each }}"',
        "needs: [a]",
        "strategy: {matrix: {each: '${{ fromJSON(needs.a.outputs.list) }}'}}",
    )
    third = job("c", "exit 1", "needs: [b]")
    fourth = job("d", "true", "needs: [c]")
    fifth = job("e", "true", "needs: [d]", "if: \"!cancelled() && needs.d.result == 'skipped'\"")
    actions = start(workflow(first + second + third + fourth + fifth))
    run = only(actions.settle())
    assert {each: run.result(each) for each in run.jobs} == {
        "a": "success",
        "b": "success",
        "c": "failure",
        "d": "skipped",
        "e": "success",
    }
    assert ["number 1" in run.jobs["b"][0].log, "number 2" in run.jobs["b"][1].log] == [True, True]
    assert run.conclusion == "failure"
    assert actions.problems == []


def test_a_job_has_no_token_secret_or_setting_that_its_file_does_not_give(start: Start) -> None:
    actions = start(workflow(job("a", "env; git config --list; exit 0")))
    actions.secrets = {"MODEL_KEY": "sk-not-to-be-seen"}
    done = only(actions.settle()).jobs["a"][0]
    assert done.result == "success", done.log
    names = {line.partition("=")[0] for line in done.log.splitlines()}
    assert not names & {"GITHUB_TOKEN", "MODEL_KEY", "PYTHONPATH", "VIRTUAL_ENV", "USER"}
    assert "GITHUB_EVENT_PATH" in names
    assert "user.email" not in done.log
    assert (done.secrets, actions.problems) == (set(), [])


def test_a_token_does_what_its_job_may_and_no_more(hub: Hub, start: Start) -> None:
    push = """git -c user.name=a -c user.email=a@b commit -q --allow-empty -m more
git -c http.extraheader="Authorization: Basic $(printf 'x:%s' "$TOKEN" | base64 -w0)" \\
  push -q origin HEAD:refs/heads/more"""
    env = 'env: {TOKEN: "${{ github.token }}"}'
    may = job("may", push, env, permissions="{contents: write}", uses=CHECKOUT)
    may_not = job("may-not", push, env, permissions="{contents: read}", uses=CHECKOUT)
    nothing = job("nothing", "true", uses=CHECKOUT)
    actions = start(workflow(may_not + nothing + may))
    run = only(actions.settle())
    assert [run.result(each) for each in ("may", "may-not", "nothing")] == ["success", "failure", "failure"]
    assert "403" in run.jobs["may-not"][0].log
    assert "not found" in run.jobs["nothing"][0].log
    assert hub.bare.tip("more")
    assert actions.settle() == [], "a push with a job's own token starts nothing"


def test_a_job_may_not_bring_a_workflow_file(hub: Hub, start: Start) -> None:
    push = """echo x > .github/workflows/evil.yml; git add -A
git -c user.name=a -c user.email=a@b commit -q -m more
git -c http.extraheader="Authorization: Basic $(printf 'x:%s' "$TOKEN" | base64 -w0)" \\
  push -q origin HEAD:refs/heads/more"""
    actions = start(
        workflow(job("a", push, 'env: {TOKEN: "${{ github.token }}"}', permissions="{contents: write}", uses=CHECKOUT))
    )
    run = only(actions.settle())
    assert run.conclusion == "failure"
    assert "without `workflows` permission" in run.log()
    assert hub.bare.tip("more") is None


def test_what_a_token_was_given_and_never_used_is_told(start: Start) -> None:
    actions = start(workflow(job("a", "true", permissions="{contents: write, statuses: write}", uses=CHECKOUT)))
    token = only(actions.settle()).jobs["a"][0].token
    assert token is not None
    assert token.unused() == {"contents": "write, used read", "statuses": "write, used none"}
    assert not token.alive


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ("${{ nope.x }}", "Unrecognized named-value"),
        ("${{ nope() }}", "Unrecognized function"),
        ("${{ github.", "is not closed"),
    ],
)
def test_what_github_does_not_understand_fails_the_test(start: Start, broken: str, why: str) -> None:
    actions = start(workflow(job("a", f"echo {broken}")))
    with pytest.raises(AssertionError, match=why):
        actions.settle()


def test_a_name_that_nothing_defines_is_told_although_github_takes_it_for_empty(start: Start) -> None:
    actions = start(workflow(job("a", "echo ${{ steps.no.outputs.x }} ${{ github.event.no }} ${{ vars.NO }}")))
    assert only(actions.settle()).conclusion == "success"
    assert [each.partition("reaches for ")[2] for each in actions.problems] == [
        "steps.no.outputs.x, which nothing defines"
    ]


def test_artifacts_cross_without_modes_hidden_files_or_empty_folders(start: Start) -> None:
    made = 'cd "$RUNNER_TEMP"; mkdir -p o/empty; echo 1 > o/a; chmod +x o/a; echo 2 > o/.b'
    first = job("a", made) + f"      - uses: {UPLOAD}\n        with: {{name: o, path: '${{{{ runner.temp }}}}/o'}}\n"
    second = job("b", "find . -type f -perm -u+x; ls -A", "needs: [a]", uses=f"{DOWNLOAD}\n        with: {{name: o}}")
    third = job("c", "true", uses=f"{DOWNLOAD}\n        with: {{name: nothing}}")
    actions = start(workflow(first + second + third))
    run = only(actions.settle())
    assert run.jobs["b"][0].log.splitlines()[-1] == "a"
    assert run.result("c") == "failure"


def test_of_those_that_wait_in_a_group_only_the_newest_is_kept_unless_the_file_says_so(hub: Hub, start: Start) -> None:
    for queue, wanted in (("", 1), (", queue: max", 3)):
        actions = start(workflow(job("a", "true"), top=f"permissions: {{}}\nconcurrency: {{group: one{queue}}}"))
        hub.events.clear()
        for number in range(3):
            hub.commit("main", {"x": f"{queue}{number}"}, "More", hub.token(OLGA))
        assert len(actions.settle()) == wanted


def test_a_job_that_was_killed_is_run_again_with_what_others_left(start: Start) -> None:
    first = job("a", "true", 'outputs: {x: "1"}')
    second = job("b", 'sleep 30; echo "x=${{ needs.a.outputs.x }}"', "needs: [a]").replace(
        "sleep 30;", '[ "$GITHUB_RUN_ATTEMPT" = 2 ] || sleep 30;'
    )
    actions = start(workflow(first + second + job("c", "true", "needs: [b]")))
    actions.kill = lambda _, name, attempt: 0.3 if (name, attempt) == ("b", 1) else None
    run = only(actions.settle())
    assert [run.result(each) for each in ("a", "b", "c")] == ["success", "failure", "skipped"]
    actions.again(run)
    assert [run.result(each) for each in ("a", "b", "c")] == ["success", "success", "success"]


def test_an_apps_token_does_what_was_asked_for_and_starts_workflows(hub: Hub, start: Start) -> None:
    hub.app = App(hub.person("acme[bot]"), "Iv1.acme", "its key", {"contents": "write", "issues": "write"})
    push = """git -c user.name=a -c user.email=a@b commit -q --allow-empty -m more
git -c http.extraheader="Authorization: Basic $(printf 'x:%s' "$TOKEN" | base64 -w0)" \\
  push -q origin HEAD:refs/heads/more"""
    app = f"""      - id: app
        uses: {APP}
        with: {{client-id: Iv1.acme, private-key: "${{{{ secrets.KEY }}}}", permission-contents: write}}
"""
    clone = f"{CHECKOUT}\n        with: {{persist-credentials: false}}"
    jobs = job("a", "true", "if: github.ref == 'refs/heads/main'", permissions="{contents: read}", uses=clone)
    env = "{TOKEN: '${{ steps.app.outputs.token }}'}"
    jobs += f"{app}      - run: |\n{indent(push, ' ' * 10)}\n        env: {env}\n"
    actions = start(workflow(jobs))
    actions.secrets = {"KEY": "its key"}
    runs = actions.settle()
    assert len(runs) == 2, runs[0].log()
    first, second = runs
    assert (first.conclusion, second.event.ref, second.event.actor) == ("success", "refs/heads/more", "acme[bot]")
    (made,) = [each for each in hub.tokens.values() if each.app]
    assert (made.permissions, made.used, made.alive) == ({"contents": "write"}, {("contents", "write")}, False)
    actions.secrets = {}
    hub.commit("main", {"x": "1"}, "More", hub.token(OLGA))
    assert only(actions.settle()).conclusion == "failure"


def test_a_cache_is_found_by_how_its_key_begins_and_never_where_it_is_cold(hub: Hub, start: Start) -> None:
    cache = f"""      - uses: {CACHE}
        with: {{path: kept, key: "k-${{{{ github.sha }}}}", restore-keys: k-}}
"""
    text = job("a", "ls kept || true; echo x > kept").replace("    steps:\n", f"    steps:\n{cache}")
    actions = start(workflow(text))
    found = []
    for warm in (True, True, False):
        actions.warm = warm
        found.append("No such file" not in only(actions.settle()).log())
        hub.commit("main", {"x": f"{len(found)}"}, "More", hub.token(OLGA))
    assert found == [False, True, False]
