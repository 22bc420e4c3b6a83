"""The command line: one module per command, imported only when it is called. The only code that prints or exits."""

from __future__ import annotations


def main() -> None:
    from aios.cli.group import run

    run()
