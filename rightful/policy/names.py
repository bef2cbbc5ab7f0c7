"""Which fields a name in a policy stands for, as far as the policy alone tells.

A name is a category, a field (`table.column`), or a column of a category
(`address.postcode` is `customer.postcode` if the category address holds it).
Easy to get wrong: a category and a table may have the same name; then
`address.postcode` stands for both, and a rule covers both.

A `table.*` is resolved against the catalogue in `bind.py`; here it stands for any
column of that table that is not excepted.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cached_property

from rightful.policy.model import Category
from rightful.policy.vocabulary import FIELD, LONGEST_FIELD, PATTERN

_FIELD = re.compile(FIELD)
_PATTERN = re.compile(PATTERN)


def is_field(text: str, *, stars: bool = False) -> bool:
    """Whether a text has the form table.column (or, with `stars`, table.*), in NFC."""
    if len(text) > LONGEST_FIELD or unicodedata.normalize("NFC", text) != text:
        return False
    return bool((_PATTERN if stars else _FIELD).fullmatch(text))


def split(field: str) -> tuple[str, str]:
    """Table and column; a column may hold dots, a table may not."""
    table, _, column = field.partition(".")
    return table, column


class Fields:
    """The fields of a policy's categories, looked up by name."""

    def __init__(self, categories: Mapping[str, Category]) -> None:
        self._categories = categories
        self._explicit: dict[str, str] = {}
        self._tables: dict[str, str] = {}  # table of a table.* -> its category
        for name, category in categories.items():
            for field in category.fields:
                table, column = split(field)
                if column == "*":
                    self._tables.setdefault(table, name)
                else:
                    self._explicit.setdefault(field, name)
        self._columns: dict[tuple[str, str], list[str]] = {}  # (category, column) -> fields named one by one
        for field, name in self._explicit.items():
            self._columns.setdefault((name, split(field)[1]), []).append(field)
        self._whole: dict[str, list[str]] = {}  # category -> its tables
        for table, name in self._tables.items():
            self._whole.setdefault(name, []).append(table)
        self._excluded = {name: frozenset(c.excludes) for name, c in categories.items()}
        self._elsewhere: dict[str, set[str]] = {}  # column -> tables in which it is named or left out by itself
        for field in (*self._explicit, *(f for excluded in self._excluded.values() for f in excluded)):
            table, column = split(field)
            self._elsewhere.setdefault(column, set()).add(table)

    def category_of(self, field: str) -> str | None:
        """The one category of a field: where it is named, else where its whole table is."""
        if field in self._explicit:
            return self._explicit[field]
        owner = self._tables.get(split(field)[0])
        if owner is None or field in self._excluded[owner]:
            return None
        return owner

    def named(self, text: str) -> tuple[str, ...]:
        """The fields that `table.column` or `category.column` stands for."""
        found = [text] if self.category_of(text) is not None else []
        head, column = split(text)
        found += self._columns.get((head, column), [])
        elsewhere = self._elsewhere.get(column, ())
        found += [f"{table}.{column}" for table in self._whole.get(head, ()) if table not in elsewhere]
        return tuple(dict.fromkeys(found))

    def stands_for_any(self, text: str) -> bool:
        """Whether `named` would find anything, without looking through every table."""
        if not is_field(text):
            return False
        if split(text) in self._columns or self.category_of(text) is not None:
            return True
        head, column = split(text)
        elsewhere = self._elsewhere.get(column, ())
        return any(table not in elsewhere for table in self._whole.get(head, ()))

    @cached_property
    def all_names(self) -> tuple[str, ...]:
        """Everything a field can be called by, for hints."""
        short = (f"{name}.{split(field)[1]}" for field, name in self._explicit.items())
        return tuple(dict.fromkeys((*self._explicit, *short)))
