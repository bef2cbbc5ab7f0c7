from __future__ import annotations

import stat
from pathlib import Path

import pytest

from rightful.errors import IntegrityFault, KeyMissing
from rightful.ledger.database import connect
from rightful.ledger.keystore import KeyStore
from rightful.protection.keys import EnvironmentKeys, FileKeys, Keyring, decrypt, encrypt


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Keyring.open_or_create(tmp_path / "keys")
    return tmp_path / "keys"


def test_keys_are_made_once_and_found_again(folder):
    assert Keyring.open_or_create(folder).check_values() == Keyring.open(folder).check_values()
    assert Keyring.open(folder).public_key == Keyring.open(folder).public_key


def test_only_the_owner_may_enter_the_folder_and_read_the_files(folder):
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_an_empty_folder_gets_keys(tmp_path):
    (tmp_path / "keys").mkdir()
    assert Keyring.open_or_create(tmp_path / "keys").check_values()


@pytest.mark.parametrize("name", ["master.key", "pepper.key", "ledger-signing.key", "store.key", "keys.json"])
def test_AC_074_a_missing_key_is_refused_and_never_made_anew(folder, name):
    (folder / name).unlink()
    before = sorted(file.name for file in folder.iterdir())
    for attempt in (Keyring.open, Keyring.open_or_create):
        with pytest.raises(KeyMissing) as refusal:
            attempt(folder)
        assert refusal.value.exit_code == 3
        assert name.removesuffix(".key") in str(refusal.value)
    assert sorted(file.name for file in folder.iterdir()) == before


@pytest.mark.parametrize(
    "content",
    [b"", b"not hexadecimal\n", b"5a" * 32, b"5a" * 31, b"\xff" * 64],
    ids=["empty", "no key", "another key", "too short", "no text"],
)
def test_a_key_that_is_not_the_one_that_was_made_is_refused(folder, content):
    (folder / "master.key").write_bytes(content)
    with pytest.raises(KeyMissing, match="master"):
        Keyring.open(folder)


def test_a_folder_that_is_not_there_is_refused_where_nothing_may_be_made(tmp_path):
    with pytest.raises(KeyMissing):
        Keyring.open(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_keys_come_from_the_environment_where_there_is_no_folder(folder):
    names = ("master", "pepper", "ledger-signing", "store")
    files = FileKeys(folder)
    environment = {f"RIGHTFUL_KEY_{n.upper().replace('-', '_')}": files.read(n).hex() for n in names}
    subjects = KeyStore(lambda: connect(folder / "elsewhere.sqlite"))
    assert Keyring(EnvironmentKeys(environment), subjects).check_values() == Keyring.open(folder).check_values()
    del environment["RIGHTFUL_KEY_MASTER"]
    with pytest.raises(KeyMissing, match="RIGHTFUL_KEY_MASTER"):
        Keyring(EnvironmentKeys(environment), subjects)


def test_no_key_shows_in_what_a_key_ring_says_of_itself(folder):
    secret = (folder / "master.key").read_text().strip()
    ring = Keyring.open(folder)
    assert secret not in repr(ring) + ring.describe() + str(ring.check_values())


def test_a_wrapped_key_opens_only_for_its_owner_and_its_master(folder, tmp_path):
    ring, other = Keyring.open(folder), Keyring.open_or_create(tmp_path / "other")
    key = ring.new_subject_key()
    wrapped = ring.wrap(key, "c-1")
    assert ring.unwrap(wrapped, "c-1") == key
    assert ring.wrap(key, "c-1") != wrapped
    for wrong in (lambda: ring.unwrap(wrapped, "c-2"), lambda: other.unwrap(wrapped, "c-1")):
        with pytest.raises(IntegrityFault):
            wrong()


def test_every_changed_byte_of_a_sealed_value_is_noticed(folder):
    key = Keyring.open(folder).new_subject_key()
    sealed = encrypt(key, b"Grace Hopper", b"customer/17/name")
    assert decrypt(key, sealed, b"customer/17/name") == b"Grace Hopper"
    assert sealed[0] == 1  # the algorithm comes first
    with pytest.raises(IntegrityFault):
        decrypt(key, sealed, b"customer/18/name")
    for at in range(len(sealed)):
        with pytest.raises(IntegrityFault):
            decrypt(key, sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :], b"customer/17/name")
    for length in range(len(sealed)):
        with pytest.raises(IntegrityFault):
            decrypt(key, sealed[:length], b"customer/17/name")


def test_a_suppressed_identifier_is_recognised_and_cannot_be_read_without_the_pepper(folder, tmp_path):
    ring, other = Keyring.open(folder), Keyring.open_or_create(tmp_path / "other")
    composed, decomposed = "jos\u00e9@example.org", "jose\u0301@example.org"
    assert ring.suppression_hash(composed) == ring.suppression_hash(decomposed)
    assert ring.suppression_hash(composed) != ring.suppression_hash("jose@example.org")
    assert ring.suppression_hash(composed) != other.suppression_hash(composed)


def test_each_use_of_a_key_has_a_key_of_its_own(folder):
    ring, files = Keyring.open(folder), FileKeys(folder)
    assert len({ring.log_key, ring.store_key, *(files.read(n) for n in ("master", "pepper", "ledger-signing"))}) == 5
