"""How a draft is made ready: sealed, committed to, and linked to its subject by key alone.

Everything that can be computed before the index is known happens here, outside any
lock. A subject's key seals the payload and makes the handle; both uses have keys of
their own, derived from it. A bulk use is kept in parts of 65,536 subject numbers, so
that "which uses touched me?" reads one part of each use, and an erasure changes one.

Easy to get wrong: a key destroyed by another process while this one still holds it in
memory (the key store counts what it destroyed), and two keys for one new subject.

Sources: NIST SP 800-38D (GCM), RFC 2104 (HMAC), GDPR Art. 17.
"""

from __future__ import annotations

import hmac
import os
import re
import threading
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from rightful.errors import BadInput, RecordMismatch
from rightful.ledger import merkle
from rightful.ledger.canonical import NotCanonical, canonical, canonical_text
from rightful.ledger.entry import Draft, Entry, instant
from rightful.ledger.keystore import KeyStore

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAX_ENTRY_BYTES = 65_535  # C2SP entry bundles count the length in two bytes
CACHED_KEYS = 50_000
PART_BITS = 16  # a bulk use is kept in parts of 65,536 subject numbers

_KIND = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*\Z")
_SEALED_WITH = b"\x01"  # AES-256-GCM, the number rightful.protection.keys uses, too


_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))
_BEHIND_AT = len('{"at":"2026-03-03T12:00:00.000000Z')


class SubjectKeys(Protocol):
    """What is needed of a key ring here (rightful.protection.keys.Keyring is one)."""

    log_key: bytes
    subjects: KeyStore

    def new_subject_key(self) -> bytes: ...
    def wrap(self, key: bytes, owner: str) -> bytes: ...
    def unwrap(self, wrapped: bytes, owner: str) -> bytes: ...


class SubjectKey:
    """A subject's key, ready for use. `stored`: the database holds it."""

    __slots__ = ("cipher", "inner", "outer", "stored", "subject", "wrapped")

    def __init__(self, subject: str, key: bytes, wrapped: bytes, *, stored: bool) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self.subject = subject
        self.wrapped = wrapped
        self.stored = stored
        self.cipher: AESGCM = AESGCM(_use(key, b"seal"))
        # RFC 2104, its two padded keys made once: `hmac.digest` makes them anew for each of 256 handles.
        mac = _use(key, b"handle").ljust(64, b"\0")
        self.inner = mac.translate(_INNER)
        self.outer = mac.translate(_OUTER)

    def handle(self, entry_id: bytes) -> str:
        """HMAC-SHA256 of an entry's id under this subject's key, hexadecimal."""
        return sha256(self.outer + sha256(self.inner + entry_id).digest()).hexdigest()


class Prepared:
    """The drafts of one caller with all that can be computed before their indexes are known, in columns.

    A column costs less than an object for each draft. `sealed` and `bulk` begin with the draft's place.
    """

    __slots__ = ("bulk", "hashes", "ids", "keys", "kinds", "leaves", "sealed", "stored")

    def __init__(self, keys: Mapping[str, SubjectKey]) -> None:
        self.keys = keys
        self.stored = all(key.stored for key in self.keys.values())
        self.ids: list[str] = []
        self.kinds: list[str] = []
        self.leaves: list[bytes] = []
        self.hashes: list[bytes] = []
        self.sealed: list[tuple[int, str | None, bytes | None]] = []  # (place, subject, payload)
        self.bulk: list[tuple[int, int, bytes, bytes, bytes]] = []  # (place, part, bits, salt, digest)

    def move_to(self, at: int) -> None:
        """Recorded at another instant: `at` is each entry's first member, of fixed length."""
        head = b'{"at":"' + instant(at).encode()
        self.leaves = [head + leaf[_BEHIND_AT:] for leaf in self.leaves]
        self.hashes = [sha256(b"\x00" + leaf).digest() for leaf in self.leaves]


