"""Verifiers written by others accept our log and our receipts, and refuse them once one byte differs."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from rightful.ledger.note import VerifierKey, open_checkpoint
from rightful.ledger.proof import LogProof
from rightful.ledger.receipt import Receipt
from tests.conftest import missing_tool
from tests.ledger.builders import Place, place

pytestmark = pytest.mark.foreign
HERE = Path(__file__).parent
GO_SOURCES = Path("/usr/share/gocode")

OLD, NEW, INDEX = 300, 701, 257  # across a full tile, not at its edge


@dataclass(frozen=True)
class Case:
    """What a verifier is given. `older` and `consistency` only where it can check them."""

    entry: bytes
    index: int
    path: tuple[bytes, ...]
    checkpoint: str
    key: str
    older: str
    consistency: tuple[bytes, ...]

    @property
    def proof(self) -> str:
        return LogProof(self.index, self.path, self.checkpoint).text()


Verifier = Callable[[Case], str | None]
"""Returns None when it accepts, else why not."""


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    home: Place = place(tmp_path_factory.mktemp("foreign"))
    with home.filled(OLD) as ledger:
        older = ledger.checkpoint()
    with home.open() as ledger:
        ledger.append(list(home_drafts(NEW - OLD)))
        receipt = Receipt.load(ledger.receipt(INDEX).to_bytes())
        proof = LogProof.parse(receipt.proof)
        return Case(
            receipt.entry,
            proof.index,
            proof.path,
            proof.checkpoint,
            ledger.verifier_key,
            older,
            tuple(ledger.prove_consistency(OLD)),
        )


def home_drafts(count: int) -> Iterator:  # type: ignore[type-arg]
    from tests.ledger.builders import consents

    yield from consents(count)


# The verifiers


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> Verifier:
    program = shutil.which("go")
    if program is None or not (GO_SOURCES / "src/golang.org/x/mod/sumdb/note").is_dir():
        missing_tool("Go with golang-golang-x-mod-dev", f"go: {program}, sources: {GO_SOURCES}")
    built = tmp_path_factory.mktemp("go") / "verifier"
    environment = {
        **os.environ,
        "GO111MODULE": "off",
        "GOPATH": str(GO_SOURCES),
        "GOFLAGS": "",
        "GOCACHE": str(built.parent / "cache"),
        "CGO_ENABLED": "0",
    }
    done = subprocess.run(
        [program, "build", "-o", built, HERE / "verifier.go"],
        capture_output=True,
        text=True,
        env=environment,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr

    def verify(case: Case) -> str | None:
        asked = {
            "key": case.key,
            "checkpoint": case.checkpoint,
            "index": case.index,
            "entry": _b64(case.entry),
            "path": [_b64(step) for step in case.path],
            "older": case.older,
            "consistency": [_b64(step) for step in case.consistency],
        }
        return _run([str(built)], asked)

    return verify


@pytest.fixture(scope="module")
def sigstore_js() -> Verifier:
    node = shutil.which("node")
    if node is None:
        missing_tool("Node.js", "no `node` on the path")
    folder = HERE / "node"
    if not (folder / "node_modules/@sigstore/verify").is_dir():
        npm = shutil.which("npm")
        if npm is None:
            missing_tool("@sigstore/verify (npm)", "no `npm` on the path to install it with")
        done = subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=240,
        )
        if done.returncode != 0:
            missing_tool("@sigstore/verify (npm)", "`npm ci` in tests/ledger/foreign/node failed")

    def verify(case: Case) -> str | None:
        key = VerifierKey.parse(case.key)
        lines = case.checkpoint.split("\n")
        asked = {
            "public_key": _b64(key.public_key),
            "key_name": key.name,
            "index": case.index,
            "entry": _b64(case.entry),
            "path": [_b64(step) for step in case.path],
            "size": lines[1],
            "root": lines[2],
            "checkpoint": case.checkpoint,
        }
        return _run([node, str(folder / "verify.mjs")], asked)

    return verify


@pytest.fixture(scope="module")
def proofbundle() -> Verifier:
    try:
        from proofbundle import merkle, tlogproof
        from proofbundle.checkpoint import verify_checkpoint
    except ImportError as error:
        missing_tool("proofbundle (PyPI)", str(error))

    def verify(case: Case) -> str | None:
        found = tlogproof.verify_tlog_proof(
            case.proof, case.entry, case.key, expected_origin=VerifierKey.parse(case.key).name
        )
        if not found["ok"]:
            return f"tlog-proof: {found}"
        old, new = (verify_checkpoint(note, case.key) for note in (case.older, case.checkpoint))
        if not old["ok"]:
            return "older checkpoint"
        if not merkle.verify_consistency(
            old["tree_size"], new["tree_size"], list(case.consistency), old["root"], new["root"]
        ):
            return "consistency"
        return None

    return verify


@pytest.fixture(scope="module")
def sigstore_python() -> Verifier:
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
        from sigstore._internal.merkle import verify_merkle_inclusion
        from sigstore._internal.rekor.checkpoint import verify_checkpoint
        from sigstore._internal.trust import Keyring
        from sigstore.errors import VerificationError
        from sigstore.models import TransparencyLogEntry
        from sigstore_models.common import v1 as common
        from sigstore_models.rekor import v1 as rekor
    except ImportError as error:
        missing_tool("sigstore (PyPI)", str(error))

    def verify(case: Case) -> str | None:
        key = VerifierKey.parse(case.key)
        der = Ed25519PublicKey.from_public_bytes(key.public_key).public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
        ring = Keyring([common.PublicKey(raw_bytes=_b64(der), key_details=common.PublicKeyDetails.PKIX_ED25519)])
        lines = case.checkpoint.split("\n")
        try:
            entry = TransparencyLogEntry(
                rekor.TransparencyLogEntry(
                    log_index=str(case.index),
                    log_id=common.LogId(key_id=_b64(key.key_id.ljust(32, b"\0"))),
                    kind_version=rekor.KindVersion(kind="entry", version="1"),
                    canonicalized_body=_b64(case.entry),
                    inclusion_proof=rekor.InclusionProof(
                        log_index=str(case.index),
                        root_hash=lines[2],
                        tree_size=lines[1],
                        hashes=[_b64(step) for step in case.path],
                        checkpoint=rekor.Checkpoint(envelope=case.checkpoint),
                    ),
                )
            )
            verify_merkle_inclusion(entry)
            verify_checkpoint(ring, entry)
        except (VerificationError, ValueError) as error:
            return f"{type(error).__name__}: {error}"
        return None

    return verify


VERIFIERS = ["go", "sigstore_js", "proofbundle", "sigstore_python"]
CHECK_CONSISTENCY = ["go", "proofbundle"]


# What they say


@pytest.mark.parametrize("name", VERIFIERS)
def test_a_foreign_verifier_accepts_our_receipt(name, case, request):
    assert request.getfixturevalue(name)(case) is None


def _flip(data: bytes, at: int = 0) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def _signed_over(case: Case, old: str, new: str) -> Case:
    assert old in case.checkpoint
    return replace(case, checkpoint=case.checkpoint.replace(old, new, 1))


FORGERIES: dict[str, Callable[[Case], Case]] = {
    "a byte of the entry": lambda c: replace(c, entry=_flip(c.entry, 10)),
    "another index": lambda c: replace(c, index=c.index - 1),
    "a byte of the path": lambda c: replace(c, path=(*c.path[:-1], _flip(c.path[-1], 31))),
    "a path cut short": lambda c: replace(c, path=c.path[:-1]),
    "a path too long": lambda c: replace(c, path=(*c.path, bytes(32))),
    "another size": lambda c: _signed_over(c, f"\n{NEW}\n", f"\n{NEW + 1}\n"),
    "another root": lambda c: _signed_over(
        c, c.checkpoint.split("\n")[2], _b64(_flip(base64.b64decode(c.checkpoint.split("\n")[2])))
    ),
    "a byte of the signature": lambda c: replace(c, checkpoint=_flip_signature(c.checkpoint)),
    "the key of another log": lambda c: replace(c, key=str(VerifierKey(VerifierKey.parse(c.key).name, _other_key()))),
}


@pytest.mark.parametrize("forgery", FORGERIES, ids=[name.replace(" ", "_") for name in FORGERIES])
@pytest.mark.parametrize("name", VERIFIERS)
def test_AC_058_a_foreign_verifier_refuses_a_forged_receipt(name, forgery, case, request):
    verify = request.getfixturevalue(name)
    assert verify(FORGERIES[forgery](case)) is not None, f"{name} accepted {forgery}"


@pytest.mark.parametrize("name", CHECK_CONSISTENCY)
@pytest.mark.parametrize("change", ["a byte", "cut short", "too long"])
def test_a_foreign_verifier_refuses_a_past_that_does_not_fit(name, change, case, request):
    steps = case.consistency
    forged = {
        "a byte": (_flip(steps[0]), *steps[1:]),
        "cut short": steps[:-1],
        "too long": (*steps, bytes(32)),
    }[change]
    assert request.getfixturevalue(name)(replace(case, consistency=forged)) is not None


def test_AC_005_go_finds_no_way_from_an_old_receipt_to_a_log_that_was_cut(go, case, tmp_path):
    """Fifty entries and all later checkpoints deleted, others written in their place, with the same key."""
    from tests.ledger.builders import consents

    home = place(tmp_path)
    shutil.copytree(_keys_of(tmp_path, case), home.root / "keys", dirs_exist_ok=True)
    with home.filled(OLD) as ledger:
        held_by_customer = ledger.receipt(OLD - 1)
    (home.root / "control.sqlite").unlink()
    shutil.rmtree(home.folder)
    with home.filled(OLD - 50) as ledger:
        ledger.append(list(consents(200, subjects=3)))
        rewritten, proof = ledger.checkpoint(), ledger.prove_consistency(OLD)
        key = ledger.verifier_key
    older = LogProof.parse(held_by_customer.proof).checkpoint
    assert open_checkpoint(older, VerifierKey.parse(key)).size == OLD  # the signature itself is good
    forged = replace(case, key=key, checkpoint=rewritten, older=older, consistency=tuple(proof), entry=b"", path=())
    answer = go(replace(forged, **_first_entry(home)))
    assert answer is not None and answer.startswith("consistency")


def _first_entry(home: Place) -> dict[str, object]:
    with home.open() as ledger:
        proof = ledger.prove(0)
        return {"entry": ledger.entry(0).leaf, "index": 0, "path": proof.path}


def _keys_of(folder: Path, case: Case) -> Path:
    from rightful.protection.keys import Keyring

    Keyring.open_or_create(folder / "one-key")
    return folder / "one-key"


def _other_key() -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.generate().public_key().public_bytes_raw()


def _flip_signature(checkpoint: str) -> str:
    start, _, signature = checkpoint.rstrip("\n").rpartition(" ")
    return f"{start} {_b64(_flip(base64.b64decode(signature), 40))}\n"


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _run(command: list[str], asked: dict[str, object]) -> str | None:
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, timeout=60)
    if done.returncode == 0:
        return None
    assert done.returncode == 4, f"the verifier itself failed: {done.stderr}"
    return done.stderr.strip() or "refused"
