"""What an analyst's statement becomes before it may run.

One SELECT goes in, with a permit; out comes a statement that can only return the
permitted rows and columns, or a refusal. The text that runs is always generated
from the checked tree, and then read again and checked a second time by other code.
What is easy to get wrong:

- A name is looked up in its own SELECT only, never further out. That refuses
  correlated subqueries, and no hidden column can be captured from outside.
- Engines move an analyst's condition below ours when it is cheaper, so a cast or a
  division that fails on one forbidden row prints that row's value. DuckDB and Spark
  get expressions that cannot fail (TRY, TRY_CAST); PostgreSQL and MySQL, which have
  no such thing, get a barrier (OFFSET 0, LIMIT) where a condition may fail.
- Adding a column to SELECT DISTINCT or UNION changes the answer, so the customer's
  number travels only where it does not.
- A group of many people can hide an aggregate of one: sum(CASE WHEN id = 5 ...).
  Where a minimum counts, aggregates take plain columns, and FILTER is counted too.
- Differencing (two allowed questions, one answer) is not stopped here: the caller
  compares statements and suppresses complementary cells.

Nothing here reads a clock or a database. No message holds a literal of the statement.

Sources: DESIGN 4 and 5; GDPR Art. 5(1)(b), (c) and 25.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, cast

from sqlglot import ErrorLevel, exp

from rightful.errors import SqlRefused
from rightful.gate import sql_words as words
from rightful.gate.permit import Column, Permit, Table
from rightful.gate.second_look import check_again
from rightful.gate.sql_read import SAYINGS, SIMPLER, check_words, filled, nearest, read, refuse, shown
from rightful.gate.sql_scope import (
    COUNTER,
    SUBJECT,
    Field,
    Gate,
    Grain,
    Kind,
    Result,
    Scope,
    Source,
    column_node,
    conjuncts,
    has,
    outside_queries,
)
from rightful.gate.sql_types import Types
from rightful.gate.transforms import Dialect, transformed, type_after

__all__ = ["Column", "Dialect", "Output", "Permit", "Rewritten", "SqlRefused", "Table", "rewrite"]

MAX_SOURCES: Final = 16


MAX_TAIL_LITERALS: Final = 200
MAX_COMPARED_ONE_BY_ONE: Final = 8  # DuckDB compares a literal list one by one: x 5 at 200
MAX_TAIL_PACKED: Final = 20_000


@dataclass(frozen=True, slots=True)
class Output:
    """One visible output column: its name, the fields it derives from, and what it is."""

    name: str
    fields: frozenset[str]
    role: Literal["value", "key", "aggregate"] = "value"


@dataclass(frozen=True, slots=True)
class Sketch:
    """A companion statement that says who is counted in one place of the statement, group by group, as sums of
    hashes. `disjoint`: nobody is in two of its groups. See `gate/differencing.py`."""

    sql: str
    disjoint: bool


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The statement that may run.

    Attributes:
        sql: text for the engine, generated from the checked tree.
        tables: governed tables that it reads.
        fields_used: table -> columns used anywhere, also in conditions and orders.
        outputs: the visible columns, in order.
        counter: name of a hidden output with the number of people behind the row
            (a lower bound where the row stands on groups), else None. The caller leaves
            out rows below the minimum; the statement does so itself only where it
            would not show all groups anyway (HAVING, LIMIT ...).
        subject_column: name of the hidden output with the customer's number, when
            every row belongs to one customer, else None.
        subject_columns: the same for joins, where a row touches several customers.
        sketches: where a minimum counts, one for each place where people are counted.
    """

    sql: str
    tables: frozenset[str]
    fields_used: Mapping[str, frozenset[str]]
    outputs: tuple[Output, ...]
    counter: str | None
    subject_column: str | None
    subject_columns: tuple[str, ...] = ()
    sketches: tuple[Sketch, ...] = ()


def rewrite(sql: str, permit: Permit, dialect: Dialect) -> Rewritten:
    """Return the statement that may run in place of the analyst's, or refuse.

    Args:
        sql: one SELECT, as typed.
        permit: what the purpose permits; names come from the catalogue.
        dialect: the engine that will run it, and the one whose SQL was typed.

    Raises:
        SqlRefused: with a code per kind and a sentence that names the construct.
    """
    try:
        tree = read(sql, dialect)
        check_words(tree)
        writer = _Writer(permit, dialect)
        rewritten = writer.statement(tree)
        check_again(rewritten.sql, [gate.text for gate in writer.gates], dialect)
    except RecursionError:
        raise SqlRefused("The statement is nested too deeply", code="sql.too-large", remedy=SIMPLER) from None
    return rewritten


def _fold(identifier: exp.Identifier) -> str:
    return identifier.name if identifier.quoted else identifier.name.lower()


def _reserved(name: str) -> bool:
    return name.lower().startswith(("__rf", "rf_"))


