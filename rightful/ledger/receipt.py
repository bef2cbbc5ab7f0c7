"""What a customer takes home: one entry with everything needed to check it without us.

A zip of plain files: the entry's bytes, a C2SP tlog-proof, the log's verifier key,
the opening of the commitment (salt and private payload), attachments such as the
notice that was shown, and a page on how to verify all of it with tools that are not
ours.

Easy to get wrong: believing the key inside the receipt. Whoever forges a receipt can
sign it with a key of their own; compare it with the key you have from elsewhere. An
attachment counts only if its SHA-256 stands in the entry or in its payload.

Sources: C2SP tlog-proof; GDPR Art. 15, 7(1).
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path, PurePosixPath

from rightful.errors import BadInput
from rightful.ledger.canonical import Json
from rightful.ledger.note import BadNote, VerifierKey
from rightful.ledger.proof import LogProof
from rightful.ledger.verify import Problem, Report

MAX_BYTES = 64 * 1024 * 1024
_SALT_SIZE = 32


@dataclass(frozen=True)
class Receipt:
    """One entry, its proof and its opening.

    Attributes:
        entry: the entry's bytes, exactly as hashed.
        proof: text of a tlog-proof@v1 file.
        opening: (salt, payload bytes) behind the entry's commitment; None if it has none or if the
            person was erased.
        verifier_key: the log's key as the log states it; not trusted by itself.
        attachments: further files by name.
    """

    entry: bytes
    proof: str
    opening: tuple[bytes, bytes] | None
    verifier_key: str
    attachments: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def index(self) -> int:
        return LogProof.parse(self.proof).index

    @property
    def data(self) -> dict[str, Json]:
        """The entry as JSON."""
        loaded: dict[str, Json] = json.loads(self.entry)
        return loaded

    @property
    def private(self) -> dict[str, Json] | None:
        """The private payload, if it is in the receipt."""
        if self.opening is None:
            return None
        loaded: dict[str, Json] = json.loads(self.opening[1])
        return loaded

    def verify(self, trusted_key: str | VerifierKey | None = None) -> Report:
        """Check signature, inclusion, opening and attachments, offline.

        Args:
            trusted_key: the log's verifier key from another source than this receipt. Without
                it the key inside is used, and the report says so.
        """
        report = Report(what="receipt")
        try:
            key = _as_key(trusted_key if trusted_key is not None else self.verifier_key)
            if trusted_key is None:
                report.remarks.append("checked against the key inside the receipt; compare it with the log's own")
            proof = LogProof.parse(self.proof)
            checkpoint = proof.verify(self.entry, key)
        except BadNote as error:
            report.problems.append(Problem("proof", None, str(error)))
            return report
        report.size, report.root, report.checked = checkpoint.size, checkpoint.root, 1
        report.problems += self._opening_problems(proof.index)
        said = self.entry + (self.opening[1] if self.opening else b"")
        for name, content in self.attachments.items():
            if sha256(content).hexdigest().encode() not in said:
                report.problems.append(Problem(name, proof.index, f"{name} is not the file that the entry speaks of"))
        return report

    def files(self) -> dict[str, bytes]:
        """Everything as plain files by name."""
        files = {
            "HOW-TO-VERIFY.md": _HOW_TO.encode(),
            "entry.json": self.entry,
            "entry.tlog-proof": self.proof.encode(),
            "log.vkey": (self.verifier_key + "\n").encode(),
        }
        if self.opening is not None:
            salt, payload = self.opening
            files["payload.json"] = payload
            files["salt.bin"] = salt
        files.update({f"attachments/{name}": content for name, content in self.attachments.items()})
        return files

    def to_bytes(self) -> bytes:
        """The zip; the same receipt always gives the same bytes."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self.files().items():
                info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = 0o644 << 16
                archive.writestr(info, content)
        return buffer.getvalue()

    def save(self, path: str | Path) -> Path:
        """Write the zip to a file, or plain files when `path` is a folder that exists."""
        target = Path(path)
        if target.is_dir():
            for name, content in self.files().items():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                (target / name).write_bytes(content)
        else:
            target.write_bytes(self.to_bytes())
        return target

    @classmethod
    def load(cls, source: str | Path | bytes) -> Receipt:
        """Read a receipt back: a zip file, its bytes, or a folder of its files.

        Raises:
            BadInput: not a receipt.
        """
        try:
            files = _read_files(source)
            opening = None
            if "payload.json" in files or "salt.bin" in files:
                opening = (files["salt.bin"], files["payload.json"])
            return cls(
                entry=files["entry.json"],
                proof=files["entry.tlog-proof"].decode(),
                opening=opening,
                verifier_key=files["log.vkey"].decode().strip(),
                attachments={
                    name.removeprefix("attachments/"): content
                    for name, content in files.items()
                    if name.startswith("attachments/")
                },
            )
        except KeyError as error:
            raise BadInput(f"the receipt has no file {error.args[0]}") from error
        except (
            zipfile.BadZipFile,
            zipfile.LargeZipFile,
            UnicodeDecodeError,
            NotImplementedError,
            OSError,
        ) as error:
            raise BadInput("the file is not a receipt, or it is damaged") from error

    def _opening_problems(self, index: int) -> list[Problem]:
        try:
            commitment = json.loads(self.entry).get("commitment")
        except (ValueError, AttributeError):
            return [Problem("entry", index, "the entry is not JSON")]
        if self.opening is None:
            return []
        salt, payload = self.opening
        if len(salt) != _SALT_SIZE or sha256(salt + payload).hexdigest() != commitment:
            return [Problem("payload", index, "the private payload is not the one the entry commits to")]
        return []


