"""The kinds of tokens that GitHub issues, told apart by how they begin, and where each gets its permissions.

https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github
"""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """`INSTALLATION` is a job's own token in Actions, or that of an App: it acts as a bot and asks nobody's account."""

    NONE = "no token"
    INSTALLATION = "the token of an App or of a job in Actions"
    FINE_GRAINED = "a fine-grained personal access token"
    CLASSIC = "a classic personal access token"
    OF_A_USER = "the token of an App for a user"
    UNKNOWN = "a token of a kind unknown here"


_BEGINNINGS = {
    "ghs_": Kind.INSTALLATION,
    "github_pat_": Kind.FINE_GRAINED,
    "ghp_": Kind.CLASSIC,
    "gho_": Kind.CLASSIC,  # of an OAuth app (`gh auth token`): scopes as a classic one has them
    "ghu_": Kind.OF_A_USER,
}


def kind_of(token: str) -> Kind:
    if not token:
        return Kind.NONE
    return next((kind for start, kind in _BEGINNINGS.items() if token.startswith(start)), Kind.UNKNOWN)


def where_to_grant(kind: Kind, web: str, *, in_job: bool) -> str:
    """Where the operator gives a token more permissions: a page, or the workflow file."""
    if kind is Kind.INSTALLATION and in_job:
        return "under `permissions:` of the job in its workflow file"
    pages = {
        Kind.INSTALLATION: "settings/installations",
        Kind.OF_A_USER: "settings/installations",
        Kind.CLASSIC: "settings/tokens",
    }
    return f"at {web}/{pages.get(kind, 'settings/personal-access-tokens')}"
