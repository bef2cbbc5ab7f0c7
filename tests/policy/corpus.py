# ruff: noqa: E501 - a case per line reads as a table
"""A small whole policy, and every way to break it.

In a case, `§` marks the place where the problem has to be reported; the sign itself
is taken out before the text is read.
"""

from __future__ import annotations

from dataclasses import dataclass

BASE = """\
rightful: 1
policy: {name: Shop, version: 2026-11-01, owner: privacy@shop.example, timezone: Europe/Berlin}
unknown: {jurisdiction: strictest, age: adult-unless-service-for-children, field: deny}
regimes:
  EU: {laws: [gdpr, eprivacy], where: [DE, FR], digital-consent-age: {DE: 16, FR: 15}}
  CA: {laws: [ccpa], where: [US-CA], signals: [gpc]}
categories:
  identity: {fields: [customer.first_name, customer.last_name]}
  contact: {fields: [customer.email, customer.phone]}
  orders: {fields: [order.*], except: [order.gift_note]}
  notes: {fields: [order.gift_note], treat-as: special}
  health: {fields: [order.lens], special: gdpr-9}
roles:
  marketer: [marketing]
  clerk: {purposes: [delivery, tax, counts], only: [identity, orders], except: [order.total]}
purposes:
  delivery:
    says: We bring you what you ordered.
    basis: contract
    needs: [identity, contact, orders.street]
    keep: 6 months after the last delivery
    recipients: [carrier]
  tax:
    says: The law makes us keep invoices.
    basis: {legal-obligation: "AO 147"}
    needs: [identity, orders]
    survives: [objection, withdrawal, erasure]
  marketing:
    says: We tell you about things you may like.
    direct-marketing: true
    children:
      newsletter:
        basis: {EU: consent, CA: opt-out}
        channels: [email]
        needs: [identity, customer.email]
        as: {customer.email: sha256}
        consent: {expires: 24 months after the last open or click, ask-again: after 6 months}
  counts:
    says: We count.
    basis: {EU: {legitimate-interest: "LIA-1"}, CA: opt-out}
    compatible-with: [delivery]
    needs: [orders]
    output: {only: aggregates, at-least: 20 people}
recipients:
  carrier: {agreement: DPA-1, since: 2026-01-01, until: 2027-12-31, country: DE, covers: [identity]}
never:
  - {use: [health], for: [marketing], because: "GDPR 9"}
tests:
  - {given: {consent: {newsletter/email: withdrawn}, lives: DE}, ask: marketer newsletter email customer.email, expect: deny consent_withdrawn}
"""


@dataclass(frozen=True)
class Broken:
    """A change to BASE that must be refused, with the message (in part) and the hint."""

    old: str
    new: str
    says: str
    near: str | None = None
    schema_sees: bool = False

    @property
    def id(self) -> str:
        return self.says[:50]

    def text(self) -> str:
        return self._marked().replace("§", "")

    def place(self) -> tuple[int, int]:
        before = self._marked().split("§")[0]
        return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1

    def _marked(self) -> str:
        assert BASE.count(self.old) == 1, self.old
        changed = BASE.replace(self.old, self.new)
        assert changed.count("§") == 1
        return changed


S = True  # a schema can see it as well

