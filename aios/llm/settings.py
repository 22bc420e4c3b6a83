"""Which model serves which tier: `tiers` in `state/company.yaml`, with keys from the environment or a keyring.

A key that is missing is no reason to stop here: the tier's model says so when it is asked, and another may be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aios.domain.agent import Tier
from aios.errors import RefusedError

KEYRING = "keyring:"
TIMEOUT = 60.0  # seconds between two signs of life


@dataclass(frozen=True, slots=True)
class Settings:
    """`base_url` empty is OpenAI's own. `price` is (input, output), dollars a million tokens; None: as published.

    `key_env` is where the key comes from: a variable of the environment, or `keyring:<service>/<name>`; `missing` why
    it is not there, and what to do. `window` is how many tokens the model takes, 0: as published.
    """

    tier: Tier
    model: str
    base_url: str
    key_env: str
    key: str = field(repr=False)
    price: tuple[float, float] | None
    timeout: float
    window: int = 0
    missing: tuple[str, str] = ("", "")


def configured(company: Mapping[str, Any], secret: Callable[[str], str | None]) -> dict[Tier, Settings]:
    """The tiers that the company has a model for. `secret` gives the key of a name, None where there is none; where it
    cannot look, it raises RefusedError."""
    tiers = company.get("tiers")
    found: dict[Tier, Settings] = {}
    for tier in (Tier.SMALL, Tier.LARGE):
        given = tiers.get(tier.value) if isinstance(tiers, Mapping) else None
        if isinstance(given, Mapping) and given.get("model"):
            found[tier] = _settings(tier, given, secret)
    return found


def _settings(tier: Tier, given: Mapping[str, Any], secret: Callable[[str], str | None]) -> Settings:
    base_url = str(given.get("base_url") or "")
    # A service of one's own often needs no key; OpenAI's always does.
    named = str(given.get("key") or given.get("key_env") or ("" if base_url else "OPENAI_API_KEY"))
    named = named.removeprefix("env:")
    key, missing = _key(tier, named, secret) if named else ("", ("", ""))
    price = given.get("price")
    return Settings(
        tier=tier,
        model=str(given["model"]),
        base_url=base_url,
        key_env=named,
        key=key,
        price=(float(price["input"]), float(price["output"])) if isinstance(price, Mapping) else None,
        timeout=float(given.get("timeout") or TIMEOUT),
        window=int(given.get("context") or 0),
        missing=missing,
    )


def _key(tier: Tier, named: str, secret: Callable[[str], str | None]) -> tuple[str, tuple[str, str]]:
    """The key, or why there is none and what to do."""
    try:
        key = secret(named) or ""
    except RefusedError as error:
        return "", (f"the {tier.value} tier needs the key in {named}: {error.message}", error.hint)
    if key:
        return key, ("", "")
    service, _, name = named.removeprefix(KEYRING).partition("/")
    hint = f"keyring set {service} {name}" if named.startswith(KEYRING) else f"export {named}=…"
    return "", (f"the {tier.value} tier needs the key in {named}, and it is not set", hint)
