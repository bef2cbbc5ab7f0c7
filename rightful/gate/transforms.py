"""What a transform makes of a column, as SQL for each dialect.

The Python twin is `protection/masking.py`; a test holds both to the same answers.
These expressions run inside the gate's own subquery, where an engine may look at
rows that nobody is permitted to see. So every one of them is total: no value makes
it fail, because an error message would show the value.
What is easy to get wrong: `lower()` follows the locale in PostgreSQL and Unicode in
DuckDB; `date_trunc` fails on years past 294276; `CAST(NULL)` without a type turns a
date column into text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from sqlglot import exp

Dialect = Literal["duckdb", "postgres", "mysql", "spark"]
Build = Callable[[exp.Expression, str, Dialect, int], exp.Expression]

_WHITE: Final = (9, 10, 11, 12, 13, 32)
_UPPER: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_INTEGERS: Final = ("tinyint", "smallint", "integer", "int", "bigint", "hugeint")
_DOUBLES: Final = ("double", "float", "real", "double precision")


@dataclass(frozen=True, slots=True)
class Transform:
    """One way of showing a column less than whole.

    Attributes:
        says: one sentence for the reference and for `explain`.
        gives: type word of the result; "" keeps the column's own type.
        build: (column, its type word, dialect, argument) -> expression.
        takes_width: True when the name is followed by `:` and a whole number above 0.
    """

    name: str
    says: str
    gives: str
    build: Build
    takes_width: bool = False


def transformed(column: exp.Expression, type_word: str, transform: str | None, dialect: Dialect) -> exp.Expression:
    """The column as the purpose may see it.

    Raises:
        KeyError: no such transform.
    """
    if transform is None:
        return column
    rule, width = _parts(transform)
    return rule.build(column, type_word, dialect, width)


def type_after(type_word: str, transform: str | None) -> str:
    """Type word of what the analyst gets."""
    return type_word if transform is None else _parts(transform)[0].gives or type_word


def _parts(transform: str) -> tuple[Transform, int]:
    name, _, argument = transform.partition(":")
    rule = TRANSFORMS[name]
    if not rule.takes_width and not argument:
        return rule, 0
    if rule.takes_width and argument.isascii() and argument.isdigit() and int(argument) > 0:
        return rule, int(argument)
    raise KeyError(transform)


def _text(value: str) -> exp.Expression:
    return exp.Literal.string(value)


def _number(value: int) -> exp.Expression:
    return exp.Literal.number(value)


def _call(name: str, *arguments: exp.Expression) -> exp.Expression:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _cast(value: exp.Expression, to: str) -> exp.Expression:
    return exp.Cast(this=value, to=exp.DataType.build(to))


def _case(*branches: tuple[exp.Expression, exp.Expression], default: exp.Expression | None = None) -> exp.Expression:
    return exp.Case(ifs=[exp.If(this=when, true=then) for when, then in branches], default=default)


def _joined(dialect: Dialect, *parts: exp.Expression) -> exp.Expression:
    if dialect == "mysql":  # || is OR there
        return _call("CONCAT", *parts)
    first, *rest = parts
    for part in rest:
        first = exp.DPipe(this=first, expression=part)
    return first


def _as_text(column: exp.Expression, type_word: str, dialect: Dialect) -> exp.Expression:
    if type_word == "text":
        return column
    return _cast(column, "CHAR" if dialect == "mysql" else "TEXT")


def _trimmed(column: exp.Expression, dialect: Dialect) -> exp.Expression:
    if dialect == "mysql":
        # [[:space:]] would take more than the six: the hash of an address must be the same everywhere
        six = exp.Chr(expressions=[_number(code) for code in _WHITE], charset=exp.var("utf8mb4"))
        pattern = _call("CONCAT", _text("^["), six, _text("]+|["), six.copy(), _text("]+$"))
        return _call("REGEXP_REPLACE", column, pattern, _text(""))
    chr_ = "CHAR" if dialect == "spark" else "CHR"
    white = _joined(dialect, *(_call(chr_, _number(code)) for code in _WHITE))
    if dialect == "spark":
        return exp.Trim(this=column, expression=white, position="BOTH")
    return _call("BTRIM" if dialect == "postgres" else "TRIM", column, white)


def _first(text: exp.Expression, dialect: Dialect) -> exp.Expression:
    return _call("SUBSTRING" if dialect in ("mysql", "spark") else "SUBSTR", text, _number(1), _number(1))


def _mask(column: exp.Expression, type_word: str, dialect: Dialect, width: int) -> exp.Expression:
    return _case((exp.Not(this=exp.Is(this=column, expression=exp.Null())), _text("***")))


def _mask_email(column: exp.Expression, type_word: str, dialect: Dialect, width: int) -> exp.Expression:
    text = _trimmed(_as_text(column, type_word, dialect), dialect)
    at = _call("STRPOS" if dialect in ("duckdb", "postgres") else "INSTR", text.copy(), _text("@"))
    return _case(
        (exp.GT(this=at, expression=_number(1)), _joined(dialect, _first(text, dialect), _text("***@***"))),
        (exp.Not(this=exp.Is(this=column.copy(), expression=exp.Null())), _text("***")),
    )


def _initial(column: exp.Expression, type_word: str, dialect: Dialect, width: int) -> exp.Expression:
    text = _trimmed(_as_text(column, type_word, dialect), dialect)
    return _case((exp.NEQ(this=text, expression=_text("")), _joined(dialect, _first(text.copy(), dialect), _text("."))))


def _sha256(column: exp.Expression, type_word: str, dialect: Dialect, width: int) -> exp.Expression:
    text = _trimmed(_as_text(column, type_word, dialect), dialect)
    lowered = text.copy()
    if dialect == "mysql":
        for letter in _UPPER:
            lowered = _call("REPLACE", lowered, _text(letter), _text(letter.lower()))
    else:
        lowered = _call("TRANSLATE", lowered, _text(_UPPER), _text(_UPPER.lower()))
    if dialect == "postgres":
        digest = _call("ENCODE", _call("SHA256", _call("CONVERT_TO", lowered, _text("UTF8"))), _text("hex"))
    elif dialect == "duckdb":
        digest = _call("SHA256", lowered)
    else:
        digest = _call("SHA2", lowered, _number(256))
    return _case((exp.NEQ(this=text, expression=_text("")), digest))


def _year(column: exp.Expression, type_word: str, dialect: Dialect, width: int) -> exp.Expression:
    return _day(column, dialect, month=False)


def _month(column: exp.Expression, type_word: str, dialect: Dialect, width: int) -> exp.Expression:
    return _day(column, dialect, month=True)


def _day(column: exp.Expression, dialect: Dialect, *, month: bool) -> exp.Expression:
    one = _number(1)
    if dialect == "mysql":  # MAKEDATE would take the year 26 for 2026; a text that is no date becomes NULL
        text = _call("LEFT", _cast(column, "CHAR"), _number(7 if month else 4))
        return _cast(_joined(dialect, text, _text("-01" if month else "-01-01")), "DATE")
    if dialect == "spark":
        return _call("TRUNC", column, _text("MONTH" if month else "YEAR"))

    def part(name: str) -> exp.Expression:
        return _cast(exp.Extract(this=exp.var(name), expression=column.copy()), "INT")

    day = _call("MAKE_DATE", part("YEAR"), part("MONTH") if month else one, one.copy())
    if dialect == "duckdb":
        return _call("TRY", day)  # years before Christ and infinity have no such day
    bounded = exp.Between(
        this=column.copy(), low=_cast(_text("0001-01-01"), "DATE"), high=_cast(_text("9999-12-31"), "DATE")
    )
    return _case((bounded, day))


def _nothing(column: exp.Expression, type_word: str, dialect: Dialect, width: int) -> exp.Expression:
    word = type_word
    if dialect == "mysql":
        word = {"text": "CHAR", "boolean": "SIGNED", "timestamp": "DATETIME", "double": "DOUBLE"}.get(word, word)
        word = "SIGNED" if word in _INTEGERS else word
    return _cast(exp.Null(), word)


def _bucket(column: exp.Expression, type_word: str, dialect: Dialect, width: int) -> exp.Expression:
    size = _number(width)
    if type_word in _DOUBLES:
        down: exp.Expression = exp.Mul(
            this=_call("FLOOR", exp.Div(this=column, expression=size)), expression=size.copy()
        )
        return _call("TRY", down) if dialect == "duckdb" else down
    # the remainder, made positive: exact, where a division would round
    wide = {"postgres": "NUMERIC", "mysql": "DECIMAL(30, 6)", "spark": "DECIMAL(38, 6)"}.get(dialect)
    value = column if wide is None else _cast(column, wide)  # no bigint overflows on its way down
    rest = exp.Paren(this=exp.Mod(this=value, expression=size))
    above = exp.Paren(this=exp.Add(this=rest, expression=size.copy()))
    down = exp.Sub(this=value.copy(), expression=exp.Paren(this=exp.Mod(this=above, expression=size.copy())))
    return _call("TRY", down) if dialect == "duckdb" else down


TRANSFORMS: Final[Mapping[str, Transform]] = MappingProxyType(
    {
        rule.name: rule
        for rule in (
            Transform("mask", "Three stars; only whether there is a value shows.", "text", _mask),
            Transform("mask-email", "First character and stars, no domain: a***@***.", "text", _mask_email),
            Transform("initial", "First character and a full stop.", "text", _initial),
            Transform(
                "sha256",
                "SHA-256 of the trimmed, lower-case value in hex, as ad networks take it: a pseudonym, "
                "still personal data.",
                "text",
                _sha256,
            ),
            Transform("year", "First day of the year.", "date", _year),
            Transform("month", "First day of the month.", "date", _month),
            Transform("null", "Never a value.", "", _nothing),
            Transform(
                "bucket",
                "Lower bound of the bucket of that width: bucket:10 makes 37 a 30.",
                "",
                _bucket,
                takes_width=True,
            ),
        )
    }
)
