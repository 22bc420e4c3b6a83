"""What a mail is about and how soon it wants an answer, by the words in the contract's settings: nothing hidden."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

OTHER = "question"


@dataclass(frozen=True, slots=True)
class Sorted:
    """`why` are the words that were found, as the settings have them."""

    category: str
    urgency: str
    why: tuple[str, ...]


def sort(subject: str, text: str, settings: Mapping[str, Any]) -> Sorted:
    """By `categories` (name → words), the one with the most words found, the first of equals; `urgent` and `calm`."""
    whole = f"{subject}\n{text}".casefold()
    given = settings.get("categories")
    categories: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    found = {str(name): _found(whole, words) for name, words in categories.items()}
    best = max(found, key=lambda name: len(found[name]), default="")
    category = best if best and found[best] else OTHER
    urgent, calm = _found(whole, settings.get("urgent")), _found(whole, settings.get("calm"))
    urgency = "high" if urgent else "low" if calm else "normal"
    return Sorted(category, urgency, (*found.get(category, ()), *(urgent or calm)))


def _found(text: str, words: Any) -> tuple[str, ...]:
    several: Sequence[Any] = words if isinstance(words, list) else ()
    return tuple(str(each) for each in several if re.search(rf"(?<!\w){re.escape(str(each).casefold())}(?!\w)", text))
