"""Brings the message catalogues up to date: `python tools/messages.py`.

Collects every sentence that customers read (templates, doors, tables of sentences),
merges it into rightful/web/locale/*/LC_MESSAGES/django.po and compiles the .mo beside.
The console speaks English, so its sentences are not collected.

`--check` changes nothing and fails if a sentence is missing, doubtful or no longer
used, or if a .mo is not what its .po says.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import polib

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "rightful" / "web" / "locale"
LANGUAGES = ("ar", "de", "es", "fr")
# Read by staff only.
LEFT_OUT = (
    "console/*", "cli/*", "demo/*", "sdk/*", "gate/*", "web/templates/account/*", "web/templates/mfa/*",
    "web/templates/outbox.html", "web/forms.py", "web/staff_pages.py", "web/static/*",
)  # fmt: skip
FORMS = {
    "ar": "nplurals=6; plural=n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : "
    "n%100>=3 && n%100<=10 ? 3 : n%100>=11 && n%100<=99 ? 4 : 5;",
    "de": "nplurals=2; plural=(n != 1);",
    "es": "nplurals=2; plural=(n != 1);",
    "fr": "nplurals=2; plural=(n > 1);",
}
Key = tuple[str, str, str]


def collected() -> dict[Key, polib.POEntry]:
    """Every sentence in the source, by context, singular and plural."""
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "rightful"
        shutil.copytree(ROOT / "rightful", copy, ignore=shutil.ignore_patterns("locale", "__pycache__", "data"))
        (copy / "locale").mkdir()
        ignored = [part for pattern in LEFT_OUT for part in ("--ignore", pattern)]
        subprocess.run(
            [sys.executable, "-m", "django", "makemessages", "--locale", "de", "--no-location", "--no-wrap", *ignored],
            cwd=copy,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "", "PYTHONPATH": str(ROOT)},
            check=True,
            capture_output=True,
        )
        return {_key(entry): entry for entry in polib.pofile(str(copy / "locale/de/LC_MESSAGES/django.po"))}


def merged(language: str, wanted: dict[Key, polib.POEntry]) -> polib.POFile:
    """The catalogue of a language with exactly the wanted sentences; what is there is kept."""
    path = LOCALE / language / "LC_MESSAGES" / "django.po"
    known = {_key(entry): entry for entry in polib.pofile(str(path))} if path.exists() else {}
    made = polib.POFile(wrapwidth=0)
    made.metadata = {
        "Project-Id-Version": "rightful",
        "Language": language,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": FORMS[language],
    }
    for key in sorted(wanted):
        entry = wanted[key]
        old = known.get(key)
        flags = [flag for flag in entry.flags if flag != "fuzzy"]
        fresh = polib.POEntry(msgctxt=entry.msgctxt, msgid=entry.msgid, msgid_plural=entry.msgid_plural, flags=flags)
        if entry.msgid_plural:
            count = int(FORMS[language].partition("nplurals=")[2].partition(";")[0])
            fresh.msgstr_plural = dict(old.msgstr_plural) if old else dict.fromkeys(range(count), "")
        else:
            fresh.msgstr = old.msgstr if old else ""
        made.append(fresh)
    return made


def missing(catalogue: polib.POFile) -> list[str]:
    """Sentences without a translation."""
    return [e.msgid for e in catalogue if not (all(e.msgstr_plural.values()) if e.msgid_plural else e.msgstr)]


def check() -> list[str]:
    """What is wrong with the catalogues, one sentence each."""
    wanted = collected()
    wrong = []
    for language in LANGUAGES:
        path = LOCALE / language / "LC_MESSAGES" / "django.po"
        stored = polib.pofile(str(path), wrapwidth=0)
        keys = {_key(entry) for entry in stored}
        wrong += [f"{language}: not collected yet: {key[1]}" for key in sorted(wanted.keys() - keys)]
        wrong += [f"{language}: no longer used: {key[1]}" for key in sorted(keys - wanted.keys())]
        wrong += [f"{language}: not translated: {text}" for text in missing(stored)]
        wrong += [f"{language}: doubtful: {entry.msgid}" for entry in stored if entry.fuzzy]
        compiled = path.with_suffix(".mo")
        if not compiled.exists() or _pairs(polib.mofile(str(compiled))) != _pairs(stored):
            wrong.append(f"{language}: the .mo is not what the .po says")
    return wrong


def main() -> int:
    if "--check" in sys.argv[1:]:
        wrong = check()
        print("\n".join(wrong) or "every sentence is translated")
        return 1 if wrong else 0
    wanted = collected()
    for language in LANGUAGES:
        made = merged(language, wanted)
        path = LOCALE / language / "LC_MESSAGES" / "django.po"
        path.parent.mkdir(parents=True, exist_ok=True)
        made.save(str(path))
        made.save_as_mofile(str(path.with_suffix(".mo")))
        print(f"{language}: {len(made)} sentences, {len(missing(made))} not translated")
    return 0


def _key(entry: polib.POEntry) -> Key:
    return entry.msgctxt or "", entry.msgid, entry.msgid_plural


def _pairs(catalogue: polib.POFile | polib.MOFile) -> dict[Key, object]:
    return {
        _key(e): dict(e.msgstr_plural) if e.msgid_plural else e.msgstr
        for e in catalogue
        if e.msgstr or any(e.msgstr_plural.values())
    }


if __name__ == "__main__":
    sys.exit(main())