CASES = [
    # names and keys
    Broken("channels: [email]", "§chanels: [email]", 'unknown key "chanels" in purpose newsletter', "channels", S),
    Broken("roles:\n", "§rolls:\n", 'unknown key "rolls" in the policy', "roles", S),
    Broken("special: gdpr-9", "§specail: gdpr-9", 'unknown key "specail" in category health', "special", S),
    Broken("country: DE", "§contry: DE", 'unknown key "contry" in recipient carrier', "country", S),
    Broken("because:", "§becuase:", 'unknown key "becuase" in never rule 1', "because", S),
    Broken("expires: 24", "§expire: 24", 'unknown key "expire" in consent of purpose newsletter', "expires", S),
    Broken("at-least: 20", "§at_least: 20", 'unknown key "at_least" in output of purpose counts', "at-least", S),
    Broken("jurisdiction:", "§jurisdicton:", 'unknown key "jurisdicton" in unknown', "jurisdiction", S),
    Broken("lives: DE", "§live: DE", 'unknown key "live" in given', "lives", S),
    Broken("[marketing]\n  clerk", "[§marketting]\n  clerk", 'unknown purpose "marketting" in purposes of role marketer', "marketing"),
    Broken("needs: [identity, contact,", "needs: [§identiy, contact,", 'unknown category "identiy" in needs of purpose delivery', "identity"),
    Broken("orders.street]", "§ordr.street]", '"ordr.street" in needs of purpose delivery is in no category'),
    Broken("customer.email]\n        as", "§customer.emial]\n        as", '"customer.emial" in needs of purpose newsletter is in no category', "customer.email"),
    Broken("recipients: [carrier]", "recipients: [§carier]", 'unknown recipient "carier" in recipients of purpose delivery', "carrier"),
    Broken("{EU: consent, CA", "{§EUU: consent, CA", 'unknown regime "EUU" in basis of purpose newsletter', "EU"),
    Broken("compatible-with: [delivery]", "compatible-with: [§delivry]", 'unknown purpose "delivry"', "delivery"),
    Broken("for: [marketing]", "for: [§markting]", 'unknown purpose "markting" in for of never rule 1', "marketing"),
    Broken("use: [health]", "use: [§heath]", 'unknown category "heath" in use of never rule 1', "health"),
    Broken("only: [identity, orders]", "only: [§identity2, orders]", 'unknown category "identity2" in only of role clerk', "identity"),
    Broken("covers: [identity]", "covers: [§identitty]", 'unknown category "identitty" in covers of recipient carrier', "identity"),
    Broken("laws: [gdpr, ", "laws: [§gpdr, ", 'unknown law "gpdr" in regime EU', "gdpr"),
    Broken("basis: contract", "basis: §contact", '"contact" is no basis of purpose delivery', "contract", S),
    Broken("signals: [gpc]", "signals: [§gcp]", '"gcp" is no signal in regime CA', "gpc", S),
    Broken("jurisdiction: strictest", "jurisdiction: §strict", '"strict" is no jurisdiction in unknown', "strictest", S),
    Broken("treat-as: special", "treat-as: §spezial", '"spezial" is no treat-as of category notes', "special", S),
    Broken("sha256}", "§sha-256}", '"sha-256" in as of purpose newsletter is no way to show a field', "sha256", S),
    Broken("as: {customer.email", "as: {§customer.phone", "does not need customer.phone"),
    Broken("as: {customer.email", "as: {§email", '"email" in as of purpose newsletter is no field', None, S),
    Broken("timezone: Europe/Berlin", "timezone: §Europe/Berln", '"Europe/Berln" is no time zone', "Europe/Berlin"),
    Broken("timezone: Europe/Berlin", "timezone: §localtime", '"localtime" is no time zone'),
    Broken("rightful: 1\n", "rightful: §2\n", "this Rightful reads format 1", None, S),
    # written twice
    Broken("basis: contract\n", "basis: contract\n    §basis: consent\n", '"basis" is written twice; the first is in line 19'),
    Broken("  contact: {fields", "  §identity: {fields", '"identity" is written twice; the first is in line 8'),
    Broken("  counts:\n", "  §newsletter:\n", 'purpose "newsletter" is declared twice; the first is in line 32'),
    Broken("[customer.email, customer.phone]", "[customer.email, §customer.email]", '"customer.email" stands twice in fields', None, S),
    Broken("[customer.email, customer.phone]", "[customer.email, §customer.last_name]", "in two categories, identity and contact"),
    Broken("notes: {fields: [order.gift_note]", "notes: {fields: [§order.*]", '"order.*" is in two categories, orders and notes'),
    Broken("  CA: {laws", "  §eu: {laws", 'regime "eu" differs from "EU" only in upper and lower case'),
    # what YAML readers disagree about
    Broken("where: [DE, FR]", "where: [DE, FR, §NO]", 'for Norway write "NO"'),
    Broken("direct-marketing: true", "direct-marketing: §yes", 'yes without quotes is read as yes or no', None, S),
    Broken("direct-marketing: true", "direct-marketing: §on", "on without quotes", None, S),
    Broken("direct-marketing: true", "direct-marketing: §True", "True without quotes"),
    Broken("direct-marketing: true", 'direct-marketing: §"true"', "direct-marketing of purpose marketing is true or false", None, S),
    Broken("says: We count.", "says: §Off", "Off without quotes"),
    Broken("says: We count.", "says: §12:30", "12:30 without quotes is read as a number in base 60"),
    Broken("agreement: DPA-1", "agreement: §0117", "0117 without quotes is read as a number in base 8"),
    Broken("agreement: DPA-1", "agreement: §0x1F", "0x1F without quotes"),
    Broken("agreement: DPA-1", "agreement: §1_000", "1_000 without quotes"),
    Broken("agreement: DPA-1", "agreement: §~", "~ without quotes is read as nothing at all"),
    Broken("agreement: DPA-1", "agreement: §null", "null without quotes"),
    Broken("agreement: DPA-1", "agreement: §true", "agreement of recipient carrier is a word, not yes or no", None, S),
    Broken("    says: We count.", "    §says:", "says in purpose counts says nothing", None, S),
    Broken("  marketer: [marketing]", "  §on: [marketing]", "on without quotes"),
    # dates and lengths of time
    Broken("until: 2027-12-31", "until: §31.12.2027", "is no date; write 2027-12-31", None, S),
    Broken("until: 2027-12-31", "until: §2027-02-30", "2027-02-30 is no day of the calendar"),
    Broken("until: 2027-12-31", "until: §2027-12-31T18:00:00", "has no time zone; add the offset", None, S),
    Broken("until: 2027-12-31", "until: §9999-12-31", "outside the years 1971 to 2999"),
    Broken("until: 2027-12-31", "until: §2027-12-31T25:00:00Z", "is no time of day"),
    Broken("until: 2027-12-31", "until: §2025-12-31", "the agreement of recipient carrier ends before it begins"),
    Broken("keep: 6 months after the last delivery", "keep: §half a year", '"half a year" is no length of time; write for example', None, S),
    Broken("keep: 6 months after the last delivery", "keep: §0 months", '"0 months" is no length of time', None, S),
    Broken("keep: 6 months after the last delivery", "keep: §200 years", "longer than 100 years"),
    Broken("keep: 6 months after the last delivery", "keep: §six months", '"six months" is no length of time', None, S),
    Broken("expires: 24 months after the last open or click", "expires: §24 months after the last delivery", "counts from the choice itself"),
    # what a purpose has to say
    Broken("  delivery:\n    says: We bring you what you ordered.\n    basis: contract", "  §delivery:\n    says: We bring you what you ordered.", "purpose delivery has no lawful basis"),
    Broken("basis: {EU: consent, CA: opt-out}", "basis: §{EU: consent}", "purpose newsletter has no basis in CA"),
    Broken("basis: {EU: consent, CA: opt-out}", "serves: [EU]\n        basis: {EU: consent, §CA: opt-out}", "names CA, which it does not serve"),
    Broken("basis: {EU: consent, CA: opt-out}", "serves: §[]\n        basis: consent", "serves no regime"),
    Broken('{legal-obligation: "AO 147"}', '§{legal-obligation: "AO 147", contract: x}', "is one word with what it rests on, not several", None, S),
    Broken("says: We count.", "says: §''", "says of purpose counts is empty", None, S),
    Broken("  counts:\n    says: We count.\n", "  §counts:\n", "purpose counts does not say what it is for"),
    Broken("    needs: [orders]\n", "    needs: §[]\n", "purpose counts needs nothing"),
    Broken("at-least: 20 people", "at-least: §1", "a number over fewer than 2 people shows a person", None, S),
    Broken("at-least: 20 people", "at-least: §many", 'a number of people, such as "20 people"', None, S),
    Broken('basis: {legal-obligation: "AO 147"}\n    needs: [identity, orders]\n    survives: [', 'basis: contract\n    needs: [identity, orders]\n    survives: §[', "rests on contract and survives nothing"),
    Broken("survives: [objection, ", "survives: [§objections, ", '"objections" is no survives of purpose tax', "objection", S),
    Broken("    direct-marketing: true\n", "    direct-marketing: true\n    §keep: 1 year\n", "purpose marketing is a heading (no basis, no needs), so keep has no effect"),
    Broken("        channels: [email]", "        direct-marketing: §false\n        channels: [email]", "stands below a heading with direct-marketing: true"),
    Broken("compatible-with: [delivery]", "compatible-with: [§counts]", "purpose counts cannot be compatible with itself"),
    Broken("  delivery:\n    says: We bring", "  §delivery:\n    compatible-with: [counts]\n    says: We bring", "purpose delivery is compatible-with counts is compatible-with delivery: a circle"),
    # recipients
    Broken("  carrier: {agreement: DPA-1, since", "  §carrier: {since", "recipient carrier has no agreement", None, S),
    Broken(", country: DE, covers", ", country: §US, covers", "is in a third country (US) without a safeguard"),
    Broken(", country: DE, covers", ", country: §IN, covers", "is in a third country (IN) without a safeguard"),
    Broken(", country: DE, covers", ", country: IN, safeguard: §adequacy, covers", '"adequacy" does not hold for IN'),
    Broken(", country: DE, covers", ", country: US, safeguard: §ssc-2021, covers", '"ssc-2021" is no safeguard', "scc-2021", S),
    Broken(", country: DE, covers", ", country: §UK, covers", 'for UK ISO writes "GB"'),
    Broken(", country: DE, covers", ", country: §Germany, covers", '"Germany" in country of recipient carrier is no ISO 3166 country', None, S),
    Broken("  carrier: {agreement: DPA-1, since: 2026-01-01, until: 2027-12-31, country: DE,", "  §carrier: {agreement: DPA-1,", "recipient carrier has no country"),
    Broken("covers: [identity]", "covers: §[]", "covers of recipient carrier is empty"),
    Broken("country: DE, covers", "kind: §processer, country: DE, covers", '"processer" is no kind of recipient carrier', "processor", S),
    Broken("country: DE, covers", "sub-processors: §maybe, country: DE, covers", '"maybe" is no sub-processors of recipient carrier', None, S),
    # regimes, categories, roles
    Broken("where: [DE, FR]", "where: [DE, FR, §EU]", "is no country; list the countries one by one"),
    Broken("where: [DE, FR]", "where: [DE, FR, §germany]", "is no ISO 3166 code", None, S),
    Broken("{DE: 16, FR: 15}", "{DE: 16, §IT: 14}", "is not among the places of regime EU"),
    Broken("{DE: 16, FR: 15}", "{DE: §12, FR: 15}", "GDPR Art. 8(1) allows no age below 13", None, S),
    Broken("{DE: 16, FR: 15}", "{DE: §sixteen, FR: 15}", "age for DE is a whole number", None, S),
    Broken("where: [DE, FR],", "where: [DE, FR], §where: [AT],", '"where" is written twice; the first is in line 5'),
    Broken("CA: {laws: [ccpa], where: [US-CA]", "CA: §{where: [US-CA]", "regime CA lacks laws", None, S),
    Broken("[order.*], except: [order.gift_note]", "[order.*], except: [§ordr.gift_note]", "so it has no effect"),
    Broken("fields: [customer.email, customer.phone]", "fields: [§email, customer.phone]", '"email" in fields of category contact is no field; write table.column', None, S),
    Broken("fields: [customer.email, customer.phone]", "fields: [§customer.em*, customer.phone]", "is no field", None, S),
    Broken("orders: {fields: [order.*], except: [order.gift_note]}\n  notes: {fields: [order.gift_note], treat-as: special}", "orders: {fields: [§order.total]}\n  notes: {fields: [order.*], treat-as: special}", "by order.*, in the special category notes"),
    Broken("[order.*], except: [order.gift_note]", "[order.*, order.tax], except: [§order.tax, order.gift_note]", '"order.tax" is both in fields and in except of category orders'),
    Broken("only: [identity, orders]", "only: §[]", "only of role clerk is empty"),
    Broken("needs: [orders]", "needs: [§order.*]", "name the category, or each field by itself", None, S),
    # never and tests
    Broken('because: "GDPR 9"}', 'because: §""}', "because of never rule 1 is empty", None, S),
    Broken("{use: [health], for", "{use: §[], for", "use of never rule 1 is empty"),
    Broken("because: \"GDPR 9\"", "except: [§delivery], because: \"GDPR 9\"", '"delivery" in except of never rule 1 is not below any purpose'),
    Broken("{newsletter/email: withdrawn}", "{newsletter/email: §withdrwn}", '"withdrwn" is no state of consent', "withdrawn", S),
    Broken("ask: marketer newsletter email customer.email", "ask: §marketer", "a question names a role and a purpose"),
    Broken("ask: marketer newsletter email customer.email", "ask: §marketer newsletter email customer.email to", 'after "to" stands one recipient'),
    Broken("expect: deny consent_withdrawn", "expect: §denied consent_withdrawn", "an answer starts with allow, partial or deny", "deny"),
    Broken("expect: deny consent_withdrawn", "expect: §deny contract", "a refusal has a reason, not a lawful basis"),
    Broken("expect: deny consent_withdrawn", "expect: §allow contrct", '"contrct" is no lawful basis', "contract"),
    # ids
    Broken("  counts:\n", "  §Counts:\n", 'purpose "Counts" is no name; names use a-z, 0-9 and -', "counts", S),
    Broken("  counts:\n", "  §co_unts:\n", 'purpose "co_unts" is no name', "co-unts", S),
    Broken("  counts:\n", "  §c\u043eunts:\n", "U+043E (CYRILLIC SMALL LETTER O), which may look like another letter", None, S),
    Broken("  counts:\n", "  §cou\u0301nts:\n", "is not in Unicode form NFC", None, S),
    Broken("  counts:\n", f"  §{'c' * 65}:\n", "is longer than 64 characters", None, S),
    Broken("  counts:\n", "  §direct-marketing:\n", 'a purpose may not be called "direct-marketing"'),
    Broken("channels: [email]", "channels: [§E-Mail]", 'channel "E-Mail" is no name', "e-mail", S),
    # shapes
    Broken("regimes:\n", "regimes:\n  §[]: 1\n", "a key is one word, not a list"),
    Broken("never:\n  - {use: [health], for: [marketing], because: \"GDPR 9\"}", "never: §{use: [health]}", "never is a list, not a map", None, S),
    Broken("policy: {name: Shop,", "policy: {name: §[Shop],", "name in policy is one value, not a list", None, S),
    Broken("unknown: {jurisdiction: strictest, age: adult-unless-service-for-children, field: deny}", "unknown: §strictest", "unknown is a map (key: value), not one value", None, S),
    Broken("basis: contract", "basis: §[contract]", "basis of purpose delivery is one word, or one per regime", None, S),
    # YAML that is more than maps, lists and words
    Broken("basis: contract", "basis: §!!str contract", "tags (tag:yaml.org,2002:str) are not read"),
    Broken("basis: contract", "basis: §&b contract", "anchors (&b) are not read"),
    Broken("basis: contract", "basis: §*b", "aliases (*b) are not read"),
    Broken("tests:\n", "§---\ntests:\n", "a second document starts here"),
    Broken("basis: contract\n", "basis: contract\n §\tneeds: []\n", "a tab indents this line"),
    Broken("says: We count.", "says: We§\u2028count.", "U+2028 (LINE SEPARATOR) may not stand in a policy"),
    Broken("says: We count.", "says: We§\u202ecount.", "U+202E (RIGHT-TO-LEFT OVERRIDE) may not stand"),
    Broken("says: We count.", "says: We§\x07count.", "U+0007 (a control character) may not stand"),
    Broken("says: We count.", "says: We count§: again", 'a second ":" in one line'),
    Broken("basis: contract", "basis: " + "[" * 17 + "§[" + "]" * 18, "nested more than 20 deep"),
]  # fmt: skip
