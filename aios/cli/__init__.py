"""The command line: one module per command, imported only when it is called. The only code that prints or exits."""

from __future__ import annotations


def main() -> None:
    try:
        from aios.cli.group import run
    except KeyboardInterrupt:
        raise SystemExit(130) from None  # before there was anything to interrupt
    run()