class Prepares(Protocol):
    """Something with drafts and what they were prepared to."""

    at: int
    key_epoch: int  # how many keys had been destroyed when it was prepared
    drafts: Sequence[Draft]
    prepared: Prepared


class Sealer:
    """Keys of subjects at hand, and drafts prepared with them."""

    def __init__(self, keys: SubjectKeys) -> None:
        self._keys = keys
        self._cache: dict[str, SubjectKey] = {}
        self.lock = threading.Lock()
        self.epoch = 0
        self._kinds: set[str] = set()
        self.log_key = SubjectKey("", keys.log_key, b"", stored=True)

    def prepare(self, drafts: Sequence[Draft], at: int) -> Prepared:
        """Make drafts ready to be recorded at this instant (or a later one, see `Prepared.move_to`)."""
        if not drafts:
            return Prepared({})
        subjects = {draft.subject for draft in drafts if draft.subject is not None}
        keys = self.find_keys(subjects, create=True) if subjects else {}
        try:
            return self._in_columns(drafts, keys, '"at":"' + instant(at))
        except (NotCanonical, UnicodeEncodeError):
            for draft in drafts:
                _refuse_unwritable(draft)
            raise

    def _in_columns(self, drafts: Sequence[Draft], keys: dict[str, SubjectKey], at: str) -> Prepared:
        """One small step for all drafts, then the next: all steps for one draft after the other take a seventh more."""
        made = Prepared(keys)
        kinds, publics, privates, owners, bulks, happened = zip(*drafts, strict=True)
        for kind in set(kinds).difference(self._kinds):
            self._learn_kind(kind)
        random = os.urandom(60 * len(drafts))
        starts = range(0, len(random), 60)
        raw_ids = [random[start : start + 16] for start in starts]
        owned = [None if owner is None else keys[owner] for owner in owners]
        opened = [
            random[start + 16 : start + 48] + canonical_text(private).encode() if private else None
            for start, private in zip(starts, privates, strict=True)
        ]
        nonces = [random[start + 48 : start + 60] for start in starts]
        log_key = self.log_key
        sealed = [
            None if text is None else _SEALED_WITH + nonce + (key or log_key).cipher.encrypt(nonce, text, raw_id)
            for key, nonce, text, raw_id in zip(owned, nonces, opened, raw_ids, strict=True)
        ]
        # The members of an entry in canonical order, each behind the quote that ends the one before.
        commitments = ["" if text is None else '","commitment":"' + sha256(text).hexdigest() for text in opened]
        handles = [
            "" if key is None else '","handle":"' + key.handle(raw_id)
            for key, raw_id in zip(owned, raw_ids, strict=True)
        ]
        instants = ["" if us is None else '","happened_at":"' + instant(us) for us in happened]
        made.ids = [raw_id.hex() for raw_id in raw_ids]
        stated = list(map(canonical_text, publics))
        about = ["" if bits is None else _about(made, place, bits) for place, bits in enumerate(bulks)]
        hashed = [
            f'\0{{{at}{commitment}{handle}{when}","id":"{id_}","kind":"{kind}","public":{public}{many},"v":1}}'.encode()
            for commitment, handle, when, id_, kind, public, many in zip(
                commitments, handles, instants, made.ids, kinds, stated, about, strict=True
            )
        ]
        largest = max(hashed, key=len)
        if len(largest) > MAX_ENTRY_BYTES + 1:
            kind = kinds[hashed.index(largest)]
            raise BadInput(f"a {kind} entry is too large: {len(largest) - 1} bytes, at most {MAX_ENTRY_BYTES}")
        made.kinds = list(kinds)
        made.leaves = [text[1:] for text in hashed]
        made.hashes = [sha256(text).digest() for text in hashed]
        rows = enumerate(zip(owners, sealed, strict=True))
        made.sealed = [(place, *row) for place, row in rows if row != (None, None)]
        return made

    def _learn_kind(self, kind: str) -> None:
        if not _KIND.match(kind):
            raise BadInput("the kind of an entry is words of small letters, joined by dots and dashes")
        if len(self._kinds) < 1000:
            self._kinds.add(kind)

    def find_keys(self, subjects: set[str], *, create: bool) -> dict[str, SubjectKey]:
        """The keys of these subjects, from memory, else from the database, else new if asked."""
        cache = self._cache
        found = {subject: cache[subject] for subject in subjects if subject in cache}
        if len(found) == len(subjects):
            return found
        missing = sorted(subjects.difference(found))
        epoch = self.epoch
        loaded = self._load_keys(missing)
        with self.lock:
            if len(self._cache) > CACHED_KEYS:
                # Keys that are not stored yet must survive: entries are being sealed with them.
                self._cache = {s: k for s, k in self._cache.items() if not k.stored}
            for subject in missing:
                key = self._cache.get(subject) or loaded.get(subject)
                if key is None:
                    if not create:
                        continue
                    raw = self._keys.new_subject_key()
                    key = SubjectKey(subject, raw, self._keys.wrap(raw, subject), stored=False)
                found[subject] = key
                if epoch == self.epoch:  # else a key was destroyed meanwhile, and it may be this one
                    self._cache[subject] = key
        return found

    def seal_for_room(self, text: bytes, place: str, subject: str | None) -> bytes:
        """Encrypt what a room keeps in a table of its own; the key is stored before."""
        nonce = os.urandom(12)
        key = self.log_key if subject is None else self._stored_key(subject)
        return _SEALED_WITH + nonce + key.cipher.encrypt(nonce, text, b"rightful/room/v1/" + place.encode())

    def open_for_room(self, sealed: bytes, place: str, subject: str | None) -> bytes | None:
        """What `seal_for_room` was given; None if the subject was forgotten.

        Raises:
            RecordMismatch: changed, moved to another place, or locked under another key.
        """
        from cryptography.exceptions import InvalidTag

        key: SubjectKey | None = self.log_key
        if subject is not None:
            self.notice()
            key = self.find_keys({subject}, create=False).get(subject)
        if key is None:
            return None
        try:
            if sealed[:1] != _SEALED_WITH:
                raise InvalidTag
            opened: bytes = key.cipher.decrypt(sealed[1:13], sealed[13:], b"rightful/room/v1/" + place.encode())
        except (InvalidTag, ValueError):
            raise RecordMismatch(f"what was sealed for {place} was changed, or its key is another one") from None
        return opened

    def _stored_key(self, subject: str) -> SubjectKey:
        self.notice()
        with self.lock:
            known = self._cache.get(subject)
        if known is not None and known.stored:
            return known
        found = self._load_keys([subject])
        if not found:
            wrapped = known.wrapped if known else self._keys.wrap(self._keys.new_subject_key(), subject)
            found = self._opened(self._keys.subjects.keep({subject: wrapped}))
        return found[subject]

    def notice(self) -> None:
        """Forget the keys at hand when one was destroyed, here or in another process."""
        epoch = self._keys.subjects.destroyed()
        with self.lock:
            if epoch != self.epoch:
                self._cache.clear()
                self.epoch = epoch

    def _load_keys(self, subjects: Sequence[str]) -> dict[str, SubjectKey]:
        return self._opened(self._keys.subjects.find(subjects))

    def _opened(self, wrapped: Mapping[str, bytes]) -> dict[str, SubjectKey]:
        return {
            subject: SubjectKey(subject, self._keys.unwrap(locked, subject), locked, stored=True)
            for subject, locked in wrapped.items()
        }

    def settle(self, works: Sequence[Prepares]) -> None:
        """Store new subject keys; prepare again what was sealed with a key that does not count (any more).

        A key is stored before what it locks is. It does not count if it was destroyed in between, or if
        another process stored one for the same subject first.
        """
        self.notice()
        epoch = self.epoch
        while unsure := set().union(*(_unsure(work, epoch) for work in works)):
            valid = self._load_keys(sorted(unsure))
            fresh: dict[str, SubjectKey] = {}
            for work in works:
                for key in work.prepared.keys.values():
                    if not key.stored and key.subject not in valid:
                        fresh.setdefault(key.subject, key)
            kept = self._keys.subjects.keep({subject: key.wrapped for subject, key in fresh.items()})
            for subject, key in fresh.items():
                key.stored = kept[subject] == key.wrapped
            valid |= {subject: key for subject, key in fresh.items() if key.stored}
            valid |= self._opened({subject: kept[subject] for subject, key in fresh.items() if not key.stored})
            with self.lock:
                self._cache = {s: k for s, k in self._cache.items() if s not in unsure} | valid
            for work in works:
                used = [key for subject, key in work.prepared.keys.items() if subject in unsure]
                if all(key.subject in valid and valid[key.subject].wrapped == key.wrapped for key in used):
                    for key in used:
                        key.stored = True
                else:
                    work.prepared = self.prepare(work.drafts, work.at)
                work.key_epoch = epoch


