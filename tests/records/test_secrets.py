"""What looks like a secret, and what only sounds like one."""

from __future__ import annotations

from typing import Any

import pytest

from aios.store.secrets import looks_secret, secrets_in, worth_a_look


def places(data: dict[str, Any], *, opaque: bool = False) -> list[tuple[str | int, ...]]:
    return [where for where, _ in secrets_in(data, opaque=opaque)]


@pytest.mark.parametrize(
    "parts",
    [
        ("sk_live_", "0123456789abcdef"),
        ("rk_test_", "0123456789abcdef"),
        ("sk-proj-", "abcdefghij0123456789abcdefghij"),
        ("ghp_", "abcdefghij0123456789abcdefghij"),
        ("github_pat_", "abcdefghij0123456789_abcdefghij"),
        ("xoxb-", "123456789012-abcdefghij"),
        ("AKIA", "ABCDEFGHIJKLMNOP"),
        ("AIza", "abcdefghijklmnopqrstuvwxyz0123456789"),
        ("eyJhbGciOiJIUzI1", "NiJ9.eyJzdWIiOiIxMjM0NTY3.dozjgNryP4J3jVmN"),
        ("-----BEGIN RSA ", "PRIVATE KEY-----"),
        ("postgres://user:", "hunter22@db.example/x"),
    ],
)
def test_keys_of_known_shapes_are_seen_anywhere(parts: tuple[str, str]) -> None:
    assert looks_secret(f"see {''.join(parts)} here")
    assert worth_a_look(f"see {''.join(parts)} here")
    assert places({"a": [{"b": "".join(parts)}]}) == [("a", 0, "b")]


@pytest.mark.parametrize(
    "data",
    [
        {"password": {"env": "MAIL_PASSWORD"}},
        {"password": "MAIL_PASSWORD"},
        {"password": "${MAIL_PASSWORD}"},
        {"api_key": "env:SHOP_KEY"},
        {"token": "keyring:shop"},
        {"key_env": "SHOP_KEY"},
        {"tokens": 60000, "budget": {"tokens": 1}},
        {"key": "sha256:0f3a"},
        {"secret": "we tell nobody that it is a surprise"},
        {"sha256": "a" * 64, "base": "0123456789abcdef0123456789abcdef01234567"},
        {"url": "https://shop.example/a?token"},
        {"tokenizer": "words"},
    ],
)
def test_names_of_variables_and_ordinary_words_are_fine(data: dict[str, Any]) -> None:
    assert places(data) == []


def test_a_value_under_a_telling_name_is_seen() -> None:
    assert places({"smtp": {"password": "hunter2-hunter"}}) == [("smtp", "password")]
    assert places({"apiKey": "abcd"}) == [("apiKey",)]
    assert places({"key_env": "not a name"}) == [("key_env",)]


def test_long_random_words_are_seen_where_settings_are_kept() -> None:
    assert places({"a": "h7s8dfh3kjh45kj3h45kjh3k4j5h"}, opaque=True) == [("a",)]
    assert places({"a": "h7s8dfh3kjh45kj3h45kjh3k4j5h"}) == []
    assert (
        places({"a": "a-very-long-directory-name-2026", "b": "https://a.example/b", "c": "A_B_C_D_E"}, opaque=True)
        == []
    )
