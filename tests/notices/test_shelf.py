"""A published notice is found again, byte for byte, under its label and by what it says."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from rightful.actions.publish_notice import publish_notice, record_older_notice
from rightful.actions.publish_policy import publish_policy
from rightful.errors import NotFound, NoticeIncomplete, RecordMismatch
from rightful.policy.loader import loads
from rightful.workspace import Workspace
from tests.notices.policies import COMPLETE, INCOMPLETE, changed

ACTOR = {"actor": "erik@meadow.example", "approver": "olga@meadow.example"}


@pytest.fixture
def ws(tmp_path: Path):
    with Workspace.create(tmp_path / "meadow", "meadow") as opened:
        yield opened


def published(ws: Workspace, text: str):
    return publish_policy(ws, loads(text), rebuild=False, **ACTOR)


def test_publishing_a_policy_publishes_its_notice_in_every_language_it_is_told_in(ws):
    done = published(ws, COMPLETE)
    version = ws.notices.newest()
    assert (version.label, version.languages) == (done.notice, ("en", "de"))
    assert ws.notices.text(done.notice, "de").title == "Wie Meadow, S.A. Ihre Daten verwendet"
    entry = ws.ledger.entry(version.entry)
    assert entry.kind == "notice.published"
    assert (entry.public["text"], entry.public["languages"]) == (version.digest, ["en", "de"])


def test_a_language_that_was_not_published_falls_back_to_the_notices_own(ws):
    done = published(ws, COMPLETE)
    assert ws.notices.text(done.notice, "ar").language == "en"
    assert ws.notices.wording(done.notice, "newsletter", "ar").language == "en"


def test_a_wording_is_the_exact_text_and_its_digest(ws):
    label = published(ws, COMPLETE).notice
    shown = ws.notices.wording(label, "newsletter", "de")
    assert shown.text.startswith("Wir schicken Ihnen Neues.\nNur wenn Sie Ja sagen, oder bis Sie Nein sagen.")
    assert shown.sha256 == hashlib.sha256(shown.text.encode()).hexdigest()
    assert ws.notices.wording(label, "newsletter", "en").sha256 != shown.sha256


def test_ac_056_an_edited_notice_is_a_new_version_and_the_old_digest_still_leads_to_the_old_bytes(ws):
    old = published(ws, COMPLETE).notice
    before = ws.notices.wording(old, "newsletter", "de")
    digest = ws.notices.find(old).digest
    edited = changed(COMPLETE, version="2", replace={"de: Wir schicken Ihnen Neues.": "de: Wir schicken Ihnen Post."})
    new = published(ws, edited).notice
    assert new != old
    assert ws.notices.wording(new, "newsletter", "de").sha256 != before.sha256
    assert ws.notices.wording(old, "newsletter", "de") == before
    assert ws.notices.find(digest).label == old
    assert ws.notices.find(digest[:12]).label == old


def test_ac_056_a_row_that_was_edited_is_not_believed(ws):
    label = published(ws, COMPLETE).notice
    with ws.control.write() as tx:
        tx.execute("UPDATE notice_text SET document = replace(document, 'Neues', 'Altes') WHERE language = 'de'")
    with pytest.raises(RecordMismatch):
        ws.notices.text(label, "de")
    with pytest.raises(RecordMismatch):
        ws.notices.wording(label, "newsletter", "de")


def test_the_same_content_is_the_same_version_whatever_else_changed(ws):
    first = published(ws, COMPLETE)
    again = published(ws, changed(COMPLETE, version="2", replace={"owner: privacy@": "owner: somebody@"}))
    assert again.version != first.version
    assert (again.notice, again.new_notice) == (first.notice, False)
    assert len(ws.notices.versions()) == 1
    assert publish_notice(ws, rebuild=False, actor="erik@meadow.example").entry is None


def test_a_wording_of_another_policy_is_a_new_version_even_if_consents_are_bound_to_the_same(ws):
    published(ws, COMPLETE)
    moved = changed(COMPLETE, version="2", replace={"Rua das Flores 1": "Rua das Flores 2"})
    done = published(ws, moved)
    assert done.new_notice
    assert len({v.digest for v in ws.notices.versions()}) == 2


def test_going_back_to_an_older_policy_shows_its_notice_as_the_newest_again(ws):
    first = published(ws, COMPLETE)
    published(ws, changed(COMPLETE, version="2", replace={"Rua das Flores 1": "Rua das Flores 2"}))
    back = published(ws, COMPLETE)
    assert back.notice == ws.shelf.newest_notice() == ws.notices.newest().label
    assert ws.notices.newest().digest == ws.notices.find(first.notice).digest


def test_a_policy_with_gaps_comes_into_force_without_a_public_text(ws):
    done = published(ws, INCOMPLETE)
    assert done.new_notice
    assert {gap.article for gap in done.lacks} >= {"GDPR Art. 13(1)(a), 14(1)(a)"}
    assert ws.notices.newest() is None
    with pytest.raises(NoticeIncomplete) as refused:
        publish_notice(ws, actor="erik@meadow.example", rebuild=False)
    assert any("add controller:" in problem for problem in refused.value.problems)


def test_an_older_notice_keeps_the_one_sentence_it_said(ws):
    published(ws, COMPLETE)
    terms = {"newsletter": {"says": "News, sometimes.", "categories": [], "recipients": [], "channels": ["email"]}}
    record_older_notice(ws, "2019", terms, actor="erik@meadow.example")
    shown = ws.notices.wording("2019", "newsletter", "de")
    assert (shown.text, shown.language, shown.notice_digest) == ("News, sometimes.", "", "")
    with pytest.raises(NotFound):
        ws.notices.wording("2019", "delivery", "de")
    with pytest.raises(NotFound):
        ws.notices.wording("2018", "newsletter", "de")