def _unsure(work: Prepares, epoch: int) -> set[str]:
    """Subjects whose key may not be the one that is stored."""
    if work.key_epoch != epoch:
        return set(work.prepared.keys)
    return set() if work.prepared.stored else {s for s, key in work.prepared.keys.items() if not key.stored}


def _about(made: Prepared, place: int, subjects: bytes) -> str:
    """What an entry says about the customers of a bulk use, whose parts are kept beside it."""
    count, parts = split_bitmap(subjects)
    made.bulk += [(place, *part) for part in parts]
    commitment = commit_to_parts([(part, digest) for part, _, _, digest in parts]).hex()
    return f',"subjects":{canonical_text({"commitment": commitment, "count": count, "parts": [p for p, *_ in parts]})}'


def _refuse_unwritable(draft: Draft) -> None:
    for members in (draft.private, draft.public):
        try:
            canonical(members)
        except NotCanonical as error:
            raise BadInput(f"the draft of a {draft.kind} entry cannot be written: {error}") from error


def commit_to_parts(parts: Sequence[tuple[int, bytes]]) -> bytes:
    """What an entry says about the customers of a bulk use: a tree over the digests of its parts."""
    return merkle.root_of(merkle.leaf_hash(part.to_bytes(4, "big") + digest) for part, digest in parts)


