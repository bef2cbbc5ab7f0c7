"""`rightful backup`: made, checked, tried and restored from the command line, with the words for each end."""

from __future__ import annotations

import shutil

OLGA = ["--as", "olga@shop.example"]


def test_a_backup_is_made_checked_tried_and_restored(rightful, shop, tmp_path):
    made = rightful("backup", "create", tmp_path, *OLGA, "--json").json
    listed = rightful("backup", "verify", made["file"], "--json").json
    assert listed["backup"] == made["backup"] and listed["entries"] == made["entry"] + 1
    assert {name.partition("/")[0] for name in listed["files"]} == {
        "control", "policies", "rightful.json", "segments", "store",
    }  # fmt: skip
    rightful("consent", "withdraw", "C004", "newsletter", *OLGA)
    tried = rightful("backup", "drill", made["file"], *OLGA)
    assert tried.code == 0, tried.err
    assert "1 recorded again" in tried.out and "were published after this backup" in tried.err
    (shop / "keys").rename(tmp_path / "keys")
    shutil.rmtree(shop)
    back = rightful("backup", "restore", made["file"], shop, "--keys", tmp_path / "keys", *OLGA, "--json")
    assert back.code == 0 and back.json["ok"] and back.json["refusals"] == 1 and back.json["lost"] > 0
    assert rightful("ledger", "verify").code == 0
    again = rightful("backup", "restore", made["file"], shop, *OLGA, "--json")
    assert again.code == 2 and "already" in again.json["title"]


def test_what_cannot_be_restored_is_said_in_a_sentence(rightful, shop, tmp_path):
    (tmp_path / "x.rightful-backup").write_bytes(b"PK\x03\x04")
    said = rightful("backup", "verify", tmp_path / "x.rightful-backup")
    assert said.code == 2 and "is no backup made by Rightful" in said.err
    assert rightful("backup", "create", shop / "state" / "b", *OLGA).code == 2


def test_the_newest_backup_and_its_drill_are_told_by_the_doctor(rightful, tmp_path):
    assert "no backup was made" in rightful("doctor").out
    made = rightful("backup", "create", tmp_path, *OLGA, "--json").json
    assert "not tried yet" in rightful("doctor").out
    rightful("backup", "drill", made["file"], *OLGA)
    said = rightful("doctor").out
    assert "it went well" in said and "not tried yet" not in said
