"""What the site knows of its articles: one file each in `.site/articles/`, from which every page follows.

An article's file tells its acts by key, so that a repeated act is known for what it is, and the payload that each of
them replaced, so that it can be undone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from aios.domain.effect import Effect
from aios.domain.keys import canonical_json
from aios.errors import CorruptError, RefusedError

# Addresses that belong to the site itself.
RESERVED = frozenset({"about", "articles", "assets", "feed", "index", "robots", "sitemap", "tags", "404"})


@dataclass(frozen=True, slots=True)
class Act:
    """One act. `payload` is what stood there before (None: nothing), and `listed` whether readers could see it."""

    key: str
    capability: str
    payload: Mapping[str, Any] | None
    listed: bool


@dataclass(frozen=True, slots=True)
class Article:
    """`payload` is what is (or was last) published; `listed` is False once it is withdrawn.

    `date` is that of the first publication, `former` are the addresses it had before.
    """

    id: str
    payload: Mapping[str, Any]
    listed: bool
    date: str
    former: tuple[str, ...] = ()
    acts: tuple[Act, ...] = ()

    @property
    def slug(self) -> str:
        return str(self.payload["slug"])

    @property
    def updated(self) -> str:
        """When it changed last: never before it was first published."""
        return max(self.date, str(self.payload.get("updated") or self.date), key=instant)

    @property
    def first_slug(self) -> str:
        """The address that it was first published at: it stays, whatever the article is renamed to."""
        first = self.acts[1].payload if len(self.acts) > 1 else None
        return str((first or self.payload)["slug"])

    def knows(self, key: str) -> bool:
        return any(act.key == key for act in self.acts)


def instant(value: str) -> datetime:
    """A date or moment in an order that time zones do not upset; what is no date comes before all."""
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


Articles = Mapping[str, Article]


def apply(articles: Articles, effect: Effect) -> Article:
    """The article as it is after the effect. Raises RefusedError where it does not fit what is there; pure."""
    payload = effect.payload
    before = articles.get(str(payload["id"]))
    _refuse_taken(articles, payload)
    match effect.capability:
        case "cms.publish":
            return _publish(before, effect)
        case "cms.update":
            return _update(before, effect)
        case "cms.unpublish":
            article = _known(before, payload)
            if not article.listed:
                raise RefusedError(f"{article.slug} is not published", "there is nothing to withdraw")
            _refuse_later(article, payload)
            return _acted(article, effect, article.payload, listed=False)
        case _:
            return _restore(_known(before, payload), effect)


def _publish(before: Article | None, effect: Effect) -> Article:
    if before is not None and before.listed:
        raise RefusedError(f"{before.slug} is published already", "publish the change with cms.update")
    if before is None:
        date = str(effect.payload["date"])
        before = Article(str(effect.payload["id"]), effect.payload, listed=False, date=date)
        first = Act(effect.key, effect.capability, None, listed=False)
        return replace(before, listed=True, acts=(first,))
    return _acted(before, effect, effect.payload, listed=True)


def _update(before: Article | None, effect: Effect) -> Article:
    article = _known(before, effect.payload)
    if not article.listed:
        raise RefusedError(f"{article.slug} was withdrawn", "publish it again with cms.publish")
    return _acted(article, effect, effect.payload, listed=True)


def _restore(article: Article, effect: Effect) -> Article:
    _refuse_later(article, effect.payload)
    last = article.acts[-1]
    if last.payload is None:
        raise RefusedError(f"there is no version of {article.slug} before this one", "withdraw it with cms.unpublish")
    return _acted(article, effect, last.payload, listed=last.listed)


def _acted(article: Article, effect: Effect, payload: Mapping[str, Any], *, listed: bool) -> Article:
    act = Act(effect.key, effect.capability, article.payload, article.listed)
    slug = str(payload["slug"])
    former = dict.fromkeys([*article.former, article.slug])
    former.pop(slug, None)
    return replace(article, payload=payload, listed=listed, former=tuple(former), acts=(*article.acts, act))


def _known(article: Article | None, payload: Mapping[str, Any]) -> Article:
    if article is None:
        raise RefusedError(f"this site has no article made from {payload['id']}", "publish it with cms.publish")
    return article


def _refuse_later(article: Article, payload: Mapping[str, Any]) -> None:
    undoes = payload.get("undoes")
    if undoes and article.acts[-1].key != undoes:
        raise RefusedError(
            f"{article.slug} has changed since {str(undoes)[:19]}…", "undo the later change first, or withdraw the page"
        )


def _refuse_taken(articles: Articles, payload: Mapping[str, Any]) -> None:
    slug = str(payload["slug"])
    if slug in RESERVED:
        raise RefusedError(f"the address /{slug}/ belongs to the site itself", "choose another slug")
    for other in articles.values():
        if other.id != payload["id"] and slug in (other.slug, *other.former):
            raise RefusedError(f"the address /{slug}/ belongs to {other.id}", "choose another slug")


# On disk


def file_of(folder: Path, article_id: str) -> Path:
    """An id may be anything; a file's name may not."""
    name = "".join(char if char.isascii() and (char.isalnum() or char in "-_") else "-" for char in article_id)[:80]
    return folder / f"{name}.{sha256(article_id.encode()).hexdigest()[:12]}.json"


def render(article: Article) -> bytes:
    return (json.dumps(asdict(article), indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def load(path: Path) -> Article | None:
    """One article; None where there is no such file. Raises CorruptError where it cannot be read."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        data = json.loads(content)
        acts = tuple(Act(**act) for act in data["acts"])
        return Article(**{**data, "former": tuple(data["former"]), "acts": acts})
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptError(f"{path} cannot be read", "restore it from a copy of the site's directory") from error


def load_all(folder: Path) -> dict[str, Article]:
    """All articles by id, sorted."""
    found = [article for path in sorted(folder.glob("*.json")) if (article := load(path))]
    return {article.id: article for article in sorted(found, key=lambda article: article.id)}


def state_of(articles: Articles) -> str:
    """A text that differs whenever any article differs."""
    return canonical_json({name: sha256(render(article)).hexdigest() for name, article in articles.items()})
