"""What the site says of its own accord, in the languages it speaks; English where it does not know the language."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

_ENGLISH: Mapping[str, str] = {
    "about": "About",
    "about_text": "{title} is a plain web site: no scripts, no cookies, nothing from elsewhere.",
    "all": "All articles",
    "anchor": "Link to this section",
    "back": "Back to the text",
    "earlier": "Earlier",
    "empty": "Nothing is published yet.",
    "feed": "Feed",
    "gone": "Withdrawn",
    "gone_text": "The article that stood here was withdrawn by its author.",
    "home": "Home",
    "later": "Later",
    "made": "Where this comes from",
    "made_text": "Published with aios from the record “{record}” after the author approved exactly this text.",
    "minutes": "{count} min read",
    "moved": "Moved",
    "moved_text": "This article has a new address:",
    "notes": "Sources and notes",
    "not_found": "Page not found",
    "not_found_text": "There is nothing at this address. These were published last:",
    "path": "You are here",
    "skip": "Skip to the text",
    "tagged": "Articles on “{tag}”",
    "tags": "Subjects",
    "tier_large": "The text was drafted with a large language model and edited by rules.",
    "tier_offline": "No language model took part: the text was put together by rules from the sources that it cites.",
    "tier_small": "The text was drafted with a small language model and edited by rules.",
    "updated": "updated {date}",
}
_GERMAN: Mapping[str, str] = {
    "about": "Über",
    "about_text": "{title} ist eine schlichte Website: keine Skripte, keine Cookies, nichts von anderswo.",
    "all": "Alle Artikel",
    "anchor": "Link zu diesem Abschnitt",
    "back": "Zurück zum Text",
    "earlier": "Älter",
    "empty": "Noch ist nichts veröffentlicht.",
    "feed": "Feed",
    "gone": "Zurückgezogen",
    "gone_text": "Der Artikel, der hier stand, wurde zurückgezogen.",
    "home": "Start",
    "later": "Neuer",
    "made": "Woher dieser Text kommt",
    "made_text": "Veröffentlicht mit aios aus dem Datensatz „{record}“, nachdem genau dieser Text freigegeben wurde.",
    "minutes": "{count} Min. Lesezeit",
    "moved": "Umgezogen",
    "moved_text": "Dieser Artikel hat eine neue Adresse:",
    "notes": "Quellen und Anmerkungen",
    "not_found": "Seite nicht gefunden",
    "not_found_text": "Unter dieser Adresse gibt es nichts. Zuletzt erschienen:",
    "path": "Sie sind hier",
    "skip": "Zum Text",
    "tagged": "Artikel zu „{tag}“",
    "tags": "Themen",
    "tier_large": "Der Text wurde mit einem großen Sprachmodell entworfen und nach Regeln redigiert.",
    "tier_offline": "Ohne Sprachmodell: Der Text ist nach Regeln aus den zitierten Quellen zusammengestellt.",
    "tier_small": "Der Text wurde mit einem kleinen Sprachmodell entworfen und nach Regeln redigiert.",
    "updated": "aktualisiert am {date}",
}
_MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
}


def words(language: str) -> Mapping[str, str]:
    return _GERMAN if _german(language) else _ENGLISH


def _german(language: str) -> bool:
    return language.partition("-")[0] == "de"


def day(value: str, language: str) -> str:
    """A date as people write it; the value itself where it is no date."""
    try:
        found = date.fromisoformat(value[:10])
    except ValueError:
        return value
    german = _german(language)
    month = _MONTHS["de" if german else "en"].split()[found.month - 1]
    return f"{found.day}. {month} {found.year}" if german else f"{found.day} {month} {found.year}"