def part_digest(salt: bytes, bits: bytes) -> bytes:
    return sha256(salt + bits).digest()


def seal_key(key: bytes) -> bytes:
    """The key that seals payloads, derived from a subject's key."""
    return _use(key, b"seal")


def handle_key(key: bytes) -> bytes:
    """The key that makes handles, derived from a subject's key."""
    return _use(key, b"handle")


def split_bitmap(serialized: bytes) -> tuple[int, list[tuple[int, bytes, bytes, bytes]]]:
    from pyroaring import BitMap

    try:
        members = BitMap.deserialize(serialized)
    except ValueError as error:
        raise BadInput("the subjects of a draft are not a serialized roaring bitmap") from error
    parts = []
    if members:
        for part in range(members.min() >> PART_BITS, (members.max() >> PART_BITS) + 1):
            some = members & BitMap(range(part << PART_BITS, (part + 1) << PART_BITS))
            if some:
                some.run_optimize()
                bits, salt = some.serialize(), os.urandom(16)
                parts.append((part, bits, salt, part_digest(salt, bits)))
    return len(members), parts


def unseal(key: SubjectKey, sealed: bytes, entry: Entry) -> bytes:
    from cryptography.exceptions import InvalidTag

    try:
        if sealed[:1] != _SEALED_WITH:
            raise InvalidTag
        opened: bytes = key.cipher.decrypt(sealed[1:13], sealed[13:], bytes.fromhex(entry.id))
    except (InvalidTag, ValueError):
        raise RecordMismatch(f"the sealed payload of ledger entry {entry.index} was changed") from None
    return opened


def _use(key: bytes, use: bytes) -> bytes:
    return hmac.digest(key, b"rightful/ledger/v1/" + use, "sha256")
