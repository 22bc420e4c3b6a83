"""What `aios check` costs on 10,000 records, cold and warm, beside the plain way: the C loader, then jsonschema.

`python -m tests.benchmarks.check` prints the table. CPU seconds; ours and the peer take turns, a fifth at a time.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml
from jsonschema import Draft7Validator

from aios.store.check import check
from aios.store.schemas import Schemas
from tests.benchmarks.durable_step import Row
from tests.records.dict_tree import DictTree, company

RECORDS = 10_000
ROUNDS = 5
TEXT = """# yaml-language-server: $schema=../schemas/customer.v1.json
schema: customer.v1
name: Translations {n}
email: ops{n}@translations{n}.example
domain: translations{n}.example
status: active
product: product-{product}     # a reference, checked
price: {{amount: 4900, currency: EUR}}
interval: month
seats: 3
since: "2026-03-02"
found_through: the pricing teardown
language: en
country: DE
newsletter: true
tags: [agency, berlin, yearly]
accounts:
  stripe: cus_{n}
contacts:
  - name: Ines Baum
    email: ines@translations{n}.example
    role: owner
  - name: Tom Li
    email: tom@translations{n}.example
    role: project manager
notes: |
  Found us through the pricing teardown. Wants a yearly invoice, pays within a week.
  Asked twice for glossaries; promised an answer by the end of the month.
trust: operator
"""
PRODUCT = "schema: product.v1\nname: Product {n}\nstatus: live\n"


def records(start: int, end: int) -> dict[str, bytes | str]:
    """Customers of about 0.9 KB each, with references and values that must be unique."""
    files: dict[str, bytes | str] = {
        f"state/customers/c{n:05}.yaml": TEXT.format(n=n, product=n % 20) for n in range(start, end)
    }
    return files | {f"state/products/product-{n}.yaml": PRODUCT.format(n=n) for n in range(20)}


def taken(act: Callable[[], object]) -> float:
    started = time.process_time()
    act()
    return time.process_time() - started


def plain(tree: DictTree, schemas: Schemas, *, validate: bool) -> None:
    """Load every record by the C loader, and list what jsonschema says of it."""
    validators = {name: Draft7Validator(dict(schemas.schema(name))) for name in schemas.kinds()}
    for path in tree.paths("state/"):
        kind = schemas.kind_of(path)
        if kind:
            data = yaml.load(tree.files[path], Loader=yaml.CSafeLoader)
            if validate:
                list(validators[kind].iter_errors(data))


def run() -> list[Row]:
    """Cold and warm, each in CPU seconds for 10,000 records."""
    size = RECORDS // ROUNDS
    cold = loaded = validated = 0.0
    for number in range(ROUNDS):
        tree = company(records(number * size, (number + 1) * size))
        tree.known = {path: tree.blob(path) for path in tree.files}
        schemas, _ = Schemas.from_tree(tree)
        cold += taken(lambda tree=tree: check(tree, None))  # type: ignore[misc]
        loaded += taken(lambda tree=tree, schemas=schemas: plain(tree, schemas, validate=False))  # type: ignore[misc]
        validated += taken(lambda tree=tree, schemas=schemas: plain(tree, schemas, validate=True))  # type: ignore[misc]
    whole = company(records(0, RECORDS))
    with tempfile.TemporaryDirectory() as directory:
        cache = Path(directory) / "check.json"
        blobs = {path: whole.blob(path) for path in whole.files}
        whole.known = blobs  # a tree knows its blobs: git, or the index, tells them
        check(whole, cache)
        warm = min(taken(lambda: check(whole, cache)) for _ in range(3))
        whole.files["state/customers/c00000.yaml"] += b"x-one: more\n"
        blobs["state/customers/c00000.yaml"] = "0" * 40
        one = taken(lambda: check(whole, cache))
    return [
        Row("check, cold, against C loader + jsonschema (CPU s)", cold, validated, cold / validated, "≤ 0.5"),
        Row("check, cold, against the C loader alone (CPU s)", cold, loaded, cold / loaded, "≤ 1.1"),
        Row("check, warm (CPU s)", warm, validated, warm / validated, "< 1 s"),
        Row("check, one record changed (CPU s)", one, validated, one / validated, "< 1 s"),
    ]


def main() -> None:
    for row in run():
        peer = f"{row.peer:8.2f}" if row.peer is not None else "       –"
        ratio = f"{row.ratio:6.2f}" if row.ratio is not None else "     –"
        print(f"{row.name:52} {row.ours:8.3f} {peer} ×{ratio}   {row.target}")  # noqa: T201


if __name__ == "__main__":
    main()
