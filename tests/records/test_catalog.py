"""Records by kind and id, read when asked for."""

from __future__ import annotations

from aios.store.catalog import Catalog, Parsed
from tests.records.dict_tree import DictTree, company

ACME = "schema: customer.v1\nname: Acme\nstatus: active\n"
NOTE = "---\nschema: note.v1\nkind: %s\ntitle: A\n---\n\nText.\n"


def example() -> DictTree:
    return company(
        {
            "state/customers/zed.yaml": ACME.replace("Acme", "Zed"),
            "state/customers/acme.yaml": ACME,
            "state/customers/bad.yaml": "schema: customer.v1\n",
            "state/customers/broken.yaml": "a: [\n",
            "state/runs/2026/11/01jd0000000000000000000000.yaml": (
                "schema: run.v1\nrun: a/b/01jd0000000000000000000000\nworkflow: a\nstatus: done\n"
                "started: 2026-11-23T03:00:00Z\n"
            ),
            "memory/research/a.md": NOTE % "research",
            "memory/lessons/a.md": NOTE % "lesson",
            "state/company.yaml": "schema: company.v1\nname: X\ntimezone: UTC\napprovers: [a@b.example]\n",
        }
    )


def test_valid_records_of_a_kind_come_sorted_by_id() -> None:
    catalog = Catalog(example())
    assert [record.id for record in catalog.records("customer")] == ["acme", "zed"]
    assert [record.path for record in catalog.records("note")] == ["memory/lessons/a.md", "memory/research/a.md"]
    assert [record.id for record in catalog.records("company")] == ["company"]
    assert catalog.records("unicorn") == ()


def test_a_record_is_found_by_id_at_any_depth() -> None:
    catalog = Catalog(example())
    record = catalog.get("run", "01jd0000000000000000000000")
    assert record is not None
    assert record.ref == "runs/2026/11/01jd0000000000000000000000"
    lesson = catalog.get("note", "lessons/a")
    assert lesson is not None
    assert (lesson.body, lesson.get("kind"), lesson.schema) == ("Text.\n", "lesson", "note.v1")
    assert catalog.get("customer", "bad") is None
    assert catalog.get("customer", "nobody") is None
    assert catalog.get("unicorn", "acme") is None


def test_findings_tell_what_is_no_record() -> None:
    catalog = Catalog(example())
    assert {finding.path for finding in catalog.findings()} == {
        "state/customers/bad.yaml",
        "state/customers/broken.yaml",
    }
    assert catalog.findings("note") == []
    assert catalog.load("state/customers/bad.yaml") is None
    assert catalog.load("README.md") is None


def test_a_file_is_read_once_even_across_catalogs_of_neighbouring_trees() -> None:
    parsed: Parsed = {}
    tree = example()
    before = Catalog(tree, parsed=parsed).records("customer")
    tree.files["state/customers/zed.yaml"] = ACME.encode()
    tree.reads.clear()
    catalog = Catalog(tree, parsed=parsed)
    after = catalog.records("customer")
    assert catalog.records("customer") == after
    assert [path for path in tree.reads if not path.endswith(".json")] == ["state/customers/zed.yaml"]
    assert after[0] is before[0]
    assert after[1].get("name") == "Acme"


def test_asking_for_one_kind_reads_no_other() -> None:
    tree = example()
    catalog = Catalog(tree)
    assert len(catalog.schemas.kinds()) == 27
    tree.reads.clear()
    catalog.records("note")
    assert set(tree.reads) == {"memory/lessons/a.md", "memory/research/a.md"}
