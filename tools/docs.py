"""Writes the reference pages that are made from the code: `make docs`.

`python tools/docs.py --check` changes nothing and fails if a page is not what the code says.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

CLI_HEAD = """# Command line

<!-- Written by tools/docs.py from the code. Change the code, then run `make docs`. -->

`rightful <noun> <verb>`. Data goes to stdout, talk to stderr; in a pipe nothing is cut, and tables of data become CSV.

| every verb has | |
| --- | --- |
| `-w`, `--workspace FOLDER` | the workspace; else `RIGHTFUL_WORKSPACE`, else this folder; also below `RIGHTFUL_HOME` |
| `--as ADDRESS` | who asks; else `RIGHTFUL_ACTOR`. Needed wherever customer data is read |
| `--json` | stdout holds exactly one JSON object |
| `-q`, `--quiet` | stderr holds errors only |
| `-h`, `--help` | what the verb does and takes |

`NO_COLOR` switches colours off. `RIGHTFUL_DEBUG=1` shows where an unexpected error came from.

## Exit codes

| code | |
| --- | --- |
| 0 | done |
| 1 | something unexpected |
| 2 | used wrongly, or input that cannot be understood; nothing was changed |
| 3 | the gate, or a rule, said no; the refusal is on record |
| 4 | a check failed: policy, tests, ledger, workspace |
| 5 | partly done: some rows were rejected, each with its reason |
| 6 | the thing named is not there |
| 7 | a deadline was missed |

## JSON

Every object has `schema`, the verb's name with a version: `rightful/gate.query/1`. Within a version members are added,
never removed or given another meaning. Instants are ISO 8601 with their offset. An error is one object too:
`rightful/problem/1` with `type`, `title`, `code`, `article`, `remedy`, `exit_code`, `problems` (for a policy: each with
file, line and column) and `decision` (for a refusal of the gate: every reason).
"""


def cli_page() -> str:
    """The command line, verb by verb."""
    from rightful.cli import main
    from rightful.cli.verbs import VERBS

    parts = [CLI_HEAD]
    nouns = {"": "Workspace"} | {part.NOUN: part.HELP for part in _parts(main)}
    for noun, words in nouns.items():
        parts.append(f"## {noun}\n\n{words}\n" if noun else "## The workspace itself\n")
        for path, verb in VERBS.items():
            if verb.noun == noun:
                parts.append(_verb(path, verb))
    return "\n".join(parts)


def _parts(main: Any) -> list[Any]:
    return [part for parts in main.PANELS.values() for part in parts]


def _verb(path: str, verb: Any) -> str:
    import typer.models

    hints = get_type_hints(verb.function, include_extras=True)
    usage, rows = [f"rightful {path}"], []
    for parameter in list(inspect.signature(verb.function).parameters.values())[1:]:
        hint = hints[parameter.name]
        assert get_origin(hint) is Annotated
        kind, info = get_args(hint)[:2]
        default = parameter.default
        needed = default is inspect.Parameter.empty
        many = "list" in str(kind)
        if isinstance(info, typer.models.ArgumentInfo):
            name = info.metavar or parameter.name.upper()
            shown = f"{name}..." if many else name
            usage.append(shown if needed else f"[{shown}]")
            rows.append((f"`{name}`", _words(info.help, default)))
            continue
        names = ", ".join(f"`{n}`" for n in _option_names(info, parameter.name, kind))
        rows.append((names + (", may be repeated" if many else ""), _words(info.help, default)))
    if any(not row[0].strip("`").isupper() for row in rows):
        usage.append("[options]")
    lines = [f"### {path}", "", inspect.getdoc(verb.function) or "", "", "```", " ".join(usage), "```", ""]
    if rows:
        lines += ["| | |", "| --- | --- |", *(f"| {_cell(name)} | {_cell(words)} |" for name, words in rows), ""]
    lines += ["JSON:", "", *(f"- `{member}`: {words}" for member, words in verb.members.items()), ""]
    return "\n".join(lines)


def _option_names(info: Any, name: str, kind: Any) -> tuple[str, ...]:
    declared = tuple(d for d in (getattr(info, "default", None), *(info.param_decls or ())) if isinstance(d, str))
    if declared:
        return tuple(sorted(declared))
    plain = "--" + name.replace("_", "-")
    return (plain, "--no-" + plain[2:]) if kind is bool else (plain,)


def _words(help_text: str | None, default: Any) -> str:
    if isinstance(default, Enum):
        default = default.value
    said = default is not inspect.Parameter.empty and not isinstance(default, bool) and default not in (None, "")
    return f"{help_text or ''}" + (f" Default: `{default}`." if said else "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def policy_page() -> str:
    from rightful.policy.reference import reference

    return reference()


def policy_schema() -> str:
    from rightful.policy.schema import schema_text

    return schema_text()


RECEIPT_HEAD = """# Consent receipts

