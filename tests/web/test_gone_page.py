"""C12, staying gone, over HTTP: counted and never named, decided by the officer with evidence, each look recorded."""

from __future__ import annotations

import shutil
from html import unescape

import pytest

from rightful.actions.erase_customer import begin_erasure, run_erasure
from rightful.actions.make_backup import make_backup
from rightful.actions.officer_today import today
from rightful.actions.restore_backup import drill, note_drill
from rightful.web.opened import serve_this
from rightful.workspace import Workspace
from tests.actions.conftest import make_shop


@pytest.fixture
def shop(tmp_path, meadow):
    with Workspace.open(make_shop(tmp_path)) as ws:
        served = serve_this(ws)
        yield ws
        serve_this(served)


def text_of(answer) -> str:
    assert answer.status_code == 200, answer.status_code
    return unescape(answer.text)


def test_ac_060_the_page_counts_and_names_nobody_who_is_gone_and_each_look_is_recorded(shop, as_staff):
    run_erasure(shop, begin_erasure(shop, "C004", actor="self").id)
    before = len(shop.journal.lines(kind="suppression.looked-at"))
    text = text_of(as_staff().get("/staff/retention/gone/"))
    assert "<dt>People left out of every import</dt><dd>1</dd>" in text
    assert "C004" not in text and "p004@example.com" not in text
    assert len(shop.journal.lines(kind="suppression.looked-at")) == before + 1
    assert as_staff("marketer").get("/staff/retention/gone/").status_code == 403


def test_whoever_came_back_waits_for_the_officer_and_is_let_in_with_evidence_only(shop, as_staff):
    run_erasure(shop, begin_erasure(shop, "C004", actor="self").id)
    with shop.source.writing() as con:
        con.execute("INSERT INTO rf_base.customer (id, email, residence) VALUES ('N1', 'P004@example.com', 'DE')")
    shop.facts.rebuild()
    assert any("is in the store again" in one.sentence for one in today(shop).attention)
    engineer = as_staff("engineer")
    seen = text_of(engineer.get("/staff/retention/gone/"))
    assert "N1" not in seen and "The officer sees who they are" in seen
    client = as_staff()
    assert "<strong>N1</strong>" in text_of(client.get("/staff/retention/gone/"))
    address = "/staff/retention/gone/let-in/"
    assert engineer.post(address, {"customer": "N1", "evidence": "x"}).status_code == 403
    for wrong in ({"customer": "N1", "evidence": " "}, {"customer": "C005", "evidence": "contract 17"}):
        client.post(address, wrong)
        assert shop.suppression.persons() == 1 and len(shop.suppression.back()) == 1
    done = text_of(client.post(address, {"customer": "N1", "evidence": "contract 17"}, follow=True))
    assert "Let in." in done and "<strong>N1</strong>" not in done and shop.suppression.back() == []


def test_backups_and_their_drills_are_listed(shop, as_staff, tmp_path):
    client = as_staff()
    assert "No backup was made yet" in text_of(client.get("/staff/retention/gone/"))
    made = make_backup(shop, tmp_path, actor="eng")
    assert made.file in (text := text_of(client.get("/staff/retention/gone/"))) and "Not tried yet" in text
    note_drill(shop, drill(tmp_path / made.file, shop.path / "keys", tmp_path / "scratch", actor="eng"), actor="eng")
    assert "nobody came back" in text_of(client.get("/staff/retention/gone/"))
    with shop.control.write() as tx:
        shop.backups.drilled(tx, made.id, shop.clock(), "failed")
    assert any("was tried and failed" in one.sentence for one in today(shop).attention)
    shutil.rmtree(shop.path / "policy")  # a folder that is gone is no reason not to save the rest
    assert make_backup(shop, tmp_path / "second.rightful-backup", actor="eng").bytes
