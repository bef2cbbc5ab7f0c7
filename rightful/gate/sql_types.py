"""Which type each expression has, what of it may fail on a value, and what to write instead.

Silent casts are refused: comparing a text with a number casts every row's text, and the
first that is no number is printed in an error. What may still fail (an overflow, a cast
that was asked for) is noted while the types are inferred, then replaced: by TRY and
TRY_CAST in DuckDB, TRY_ADD and the like in Spark, a guarded cast in PostgreSQL. PostgreSQL
and MySQL have no TRY, so there a barrier keeps the analyst's condition above ours.
What is easy to get wrong: a constant that does not fit its type fails only once a row
comes by, which tells that there is one. So literals are read here, in Python, first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from sqlglot import exp

from rightful.gate import sql_words as words
from rightful.gate.sql_read import plain_name, refuse
from rightful.gate.sql_scope import Field, Kind, Scope, has
from rightful.gate.transforms import Dialect

_BOOLEAN: Final = Kind(words.BOOLEAN)


_TRUTHS: Final = (exp.And, exp.Or, exp.Not)


_COMPARISONS: Final = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ)


_ARITHMETIC: Final = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod)


class Types:
    """Infers types and notes what may fail. Lives as long as one statement."""

    def __init__(self, dialect: Dialect, *, strict: bool, aggregates_only: bool) -> None:
        self.dialect = dialect
        self.strict = strict
        self.aggregates_only = aggregates_only
        self.barrier = False
        self.nested: dict[int, tuple[Kind, frozenset[str]]] = {}
        self.risky: dict[int, tuple[exp.Expr, Scope]] = {}

    def field_of(self, column: exp.Column, scope: Scope) -> Field:
        return next(one for one in scope.sources[column.table].fields if one.name == column.name)

    def lineage(self, root: exp.Expr, scope: Scope) -> frozenset[str]:
        found: set[str] = set()
        stack = [root]
        while stack:
            node = stack.pop()
            if isinstance(node, exp.Query):
                found |= self.nested[id(node)][1]
            elif isinstance(node, exp.Column):
                found |= self.field_of(node, scope).lineage
            else:
                stack.extend(node.iter_expressions())
        return frozenset(found)

    def fails(self, node: exp.Expr, scope: Scope) -> None:
        self.risky[id(node)] = (node, scope)
        if scope.in_condition or scope.nested:
            self.barrier = True

    def want(self, node: exp.Expr, family: str, scope: Scope) -> Kind:
        kind = self.kind(node, scope)
        have = kind.family
        fits = (
            have == family
            or have in (words.NULL, words.ANY)
            or family == words.ANY
            or (family == words.NUMBER and have in words.NUMBERS)
            or (family == words.INTEGER and have in words.NUMBERS)
            or (family == words.MOMENT and have in words.MOMENTS)
            or (have == words.STRING and family == words.TEXT)
            or (family == words.COMMON and have != words.OTHER)
        )
        if not fits:
            refuse(
                "mixed-types",
                f"{_a(_said(have)).capitalize()} stands where {_a(_said(family))} belongs",
                "Cast it explicitly",
            )
        return kind

    def common(self, kinds: list[Kind], node: exp.Expr | None, scope: Scope | None = None) -> Kind:
        """The type that several expressions share; refuses families that only a silent cast would join."""
        solid = [kind for kind in kinds if kind.family not in (words.NULL, words.STRING)]
        families = {kind.family for kind in solid}
        if not solid:
            strings = any(kind.family == words.STRING for kind in kinds)
            return Kind(words.TEXT, literal=True) if strings else Kind(words.NULL)
        if len(families) > 1 and not families <= words.NUMBERS and not families <= words.MOMENTS:
            first, second, *_ = sorted(families)
            refuse(
                "mixed-types",
                f"{_a(_said(first)).capitalize()} meets {_a(_said(second))}",
                "Cast one of them explicitly",
            )
        for kind in kinds:
            if kind.family == words.STRING and not _reads_as(kind.exact, solid[0]):
                refuse(
                    "bad-literal",
                    f"A text literal does not read as {_a(_said(solid[0].family))}",
                    "Write dates as '2026-03-31' and numbers without quotes",
                )
        exact = {kind.exact for kind in solid}
        if node is not None and scope is not None and self._silent_cast_may_fail(solid):
            self.fails(node, scope)
        family = solid[0].family
        for wide in (words.INTEGER, words.DECIMAL, words.DOUBLE, words.TIMESTAMP):
            if wide in families:
                family = wide
        return Kind(family, exact.pop() if len(exact) == 1 else "", all(kind.literal for kind in kinds))

    def _silent_cast_may_fail(self, kinds: list[Kind]) -> bool:
        if self.dialect in ("postgres", "mysql"):
            return False  # they compare across types without a cast
        families = {kind.family for kind in kinds}
        if families == words.MOMENTS:  # DuckDB: no timestamp for dates of the year 300000
            return any(kind.family == words.DATE and not kind.literal for kind in kinds)
        if words.DECIMAL not in families or words.DOUBLE in families:
            return False
        if len({(kind.family, kind.exact) for kind in kinds}) == 1 and kinds[0].exact:
            return False
        sizes = [_digits(kind) for kind in kinds]
        return max(before for before, _ in sizes) + max(after for _, after in sizes) > 38

    def kind(self, node: exp.Expr, scope: Scope) -> Kind:
        """Type of an expression. Notes each node that some value can make fail."""
        if isinstance(node, exp.Query):
            return self.nested[id(node)][0]
        if isinstance(node, exp.Column):
            return self.field_of(node, scope).kind
        if isinstance(node, exp.Literal):
            if node.is_string:
                return Kind(words.STRING, node.name, literal=True)
            if node.name.isdigit():
                return Kind(words.INTEGER, f"decimal({len(node.name)},0)", literal=True)
            whole, _, rest = node.name.partition(".")
            if not (whole + rest).isdigit():
                return Kind(words.DOUBLE, literal=True)  # 1e6
            return Kind(words.DECIMAL, f"decimal({len(whole) + len(rest)},{len(rest)})", literal=True)
        if isinstance(node, exp.Null):
            return Kind(words.NULL, literal=True)
        if isinstance(node, exp.Boolean):
            return Kind(words.BOOLEAN, literal=True)
        if isinstance(node, exp.Interval):
            return Kind(words.INTERVAL, literal=True)
        if isinstance(node, (exp.Paren, exp.Distinct, exp.Ordered)):
            inside = node.expressions if isinstance(node, exp.Distinct) else [node.this]
            if len(inside) != 1:
                refuse("unlisted-syntax", "DISTINCT inside an aggregate takes one column")
            return self.kind(inside[0], scope)
        if isinstance(node, exp.Neg):
            kind = self.want(node.this, words.NUMBER, scope)
            if not isinstance(node.this, exp.Literal):
                self.fails(node, scope)
            return kind
        if isinstance(node, _TRUTHS):
            for part in node.iter_expressions():
                self.want(part, words.BOOLEAN, scope)
            return _BOOLEAN
        if isinstance(node, _COMPARISONS):
            self.common([self.kind(node.this, scope), self.kind(node.expression, scope)], node, scope)
            return _BOOLEAN
        if isinstance(node, exp.Between):
            parts = [node.this, node.args["low"], node.args["high"]]
            self.common([self.kind(part, scope) for part in parts], node, scope)
            return _BOOLEAN
        if isinstance(node, exp.In):
            query = node.args.get("query")
            parts = [node.this, *node.expressions, *([query] if query is not None else [])]
            before = len(self.risky)
            self.common([self.kind(part, scope) for part in parts], node, scope)
            if query is not None and id(node) in self.risky and len(self.risky) > before:
                refuse("mixed-types", "IN compares two different types", "Cast one side explicitly")
            return _BOOLEAN
        if isinstance(node, exp.Exists):
            return _BOOLEAN
        if isinstance(node, exp.Is):
            self.kind(node.this, scope)
            if isinstance(node.expression, exp.Boolean):
                self.want(node.this, words.BOOLEAN, scope)
            elif not isinstance(node.expression, exp.Null):
                refuse("unlisted-syntax", "IS is followed by NULL, TRUE or FALSE")
            return _BOOLEAN
        if isinstance(node, (exp.Like, exp.ILike)):
            self.want(node.this, words.TEXT, scope)
            return _BOOLEAN
        if isinstance(node, exp.Escape):
            return self.kind(node.this, scope)
        if isinstance(node, exp.DPipe):
            self.want(node.this, words.TEXT, scope)
            self.want(node.expression, words.TEXT, scope)
            return Kind(words.TEXT)
        if isinstance(node, _ARITHMETIC):
            return self._arithmetic(node, scope)
        if isinstance(node, (exp.Cast, exp.TryCast)):
            return self._cast(node, scope)
        if isinstance(node, exp.Case):
            return self._case(node, scope)
        if isinstance(node, exp.If):
            self.want(node.this, words.BOOLEAN, scope)
            values = [node.args[part] for part in ("true", "false") if node.args.get(part) is not None]
            return self.common([self.kind(value, scope) for value in values], node, scope)
        if isinstance(node, exp.Window):
            return self._window(node, scope)
        if isinstance(node, exp.Filter):
            if self.dialect == "mysql":
                refuse("unlisted-syntax", "MySQL knows no FILTER", "Use sum(CASE WHEN ... THEN 1 ELSE 0 END)")
            self.want(node.expression.this, words.BOOLEAN, scope)
            return self.kind(node.this, scope)
        if isinstance(node, exp.WithinGroup):
            self.want(node.expression.expressions[0].this, words.NUMBER, scope)
            return Kind(words.DOUBLE)
        word = words.FUNCTIONS.get(type(node))
        if word is None:
            refuse("unlisted-syntax", f"{plain_name(type(node))} stands where it does not belong")
        return self._call(node, word, scope)

    def _arithmetic(self, node: exp.Expr, scope: Scope) -> Kind:
        left, right = self.kind(node.this, scope), self.kind(node.expression, scope)
        families = {left.family, right.family}
        literal = left.literal and right.literal
        if families & (words.MOMENTS | {words.INTERVAL}):
            return self._date_arithmetic(node, left, right, scope)
        for kind in (left, right):
            if kind.family not in words.NUMBERS | {words.NULL, words.ANY}:
                refuse(
                    "mixed-types",
                    f"{_a(_said(kind.family)).capitalize()} stands where a number belongs",
                    "Cast it explicitly",
                )
        if isinstance(node, (exp.Div, exp.IntDiv, exp.Mod)):
            divisor = node.expression
            safe = isinstance(divisor, exp.Literal) and float(divisor.name) != 0
            if not safe and not isinstance(divisor, exp.Nullif):
                node.set("expression", exp.Nullif(this=divisor, expression=exp.Literal.number(0)))
        if not (families <= {words.DOUBLE} and self.dialect in ("duckdb", "spark")):
            self.fails(node, scope)
        if isinstance(node, exp.Div) and self.dialect in ("duckdb", "spark"):
            return Kind(words.DOUBLE)
        wide = next((one for one in (words.DOUBLE, words.DECIMAL, words.INTEGER) if one in families), words.INTEGER)
        return Kind(wide, literal=literal)

    def _date_arithmetic(self, node: exp.Expr, left: Kind, right: Kind, scope: Scope) -> Kind:
        if not isinstance(node, (exp.Add, exp.Sub)):
            refuse("mixed-types", "Dates are added and subtracted only")
        fits = {left.family, right.family} <= words.MOMENTS | {words.INTERVAL, words.INTEGER}
        if not fits or (isinstance(node, exp.Add) and {left.family, right.family} <= words.MOMENTS):
            refuse("mixed-types", "That cannot be added to or taken from a date", "Use INTERVAL '3' DAY")
        if not (
            isinstance(node.this, (exp.CurrentDate, exp.CurrentTimestamp, exp.Cast))
            and left.literal
            and isinstance(node.expression, exp.Interval)
        ):
            self.fails(node, scope)
        if {left.family, right.family} <= words.MOMENTS:
            both_dates = {left.family, right.family} == {words.DATE}
            return Kind(words.INTEGER if both_dates else words.INTERVAL)
        if words.INTEGER in (left.family, right.family):
            return Kind(words.DATE, literal=left.literal and right.literal)
        if {left.family, right.family} == {words.INTERVAL}:
            return Kind(words.INTERVAL)
        return Kind(words.TIMESTAMP, literal=left.literal and right.literal)

    def _cast(self, node: exp.Expr, scope: Scope) -> Kind:
        kind = self.kind(node.this, scope)
        to = words.CAST_TARGETS[node.args["to"].this.name]
        result = Kind(
            to, node.args["to"].sql(dialect=self.dialect).lower() if to == words.DECIMAL else "", kind.literal
        )
        if kind.family == words.OTHER and to != words.TEXT:
            refuse("unlisted-type", "A cast from that type is not on the list")
        if to == words.TEXT or kind.family == words.NULL:
            return result
        if kind.family == words.STRING and to in words.MOMENTS | {words.BOOLEAN}:
            if not _reads_as(kind.exact, result):
                refuse(
                    "bad-literal",
                    f"A text literal does not read as {_a(_said(to))}",
                    "Write dates as '2026-03-31'",
                )
            return result
        unsafe = self.dialect == "mysql" or (self.dialect == "postgres" and to not in words.NUMBERS)
        if unsafe and kind.family in (words.TEXT, words.STRING):
            refuse(
                "unlisted-type",
                f"{self.dialect} has no safe cast of text to {_a(_said(to))}",
                "Compare with a literal, or cast in your own tool",
            )
        self.fails(node, scope)
        return result

    def _case(self, node: exp.Expr, scope: Scope) -> Kind:
        operand = node.args.get("this")
        values = []
        for branch in node.args["ifs"]:
            if operand is None:
                self.want(branch.this, words.BOOLEAN, scope)
            else:
                self.common([self.kind(operand, scope), self.kind(branch.this, scope)], node, scope)
            values.append(branch.args["true"])
        if node.args.get("default") is not None:
            values.append(node.args["default"])
        kinds = [self.kind(value, scope) for value in values]
        kind = self.common(kinds, node, scope)
        return kind

    def _window(self, node: exp.Expr, scope: Scope) -> Kind:
        for part in node.args.get("partition_by") or ():
            self.kind(part, scope)
        order = node.args.get("order")
        for ordered in order.expressions if order is not None else ():
            self.kind(ordered.this, scope)
        return self.kind(node.this, scope)

    def _call(self, node: exp.Expr, word: words.Word, scope: Scope) -> Kind:
        common: list[Kind] = []
        literal = word.sort == "plain"
        for argument, family in word.takes.items():
            value = node.args.get(argument)
            if value is None:
                continue
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, exp.Star):
                    continue
                kind = self.want(one, family, scope)
                literal = literal and kind.literal
                if family in (words.COMMON, words.NUMBER) and argument in (
                    "this",
                    "expression",
                    "expressions",
                ):
                    common.append(kind)
        extreme = self.strict and isinstance(node, (exp.Min, exp.Max))
        if extreme and common[0].family not in words.NUMBERS | words.MOMENTS:
            refuse(
                "single-value",
                "min and max take numbers and dates here: of a text they show one person's",
                "Use count, or count(DISTINCT ...)",
            )
        if self.dialect in word.fails:
            self.fails(node, scope)
        if isinstance(node, exp.CurrentDate | exp.CurrentTimestamp):
            return Kind(word.gives, literal=True)
        if word.gives in (words.COMMON, words.NUMBER):
            several = word.gives == words.COMMON and len(common) > 1
            kind = self.common(common, node if several else None, scope)
            return Kind(kind.family, kind.exact if word.gives == words.COMMON else "", literal)
        return Kind(word.gives, literal=literal)

    def make_total(self) -> None:
        """Replace what some value could make fail, so that no error tells about a row."""
        if self.dialect in ("postgres", "mysql"):
            for node, scope in list(self.risky.values()):
                self._total_without_try(node, scope)
            return
        if self.dialect == "spark":
            for node, _ in list(self.risky.values()):
                _spark_total(node)
            return
        marked = set(self.risky)
        for node, _ in list(self.risky.values()):
            if isinstance(node, exp.Cast) and type(node) is exp.Cast:
                node.replace(exp.TryCast(this=node.this, to=node.args["to"], safe=True))
        for identity, (node, _) in list(self.risky.items()):
            if isinstance(node, (exp.Cast, exp.TryCast)) or has(node, exp.AggFunc, exp.Window):
                continue
            if node.find(exp.Query) is not None:
                _as_doubles(node)
                continue
            above = node.parent
            covered = False
            while above is not None and not isinstance(above, (exp.Query, exp.AggFunc, exp.Window)):
                if id(above) in marked and id(above) != identity and not isinstance(above, (exp.Cast, exp.TryCast)):
                    covered = covered or not (has(above, exp.AggFunc, exp.Window) or above.find(exp.Query))
                above = above.parent
            if not covered:
                attempt = exp.Anonymous(this="TRY")
                node.replace(attempt)
                attempt.set("expressions", [node])

    def _total_without_try(self, node: exp.Expr, scope: Scope) -> None:
        if isinstance(node, (exp.Cast, exp.TryCast)):
            kind = self.kind(node.this, scope)
            to = words.CAST_TARGETS[node.args["to"].this.name]
            if kind.family in (words.TEXT, words.STRING):
                node.replace(_guarded_cast(node, to))
                return
            widens = to in (words.DOUBLE, words.DECIMAL) and not node.args["to"].expressions
            safe = widens and kind.family in (words.INTEGER, words.DECIMAL)
            if self.aggregates_only and not safe and not has(node, exp.AggFunc):
                refuse("may-fail", "That cast can fail on one person's value, which would show it")
        elif self.aggregates_only and isinstance(node, (exp.Add, exp.Sub, exp.Mul)):
            if has(node, exp.AggFunc):
                return
            wide = "NUMERIC" if self.dialect == "postgres" else "DECIMAL(30, 6)"
            for part in ("this", "expression"):
                value = node.args[part]
                if not isinstance(value, exp.Literal):
                    node.set(part, exp.Cast(this=value, to=exp.DataType.build(wide, dialect=self.dialect)))


def _said(family: str) -> str:
    return {
        words.STRING: "text",
        words.OTHER: "value of another type",
        words.MOMENT: "date",
        words.COMMON: "value",
        words.BOOLEAN: "condition",
    }.get(family, family)


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else noun if noun == "text" else f"a {noun}"


def _digits(kind: Kind) -> tuple[int, int]:
    """Digits before and after the point that a number may have; more than any engine has if unknown."""
    found = re.fullmatch(r"(?:decimal|numeric)\(([0-9]+)(?:, ?([0-9]+))?\)", kind.exact)
    if found is not None:
        after = int(found[2] or 0)
        return int(found[1]) - after, after
    return (19, 0) if kind.family == words.INTEGER and kind.exact != "hugeint" else (99, 0)


def _reads_as(text: str, kind: Kind) -> bool:
    """Whether a text literal certainly is a value of that type; engines may find out only at some row."""
    if kind.family == words.TEXT:
        return True
    if kind.family in words.NUMBERS:
        return re.fullmatch(SHAPES[kind.family], text) is not None
    if kind.family == words.BOOLEAN:
        return text.lower() in ("true", "false")
    if kind.family in words.MOMENTS:
        if (
            re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?)?", text)
            is None
        ):
            return False
        try:
            datetime.fromisoformat(text)
        except ValueError:
            return False
        return kind.family == words.TIMESTAMP or len(text) == 10
    return (
        kind.exact.startswith("uuid")
        and re.fullmatch("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text) is not None
    )


def _as_doubles(node: exp.Expr) -> None:
    """TRY takes no inner query; numbers as doubles cannot overflow into an error either."""
    parts = ["this", "expression"] if isinstance(node, (*_ARITHMETIC, *_COMPARISONS)) else []
    if not parts:
        refuse(
            "may-fail",
            "This expression over an inner query can fail on one person's value",
            "Put the inner query into WITH and join it",
        )
    for part in parts:
        value = node.args[part]
        node.set(part, exp.TryCast(this=value, to=exp.DataType.build("double"), safe=True))


def _spark_total(node: exp.Expr) -> None:
    if isinstance(node, (exp.Cast, exp.TryCast)):  # the parser takes Spark's CAST for the lenient one of Hive
        node.replace(exp.TryCast(this=node.this, to=node.args["to"], safe=True))
        return
    names: dict[type[exp.Expr], str] = {
        exp.Add: "TRY_ADD",
        exp.Sub: "TRY_SUBTRACT",
        exp.Mul: "TRY_MULTIPLY",
        exp.Div: "TRY_DIVIDE",
    }
    name = names.get(type(node))
    if name is not None:
        node.replace(exp.Anonymous(this=name, expressions=[node.this.copy(), node.expression.copy()]))


SHAPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        words.INTEGER: "^[+-]?[0-9]{1,9}$",
        words.DECIMAL: "^[+-]?[0-9]{1,12}([.][0-9]{1,6})?$",
        words.DOUBLE: "^[+-]?[0-9]{1,15}([.][0-9]{1,15})?$",
    }
)


def _guarded_cast(node: exp.Expr, to: str) -> exp.Expr:
    """PostgreSQL has no TRY_CAST: cast only what certainly is a number, else NULL."""
    if node.args["to"].this.name in ("TINYINT", "SMALLINT") or node.args["to"].expressions:
        refuse("unlisted-type", "Text is cast to integer, bigint, numeric or double here, without a size")
    trimmed = exp.Trim(this=node.this.copy())
    like = exp.RegexpLike(this=trimmed, expression=exp.Literal.string(SHAPES[to]))
    return exp.Case(ifs=[exp.If(this=like, true=exp.Cast(this=trimmed.copy(), to=node.args["to"].copy()))])
