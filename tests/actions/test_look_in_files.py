"""Our own files are searched byte by byte, and whoever has them open keeps the locks on them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rightful.actions import look_in_files
from rightful.actions.erase_customer import erase_customer
from rightful.actions.find_person import decide_links, scan_links
from rightful.actions.hold_data import add_hold
from rightful.actions.look_in_files import CHUNK, LONGEST, files_with
from rightful.errors import RightfulError

OLGA = "olga@shop.example"
LOOK = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as control:
    print(control.execute("SELECT count(*) FROM legal_hold").fetchone()[0])
control.close()
"""


def test_needles_are_found_in_any_letters_and_across_the_seams_of_chunks(tmp_path, monkeypatch):
    for name, content in {
        "small": b"x Ana@Example.COM y",
        "wide": "ana@example.com".encode("utf-16-le"),
        "seam": b"." * (CHUNK - 7) + b"ana@example.com",
        "none": b"ana@example.org" * 100,
        "empty": b"",
    }.items():
        (tmp_path / name).write_bytes(content)
    paths = sorted(tmp_path.iterdir())
    needles = {b"ana@example.com", "ana@example.com".encode("utf-16-le")}
    assert [p.name for p in files_with(paths, needles)] == ["seam", "small", "wide"]
    assert files_with(paths, ()) == () and files_with((), needles) == ()
    assert files_with([*paths, tmp_path / "gone"], needles) == files_with(paths, needles)
    assert max(map(len, needles)) < LONGEST


def test_a_file_that_cannot_be_read_is_no_file_without_a_find(tmp_path):
    with pytest.raises(RightfulError, match="could not be looked through"):
        files_with([tmp_path], {b"x"})  # a folder


def test_no_needle_stands_in_the_arguments_of_a_process(tmp_path, monkeypatch):
    seen = []
    real = subprocess.run
    monkeypatch.setattr(look_in_files.subprocess, "run", lambda c, **k: seen.append(c) or real(c, **k))
    (tmp_path / "one").write_bytes(b"ana@example.com")
    assert files_with([tmp_path / "one"], {b"ana@example.com"})
    assert "ana" not in str(seen) and b"ana@example.com".hex() not in str(seen)


def test_what_is_written_after_an_erasure_is_seen_by_everybody_although_others_came_and_went(shop):
    """An erasure looks through the database's own files; that must not end the locks that we hold on them."""
    scan_links(shop, actor=OLGA)
    decide_links(shop, (), state="confirmed", actor=OLGA, sure=True)
    erase_customer(shop, "C001", actor="self")
    control = shop.path / "state" / "control.sqlite"

    def seen_by_another() -> int:
        done = subprocess.run([sys.executable, "-c", LOOK, str(control)], capture_output=True, text=True, check=True)
        return int(done.stdout)

    for count in range(3):
        assert seen_by_another() == count, "the one before closed the file; nothing of ours may be lost by that"
        add_hold(shop, f"suit {count}", actor=OLGA, tables=["purchase"])
    assert seen_by_another() == 3
