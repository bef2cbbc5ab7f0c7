"""Which words a policy is written in: every key, what it means, and which values it takes.

The vocabulary is closed and has no expressions. The loader, the JSON Schema for
editors and the reference page are all made from this one table, so that they
cannot say different things.

Sources: GDPR Art. 4, 6, 8, 9, 13, 21, 28, 44-49; ePrivacy Directive Art. 13;
CCPA 1798.120, 1798.140; W3C Data Privacy Vocabulary 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rightful.policy.examples import CONSENT_WORDS, SIGNALS
from rightful.terms import LawfulBasis, RecipientKind, Survives

FORMAT = 1

ID = r"[a-z0-9]+(-[a-z0-9]+)*"
REGIME_ID = r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*"
PLACE = r"[A-Z]{2}(-[A-Z0-9]{1,3})?"
COUNTRY = r"[A-Z]{2}"
FIELD = r"[^\s.*]([^.*]*[^\s.*])?\.[^\s*]([^*]*[^\s*])?"
PATTERN = r"[^\s.*]([^.*]*[^\s.*])?\.(\*|[^\s*]([^*]*[^\s*])?)"
LONGEST_ID = 64
LONGEST_FIELD = 200
LONGEST_TEXT = 2_000
MOST = {
    "regimes": 100,
    "categories": 500,
    "roles": 200,
    "purposes": 200,
    "recipients": 500,
    "words": 500,
    "moments": 200,
    "never": 200,
    "tests": 2_000,
}
MOST_FIELDS_OF_A_NAME = 20
MOST_TABLES = 200
"""Whole tables (table.*) in all categories together."""

BASES = tuple(b.value for b in LawfulBasis)
SURVIVES = tuple(s.value for s in Survives)
RECIPIENT_KINDS = tuple(k.value for k in RecipientKind)
LAWFUL_WITHOUT_THE_PERSON = (LawfulBasis.LEGAL_OBLIGATION, LawfulBasis.VITAL_INTEREST, LawfulBasis.LEGAL_CLAIMS)
"""Only these bases can outlive an objection, a withdrawal, a restriction or an erasure (DESIGN 4, layer 2)."""

COLLECTION = "the collection"
"""The moment a period counts from if it names none: when the data came in."""
COUNTS = ("date", "last", "end-of-year")
"""How a moment is read off a field: the row's own date, the customer's last one, the end of its year."""

CONSENT_STATUS = "consent-status"
"""Built-in category of whatever records consent; `never` rules may name it without declaring it (case O21)."""
CONSEQUENCES = ("pricing", "service-level")
"""What must not depend on a refusal; `never` rules may name them before any purpose has the name (GDPR 7(4))."""

TRANSFORMS = ("mask", "mask-email", "initial", "sha256", "year", "month", "null", "bucket:N")
JURISDICTION_UNKNOWN = ("strictest", "deny")
AGE_UNKNOWN = ("adult-unless-service-for-children", "deny")
SUB_PROCESSORS = ("deny", "specific-authorisation", "general-authorisation")  # GDPR 28(2)
SPECIAL_GROUNDS = (  # GDPR 9(2)(a)-(j)
    "explicit-consent",
    "employment-law",
    "vital-interest",
    "not-for-profit",
    "made-public",
    "legal-claims",
    "substantial-public-interest",
    "health-care",
    "public-health",
    "research",
)
LANGUAGES = ("ar", "de", "en", "es", "fr")
"""Languages a notice can be written in: those there are sentence frames for (rightful/notices/languages)."""
SOURCES = ("you", "use", "worked-out", "others", "public")
"""Where data comes from: given, seen in use, worked out, from others, from public registers (GDPR 13, 14(2)(f))."""
NAMED_SOURCES = ("others", "public")
DPO_NOT_REQUIRED = "not-required"
ARTICLE_13_LAWS = frozenset({"gdpr", "uk-gdpr"})
"""Laws under which a notice has to say everything in GDPR Art. 13 and 14."""
SAFEGUARDS = (  # GDPR 45-49, UK GDPR 46
    "adequacy",
    "dpf",
    "scc-2021",
    "bcr",
    "code-of-conduct",
    "certification",
    "public-body-agreement",
    "ad-hoc-clauses",
    "uk-idta",
    "uk-addendum",
    "derogation-49",
)
TRANSFER_LAWS = frozenset({"gdpr", "uk-gdpr"})
"""Laws under which a recipient in a third country needs a safeguard."""
LAWS = (
    "gdpr",
    "eprivacy",
    "uk-gdpr",
    "uk-dpa",
    "pecr",
    "ccpa",
    "us-state-privacy",
    "can-spam",
    "tcpa",
    "coppa",
    "glba",
    "hipaa",
    "lgpd",
    "pipeda",
    "quebec-25",
    "casl",
    "fadp",
    "appi",
    "pipa",
    "pipl",
    "pdpa",
    "popia",
    "dpdpa",
    "privacy-act-au",
    "privacy-act-nz",
)

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a policy: its name, what it means, the JSON Schema of its value, an example."""

    name: str
    says: str
    schema: Schema
    example: str = ""
    required: bool = False


def ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def one_or_list(item: Schema) -> Schema:
    return {"anyOf": [item, {"type": "array", "items": item, "uniqueItems": True}]}


def a_list(item: Schema) -> Schema:
    return {"type": "array", "items": item, "uniqueItems": True}


def one_of(values: tuple[str, ...]) -> Schema:
    return {"enum": list(values)}


def named(item: str, id_pattern: str = ID) -> Schema:
    return {
        "type": "object",
        "propertyNames": {"pattern": f"^{id_pattern}$", "maxLength": LONGEST_ID},
        "additionalProperties": ref(item),
    }


TEXT: Schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT}
EMAIL: Schema = {"type": "string", "pattern": r"^[^\s@]+@[^\s@]+$", "maxLength": LONGEST_FIELD}
SITE: Schema = {"type": "string", "pattern": r"^https://[^\s]+$", "maxLength": LONGEST_FIELD}
OTHER_TEXTS: Schema = {
    "type": "object",
    "propertyNames": {"enum": list(LANGUAGES)},
    "additionalProperties": TEXT,
    "minProperties": 1,
}
WORD: Schema = {"type": ["string", "number"]}

SECTIONS: Mapping[str, tuple[Key, ...]] = {
    "document": (
        Key("rightful", "Format of this file.", {"const": FORMAT}, "1"),
        Key("policy", "Who answers for this policy.", ref("policy"), "{name: Meadow, version: 2026-02, ...}"),
        Key("unknown", "What to do where a fact about a customer is missing.", ref("unknown")),
        Key("regimes", "Sets of laws and the places they govern.", named("regime", REGIME_ID)),
        Key("categories", "Which field means what. A field in no category is never returned.", named("category")),
        Key(
            "roles",
            "Who works here and which purposes they may pursue.",
            {
                "type": "object",
                "propertyNames": {"pattern": f"^{ID}$", "maxLength": LONGEST_ID},
                "additionalProperties": {"anyOf": [one_or_list(ref("id")), ref("role")]},
            },
            "{analyst: [statistics]}",
        ),
        Key("purposes", "What data is used for, and on which ground.", named("purpose")),
        Key("recipients", "Everybody outside who receives data.", named("recipient")),
        Key("controller", "Who is responsible, and how to reach them (GDPR 13(1)(a)).", ref("controller")),
        Key(
            "dpo",
            f"How to reach the data protection officer (GDPR 13(1)(b)); {DPO_NOT_REQUIRED} where none is needed.",
            {"anyOf": [ref("party"), {"const": DPO_NOT_REQUIRED}]},
            "{email: dpo@meadow.example}",
        ),
        Key(
            "complaint",
            "The supervisory authority to complain to, by regime (GDPR 13(2)(d)).",
            {
                "type": "object",
                "propertyNames": {"pattern": f"^{REGIME_ID}$", "maxLength": LONGEST_ID},
                "additionalProperties": ref("party"),
            },
            '{EU: {name: CNPD, site: "https://www.cnpd.pt"}}',
        ),
        Key(
            "words",
            "What moments that periods are counted from (with the preposition), tables, fields and columns are called.",
            {"type": "object", "additionalProperties": {**OTHER_TEXTS}},
            "{the last delivery: {de: nach der letzten Lieferung}, customer.ltv: {en: your worth to us, de: Ihr Wert}}",
        ),
        Key(
            "moments",
            "Which dates in the data the moments of `keep` are: a field, the customer's last one, the end of its "
            f"year; {COLLECTION} for a period that names no moment. Without it nothing is disposed of by itself.",
            {"type": "object", "additionalProperties": ref("counted-from")},
            "{the last order: {last: order.ordered_at}, the end of the year: {end-of-year: order.ordered_at}}",
        ),
        Key("never", "What never happens, whatever permits it.", {"type": "array", "items": ref("never")}),
        Key("tests", "One customer, one question, the expected answer.", {"type": "array", "items": ref("test")}),
    ),
    "policy": (
        Key("name", "What the policy is called.", TEXT, "Meadow", required=True),
        Key("version", "The author's own word for this version.", WORD, "2026-11-01", required=True),
        Key("owner", "Who answers for it: an address or a name.", TEXT, "privacy@meadow.example", required=True),
        Key(
            "timezone",
            "IANA time zone in which days begin and end.",
            {"type": "string", "pattern": r"^[A-Za-z0-9_+/-]+$"},
            "Europe/Berlin",
            required=True,
        ),
        Key("language", "The language its texts are written in; en where nothing is said.", one_of(LANGUAGES), "de"),
    ),
    "party": (
        Key("name", "What it is called.", TEXT, "Data protection officer"),
        Key("address", "Where letters reach it.", TEXT, "Rua das Flores 1, 1200-195 Lisboa, Portugal"),
        Key("email", "Its e-mail address.", EMAIL, "dpo@meadow.example"),
        Key("phone", "Its telephone number.", TEXT, '"+351 21 000 000"'),
        Key("site", "Its page, with https.", SITE, '"https://meadow.example/privacy"'),
    ),
    "controller": (
        Key("name", "The legal name.", TEXT, '"Meadow, S.A."', required=True),
        Key("address", "Where letters reach it.", TEXT, "Rua das Flores 1, 1200-195 Lisboa", required=True),
        Key("email", "Its e-mail address for privacy.", EMAIL, "privacy@meadow.example", required=True),
        Key("phone", "Its telephone number.", TEXT, '"+351 21 000 000"'),
        Key("site", "Where customers find their privacy pages, with https.", SITE, '"https://meadow.example/privacy"'),
        Key(
            "representative",
            "Its representative in the Union or the United Kingdom, with address (GDPR Art. 27).",
            TEXT,
            '"Meadow Ireland Ltd, 1 Quay Street, Dublin"',
        ),
    ),
    "unknown": (
        Key(
            "jurisdiction",
            "Residence unknown: every regime has to agree (strictest), or nothing is permitted (deny).",
            one_of(JURISDICTION_UNKNOWN),
            "strictest",
        ),
        Key(
            "age",
            "Age unknown: an adult, but not for a service offered to children; or nothing is permitted (deny).",
            one_of(AGE_UNKNOWN),
            "deny",
        ),
        Key("field", "A field nobody classified is never returned.", one_of(("deny",)), "deny"),
    ),
    "regime": (
        Key("laws", "The laws of this regime.", one_or_list(ref("id")), "[gdpr, eprivacy]", required=True),
        Key(
            "where",
            "Places it governs: ISO 3166 codes. Norway is written with quotes.",
            one_or_list(ref("place")),
            '[DE, "NO", US-CA]',
            required=True,
        ),
        Key(
            "digital-consent-age",
            "From which age a child's own consent counts, by place (GDPR Art. 8(1)); 16 where nothing is said.",
            {
                "type": "object",
                "propertyNames": {"pattern": f"^{PLACE}$"},
                "additionalProperties": {"type": "integer", "minimum": 13, "maximum": 18},
            },
            "{DE: 16, FR: 15}",
        ),
        Key(
            "signals",
            "Browser signals that count as an opt-out (Global Privacy Control).",
            one_or_list(one_of(SIGNALS)),
            "[gpc]",
        ),
    ),
    "category": (
        Key(
            "fields",
            "Its fields: table.column, or table.* for every column of a table.",
            one_or_list(ref("pattern")),
            "[customer.email, order.*]",
            required=True,
        ),
        Key("except", "Fields of a table.* that do not belong here.", one_or_list(ref("field")), "[order.gift_note]"),
        Key(
            "special",
            "The article that makes it special; used only with a ground of its own (GDPR Art. 9).",
            {"type": "string", "pattern": r"^[a-z0-9]+([.-][a-z0-9]+)*$", "maxLength": LONGEST_ID},
            "gdpr-9",
        ),
        Key(
            "treat-as",
            "Treated as a special category because it may reveal one, such as free text.",
            one_of(("special",)),
            "special",
        ),
        Key("says", "What customers call it; its name where nothing is said.", ref("texts"), "{en: your address}"),
        Key(
            "from",
            "Where the data comes from: you (given), use (seen), worked-out, others, public; the last two with a name.",
            ref("source"),
            "{others: Harbour Credit Bureau}",
        ),
    ),
    "role": (
        Key(
            "purposes",
            "Purposes this role may pursue; a heading includes its children.",
            one_or_list(ref("id")),
            "[marketing]",
            required=True,
        ),
        Key("only", "Categories or fields this role may see at most.", one_or_list(ref("item")), "[contact]"),
        Key("except", "Categories or fields this role never sees.", one_or_list(ref("item")), "[customer.phone]"),
    ),
    "purpose": (
        Key(
            "says",
            "What the notice tells the customer, in plain words, in one language or several. A child without it says "
            "what its heading says.",
            ref("texts"),
            '{en: We bring you what you ordered., de: "Wir bringen Ihnen, was Sie bestellt haben."}',
        ),
        Key(
            "interest",
            "The legitimate interest it pursues, in the customer's words (GDPR 13(1)(d)).",
            ref("texts"),
            "We want to keep strangers out of your account.",
        ),
        Key(
            "automated",
            "How a machine decides here without a person, and what follows (GDPR 13(2)(f), 22).",
            ref("texts"),
            "A program works out your rate from your balance.",
        ),
        Key(
            "basis",
            "The lawful ground: one word; or one word with the law or the assessment it rests on; or one per regime.",
            ref("basis"),
            '{EU: consent, CA: opt-out} or {legal-obligation: "AO 147"}',
        ),
        Key("serves", "Regimes it serves; all of them where nothing is said.", one_or_list(ref("regime-id")), "[EU]"),
        Key(
            "needs",
            "Categories or fields it needs. Nothing else is returned.",
            one_or_list(ref("item")),
            "[identity, address.postcode, customer.email]",
        ),
        Key("channels", "Channels it uses; consent is asked for each.", one_or_list(ref("id")), "[email, phone]"),
        Key("keep", "How long the data is kept for it.", ref("period"), "6 months after the last delivery"),
        Key("recipients", "Who outside receives data for it.", one_or_list(ref("id")), "[parcel-carrier]"),
        Key(
            "survives",
            "What it outlives, for its own fields only; needs a legal obligation, vital interests or legal claims.",
            one_or_list(one_of(SURVIVES)),
            "[objection, withdrawal, erasure]",
        ),
        Key(
            "as",
            f"How a field is shown: {', '.join(TRANSFORMS)}.",
            {
                "type": "object",
                "propertyNames": {"pattern": f"^{FIELD}$", "maxLength": LONGEST_FIELD},
                "additionalProperties": ref("transform"),
            },
            '{customer.email: sha256, customer.age: "bucket:10"}',
        ),
        Key("output", "What may come out: rows, or counts over enough people.", ref("output")),
        Key(
            "direct-marketing",
            "An objection is absolute, and nobody under 18 is addressed (GDPR 21(3)). Children inherit it.",
            {"type": "boolean"},
            "true",
        ),
        Key(
            "compatible-with",
            "Purposes the data was collected for, found compatible with this one (GDPR 6(4)). Customers hear first.",
            one_or_list(ref("id")),
            "[delivery]",
        ),
        Key("consent", "How long a consent lasts and when it may be asked for again.", ref("consent")),
        Key(
            "for-children",
            "A service offered directly to children (GDPR Art. 8). Children purposes inherit it.",
            {"type": "boolean"},
            "true",
        ),
        Key(
            "special-ground",
            "The ground on which special categories may be used (GDPR 9(2)).",
            one_of(SPECIAL_GROUNDS),
            "explicit-consent",
        ),
        Key("children", "Purposes below this heading.", named("purpose")),
    ),
    "consent": (
        Key("expires", "When a consent ends.", ref("period"), "24 months after the last open or click"),
        Key("ask-again", "How long to wait after a no before asking again.", ref("period"), "after 6 months"),
    ),
    "output": (
        Key("only", "Only aggregates leave, never rows.", one_of(("aggregates",)), "aggregates"),
        Key(
            "at-least",
            "Smallest group of people a number may stand for.",
            {
                "anyOf": [
                    {"type": "integer", "minimum": 2},
                    {"type": "string", "pattern": r"^([2-9]|[1-9][0-9]{1,8})( people)?$"},
                ]
            },
            "20 people",
        ),
    ),
    "recipient": (
        Key("agreement", "The contract it receives data under.", TEXT, "DPA-117", required=True),
        Key("since", "First day, or instant with offset, the agreement is in force.", ref("moment"), "2026-02-01"),
        Key(
            "until",
            "Last day of the agreement; or the instant with offset at which it is over.",
            ref("moment"),
            "2027-12-31",
        ),
        Key("country", "Where the recipient is: ISO 3166 code.", {"type": "string", "pattern": f"^{COUNTRY}$"}, "DE"),
        Key("safeguard", "What protects data in a third country (GDPR 44-49).", one_of(SAFEGUARDS), "scc-2021"),
        Key("kind", "Who the recipient is in law.", one_of(RECIPIENT_KINDS), "processor"),
        Key("covers", "Categories or fields the agreement covers.", one_or_list(ref("item")), "[contact]"),
        Key("name", "What customers know it by; its id where nothing is said.", TEXT, '"Swift Parcels B.V."'),
        Key("sub-processors", "Whether it may pass the data on (GDPR 28(2)).", one_of(SUB_PROCESSORS), "deny"),
    ),
    "never": (
        Key(
            "use",
            "Categories or fields, or consent-status: whatever records a customer's consent.",
            one_or_list(ref("item")),
            "[health, free-text]",
            required=True,
        ),
        Key("for", "Purposes; a heading includes its children.", one_or_list(ref("id")), "[marketing]", required=True),
        Key("except", "Purposes below `for` that the rule spares.", one_or_list(ref("id")), "[reminders]"),
        Key("because", "Why, for everybody who is refused.", TEXT, '"GDPR 9; nobody agreed to it"', required=True),
    ),
    "test": (
        Key("given", "What is known about the customer.", ref("given"), "{lives: DE}", required=True),
        Key(
            "ask",
            "The question: role purpose [channel] [field ...] [to recipient].",
            TEXT,
            "marketer newsletter email customer.email",
            required=True,
        ),
        Key(
            "expect",
            "The answer: allow, partial or deny, with a reason code or the lawful basis.",
            TEXT,
            "deny consent_withdrawn",
            required=True,
        ),
    ),
    "given": (
        Key(
            "consent",
            "Per purpose, or purpose/channel, what the customer chose.",
            {"type": "object", "additionalProperties": one_of(CONSENT_WORDS)},
            "{newsletter/email: withdrawn}",
        ),
        Key("lives", "Where the customer lives.", ref("place"), "DE"),
        Key("signal", "A signal the browser sent.", one_or_list(one_of(SIGNALS)), "gpc"),
        Key("opted-out", "Whether the customer opted out of sale and sharing.", ref("switch"), "true"),
        Key("erasure", "Whether the customer has been erased.", {"enum": ["done", True, False]}, "done"),
        Key("objection", "Purposes objected to, or direct-marketing.", one_or_list(ref("id")), "direct-marketing"),
        Key("restriction", "Fields or categories restricted, or all.", one_or_list({"type": "string"}), "all"),
        Key("born", "Birth date.", {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"}, "2012-02-29"),
        Key("age", "Full years.", {"type": "integer", "minimum": 0, "maximum": 130}, "16"),
        Key("informed", "Whether the newest notice was shown.", ref("switch"), "true"),
    ),
}

DEFS: Mapping[str, Schema] = {
    "id": {"type": "string", "pattern": f"^{ID}$", "maxLength": LONGEST_ID},
    "regime-id": {"type": "string", "pattern": f"^{REGIME_ID}$", "maxLength": LONGEST_ID},
    "place": {"type": "string", "pattern": f"^{PLACE}$"},
    "field": {"type": "string", "pattern": f"^{FIELD}$", "maxLength": LONGEST_FIELD},
    "pattern": {"type": "string", "pattern": f"^{PATTERN}$", "maxLength": LONGEST_FIELD},
    "item": {"type": "string", "pattern": f"^({ID}|{FIELD})$", "maxLength": LONGEST_FIELD},
    "counted-from": {
        "anyOf": [
            one_or_list({"$ref": "#/$defs/field"}),
            {
                "type": "object",
                "propertyNames": {"enum": [c for c in COUNTS if c != "date"]},
                "additionalProperties": one_or_list({"$ref": "#/$defs/field"}),
                "minProperties": 1,
                "maxProperties": 1,
            },
        ]
    },
    "switch": {"enum": [True, False, "yes", "no"]},
    "texts": {"anyOf": [TEXT, OTHER_TEXTS]},
    "source": {
        "anyOf": [
            one_of(tuple(s for s in SOURCES if s not in NAMED_SOURCES)),
            {
                "type": "object",
                "propertyNames": {"enum": list(NAMED_SOURCES)},
                "additionalProperties": TEXT,
                "minProperties": 1,
                "maxProperties": 1,
            },
        ]
    },
    "transform": {
        "type": "string",
        "pattern": r"^(mask|mask-email|initial|sha256|year|month|null|bucket:[1-9][0-9]{0,8})$",
    },
    "period": {
        "type": "string",
        "pattern": r"^(after )?[1-9][0-9]{0,4} (day|week|month|year)s?( (after|from) the [a-z0-9][a-z0-9 ,'/-]*)?$",
    },
    "moment": {
        "type": "string",
        "pattern": r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d))?$",
    },
    "basis": {
        "anyOf": [
            one_of(BASES),
            {
                "type": "object",
                "propertyNames": {"enum": list(BASES)},
                "additionalProperties": TEXT,
                "minProperties": 1,
                "maxProperties": 1,
            },
            {
                "type": "object",
                "propertyNames": {"pattern": f"^{REGIME_ID}$", "not": {"enum": list(BASES)}},
                "minProperties": 1,
                "additionalProperties": {
                    "anyOf": [
                        one_of(BASES),
                        {
                            "type": "object",
                            "propertyNames": {"enum": list(BASES)},
                            "additionalProperties": TEXT,
                            "minProperties": 1,
                            "maxProperties": 1,
                        },
                    ]
                },
            },
        ]
    },
}


def keys(section: str) -> tuple[str, ...]:
    """The names of the keys a section may have."""
    return tuple(key.name for key in SECTIONS[section])


def required(section: str) -> tuple[str, ...]:
    return tuple(key.name for key in SECTIONS[section] if key.required)
