"""Units taken from what an earlier call cut are the units that cutting anew gives, and the next call does not cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from aios.agents.offline.cut import cut, made_by
from aios.agents.offline.material import Source, units
from aios.agents.offline.text.language import language
from aios.domain.agent import Derive
from aios.domain.record import Trust
from aios.store.derived import Derived
from tests.agents.company import Company

EXAMPLES = sorted((Path(__file__).parents[2] / "state/sources").glob("*.md"))
ODD = """Above the first heading stands a sentence that is long enough to be a passage of its own in English.

# Größe & Maß

Here is an example of how a list is announced, and it has all the words that it needs:

- one thing – with a dash
- another “thing” that is quoted

## Code

The following code prints the word that everybody prints first, for as long as there are words:

```python
print("hello")
print("world")
```
"""


class Keeping(Company):
    """A company on a machine that keeps what was derived."""

    def __init__(self, folder: Path) -> None:
        super().__init__({})
        self.folder = folder
        self.cuts = 0

    def derived(self, name: str, text: str, derive: Derive) -> str:
        def counted(text: str) -> str:
            self.cuts += 1
            return derive(text)

        return Derived(self.folder)(name, text, counted)


@pytest.mark.parametrize("code", ["en", "de", "fr"])
@pytest.mark.parametrize("trust", [Trust.OPERATOR, Trust.EXTERNAL])
def test_units_that_were_kept_are_those_that_cutting_gives(tmp_path: Path, code: str, trust: Trust) -> None:
    bodies = [ODD, "", "one", *(path.read_text().split("---\n", 2)[2] for path in EXAMPLES[:6])]
    tools, known = Keeping(tmp_path), language(code)
    for number, body in enumerate(bodies):
        source = Source(f"state/sources/s{number}.md", f"S{number}", body, trust)
        fresh = units(source, known)
        assert cut(tools, source, known) == fresh  # as it was just cut
        kept = cut(tools, source, known)
        assert kept == fresh
        assert [list(unit.stems.items()) for unit in kept] == [list(unit.stems.items()) for unit in fresh]  # order too
    assert tools.cuts == len(bodies)
    assert any(unit.passages for unit in units(Source("x", "x", ODD, trust), known))


def test_whose_text_it_is_and_its_language_make_other_units(tmp_path: Path) -> None:
    tools = Keeping(tmp_path)
    body = "# Mine\n\nI raised the prices of all plans in March, and nobody who uses them has complained since.\n"
    own, external = (Source("state/sources/a.md", "A", body, trust) for trust in (Trust.OPERATOR, Trust.EXTERNAL))
    for source in (own, external):
        for code in ("en", "de"):
            assert cut(tools, source, language(code)) == units(source, language(code))
    assert tools.cuts == 4
    assert cut(tools, own, language("en")) != cut(tools, external, language("en"))


def test_the_hash_of_the_code_is_the_same_in_each_process_and_names_no_machine() -> None:
    first = made_by()
    made_by.cache_clear()
    assert made_by() == first
