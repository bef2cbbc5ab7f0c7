"""Whether the generated text is what it should be, read again by code that trusts nothing.

Takes every gated subquery out, by its exact text, and checks that what is left holds no
base table, no unlisted word, and no column that does not come from a source of its own
SELECT. It shares the allow-list with the first look and nothing else: scopes are found
by the parser library's own code.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import sqlglot
from sqlglot import ErrorLevel, exp
from sqlglot.optimizer.scope import traverse_scope

from rightful.gate.sql_read import check_words, is_text, refuse
from rightful.gate.sql_types import SHAPES
from rightful.gate.transforms import Dialect


def check_again(text: str, gates: Sequence[str], dialect: Dialect) -> None:
    """Read the generated text again; refuse unless its gates are all there and nothing else reads a table.

    Args:
        text: what is about to run.
        gates: the text of each gated subquery, as often as it must appear.
    """
    trees = sqlglot.parse(text, dialect=dialect, error_level=ErrorLevel.IMMEDIATE)
    if len(trees) != 1 or trees[0] is None:
        refuse("second-check", "The rewritten statement does not read as one statement")
    tree = trees[0]
    missing = Counter(_round_trip(gate, dialect) for gate in gates)
    exposed: dict[str, set[str]] = {}
    for node in list(tree.find_all(exp.Subquery)):
        if not isinstance(node.parent, (exp.From, exp.Join)) or not isinstance(node.this, exp.Select):
            continue
        from_ = node.this.args.get("from_")
        if from_ is None or not isinstance(from_.this, exp.Table) or not from_.this.db:
            continue
        found = node.this.sql(dialect=dialect, identify=True, comments=False)
        if missing[found] < 1:
            refuse("second-check", "The rewritten statement reads a table outside the gate")
        missing[found] -= 1
        place = f"__rf_gate_{len(exposed)}"
        exposed[place] = {item.alias_or_name for item in node.this.expressions}
        node.replace(exp.Table(this=exp.Identifier(this=place, quoted=True), alias=node.args["alias"]))
    if missing.total():
        refuse("second-check", "The rewritten statement lost one of its gates")
    _check_left_over(tree, exposed)


def _round_trip(text: str, dialect: Dialect) -> str:
    tree = sqlglot.parse(text, dialect=dialect, error_level=ErrorLevel.IMMEDIATE)[0]
    assert tree is not None
    return str(tree.sql(dialect=dialect, identify=True, comments=False))


def _check_left_over(tree: exp.Expr, exposed: Mapping[str, set[str]]) -> None:
    seen: set[int] = set()
    for scope in traverse_scope(tree):
        offered: dict[str, set[str]] = {}
        for name, source in scope.sources.items():
            if isinstance(source, exp.Table):
                if source.name not in exposed or source.db:
                    refuse("second-check", "The rewritten statement reads a table outside the gate")
                offered[name] = exposed[source.name]
            else:
                offered[name] = _outputs(source.expression)
        for table in scope.tables:
            seen.add(id(table))
        for column in scope.columns:
            if column.table:
                if column.name not in offered.get(column.table, ()):
                    refuse("second-check", "The rewritten statement names a column that no source offers")
            elif column.find_ancestor(exp.Order) is None or column.name not in _outputs(scope.expression):
                refuse("second-check", "The rewritten statement names a column without its source")
    for table in tree.find_all(exp.Table):
        if id(table) not in seen or table.db or table.catalog:
            refuse("second-check", "The rewritten statement reads a table outside the gate")
    for like in list(tree.find_all(exp.RegexpLike)):  # our own guard of a cast, with our own pattern
        if not (is_text(like.expression) and like.expression.name in SHAPES.values()):
            refuse("second-check", "The rewritten statement holds a pattern that is not ours")
        like.replace(exp.Is(this=like.this, expression=exp.Null()))
    check_words(tree, own=True)


def _outputs(query: exp.Expr) -> set[str]:
    return set(query.named_selects) if isinstance(query, exp.Query) else set()
