"""Which field is what: the policy held against the tables that are really there.

A policy names fields and patterns ("order.*"); a catalogue knows columns. Bound
together, every column has exactly one category or none. A column without one can
be used by nobody, for nothing.

Easy to get wrong: a field in two categories is a contradiction, not the union, so it
belongs to neither; a role that may `only` see fields which are not there sees
nothing, not everything; `address.postcode` means the column postcode of that category.

Sources: GDPR Art. 5(1)(c), 25(2); case P10.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rightful.policy.model import Category, Policy
from rightful.policy.names import split
from rightful.policy.problems import NOWHERE, Problem, nearest
from rightful.policy.vocabulary import CONSENT_STATUS

Catalogue = Mapping[str, Sequence[str]]
"""Table -> its columns, in order."""

MOST_HINTS = 40


@dataclass(frozen=True, slots=True)
class Bound:
    """A policy bound to a catalogue. Fields are "table.column".

    Attributes:
        category_of: field -> its one category; a field without one cannot be used.
        unclassified: columns of the catalogue that no category names, or that two claim.
        missing: names in the policy that the catalogue does not have.
        contradictions: fields in two categories, columns that differ only in their Unicode form.
    """

    policy: Policy
    category_of: Mapping[str, str]
    unclassified: frozenset[str]
    missing: tuple[Problem, ...]
    contradictions: tuple[Problem, ...]
    needs: Mapping[str, tuple[str, ...]]
    _only: Mapping[str, frozenset[str]] = field(repr=False)  # role -> all it may see; absent: anything
    _barred: Mapping[str, frozenset[str]] = field(repr=False)  # role -> what it never sees
    _covered: Mapping[str, frozenset[str]] = field(repr=False)  # recipient -> all it may get; absent: anything
    _derived: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)  # field -> what it was made from
    _inherited: frozenset[str] = field(default=frozenset(), repr=False)  # derived fields the policy does not name

    @property
    def mismatches(self) -> tuple[Problem, ...]:
        """Everything policy and catalogue disagree about."""
        return self.contradictions + self.missing

    @property
    def fields(self) -> tuple[str, ...]:
        """Every field that has a category, in the order of the catalogue."""
        return tuple(self.category_of)

    def fields_of(self, purpose: str) -> tuple[str, ...]:
        """Fields a purpose needs, in the order it names them; () for an unknown one."""
        return self.needs.get(purpose, ())

    def sources_of(self, field: str) -> tuple[str, ...]:
        """The fields a derived one was made from: what is refused for them is refused for it."""
        return self._derived.get(field, ())

    def role_may(self, role: str, field: str) -> bool:
        """Whether a role may see a field at all, whatever the purpose."""
        if role not in self.policy.roles:
            return False
        only = self._only.get(role)
        own = only is None or field in only or field in self._inherited
        own = own and field not in self._barred.get(role, frozenset())
        return own and all(self.role_may(role, source) for source in self.sources_of(field))

    def recipient_covers(self, recipient: str, field: str) -> bool:
        """Whether the agreement with a recipient covers a field."""
        if recipient not in self.policy.recipients:
            return False
        covered = self._covered.get(recipient)
        own = covered is None or field in covered or field in self._inherited
        return own and all(self.recipient_covers(recipient, source) for source in self.sources_of(field))

    def transform(self, purpose: str, field: str) -> str:
        """The form in which a purpose gets a field; "" is the value itself."""
        found = self.policy.purposes.get(purpose)
        return "" if found is None else found.transforms.get(field, "")

    def special(self, field: str) -> bool:
        """Whether a field is special by law (GDPR Art. 9) or treated as such."""
        category = self.policy.categories.get(self.category_of.get(field, ""))
        return category is not None and is_special(category)


def bind(policy: Policy, catalogue: Catalogue, derived: Mapping[str, tuple[str, ...]] | None = None) -> Bound:
    """Hold a policy against a catalogue; what does not fit is told, never guessed.

    Args:
        derived: field -> the fields it was made from, none of them derived themselves. One that the policy does
            not name inherits: it is of the strictest category among them, and a purpose needs it if it needs
            all of them as they are.
    """
    known, doubles = _known(catalogue)
    category_of, contradictions = _categories(policy, known, doubles)
    names = _Names(category_of)
    hints = _Missing(policy, known, names)
    hints.categories(catalogue)
    for purpose in policy.purposes.values():
        hints.items(purpose.needs, f"purpose {purpose.id} needs", f"purposes/{purpose.id}/needs")
        hints.items(purpose.transforms, f"purpose {purpose.id} changes the form of", f"purposes/{purpose.id}/as")
    for role in policy.roles.values():
        hints.items((*role.only, *role.not_fields), f"role {role.id} names", f"roles/{role.id}")
    for recipient in policy.recipients.values():
        hints.items(recipient.covers, f"recipient {recipient.id} covers", f"recipients/{recipient.id}/covers")
    for number, rule in enumerate(policy.never):
        hints.items(rule.use, f"never rule {number + 1} names", f"never/{number}")
    needs = {p.id: names.all_of(p.needs) for p in policy.purposes.values()}
    lineage = {f: sources for f, sources in (derived or {}).items() if f in known}
    inherited = _inherit(policy, category_of, needs, lineage)
    return Bound(
        policy=policy,
        category_of=category_of,
        unclassified=frozenset(known) - frozenset(category_of),
        missing=tuple(hints.found),
        contradictions=tuple(contradictions),
        needs=needs,
        _only={r.id: frozenset(names.all_of(r.only)) for r in policy.roles.values() if r.only},
        _barred={r.id: frozenset(names.all_of(r.not_fields)) for r in policy.roles.values() if r.not_fields},
        _covered={r.id: frozenset(names.all_of(r.covers)) for r in policy.recipients.values() if r.covers},
        _derived=lineage,
        _inherited=inherited,
    )


def _inherit(
    policy: Policy,
    category_of: dict[str, str],
    needs: dict[str, tuple[str, ...]],
    lineage: Mapping[str, tuple[str, ...]],
) -> frozenset[str]:
    """Give derived fields without a category the strictest one of their sources; returns which these are."""
    found = set()
    for name, sources in lineage.items():
        if name in category_of or not sources or not all(source in category_of for source in sources):
            continue
        of_sources = sorted({category_of[s] for s in sources}, key=lambda c: (not is_special(policy.categories[c]), c))
        category_of[name] = of_sources[0]
        found.add(name)
        for purpose in policy.purposes.values():
            if all(s in needs[purpose.id] and not purpose.transforms.get(s) for s in sources):
                needs[purpose.id] += (name,)
    return frozenset(found)


def catalogue_of(*policies: Policy) -> Catalogue:
    """The columns that policies name themselves, for questions asked without a source.

    Of a whole table (`order.*`) only the column "*" is known besides those named one by one: it
    stands for all the others, and what holds for it holds for each of them.
    """
    tables: dict[str, dict[str, None]] = {}
    for policy in policies:
        named: list[str] = []
        for category in policy.categories.values():
            named += (*category.fields, *category.excludes)
        for purpose in policy.purposes.values():
            named += (*purpose.needs, *purpose.transforms)
        for role in policy.roles.values():
            named += (*role.only, *role.not_fields)
        for recipient in policy.recipients.values():
            named += recipient.covers
        for rule in policy.never:
            named += rule.use
        known = {split(f)[0] for c in policy.categories.values() for f in c.fields}
        for name in named:
            table, column = split(name)
            if column and table in known:
                tables.setdefault(table, {})[column] = None
            elif column and table in policy.categories:
                for whole in policy.categories[table].fields:
                    if whole.endswith(".*"):
                        tables.setdefault(split(whole)[0], {})[column] = None
    return {table: tuple(columns) for table, columns in tables.items()}


def is_special(category: Category) -> bool:
    return bool(category.special) or category.treat_as_special


def _known(catalogue: Catalogue) -> tuple[tuple[str, ...], frozenset[str]]:
    """Every column as a field in NFC, and those that two columns would share."""
    known: dict[str, None] = {}
    doubles: set[str] = set()
    for table, columns in catalogue.items():
        for column in columns:
            name = unicodedata.normalize("NFC", f"{table}.{column}")
            if name in known:
                doubles.add(name)
            known[name] = None
    return tuple(known), frozenset(doubles)


def _categories(policy: Policy, known: Sequence[str], doubles: frozenset[str]) -> tuple[dict[str, str], list[Problem]]:
    """Each field's one category. A field named by itself beats another category's table.*, unless that
    would take the protection of a special category away."""
    by_name: dict[str, list[str]] = {}
    by_table: dict[str, list[str]] = {}
    for category in policy.categories.values():
        for text in dict.fromkeys(category.fields):
            table, column = split(text)
            (by_table.setdefault(table, []) if column == "*" else by_name.setdefault(text, [])).append(category.id)
    excluded = {c.id: frozenset(c.excludes) for c in policy.categories.values()}
    found: dict[str, str] = {}
    problems: list[Problem] = []
    for name in known:
        exact = [c for c in by_name.get(name, ()) if name not in excluded[c]]
        whole = [c for c in by_table.get(split(name)[0], ()) if name not in excluded[c]]
        chosen = exact or whole
        if exact and not any(is_special(policy.categories[c]) for c in exact):
            chosen = exact + [c for c in whole if is_special(policy.categories[c])]
        chosen = list(dict.fromkeys(chosen))
        if name in doubles:
            problems.append(Problem(*NOWHERE, f"two columns are both called {name} in Unicode form NFC"))
        elif len(chosen) > 1:
            place = policy.places.get(f"categories/{chosen[1]}/fields/{name}", NOWHERE)
            problems.append(Problem(*place, f"{name} is in two categories: {' and '.join(chosen)}"))
        elif chosen:
            found[name] = chosen[0]
    return found, problems


class _Names:
    """Which fields of the catalogue a name stands for."""

    def __init__(self, category_of: Mapping[str, str]) -> None:
        self._category_of = category_of
        self._fields: dict[str, list[str]] = {}
        self._columns: dict[tuple[str, str], list[str]] = {}
        for name, category in category_of.items():
            self._fields.setdefault(category, []).append(name)
            self._columns.setdefault((category, split(name)[1]), []).append(name)

    def of(self, item: str) -> list[str]:
        if "." not in item:
            return self._fields.get(item, [])
        own = [item] if item in self._category_of else []
        return own + [name for name in self._columns.get(split(item), ()) if name != item]

    def all_of(self, items: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for item in items for name in self.of(item)))


class _Missing:
    """Collects what the policy names and the catalogue does not have, with the nearest name."""

    def __init__(self, policy: Policy, known: Collection[str], names: _Names) -> None:
        self._policy = policy
        self._known = frozenset(known)
        self._names = names
        self._told: set[str] = set()
        self.found: list[Problem] = []

    def categories(self, catalogue: Catalogue) -> None:
        tables = {unicodedata.normalize("NFC", table) for table in catalogue}
        for category in self._policy.categories.values():
            for key, texts in (("fields", category.fields), ("except", category.excludes)):
                for text in texts:
                    table, column = split(text)
                    path = f"categories/{category.id}/{key}/{text}"
                    if column == "*" and table not in tables:
                        self._tell(
                            text,
                            f"category {category.id} names {text}, but there is no table {table}",
                            path,
                            table,
                            tables,
                            ".*",
                        )
                    elif column != "*" and text not in self._known:
                        self._tell(
                            text, f"category {category.id} names {text}, which is not there", path, text, self._known
                        )

    def items(self, items: Iterable[str], what: str, path: str) -> None:
        for item in items:
            if "." not in item:
                if item != CONSENT_STATUS and item not in self._policy.categories:
                    place = f"{path}/{item}"
                    self._tell(item, f"{what} {item}, which is no category", place, item, self._policy.categories)
            elif not self._names.of(item):
                why = "which has no category" if item in self._known else "which is not there"
                self._tell(item, f"{what} {item}, {why}", f"{path}/{item}", item, self._known - {item})

    def _tell(self, name: str, what: str, path: str, word: str, known: Collection[str], ending: str = "") -> None:
        if name in self._told:
            return
        self._told.add(name)
        near = nearest(word, known) if len(self.found) < MOST_HINTS else None
        place = self._policy.places.get(path, NOWHERE)
        self.found.append(Problem(*place, what, near + ending if near else None))