<!-- Written by tools/docs.py from rightful/consent/receipt.py. Change the code, then run `make docs`. -->

A consent record has the fields of ISO/IEC TS 27560:2023, written as JSON-LD with terms of the W3C Data Privacy
Vocabulary. A receipt is the whole record with a number of its own. Which field is mandatory, and its DPV term, follow
the DPVCG guide [Consent Records and Receipts as per ISO/IEC TS 27560:2023 using
DPV](https://w3id.org/dpv/guides/consent-27560) (Final Community Group Report, 1 August 2024), table "ISO 27560:2023,
EU GDPR, and DPV". The schema `rightful/consent/consent-receipt.schema.json` refuses a receipt without any mandatory
one; `tests/actions/test_consent_receipt.py` takes each away in turn.

Prefixes: `dpv` is https://w3id.org/dpv#, `eu-gdpr` https://w3id.org/dpv/legal/eu/gdpr#, `dct` http://purl.org/dc/terms/.
`rf` is ours: digests, ledger entries, the reference to the evidence.

## The receipt

| field | clause | | DPV | holds |
| --- | --- | --- | --- | --- |
"""
RECEIPT_MIDDLE = """
## The record in it, below `dct:hasPart`

| field | clause | | DPV | stands in | holds |
| --- | --- | --- | --- | --- | --- |
"""
RECEIPT_TAIL = """
## What comes with it

A zip: the receipt, each notice it names (its SHA-256 is `rf:sha256`), each ledger entry it names
(`rf:entrySha256`), and the proof of the entry in which the receipt itself was recorded. The entry's sealed payload
holds the receipt and its SHA-256; `HOW-TO-VERIFY.md` in the zip says how to check all of it with tools that are not
ours.

`rf:shown: false` beside a notice says that nobody kept which notice was shown: it is the one that was out then.
Language `und` says that nobody kept the language. Both occur with histories from other systems only.
"""


def receipt_page() -> str:
    """The fields of a consent receipt, in the order of the standard."""
    from rightful.consent.receipt import FIELDS, RECEIPT_FIELDS

    def row(field: Any, *, path: bool) -> str:
        must = "mandatory" if field.required else "optional"
        cells = [f"`{field.name}`", field.clause, must, f"`{field.term}`"]
        cells += [f"`{'.'.join(field.path)}`"] if path else []
        return f"| {' | '.join([*cells, _cell(field.says)])} |\n"

    head = "".join(row(field, path=False) for field in RECEIPT_FIELDS)
    return RECEIPT_HEAD + head + RECEIPT_MIDDLE + "".join(row(f, path=True) for f in FIELDS) + RECEIPT_TAIL


def deadlines_page() -> str:
    from rightful.compliance.reference import reference

    return reference()


def rest_page() -> str:
    """The REST API, operation by operation; Django is set up without any workspace."""
    os.environ.pop("RIGHTFUL_WORKSPACE", None)
    os.environ["DJANGO_SETTINGS_MODULE"] = "rightful.web.settings"
    import django

    django.setup()
    from rightful.api.reference import reference

    return reference()


PAGES: Mapping[str, Callable[[], str]] = {
    "docs/reference/cli.md": cli_page,
    "docs/reference/consent-receipt.md": receipt_page,
    "docs/reference/deadlines.md": deadlines_page,
    "docs/reference/policy.md": policy_page,
    "docs/reference/rest.md": rest_page,
    "rightful/policy/schema.json": policy_schema,
}


def main() -> int:
    """Write the pages, or with --check say which are not up to date."""
    stale = []
    for name, make in PAGES.items():
        path, text = ROOT / name, make()
        if path.is_file() and path.read_text("utf-8") == text:
            continue
        stale.append(name)
        if "--check" not in sys.argv[1:]:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for name in stale:
        print(f"{name}: {'not up to date; run make docs' if '--check' in sys.argv[1:] else 'written'}")
    return 1 if stale and "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
