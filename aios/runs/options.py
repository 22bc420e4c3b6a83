"""Which option an answer means."""

from __future__ import annotations

from collections.abc import Sequence

from aios.errors import UsageError


def choose(text: str, options: Sequence[str]) -> str:
    """An option by its number or its first words; any text where there are none. Raises UsageError for neither."""
    if not text.strip():
        raise UsageError("the answer is empty", "say something")
    if not options:
        return text
    if text.isdigit() and 1 <= int(text) <= len(options):
        return options[int(text) - 1]
    same = [option for option in options if option.casefold() == text.casefold()]
    found = same or [option for option in options if option.casefold().startswith(text.casefold())]
    if len(found) != 1:
        listed = "; ".join(f"{number} = {option}" for number, option in enumerate(options, start=1))
        raise UsageError(f"`{text}` is none of the options", listed)
    return found[0]
