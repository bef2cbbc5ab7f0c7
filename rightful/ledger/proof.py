"""How a proof that an entry is in the log is written down for tools that are not ours.

The C2SP `tlog-proof@v1` file: index, audit path and the signed checkpoint, which
together with the entry's bytes can be verified offline for ever. The format is
strict; anything that could be read in two ways is refused.

Source: C2SP tlog-proof.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

from rightful.ledger.merkle import leaf_hash, verify_inclusion
from rightful.ledger.note import BadNote, Checkpoint, VerifierKey, decimal, hash_line, open_checkpoint

HEADER = "c2sp.org/tlog-proof@v1"
MAX_PATH = 63


@dataclass(frozen=True, slots=True)
class LogProof:
    """One entry's place in one signed tree."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None

    def text(self) -> str:
        lines = [HEADER]
        if self.extra is not None:
            lines.append(f"extra {base64.b64encode(self.extra).decode()}")
        lines.append(f"index {self.index}")
        lines += [base64.b64encode(step).decode() for step in self.path]
        return "\n".join(lines) + "\n\n" + self.checkpoint

    @classmethod
    def parse(cls, text: str) -> LogProof:
        """Read a proof file. Nothing is verified yet.

        Raises:
            BadNote: not a tlog-proof@v1 file.
        """
        head, blank, checkpoint = text.partition("\n\n")
        lines = head.split("\n")
        if not blank or lines.pop(0) != HEADER:
            raise BadNote(f"the file does not start with {HEADER}")
        extra = None
        if lines and lines[0].startswith("extra "):
            encoded = lines.pop(0).removeprefix("extra ")
            try:
                extra = base64.b64decode(encoded, validate=True)
            except ValueError as error:
                raise BadNote("the extra data is not base64") from error
            if base64.b64encode(extra).decode() != encoded:
                raise BadNote("base64 that is not in its one canonical spelling")
        if not lines or not lines[0].startswith("index "):
            raise BadNote("the index line is missing")
        index = decimal(lines.pop(0).removeprefix("index "))
        if len(lines) > MAX_PATH:
            raise BadNote("the audit path is longer than any tree is high")
        return cls(index, tuple(hash_line(line) for line in lines), checkpoint, extra)

    def verify(self, entry: bytes, key: VerifierKey) -> Checkpoint:
        """Check signature and inclusion of these entry bytes; return the checkpoint they are under.

        Raises:
            BadNote: says which of the two is false.
        """
        checkpoint = open_checkpoint(self.checkpoint, key)
        if not verify_inclusion(leaf_hash(entry), self.index, checkpoint.size, self.path, checkpoint.root):
            raise BadNote(f"entry {self.index} is not in the signed tree of {checkpoint.size} entries")
        return checkpoint
