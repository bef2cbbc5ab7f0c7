"""What a policy means: from the tree of a text to a `Policy`, or to every reason why not.

Names are declared first and resolved afterwards, so the order of sections and
files never matters. Each function reads one kind of thing, notes what is wrong
with it and goes on, so that one look shows everything.

Easy to get wrong: a name that is merely misspelt must never switch off a rule, so
every name in a rule, a role, a recipient or a purpose has to be declared; a `never`
rule over `category.column` or with an exception is spelt out here into plain fields
and purposes, because the gate compares names only.

Sources: GDPR Art. 5-9, 13, 21, 28, 44-49; cases E04-E07, R02, P03.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from rightful.policy import examples
from rightful.policy import vocabulary as v
from rightful.policy.document import with_version
from rightful.policy.model import (
    Basis,
    Category,
    Example,
    Moment,
    Never,
    Party,
    Period,
    Policy,
    Purpose,
    Recipient,
    Regime,
    Role,
)
from rightful.policy.moments import NotAMoment, moment_us
from rightful.policy.names import Fields, is_field, split
from rightful.policy.periods import ACTIVITY, NotAPeriod, period, shown
from rightful.policy.problems import NOWHERE, Place, ProblemLog, nearest
from rightful.policy.tree import WHOLE, Node, value_of
from rightful.terms import DIRECT_MARKETING, LawfulBasis, RecipientKind, Survives

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class World:
    """What is known of countries: ISO codes, the EEA, whole and partial adequacy (GDPR Art. 45)."""

    countries: frozenset[str]
    eea: frozenset[str]
    adequate: frozenset[str]
    adequate_in_part: Mapping[str, str]  # code -> for whom
    zones: Callable[[], Collection[str]]  # names of time zones, asked for a hint only


def read(roots: Sequence[Node], world: World, log: ProblemLog) -> Policy | None:
    """Read the trees of one policy; None, with the reasons in the log, if it cannot be taken."""
    return _Reader(world, log).policy(roots)


class _Reader:
    """One reading of one policy."""

    def __init__(self, world: World, log: ProblemLog) -> None:
        self.world = world
        self.log = log
        self.places: dict[str, Place] = {}
        self.sections: dict[str, Node] = {}
        self.regimes: dict[str, Regime] = {}
        self.categories: dict[str, Category] = {}
        self.fields = Fields({})
        self.heads: dict[str, tuple[Node, str | None]] = {}  # purpose -> its body, its parent
        self.lineages: dict[str, tuple[str, ...]] = {}
        self.purposes: dict[str, Purpose] = {}
        self.recipient_ids: tuple[str, ...] = ()
        self.zone = ZoneInfo("UTC")
        self.transfer_rules = False
        self.language = "en"
        self.phrases: set[str] = set()  # moments that periods are counted from, columns named one by one

    def policy(self, roots: Sequence[Node]) -> Policy | None:
        self._merge(roots)
        head = self._head()
        unknown = self._unknown()
        self.regimes = self._each("regimes", self._regime, "regime", id_pattern=v.REGIME_ID)
        self.categories = self._each("categories", self._category, "category")
        self.fields = Fields(self.categories)
        self._fields_have_one_category()
        self.heads = self._purpose_heads()
        self.recipient_ids = tuple(self._named("recipients", "recipient"))
        for purpose_id, (body, parent) in self.heads.items():
            self._purpose(purpose_id, body, parent)
        self._no_circle_of_compatibility()
        recipients = self._each("recipients", self._recipient, "recipient")
        roles = self._each("roles", self._role, "role")
        controller = self._party("controller")
        dpo, no_dpo = self._dpo()
        complaint = self._complaint()
        words = self._words_for_phrases()
        moments = self._moments()
        never = [rule for i, node in enumerate(self._listed("never")) if (rule := self._never(i, node))]
        tests = [test for i, node in enumerate(self._listed("tests")) if (test := self._test(i, node))]
        if self.log:
            return None
        return with_version(
            Policy(
                name=head["name"],
                label=head["version"],
                owner=head["owner"],
                timezone=head["timezone"],
                unknown_jurisdiction=unknown["jurisdiction"],
                unknown_age=unknown["age"],
                regimes=self.regimes,
                categories=self.categories,
                roles=roles,
                purposes=self.purposes,
                recipients=recipients,
                never=tuple(never),
                tests=tuple(tests),
                version="",
                language=self.language,
                controller=controller,
                dpo=dpo,
                dpo_not_required=no_dpo,
                complaint=complaint,
                words=words,
                moments=moments,
                places=self.places,
            )
        )

    # --- sections, over all files -------------------------------------------------------------------

    def _merge(self, roots: Sequence[Node]) -> None:
        """Join the files: maps and lists grow together, single things are said once."""
        for root in roots:
            for name, (key, value) in self._keys(root, "document", "the policy").items():
                if name == "rightful" and not value.doubtful and not (value.plain and value.text == str(v.FORMAT)):
                    self.log.add(value.place, f"this Rightful reads format {v.FORMAT}; write rightful: {v.FORMAT}")
                if name not in self.sections:
                    self.sections[name] = value
                    continue
                self._join(name, key, self.sections[name], value)
        start = roots[0].place if roots else NOWHERE
        if any(root.kind != "map" for root in roots):
            return
        for name, why in (
            ("rightful", f"the first line is missing: rightful: {v.FORMAT}"),
            ("policy", "nobody answers for this policy: policy: {name, version, owner, timezone} is missing"),
            ("regimes", "regimes are missing: which laws govern which places?"),
            ("categories", "categories are missing: which field means what?"),
            ("purposes", "purposes are missing: what is data used for?"),
        ):
            if name not in self.sections:
                self.log.add(start, why)

    def _join(self, name: str, key: Node, first: Node, more: Node) -> None:
        if name == "rightful":
            return
        if first.kind != more.kind or name in ("policy", "unknown", "controller", "dpo"):
            where = f"{first.place[0]}:{first.place[1]}"
            self.log.add(key.place, f'"{name}" is said a second time; the first is in {where}')
            return
        known = {k.text: k for k, _ in first.pairs}
        merged = Node(first.kind, first.place, pairs=list(first.pairs), items=[*first.items, *more.items])
        for k, value in more.pairs:
            if k.text in known:
                where = f"{known[k.text].place[0]}:{known[k.text].place[1]}"
                self.log.add(k.place, f'"{shown(k.text)}" in {name} is written twice; the first is in {where}')
            else:
                merged.pairs.append((k, value))
        self.sections[name] = merged

    def _named(self, section: str, what: str, id_pattern: str = v.ID) -> dict[str, Node]:
        """The entries of a section that is a map from ids; ids that are none are left out."""
        node = self.sections.get(section)
        if node is None or not self._is(node, "map", section):
            return {}
        if not node.pairs and section in ("regimes", "categories"):
            self.log.add(node.place, f"{section} is empty, so nothing could ever be used")
        found: dict[str, Node] = {}
        folded: dict[str, str] = {}
        for key, value in self._at_most(section, node.pairs, lambda pair: pair[0]):
            name = self._id(key, what, id_pattern)
            if name is None:
                continue
            if name.casefold() in folded:
                other = folded[name.casefold()]
                self.log.add(key.place, f'{what} "{name}" differs from "{other}" only in upper and lower case')
                continue
            folded[name.casefold()] = name
            found[name] = value
            self.places[f"{section}/{name}"] = key.place
        return found

    def _each(
        self, section: str, read_one: Callable[[str, Node], Any], what: str, id_pattern: str = v.ID
    ) -> dict[str, Any]:
        """Every entry of a section; ids are complained about only once, in the first look."""
        found = {}
        for name, value in self._named(section, what, id_pattern).items():
            made = read_one(name, value)
            if made is not None:
                found[name] = made
        return found

    def _listed(self, section: str) -> Sequence[Node]:
        node = self.sections.get(section)
        if node is None or not self._is(node, "list", section):
            return ()
        return self._at_most(section, node.items, lambda item: item)

    def _at_most(self, section: str, entries: Sequence[T], node_of: Callable[[T], Node]) -> Sequence[T]:
        """As many entries as a policy may have; the number bounds the time everything after this takes."""
        most = v.MOST[section]
        if len(entries) > most:
            self.log.add(node_of(entries[most]).place, f"more than {most} {section}; split the policy")
        return entries[:most]

    # --- the head -----------------------------------------------------------------------------------

    def _head(self) -> dict[str, str]:
        node = self.sections.get("policy")
        if node is None:
            return {}
        given = self._keys(node, "policy", "policy")
        head = {name: self._text(value, f"{name} in policy") or "" for name, (_, value) in given.items()}
        if head.get("language"):
            self.language = self._choice(given["language"][1], v.LANGUAGES, "language of policy") or self.language
        zone = head.get("timezone")
        if zone:
            try:
                if zone != "UTC" and not re.fullmatch(r"(?!posix|right)[A-Z][A-Za-z_]+(/[A-Za-z0-9_+-]+)+", zone):
                    raise ValueError(zone)  # "localtime" would be another zone on another machine
                self.zone = ZoneInfo(zone)
            except (KeyError, ValueError, OSError):
                place = given["timezone"][1].place
                self.log.add(place, f'"{shown(zone)}" is no time zone', zone, self.world.zones())
        return head

    def _unknown(self) -> dict[str, str]:
        found = {"jurisdiction": v.JURISDICTION_UNKNOWN[0], "age": v.AGE_UNKNOWN[0], "field": "deny"}
        node = self.sections.get("unknown")
        if node is None:
            return found
        options = {"jurisdiction": v.JURISDICTION_UNKNOWN, "age": v.AGE_UNKNOWN, "field": ("deny",)}
        for name, (_, value) in self._keys(node, "unknown", "unknown").items():
            found[name] = self._choice(value, options[name], f"{name} in unknown") or found[name]
        return found

    # --- regimes and categories ---------------------------------------------------------------------

    def _regime(self, name: str, node: Node) -> Regime | None:
        where = f"regime {name}"
        if name in v.BASES:
            self.log.add(self.places[f"regimes/{name}"], f'a regime may not be called "{name}": that is a lawful basis')
        given = self._keys(node, "regime", where)
        places = self._places(given, where)
        signals = [
            self._choice(n, examples.SIGNALS, f"signal in {where}") for _, n in self._words(given, "signals", where)
        ]
        return Regime(
            name,
            self._laws(given, where),
            places,
            self._consent_ages(given, where, places),
            tuple(s for s in signals if s),
        )

    def _laws(self, given: Mapping[str, tuple[Node, Node]], where: str) -> tuple[str, ...]:
        found = []
        for law, node in self._words(given, "laws", where):
            if not re.fullmatch(v.ID, law):
                self.log.add(node.place, f'"{shown(law)}" in laws of {where} is no name of a law', law, v.LAWS)
                continue
            if law not in v.LAWS and nearest(law, v.LAWS):  # "gpdr" must not switch a law's rules off
                self.log.add(node.place, f'unknown law "{law}" in {where}', law, v.LAWS)
            found.append(law)
        self.transfer_rules = self.transfer_rules or bool(v.TRANSFER_LAWS & set(found))
        return tuple(found)

    def _places(self, given: Mapping[str, tuple[Node, Node]], where: str) -> tuple[str, ...]:
        return tuple(
            code for code, node in self._words(given, "where", where) if self._is_place(code, node, f"where of {where}")
        )

    def _consent_ages(
        self, given: Mapping[str, tuple[Node, Node]], where: str, places: Sequence[str]
    ) -> dict[str, int]:
        if "digital-consent-age" not in given:
            return {}
        node = given["digital-consent-age"][1]
        found: dict[str, int] = {}
        if not self._is(node, "map", f"digital-consent-age of {where}"):
            return {}
        for key, value in node.pairs:
            if key.doubtful:
                continue
            if key.text not in places:
                self.log.add(
                    key.place,
                    f'"{shown(key.text)}" in digital-consent-age is not among the places of {where}',
                    key.text,
                    places,
                )
                continue
            age = self._whole(value, f"age for {key.text}")
            if age is not None and not 13 <= age <= 18:
                self.log.add(
                    value.place,
                    f"the age for {key.text} is {age}; GDPR Art. 8(1) allows no age below 13"
                    if age < 13
                    else f"the age for {key.text} is {age}; at 18 a person is of age",
                )
            elif age is not None:
                found[key.text] = age
        return found

    def _category(self, name: str, node: Node) -> Category | None:
        where = f"category {name}"
        given = self._keys(node, "category", where)
        fields = self._patterns(given, "fields", where, stars=True)
        excludes = self._patterns(given, "except", where, stars=False)
        for key in ("fields", "except"):
            for text, found in self._words(given, key, where, quiet=True):
                self.places[f"categories/{name}/{key}/{text}"] = found.place
        for text in excludes:
            if text in fields:
                place = self.places[f"categories/{name}/except/{text}"]
                self.log.add(place, f'"{shown(text)}" is both in fields and in except of {where}')
            if f"{text.partition('.')[0]}.*" not in fields:
                self.log.add(
                    self.places[f"categories/{name}/except/{text}"],
                    f'"{shown(text)}" in except of {where} is in none of its table.* fields, so it has no effect',
                    text,
                    fields,
                )
        special = ""
        if "special" in given:
            special = self._text(given["special"][1], f"special of {where}") or ""
            if special and not re.fullmatch(r"[a-z0-9]+([.-][a-z0-9]+)*", special):
                self.log.add(given["special"][1].place, f'special of {where} names an article, such as "gdpr-9"')
        treat = "treat-as" in given and self._choice(given["treat-as"][1], ("special",), f"treat-as of {where}")
        says, says_in = self._texts(given, "says", where)
        source, source_name = self._source(given, where)
        return Category(name, fields, excludes, special, bool(treat), says, says_in, source, source_name)

    def _source(self, given: Mapping[str, tuple[Node, Node]], where: str) -> tuple[str, str]:
        """Where data comes from: a word, or a word with the name of the other (GDPR 14(2)(f))."""
        if "from" not in given:
            return "", ""
        node = given["from"][1]
        if node.kind == "map" and len(node.pairs) == 1:
            key, value = node.pairs[0]
            word = self._choice(key, v.NAMED_SOURCES, f"from of {where}")
            return word or "", self._text(value, f"from of {where}") or ""
        word = self._choice(node, v.SOURCES, f"from of {where}") if node.kind == "text" else None
        if word is None and node.kind != "text":
            self.log.add(node.place, f"from of {where} is one word, or one word with a name: {{others: ...}}")
        if word in v.NAMED_SOURCES:
            self.log.add(node.place, f'from of {where} says {word} and not who; write from: {{{word}: "..."}}')
        return word or "", ""

    def _patterns(
        self, given: Mapping[str, tuple[Node, Node]], key: str, where: str, *, stars: bool
    ) -> tuple[str, ...]:
        found = []
        for text, node in self._words(given, key, where):
            if not is_field(text, stars=stars):
                form = "table.column or table.*" if stars else "table.column"
                self.log.add(node.place, f'"{shown(text)}" in {key} of {where} is no field; write {form}')
            else:
                found.append(text)
        return tuple(found)

    def _fields_have_one_category(self) -> None:
        """One field, one meaning. A field named by itself beats another category's table.*, unless
        that would take a special category's protection away: most specific never turns a no into a yes."""
        owner: dict[str, str] = {}
        tables = 0
        for name, category in self.categories.items():
            for text in category.fields:
                tables += text.endswith(".*")
                if tables == v.MOST_TABLES + 1 and text.endswith(".*"):
                    place = self.places.get(f"categories/{name}/fields/{text}", NOWHERE)
                    self.log.add(
                        place, f"more than {v.MOST_TABLES} whole tables (table.*); name the fields that are used"
                    )
                place = self.places.get(f"categories/{name}/fields/{text}", NOWHERE)
                if text in owner:
                    self.log.add(place, f'"{text}" is in two categories, {owner[text]} and {name}; keep one')
                owner.setdefault(text, name)
        for text, name in owner.items():
            star = f"{text.partition('.')[0]}.*"
            other = owner.get(star)
            if text == star or other is None or other == name or text in self.categories[other].excludes:
                continue
            if _is_special(self.categories[other]) and not _is_special(self.categories[name]):
                self.log.add(
                    self.places.get(f"categories/{name}/fields/{text}", NOWHERE),
                    f'"{text}" is in {name} and, by {star}, in the special category {other}; '
                    f"if it reveals nothing special, add it to the except of {other}",
                )

    # --- purposes -----------------------------------------------------------------------------------

    def _purpose_heads(self) -> dict[str, tuple[Node, str | None]]:
        """Every purpose with its body and its parent; ids are unique over the whole tree."""
        heads: dict[str, tuple[Node, str | None]] = {}

        def walk(node: Node, parent: str | None) -> None:
            for key, body in node.pairs:
                name = self._id(key, "purpose", v.ID)
                if name is None:
                    continue
                if name == DIRECT_MARKETING:
                    self.log.add(key.place, f'a purpose may not be called "{name}": an objection uses the word for all')
                    continue
                if name in heads:
                    line = self.places[f"purposes/{name}"][1]
                    self.log.add(key.place, f'purpose "{name}" is declared twice; the first is in line {line}')
                    continue
                if len(heads) >= v.MOST["purposes"]:
                    self.log.add(key.place, f"more than {v.MOST['purposes']} purposes; split the policy")
                    return
                self.places[f"purposes/{name}"] = key.place
                heads[name] = (body, parent)
                if body.kind == "map":
                    for inner, children in body.pairs:
                        if inner.text == "children" and self._is(children, "map", f"children of purpose {name}"):
                            walk(children, name)

        node = self.sections.get("purposes")
        if node is not None and self._is(node, "map", "purposes"):
            walk(node, None)
            if not node.pairs:
                self.log.add(node.place, "purposes is empty, so nothing could ever be used")
        return heads

    def _purpose(self, name: str, node: Node, parent: str | None) -> None:
        where = f"purpose {name}"
        place = self.places[f"purposes/{name}"]
        given = self._keys(node, "purpose", where)
        above = self.purposes.get(parent) if parent is not None else None
        has_children = "children" in given
        abstract = has_children and "basis" not in given and "needs" not in given
        basis: dict[str, Basis] = {}
        needs: tuple[str, ...] = ()
        if has_children and given["children"][1].kind == "map" and not given["children"][1].pairs:
            self.log.add(given["children"][0].place, f"children of {where} is empty")
        if abstract:
            self._heading_uses_nothing(given, where)
        else:
            basis = self._bases(given, where, place)
            needs = self._items(given, "needs", where, f"purposes/{name}/needs")
            self.phrases.update(self._columns(needs))
            if "needs" not in given and node.kind == "map":
                self.log.add(place, f"{where} needs nothing; say which categories or fields: needs: [...]")
        output = self._output(given, where)
        consent = self._consent(given, where)
        says, says_in = self._says(given, where, above, place)
        interest, interest_in = self._texts(given, "interest", where)
        automated, automated_in = self._texts(given, "automated", where)
        self.purposes[name] = Purpose(
            id=name,
            says=says,
            parent=parent,
            basis=basis,
            needs=needs,
            channels=self._ids(given, "channels", where, "channel"),
            keep=self._period(given, "keep", where),
            recipients=self._declared(given, "recipients", where, "recipient", self.recipient_ids),
            survives=self._survives(given, where, basis),
            transforms=self._transforms(given, where, needs),
            aggregates_only=output[0],
            at_least=output[1],
            direct_marketing=self._inherited(
                given, "direct-marketing", where, above is not None and above.direct_marketing
            ),
            compatible_with=self._compatible(given, where, name),
            for_children=self._inherited(given, "for-children", where, above is not None and above.for_children),
            special_ground=self._optional_choice(given, "special-ground", v.SPECIAL_GROUNDS, where),
            consent_expires=consent[0],
            consent_expires_after_activity=consent[1],
            ask_again=consent[2],
            abstract=abstract,
            says_in=says_in,
            interest=interest,
            interest_in=interest_in,
            automated=automated,
            automated_in=automated_in,
        )

    def _heading_uses_nothing(self, given: Mapping[str, tuple[Node, Node]], where: str) -> None:
        """A heading may carry what its children inherit; anything else on it would do nothing."""
        for key in given.keys() - {"says", "direct-marketing", "for-children", "children"}:
            self.log.add(
                given[key][0].place,
                f"{where} is a heading (no basis, no needs), so {key} has no effect here; move it to its children",
            )

    def _says(
        self, given: Mapping[str, tuple[Node, Node]], where: str, above: Purpose | None, place: Place
    ) -> tuple[str, Mapping[str, str]]:
        if "says" in given:
            node = given["says"][1]
            if node.kind == "text" and not node.doubtful and not node.text.strip():
                self.log.add(node.place, f"says of {where} is empty; tell the customer in plain words")
                return "", {}
            return self._texts(given, "says", where)
        if above is not None:
            return above.says, above.says_in
        self.log.add(place, f"{where} does not say what it is for; add says: in the customer's words")
        return "", {}

    def _texts(self, given: Mapping[str, tuple[Node, Node]], key: str, where: str) -> tuple[str, dict[str, str]]:
        """A text for customers: in the policy's language, and in others."""
        if key not in given:
            return "", {}
        node = given[key][1]
        if node.kind != "map":
            return self._text(node, f"{key} of {where}") or "", {}
        texts = self._by_language(node, f"{key} of {where}")
        own = texts.pop(self.language, "")
        if not own:
            self.log.add(
                node.place, f"{key} of {where} lacks {self.language}, the language of this policy (policy: language)"
            )
        return own, texts

    def _by_language(self, node: Node, where: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for key, value in node.pairs:
            if key.doubtful:
                continue
            language = self._choice(key, v.LANGUAGES, f"language in {where}")
            text = self._text(value, f"{where} in {key.text}")
            if language and text:
                found[language] = text
        return found

    def _inherited(self, given: Mapping[str, tuple[Node, Node]], key: str, where: str, above: bool) -> bool:
        if key not in given:
            return above
        said = self._flag(given[key][1], f"{key} of {where}")
        if said is False and above:
            self.log.add(given[key][1].place, f"{where} stands below a heading with {key}: true and cannot say false")
        return bool(said) or above

    def _bases(self, given: Mapping[str, tuple[Node, Node]], where: str, place: Place) -> dict[str, Basis]:
        serves = self._declared(given, "serves", where, "regime", tuple(self.regimes))
        if "serves" not in given:
            serves = tuple(self.regimes)
        elif given["serves"][1].kind == "list" and not given["serves"][1].items:
            self.log.add(given["serves"][1].place, f"{where} serves no regime, so it could never be pursued")
        if "basis" not in given:
            self.log.add(place, f"{where} has no lawful basis; add basis: (GDPR Art. 6)", "", ())
            return {}
        node = given["basis"][1]
        if node.kind == "list":
            self.log.add(node.place, f"basis of {where} is one word, or one per regime: {{EU: consent}}")
            return {}
        if node.kind == "text":
            one = self._basis(node, where)
            return dict.fromkeys(serves, one) if one else {}
        if not node.pairs:
            self.log.add(node.place, f"basis of {where} is empty")
            return {}
        if all(key.text in v.BASES for key, _ in node.pairs):
            one = self._basis(node, where)
            return dict.fromkeys(serves, one) if one else {}
        return self._basis_per_regime(node, where, serves)

    def _basis_per_regime(self, node: Node, where: str, serves: Sequence[str]) -> dict[str, Basis]:
        found: dict[str, Basis] = {}
        for key, value in node.pairs:
            if key.doubtful:
                continue
            if key.text not in self.regimes:
                self.log.add(
                    key.place,
                    f'unknown regime "{shown(key.text)}" in basis of {where}',
                    key.text,
                    (*self.regimes, *v.BASES),
                )
                continue
            if key.text not in serves:
                self.log.add(key.place, f"basis of {where} names {key.text}, which it does not serve")
            one = self._basis(value, f"{where} in {key.text}")
            if one is not None:
                found[key.text] = one
        named = {key.text for key, _ in node.pairs}
        missing = [r for r in serves if r not in named]
        if missing:
            listed = ", ".join(missing)
            self.log.add(
                node.place,
                f"{where} has no basis in {listed}; name one, or say which regimes it serves: serves: [...]",
            )
        return found

    def _basis(self, node: Node, where: str) -> Basis | None:
        """One basis: a word, or a word with the law or assessment it rests on."""
        if node.kind == "text":
            word = self._choice(node, v.BASES, f"basis of {where}")
            return Basis(LawfulBasis(word)) if word else None
        if node.kind != "map" or len(node.pairs) != 1:
            self.log.add(node.place, f"basis of {where} is one word with what it rests on, not several")
            return None
        key, value = node.pairs[0]
        word = self._choice(key, v.BASES, f"basis of {where}")
        citation = self._text(value, f"basis of {where}")
        return Basis(LawfulBasis(word), citation) if word and citation else None

    def _survives(
        self, given: Mapping[str, tuple[Node, Node]], where: str, basis: Mapping[str, Basis]
    ) -> frozenset[Survives]:
        if "survives" not in given:
            return frozenset()
        words = [
            self._choice(node, v.SURVIVES, f"survives of {where}") for _, node in self._words(given, "survives", where)
        ]
        weak = sorted({b.kind.value for b in basis.values() if b.kind not in v.LAWFUL_WITHOUT_THE_PERSON})
        if weak or "basis" not in given:
            rests = f"rests on {', '.join(weak)}" if weak else "has no basis"
            strong = ", ".join(b.value for b in v.LAWFUL_WITHOUT_THE_PERSON)
            self.log.add(given["survives"][1].place, f"{where} {rests} and survives nothing; only {strong} do")
        return frozenset(Survives(word) for word in words if word)

    def _transforms(self, given: Mapping[str, tuple[Node, Node]], where: str, needs: Sequence[str]) -> dict[str, str]:
        if "as" not in given:
            return {}
        node = given["as"][1]
        if not self._is(node, "map", f"as of {where}"):
            return {}
        found: dict[str, str] = {}
        needed = {field for need in needs if "." in need for field in self.fields.named(need)}
        for key, value in node.pairs:
            if key.doubtful:
                continue
            fields = self._item(key, f"as of {where}") if "." in key.text else ()
            if "." not in key.text:
                self.log.add(key.place, f'"{shown(key.text)}" in as of {where} is no field; name each field')
            word = self._transform(value, where)
            for name in fields or ():
                if needs and name not in needed and self.fields.category_of(name) not in needs:
                    self.log.add(key.place, f"{where} does not need {name}, so it cannot be shown another way")
                elif name in found:
                    self.log.add(key.place, f"{name} is shown in two ways in {where}")
                elif word:
                    found[name] = word
        return found

    def _transform(self, node: Node, where: str) -> str:
        word = self._text(node, f"as of {where}")
        if not word:
            return ""
        known = [t for t in v.TRANSFORMS if not t.endswith(":N")]
        if word in known or re.fullmatch(r"bucket:[1-9][0-9]{0,8}", word, re.ASCII):
            return word
        self.log.add(
            node.place,
            f'"{shown(word)}" in as of {where} is no way to show a field; known are {", ".join(v.TRANSFORMS)}',
            word,
            known,
        )
        return ""

    def _output(self, given: Mapping[str, tuple[Node, Node]], where: str) -> tuple[bool, int | None]:
        if "output" not in given:
            return False, None
        parts = self._keys(given["output"][1], "output", f"output of {where}")
        only = "only" in parts and self._choice(parts["only"][1], ("aggregates",), f"only in output of {where}")
        if "at-least" not in parts:
            return bool(only), None
        node = parts["at-least"][1]
        text = self._text(node, f"at-least of {where}", numbers=True)
        if not text:
            return bool(only), None
        count = text.removesuffix(" people")
        if not WHOLE.fullmatch(count):
            self.log.add(node.place, f'at-least of {where} is a number of people, such as "20 people"')
            return bool(only), None
        if int(count) < 2:
            self.log.add(
                node.place, f"at-least of {where} is {count}; a number over fewer than 2 people shows a person"
            )
            return bool(only), None
        return bool(only), int(count)

    def _consent(self, given: Mapping[str, tuple[Node, Node]], where: str) -> tuple[Period | None, bool, Period | None]:
        if "consent" not in given:
            return None, False, None
        parts = self._keys(given["consent"][1], "consent", f"consent of {where}")
        expires = self._period(parts, "expires", f"consent of {where}")
        again = self._period(parts, "ask-again", f"consent of {where}")
        for key, length in (("expires", expires), ("ask-again", again)):
            if length is not None and length.after and not (key == "expires" and length.after in ACTIVITY):
                hint = ' or "24 months after the last open or click"' if key == "expires" else ""
                self.log.add(
                    parts[key][1].place,
                    f'{key} in consent of {where} counts from the choice itself; write "24 months"{hint}',
                )
        if expires is not None and expires.after:
            return Period(expires.count, expires.unit), True, again
        return expires, False, again

    def _compatible(self, given: Mapping[str, tuple[Node, Node]], where: str, name: str) -> tuple[str, ...]:
        found = self._declared(given, "compatible-with", where, "purpose", tuple(self.heads))
        for text, node in self._words(given, "compatible-with", where, quiet=True):
            if text == name:
                self.log.add(node.place, f"{where} cannot be compatible with itself")
        return found

    def _no_circle_of_compatibility(self) -> None:
        """Purposes that lean on each other in a circle would lean on nothing."""
        path: list[str] = []
        seen: set[str] = set()

        def walk(name: str) -> None:
            seen.add(name)
            path.append(name)
            for origin in self.purposes[name].compatible_with:
                if origin in path and origin != name:
                    circle = " is compatible-with ".join((*path[path.index(origin) :], origin))
                    self.log.add(
                        self.places[f"purposes/{origin}"],
                        f"purpose {circle}: a circle; say which one the data was collected for",
                    )
                elif origin not in seen:
                    walk(origin)
            path.pop()

        for name in self.purposes:
            if name not in seen:
                walk(name)

    # --- whom customers can turn to, words in other languages -----------------------------------------

    def _party(self, section: str) -> Party | None:
        node = self.sections.get(section)
        return None if node is None else self._party_of(node, "controller", section)

    def _dpo(self) -> tuple[Party | None, bool]:
        node = self.sections.get("dpo")
        if node is None:
            return None, False
        if node.kind == "text":
            word = self._choice(node, (v.DPO_NOT_REQUIRED,), "dpo")
            return None, word is not None
        return self._party_of(node, "party", "dpo"), False

    def _complaint(self) -> dict[str, Party]:
        node = self.sections.get("complaint")
        found: dict[str, Party] = {}
        if node is None or not self._is(node, "map", "complaint"):
            return found
        for key, value in node.pairs:
            if key.doubtful:
                continue
            if key.text not in self.regimes:
                self.log.add(key.place, f'unknown regime "{shown(key.text)}" in complaint', key.text, self.regimes)
                continue
            found[key.text] = self._party_of(value, "party", f"complaint in {key.text}")
        return found

    def _party_of(self, node: Node, section: str, where: str) -> Party:
        given = self._keys(node, section, where)
        said = {name: self._text(value, f"{name} of {where}") or "" for name, (_, value) in given.items()}
        for name, form, what in (
            ("email", r"[^\s@]+@[^\s@]+", "an e-mail address"),
            ("site", r"https://[^\s]+", "an address that begins with https://"),
        ):
            if said.get(name) and not re.fullmatch(form, said[name]):
                self.log.add(given[name][1].place, f"{name} of {where} is {what}")
        if node.kind == "map" and not any(said.get(way) for way in ("address", "email", "phone", "site")):
            self.log.add(node.place, f"{where} says no way to reach anybody: address, email, phone or site")
        return Party(**said)

    def _words_for_phrases(self) -> dict[str, dict[str, str]]:
        node = self.sections.get("words")
        found: dict[str, dict[str, str]] = {}
        if node is None or not self._is(node, "map", "words"):
            return found
        for key, value in self._at_most("words", node.pairs, lambda pair: pair[0]):
            if key.doubtful or not self._is(value, "map", f'words for "{shown(key.text)}"'):
                continue
            if key.text not in self.phrases and not self._is_called(key.text):
                self.log.add(
                    key.place,
                    f'no period is counted from "{shown(key.text)}", no purpose needs a column of that name, '
                    "and it is no table or field of a category, so its words would never be used",
                    key.text,
                    self.phrases,
                )
                continue
            found[key.text] = self._by_language(value, f'words for "{shown(key.text)}"')
        return found

    def _moments(self) -> dict[str, Moment]:
        node = self.sections.get("moments")
        found: dict[str, Moment] = {}
        if node is None or not self._is(node, "map", "moments"):
            return found
        counted = {p.keep.after or v.COLLECTION for p in self.purposes.values() if p.keep}
        for key, value in self._at_most("moments", node.pairs, lambda pair: pair[0]):
            where = f'moment "{shown(key.text)}"'
            if key.doubtful:
                continue
            if key.text not in counted:
                self.log.add(key.place, f"no purpose keeps anything from {where} on", key.text, counted)
                continue
            if (moment := self._moment_of(key, value, where)) is not None:
                found[key.text] = moment
        return found

    def _moment_of(self, key: Node, value: Node, where: str) -> Moment | None:
        how = "date"
        if value.kind == "map":
            if len(value.pairs) != 1:
                self.log.add(value.place, f"{where} is read in one way: a field, last, or end-of-year")
                return None
            way, value = value.pairs[0]
            how = self._choice(way, v.COUNTS[1:], f"way to read {where}") or ""
        fields: list[str] = []
        if value.is_empty or (value.kind == "list" and not value.items):
            self.log.add(value.place, f"{where} names no field")
        for text, node in self._words({"fields": (key, value)}, "fields", where):
            if not is_field(text) or self.fields.category_of(text) is None:
                self.log.add(node.place, f'{where} names "{shown(text)}", which is in no category', text)
            elif split(text)[0] in {split(f)[0] for f in fields}:
                self.log.add(node.place, f"{where} names two fields of {split(text)[0]}; only one can be counted from")
            else:
                fields.append(text)
        return Moment(how, tuple(fields)) if how and fields else None

    def _is_called(self, name: str) -> bool:
        """Whether this is a table, or a field, of some category: customers see both."""
        tables = {split(field)[0] for category in self.categories.values() for field in category.fields}
        return name in tables or (split(name)[0] in tables and self.fields.category_of(name) is not None)

    def _columns(self, needs: Sequence[str]) -> Iterable[str]:
        """The columns that are named one by one, as a customer would say them."""
        return (split(f)[1].replace("_", " ") for need in needs if "." in need for f in self.fields.named(need))

    # --- recipients, roles, never, tests ------------------------------------------------------------

    def _recipient(self, name: str, node: Node) -> Recipient | None:
        where = f"recipient {name}"
        place = self.places[f"recipients/{name}"]
        given = self._keys(node, "recipient", where, tell_missing=False)
        if "agreement" not in given and node.kind == "map":
            self.log.add(place, f"{where} has no agreement; nothing may be sent without one (GDPR Art. 28(3), 26)")
        agreement = self._text(given["agreement"][1], f"agreement of {where}") if "agreement" in given else ""
        since = self._moment(given, "since", where, ends=False)
        until = self._moment(given, "until", where, ends=True)
        if since is not None and until is not None and since >= until:
            self.log.add(given["until"][1].place, f"the agreement of {where} ends before it begins")
        return Recipient(
            name,
            agreement or "",
            since,
            until,
            self._country(given, where),
            self._safeguard(given, where, place, known=node.kind == "map"),
            RecipientKind(
                self._optional_choice(given, "kind", v.RECIPIENT_KINDS, where) or RecipientKind.THIRD_PARTY.value
            ),
            self._items(given, "covers", where, f"recipients/{name}/covers"),
            self._optional_choice(given, "sub-processors", v.SUB_PROCESSORS, where) or "deny",
            (self._text(given["name"][1], f"name of {where}") or "") if "name" in given else "",
        )

    def _country(self, given: Mapping[str, tuple[Node, Node]], where: str) -> str:
        if "country" not in given:
            return ""
        node = given["country"][1]
        code = self._text(node, f"country of {where}")
        if not code:
            return ""
        if code not in self.world.countries:
            near = {"UK": "GB", "EL": "GR"}.get(code)
            known = (near,) if near else tuple(self.world.countries)
            hint = f'; for {code} ISO writes "{near}"' if near else ""
            self.log.add(
                node.place,
                f'"{shown(code)}" in country of {where} is no ISO 3166 country{hint}',
                "" if near else code,
                known,
            )
            return ""
        return code

    def _safeguard(self, given: Mapping[str, tuple[Node, Node]], where: str, place: Place, *, known: bool) -> str:
        """A third country needs an adequacy decision or a safeguard (GDPR Art. 44-46)."""
        safeguard = self._optional_choice(given, "safeguard", v.SAFEGUARDS, where)
        if not self.transfer_rules or not known:
            return safeguard
        if "country" not in given:
            self.log.add(
                place, f"{where} has no country, so nobody can tell whether it needs a safeguard (GDPR Art. 44)"
            )
            return safeguard
        node = given["country"][1]
        country = node.text
        world = self.world
        if country not in world.countries or country in world.eea:
            return safeguard
        if not safeguard and "safeguard" not in given and country not in world.adequate:
            part = world.adequate_in_part.get(country)
            more = (
                f'; the adequacy decision covers {part}: say "safeguard: {"dpf" if country == "US" else "adequacy"}" '
                "if that is so"
                if part
                else ""
            )
            self.log.add(
                node.place,
                f"{where} is in a third country ({country}) without a safeguard (GDPR Art. 44-46); "
                f"name one, such as scc-2021{more}",
            )
        adequate = country in world.adequate or country in world.adequate_in_part
        if (safeguard == "adequacy" and not adequate) or (safeguard == "dpf" and country != "US"):
            self.log.add(
                given["safeguard"][1].place,
                f'"{safeguard}" does not hold for {country}: no such decision is on the list (GDPR Art. 45)',
            )
        return safeguard

    def _role(self, name: str, node: Node) -> Role | None:
        where = f"role {name}"
        if node.kind == "map":
            given = self._keys(node, "role", where)
        else:
            given = {"purposes": (node, node)}
        return Role(
            name,
            self._declared(given, "purposes", where, "purpose", tuple(self.heads)),
            self._items(given, "only", where, f"roles/{name}/only"),
            self._items(given, "except", where, f"roles/{name}/except"),
        )

    def _never(self, number: int, node: Node) -> Never | None:
        where = f"never rule {number + 1}"
        self.places[f"never/{number}"] = node.place
        given = self._keys(node, "never", where)
        use: list[str] = []
        for text, found in self._words(given, "use", where):
            if text == v.CONSENT_STATUS or text in self.categories:
                use.append(text)
            else:
                use += self._item(found, f"use of {where}", extra=(v.CONSENT_STATUS,)) or ()
        known = (*self.heads, *v.CONSEQUENCES)
        purposes = self._declared(given, "for", where, "purpose", known)
        spared = self._declared(given, "except", where, "purpose", tuple(self.heads))
        for text, found in self._words(given, "except", where, quiet=True):
            if text in self.heads and not any(p in purposes for p in self._lineage(text)[1:]):
                self.log.add(found.place, f'"{text}" in except of {where} is not below any purpose in its for')
        because = self._text(given["because"][1], f"because of {where}") if "because" in given else ""
        if spared:
            purposes = self._without(purposes, spared)
            if not purposes:
                self.log.add(node.place, f"{where} spares every purpose it is for")
        for key in ("use", "for"):
            if key in given and given[key][1].kind == "list" and not given[key][1].items:
                self.log.add(given[key][1].place, f"{key} of {where} is empty, so the rule forbids nothing")
        return Never(tuple(dict.fromkeys(use)), purposes, because or "")

    def _without(self, purposes: Iterable[str], spared: Collection[str]) -> tuple[str, ...]:
        """The purposes a rule is for, spelt out, without those it spares and what is below them."""
        above = {name for spare in spared for name in self._lineage(spare)[1:]}  # spelt out as their other children
        found = []
        for name in self.heads:
            lineage = self._lineage(name)
            if any(p in purposes for p in lineage) and not any(p in spared for p in lineage) and name not in above:
                found.append(name)
        return (*found, *(p for p in purposes if p not in self.heads))

    def _lineage(self, name: str) -> tuple[str, ...]:
        if name not in self.lineages:
            parent = self.heads[name][1]
            self.lineages[name] = (name, *(self._lineage(parent) if parent is not None else ()))
        return self.lineages[name]

    def _test(self, number: int, node: Node) -> Example | None:
        where = f"test {number + 1}"
        self.places[f"tests/{number}"] = node.place
        given = self._keys(node, "test", where)
        ask = self._text(given["ask"][1], f"ask of {where}") if "ask" in given else None
        expect = self._text(given["expect"][1], f"expect of {where}") if "expect" in given else None
        facts: dict[str, Any] = {}
        if "given" in given and self._is(given["given"][1], "map", f"given of {where}"):
            facts = value_of(given["given"][1])
            self._understood(lambda: examples.situation(facts), given["given"][1], where)
        if ask:
            self._understood(lambda: examples.question(ask), given["ask"][1], where)
        if expect:
            self._understood(lambda: examples.expectation(expect), given["expect"][1], where)
        if ask is None or expect is None:
            return None
        return Example(facts, ask, expect, node.place[1])

    def _understood(self, read_it: Callable[[], object], node: Node, where: str) -> None:
        if node.doubtful:
            return
        try:
            read_it()
        except examples.NotUnderstood as error:
            below = node
            for step in error.path:
                keys = [key for key, _ in below.pairs if key.text == step]
                below = keys[0] if keys and step == error.path[-1] and error.word == step else below.at(step)
            if not below.doubtful:
                self.log.add(below.place, f"{where}: {error.what}", error.word, error.known)

    # --- names --------------------------------------------------------------------------------------

    def _declared(
        self, given: Mapping[str, tuple[Node, Node]], key: str, where: str, what: str, known: Collection[str]
    ) -> tuple[str, ...]:
        found = []
        for text, node in self._words(given, key, where):
            if text in known:
                found.append(text)
            else:
                self.log.add(node.place, f'unknown {what} "{shown(text)}" in {key} of {where}', text, known)
        return tuple(found)

    def _ids(self, given: Mapping[str, tuple[Node, Node]], key: str, where: str, what: str) -> tuple[str, ...]:
        found = [self._id(node, what, v.ID) for _, node in self._words(given, key, where)]
        return tuple(name for name in found if name)

    def _items(self, given: Mapping[str, tuple[Node, Node]], key: str, where: str, path: str) -> tuple[str, ...]:
        """Categories, fields, or category.column, as they are written."""
        found = []
        if key in given and given[key][1].kind == "list" and not given[key][1].items:
            why = {
                "needs": f"{where} needs nothing; a purpose without fields is no use of data",
                "only": f"only of {where} is empty; leave it out for everything the purposes need",
                "covers": f"covers of {where} is empty; leave it out for everything the purposes need",
            }
            if key in why:  # an empty list would mean "everything", and nobody who writes it means that
                self.log.add(given[key][1].place, why[key])
        for text, node in self._words(given, key, where):
            self.places[f"{path}/{text}"] = node.place
            if text in self.categories or self.fields.stands_for_any(text):
                found.append(text)
            else:
                self._item(node, f"{key} of {where}")
        return tuple(found)

    def _item(self, node: Node, where: str, extra: Sequence[str] = ()) -> tuple[str, ...] | None:
        """The fields a name stands for; None, with the problem noted, if it stands for nothing."""
        text = unicodedata.normalize("NFC", node.text)
        if "." not in text:
            self.log.add(node.place, f'unknown category "{shown(text)}" in {where}', text, (*self.categories, *extra))
            return None
        if text.endswith(".*"):
            self.log.add(node.place, f'"{shown(text)}" in {where}: name the category, or each field by itself')
            return None
        found = self.fields.named(text)
        if len(found) > v.MOST_FIELDS_OF_A_NAME:
            self.log.add(
                node.place, f'"{shown(text)}" in {where} stands for {len(found)} fields; name the category, or each one'
            )
            return None
        if not found:
            self.log.add(node.place, f'"{shown(text)}" in {where} is in no category', text, self.fields.all_names)
            return None
        return found

    def _id(self, node: Node, what: str, pattern: str) -> str | None:
        text = node.text
        if node.doubtful:
            return None
        if node.kind != "text" or not text:
            self.log.add(node.place, f"a {what} needs a name")
            return None
        if unicodedata.normalize("NFC", text) != text:
            self.log.add(node.place, f'{what} "{shown(text)}" is not in Unicode form NFC, so equal names may differ')
            return None
        foreign = [char for char in text if not char.isascii()]
        if foreign:
            name = unicodedata.name(foreign[0], "no name")
            self.log.add(
                node.place,
                f'{what} "{shown(text)}" holds U+{ord(foreign[0]):04X} ({name}), which may look like another letter; '
                "names use a-z, 0-9 and -",
            )
            return None
        if len(text) > v.LONGEST_ID:
            self.log.add(node.place, f'{what} "{shown(text)}" is longer than {v.LONGEST_ID} characters')
            return None
        if not re.fullmatch(pattern, text):
            letters = "letters, 0-9 and -" if pattern == v.REGIME_ID else "a-z, 0-9 and -"
            fixed = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
            near = (fixed,) if re.fullmatch(v.ID, fixed) else ()
            self.log.add(node.place, f'{what} "{shown(text)}" is no name; names use {letters}', text, near)
            return None
        return text

    def _is_place(self, code: str, node: Node, where: str) -> bool:
        country = code.partition("-")[0]
        if re.fullmatch(v.PLACE, code, re.ASCII) and country in self.world.countries:
            return True
        if code in ("EU", "EEA"):
            self.log.add(node.place, f'"{code}" in {where} is no country; list the countries one by one')
        elif country in ("UK", "EL"):
            right = {"UK": "GB", "EL": "GR"}[country]
            self.log.add(node.place, f'"{shown(code)}" in {where}: ISO 3166 writes "{right}"')
        else:
            self.log.add(
                node.place,
                f'"{shown(code)}" in {where} is no ISO 3166 code such as DE or US-CA',
                code,
                self.world.countries,
            )
        return False

    # --- values -------------------------------------------------------------------------------------

    def _keys(self, node: Node, section: str, where: str, *, tell_missing: bool = True) -> dict[str, tuple[Node, Node]]:
        """The known keys of a map, each with its key and value nodes; the rest is noted."""
        if not self._is(node, "map", where):
            return {}
        known = v.keys(section)
        found: dict[str, tuple[Node, Node]] = {}
        for key, value in node.pairs:
            if key.doubtful:
                continue
            if key.text not in known:
                self.log.add(key.place, f'unknown key "{shown(key.text)}" in {where}', key.text, known)
                continue
            if value.is_empty:
                if not value.doubtful:
                    self.log.add(key.place, f"{key.text} in {where} says nothing; give it a value or leave it out")
                found[key.text] = (key, Node("text", value.place, doubtful=True))
                continue
            found[key.text] = (key, value)
        missing = [name for name in v.required(section) if name not in found] if tell_missing else []
        if missing:
            self.log.add(node.place, f"{where} lacks {', '.join(missing)}")
        return found

    def _is(self, node: Node, kind: str, where: str) -> bool:
        if node.kind == kind:
            return True
        if not node.doubtful:
            shapes = {"map": "a map (key: value)", "list": "a list", "text": "one value"}
            self.log.add(node.place, f"{where} is {shapes[kind]}, not {shapes[node.kind]}")
        return False

    def _text(self, node: Node, where: str, *, numbers: bool = False) -> str | None:
        if node.doubtful or not self._is(node, "text", where):
            return None
        if node.plain and node.text in ("true", "false"):
            self.log.add(node.place, f"{where} is a word, not yes or no; put it in quotes if it is meant")
            return None
        text = unicodedata.normalize("NFC", node.text).strip()
        if not text:
            self.log.add(node.place, f"{where} is empty")
            return None
        if len(text) > v.LONGEST_TEXT:
            self.log.add(node.place, f"{where} is longer than {v.LONGEST_TEXT:,} characters")
            return None
        return text

    def _flag(self, node: Node, where: str) -> bool | None:
        if node.doubtful:
            return None
        if node.kind == "text" and node.plain and node.text in ("true", "false"):
            return node.text == "true"
        self.log.add(node.place, f"{where} is true or false")
        return None

    def _whole(self, node: Node, where: str) -> int | None:
        if node.doubtful:
            return None
        if node.kind == "text" and node.plain and WHOLE.fullmatch(node.text):
            return int(node.text)
        self.log.add(node.place, f"{where} is a whole number")
        return None

    def _words(
        self, given: Mapping[str, tuple[Node, Node]], key: str, where: str, *, quiet: bool = False
    ) -> list[tuple[str, Node]]:
        """One word or a list of words, none of them twice; `quiet` for a second look."""
        if key not in given:
            return []
        node = given[key][1]
        listed = node.items if node.kind == "list" else [node]
        found: dict[str, Node] = {}
        for item in listed:
            if quiet:
                if item.kind == "text" and not item.doubtful:
                    found.setdefault(unicodedata.normalize("NFC", item.text).strip(), item)
                continue
            if item.is_empty and not item.doubtful:
                self.log.add(item.place, f"{key} of {where} holds an empty entry")
                continue
            text = self._text(item, f"{key} of {where}")
            if text is None:
                continue
            if text in found:
                self.log.add(item.place, f'"{shown(text)}" stands twice in {key} of {where}')
            found.setdefault(text, item)
        return list(found.items())

    def _choice(self, node: Node, options: Collection[str], where: str) -> str | None:
        text = self._text(node, where)
        if text is None or text in options:
            return text
        listed = ", ".join(options) if len(options) <= 12 else ""
        more = f"; known are {listed}" if listed else ""
        self.log.add(node.place, f'"{shown(text)}" is no {where}{more}', text, options)
        return None

    def _optional_choice(
        self, given: Mapping[str, tuple[Node, Node]], key: str, options: Collection[str], where: str
    ) -> str:
        return self._choice(given[key][1], options, f"{key} of {where}") or "" if key in given else ""

    def _period(self, given: Mapping[str, tuple[Node, Node]], key: str, where: str) -> Period | None:
        if key not in given:
            return None
        text = self._text(given[key][1], f"{key} of {where}")
        if text is None:
            return None
        try:
            found = period(text)
        except NotAPeriod as error:
            self.log.add(given[key][1].place, f"{key} of {where}: {error}")
            return None
        if found.after:
            self.phrases.add(found.after)
        return found

    def _moment(self, given: Mapping[str, tuple[Node, Node]], key: str, where: str, *, ends: bool) -> int | None:
        if key not in given:
            return None
        text = self._text(given[key][1], f"{key} of {where}")
        if text is None:
            return None
        try:
            return moment_us(text, self.zone, ends=ends)
        except NotAMoment as error:
            self.log.add(given[key][1].place, f"{key} of {where}: {error}")
            return None


def _is_special(category: Category) -> bool:
    return bool(category.special) or category.treat_as_special
