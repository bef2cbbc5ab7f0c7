"""Which words of SQL an analyst may use.

An allow-list: what is not named here is refused, also what nobody has thought of yet.
For each kind of syntax node it names the parts that may be filled in, because the
dangerous things hide there (a sample on a table, FOR UPDATE on a SELECT, ONLY, INTO).
For each function it names the spellings, the arguments and whether some value can make
it fail: a failure that depends on a row tells something about the row.
What is easy to get wrong: one parsed class has several spellings, and a class that is
harmless in one place is not in another (`Distinct` in SELECT and inside `count`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from sqlglot import exp

# families of types; "string" is an untyped literal, "any" fits everything
TEXT, INTEGER, DECIMAL, DOUBLE, BOOLEAN = "text", "integer", "decimal", "double", "boolean"
DATE, TIMESTAMP, INTERVAL, OTHER = "date", "timestamp", "interval", "other"
STRING, NULL, ANY, NUMBER, MOMENT, COMMON = "string", "null", "any", "number", "moment", "common"
NUMBERS: Final = frozenset({INTEGER, DECIMAL, DOUBLE})
MOMENTS: Final = frozenset({DATE, TIMESTAMP})

_FAMILIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "text": TEXT,
        "varchar": TEXT,
        "char": TEXT,
        "string": TEXT,
        "enum": TEXT,
        "character varying": TEXT,
        "tinyint": INTEGER,
        "smallint": INTEGER,
        "integer": INTEGER,
        "int": INTEGER,
        "bigint": INTEGER,
        "hugeint": INTEGER,
        "decimal": DECIMAL,
        "numeric": DECIMAL,
        "double": DOUBLE,
        "real": DOUBLE,
        "float": DOUBLE,
        "double precision": DOUBLE,
        "boolean": BOOLEAN,
        "bool": BOOLEAN,
        "date": DATE,
        "timestamp": TIMESTAMP,
        "timestamptz": TIMESTAMP,
        "datetime": TIMESTAMP,
        "timestamp with time zone": TIMESTAMP,
        "interval": INTERVAL,
    }
)


def family_of(type_word: str) -> str:
    """Family of a canonical type word; what is not known fits nothing but itself."""
    return _FAMILIES.get(type_word.partition("(")[0].strip().lower(), OTHER)


CAST_TARGETS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "TEXT": TEXT,
        "VARCHAR": TEXT,
        "CHAR": TEXT,
        "TINYINT": INTEGER,
        "SMALLINT": INTEGER,
        "INT": INTEGER,
        "BIGINT": INTEGER,
        "DECIMAL": DECIMAL,
        "DOUBLE": DOUBLE,
        "FLOAT": DOUBLE,
        "BOOLEAN": BOOLEAN,
        "DATE": DATE,
        "TIMESTAMP": TIMESTAMP,
        "TIMESTAMPNTZ": TIMESTAMP,
        "DATETIME": TIMESTAMP,
    }
)

_QUERY_PARTS: Final = frozenset({"with_", "order", "limit", "offset", "distinct"})
_TWO: Final = frozenset({"this", "expression"})
_ONE: Final = frozenset({"this"})

NODES: Final[Mapping[type[exp.Expr], frozenset[str]]] = MappingProxyType(
    {
        exp.Select: _QUERY_PARTS | {"expressions", "from_", "joins", "where", "group", "having", "qualify"},
        exp.Union: _QUERY_PARTS | _TWO,
        exp.Except: _QUERY_PARTS | _TWO,
        exp.Intersect: _QUERY_PARTS | _TWO,
        exp.With: frozenset({"expressions"}),
        exp.CTE: frozenset({"this", "alias", "materialized"}),
        exp.Subquery: frozenset({"this", "alias"}),
        exp.From: _ONE,
        exp.Join: frozenset({"this", "on", "side", "kind", "using"}),
        exp.Table: frozenset({"this", "alias"}),
        exp.TableAlias: _ONE,
        exp.Alias: frozenset({"this", "alias"}),
        exp.Column: frozenset({"this", "table"}),
        exp.Identifier: frozenset({"this", "quoted"}),
        exp.Star: frozenset({"except_"}),
        exp.Where: _ONE,
        exp.Group: frozenset({"expressions"}),
        exp.Having: _ONE,
        exp.Qualify: _ONE,
        exp.Order: frozenset({"this", "expressions"}),
        exp.Ordered: frozenset({"this", "desc", "nulls_first"}),
        exp.Limit: frozenset({"expression"}),
        exp.Offset: frozenset({"expression"}),
        exp.Distinct: frozenset({"expressions"}),
        exp.Literal: frozenset({"this", "is_string"}),
        exp.Boolean: _ONE,
        exp.Null: frozenset(),
        exp.Paren: _ONE,
        exp.Neg: _ONE,
        exp.Not: _ONE,
        exp.And: _TWO,
        exp.Or: _TWO,
        exp.EQ: _TWO,
        exp.NEQ: _TWO,
        exp.GT: _TWO,
        exp.GTE: _TWO,
        exp.LT: _TWO,
        exp.LTE: _TWO,
        exp.NullSafeEQ: _TWO,
        exp.NullSafeNEQ: _TWO,
        exp.Is: _TWO | {"negate"},
        exp.Like: _TWO | {"negate"},
        exp.ILike: _TWO | {"negate"},
        exp.Escape: _TWO,
        exp.In: frozenset({"this", "expressions", "query"}),
        exp.Between: frozenset({"this", "low", "high"}),
        exp.Exists: _ONE,
        exp.Add: _TWO,
        exp.Sub: _TWO,
        exp.Mul: _TWO,
        exp.Div: _TWO | {"typed", "safe"},
        exp.IntDiv: _TWO,
        exp.Mod: _TWO,
        exp.DPipe: _TWO | {"safe"},
        exp.Case: frozenset({"this", "ifs", "default"}),
        exp.If: frozenset({"this", "true", "false"}),
        exp.Cast: frozenset({"this", "to"}),
        exp.TryCast: frozenset({"this", "to", "safe"}),
        exp.DataType: frozenset({"this", "expressions", "nested"}),
        exp.DataTypeParam: _ONE,
        exp.Interval: frozenset({"this", "unit"}),
        exp.Var: _ONE,
        exp.Window: frozenset({"this", "partition_by", "order", "spec", "over"}),
        exp.WindowSpec: frozenset({"kind", "start", "start_side", "end", "end_side"}),
        exp.Filter: _TWO,
        exp.WithinGroup: _TWO,
    }
)


@dataclass(frozen=True, slots=True)
class Word:
    """One function: how it is spelled, what it takes (argument -> family), what it gives.

    Attributes:
        fails: the dialects in which some value makes it fail.
        sort: "plain", "aggregate" or "window" (a window word never stands alone).
        flags: further arguments of the parsed class that carry no expression.
        literal: arguments that must be literals.
    """

    spelled: frozenset[str]
    takes: Mapping[str, str]
    gives: str
    fails: frozenset[str] = frozenset()
    sort: str = "plain"
    flags: frozenset[str] = frozenset()
    literal: frozenset[str] = frozenset()


def _word(
    spelled: str,
    gives: str,
    fails: str = "",
    sort: str = "plain",
    flags: str = "",
    literal: str = "",
    **takes: str,
) -> Word:
    return Word(
        frozenset(spelled.split()),
        MappingProxyType(takes),
        gives,
        frozenset(fails.split()),
        sort,
        frozenset(flags.split()),
        frozenset(literal.split()),
    )


_ALL = "duckdb postgres mysql spark"

FUNCTIONS: Final[Mapping[type[exp.Expr], Word]] = MappingProxyType(
    {
        exp.Lower: _word("lower lcase", TEXT, this=TEXT),
        exp.Upper: _word("upper ucase", TEXT, this=TEXT),
        exp.Trim: _word("trim ltrim rtrim btrim", TEXT, this=TEXT, expression=TEXT, flags="position"),
        exp.Length: _word("length len char_length character_length", INTEGER, this=TEXT, flags="binary encoding"),
        exp.Substring: _word(
            "substring substr mid",
            TEXT,
            this=TEXT,
            start=INTEGER,
            length=INTEGER,
            literal="start length",
            flags="zero_start",
        ),
        exp.Left: _word(
            "left",
            TEXT,
            this=TEXT,
            expression=INTEGER,
            literal="expression",
            flags="negative_length_returns_empty",
        ),
        exp.Right: _word(
            "right",
            TEXT,
            this=TEXT,
            expression=INTEGER,
            literal="expression",
            flags="negative_length_returns_empty",
        ),
        exp.Concat: _word("concat", TEXT, expressions=TEXT, flags="safe coalesce"),
        exp.StartsWith: _word("starts_with startswith prefix", BOOLEAN, this=TEXT, expression=TEXT),
        exp.EndsWith: _word("ends_with endswith suffix", BOOLEAN, this=TEXT, expression=TEXT),
        exp.Contains: _word("contains", BOOLEAN, this=TEXT, expression=TEXT),
        exp.StrPosition: _word("strpos instr position locate", INTEGER, this=TEXT, substr=TEXT, flags="clamp_position"),
        exp.Coalesce: _word("coalesce ifnull", COMMON, this=COMMON, expressions=COMMON, flags="is_nvl is_null"),
        exp.Nullif: _word("nullif", COMMON, this=COMMON, expression=COMMON),
        exp.Greatest: _word("greatest", COMMON, this=COMMON, expressions=COMMON, flags="ignore_nulls"),
        exp.Least: _word("least", COMMON, this=COMMON, expressions=COMMON, flags="ignore_nulls"),
        exp.Abs: _word("abs", COMMON, _ALL, this=NUMBER),
        exp.Sign: _word("sign", INTEGER, this=NUMBER),
        exp.Round: _word(
            "round",
            COMMON,
            _ALL,
            this=NUMBER,
            decimals=INTEGER,
            literal="decimals",
            flags="truncate casts_non_integer_decimals",
        ),
        exp.Floor: _word("floor", COMMON, _ALL, this=NUMBER),
        exp.Ceil: _word("ceil ceiling", COMMON, _ALL, this=NUMBER),
        exp.Sqrt: _word("sqrt", DOUBLE, "duckdb postgres", this=NUMBER),
        exp.Ln: _word("ln", DOUBLE, "duckdb postgres", this=NUMBER),
        exp.Exp: _word("exp", DOUBLE, "duckdb postgres mysql", this=NUMBER),
        exp.Pow: _word("pow power", DOUBLE, "duckdb postgres mysql", this=NUMBER, expression=NUMBER),
        exp.Year: _word("year", INTEGER, "postgres", this=MOMENT),
        exp.Quarter: _word("quarter", INTEGER, "postgres", this=MOMENT),
        exp.Month: _word("month", INTEGER, "postgres", this=MOMENT),
        exp.Week: _word("week weekofyear", INTEGER, "postgres", this=MOMENT),
        exp.Day: _word("day dayofmonth", INTEGER, "postgres", this=MOMENT),
        exp.DayOfWeek: _word("dayofweek weekday", INTEGER, "postgres", this=MOMENT),
        exp.Extract: _word("extract date_part datepart", DOUBLE, expression=MOMENT, flags="this"),
        exp.TimestampTrunc: _word(
            "date_trunc datetrunc", TIMESTAMP, _ALL, this=MOMENT, flags="unit input_type_preserved"
        ),
        exp.DateTrunc: _word(
            "date_trunc datetrunc trunc", TIMESTAMP, _ALL, this=MOMENT, flags="unit input_type_preserved"
        ),
        exp.DateDiff: _word(
            "date_diff datediff",
            INTEGER,
            _ALL,
            this=MOMENT,
            expression=MOMENT,
            flags="unit date_part_boundary big_int",
        ),
        exp.CurrentDate: _word("current_date today curdate", DATE),
        exp.CurrentTimestamp: _word("current_timestamp now", TIMESTAMP),
        exp.Count: _word("count", INTEGER, sort="aggregate", this=ANY, flags="big_int"),
        exp.Sum: _word("sum", NUMBER, sort="aggregate", this=NUMBER),
        exp.Avg: _word("avg mean", DOUBLE, sort="aggregate", this=NUMBER),
        exp.Min: _word("min", COMMON, sort="aggregate", this=COMMON),
        exp.Max: _word("max", COMMON, sort="aggregate", this=COMMON),
        exp.Stddev: _word("stddev std", DOUBLE, sort="aggregate", this=NUMBER),
        exp.StddevPop: _word("stddev_pop", DOUBLE, sort="aggregate", this=NUMBER),
        exp.StddevSamp: _word("stddev_samp", DOUBLE, sort="aggregate", this=NUMBER),
        exp.Variance: _word("variance var_samp", DOUBLE, sort="aggregate", this=NUMBER),
        exp.VariancePop: _word("var_pop", DOUBLE, sort="aggregate", this=NUMBER),
        exp.Median: _word("median", DOUBLE, sort="aggregate", this=NUMBER),
        exp.PercentileCont: _word(
            "percentile_cont quantile_cont",
            DOUBLE,
            sort="aggregate",
            this=NUMBER,
            expression=NUMBER,
            literal="expression",
        ),
        exp.RowNumber: _word("row_number", INTEGER, sort="window"),
        exp.Rank: _word("rank", INTEGER, sort="window"),
        exp.DenseRank: _word("dense_rank", INTEGER, sort="window"),
        exp.PercentRank: _word("percent_rank", DOUBLE, sort="window"),
        exp.CumeDist: _word("cume_dist", DOUBLE, sort="window"),
        exp.Ntile: _word("ntile", INTEGER, sort="window", this=INTEGER, literal="this"),
        exp.Lag: _word("lag", COMMON, sort="window", this=COMMON, offset=INTEGER, literal="offset"),
        exp.Lead: _word("lead", COMMON, sort="window", this=COMMON, offset=INTEGER, literal="offset"),
        exp.FirstValue: _word("first_value", COMMON, sort="window", this=COMMON),
        exp.LastValue: _word("last_value", COMMON, sort="window", this=COMMON),
    }
)

_UNITS = """
SECOND MINUTE HOUR DAY WEEK MONTH QUARTER YEAR SECONDS MINUTES HOURS DAYS WEEKS MONTHS YEARS
DOW ISODOW DOY DAYOFWEEK DAYOFYEAR ISOYEAR
"""
UNITS: Final = frozenset(_UNITS.split())

SPELLINGS: Final = frozenset(name for word in FUNCTIONS.values() for name in word.spelled)
