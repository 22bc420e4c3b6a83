"""An MCP server behind the Protocol of connectors.

Each operation has a session of its own: nothing of the server outlives it, and every session begins by comparing the
tools with what the operator agreed to. What a server says of itself is text from outside: it decides nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from aios.connectors.http import Service
from aios.connectors.mcp.results import collected, values_of
from aios.connectors.mcp.session import Session, Tool, connected, unsent
from aios.connectors.mcp.settings import SETTINGS, Use, tools_of, uses_of
from aios.connectors.quoting import quoted
from aios.connectors.surroundings import Surroundings
from aios.domain.effect import Capability, Collected, Effect, Lookup, Outcome, Preview, Receipt
from aios.domain.event import one_line
from aios.domain.finding import Finding, Severity
from aios.domain.front_matter import render_yaml
from aios.domain.record import Where
from aios.errors import AiosError, CredentialsError, RefusedError, TransientError
from aios.expressions import evaluate_bool, render, render_text

__all__ = ["SETTINGS", "Mcp", "connect"]

_SAID = 300  # characters of what a tool says of its failure


@dataclass(frozen=True)
class Mcp:
    """`session` starts or reaches the server; `agreed` are the hashes of its tools that the operator wrote; `keys` are
    the secrets that it is given: they stand in no message."""

    name: str
    uses: Mapping[str, Use]
    agreed: Mapping[str, str]
    session: Callable[[], AbstractContextManager[Session]]
    origin: str
    keys: Callable[[], Iterable[str]]

    @property
    def _place(self) -> str:
        return f"state/connectors/{self.name}.yaml"

    @cached_property
    def _capabilities(self) -> Mapping[str, Capability]:
        return {name: _capability(use) for name, use in self.uses.items()}

    def capabilities(self) -> Mapping[str, Capability]:
        return self._capabilities

    def target(self, capability: str, payload: Mapping[str, Any]) -> str:
        use = self._use(capability, writes=True)
        return one_line(self._filled(use.target, {"payload": payload})) if use.target else f"{self.name}: {use.tool}"

    def preview(self, effect: Effect) -> Preview:
        use = self._use(effect.capability, writes=True)
        given = {"payload": dict(effect.payload)}
        summary = self._filled(use.shows, given) if use.shows else f"{use.summary or use.capability} → {effect.target}"
        undo = f"{use.undo} undoes it" if use.undo else ""
        text = render_yaml({"tool": use.tool, "arguments": self._arguments(use, effect)})
        return Preview(one_line(summary), text, bool(use.undo), undo)

    def lookup(self, effect: Effect) -> Lookup:
        use = self._use(effect.capability, writes=True)
        if use.look is None:
            return Lookup(None, authoritative=False)
        with self.session() as session:
            self._agreed(session, use.tools)
            return self._found(session, use, effect)

    def act(self, effect: Effect) -> Outcome:
        use = self._use(effect.capability, writes=True)
        self._fits(use, effect.payload)
        arguments = self._arguments(use, effect)
        with self.session() as session:
            with unsent():
                self._agreed(session, use.tools)
                found = self._found(session, use, effect).found
            if found is not None:
                return found
            result = self._called(session, use, arguments)
        return self._outcome(use, use.id, use.url, self._values(effect, result))

    def undo(self, effect: Effect, receipt: Receipt) -> Effect | None:
        use = self._use(effect.capability, writes=True)
        if not use.undo:
            return None
        done = {"key": receipt.key, "external_id": receipt.external_id, "url": receipt.url}
        given = {"payload": dict(effect.payload), "receipt": done}
        payload = {**self._filled(use.undo_payload, given), "undoes": receipt.key}
        return replace(effect, capability=use.undo, target=self.target(use.undo, payload), payload=payload)

    def read(self, capability: str, params: Mapping[str, Any]) -> Collected:
        use = self._use(capability, writes=False)
        self._fits(use, params)
        given = {"params": dict(params)}
        arguments = self._filled(use.arguments, given)
        with self.session() as session:
            self._agreed(session, use.tools)
            answer = session.call(use.tool, arguments)
        values = {**given, "result": values_of(answer)}
        if values["result"]["error"]:
            raise self._failed(use.tool, values["result"])
        origin = f"{self.origin}#{use.tool}"
        return collected(use, answer, values, place=self._place, origin=origin)

    def check(self) -> Sequence[Finding]:
        try:
            with self.session() as session:
                offered = session.tools()
        except AiosError as error:
            rule = "mcp-credentials" if isinstance(error, CredentialsError) else "mcp-server"
            return [Finding(self._place, 0, 0, rule, error.message, error.hint)]
        return [
            Finding(self._place, 0, 0, "mcp-tool", *problem)
            for tool in tools_of(self.uses)
            if (problem := self._problem(tool, offered))
        ]

    def _use(self, capability: str, *, writes: bool) -> Use:
        use = self.uses.get(capability)
        if use is None or use.writes != writes:
            does = "to do" if writes else "to read"
            known = ", ".join(name for name, each in self.uses.items() if each.writes == writes) or "nothing"
            said = f"{self.name} offers nothing {does} as {one_line(capability, 60)}"
            raise RefusedError(said, f"it offers {known}; `tools` in {self._place} says so")
        return use

    def _agreed(self, session: Session, tools: Sequence[str]) -> None:
        """Raises RefusedError where a tool is not what the operator agreed to: it is not called."""
        offered = session.tools()
        for tool in tools:
            if problem := self._problem(tool, offered):
                raise RefusedError(*problem)

    def _problem(self, tool: str, offered: Mapping[str, Tool]) -> tuple[str, str] | None:
        found, agreed = offered.get(tool), self.agreed.get(tool)
        if found is None:
            return f"{self.name} has no tool `{tool}`", f"it has {one_line(', '.join(sorted(offered)) or 'none')}"
        if found.hash == agreed:
            return None
        takes = _takes(found.schema)
        write = f"`agreed: {{{tool}: {found.hash}}}` in {self._place} agrees to it"
        if agreed is None:
            return f"you did not agree to {self.name}'s tool `{tool}` yet: it takes {takes}", write
        return f"{self.name}'s tool `{tool}` is not what you agreed to: it now takes {takes}", write

    def _found(self, session: Session, use: Use, effect: Effect) -> Lookup:
        look = use.look
        if look is None:
            return Lookup(None, authoritative=False)
        given = {"payload": dict(effect.payload), "key": effect.key}
        result = values_of(session.call(look.tool, self._filled(look.arguments, given)))
        if result["error"] and "result.error" not in look.found:
            raise self._failed(look.tool, result)
        values = self._values(effect, result)
        try:
            found = evaluate_bool(look.found, values)
        except AiosError as error:
            said = f"what {self.name} answers does not fit `lookup.found` of {use.capability}: {error.message}"
            raise AiosError(said, f"see {self._place}") from error
        if not found:
            return Lookup(None, look.authoritative)
        return Lookup(self._outcome(use, look.id, look.url, values), look.authoritative)

    def _called(self, session: Session, use: Use, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """The act itself. Raises RefusedError only where nothing was done; what nobody knows is TransientError."""
        try:
            result = values_of(session.call(use.tool, arguments))
        except (RefusedError, TransientError):
            raise
        except AiosError as error:  # it answered, with something that tells nothing
            raise TransientError(error.message, error.hint) from error
        if not result["error"]:
            return result
        failed = self._failed(use.tool, result)
        # A tool that failed may have done half of it: the look-up decides, or the operator's word in the settings.
        if use.fails_clean or use.authoritative:
            raise failed
        raise TransientError(failed.message, failed.hint)

    def _failed(self, tool: str, result: Mapping[str, Any]) -> RefusedError:
        said = quoted(str(result["error"]), self.keys(), _SAID)
        return RefusedError(f"{self.name}: {tool} says: {said}", f"see `tools` in {self._place}")

    def _values(self, effect: Effect, result: Mapping[str, Any]) -> dict[str, Any]:
        return {"payload": dict(effect.payload), "key": effect.key, "result": result}

    def _outcome(self, use: Use, id_: str, url: str, values: Mapping[str, Any]) -> Outcome:
        """It was done: a name or address that cannot be told is left out, and the receipt is written all the same."""
        named, address = _told(id_, values), _told(url, values)
        address = address if address.startswith(("http://", "https://")) else ""
        return Outcome(named, address, {"tool": use.tool, "id": named, "url": address})

    def _arguments(self, use: Use, effect: Effect) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._filled(use.arguments, {"payload": dict(effect.payload), "key": effect.key})
        return found

    def _filled(self, template: Any, values: Mapping[str, Any]) -> Any:
        try:
            return render(template, values)
        except AiosError as error:
            raise RefusedError(f"{self.name}: {error.message}", error.hint or f"see {self._place}") from error

    def _fits(self, use: Use, given: Mapping[str, Any]) -> None:
        from aios.store.validators import complaints

        for where, message in complaints(use.takes, dict(given)):
            place = ".".join(map(str, where)) or use.capability
            raise RefusedError(f"{self.name}: {place}: {one_line(message)}", f"see `takes` in {self._place}")


def offers(settings: Mapping[str, Any]) -> Mapping[str, Capability]:
    """What the settings map, where nothing is wrong with them."""
    return {name: _capability(use) for name, use in uses_of(settings).items()}


def wrong(settings: Mapping[str, Any]) -> Iterator[tuple[Where, str, str, Severity]]:
    """The first thing in the mapping that cannot work."""
    try:
        uses_of(settings)
    except RefusedError as error:
        yield ("tools",), error.message, error.hint, Severity.ERROR


def _capability(use: Use) -> Capability:
    if not use.writes:
        return Capability(
            use.capability, False, use.takes, "", use.summary or f"Read with the tool {use.tool}.", result=use.gives
        )
    return Capability(
        use.capability,
        True,
        use.takes,
        use.undo,
        use.summary or f"Done with the tool {use.tool}.",
        lookup=use.look.says if use.look else "there is no way to look it up",
        authoritative=use.authoritative,
        shows="the tool and exactly what it is given",
        transient=("timeout", "connection lost"),
    )


def _takes(schema: Mapping[str, Any]) -> str:
    """A tool's arguments in one line."""
    properties = schema.get("properties")
    names = properties if isinstance(properties, Mapping) else {}
    required = schema.get("required")
    needed = required if isinstance(required, list) else []
    told = [f"{name}{'' if name in needed else '?'}" for name in map(str, names)]
    return one_line(", ".join(told) or "nothing")


