"""Which model serves which tier: `tiers` in `state/company.yaml`, with keys from the environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aios.domain.agent import Tier
from aios.errors import RefusedError

TIMEOUT = 60.0  # seconds between two signs of life


@dataclass(frozen=True, slots=True)
class Settings:
    """`base_url` empty is OpenAI's own. `price` is (input, output), dollars a million tokens; None: as published."""

    tier: Tier
    model: str
    base_url: str
    key_env: str
    key: str
    price: tuple[float, float] | None
    timeout: float


def configured(company: Mapping[str, Any], secret: Callable[[str], str | None]) -> dict[Tier, Settings]:
    """The tiers that the company has a model for. Raises RefusedError where a key is named and not set."""
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
    key_env = str(given.get("key_env") or ("" if base_url else "OPENAI_API_KEY"))
    key = (secret(key_env) or "") if key_env else ""
    if key_env and not key:
        raise RefusedError(
            f"the {tier.value} tier needs the key in {key_env}, and it is not set", f"export {key_env}=…"
        )
    price = given.get("price")
    return Settings(
        tier=tier,
        model=str(given["model"]),
        base_url=base_url,
        key_env=key_env,
        key=key,
        price=(float(price["input"]), float(price["output"])) if isinstance(price, Mapping) else None,
        timeout=float(given.get("timeout") or TIMEOUT),
    )
