"""reStructuredText as its reader would see it: words and code, without the marks that only a build tool knows."""

from __future__ import annotations

import pytest

from aios.connectors.files.restructured import to_markdown


def lines(text: str) -> list[str]:
    return [line for line in to_markdown(text).splitlines() if line.strip()]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("See :class:`.Flask` here.", "See `Flask` here."),
        ("Call :meth:`~flask.Flask.run` now.", "Call `flask.Flask.run` now."),
        ("Read :doc:`/patterns/app-factories` first.", "Read app factories first."),
        ("As :ref:`the guide <guide>` says.", "As the guide says."),
        ("Use ``x``, `a link <https://x.example>`__ and a word_.", "Use `x`, a link and a word."),
        ("It follows :pep:`8`.", "It follows PEP 8."),
    ],
)
def test_roles_and_links_become_words(written: str, read: str) -> None:
    assert lines(written) == [read]


def test_tabs_keep_what_is_in_them() -> None:
    text = ".. tabs::\n\n   .. group-tab:: Bash\n\n      Add this:\n\n      .. code-block:: bash\n\n         eval x\n"
    assert lines(text) == ["**Bash**", "Add this:", "```bash", "eval x", "```"]


def test_headings_code_and_notes_are_kept_and_the_rest_is_left_out() -> None:
    text = (
        "Title\n=====\n\n.. toctree::\n\n   other\n\nPart\n----\n\nLike this::\n\n    x = 1\n\n"
        ".. note::\n\n   Mind the gap.\n\n.. automodule:: x\n   :members:\n"
    )
    assert lines(text) == ["# Title", "## Part", "Like this:", "```", "x = 1", "```", "**Note**", "Mind the gap."]
