"""The SQL of each transform and its Python twin answer alike, on values chosen to part them."""

# ruff: noqa: DTZ001, E501 - a column without a time zone; samples are read by the line
from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from rightful.gate.transforms import TRANSFORMS, transformed, type_after
from rightful.protection import masking
from tests.gate import rewrite_world as world
from tests.postgres import PostgresServer

TEXTS = [
    None, "", " ", "\t\n", "a", "A", "@", "@x", " @x", "a@", "anna@example.com", "  Anna@Example.COM \n", "a@b@c", "no at",
    "Ünïcode@münchen.example", "İ@x", "ßtraße", "ÉCOLE@X.FR", "\u00a0nbsp@x", "日本@例え.jp", "👩‍👩‍👧@x.example", "e\u0301@x", "***",
    "'; drop table x; --@x", "a\\@x", "%s@{}", "\x0b\x0cv@x", "x" * 3000 + "@y", "\u200bz@x", "I@ı", "ﬀ@x",
]  # fmt: skip
DATES = [None, dt.date(2026, 3, 31), dt.date(2024, 2, 29), dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.date(1970, 1, 1),
         dt.date(1582, 10, 10), dt.date(1899, 12, 31)]  # fmt: skip
INTEGERS = [None, 0, 1, -1, 9, 10, 11, -10, -11, 99, 2**31 - 1, -(2**31), 2**53 + 1, 2**63 - 1, -(2**63) + 20]
DECIMALS = [None, Decimal("0.00"), Decimal("9.99"), Decimal("10.00"), Decimal("-0.01"), Decimal("-10.00"),
            Decimal("123456789012.34"), Decimal("-123456789012.34")]  # fmt: skip
DOUBLES = [None, 0.0, -0.5, 9.999, 10.0, -10.0, 1e300, -1e300, float("inf"), float("-inf")]

SAMPLES: dict[str, tuple[str, list[Any]]] = {
    "mask": ("text", TEXTS),
    "mask-email": ("text", TEXTS),
    "initial": ("text", TEXTS),
    "sha256": ("text", TEXTS),
    "null": ("text", TEXTS),
    "year": ("date", DATES),
    "month": ("date", DATES),
    "bucket:10": ("bigint", INTEGERS),
    "bucket:7": ("bigint", INTEGERS),
    "bucket:25": ("decimal(18,2)", DECIMALS),
    "bucket:3": ("double", DOUBLES),
}
COLUMN_TYPES = {"text": "varchar", "double": "double precision"}


@pytest.fixture(scope="module")
def duck() -> Any:
    return world.duckdb_world("a")


@pytest.fixture(scope="module")
def postgres(postgres_server: PostgresServer) -> Iterator[Any]:
    with world.postgres_world(postgres_server, None) as connection:
        yield connection


def in_sql(connection: Any, dialect: str, transform: str, type_word: str, values: list[Any]) -> list[Any]:
    column = exp.column(exp.to_identifier("v", quoted=True))
    text = transformed(column, type_word, transform, dialect).sql(dialect=dialect, identify=True)  # type: ignore[arg-type]
    connection.execute("DROP TABLE IF EXISTS sample")
    declared = COLUMN_TYPES.get(type_word, type_word)
    connection.execute(f"CREATE TABLE sample (n int, v {declared.replace('varchar', 'text')})")
    mark = "?" if dialect == "duckdb" else "%s"
    cursor = connection.cursor()
    cast = COLUMN_TYPES.get(type_word, type_word)
    if dialect == "mysql":  # casts there have names of their own
        cast = {"varchar": "char", "bigint": "signed", "double precision": "double"}.get(cast, cast)
    cursor.executemany(f"INSERT INTO sample VALUES ({mark}, CAST({mark} AS {cast}))", list(enumerate(values)))
    return [row[0] for row in connection.execute(f"SELECT {text} FROM sample ORDER BY n").fetchall()]


def test_every_transform_is_sampled_and_has_a_twin_and_a_sentence():
    assert {name.partition(":")[0] for name in SAMPLES} == set(TRANSFORMS) == masking.NAMES
    assert all(rule.says.endswith(".") for rule in TRANSFORMS.values())