def _told(template: str, values: Mapping[str, Any]) -> str:
    try:
        return one_line(render_text(template, values), 500)
    except AiosError:
        return ""


def connect(name: str, settings: Mapping[str, Any], around: Surroundings) -> Mcp:
    """Raises RefusedError for settings that cannot work; the server is not started."""
    uses = uses_of(settings)
    if ("command" in settings) == ("url" in settings):
        raise RefusedError(f"{name}: it needs a `command` or a `url`, and not both", "see its settings")
    other = ("headers",) if "command" in settings else ("env", "directory")
    for each in other:
        if each in settings:
            raise RefusedError(f"{name}: `{each}` has no meaning here", "`headers` go with `url`, the others do not")
    timeout, limit = float(settings.get("timeout", 30)), int(settings.get("bytes", 8 * 1024 * 1024))

    def started() -> AbstractContextManager[Session]:
        from aios.connectors.mcp.pipe import Pipe

        environment = _values(settings.get("env") or {}, around)
        folder = around.path(str(settings.get("directory", ".")))
        return connected(Session(name, Pipe(name, settings["command"], environment, folder, limit), timeout))

    def reached() -> AbstractContextManager[Session]:
        from aios.connectors.mcp.streamable import Streamable

        def credentials() -> Mapping[str, str]:
            return _values(settings.get("headers") or {}, around)

        service = Service(name, str(settings["url"]), credentials, timeout, limit, told=around.told(name))
        wire = Streamable(service)
        return connected(Session(name, wire, timeout, wire.headers))

    origin = str(settings.get("url") or f"mcp:{name}")
    session = started if "command" in settings else reached

    def keys() -> Iterable[str]:
        given = {**(settings.get("env") or {}), **(settings.get("headers") or {})}
        return [around.need(each) for each in given.values() if not isinstance(each, str)]

    return Mcp(name, uses, settings.get("agreed") or {}, session, origin, keys)


def _values(given: Mapping[str, Any], around: Surroundings) -> dict[str, str]:
    """Texts as they are, secrets behind their prefix. Raises RefusedError for one that is not set."""
    return {
        name: value if isinstance(value, str) else f"{value.get('prefix', '')}{around.need(value)}"
        for name, value in given.items()
    }
