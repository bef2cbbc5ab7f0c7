"""The schema for editors, the reference page and the loader say the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from rightful.policy.loader import loads
from rightful.policy.problems import ProblemLog
from rightful.policy.reference import TITLES, reference
from rightful.policy.schema import schema, schema_text
from rightful.policy.tree import tree, value_of
from rightful.policy.vocabulary import SECTIONS
from tests.policy.corpus import BASE, CASES

ROOT = Path(__file__).parents[2]
VALIDATOR = Draft202012Validator(schema())


def fits(text: str) -> bool:
    log = ProblemLog()
    root = tree(text, "p.yaml", log)
    return root is not None and VALIDATOR.is_valid(value_of(root))


def test_the_schema_is_a_schema():
    Draft202012Validator.check_schema(schema())


def test_the_kept_schema_is_up_to_date():
    kept = (ROOT / "rightful/policy/schema.json").read_text(encoding="utf-8")
    assert kept == schema_text(), "write it anew: python -m rightful.policy.schema > rightful/policy/schema.json"


def test_the_reference_page_is_up_to_date():
    kept = (ROOT / "docs/reference/policy.md").read_text(encoding="utf-8")
    assert kept == reference(), "write it anew: python -m rightful.policy.reference > docs/reference/policy.md"


def test_the_reference_page_names_every_key_of_every_section():
    assert set(TITLES) == set(SECTIONS)
    page = reference()
    assert [key.name for keys in SECTIONS.values() for key in keys if f"| `{key.name}`" not in page] == []


@pytest.mark.parametrize(
    "path",
    ["tests/policy/example.yaml", "rightful/demo/policy/meadow.yaml", "rightful/demo/policy-history/2025-01.yaml"],
)
def test_policies_that_load_fit_the_schema(path):
    text = (ROOT / path).read_text(encoding="utf-8")
    assert fits(text)
    assert loads(text)


def test_the_base_fits_the_schema():
    assert fits(BASE)


@pytest.mark.parametrize("case", [c for c in CASES if c.schema_sees], ids=lambda case: case.id)
def test_the_schema_refuses_what_it_can_see(case):
    assert not fits(case.text())


def examples():
    for section, keys in SECTIONS.items():
        for key in keys:
            if key.example and "..." not in key.example and " or " not in key.example:
                yield pytest.param(key, id=f"{section}.{key.name}")


@pytest.mark.parametrize("key", list(examples()))
def test_every_example_on_the_reference_page_fits_the_schema(key):
    log = ProblemLog()
    root = tree(f"x: {key.example}", "p.yaml", log)
    assert root is not None
    assert not log
    value = value_of(root)["x"]
    whole = schema()
    alone = {"$defs": whole["$defs"], "type": "object", "properties": {"x": dict(key.schema)}}
    assert [e.message for e in Draft202012Validator(alone).iter_errors({"x": value})] == []
