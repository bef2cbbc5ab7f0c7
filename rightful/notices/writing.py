"""How the facts of a policy become the sentences of a notice, in one language.

The facts come as plain JSON (rightful/policy/told.py), the sentences as frames with gaps. Nothing is
said here that is not in one of the two: a fact that is missing leaves its line out, and whoever publishes
has looked before whether the law lets it be missing.

Easy to get wrong: a text the policy has in one language only. It stands in that language, is marked, and
is counted as untranslated; nothing is ever translated by guessing.

Sources: GDPR Art. 12(1), 13(1)-(3), 14(1)-(2), 21(4), 26(2); CCPA 1798.100-1798.130; WP260 rev.01.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rightful.notices.rules import DETAILS, END_ISOLATE, ISOLATE, LEGAL, SHORT, Line, Notice, Part, Words

Facts = Mapping[str, Any]

GDPR_LAWS = frozenset({"gdpr", "uk-gdpr"})
CCPA_LAWS = frozenset({"ccpa"})
LINKS = {
    "gdpr": "https://eur-lex.europa.eu/eli/reg/2016/679/oj",
    "uk-gdpr": "https://www.legislation.gov.uk/eur/2016/679/contents",
    "eprivacy": "https://eur-lex.europa.eu/eli/dir/2002/58/oj",
    "pecr": "https://www.legislation.gov.uk/uksi/2003/2426/contents",
    "ccpa": "https://leginfo.legislature.ca.gov/faces/codes_displayText.xhtml"
    "?division=3.&part=4.&lawCode=CIV&title=1.81.5",
}
SHORT_NAMES = {"gdpr": "GDPR", "uk-gdpr": "UK GDPR", "eprivacy": "ePrivacy", "pecr": "PECR", "ccpa": "CCPA"}
BASIS_ARTICLES = {  # of the GDPR and the UK GDPR
    "consent": "Art. 6(1)(a)",
    "contract": "Art. 6(1)(b)",
    "legal-obligation": "Art. 6(1)(c)",
    "vital-interest": "Art. 6(1)(d)",
    "public-task": "Art. 6(1)(e)",
    "legitimate-interest": "Art. 6(1)(f)",
    "legal-claims": "Art. 6(1)(f)",
}
OTHER_ARTICLES = {  # (basis, law) -> where it is written
    ("soft-opt-in", "eprivacy"): "Art. 13(2)",
    ("soft-opt-in", "pecr"): "reg. 22(3)",
    ("opt-out-of-sharing", "ccpa"): "1798.120",
}
BY_INTEREST = ("legitimate-interest", "legal-claims", "soft-opt-in")
FREE = frozenset({"consent", "opt-out", "opt-out-of-sharing", "soft-opt-in"})
DEFAULT_AGE = 16  # GDPR Art. 8(1)


def write(facts: Facts, words: Words) -> Notice:
    """The notice these facts make, in the language of the words."""
    return _Writer(facts, words).notice()


class _Writer:
    """One notice in the making."""

    def __init__(self, facts: Facts, words: Words) -> None:
        self.facts = facts
        self.words = words
        self.own = words.language
        self.foreign = str(facts["language"])
        self.right_to_left = words.frames["direction"] == "rtl"
        self.untranslated: list[str] = []
        self.controller: Mapping[str, str] = facts["controller"] or {"name": facts["organisation"]}
        self.purposes: Sequence[Facts] = facts["purposes"]
        self.by_id = {p["id"]: p for p in self.purposes}

    def notice(self) -> Notice:
        parts = (self._short(), self._details(), self._legal())
        remark = ""
        if self.untranslated:
            remark = self.say("untranslated", language=self.words.frames[f"lang.{self.foreign}"])
        return Notice(
            self.own,
            self.words.frames["direction"],
            self.say("title", controller=self.controller["name"]),
            parts,
            remark,
            tuple(dict.fromkeys(self.untranslated)),
        )

    # --- the short layer --------------------------------------------------------------------------------

    def _short(self) -> Part:
        lines = []
        if any(p["direct_marketing"] for p in self.purposes):  # Art. 21(4): clearly, apart from everything else
            lines.append(Line("marketing", self.say("short.marketing"), article="GDPR Art. 21(4)"))
        if any("consent" in self._kinds(p) for p in self.purposes):
            lines.append(Line("withdraw", self.say("short.withdraw"), article="GDPR Art. 7(3)"))
        if self.controller.get("email"):
            lines.append(Line("contact", self.say("short.contact", email=self.controller["email"])))
        parts = tuple(self._sentence(p) for p in self.purposes)
        lead = Line("lead", self.say("short.lead"))
        return Part(SHORT, self.say("short.title"), (lead, *lines), parts)

    def _sentence(self, purpose: Facts) -> Part:
        text, language = self.text(purpose["says"], f"{purpose['id']}/says")
        kinds = self._kinds(purpose)
        how = kinds[0] if len(kinds) == 1 else "choice" if FREE.issuperset(kinds) else "depends"
        return Part(
            purpose["id"],
            "",
            (
                Line("says", text, language=language, article="GDPR Art. 13(1)(c)"),
                Line("how", self.say(f"how.{how}")),
            ),
            purpose=purpose["id"],
        )

    # --- details ----------------------------------------------------------------------------------------

    def _details(self) -> Part:
        return Part(DETAILS, self.say("details.title"), parts=tuple(self._detail(p) for p in self.purposes))

    def _detail(self, purpose: Facts) -> Part:
        title, language = self.text(purpose["says"], f"{purpose['id']}/says")
        lines = [line for step in self._detail_lines(purpose) for line in step]
        return Part(purpose["id"], title, tuple(lines), purpose=purpose["id"], language=language)

    def _detail_lines(self, purpose: Facts) -> Iterator[Iterable[Line]]:
        yield self._why(purpose)
        yield self._interest(purpose)
        yield self._data(purpose)
        yield self._special(purpose)
        yield self._compatible(purpose)
        yield self._who(purpose)
        yield self._how_long(purpose)
        yield self._reached(purpose)
        yield self._obliged(purpose)
        yield self._by_machine(purpose)
        yield self._comes_out(purpose)
        yield self._children(purpose)

    def _why(self, purpose: Facts) -> Iterator[Line]:
        kinds = self._kinds(purpose)
        if len(kinds) == 1:
            yield self.labelled("basis", self.say(f"how.{kinds[0]}"), key=f"basis/{kinds[0]}")
            return
        for kind in kinds:
            regimes = self.listed(r for r, (rests_on, _) in purpose["basis"].items() if rests_on == kind)
            said = self.say("in-regime", regime=regimes, text=self.words.frames[f"how.{kind}"])
            yield self.labelled("basis", said, key=f"basis/{kind}")

    def _interest(self, purpose: Facts) -> Iterator[Line]:
        for kind in BY_INTEREST:
            if kind not in self._kinds(purpose):
                continue
            text, language = self._interest_words(purpose, kind)
            if text:
                yield self.labelled("interest", text, language, key=f"interest/{kind}")

    def _interest_words(self, purpose: Facts, kind: str) -> tuple[str, str]:
        if purpose["interest"]:
            return self.text(purpose["interest"], f"{purpose['id']}/interest")
        return ("", "") if kind == "legitimate-interest" else (self.say(f"interest.{kind}"), "")

    def _data(self, purpose: Facts) -> Iterator[Line]:
        for category, columns in purpose["data"].items():
            name, language = self._category(category)
            if columns:
                listed = [self._word(column.replace("_", " "), "") for column in columns]
                language = language or next((foreign for _, foreign in listed if foreign), "")
                name = self.say("data.only", category=name, columns=self.listed(word for word, _ in listed))
            yield self.labelled("data", name, language, key=f"data/{category}", article="GDPR Art. 14(1)(d)")

    def _category(self, category: str) -> tuple[str, str]:
        says = self.facts["categories"][category]["says"]
        if says:
            return self.text(says, f"category {category}")
        return self.text({self.foreign: category.replace("-", " ")}, f"category {category}")

    def _special(self, purpose: Facts) -> Iterator[Line]:
        if any(self.facts["categories"][c]["special"] for c in purpose["data"]):
            said = self.say(f"ground.{purpose['special_ground'] or 'none'}")
            yield self.labelled("special", said, article="GDPR Art. 9(2)")

    def _compatible(self, purpose: Facts) -> Iterator[Line]:
        others = [self.by_id[name] for name in purpose["compatible_with"] if name in self.by_id]
        if others:
            said = [self.text(p["says"], f"{p['id']}/says") for p in others]
            language = next((language for _, language in said if language), "")
            text = " ".join(text for text, _ in said)
            yield self.labelled("compatible", text, language, article="GDPR Art. 13(3)")

    def _who(self, purpose: Facts) -> Iterator[Line]:
        if not purpose["recipients"]:
            yield self.labelled("recipients", self.say("recipients.none"), article="GDPR Art. 13(1)(e)")
        for name in purpose["recipients"]:
            recipient = self.facts["recipients"][name]
            kind = self.words.frames[f"kind.{recipient['kind']}"]
            frame = "recipient.one" if recipient["country"] else "recipient.nowhere"
            said = self.say(
                frame, name=self._called(name), country=self.words.countries.get(recipient["country"], ""), kind=kind
            )
            yield self.labelled("recipients", said, key=f"recipients/{name}", article="GDPR Art. 13(1)(e)")

    def _how_long(self, purpose: Facts) -> Iterator[Line]:
        if purpose["keep"] is not None:
            said, language = self.period(purpose["keep"])
            yield self.labelled("keep", said, language, article="GDPR Art. 13(2)(a)")
        if purpose["consent_ends"] is not None and "consent" in self._kinds(purpose):
            said, language = self.period(purpose["consent_ends"])
            yield self.labelled("ends", said, language)

    def _reached(self, purpose: Facts) -> Iterator[Line]:
        if purpose["channels"]:
            frames = self.words.frames
            names = [frames.get(f"channel.{c}", c.replace("-", " ")) for c in purpose["channels"]]
            yield self.labelled("channels", self.listed(names))

    def _obliged(self, purpose: Facts) -> Iterator[Line]:
        kinds = self._kinds(purpose)
        needs = dict.fromkeys(
            "free"
            if kind in FREE
            else {"contract": "contract", "legal-obligation": "law", "public-task": "law"}.get(kind, "other")
            for kind in kinds
        )
        for need in needs:
            said = self.say(f"need.{need}")
            yield self.labelled("need", said, key=f"need/{need}", article="GDPR Art. 13(2)(e)")

    def _by_machine(self, purpose: Facts) -> Iterator[Line]:
        if purpose["automated"]:
            text, language = self.text(purpose["automated"], f"{purpose['id']}/automated")
            yield self.labelled("automated", text, language, article="GDPR Art. 13(2)(f)")
            yield Line("automated/right", self.say("automated.right"), article="GDPR Art. 22(3)")

    def _comes_out(self, purpose: Facts) -> Iterator[Line]:
        if purpose["counts_of"]:
            yield self.labelled("counts", self.say("counts.least", number=str(purpose["counts_of"])))
        elif purpose["counts_only"]:
            yield self.labelled("counts", self.say("counts.only"))

    def _children(self, purpose: Facts) -> Iterator[Line]:
        if purpose["for_children"]:
            ages = {place: age for r in purpose["basis"] for place, age in self.facts["regimes"][r]["ages"].items()}
            listed = self.listed(
                self.say("children.age", country=self._place(place), age=str(age)) for place, age in ages.items()
            )
            said = self.say("children.ages", ages=listed) if ages else self.say("children.parent")
            yield self.labelled("children", said, article="GDPR Art. 8(1)")
        if purpose["direct_marketing"]:
            yield self.labelled("children", self.say("children.marketing"), key="children/marketing")

    # --- the full text ----------------------------------------------------------------------------------

    def _legal(self) -> Part:
        parts = (
            self._controller(),
            self._dpo(),
            self._rules(),
            self._bases(),
            self._interests(),
            self._sources(),
            self._recipients(),
            self._transfers(),
            self._storage(),
            self._rights(),
            self._complaint(),
            Part(
                "changes",
                self.say("changes.title"),
                (Line("say", self.say("changes.say"), article="GDPR Art. 13(3)"),),
            ),
        )
        return Part(LEGAL, self.say("legal.title"), parts=tuple(part for part in parts if part.lines))

    def _controller(self) -> Part:
        lines = []
        if self.controller.get("address"):
            said = self.say("controller.is", name=self.controller["name"], address=self.controller["address"])
            lines.append(Line("is", said, article="GDPR Art. 13(1)(a)"))
        for way in ("email", "phone", "site", "representative"):
            if self.controller.get(way):
                said = self.say(f"controller.{way}", **{way: self.controller[way]})
                lines.append(Line(way, said, article="GDPR Art. 13(1)(a)"))
        return Part("controller", self.say("controller.title"), tuple(lines))

    def _dpo(self) -> Part:
        dpo = self.facts["dpo"]
        lines = (
            (Line("is", self.say("dpo.is", ways=self._ways(dpo, named=True)), article="GDPR Art. 13(1)(b)"),)
            if dpo
            else ()
        )
        return Part("dpo", self.say("dpo.title"), lines)

    def _rules(self) -> Part:
        lines = []
        for name, regime in self.facts["regimes"].items():
            laws = self.listed(self.words.frames.get(f"law.{law}", law.upper()) for law in regime["laws"])
            places = self.listed(self._place(place) for place in regime["where"])
            lines.append(Line(name, self.say("rules.apply", laws=laws, places=places), label=name))
        return Part("rules", self.say("rules.title"), tuple(lines))

    def _bases(self) -> Part:
        lines = []
        for purpose in self.purposes:
            says, language = self.text(purpose["says"], f"{purpose['id']}/says")
            for kind, citation in dict.fromkeys((kind, citation) for kind, citation in purpose["basis"].values()):
                regimes = [r for r, basis in purpose["basis"].items() if tuple(basis) == (kind, citation)]
                name = self.words.frames[f"basis.{kind}"]
                if citation:
                    name = self.say("basis.rests", basis=name, citation=citation)
                cite, link = self._cited(kind, [law for r in regimes for law in self.facts["regimes"][r]["laws"]])
                lines.append(
                    Line(
                        f"{purpose['id']}/{kind}",
                        self.say("in-regime", regime=self.listed(regimes), text=name) + ".",
                        says,
                        language,
                        "GDPR Art. 13(1)(c)",
                        cite,
                        link,
                    )
                )
        return Part("bases", self.say("bases.title"), tuple(lines))

    def _interests(self) -> Part:
        lines = []
        for purpose in self.purposes:
            for kind in BY_INTEREST:
                text, language = self._interest_words(purpose, kind) if kind in self._kinds(purpose) else ("", "")
                if text:
                    says, _ = self.text(purpose["says"], f"{purpose['id']}/says")
                    lines.append(Line(f"{purpose['id']}/{kind}", text, says, language, "GDPR Art. 13(1)(d)"))
        return Part("interests", self.say("interests.title"), tuple(lines))

    def _sources(self) -> Part:
        lines = []
        for name, category in self.facts["categories"].items():
            label, language = self._category(name)
            said = self.say(f"source.{category['source'] or 'unsaid'}", name=category["source_name"])
            lines.append(Line(name, said, label, language, "GDPR Art. 14(1)(d), 14(2)(f)"))
        return Part("data", self.say("data.title"), tuple(lines))

    def _recipients(self) -> Part:
        lines = []
        for name, recipient in self.facts["recipients"].items():
            says = [self.text(self.by_id[p]["says"], f"{p}/says") for p in recipient["purposes"]]
            receives = self.words.frames[f"receives.{recipient['kind']}"]
            purposes = self.say("receives.for", purposes=" ".join(text for text, _ in says))
            language = next((language for _, language in says if language), "")
            lines.append(Line(name, f"{receives} {purposes}", self._called(name), language, "GDPR Art. 13(1)(e)"))
        if not lines:
            lines.append(Line("none", self.say("recipients.none"), article="GDPR Art. 13(1)(e)"))
        return Part("recipients", self.say("recipients.title"), tuple(lines))

    def _transfers(self) -> Part:
        lines = []
        email = self.controller.get("email", "")
        for name, recipient in self.facts["recipients"].items():
            if recipient["third_country"]:
                country = self.words.countries.get(recipient["country"], recipient["country"])
                where = self.say("transfer.to", name=self._called(name), country=country)
                safeguard = self.say(f"safeguard.{recipient['safeguard'] or 'adequacy'}")
                lines.append(Line(name, f"{where} {safeguard}", article="GDPR Art. 13(1)(f)"))
        if lines and email:
            lines.append(Line("copy", self.say("transfer.copy", email=email), article="GDPR Art. 13(1)(f)"))
        if not lines:
            lines.append(Line("none", self.say("transfers.none"), article="GDPR Art. 13(1)(f)"))
        return Part("transfers", self.say("transfers.title"), tuple(lines))

    def _storage(self) -> Part:
        lines = []
        for purpose in self.purposes:
            says, language = self.text(purpose["says"], f"{purpose['id']}/says")
            said, foreign = self.period(purpose["keep"]) if purpose["keep"] else (self.say("storage.unsaid"), "")
            lines.append(Line(purpose["id"], said, says, language or foreign, "GDPR Art. 13(2)(a)"))
        return Part("storage", self.say("storage.title"), tuple(lines))

    def _rights(self) -> Part:
        laws = {law for regime in self.facts["regimes"].values() for law in regime["laws"]}
        lines: list[Line] = []
        if laws & GDPR_LAWS:
            lines += self._gdpr_rights("gdpr" if "gdpr" in laws else "uk-gdpr")
        if laws & CCPA_LAWS:
            lines += self._ccpa_rights()
        if laws - GDPR_LAWS - CCPA_LAWS - {"eprivacy", "pecr", "uk-dpa", "can-spam"}:
            lines.append(Line("other", self.say("rights.other")))
        if self.controller.get("email"):
            said = self.say("rights.how", email=self.controller["email"])
            lines.append(Line("how", said, article="GDPR Art. 12(2), 12(5)"))
        return Part("rights", self.say("rights.title"), tuple(lines))

    def _gdpr_rights(self, law: str) -> Iterator[Line]:
        kinds = {kind for p in self.purposes for kind in self._kinds(p)}
        special = any(p["special_ground"] == "explicit-consent" for p in self.purposes)
        for right, article, asked_by, applies in (
            ("access", "Art. 15", "13(2)(b)", True),
            ("correct", "Art. 16", "13(2)(b)", True),
            ("erase", "Art. 17", "13(2)(b)", True),
            ("restrict", "Art. 18", "13(2)(b)", True),
            ("port", "Art. 20", "13(2)(b)", bool(kinds & {"consent", "contract"}) or special),
            ("object", "Art. 21(1)", "13(2)(b)", bool(kinds & {"legitimate-interest", "public-task", "legal-claims"})),
            ("marketing", "Art. 21(2)", "21(4)", any(p["direct_marketing"] for p in self.purposes)),
            ("withdraw", "Art. 7(3)", "13(2)(c)", "consent" in kinds or special),
            ("human", "Art. 22(3)", "13(2)(f)", any(p["automated"] for p in self.purposes)),
        ):
            if applies:
                yield Line(
                    right,
                    self.say(f"right.{right}.says"),
                    self.say(f"right.{right}"),
                    "",
                    f"GDPR Art. {asked_by}",
                    f"{SHORT_NAMES[law]} {article}",
                    LINKS[law],
                )
        yield Line(
            "when/gdpr",
            self.say("rights.when.gdpr"),
            article="GDPR Art. 12(3)",
            cite=f"{SHORT_NAMES[law]} Art. 12(3)",
            link=LINKS[law],
        )

    def _ccpa_rights(self) -> Iterator[Line]:
        special = any(self.facts["categories"][c]["special"] for p in self.purposes for c in p["data"])
        shared = any("opt-out-of-sharing" in self._kinds(p) for p in self.purposes)
        for right, section, applies in (
            ("know", "1798.110", True),
            ("delete", "1798.105", True),
            ("fix", "1798.106", True),
            ("opt-out", "1798.120", shared),
            ("limit", "1798.121", special),
            ("equal", "1798.125", True),
        ):
            if applies:
                yield Line(
                    f"ccpa/{right}",
                    self.say(f"right.{right}.says"),
                    self.say(f"right.{right}"),
                    "",
                    f"CCPA {section}",
                    f"CCPA {section}",
                    LINKS["ccpa"],
                )
        yield Line(
            "when/ccpa",
            self.say("rights.when.ccpa"),
            article="CCPA 1798.130(a)(2)",
            cite="CCPA 1798.130",
            link=LINKS["ccpa"],
        )

    def _complaint(self) -> Part:
        lines = []
        for regime, party in self.facts["complaint"].items():
            frame = "complaint.to" if party.get("name") else "complaint.unnamed"
            said = self.say(frame, name=party.get("name", ""), ways=self._ways(party))
            lines.append(Line(regime, said, label=regime, article="GDPR Art. 13(2)(d)"))
        return Part("complaint", self.say("complaint.title"), tuple(lines))

    # --- words ------------------------------------------------------------------------------------------

    def say(self, frame: str, **gaps: str) -> str:
        """A frame with its gaps filled; what runs in the other direction is kept apart."""
        if self.right_to_left:
            gaps = {name: f"{ISOLATE}{text}{END_ISOLATE}" if text else "" for name, text in gaps.items()}
        return self.words.frames[frame].format_map(gaps)

    def labelled(self, label: str, text: str, language: str = "", *, key: str = "", article: str = "") -> Line:
        return Line(key or label, text, self.words.frames[f"label.{label}"], language, article)

    def text(self, texts: Mapping[str, str], what: str) -> tuple[str, str]:
        """A text of the policy in this language; else in the policy's own, with the name of that language."""
        if self.own in texts:
            return texts[self.own], ""
        self.untranslated.append(what)
        return texts.get(self.foreign, ""), self.foreign

    def listed(self, items: Iterable[str]) -> str:
        found = list(items)
        if len(found) < 2:
            return "".join(found)
        frames = self.words.frames
        return frames["list.comma"].join(found[:-1]) + frames["list.and"] + found[-1]

    def period(self, length: Facts) -> tuple[str, str]:
        """A length of time in words, with the language of its anchor where that is not this one."""
        count, unit = int(length["count"]), length["unit"]
        said = self.words.frames[f"unit.{unit}.{_plural(self.own, count)}"].format(n=count)
        anchor, language = self._anchor(length["after"])
        if not anchor:
            return said, ""
        return self.words.frames["period.anchored"].format(length=said, anchor=anchor), language

    def _anchor(self, anchor: str) -> tuple[str, str]:
        if not anchor:
            return "", ""
        said, language = self._word(anchor, self.words.frames.get(f"anchor.{anchor}", ""))
        return (said, language) if said != anchor else (self.say("anchor.other", anchor=anchor), language)

    def _word(self, phrase: str, usual: str) -> tuple[str, str]:
        """A moment or a column of the policy in this language, else as it is written: in English."""
        translated = self.facts["words"].get(phrase, {}).get(self.own) or usual
        if translated:
            return translated, ""
        if self.own == "en":
            return phrase, ""
        self.untranslated.append(phrase)
        return phrase, "en"

    def _kinds(self, purpose: Facts) -> tuple[str, ...]:
        return tuple(dict.fromkeys(kind for kind, _ in purpose["basis"].values()))

    def _called(self, recipient: str) -> str:
        name: str = self.facts["recipients"][recipient]["name"]
        return name or recipient.replace("-", " ").capitalize()

    def _place(self, place: str) -> str:
        country, _, part = place.partition("-")
        name = self.words.countries.get(country, country)
        return self.say("place.part", country=name, part=part) if part else name

    def _ways(self, party: Mapping[str, str], *, named: bool = False) -> str:
        ways = (("name",) if named else ()) + ("address", "email", "phone", "site")
        return self.words.frames["list.comma"].join(party[way] for way in ways if party.get(way))

    def _cited(self, kind: str, laws: Sequence[str]) -> tuple[str, str]:
        """Where the basis is written, with a link to the first of these laws."""
        found: dict[str, str] = {}
        for law in laws:
            article = BASIS_ARTICLES.get(kind) if law in GDPR_LAWS else OTHER_ARTICLES.get((kind, law))
            if article:
                found.setdefault(law, f"{SHORT_NAMES[law]} {article}")
        return "; ".join(found.values()), LINKS[next(iter(found))] if found else ""


def _plural(language: str, n: int) -> str:
    """The plural category of a whole number (Unicode CLDR plural rules)."""
    if language == "ar":
        if n in (1, 2):
            return {1: "one", 2: "two"}[n]
        if 3 <= n % 100 <= 10:
            return "few"
        return "many" if 11 <= n % 100 <= 99 else "other"
    return "one" if n == 1 else "other"
