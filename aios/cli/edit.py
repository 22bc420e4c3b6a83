"""`aios edit`: the company's records in forms, in the browser."""

from __future__ import annotations

from pathlib import Path

import click

from aios.cli.output import company, say


@click.command(epilog="Example: aios edit")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port (default: any that is free).")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Write it for GitHub Pages instead.")
@click.option(
    "--package",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="The editor's archive, fetched before.",
)
@click.pass_context
def command(ctx: click.Context, port: int, out: Path | None, package: Path | None) -> None:
    """Edit records in the browser: a form for each, made from its schema.

    On this machine (Decap CMS): what you save is checked, changes only the fields that you changed, keeps comments, and
    becomes a commit of yours on main. It listens on 127.0.0.1 only, until you press Ctrl-C.

    With --out, pages for GitHub Pages (Sveltia CMS, the same settings): you sign in there with a fine-grained token,
    and it commits through GitHub's API. That drops comments of files it saves, and the page says where.

    Node's npm fetches the editor once and checks it against a known hash; nothing else is ever loaded from elsewhere.
    """
    from aios.app.editor import open_editor, write_editor

    here = company(ctx, quiet=True)
    if out is not None:
        index = write_editor(here, out, package)
        click.echo(index)
        return
    with open_editor(here, port, package) as server:
        click.echo(server.address)
        say("Open it in your browser. What you save is a commit; Ctrl-C ends it.")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("")
