"""Whether a text is one small SELECT made of listed words, and its tree if so.

What is easy to get wrong: a deep statement exhausts the stack before anybody has looked
at it, so tokens are counted first; a parser that does not know a statement keeps it as a
command, so the first word is checked before parsing; and a message must never repeat a
literal, which may be a customer's value.

Sources: DESIGN 5 (allow-list, the text that runs is regenerated from the checked tree).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final, NoReturn

import sqlglot
from sqlglot import ErrorLevel, exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from rightful.errors import SqlRefused
from rightful.gate import sql_words as words
from rightful.gate.transforms import Dialect

MAX_TEXT: Final = 100_000


MAX_TOKENS: Final = 20_000


MAX_NODES: Final = 30_000


MAX_DEPTH: Final = 100


MAX_NESTED: Final = 50


MAX_QUERIES: Final = 64


SIMPLER: Final = "Split it into simpler statements, or use IN (...) instead of long OR chains"


def refuse(code: str, sentence: str, remedy: str | None = None) -> NoReturn:
    raise SqlRefused(sentence, code=f"sql.{code}", remedy=remedy)


_OPENING: Final = frozenset({TokenType.SELECT, TokenType.WITH, TokenType.L_PAREN, TokenType.FROM})


_PREFIXES: Final = frozenset({TokenType.NOT, TokenType.DASH, TokenType.PLUS, TokenType.TILDE})


_ODD_TOKENS: Final = frozenset(
    {
        TokenType.PARAMETER,
        TokenType.PLACEHOLDER,
        TokenType.SESSION_PARAMETER,
        TokenType.HINT,
        TokenType.BIT_STRING,
        TokenType.HEX_STRING,
        TokenType.BYTE_STRING,
        TokenType.NATIONAL_STRING,
        TokenType.NATIONAL_RAW_STRING,
        TokenType.RAW_STRING,
        TokenType.HEREDOC_STRING,
        TokenType.UNICODE_STRING,
    }
)


_PUNCTUATION: Final = frozenset(
    {
        TokenType.L_PAREN,
        TokenType.R_PAREN,
        TokenType.L_BRACKET,  # depth is counted before the tree refuses it
        TokenType.R_BRACKET,
        TokenType.COMMA,
        TokenType.DOT,
        TokenType.DASH,
        TokenType.PLUS,
        TokenType.STAR,
        TokenType.SLASH,
        TokenType.DIV,
        TokenType.MOD,
        TokenType.LT,
        TokenType.LTE,
        TokenType.GT,
        TokenType.GTE,
        TokenType.EQ,
        TokenType.NEQ,
        TokenType.NULLSAFE_EQ,
        TokenType.NOT,
        TokenType.DPIPE,
        TokenType.DCOLON,
    }
)
_NAMED: Final = frozenset({TokenType.STRING, TokenType.IDENTIFIER})
_TAKES_A_PAREN: Final = """
select from where and or not on using over as in exists between like ilike is then when else case by having
qualify filter group within union all except intersect distinct join offset limit order partition with
materialized exclude cast try_cast if iif decimal numeric varchar char text interval escape
"""
_BEFORE_A_PAREN: Final = frozenset(_TAKES_A_PAREN.split()) | words.SPELLINGS
_REFUSED_SYNTAX: Final = """
lateral values array operator at system bernoulli row rows pivot unpivot any some replace rename columns
rollup cube sets unnest table struct map only
"""
_SYNTAX_BEFORE_A_PAREN: Final = frozenset(_REFUSED_SYNTAX.split())


def read(sql: str, dialect: Dialect) -> exp.Expr:
    """Parse one statement that is small, printable and a SELECT; else refuse."""
    if len(sql) > MAX_TEXT:
        refuse("too-large", f"The statement is longer than {MAX_TEXT} characters", SIMPLER)
    if any(not _printable(character) for character in sql):
        refuse("odd-character", "The statement holds a character that does not print")
    if "/*!" in sql or "/*+" in sql:
        refuse("unlisted-syntax", "The statement holds a comment that some engines carry out")
    try:
        tokens = sqlglot.tokenize(sql, dialect=dialect)
    except (SqlglotError, ValueError):
        refuse("not-understood", "The statement cannot be read: a quote or comment is not closed")
    _check_tokens(tokens, dialect)
    try:
        trees = sqlglot.parse(sql, dialect=dialect, error_level=ErrorLevel.IMMEDIATE)
    except (SqlglotError, ValueError, AttributeError, TypeError, KeyError, IndexError):
        refuse("not-understood", f"The statement cannot be read as {dialect} SQL")
    if len(trees) != 1 or trees[0] is None:
        refuse("not-one-select", "Exactly one SELECT may be asked at a time")
    tree = trees[0]
    _measure(tree)
    while isinstance(tree, exp.Subquery) and not filled(tree) - {"this"}:
        tree = tree.this
        tree.pop()
    if not isinstance(tree, (exp.Select, exp.SetOperation)):
        refuse("not-one-select", "Only a SELECT may be asked")
    return tree


def _printable(character: str) -> bool:
    return character in "\t\r\n " or unicodedata.category(character)[0] not in "CZ" or character == "\u00a0"


def _check_tokens(tokens: list[Token], dialect: Dialect) -> None:
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        tokens = tokens[:-1]
    if not tokens:
        refuse("not-one-select", "The statement is empty")
    if len(tokens) > MAX_TOKENS:
        refuse("too-large", f"The statement has more than {MAX_TOKENS} words", SIMPLER)
    first = next((token for token in tokens if token.token_type is not TokenType.L_PAREN), tokens[0])
    if first.token_type not in _OPENING:
        refuse("not-one-select", "Only a SELECT may be asked")
    depth = prefixes = 0
    after: Token | None = None
    for token in tokens:
        kind = token.token_type
        if kind is TokenType.SEMICOLON:
            refuse("not-one-select", "Exactly one SELECT may be asked at a time")
        if kind in _ODD_TOKENS:
            refuse(
                "odd-literal",
                "The statement holds a parameter, a hint or an odd form of literal",
                "Write values as plain numbers or 'text' in single quotes",
            )
        if kind not in _PUNCTUATION and not (token.text[:1].isalnum() or token.text[:1] == "_" or kind in _NAMED):
            refuse("unlisted-syntax", "The statement holds an operator that is not on the list")
        if kind is TokenType.STRING:
            if "\\" in token.text and dialect in ("mysql", "spark"):
                refuse("odd-literal", "A literal holds a backslash, which engines read differently")
            if any(character in "\t\r\n" for character in token.text):
                refuse("odd-literal", "A literal holds a line break or a tab")
        elif not token.text.isascii():
            refuse("odd-character", "A name holds a letter outside ASCII; look-alikes are refused")
        if kind is TokenType.L_PAREN and after is not None:
            _check_call(after)
        prefixes = prefixes + 1 if kind in _PREFIXES else 0
        if kind in (TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE):
            depth += 1
        elif kind in (TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END):
            depth -= 1
        if depth > MAX_NESTED or prefixes > 10:
            refuse("too-large", "The statement is nested too deeply", SIMPLER)
        after = token


def _check_call(token: Token) -> None:
    """A word straight before "(" is a listed function or a keyword that takes one."""
    if token.token_type in (TokenType.IDENTIFIER, TokenType.STRING):
        refuse("unlisted-function", "A quoted name stands where a function would")
    text = token.text.lower().split()[-1]  # "ORDER BY" is one token
    if not (text[0].isalpha() or text[0] == "_") or text in _BEFORE_A_PAREN:
        return
    if text in _SYNTAX_BEFORE_A_PAREN:
        refuse("unlisted-syntax", f"{text.upper()}(...) is not on the list of what a statement may hold")
    near = nearest(text, words.SPELLINGS, cutoff=0.8)
    refuse(
        "unlisted-function",
        f"The function {_shown_word(text)} is not on the list{near}",
        "Use count, sum, avg, min, max, lower, coalesce, date_trunc ...; the reference lists all",
    )


def _measure(tree: exp.Expr) -> None:
    """Refuse a tree that is too large or too deep, without recursion."""
    count = queries = 0
    stack: list[tuple[exp.Expr, int]] = [(tree, 1)]
    while stack:
        node, depth = stack.pop()
        count += 1
        queries += isinstance(node, exp.Select)
        if count > MAX_NODES or depth > MAX_DEPTH or queries > MAX_QUERIES:
            refuse("too-large", "The statement is nested too deeply or too large", SIMPLER)
        stack.extend((child, depth + 1) for child in node.iter_expressions())


def filled(node: exp.Expr) -> set[str]:
    """Names of the parts of a node that hold something."""
    return {key for key, value in node.args.items() if value is not None and value is not False and value != []}


SAYINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Lateral": "LATERAL",
        "Values": "VALUES as a source",
        "Pivot": "PIVOT",
        "Anonymous": "An unlisted function",
        "Collate": "COLLATE",
        "Operator": "OPERATOR()",
        "Bracket": "An index into a value",
        "Dot": "A path into a value",
        "Array": "An array",
        "ArrayAgg": "An aggregate that exports rows",
        "Tuple": "A row value",
        "JSONExtract": "A path into JSON",
        "RegexpLike": "A regular expression",
        "AtTimeZone": "AT TIME ZONE",
        "Command": "A command",
        "Div": "A division",
        "Mod": "A remainder",
        "IntDiv": "A division",
        "Neg": "A minus sign",
        "Unnest": "UNNEST",
        "Any": "ANY",
        "All": "ALL",
    }
)


_PART_SAYINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "locks": "FOR UPDATE",
        "into": "SELECT INTO",
        "sample": "TABLESAMPLE",
        "pivots": "PIVOT",
        "laterals": "LATERAL",
        "recursive": "WITH RECURSIVE",
        "method": "NATURAL, ASOF and positional joins",
        "only": "ONLY",
        "version": "Reading an older version",
        "when": "Reading an older version",
        "db": "A schema before a table",
        "catalog": "A schema before a table",
        "joins": "A join in parentheses",
        "columns": "Renaming columns by position",
        "replace": "SELECT * REPLACE",
        "rename": "SELECT * RENAME",
        "all": "GROUP BY ALL",
        "by_name": "UNION BY NAME",
        "windows": "A named WINDOW",
        "on": "DISTINCT ON",
        "hint": "A hint",
        "kind": "SELECT AS",
        "grouping_sets": "GROUPING SETS",
        "cube": "CUBE",
        "rollup": "ROLLUP",
        "limit_options": "LIMIT PERCENT or TIES",
        "format": "CAST with a format",
        "collation": "COLLATE",
        "ilike": "SELECT * LIKE",
    }
)


_OWN_CALLS: Final = (exp.Try, exp.SafeAdd, exp.SafeSubtract, exp.SafeMultiply, exp.SafeDivide)


def check_words(tree: exp.Expr, *, own: bool = False) -> None:
    """Refuse every node, part of a node, function or type that is not on the list.

    Args:
        own: True on the second look, at a text that we wrote: our own TRY calls pass.
    """
    for node in tree.walk():
        kind = type(node)
        word = words.FUNCTIONS.get(kind)
        if word is not None:
            allowed: Iterable[str] = {*word.takes, *word.flags}
            for argument in word.literal & filled(node):
                _literal_argument(node, argument)
        elif kind in words.NODES:
            allowed = words.NODES[kind]
        elif own and isinstance(node, _OWN_CALLS):
            allowed = {"this", "expression"}
        elif isinstance(node, exp.Anonymous) and str(node.this).lower() == "now" and not node.expressions:
            continue
        else:
            said = SAYINGS.get(kind.__name__, plain_name(kind))
            refuse("unlisted-syntax", f"{said} is not on the list of what a statement may hold")
        extra = filled(node).difference(allowed)
        if extra:
            _refuse_part(node, sorted(extra)[0])
        _check_place(node)


def _refuse_part(node: exp.Expr, part: str) -> NoReturn:
    if isinstance(node, exp.Column):
        refuse("whole-row", "A path into a value, or a schema before a field, is not on the list")
    if isinstance(node, exp.Table) and part in ("db", "catalog"):
        refuse("unknown-table", "A table is named without its schema: this purpose has its own list of tables")
    said = _PART_SAYINGS.get(part, f"This form of {plain_name(type(node))}")
    refuse("unlisted-syntax", f"{said} is not on the list of what a statement may hold")


def _check_place(node: exp.Expr) -> None:
    """A class that is harmless in one place is refused in the others."""
    parent = node.parent
    if isinstance(node, exp.Star) and not isinstance(parent, (exp.Select, exp.Count, exp.Column)):
        refuse("whole-row", "A star stands where one value belongs")
    if isinstance(node, exp.Column) and isinstance(node.this, exp.Star) and not isinstance(parent, exp.Select):
        refuse("whole-row", "A whole row stands where one value belongs")
    if isinstance(node, exp.Table) and (
        not isinstance(node.this, exp.Identifier) or not isinstance(parent, (exp.From, exp.Join))
    ):
        refuse("unknown-table", "A function or a file stands where a table belongs")
    if isinstance(node, exp.Identifier) and not isinstance(
        parent, (exp.Column, exp.Table, exp.TableAlias, exp.Alias, exp.Join)
    ):
        refuse("unlisted-syntax", "A name stands where none belongs")
    if isinstance(node, exp.Var):
        if not isinstance(parent, (exp.Extract, exp.TimestampTrunc, exp.DateTrunc, exp.Interval, exp.DateDiff)):
            refuse("unlisted-syntax", "A keyword stands where a value belongs (ORDER BY ALL, LIMIT ALL ...)")
        if str(node.this).upper() not in words.UNITS:
            refuse("unlisted-syntax", "That unit of time is not on the list")
    if isinstance(node, exp.Interval) and not _short_interval(node):
        refuse("bad-literal", "An interval takes a whole number up to 9999 and a unit")
    if isinstance(node, exp.Distinct) and not isinstance(parent, (exp.Query, exp.Count, exp.Sum, exp.Avg)):
        refuse("unlisted-syntax", "DISTINCT stands where it does not belong")
    if isinstance(node, exp.Order) and node.this is not None:
        refuse("unlisted-syntax", "ORDER BY inside an aggregate is not on the list")
    if isinstance(node, (exp.Like, exp.ILike)) and not is_text(node.expression):
        refuse("unlisted-syntax", "LIKE takes a literal pattern")
    if isinstance(node, exp.Escape) and not (
        isinstance(node.this, (exp.Like, exp.ILike)) and is_text(node.expression) and len(node.expression.name) == 1
    ):
        refuse("unlisted-syntax", "ESCAPE takes one literal character")
    if isinstance(node, exp.DataType):
        if not isinstance(parent, (exp.Cast, exp.TryCast)):
            refuse("unlisted-syntax", "A type stands where a value belongs")
        if not isinstance(node.this, exp.DType) or node.this.name not in words.CAST_TARGETS:
            refuse("unlisted-type", "A cast to that type is not on the list")
    if isinstance(node, exp.DataTypeParam):
        _literal_number(node.this, "The size of a type")
    if isinstance(node, (exp.Limit, exp.Offset)):
        _literal_number(node.expression, "LIMIT and OFFSET")
    if isinstance(node, exp.WindowSpec):
        for bound in (node.args.get("start"), node.args.get("end")):
            if isinstance(bound, exp.Expr):
                _literal_number(bound, "A window frame")
        if str(node.args.get("kind", "")).upper() not in ("ROWS", "RANGE"):
            refuse("unlisted-syntax", "That window frame is not on the list")
    word = words.FUNCTIONS.get(type(node))
    if word is not None and word.sort == "window" and not isinstance(parent, exp.Window):
        refuse("unlisted-syntax", f"{plain_name(type(node))} needs OVER (...)")
    if isinstance(node, exp.Window) and (
        words.FUNCTIONS.get(type(node.this)) is None or words.FUNCTIONS[type(node.this)].sort == "plain"
    ):
        refuse("unlisted-syntax", "OVER follows an aggregate or a ranking function")
    if isinstance(node, exp.Filter) and not isinstance(node.this, exp.AggFunc):
        refuse("unlisted-syntax", "FILTER follows an aggregate")
    if isinstance(node, exp.WithinGroup) and not (
        isinstance(node.this, exp.PercentileCont)
        and isinstance(node.expression, exp.Order)
        and len(node.expression.expressions) == 1
    ):
        refuse("unlisted-syntax", "WITHIN GROUP follows percentile_cont over one column")


def _short_interval(node: exp.Interval) -> bool:
    number = node.this
    return (
        isinstance(number, exp.Literal)
        and number.name.isascii()
        and number.name.isdigit()
        and len(number.name) <= 4
        and isinstance(node.args.get("unit"), exp.Var)
    )


def is_text(node: Any) -> bool:
    return isinstance(node, exp.Literal) and bool(node.is_string)


def _literal_number(node: Any, what: str) -> None:
    if isinstance(node, exp.Neg):
        node = node.this
    if not isinstance(node, exp.Literal) or node.is_string:
        refuse("unlisted-syntax", f"{what} must be a literal number")


def _literal_argument(node: exp.Expr, argument: str) -> None:
    """A literal that some engine would refuse only once a row comes by is refused here."""
    value = node.args[argument]
    _literal_number(value, "An argument of this function")
    negative = isinstance(value, exp.Neg)
    number = float(value.this.name if negative else value.name)
    if isinstance(node, exp.PercentileCont):
        fits = not negative and 0 <= number <= 1
    elif isinstance(node, (exp.Left, exp.Right, exp.Round)):
        fits = number <= 1_000_000 and number.is_integer()
    else:
        fits = (
            not negative
            and number <= 1_000_000
            and number.is_integer()
            and (number > 0 or not isinstance(node, exp.Ntile))
        )
    if not fits:
        refuse("bad-literal", f"A number given to {plain_name(type(node))} is out of range")


def plain_name(kind: type) -> str:
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in kind.__name__).strip()


def nearest(name: str, among: Iterable[str], *, cutoff: float = 0.6) -> str:
    near = get_close_matches(name, sorted(among), n=1, cutoff=cutoff)
    return f"; the nearest is {near[0]}" if near else ""


def _shown_word(text: str) -> str:
    simple = len(text) <= 40 and text.isascii() and text.replace("_", "a").isalnum()
    return text if simple else "with that name"


def shown(identifier: exp.Expr | None) -> str:
    """An unquoted name as typed; a quoted one may be a value in the wrong quotes, so it is not repeated."""
    if isinstance(identifier, exp.Identifier) and not identifier.quoted:
        return _shown_word(identifier.name)
    return "with that name"
