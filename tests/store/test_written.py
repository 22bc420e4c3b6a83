from __future__ import annotations

import subprocess

from aios.store.git import Git
from aios.store.written import written
from tests.conftest import commit_all

ODD = ("memory/notes/größe.md", 'memory/notes/a "quoted" one.md', "memory/notes/two\nlines.md")


def test_who_wrote_which_file_is_told_whatever_the_files_are_called(git: Git) -> None:
    base = git.commit("main")
    for number in range(2):
        for path in ODD:
            place = git.root / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(str(number))
        commit_all(git.root, f"Odd names {number}")
    subprocess.run(["git", "commit", "-q", "--allow-empty", "-m", "Nothing"], cwd=git.root, check=True)
    nothing, second, first = written(git, base, "main")
    assert nothing.paths == ()
    assert second.paths == first.paths == tuple(sorted(ODD))
    assert [each.commit for each in (second, first)] == [git.commit("main~1"), git.commit("main~2")]
    assert first.author == git.text("log", "-1", "--format=%ae")
    assert list(written(git, "main", "main")) == []
