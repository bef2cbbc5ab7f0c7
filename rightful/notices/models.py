"""Where the texts of published notices lie: one row per version and language, never changed.

The label and the terms of a notice, which the gate reads, stand in the policy's shelf; here is what
people were shown. Each row carries the digest of its content, which the ledger's entry of the publication
names: a receipt that holds the digest leads to exactly these bytes (case AC-056).

Easy to get wrong: an older notice that has terms and no text. What it said about a purpose is then the one
sentence in its terms, and no language is known but the one it was written in.

Sources: GDPR Art. 7(1), 12, 13; ISO/IEC TS 27560:2023 (notice and wording of a consent record).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rightful.errors import NotFound, RecordMismatch
from rightful.ledger.canonical import canonical
from rightful.ledger.database import Database, Tx
from rightful.notices.rules import Notice, as_document, digest_of, from_document, wording

TABLES = [
    """CREATE TABLE notice_text (
        label TEXT NOT NULL, language TEXT NOT NULL, digest TEXT NOT NULL, document TEXT NOT NULL,
        main INTEGER NOT NULL, PRIMARY KEY (label, language))""",
    """CREATE TABLE notice_version (
        label TEXT PRIMARY KEY, digest TEXT NOT NULL, facts TEXT NOT NULL, published_us INTEGER NOT NULL,
        entry INTEGER NOT NULL)""",
    "CREATE INDEX notice_version_digest ON notice_version (digest)",
]
SHORTEST_DIGEST = 8

TermsOf = Callable[[str], Mapping[str, Mapping[str, Any]] | None]


@dataclass(frozen=True, slots=True)
class Wording:
    """What was shown about one purpose: the exact text and its SHA-256.

    `language` is the one it is in, which is the notice's own where the one asked for was not published;
    `notice_digest` is that of the whole text in that language, "" for an older notice that has none.
    """

    label: str
    purpose: str
    language: str
    text: str
    sha256: str
    notice_digest: str


@dataclass(frozen=True, slots=True)
class Version:
    """A published version of the public notice: `digest` covers its texts in all languages."""

    label: str
    digest: str
    languages: tuple[str, ...]
    published_us: int
    entry: int


class NoticeShelf:
    """The texts of all notices that were ever published."""

    def __init__(self, db: Database, terms_of: TermsOf) -> None:
        self.db = db
        self._terms_of = terms_of
        db.migrate("notices", TABLES)

    def versions(self) -> list[Version]:
        """Every version that has a text, oldest first."""
        languages: dict[str, list[str]] = {}
        for label, language in self.db.query("SELECT label, language FROM notice_text ORDER BY main DESC, language"):
            languages.setdefault(label, []).append(language)
        rows = self.db.query("SELECT label, digest, published_us, entry FROM notice_version ORDER BY entry")
        return [Version(label, digest, tuple(languages[label]), at, entry) for label, digest, at, entry in rows]

    def newest(self) -> Version | None:
        """The version customers are shown."""
        found = self.versions()
        return found[-1] if found else None

    def find(self, name: str) -> Version | None:
        """A version by its label, or by its digest or the beginning of it."""
        for version in self.versions():
            if version.label == name:
                return version
        if len(name) >= SHORTEST_DIGEST:
            for version in self.versions():
                if version.digest.startswith(name):
                    return version
        return None

    def text(self, label: str, language: str = "") -> Notice:
        """One notice in one language; in its own where that language was not published.

        Raises:
            NotFound: no text was published under this label.
            RecordMismatch: the row is not what was written.
        """
        rows = self.db.query(
            "SELECT digest, document FROM notice_text WHERE label = ? ORDER BY language = ? DESC, main DESC, language",
            (label, language),
        )
        if not rows:
            raise NotFound(f"notice {label} has no public text", remedy="`rightful notice publish` makes one")
        digest, document = rows[0]
        try:
            notice = from_document(json.loads(document))
            same = digest_of(notice) == digest
        except (KeyError, TypeError, ValueError) as error:
            raise RecordMismatch(f"the text of notice {label} cannot be read: it is not what was written") from error
        if not same:
            raise RecordMismatch(f"the text of notice {label} is not what was written")
        return notice

    def facts(self, label: str) -> Mapping[str, Any]:
        """The facts a version was written from.

        Raises:
            NotFound: no text was published under this label.
        """
        rows = self.db.query("SELECT facts FROM notice_version WHERE label = ?", (label,))
        if not rows:
            raise NotFound(f"notice {label} has no public text", remedy="`rightful notice publish` makes one")
        facts: dict[str, Any] = json.loads(rows[0][0])
        return facts

    def wording(self, label: str, purpose: str, language: str = "") -> Wording:
        """The exact text a customer was shown about a purpose.

        Raises:
            NotFound: there is no such notice, or it does not name the purpose.
        """
        try:
            notice = self.text(label, language)
        except NotFound:
            return self._older(label, purpose)
        text = wording(notice, purpose)
        if not text:
            raise NotFound(f"notice {label} does not name {purpose}")
        return Wording(label, purpose, notice.language, text, _sha256(text), digest_of(notice))

    def put(
        self,
        tx: Tx,
        label: str,
        texts: Mapping[str, Notice],
        facts: Mapping[str, Any],
        at_us: int,
        entry: int,
    ) -> str:
        """Keep the texts of a new version, in the caller's transaction; the first language is its own.

        Returns the digest of the version.
        """
        digest = digest_of_texts(texts)
        rows = [
            (label, language, digest_of(notice), json.dumps(as_document(notice), ensure_ascii=False), int(not number))
            for number, (language, notice) in enumerate(texts.items())
        ]
        tx.insert_many("notice_text", "label, language, digest, document, main", rows)
        kept = json.dumps(facts, ensure_ascii=False, sort_keys=True)
        tx.execute("INSERT INTO notice_version VALUES (?, ?, ?, ?, ?)", (label, digest, kept, at_us, entry))
        return digest

    def _older(self, label: str, purpose: str) -> Wording:
        terms = self._terms_of(label)
        if terms is None:
            raise NotFound(f"there is no notice {label}", remedy="`rightful notice list` shows them")
        if purpose not in terms:
            raise NotFound(f"notice {label} does not name {purpose}")
        text = str(terms[purpose].get("says", ""))
        return Wording(label, purpose, "", text, _sha256(text), "")


def digest_of_texts(texts: Mapping[str, Notice]) -> str:
    """SHA-256 over the texts of all languages: the same content is the same version."""
    return hashlib.sha256(canonical({language: digest_of(notice) for language, notice in texts.items()})).hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
