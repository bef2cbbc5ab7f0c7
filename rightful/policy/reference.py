"""The reference page of the policy language, written from the vocabulary.

`python -m rightful.policy.reference` writes it; docs/reference/policy.md is a copy,
and a test holds the two together. Each example line is loaded by the test as well.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from rightful.policy import vocabulary as v
from rightful.policy.examples import ASK_EXAMPLE, EXPECT_EXAMPLE
from rightful.policy.periods import EXAMPLES
from rightful.policy.tree import DEEPEST, LARGEST, MOST_LINES, MOST_NODES

TITLES = {
    "document": (
        "A policy file",
        "The sections. A folder of files is one policy; each section may be in several files.",
    ),
    "policy": ("policy", "Who answers for it."),
    "controller": ("controller", "Who is responsible. The public notice needs it."),
    "party": ("dpo, complaint", "Somebody customers can turn to; at least one way to reach them."),
    "unknown": ("unknown", "What to do where a fact is missing. Left out: strictest, adult, deny."),
    "regime": ("regimes", "Each entry is a name (letters, digits, hyphens) and:"),
    "category": ("categories", "Each entry is a name and:"),
    "role": ("roles", "Each entry is a name and a list of purposes, or:"),
    "purpose": ("purposes", "Each entry is a name and:"),
    "consent": ("purposes: consent", "Beside a basis of consent."),
    "output": ("purposes: output", "What may leave."),
    "recipient": ("recipients", "Each entry is a name and:"),
    "never": ("never", "A list. A denial wins over every permission."),
    "test": ("tests", "A list. `rightful policy test` asks each question."),
    "given": ("tests: given", "The customer. `{}` is a customer about whom nothing is known."),
}


def reference() -> str:
    """The whole page in Markdown."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    yield "# Policy language"
    yield ""
    yield "<!-- Written by `python -m rightful.policy.reference`. Change rightful/policy/vocabulary.py instead. -->"
    yield ""
    yield "A policy is YAML with a closed vocabulary: no expressions, no variables, no code. It loads whole or"
    yield "not at all, and a refusal lists every problem with file, line and column. Editors read the JSON Schema"
    yield "in `rightful/policy/schema.json`."
    yield ""
    for section, (title, intro) in TITLES.items():
        yield f"## {title}"
        yield ""
        yield intro
        yield ""
        yield "| Key | Meaning | Example |"
        yield "|---|---|---|"
        for key in v.SECTIONS[section]:
            must = " (required)" if key.required else ""
            example = f"`{key.example}`" if key.example else ""
            yield f"| `{key.name}`{must} | {key.says} | {example} |".replace("||", "\\|\\|")
        yield ""
    yield from _words()
    yield from _shapes()
    yield from _refusals()


def _words() -> Iterator[str]:
    yield "## Words"
    yield ""
    yield f"- **basis**: {_list(v.BASES)}."
    yield f"- **survives**: {_list(v.SURVIVES)}; only on {_list(b.value for b in v.LAWFUL_WITHOUT_THE_PERSON)}."
    yield f'- **as**: {_list(v.TRANSFORMS)}. In quotes: `"null"`.'
    yield f"- **special-ground**: {_list(v.SPECIAL_GROUNDS)}."
    yield f"- **safeguard**: {_list(v.SAFEGUARDS)}."
    yield f"- **from** of a category: {_list(v.SOURCES)}; {_list(v.NAMED_SOURCES)} with a name."
    yield f"- **Languages**: {_list(v.LANGUAGES)}."
    yield f"- **kind** of a recipient: {_list(v.RECIPIENT_KINDS)}; `third-party` where nothing is said."
    yield f"- **laws** with rules of their own: {_list(v.LAWS)}. Another name is taken as it is."
    yield f"- **never** may also name `{v.CONSENT_STATUS}` in `use`, and {_list(v.CONSEQUENCES)} in `for`."
    yield ""


def _shapes() -> Iterator[str]:
    yield "## How things are written"
    yield ""
    yield "- **Names** use `a-z`, `0-9` and `-`; compared byte for byte. Regimes may use capitals."
    yield "- **Fields** are `table.column`. `table.*` stands for every column of a table, in categories only."
    yield "- **Items** of needs, only, except, covers and use are a category, a field, or `category.column`:"
    yield "  `address.postcode` is the column postcode of the category address."
    yield "- **One field, one category.** A field named by itself beats the `table.*` of another category, unless"
    yield "  that category is special: then it has to be in its `except`."
    yield f"- **Lengths of time**: {EXAMPLES}."
    yield "- **Days** are whole days in the policy's time zone: an agreement until 2027-12-31 ends when 2028 begins."
    yield "  Instants need an offset: `2027-12-31T18:00:00+01:00`."
    yield '- **Words that readers disagree about** stand in quotes: `"no"`, `"on"`, `"NO"` for Norway,'
    yield '  `"null"`, `"12:30"`, `"010"`.'
    yield "- **Texts for customers** (`says`, `interest`, `automated`) are one text in the policy's language, or one"
    yield "  per language: `says: {en: We count., de: Wir zählen.}`; the policy's own language is always among them."
    yield "- **Children** inherit `direct-marketing` and `for-children`, and say what their heading says if they"
    yield "  say nothing. A purpose with children and neither basis nor needs is a heading."
    yield f"- **Questions** of tests: {ASK_EXAMPLE}. **Answers**: {EXPECT_EXAMPLE}."
    yield ""


def _refusals() -> Iterator[str]:
    yield "## What does not load"
    yield ""
    yield "- Unknown keys and names, with the nearest known name; keys written twice, in one file or in two."
    yield "- Tags, anchors, aliases, directives, a second document in a file, tabs, text that is not UTF-8."
    yield "- Values without quotes that YAML readers take for yes, no, nothing or another number."
    yield "- Dates in another form, times without an offset, lengths of time that are not understood."
    yield "- A purpose without words, without needs, or without a basis in a regime it serves."
    yield "- A recipient without an agreement or a country; one in a third country without a safeguard, if a"
    yield f"  regime follows {_list(sorted(v.TRANSFER_LAWS))}."
    yield "- `survives` on a basis that depends on the customer; groups under 2 people; circles."
    yield f"- More than {LARGEST // 1024} KiB, {MOST_LINES:,} lines, {MOST_NODES:,} values, or {DEEPEST} levels;"
    yield f"  more than {', '.join(f'{most:,} {name}' for name, most in v.MOST.items())}, {v.MOST_TABLES} whole tables."
    yield ""
    yield "`rightful policy check` adds what loads but contradicts itself (errors: such a policy does not come into"
    yield "force), looks like a slip (warnings), or keeps the public notice from being published (advice: GDPR 13, 14)."
    yield ""
    yield "## Versions"
    yield ""
    yield "The version is the SHA-256 of the canonical JSON (RFC 8785) of everything a policy means. Comments,"
    yield "layout, the order of keys and lists, and the tests do not change it."


def _list(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


if __name__ == "__main__":
    sys.stdout.write(reference())