@pytest.mark.parametrize("dialect", ["duckdb", "postgres"])
@pytest.mark.parametrize("transform", SAMPLES)
def test_sql_and_python_agree(transform, dialect, request):
    connection = request.getfixturevalue({"duckdb": "duck"}.get(dialect, dialect))
    type_word, values = SAMPLES[transform]
    for value, seen in zip(values, in_sql(connection, dialect, transform, type_word, values), strict=True):
        expected = masking.apply(transform, value)
        if isinstance(value, float) and expected is not None and abs(expected) not in (0.0, float("inf")):
            assert seen == pytest.approx(expected), value
        else:
            assert seen == expected, repr(value)


@settings(max_examples=300)  # each example is a round trip to two engines
@given(st.lists(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])), min_size=1, max_size=20))
def test_sql_and_python_agree_on_any_text(texts):
    connection = world.duckdb_world("a")
    for transform in ("mask-email", "initial", "sha256"):
        seen = in_sql(connection, "duckdb", transform, "text", texts)
        assert seen == [masking.apply(transform, text) for text in texts]


@pytest.mark.parametrize(
    ("transform", "value", "shown", "why"),
    [
        ("mask-email", "anna@mueller-family.example", "a***@***", "a family's domain names the family"),
        ("mask-email", " anna@x.example", "a***@***", "white space is no first letter"),
        ("mask-email", "no address", "***", "what is no address shows nothing"),
        ("mask-email", "@x", "***", "no first letter before the @"),
        ("mask-email", None, None, "nothing stays nothing"),
        ("initial", "Anna", "A.", "first letter"),
        ("initial", " ", None, "an empty name has no initial"),
        ("sha256", " Anna@Example.COM", hashlib.sha256(b"anna@example.com").hexdigest(), "as ad networks take it"),
        ("sha256", "", None, "the hash of nothing would match everybody without an address"),
        ("year", dt.date(1984, 7, 19), dt.date(1984, 1, 1), "still a date"),
        ("year", dt.datetime(1984, 7, 19, 5, 6), dt.date(1984, 1, 1), "of an instant too"),
        ("month", dt.date(1984, 7, 19), dt.date(1984, 7, 1), "first of the month"),
        ("bucket:10", 37, 30, "lower bound"),
        ("bucket:10", -1, -10, "downwards, also below zero"),
        ("null", "x", None, "never a value"),
        (None, "x", "x", "no transform"),
    ],
)
def test_a_transform_shows_no_more_than_it_says(transform, value, shown, why):
    assert masking.apply(transform, value) == shown, why


@pytest.mark.parametrize(
    "name", ["bucket", "bucket:", "bucket:0", "bucket:-1", "bucket:x", "mask:3", "hash", "", "bucket:١"]
)
def test_an_unknown_transform_is_an_error_in_both(name):
    with pytest.raises(KeyError):
        masking.apply(name, "x")
    with pytest.raises(KeyError):
        transformed(exp.column("v"), "text", name, "duckdb")


@pytest.mark.parametrize("dialect", ["duckdb", "postgres", "mysql", "spark"])
@pytest.mark.parametrize("transform", SAMPLES)
def test_every_transform_has_sql_for_every_dialect(transform, dialect):
    text = transformed(exp.column("v"), SAMPLES[transform][0], transform, dialect).sql(dialect=dialect)
    assert text
    assert type_after("text", "year") == "date"
    assert type_after("bigint", "bucket:10") == "bigint"


@pytest.mark.parametrize("day", ["infinity", "-infinity", "5874897-12-31", "4000-01-01 BC", "0044-03-15 BC"])
@pytest.mark.parametrize("transform", ["year", "month"])
def test_no_date_of_the_engine_makes_a_transform_fail(day, transform, duck, postgres):
    for dialect, connection in (("duckdb", duck), ("postgres", postgres)):
        written = day.replace(" BC", " (BC)") if dialect == "duckdb" else day
        text = transformed(exp.column("v"), "date", transform, dialect).sql(dialect=dialect)
        connection.execute("DROP TABLE IF EXISTS odd")
        connection.execute(f"CREATE TABLE odd AS SELECT DATE '{written}' AS v")
        assert len(connection.execute(f"SELECT CAST({text} AS varchar) FROM odd").fetchall()) == 1
