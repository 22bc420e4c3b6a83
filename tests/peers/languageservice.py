"""GitHub's own language service for workflow files (schema, contexts of expressions), bundled by esbuild for node."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

_ENTRY = """
import { readFileSync } from "node:fs";
import { validate } from "@actions/languageservice";
import { TextDocument } from "vscode-languageserver-textdocument";

for (const file of process.argv.slice(2)) {
  const text = readFileSync(file, "utf8");
  for (const told of await validate(TextDocument.create("file:///" + file, "yaml", 1, text))) {
    console.log(`${file}:${told.range.start.line + 1}: ${told.message}`);
  }
}
"""
_REQUIRE = 'import { createRequire } from "module"; const require = createRequire(import.meta.url);'


def bundle(folder: Path) -> Path:
    """The service as one file that node runs; made in `folder`."""
    program = shutil.which("esbuild")
    assert program is not None
    modules = Path(program).parent.parent  # node_modules/.bin/esbuild
    entry, made = folder / "entry.mjs", folder / "languageservice.mjs"
    entry.write_text(_ENTRY)
    command = [program, str(entry), "--bundle", "--platform=node", "--format=esm", "--main-fields=module,main"]
    command += [f"--outfile={made}", f"--banner:js={_REQUIRE}", "--log-level=error"]
    subprocess.run(command, check=True, timeout=60, env=os.environ | {"NODE_PATH": str(modules)})
    return made


def told(service: Path, files: Iterable[Path]) -> list[str]:
    """What it finds wrong, a line each. Raises CalledProcessError where it cannot look."""
    command = ["node", str(service), *map(str, files)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.splitlines()
