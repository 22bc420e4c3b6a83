"""`check`: what it says of records together, and that it reads only what changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from aios.domain.finding import Severity
from aios.store.check import check
from tests.records.dict_tree import DictTree, company

ACME = "schema: customer.v1\nname: Acme\nstatus: active\nemail: ops@acme.example\n"
PRO = "schema: product.v1\nname: Pro\nstatus: live\n"


def told(files: Mapping[str, bytes | str]) -> list[tuple[str, str, str]]:
    """Place, message and hint of each finding."""
    return [(f"{each.path}:{each.line}:{each.column}", each.message, each.hint) for each in check(company(files), None)]


def test_a_company_in_order_has_no_findings() -> None:
    files = {
        "state/customers/acme.yaml": f"{ACME}product: pro\n",
        "state/products/pro.yaml": PRO,
        "state/agents/writer.md": "Instructions.\n",
        "state/README.md": "# Here\n",
        "state/customers/.gitkeep": "",
        "README.md": "# Ours\n",
    }
    assert told(files) == []


def test_a_reference_to_nothing_is_found_at_its_field_with_a_guess() -> None:
    files = {
        "state/customers/acme.yaml": f"{ACME}product: pro-plna\n",
        "state/customers/b.yaml": "schema: customer.v1\nname: B\nstatus: lead\nproduct: zzz\n",
        "state/products/pro-plan.yaml": PRO,
    }
    none = "`product` refers to the product `%s`, and there is none"
    assert told(files) == [
        ("state/customers/acme.yaml:5:1", none % "pro-plna", "did you mean `pro-plan`?"),
        ("state/customers/b.yaml:4:1", none % "zzz", "add it under state/products/, or take the reference out"),
    ]


def test_references_in_lists_and_to_any_record_are_followed() -> None:
    content = "schema: content.v1\ntitle: A\nstatus: planned\ngrew_from: ''\nsources: [page-one, page-onn]"
    decision = "schema: decision.v1\ntitle: A\nstatus: accepted\nabout:\n- products/pro\n- products/pr\n"
    files = {
        "state/decisions/a.yaml": decision,
        "state/content/a.md": f"---\n{content}\n---\n",
        "state/sources/page-one.md": "---\nschema: source.v1\ntitle: S\norigin: a.html\n---\n\nText\n",
        "state/products/pro.yaml": PRO,
    }
    none = "refers to the %s, and there is none"
    assert told(files) == [
        ("state/content/a.md:6:21", f"`sources[1]` {none % 'source `page-onn`'}", "did you mean `page-one`?"),
        ("state/decisions/a.yaml:6:3", f"`about[1]` {none % 'record `products/pr`'}", "did you mean `products/pro`?"),
    ]


def test_a_reference_to_a_record_with_findings_of_its_own_holds() -> None:
    files = {"state/customers/acme.yaml": f"{ACME}product: pro\n", "state/products/pro.yaml": "schema: product.v1\n"}
    assert {place.split(":")[0] for place, _, _ in told(files)} == {"state/products/pro.yaml"}


def test_the_same_address_domain_or_title_twice_names_both_files() -> None:
    other = ACME.replace("ops@acme.example", "OPS@Acme.example").replace("Acme\n", "acme \n") + "domain: acme.example\n"
    files = {
        "state/customers/acme.yaml": f"{ACME}domain: acme.example\n",
        "state/customers/beta.yaml": other,
        "state/products/acme.yaml": PRO.replace("Pro", "Acme"),
    }
    first, merge = "state/customers/acme.yaml", "one customer in one file: merge the two"
    assert told(files) == [
        ("state/customers/beta.yaml:2:1", f"`name` is `acme`, as in {first}:2", "are both the same thing?"),
        ("state/customers/beta.yaml:4:1", f"`email` is `ops@acme.example`, as in {first}:4", merge),
        ("state/customers/beta.yaml:5:1", f"`domain` is `acme.example`, as in {first}:5", merge),
    ]


def test_an_id_is_a_slug_and_used_once() -> None:
    files = {
        "state/products/Pro Plan.yaml": PRO,
        "state/customers/acme.yaml": ACME,
        "state/customers/acme.md": "---\nschema: customer.v1\nname: B\nstatus: lead\n---\n",
        "state/customers/old/acme.yaml": ACME.replace("ops", "old").replace("Acme", "C"),
        "memory/research/a.md": "---\nschema: note.v1\nkind: research\ntitle: A\n---\n",
        "memory/lessons/a.md": "---\nschema: note.v1\nkind: lesson\ntitle: A\n---\n",
    }
    taken = "the id `acme` is already that of state/customers/acme.md"
    slug = "`Pro Plan` cannot be an id: ids are lower-case letters and digits joined by single hyphens"
    assert [(place, message) for place, message, _ in told(files)] == [
        ("state/customers/acme.yaml:0:0", taken),
        ("state/customers/old/acme.yaml:0:0", taken),
        ("state/products/Pro Plan.yaml:0:0", slug),
    ]


def test_a_file_that_nobody_reads_is_a_warning() -> None:
    files = {"state/costumers/a.yaml": "a: 1\n", "state/content/a.yaml": "a: 1\n", "state/notes.txt": "x"}
    found = check(company(files), None)
    assert {finding.severity for finding in found} == {Severity.WARNING}
    assert [(finding.path, finding.rule, finding.hint) for finding in found] == [
        ("state/content/a.yaml", "unclaimed", "a content is a .md file"),
        ("state/costumers/a.yaml", "unclaimed", "did you mean `customers`?"),
        ("state/notes.txt", "unclaimed", "declare its kind in state/schemas/"),
    ]


def test_a_schema_that_is_none_is_found() -> None:
    files = {
        "state/schemas/bird.v1.json": '{"x-aios": {"directory": "birds"}, "required": "song"}',
        "state/schemas/bird-input.v1.json": '{"x-aios": {"role": "agent-io"}, "type": "thing"}',
        "state/birds/wren.yaml": "schema: bird.v1\n",
    }
    assert [(finding.path, finding.rule) for finding in check(company(files), None)] == [
        ("state/birds/wren.yaml", "schema-broken"),
        ("state/schemas/bird-input.v1.json", "schema-invalid"),
        ("state/schemas/bird.v1.json", "schema-invalid"),
    ]


def test_secrets_are_found_and_not_repeated() -> None:
    key = "sk_live_" + "abcdefghijklmnop"
    settings = f"{{api_key: {key}, token: {{env: SHOP_TOKEN}}, key_env: SHOP_KEY, password: correct-horse-battery}}"
    files = {
        "state/connectors/shop.yaml": f"schema: connector.v1\nuse: shop\nsettings: {settings}\n",
        "memory/lessons/a.md": f"---\nschema: note.v1\nkind: lesson\ntitle: A\n---\n\nUse {key} here.\n",
    }
    found = told(files)
    assert [(place, message.split(";")[0]) for place, message, _ in found] == [
        ("memory/lessons/a.md:7:5", "the text holds what looks like a secret"),
        ("state/connectors/shop.yaml:3:12", "`settings.api_key` has the shape of a key or a password"),
        ("state/connectors/shop.yaml:3:92", "`settings.password` is named like a secret and holds a value"),
    ]
    assert key not in str(found)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / ".aios" / "check.json"


def grown() -> dict[str, bytes | str]:
    files: dict[str, bytes | str] = {f"state/products/p{n}.yaml": PRO.replace("Pro", f"Pro {n}") for n in range(3)}
    for n in range(5):
        files[f"state/customers/c{n}.yaml"] = (
            ACME.replace("Acme", f"Acme {n}").replace("ops", f"ops{n}") + "product: p1\n"
        )
    files["state/customers/bad.yaml"] = "schema: customer.v1\nname: Bad\nstatus: ill\nproduct: p9\n"
    return files


def records_read(tree: DictTree) -> list[str]:
    return [path for path in tree.reads if not path.startswith("state/schemas/")]


def test_a_second_check_reads_no_record_and_finds_the_same(cache: Path) -> None:
    first = check(company(grown()), cache)
    assert [finding.rule for finding in first] == ["schema-enum", "reference"]
    tree = company(grown())
    assert check(tree, cache) == first
    assert records_read(tree) == []


def test_only_what_changed_is_read_again_and_compared_with_all(cache: Path) -> None:
    files = grown()
    check(company(files), cache)
    files["state/customers/c0.yaml"] = str(files["state/customers/c0.yaml"]).replace("ops0", "ops1")
    del files["state/products/p1.yaml"]
    tree = company(files)
    found = check(tree, cache)
    assert records_read(tree) == ["state/customers/c0.yaml"]
    assert found == check(company(files), None)
    assert [finding.rule for finding in found].count("reference") == 6
    assert [finding.path for finding in found if finding.rule == "duplicate"] == ["state/customers/c1.yaml"]


def test_a_changed_schema_has_its_records_read_again(cache: Path) -> None:
    check(company(grown()), cache)
    tree = company(grown())
    schema = json.loads(tree.files["state/schemas/product.v1.json"])
    schema["required"].append("summary")
    tree.files["state/schemas/product.v1.json"] = json.dumps(schema).encode()
    found = check(tree, cache)
    assert records_read(tree) == [f"state/products/p{n}.yaml" for n in range(3)]
    assert sum("has no `summary`" in finding.message for finding in found) == 3


@pytest.mark.parametrize("spoil", ["", "[]", "{}\n{}", "null", "[1, 2, 3]\n{}", "x" * 1000])
def test_a_spoilt_cache_is_left_aside_and_made_anew(cache: Path, spoil: str) -> None:
    first = check(company(grown()), cache)
    whole = cache.read_bytes()
    cache.write_text(spoil)
    assert check(company(grown()), cache) == first
    assert cache.read_bytes() == whole


def test_a_flipped_byte_or_a_cut_in_the_cache_is_noticed(cache: Path) -> None:
    first = check(company(grown()), cache)
    whole = cache.read_bytes()
    cut = whole.replace(b"expected one of", b"expected two of")
    for spoilt in (whole[:-1], cut):
        cache.write_bytes(spoilt)
        assert check(company(grown()), cache) == first


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    assert check(company(grown()), tmp_path / "file" / "check.json") == check(company(grown()), None)
