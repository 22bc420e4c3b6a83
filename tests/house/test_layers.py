"""The floors of the house, and what each room may import."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from importlinter.application import use_cases
from importlinter.configuration import configure

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "aios").rglob("*.py"))


def test_every_floor_imports_only_from_below(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    configure()
    assert use_cases.lint_imports(config_filename=str(ROOT / "pyproject.toml"), cache_dir=None)


def _calls(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names.add(f"{node.value.id}.{node.attr}")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            names.add(node.func.id)
    return names


def _room(path: Path) -> str:
    return path.relative_to(ROOT / "aios").parts[0]


@pytest.mark.parametrize("name", ["print", "input", "exit", "sys.exit", "click.echo"])
def test_only_the_command_line_prints_prompts_or_exits(name: str) -> None:
    guilty = [str(path) for path in SOURCES if _room(path) != "cli" and name in _calls(path)]
    assert guilty == []


@pytest.mark.parametrize(
    "name", ["datetime.now", "datetime.utcnow", "time.time", "random.random", "uuid.uuid4", "secrets.token_hex"]
)
def test_only_the_composition_root_reads_clock_and_randomness(name: str) -> None:
    guilty = [str(path) for path in SOURCES if _room(path) != "app" and name in _calls(path)]
    assert guilty == []


def test_yaml_is_only_ever_loaded_by_safe_loaders() -> None:
    for path in SOURCES:
        text = path.read_text()
        assert "yaml.load(" not in text or "Safe" in text or "Strict" in text, path
        assert "yaml.unsafe_load" not in text, path
        assert "pickle" not in text, path
