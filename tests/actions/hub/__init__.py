"""What stands in for github.com: real git over HTTP on a bare repository, and the part of GitHub's REST that our jobs
call, held to GitHub's own description of it. Tokens may do what they were made for, and what they used is kept."""

from tests.actions.hub.hub import Hub
from tests.actions.hub.tokens import Token

__all__ = ["Hub", "Token"]
