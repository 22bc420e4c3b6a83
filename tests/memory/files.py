"""A tree of plain files for tests, blob ids as git would give them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence


class Files:
    def __init__(self, files: Mapping[str, str | bytes]) -> None:
        self._files = {path: text.encode() if isinstance(text, str) else text for path, text in sorted(files.items())}
        self._identity = ""

    def read(self, path: str) -> bytes | None:
        return self._files.get(path)

    def blob(self, path: str) -> str | None:
        content = self._files.get(path)
        return None if content is None else hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()  # noqa: S324

    def paths(self, prefix: str = "") -> Sequence[str]:
        return [path for path in self._files if path.startswith(prefix)]

    def identity(self, directories: Sequence[str]) -> str:
        """Of the whole tree, whatever is asked: worked out once."""
        if not self._identity:
            listed = repr([(path, self.blob(path)) for path in self._files])
            self._identity = hashlib.sha256(listed.encode(errors="surrogateescape")).hexdigest()
        return self._identity

    def changes_since(self, identity: str, directories: Sequence[str]) -> None:
        """It does not know what it was."""

    def with_files(self, changes: Mapping[str, str | bytes | None]) -> Files:
        files: dict[str, str | bytes] = dict(self._files)
        for path, content in changes.items():
            if content is None:
                files.pop(path, None)
            else:
                files[path] = content
        return Files(files)


def note(title: str, body: str, **fields: str) -> str:
    more = "".join(f"{name}: {value}\n" for name, value in fields.items())
    return f"---\nschema: note.v1\nkind: lesson\ntitle: {title}\n{more}---\n\n{body}\n"