def _union(parts: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset[str]().union(*parts)


class _Writer:
    """Resolves, checks and rewrites one statement. Lives as long as that statement."""

    def __init__(self, permit: Permit, dialect: Dialect) -> None:
        self.permit = permit
        self.dialect = dialect
        self.tables = {table.name: table for table in permit.tables}
        self.gates: list[Gate] = []
        # SELECT, who is counted, the condition of a FILTER, whether there is one row for each of them
        self.counting: list[tuple[exp.Select, exp.Expr, exp.Expr | None, bool]] = []
        self.strict = permit.aggregates_only or permit.at_least is not None
        self.cte_names: set[str] = set()
        self.types = Types(dialect, strict=self.strict, aggregates_only=permit.aggregates_only)

    def statement(self, tree: exp.Expr) -> Rewritten:
        result = self.query(tree, Scope({}, None), top=True)
        if self.permit.aggregates_only and result.grain == "persons":
            refuse(
                "aggregates-only",
                "This purpose permits aggregates only, and the statement returns single rows",
                "Use count, sum, avg ... with GROUP BY",
            )
        subjects: list[str] = []
        counter: str | None = None
        if result.grain == "persons" and result.traceable:
            subjects, _ = result.hidden()
        elif result.grain == "groups" and self.permit.at_least is not None:
            _, counter = result.hidden()
        self._limit(tree)
        self.types.make_total()
        for gate in self.gates:
            gate.text = self._place(gate)
        text = tree.sql(dialect=self.dialect, identify=True, comments=False, unsupported_level=ErrorLevel.RAISE)
        sketches = tuple(
            Sketch(self._sketch(node, subject, part, unique=unique), unique)
            for node, subject, part, unique in self.counting
        )
        used: dict[str, set[str]] = {}
        for gate in self.gates:
            used.setdefault(gate.table.name, set()).update(gate.used)
        return Rewritten(
            sql=text,
            tables=frozenset(used),
            fields_used=MappingProxyType({name: frozenset(columns) for name, columns in used.items()}),
            outputs=tuple(Output(one.name, one.lineage, one.role) for one in result.fields),
            counter=counter,
            subject_column=subjects[0] if len(subjects) == 1 else None,
            subject_columns=tuple(subjects),
            sketches=sketches,
        )

    def _sketch(self, node: exp.Select, subject: exp.Expr, part_of: exp.Expr | None, *, unique: bool) -> str:
        """Who is counted by an aggregating SELECT: for each of its groups, sums of hashes in 1,024 buckets.

        The keys of ROLLUP, CUBE and GROUPING SETS are taken together: their other groups are unions of these.
        """
        keys = [key.copy() for key in self._keys(node)]
        if part_of is not None:
            keys.append(exp.Coalesce(this=exp.Paren(this=part_of.copy()), expressions=[exp.false()]))
        bucket, weight = _hashed(subject.copy(), self.dialect)
        many = {} if unique else {"distinct": True}
        summed = exp.Sum(this=exp.Distinct(expressions=[weight]) if many else weight)
        people = _people(subject, unique=unique)
        names = [f"__rf_key{place}" for place in range(len(keys))]
        select = exp.Select(
            expressions=[
                *(exp.alias_(key, name, quoted=True) for key, name in zip(keys, names, strict=True)),
                exp.alias_(bucket, "__rf_bucket", quoted=True),
                exp.alias_(exp.cast(summed, "BIGINT"), "__rf_sum", quoted=True),
                exp.alias_(people, "__rf_people", quoted=True),
            ]
        )
        for part in ("from_", "joins", "where"):
            found = node.args.get(part)
            if found:
                select.set(part, [one.copy() for one in found] if isinstance(found, list) else found.copy())
        select.set("group", exp.Group(expressions=[*(key.copy() for key in keys), bucket.copy()]))
        ctes: list[exp.Expr] = []
        above: exp.Expr | None = node
        while above is not None:
            with_ = above.args.get("with_")
            if with_ is not None:
                ctes = [one.copy() for one in with_.expressions] + ctes
            above = above.parent
        if ctes:
            select.set("with_", exp.With(expressions=ctes))
        return select.sql(dialect=self.dialect, identify=True, comments=False, unsupported_level=ErrorLevel.RAISE)

    def _keys(self, node: exp.Select) -> Iterator[exp.Expr]:
        """What a SELECT groups by, with positions and names of outputs replaced by what they stand for."""
        group = node.args.get("group")
        if group is None:
            return
        listed = list(group.expressions)
        for part in ("rollup", "cube", "grouping_sets"):
            for one in group.args.get(part) or ():
                listed += list(one.find_all(exp.Column))
        outputs = node.expressions
        names = {one.alias_or_name: one.unalias() for one in outputs}
        seen: set[str] = set()
        for key in listed:
            found = key
            if isinstance(key, exp.Literal) and key.is_int:
                found = outputs[int(key.name) - 1].unalias()
            elif isinstance(key, exp.Column) and not key.table:
                found = names.get(key.name, key)
            text = found.sql()
            if text not in seen and not isinstance(found, exp.Literal):
                seen.add(text)
                yield found

    def _limit(self, tree: exp.Expr) -> None:
        if self.permit.max_rows is None:
            return
        limit = tree.args.get("limit")
        wanted = int(limit.expression.name) if limit is not None else self.permit.max_rows
        tree.set("limit", exp.Limit(expression=exp.Literal.number(min(wanted, self.permit.max_rows))))

    def query(self, node: exp.Expr, scope: Scope, *, top: bool = False) -> Result:
        """Check and rewrite one query. `scope` holds the CTEs in sight and the query around it."""
        ctes = dict(scope.ctes)
        with_ = node.args.get("with_")
        if with_ is not None:
            self._ctes(with_, ctes, scope)
        inner = Scope(ctes, scope.outer, nested=not top, in_condition=scope.in_condition)
        if isinstance(node, exp.Select):
            return self._select(node, inner, top)
        if isinstance(node, exp.SetOperation):
            return self._set_operation(node, inner, top)
        if isinstance(node, exp.Subquery) and not filled(node) - {"this", "alias"}:
            return self.query(node.this, inner, top=False)
        refuse("unlisted-syntax", "Only SELECTs may be combined")

    def _ctes(self, with_: exp.Expr, ctes: dict[str, Result], scope: Scope) -> None:
        for cte in with_.expressions:
            name = self._new_alias(cte.args["alias"].this)
            if name in self.tables or any(name == table.base[-1].lower() for table in self.permit.tables):
                refuse("shadowing", "A WITH name may not be that of a governed table", "Give it another name")
            if name in self.cte_names:
                refuse("shadowing", "Two WITH parts have the same name", "Give each its own name")
            self.cte_names.add(name)
            if self.dialect not in ("duckdb", "postgres"):
                cte.set("materialized", None)
            result = self.query(cte.this, Scope(dict(ctes), None, nested=True))
            self._no_twins(result)
            cte.args["alias"].set("this", exp.Identifier(this=name, quoted=True))
            ctes[name] = result

    def _new_alias(self, identifier: exp.Expr | None) -> str:
        """A name the analyst gives to a source: simple and lower case, so that all engines fold it alike."""
        name = _fold(identifier) if isinstance(identifier, exp.Identifier) else ""
        if not name or not name.isascii() or not name.replace("_", "a").isalnum() or name != name.lower():
            refuse("odd-name", "A table alias may hold lower-case letters, digits and _ only")
        if _reserved(name):
            refuse("reserved-name", "Names that begin with rf_ or __rf are reserved", "Give it another name")
        return name

    def _no_twins(self, result: Result) -> None:
        names = [one.name.lower() for one in result.fields]
        if len(set(names)) != len(names):
            refuse("duplicate-name", "Two columns of an inner query have the same name", "Name them with AS")

    def _set_operation(self, node: exp.SetOperation, scope: Scope, top: bool) -> Result:
        sides = [node.this, node.expression]
        for side in sides:
            if side.args.get("with_") is not None:
                refuse("unlisted-syntax", "WITH stands before the whole statement, not inside a UNION")
        parts = [self.query(_bare(side), Scope(scope.ctes, scope.outer, nested=True)) for side in sides]
        left, right = parts
        if len(left.fields) != len(right.fields):
            refuse("mixed-types", "The SELECTs of a set operation return different numbers of columns")
        fields = []
        for one, other in zip(left.fields, right.fields, strict=True):
            kind = self.types.common([one.kind, other.kind], None)
            if {one.kind.family, other.kind.family} & {words.DECIMAL, words.TIMESTAMP, words.DATE} and (
                one.kind.family != other.kind.family and words.NULL not in (one.kind.family, other.kind.family)
            ):
                refuse("mixed-types", "A set operation mixes types in one column", "Cast one side explicitly")
            fields.append(
                Field(
                    one.name,
                    kind,
                    one.lineage | other.lineage,
                    one.plain and other.plain,
                    one.role if one.role == other.role else "value",
                )
            )
        grains = {part.grain for part in parts}
        grain: Grain = "persons" if "persons" in grains else "groups" if "groups" in grains else "free"
        joined = isinstance(node, exp.Union) and not node.args.get("distinct")
        if self.permit.at_least is not None and grain == "persons" and not joined:
            refuse(
                "small-groups",
                "A set operation over single customers hides how many people stand behind a row",
                "Use UNION ALL, or aggregate first",
            )
        if grains == {"persons", "free"} or grains == {"persons", "groups"}:
            joined = False
        self._order_of_set(node, fields)
        if self.permit.aggregates_only and grain == "persons" and self._cut(node):
            refuse("small-groups", "LIMIT over single customers is not permitted where only aggregates are")
        return Result(
            fields,
            grain,
            lambda: _hidden_of_both(left, right, joined, grain),
            joined
            and left.traceable
            and right.traceable
            and (grain != "persons" or (_singles(left) and _singles(right))),
        )

    def _order_of_set(self, node: exp.Expr, fields: list[Field]) -> None:
        order = node.args.get("order")
        for ordered in order.expressions if order is not None else ():
            key = ordered.this
            if isinstance(key, exp.Literal) and not key.is_string:
                self._position(key, len(fields))
            elif isinstance(key, exp.Column) and not key.table:
                found = [one for one in fields if _same(key.this, one.name)]
                if len(found) != 1:
                    refuse("unknown-column", f"ORDER BY names no single output {shown(key.this)}")
                key.replace(column_node(None, found[0].name))
            else:
                refuse("unlisted-syntax", "A set operation is ordered by the names of its outputs")

    def _position(self, key: exp.Expr, count: int) -> int:
        text = key.name
        if not text.isdigit() or not 1 <= int(text) <= count:
            refuse("position", f"ORDER BY and GROUP BY positions run from 1 to {count}")
        return int(text)

    def _cut(self, node: exp.Expr) -> bool:
        return node.args.get("limit") is not None or node.args.get("offset") is not None

    def _select(self, node: exp.Select, scope: Scope, top: bool) -> Result:
        if self.dialect == "mysql" and node.args.get("qualify") is not None:
            refuse("unlisted-syntax", "MySQL knows no QUALIFY", "Put the window into an inner SELECT")
        self._from(node, scope)
        self._expand_stars(node, scope)
        outer_names = self._projections(node, scope)
        aliases = {name.lower(): value for name, value in outer_names if name}
        for part in ("where", "having", "qualify"):
            clause = node.args.get(part)
            if clause is not None:
                self._resolve(clause.this, scope, aliases if part != "where" else None)
                if part == "where" and has(clause.this, exp.AggFunc, exp.Window):
                    refuse("not-grouped", "WHERE may not hold an aggregate", "Use HAVING")
        self._group(node, scope, aliases)
        self._order(node, scope, outer_names)
        aggregated = (
            node.args.get("group") is not None
            or node.args.get("having") is not None
            or any(has(part, exp.AggFunc, over_windows=False) for part in self._parts(node))
        )
        fields = self._typed(node, scope, outer_names, aggregated)
        grains = {source.grain for source in scope.sources.values()}
        grain: Grain = "persons" if "persons" in grains else "groups" if "groups" in grains else "free"
        if aggregated:
            self._check_grouped(node)
        if self.strict and grain == "persons":
            self._check_strict(node, scope, aggregated)
        if aggregated and grain != "free":
            return self._aggregate(node, scope, fields, grain, top)
        subjects_known = all(source.traceable for source in scope.sources.values() if source.grain == "persons")
        distinct = node.args.get("distinct") is not None
        only = list(scope.sources.values())
        return Result(
            fields,
            grain,
            _once(lambda: self._carry(node, scope)),
            subjects_known and not distinct,
            unique=len(only) == 1 and only[0].unique,
        )

    def _parts(self, node: exp.Select) -> Iterator[exp.Expr]:
        yield from node.expressions
        for part in ("having", "qualify"):
            if node.args.get(part) is not None:
                yield node.args[part]
        if node.args.get("order") is not None:
            yield node.args["order"]

    def _from(self, node: exp.Select, scope: Scope) -> None:
        from_ = node.args.get("from_")
        if from_ is None:
            if node.args.get("joins"):
                refuse("unlisted-syntax", "A join needs FROM")
            return
        self._source(from_.this, scope)
        for join in node.args.get("joins") or ():
            self._join(join, scope)
            if len(scope.sources) > MAX_SOURCES:
                refuse("too-large", f"More than {MAX_SOURCES} tables are joined", SIMPLER)

    def _source(self, node: exp.Expr, scope: Scope) -> Source:
        given = node.args.get("alias")
        alias = self._new_alias(given.this) if given is not None else ""
        if isinstance(node, exp.Table):
            name = _fold(node.this)
            if name in scope.ctes:
                result = scope.ctes[name]
                source = Source(alias or name, result.fields, result.grain, result=result)
                node.set("this", exp.Identifier(this=name, quoted=True))
            elif name in self.tables:
                table = self.tables[name]
                gate = Gate(node, table, alias or name)
                self.gates.append(gate)
                source = Source(alias or name, [_field(table, one) for one in table.columns], "persons", gate=gate)
            else:
                near = nearest(name, self.tables)
                refuse(
                    "unknown-table",
                    f"This purpose has no table {shown(node.this)}{near}",
                    "Read the tables this purpose permits",
                )
        elif isinstance(node, exp.Subquery):
            if not alias:
                refuse("odd-name", "An inner query needs a name", "Write (SELECT ...) AS name")
            # an inner query sees the WITH names, never the sources beside it
            result = self.query(node.this, Scope(scope.ctes, scope, nested=True))
            self._no_twins(result)
            source = Source(alias, result.fields, result.grain, result=result)
        else:
            refuse("unlisted-syntax", "FROM takes tables and inner queries only")
        if source.alias in scope.sources:
            refuse("duplicate-name", "Two tables have the same name here", "Give each its own alias")
        if given is not None:
            given.set("this", exp.Identifier(this=alias, quoted=True))
        scope.sources[source.alias] = source
        return source

    def _join(self, join: exp.Join, scope: Scope) -> None:
        side, kind = (str(join.args.get(part) or "").upper() for part in ("side", "kind"))
        on, using = join.args.get("on"), join.args.get("using")
        if kind == "CROSS" or (on is None and not using):
            refuse("cross-join", "A join without a condition is not permitted", "Write JOIN ... ON a.x = b.y")
        if kind not in ("", "INNER", "OUTER") or side not in ("", "LEFT", "RIGHT", "FULL"):
            refuse(
                "unlisted-syntax",
                "That kind of join is not on the list",
                "Use JOIN, LEFT, RIGHT or FULL JOIN",
            )
        before = list(scope.sources.values())
        source = self._source(join.this, scope)
        if side == "FULL" and self.permit.at_least is not None:
            refuse("small-groups", "FULL JOIN hides how many people stand behind a row", "Use LEFT JOIN")
        if side in ("RIGHT", "FULL"):
            for earlier in before:
                earlier.nullable = True
        if side in ("LEFT", "FULL"):
            source.nullable = True
        if using:
            if side in ("RIGHT", "FULL"):
                refuse("unlisted-syntax", "USING works with JOIN and LEFT JOIN here", "Write ON a.x = b.x")
            on = self._using(using, before, source, scope)
            join.set("using", None)
            join.set("on", on)
        else:
            assert on is not None
            self._resolve(on, scope)
        if not any(self._links(one, source.alias, scope) for one in conjuncts(join.args["on"])):
            refuse(
                "cross-join",
                "A join needs an equality between a column of each side",
                "Write JOIN ... ON a.x = b.y",
            )

    def _using(self, using: list[exp.Expr], before: list[Source], source: Source, scope: Scope) -> exp.Expr:
        pairs: list[exp.Expr] = []
        for identifier in using:
            assert isinstance(identifier, exp.Identifier)
            self._refuse_hidden(identifier, [*before, source])
            left = [one for one in before if self._offer(one, identifier)]
            field_ = self._offer(source, identifier)
            if len(left) != 1 or field_ is None:
                refuse("unknown-column", f"USING names no column {shown(identifier)} that both sides have")
            other = cast(Field, self._offer(left[0], identifier))
            self._use(left[0], other)
            self._use(source, field_)
            source.merged.add(field_.name)
            mine = column_node(source.alias, field_.name)
            pairs.append(exp.EQ(this=column_node(left[0].alias, other.name), expression=mine))
        return exp.and_(*pairs, copy=False)

    def _links(self, condition: exp.Expr, alias: str, scope: Scope) -> bool:
        if not isinstance(condition, exp.EQ):
            return False
        left, right = condition.this, condition.expression
        if not isinstance(left, exp.Column) or not isinstance(right, exp.Column):
            return False
        return (left.table == alias) != (right.table == alias)

    def _offer(self, source: Source, identifier: exp.Identifier) -> Field | None:
        """The column of a source that a name means: exact, or else without regard to case if not quoted."""
        exact = [one for one in source.fields if one.name == _fold(identifier)]
        if exact:
            return exact[0]
        if identifier.quoted:
            return None
        loose = [one for one in source.fields if one.name.lower() == identifier.name.lower()]
        return loose[0] if len(loose) == 1 else None

    def _use(self, source: Source, field_: Field) -> None:
        if source.gate is not None:
            column = next(one for one in source.gate.table.columns if one.name == field_.name)
            source.gate.used[field_.name] = column

    def _refuse_hidden(self, identifier: exp.Identifier, sources: Iterable[Source]) -> None:
        for source in sources:
            if source.gate is None:
                continue
            for hidden in source.gate.table.hidden:
                if hidden.lower() == identifier.name.lower():
                    said = hidden if hidden.isascii() and hidden.replace("_", "a").isalnum() else "with that name"
                    refuse(
                        "hidden-column",
                        f"This purpose does not permit the field {source.gate.table.name}.{said}",
                        "Leave the field out, or ask the owner to widen the purpose",
                    )

    def _find(self, column: exp.Column, scope: Scope) -> tuple[Source, Field]:
        identifier = column.this
        qualifier = column.args.get("table")
        if _reserved(identifier.name):
            refuse("reserved-name", "Names that begin with rf_ or __rf are reserved")
        sources = list(scope.sources.values())
        if qualifier is not None:
            alias = _fold(qualifier)
            if alias not in scope.sources:
                outer = scope.outer
                while outer is not None:
                    if alias in outer.sources:
                        self._refuse_hidden(identifier, [outer.sources[alias]])
                        refuse("correlated", "An inner query may not refer to the query around it", _UNCORRELATED)
                    outer = outer.outer
                self._refuse_hidden(identifier, sources)
                refuse(
                    "unknown-table",
                    f"No table {shown(qualifier)} is in this FROM{nearest(alias, scope.sources)}",
                )
            sources = [scope.sources[alias]]
        self._refuse_hidden(identifier, sources)
        found = []
        for source in sources:
            offered = self._offer(source, identifier)
            if offered is not None and not (qualifier is None and offered.name in source.merged):
                found.append((source, offered))
        if len(found) == 1:
            return found[0]
        if found:
            refuse(
                "ambiguous-column",
                f"More than one table here has a column {shown(identifier)}",
                "Write the table's name before it",
            )
        outer = scope.outer if qualifier is None else None
        while outer is not None:
            self._refuse_hidden(identifier, outer.sources.values())
            if any(self._offer(source, identifier) for source in outer.sources.values()):
                refuse("correlated", "An inner query may not refer to the query around it", _UNCORRELATED)
            outer = outer.outer
        if _fold(identifier) in scope.sources:
            refuse("whole-row", "A whole row stands where one value belongs", "Name the columns")
        names = {one.name for source in sources for one in source.fields if one.name.isascii()}
        refuse(
            "unknown-column",
            f"No table here has a column {shown(identifier)}{nearest(identifier.name.lower(), names)}",
        )

    def _resolve(
        self,
        root: exp.Expr,
        scope: Scope,
        aliases: Mapping[str, exp.Expr] | None = None,
    ) -> None:
        """Bind every name below `root` to a source of this SELECT; check inner queries on the way."""
        stack = [root]
        while stack:
            node = stack.pop()
            if isinstance(node, exp.Query):
                self._inner(node, scope)
            elif isinstance(node, exp.Column):
                self._bind(node, scope, aliases)
            elif isinstance(node, exp.Anonymous):
                node.replace(exp.CurrentTimestamp())  # now() is the only one that comes this far
            else:
                stack.extend(node.iter_expressions())

    def _bind(self, column: exp.Column, scope: Scope, aliases: Mapping[str, exp.Expr] | None) -> None:
        identifier = column.this
        if aliases and column.args.get("table") is None and not _reserved(identifier.name):
            value = aliases.get(identifier.name.lower())
            known = any(self._offer(source, identifier) for source in scope.sources.values())
            self._refuse_hidden(identifier, scope.sources.values())
            if value is not None and not known:
                if value.find(exp.Query) is not None:
                    refuse("unlisted-syntax", "An output that holds an inner query cannot be named here")
                column.replace(exp.Paren(this=value.copy()) if isinstance(value, exp.Binary) else value.copy())
                return
        source, field_ = self._find(column, scope)
        self._use(source, field_)
        column.set("this", exp.Identifier(this=field_.name, quoted=True))
        column.set("table", exp.Identifier(this=source.alias, quoted=True))

    def _inner(self, node: exp.Query, scope: Scope) -> None:
        """An inner query inside an expression: one column, and nothing from outside."""
        result = self.query(node, Scope(scope.ctes, scope, nested=True))
        exists = isinstance(node.parent, exp.Exists)
        if len(result.fields) != 1 and not exists:
            refuse("unlisted-syntax", "An inner query in an expression returns exactly one column")
        if self.permit.aggregates_only and result.grain == "persons":
            refuse(
                "aggregates-only",
                "An inner query must aggregate too where only aggregates are permitted",
                "Use a JOIN, or aggregate inside",
            )
        lineage = _union(one.lineage for one in result.fields)
        self.types.nested[id(node)] = (Kind(words.BOOLEAN) if exists else result.fields[0].kind, lineage)

    def _expand_stars(self, node: exp.Select, scope: Scope) -> None:
        expanded: list[exp.Expr] = []
        for item in node.expressions:
            star = item if isinstance(item, exp.Star) else item.this if isinstance(item, exp.Column) else None
            if not isinstance(star, exp.Star):
                expanded.append(item)
                continue
            sources = list(scope.sources.values())
            qualifier = item.args.get("table") if isinstance(item, exp.Column) else None
            if qualifier is not None:
                alias = _fold(qualifier)
                if alias not in scope.sources:
                    refuse("unknown-table", f"No table {shown(qualifier)} is in this FROM")
                sources = [scope.sources[alias]]
            if not sources:
                refuse("unlisted-syntax", "SELECT * needs FROM")
            leave_out: set[tuple[str, str]] = set()
            for left_out in star.args.get("except_") or ():
                named = left_out if isinstance(left_out, exp.Column) else exp.Column(this=left_out)
                if not isinstance(named.this, exp.Identifier):
                    refuse("unlisted-syntax", "EXCLUDE takes plain column names")
                source, field_ = self._find(named.copy(), Scope({}, None, {one.alias: one for one in sources}))
                leave_out.add((source.alias, field_.name))
            for source in sources:
                for field_ in source.fields:
                    merged = qualifier is None and field_.name in source.merged
                    if (source.alias, field_.name) not in leave_out and not merged:
                        expanded.append(column_node(source.alias, field_.name))
        if not expanded:
            refuse("hidden-column", "This purpose permits no column of this table")
        node.set("expressions", expanded)

    def _projections(self, node: exp.Select, scope: Scope) -> list[tuple[str, exp.Expr]]:
        """Bind the outputs and give each a name. Returns (name, expression) in order."""
        for item in list(node.expressions):
            self._resolve(item, scope)
        named: list[tuple[str, exp.Expr]] = []
        items: list[exp.Expr] = []
        taken: set[str] = {item.alias.lower() for item in node.expressions if isinstance(item, exp.Alias)}
        for place, item in enumerate(node.expressions, start=1):
            value = item.this if isinstance(item, exp.Alias) else item
            if isinstance(item, exp.Alias):
                identifier = item.args["alias"]
                name = identifier.name
                if self.dialect == "postgres" and not identifier.quoted:
                    name = name.lower()
                if not name or _reserved(name):
                    refuse(
                        "reserved-name",
                        "Names that begin with rf_ or __rf are reserved",
                        "Give it another name",
                    )
            elif isinstance(value, exp.Column):
                name = value.name
            else:
                name = _own_name(value, place)
                while name in taken:
                    name = f"{name}_{place}"
                taken.add(name)
            keep = isinstance(value, exp.Column) and value.name == name
            items.append(value if keep else exp.alias_(value, name, quoted=True, copy=False))
            named.append((name, value))
        node.set("expressions", items)
        return named

    def _group(self, node: exp.Select, scope: Scope, aliases: Mapping[str, exp.Expr]) -> None:
        group = node.args.get("group")
        if group is None:
            return
        for key in list(group.expressions):
            if isinstance(key, exp.Literal):
                if key.is_string:
                    refuse("unlisted-syntax", "GROUP BY takes columns, expressions or positions")
                place = self._position(key, len(node.expressions))
                chosen = node.expressions[place - 1]
                value = chosen.this if isinstance(chosen, exp.Alias) else chosen
                key.replace(value.copy())
            else:
                self._resolve(key, scope, aliases)
        for key in group.expressions:
            if has(key, exp.AggFunc, exp.Window) or key.find(exp.Query) is not None:
                refuse("not-grouped", "GROUP BY may not hold an aggregate or an inner query")

    def _order(self, node: exp.Select, scope: Scope, outputs: list[tuple[str, exp.Expr]]) -> None:
        order = node.args.get("order")
        for ordered in order.expressions if order is not None else ():
            key = ordered.this
            if isinstance(key, exp.Literal):
                if key.is_string:
                    refuse("unlisted-syntax", "ORDER BY takes columns, expressions or positions")
                self._position(key, len(outputs))
                continue
            if isinstance(key, exp.Column) and key.args.get("table") is None:
                found = [(name, value) for name, value in outputs if _same(key.this, name)]
                if len(found) > 1 and any(value != found[0][1] for _, value in found):
                    refuse("ambiguous-column", f"Two outputs are called {shown(key.this)}", "Order by position")
                if found:
                    name, value = found[0]
                    key.replace(value.copy() if isinstance(value, exp.Column) else column_node(None, name))
                    continue
            self._resolve(key, scope, {name.lower(): value for name, value in outputs})

    def _typed(
        self, node: exp.Select, scope: Scope, outputs: list[tuple[str, exp.Expr]], aggregated: bool
    ) -> list[Field]:
        """Infer every type (no silent casts), note what may fail, and describe the outputs."""
        fields = []
        group = node.args.get("group")
        keys = group.expressions if group is not None else []
        for name, value in outputs:
            kind = self.types.kind(value, scope)
            lineage = self.types.lineage(value, scope)
            plain = isinstance(value, exp.Column) and self.types.field_of(value, scope).plain
            role: Literal["value", "key", "aggregate"] = "value"
            if isinstance(value, exp.Column) and not aggregated:
                role = self.types.field_of(value, scope).role
            elif aggregated:
                role = "key" if value in keys else "aggregate"
                plain = True  # groups stand for many people already
            fields.append(Field(name, kind, lineage, plain, role))
        scope.in_condition = True
        for part in ("where", "having", "qualify"):
            if node.args.get(part) is not None:
                self.types.want(node.args[part].this, words.BOOLEAN, scope)
        for join in node.args.get("joins") or ():
            self.types.want(join.args["on"], words.BOOLEAN, scope)
            for one in conjuncts(join.args["on"]):
                if (
                    isinstance(one, exp.EQ)
                    and id(one) in self.types.risky
                    and isinstance(one.this, exp.Column)
                    and isinstance(one.expression, exp.Column)
                ):
                    refuse("mixed-types", "A join compares two different types", "Cast one side explicitly")
        scope.in_condition = False
        for key in keys:
            self.types.kind(key, scope)
        order = node.args.get("order")
        for ordered in order.expressions if order is not None else ():
            if not (isinstance(ordered.this, exp.Column) and ordered.this.args.get("table") is None):
                self.types.kind(ordered.this, scope)
        return fields

    def _check_grouped(self, node: exp.Select) -> None:
        """Every column outside an aggregate belongs to a key; some engines would pick any row's value."""
        group = node.args.get("group")
        keys = list(group.expressions) if group is not None else []
        roots = [item.this if isinstance(item, exp.Alias) else item for item in node.expressions]
        roots += [node.args[part].this for part in ("having", "qualify") if node.args.get(part) is not None]
        order = node.args.get("order")
        roots += [ordered.this for ordered in order.expressions] if order is not None else []
        stack = list(roots)
        while stack:
            item = stack.pop()
            if any(item == key for key in keys) or isinstance(item, exp.Query):
                continue
            if isinstance(item, (exp.AggFunc, exp.Filter, exp.WithinGroup)) and not isinstance(item.parent, exp.Window):
                continue
            if isinstance(item, exp.Column) and item.args.get("table") is not None:
                refuse(
                    "not-grouped",
                    f"The column {_safe(item.name)} is neither in GROUP BY nor in an aggregate",
                    "Add it to GROUP BY or aggregate it",
                )
            stack.extend(item.iter_expressions())
        if node.args.get("distinct") is not None and self.permit.at_least is not None:
            refuse(
                "small-groups",
                "DISTINCT over aggregates is not permitted where groups have a minimum",
                "Leave DISTINCT out: groups are distinct already",
            )

    def _check_strict(self, node: exp.Select, scope: Scope, aggregated: bool) -> None:
        """What hides one person in a group of many is refused where a minimum or aggregates-only counts."""
        if self.permit.aggregates_only:
            if any(has(part, exp.Window) for part in self._parts(node)):
                refuse(
                    "small-groups",
                    "A window over single customers is not permitted where only aggregates are",
                    "Use GROUP BY",
                )
            if not aggregated and node.args.get("distinct") is not None:
                refuse("small-groups", "DISTINCT is not permitted where only aggregates are", "Use GROUP BY")
            if not aggregated and self._cut(node):
                refuse("small-groups", "LIMIT over single customers is not permitted where only aggregates are")
        elif aggregated and any(has(part, exp.Window) for part in self._parts(node)):
            refuse("small-groups", "A window beside aggregates is not permitted where groups have a minimum")
        if aggregated:
            self._check_aggregates(node, scope)
        if self.permit.aggregates_only and self.dialect in ("postgres", "mysql"):
            self._refuse_failing(node, scope)

    def _check_aggregates(self, node: exp.Select, scope: Scope) -> None:
        if any(not source.traceable for source in scope.sources.values() if source.grain == "persons"):
            refuse(
                "small-groups",
                "DISTINCT, UNION or the like below an aggregate hides how many people it covers",
                "Aggregate the table itself",
            )
        for part in self._parts(node):
            for aggregate in outside_queries(part, exp.AggFunc, exp.WithinGroup):
                if not isinstance(aggregate.parent, exp.WithinGroup):
                    self._check_argument(aggregate, scope)

    def _refuse_failing(self, node: exp.Select, scope: Scope) -> None:
        """No failing on one person's value: without TRY only sums and products can be made total."""
        for failing, where in self.types.risky.values():
            if where is not scope or isinstance(failing, (exp.Add, exp.Sub, exp.Mul, exp.Cast, exp.TryCast)):
                continue
            if has(failing, exp.AggFunc):
                continue
            refuse(
                "may-fail",
                f"{SAYINGS.get(type(failing).__name__, 'A function')} can fail on one person's value",
                "Use plain columns, + - *, or aggregate first",
            )

    def _check_argument(self, aggregate: exp.Expr, scope: Scope) -> None:
        """An aggregate takes plain columns, or + - * of two: never a CASE that picks one person."""
        value = aggregate.expression.expressions[0].this if isinstance(aggregate, exp.WithinGroup) else aggregate.this
        if isinstance(value, exp.Distinct):
            value = value.expressions[0]
        if value is None or isinstance(value, exp.Star):
            return
        columns = 0
        for part in value.walk():
            if isinstance(part, exp.Column):
                columns += 1
                # a weight from another relation, joined to one person, would pick that person out
                if not self.types.field_of(part, scope).plain or scope.sources[part.table].grain != "persons":
                    columns = 99
            elif not isinstance(part, (exp.Identifier, exp.Add, exp.Sub, exp.Mul, exp.Paren, exp.Literal)):
                columns = 99
        if columns > 2 or (columns != 1 and isinstance(value, exp.Column)):
            refuse(
                "single-value",
                "An aggregate takes plain columns here, or + - * of two: anything else can pick out one person",
                "Use FILTER (WHERE ...) for a part, GROUP BY for classes",
            )

    def _aggregate(self, node: exp.Select, scope: Scope, fields: list[Field], grain: Grain, top: bool) -> Result:
        """Guard an aggregating SELECT, and offer the number of people behind each of its rows."""
        least = self.permit.at_least
        if least is None:
            return Result(fields, "groups", lambda: ([], None), False, aggregated=True)
        persons = [source for source in scope.sources.values() if source.grain == "persons"]
        counts: list[exp.Expr] = []
        guards: list[exp.Expr] = []
        alone = len(scope.sources) == 1 and persons and persons[0].unique
        parts = [one.expression.this.copy() for p in self._parts(node) for one in outside_queries(p, exp.Filter)]
        for subject in (one for source in persons for one in source.subjects()):
            self.counting += [(node, subject, part, bool(alone)) for part in (None, *parts)]
        for source in persons:
            for subject in source.subjects():
                count = _people(subject, unique=bool(alone))
                guard: exp.Expr = exp.GTE(this=count, expression=exp.Literal.number(least))
                if source.nullable:
                    none = exp.EQ(this=count.copy(), expression=exp.Literal.number(0))
                    guard = exp.Paren(this=exp.Or(this=none, expression=guard))
                else:
                    counts.append(count.copy())
                guards.append(guard)
        if persons:
            self._guard_filters(node, persons, least)
        elif grain == "groups":
            counts = [exp.Max(this=one) for source in scope.sources.values() if (one := source.counter()) is not None]
        if guards and not (top and counts and len(counts) == len(guards) and self._shows_all(node)):
            having = node.args.get("having")
            condition = exp.and_(*guards, copy=False)
            if having is not None:
                condition = exp.And(this=exp.Paren(this=having.this), expression=condition)
            node.set("having", exp.Having(this=condition))

        def hidden() -> tuple[list[str], str | None]:
            if not counts:
                return [], None
            value = (
                counts[0] if len(counts) == 1 else exp.Least(this=counts[0], expressions=counts[1:], ignore_nulls=True)
            )
            node.append("expressions", exp.alias_(value, COUNTER, quoted=True, copy=False))
            return [], COUNTER

        return Result(fields, "groups", _once(hidden), bool(counts), aggregated=True)

    def _shows_all(self, node: exp.Select) -> bool:
        """Whether every group would come back. Then the caller, who has the counter, leaves out the small
        ones, and with them enough others that they cannot be worked out from the rest."""
        parts = ("having", "qualify", "distinct", "limit", "offset")
        if any(node.args.get(part) is not None for part in parts):
            return False
        return not any(has(part, exp.Window) for part in self._parts(node))  # a share of all would count the small ones

    def _guard_filters(self, node: exp.Select, persons: list[Source], least: int) -> None:
        """FILTER makes a group inside a group: it needs the minimum too, and so does what it leaves out."""
        for part in list(self._parts(node)):
            for chosen in list(outside_queries(part, exp.Filter)):
                condition = chosen.expression.this
                guards: list[exp.Expr] = []
                for source in persons:
                    for subject in source.subjects():
                        inside = exp.Filter(this=_people(subject), expression=exp.Where(this=condition.copy()))
                        rest = exp.Not(this=exp.Coalesce(this=condition.copy(), expressions=[exp.false()]))
                        outside = exp.Filter(this=_people(subject.copy()), expression=exp.Where(this=rest))
                        none = exp.EQ(this=outside, expression=exp.Literal.number(0))
                        guards.append(exp.GTE(this=inside, expression=exp.Literal.number(least)))
                        guards.append(
                            exp.Paren(
                                this=exp.Or(
                                    this=none,
                                    expression=exp.GTE(this=outside.copy(), expression=exp.Literal.number(least)),
                                )
                            )
                        )
                guarded = exp.Case(ifs=[exp.If(this=exp.and_(*guards, copy=False), true=chosen.copy())])
                if any(id(one) in self.types.risky or isinstance(one, exp.Query) for one in condition.walk()):
                    refuse(
                        "may-fail",
                        "A FILTER condition may not hold an inner query or what can fail",
                        "Compare plain columns with literals",
                    )
                chosen.replace(guarded)

    def _carry(self, node: exp.Select, scope: Scope) -> tuple[list[str], str | None]:
        """Add the customers' numbers (or the groups' sizes) of a SELECT that does not aggregate."""
        if node.args.get("distinct") is not None:
            return [], None
        subjects: list[str] = []
        counters: list[exp.Expr] = []
        for source in scope.sources.values():
            for subject in source.subjects():
                name = SUBJECT if not subjects else f"{SUBJECT}_{len(subjects) + 1}"
                same = isinstance(subject, exp.Column) and subject.name == name
                node.append("expressions", subject if same else exp.alias_(subject, name, quoted=True, copy=False))
                subjects.append(name)
            counter = source.counter()
            if counter is not None and not source.nullable:
                counters.append(counter)
        if subjects or not counters:
            return subjects, None
        value = (
            counters[0]
            if len(counters) == 1
            else exp.Least(this=counters[0], expressions=counters[1:], ignore_nulls=True)
        )
        node.append("expressions", exp.alias_(value, COUNTER, quoted=True, copy=False))
        return [], COUNTER

    def _place(self, gate: Gate) -> str:
        """Put the gated subquery where the table stood. Returns its text, for the second check."""
        select = self._gated(gate)
        text: str = select.sql(dialect=self.dialect, identify=True, comments=False, unsupported_level=ErrorLevel.RAISE)
        alias = exp.TableAlias(this=exp.Identifier(this=gate.alias, quoted=True))
        gate.node.replace(exp.Subquery(this=select, alias=alias))
        return text

    def _gated(self, gate: Gate) -> exp.Select:
        table = gate.table
        columns: list[exp.Expr] = []
        for column in table.columns:
            if column.name not in gate.used:
                continue
            value = transformed(column_node(None, column.name), column.type, column.transform, self.dialect)
            if column.flag is not None:
                value = exp.Case(ifs=[exp.If(this=column_node(None, column.flag), true=value)])
            plain = isinstance(value, exp.Column)
            columns.append(value if plain else exp.alias_(value, column.name, quoted=True, copy=False))
        if gate.with_subject:
            columns.append(exp.alias_(column_node(None, table.subject), SUBJECT, quoted=True, copy=False))
        if not columns:
            columns.append(exp.alias_(exp.Literal.number(1), "__rf_one", quoted=True, copy=False))
        own = [column.flag for column in table.columns if column.name in gate.used]
        if own and all(own):  # a customer who permits none of the fields asked for has no row here
            any_flags = tuple(dict.fromkeys(flag for flag in own if flag))
        else:
            any_flags = () if own else table.any_flags
        condition = self._condition(table, any_flags)
        select = exp.Select(expressions=columns)
        select.set("from_", exp.From(this=_base(table.base)))
        if condition is not None:
            select.set("where", exp.Where(this=condition))
        if self.types.barrier and self.dialect == "postgres":
            select.set("offset", exp.Offset(expression=exp.Literal.number(0)))
        if self.types.barrier and self.dialect == "mysql":
            select.set("limit", exp.Limit(expression=exp.Literal.number(18446744073709551615)))
        return select

    def _condition(self, table: Table, any_flags: tuple[str, ...]) -> exp.Expr | None:
        """Who may be seen: positive, and false wherever a fact is missing (it stands at the top of WHERE)."""
        parts: list[exp.Expr] = []
        if table.flag is not None:
            parts.append(self._holds(table.flag))
        elif table.everything == "deny":
            parts.append(exp.false())
        if any_flags:
            flags: exp.Expr = self._holds(any_flags[0])
            for flag in any_flags[1:]:
                flags = exp.Or(this=flags, expression=self._holds(flag))
            parts.append(exp.Paren(this=flags) if len(any_flags) > 1 else flags)
        parts.extend(self._holds(flag) for flag in table.also)
        if self.permit.tail:
            parts.append(self._outside_tail(table))
        return exp.and_(*parts, copy=False) if parts else None

    def _holds(self, flag: str) -> exp.Expr:
        """A flag that is true. DuckDB scans `flag = TRUE` twice as fast as `flag`: it becomes a filter of the scan."""
        column = column_node(None, flag)
        return exp.EQ(this=column, expression=exp.true()) if self.dialect == "duckdb" else column

    def _outside_tail(self, table: Table) -> exp.Expr:
        """False for customers whose withdrawal is newer than the flags, and for rows without a customer."""
        subject = column_node(None, table.subject)
        numbers = sorted({int(number) for number in self.permit.tail})
        packed = self.dialect in ("duckdb", "postgres")
        if len(numbers) <= MAX_COMPARED_ONE_BY_ONE or (len(numbers) <= MAX_TAIL_LITERALS and not packed):
            literals = [_signed(number) for number in numbers]
            return exp.Not(this=exp.In(this=subject, expressions=literals))
        if self.permit.tail_relation is not None and len(numbers) > MAX_TAIL_LITERALS:
            select = exp.Select(expressions=[column_node("__rf_tail", SUBJECT)])
            relation = _base(self.permit.tail_relation)
            relation.set("alias", exp.TableAlias(this=exp.Identifier(this="__rf_tail", quoted=True)))
            select.set("from_", exp.From(this=relation))
            return exp.Not(this=exp.In(this=subject, query=exp.Subquery(this=select)))
        if not packed or len(numbers) > MAX_TAIL_PACKED:
            refuse(
                "tail",
                f"{len(numbers)} fresh withdrawals wait, and no relation holds them",
                "Refresh the flags, then ask again",
            )
        # one literal, not thousands: engines hash it, and nobody parses a long list
        text = ",".join(map(str, numbers))
        if self.dialect == "postgres":
            array = exp.Cast(this=exp.Literal.string(f"{{{text}}}"), to=exp.DataType.build("BIGINT[]"))
            return exp.NEQ(this=subject, expression=exp.All(this=array))
        parts = exp.Anonymous(this="STRING_SPLIT", expressions=[exp.Literal.string(text), exp.Literal.string(",")])
        number = exp.Cast(this=exp.Anonymous(this="UNNEST", expressions=[parts]), to=exp.DataType.build("BIGINT"))
        listed = exp.Select(expressions=[exp.alias_(number, SUBJECT, quoted=True)])
        return exp.Not(this=exp.In(this=subject, query=exp.Subquery(this=listed)))


_UNCORRELATED: Final = "Use a JOIN or an inner query that stands alone"


def _field(table: Table, column: Column) -> Field:
    word = type_after(column.type, column.transform)
    family = words.family_of(word)
    name = f"{table.name}.{column.name}"
    exact = word if "(" in word or family not in (words.DECIMAL, words.OTHER) else name
    return Field(column.name, Kind(family, exact), frozenset({name}), plain=True)


def _base(parts: tuple[str, ...]) -> exp.Table:
    names = [exp.Identifier(this=part, quoted=True) for part in parts]
    return exp.Table(
        this=names[-1],
        db=names[-2] if len(names) > 1 else None,
        catalog=names[-3] if len(names) > 2 else None,
    )


def _signed(number: int) -> exp.Expr:
    size = exp.Literal.number(abs(number))
    return size if number >= 0 else exp.Neg(this=size)


def _people(subject: exp.Expr, *, unique: bool = False) -> exp.Count:
    value = subject.copy()
    return exp.Count(this=value if unique else exp.Distinct(expressions=[value]), big_int=True)


def _hashed(subject: exp.Expr, dialect: Dialect) -> tuple[exp.Expr, exp.Expr]:
    """A bucket from 0 to 1,023 and a number from 1 to 2**32, both scattered, for a customer's number.

    Never 0: DuckDB's hash of 0 is 0, and whoever adds nothing to a sum is not seen in it.
    """
    function = {"duckdb": "hash", "postgres": "hashint8extended", "spark": "xxhash64"}.get(dialect)
    if function is not None:
        value = exp.cast(subject, "BIGINT") if dialect == "postgres" else subject
        more = [exp.Literal.number(0)] if dialect == "postgres" else []
        hashed: exp.Expr = exp.Anonymous(this=function, expressions=[value, *more])
    else:  # 48 bits of a digest: MySQL and MariaDB have no hash of numbers
        text = exp.func("SUBSTRING", exp.func("MD5", subject), exp.Literal.number(1), exp.Literal.number(12))
        conv = exp.Anonymous(this="CONV", expressions=[text, exp.Literal.number(16), exp.Literal.number(10)])
        hashed = exp.Cast(this=conv, to=exp.DataType.build("UNSIGNED", dialect="mysql"))
    low = exp.BitwiseAnd(this=hashed.copy(), expression=exp.Literal.number(1023))
    shifted = exp.Paren(this=exp.BitwiseRightShift(this=hashed, expression=exp.Literal.number(14)))
    wide = exp.BitwiseAnd(this=shifted, expression=exp.Literal.number(4294967295))
    return low, exp.Add(this=exp.Paren(this=wide), expression=exp.Literal.number(1))


def _once(make: Callable[[], tuple[list[str], str | None]]) -> Callable[[], tuple[list[str], str | None]]:
    """Columns are added once, however many readers ask for them."""
    kept: list[tuple[list[str], str | None]] = []

    def ask() -> tuple[list[str], str | None]:
        if not kept:
            kept.append(make())
        return kept[0]

    return ask


def _singles(result: Result) -> bool:
    return len(result.hidden()[0]) == 1


def _hidden_of_both(left: Result, right: Result, joined: bool, grain: Grain) -> tuple[list[str], str | None]:
    if not joined:
        return [], None
    first, second = left.hidden(), right.hidden()
    if grain == "persons" and first[0] == second[0] == [SUBJECT]:
        return [SUBJECT], None
    if grain == "groups" and first[1] == second[1] == COUNTER:
        return [], COUNTER
    return [], None


def _bare(node: exp.Expr) -> exp.Expr:
    while isinstance(node, exp.Subquery) and not filled(node) - {"this"}:
        node = node.this
    if isinstance(node, exp.Subquery):
        refuse("unlisted-syntax", "A side of a set operation is a plain SELECT")
    return node


def _same(identifier: exp.Identifier, name: str) -> bool:
    return identifier.name == name if identifier.quoted else identifier.name.lower() == name.lower()


def _safe(name: str) -> str:
    return name if name.isascii() and name.replace("_", "a").isalnum() else "with that name"


def _own_name(value: exp.Expr, place: int) -> str:
    """A name for an output without AS, as PostgreSQL would choose it: the function's, else its place."""
    while isinstance(value, (exp.Filter, exp.Window, exp.WithinGroup, exp.Paren)):
        value = value.this
    if isinstance(value, (exp.Cast, exp.TryCast)) and isinstance(value.this, exp.Column):
        return value.this.name
    if isinstance(value, exp.Func) and not isinstance(value, (exp.Cast, exp.TryCast, exp.And, exp.Or, exp.Binary)):
        return "case" if isinstance(value, (exp.Case, exp.If)) else value.sql_name().lower()
    return f"column_{place}"
