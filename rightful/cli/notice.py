"""`rightful notice`: what customers were told, and who was shown which version."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from rightful.cli.verbs import OK, Cli, verb
from rightful.errors import BadInput, NotFound

NOUN = "notice"
HELP = "What customers are told; generated from the policy, versioned, never changed."
app = typer.Typer()


LanguageOption = Annotated[str, typer.Option("--language", "-l", help="Language: ar, de, en, es, fr.")]


@verb(
    app,
    NOUN,
    "list",
    members={"notices": "list of {label, purposes, digest, text, languages, newest}, oldest first"},
)
def list_(cli: Cli) -> int:
    """Every notice that was ever published."""
    from rightful.policy.models import digest_of_terms

    with cli.open() as ws:
        notices, newest = ws.shelf.notices(), ws.shelf.newest_notice()
        texts = {version.label: version for version in ws.notices.versions()}
    listed = [
        {
            "label": label,
            "purposes": len(terms),
            "digest": digest_of_terms(terms),
            "text": texts[label].digest if label in texts else None,
            "languages": list(texts[label].languages) if label in texts else [],
            "newest": label == newest,
        }
        for label, terms in notices.items()
    ]
    cli.answer(notices=listed)
    rows = [
        (
            x["label"],
            x["purposes"],
            str(x["text"] or "")[:16],
            ", ".join(texts[label].languages) if (label := str(x["label"])) in texts else "no public text",
            "in use" if x["newest"] else "",
        )
        for x in listed
    ]
    cli.table(("notice", "purposes", "text", "languages", ""), rows, right=(1,))
    return OK


@verb(
    app,
    NOUN,
    "show",
    members={
        "label": "the notice",
        "terms": "purpose -> {says, categories, recipients, channels, basis}: what a consent on it covers",
        "digest": "SHA-256 of its public text, null where it has none",
        "language": "of the text",
        "text": "the notice as Markdown, null where it has none",
        "readability": "layer -> {lix, words, sentences, long_words, meaning}",
        "untranslated": "what stands in the policy's language still",
    },
)
def show(
    cli: Cli,
    label: Annotated[str, typer.Argument(help="A label or a digest; else the newest.")] = "",
    language: LanguageOption = "",
) -> int:
    """What one notice says."""
    from dataclasses import asdict

    from rightful.actions.show_notice import issue_line, measure, show_notice
    from rightful.notices.markdown import markdown

    with cli.open() as ws:
        notices = ws.shelf.notices()
        label = label or ws.shelf.newest_notice()
        version = ws.notices.find(label)
        if version is None and label not in notices:
            raise NotFound(f"there is no notice {label or 'yet'}", remedy="`rightful notice list` shows them")
        if version is None:
            terms = notices[label]
            cli.answer(label=label, terms=terms, digest=None, language=None, text=None, readability={}, untranslated=[])
            _terms(cli, terms)
            return OK
        shown = show_notice(ws, label, language)
        text = markdown(shown.notice, issue=issue_line(ws, shown))
    found = measure(shown.notice)
    cli.answer(
        label=version.label,
        terms=notices[version.label],
        digest=version.digest,
        language=shown.notice.language,
        text=text,
        readability={"short": asdict(found.short), "whole": asdict(found.whole)},
        untranslated=list(found.untranslated),
    )
    cli.show(text)
    if language and shown.notice.language != language:
        cli.say(f"There is no text in {language}; this is the notice's own language.")
    cli.say(
        f"Reads {found.short.meaning} in the short layer (LIX {found.short.lix}), {found.whole.meaning} as a whole "
        f"(LIX {found.whole.lix}): words per sentence plus the share of long words."
    )
    if found.untranslated:
        cli.say(f"Not translated yet: {', '.join(found.untranslated)}")
    return OK


def _terms(cli: Cli, terms: Mapping[str, Mapping[str, Any]]) -> None:
    """A notice from before there were texts: purpose by purpose."""
    for purpose, entry in terms.items():
        cli.show(f"{purpose}: {entry.get('says', '')}", "bold")
        bases = ", ".join(dict.fromkeys((entry.get("basis") or {}).values()))
        for words, value in (
            ("because of", bases),
            ("uses", ", ".join(entry.get("categories", ()))),
            ("reaches you by", ", ".join(entry.get("channels", ()))),
            ("goes to", ", ".join(entry.get("recipients", ())) or "nobody else"),
        ):
            if value:
                cli.show(f"  {words:<16}{value}")


@verb(
    app,
    NOUN,
    "publish",
    members={
        "label": "of the notice that is newest now",
        "digest": "SHA-256 of its texts",
        "languages": "in which it is published",
        "entry": "ledger entry, null if this very notice was published already",
    },
)
def publish(cli: Cli) -> int:
    """Publish the public notice of the policy in force; refused while it would have a gap."""
    from rightful.actions.publish_notice import publish_notice

    with cli.open() as ws, cli.progress("Publishing") as progress:
        filled = bool(ws.source.catalogue())
        done = publish_notice(ws, actor=cli.operator, rebuild=filled, progress=progress)
    cli.answer(label=done.label, digest=done.digest, languages=list(done.languages), entry=done.entry)
    words = "published" if done.entry is not None else "is the newest already"
    cli.show(f"Notice {done.label} {words} ({', '.join(done.languages)}; {done.digest[:16]})")
    return OK


@verb(
    app,
    NOUN,
    "diff",
    members={
        "old": "label",
        "new": "label",
        "language": "compared in",
        "changes": "list of {kind, where, label, before, after, purpose}",
    },
)
def diff(
    cli: Cli,
    old: Annotated[str, typer.Argument(help="A label or a digest; else the one before the new one.")] = "",
    new: Annotated[str, typer.Argument(help="A label or a digest; else the newest.")] = "",
    language: LanguageOption = "",
) -> int:
    """What a customer finds new, gone and changed, sentence by sentence."""
    from dataclasses import asdict

    from rightful.actions.show_notice import compare_notices, show_notice, version_before

    with cli.open() as ws:
        latest = show_notice(ws, new).version.label
        before = old or version_before(ws, latest)
        if not before:
            raise NotFound(f"there is no notice before {latest}", remedy="`rightful notice list` shows them")
        found = compare_notices(ws, before, latest, language)
    old_label, new_label = found.old.version.label, found.new.version.label
    changes = [asdict(change) for change in found.changes]
    cli.answer(old=old_label, new=new_label, language=found.new.notice.language, changes=changes)
    for kind in ("new", "gone", "changed"):
        of_kind = found.of_kind(kind)
        if of_kind:
            cli.show(f"{kind.capitalize()} ({len(of_kind)})", "bold")
        for where, group in found.grouped(kind):
            cli.show("  " + " > ".join(part for part in where if part))
            for change in group:
                label = f"{change.label}: " if change.label else ""
                if kind == "changed":
                    cli.show(f"    - {label}{change.before}\n    + {label}{change.after}")
                else:
                    cli.show(f"    {label}{change.before or change.after}")
    if not found.changes:
        cli.show(f"{old_label} and {new_label} say the same")
    return OK


@verb(
    app,
    NOUN,
    "export",
    members={
        "label": "the notice",
        "language": "of the text",
        "form": "md, html, pdf or jsonld",
        "path": "the file; null on stdout",
        "bytes": "its size",
        "sha256": "of the file",
    },
)
def export(
    cli: Cli,
    label: Annotated[str, typer.Argument(help="A label or a digest; else the newest.")] = "",
    form: Annotated[str, typer.Option("--form", "-f", help="md, html, pdf or jsonld.")] = "html",
    language: LanguageOption = "",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The file to write; else stdout.")] = None,
) -> int:
    """A notice as a file: Markdown, HTML, PDF, or JSON-LD for machines."""
    import hashlib
    import sys

    from rightful.actions.show_notice import render

    if out is None and cli.as_json:
        raise BadInput("a file and a JSON object do not both fit on stdout", remedy="Name the file: --out FILE")
    with cli.open() as ws:
        content, _, shown = render(ws, form, label, language)
    if out is not None:
        out.write_bytes(content)
    else:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    cli.answer(
        label=shown.version.label,
        language=shown.notice.language,
        form=form,
        path=None if out is None else str(out),
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    if out is not None:
        cli.say(f"{out}: notice {shown.version.label} in {shown.notice.language}, {len(content):,} bytes")
    return OK


@verb(app, NOUN, "serve", members={"entry": "ledger entry", "at": "instant", "effect": "what follows, in one sentence"})
def serve(
    cli: Cli,
    customer: Annotated[str, typer.Argument(help="The customer's key.")],
    label: Annotated[str, typer.Argument(help="A label; else the newest.")] = "",
) -> int:
    """Note that a customer was shown a notice."""
    from rightful.actions.record_choice import serve_notice

    with cli.open() as ws:
        if label and label not in ws.shelf.notices():
            raise NotFound(f"there is no notice {label}", remedy="`rightful notice list` shows them")
        done = serve_notice(ws, customer, label or None, actor=cli.operator)
    cli.answer(entry=done.index, at=done.at, effect=done.effect)
    cli.show(done.effect)
    return OK