def _as_key(key: str | VerifierKey) -> VerifierKey:
    return key if isinstance(key, VerifierKey) else VerifierKey.parse(key)


def _read_files(source: str | Path | bytes) -> dict[str, bytes]:
    if not isinstance(source, bytes):
        path = Path(source)
        if path.is_dir():
            return {file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*") if file.is_file()}
        source = path.read_bytes()
    files = {}
    with zipfile.ZipFile(io.BytesIO(source)) as archive:
        if sum(info.file_size for info in archive.infolist()) > MAX_BYTES:
            raise BadInput("the receipt unpacks to more than 64 MiB")
        for info in archive.infolist():
            if ".." in PurePosixPath(info.filename).parts or info.filename in files:
                raise BadInput("the receipt has a file with an impossible name")
            files[info.filename] = archive.read(info)
    return files


_HOW_TO = """# How to verify this receipt

This folder proves that `entry.json` stands in the log, with tools of your choice.
You need the log's verifier key from somewhere else than this receipt (the
organisation's web site, a letter, an earlier receipt). It must equal `log.vkey`.

1. **The file.** `entry.tlog-proof` is a C2SP tlog-proof (https://c2sp.org/tlog-proof):
   the index, the hashes on the way to the root, and behind the empty line the signed
   checkpoint (origin, number of entries, root).
2. **The signature.** Any C2SP signed-note verifier accepts the checkpoint with
   `log.vkey`, for example `note.Open` of Go's `golang.org/x/mod/sumdb/note`. By hand:
   the key in `log.vkey` behind the last `+` is base64 of one byte 0x01 and an Ed25519
   key; it signs the three lines of the checkpoint, each with its newline.
3. **The entry.** Its leaf hash is SHA-256 over one zero byte and the bytes of
   `entry.json`:

       (printf '\\000'; cat entry.json) | sha256sum

   Combined with the hashes of the proof as RFC 6962 section 2.1.1 says, it gives the
   root. Go: `tlog.CheckRecord`. Python: `sigstore`, `proofbundle`. JavaScript:
   `@sigstore/verify`.
4. **What only you can read.** `entry.json` names a `commitment`. It is SHA-256 over
   `salt.bin` followed by `payload.json`:

       cat salt.bin payload.json | sha256sum

5. **Attachments.** The SHA-256 of each file in `attachments/` stands in `entry.json`
   or in `payload.json`.

If the organisation later shows you a log that does not contain this entry, this
receipt proves that it was changed.
"""
