"""What was made from customer data keeps its lineage, and a no reaches it."""

from __future__ import annotations

import pyarrow as pa
import pytest

import rightful as rf
from rightful.actions.export_audience import export_audience
from rightful.actions.keep_derived import drop_derived, keep_derived, lineage, note_outside, reach_derived
from rightful.actions.record_choice import make_event, record, record_event
from rightful.actions.remind_recipients import remind_recipients
from rightful.actions.show_disclosures import disclosures_of
from rightful.actions.use_data import query_data
from rightful.actions.withdraw_consent import withdraw_consent
from rightful.consent.events import Event
from rightful.errors import BadInput, NotFound, NotPermitted, PurposeMissing, SqlRefused
from rightful.gate.use import Flow
from rightful.terms import EventKind
from tests.actions.conftest import ANA, MAX, SAM
from tests.actions.test_use_data import PERMITTED

IN, NEVER = "C002", "C055"
SCORE = "select id, points from customer"


@pytest.fixture
def scored(shop):
    return keep_derived(shop, ANA, "study", "churn", SCORE, key="id")


def ids(ws, purpose="study", table="churn", actor=ANA):
    return {row["id"] for row in query_data(ws, actor, purpose, f"select id from {table}").table.to_pylist()}


def test_a_score_is_a_governed_table_with_its_lineage(shop, scored):
    assert scored.rows == scored.customers == len(ids(shop)) and scored.left_out == 0
    [one] = lineage(shop)
    assert (one.name, one.kind, one.purpose, one.sources) == (
        "churn",
        "score",
        "study",
        ("customer.id", "customer.points"),
    )
    entry = shop.ledger.entry(one.entry)
    assert entry.kind == "derived.kept" and shop.number_of(IN) in shop.ledger.subjects_of(one.entry)
    assert NEVER not in ids(shop), "never agreed to the study"


def test_a_withdrawal_reaches_a_score_on_the_very_next_read(shop, scored):
    assert IN in ids(shop)
    withdraw_consent(shop, IN, "study")
    assert IN not in ids(shop)


def test_a_score_is_not_read_for_another_purpose_once_its_own_is_withdrawn(shop, scored):
    used = query_data(shop, MAX, "newsletter", "select points from churn", channel="email")
    before = used.table.num_rows
    assert before == len(PERMITTED), "both purposes permit them"
    withdraw_consent(shop, IN, "study")
    after = query_data(shop, MAX, "newsletter", "select points from churn", channel="email")
    assert after.table.num_rows == before - 1
    whole = query_data(shop, MAX, "newsletter", "select id from customer", channel="email").table.to_pylist()
    assert IN in {row["id"] for row in whole}, "the letter itself goes on"


def test_a_score_in_an_audience_counts_with_its_own_purpose(shop, scored):
    withdraw_consent(shop, IN, "study")
    done = export_audience(
        shop, MAX, "newsletter", "select id from churn where points >= 0", channel="email", recipient="mailer"
    )
    assert IN not in {row["id"] for row in done.table.to_pylist()} and done.rows > 20


def test_rows_of_who_said_no_are_deleted_and_the_customer_sees_it(shop, scored):
    withdraw_consent(shop, IN, "study")
    assert reach_derived(shop, SAM) == {"churn": 1}
    assert reach_derived(shop, SAM) == {}
    with shop.source.whole("churn", ["id"]) as reader:
        left = reader.read_all().column("id").to_pylist()
    assert IN not in left and len(left) == scored.rows - 1
    [line] = shop.journal.lines(kind="derived.reached")
    assert list(shop.ledger.subjects_of(line.entry)) == [shop.number_of(IN)]


def test_a_restriction_of_a_source_takes_the_row_out(shop, scored):
    now = shop.clock()
    rests = Event("r-1", EventKind.RESTRICTED, "customer.points", "", now, now, evidence="letter")
    record_event(shop, IN, rests, actor=SAM)
    assert reach_derived(shop, SAM) == {"churn": 1}


def test_a_score_of_a_forbidden_field_is_not_made_nor_read(shop, scored):
    with pytest.raises((NotPermitted, SqlRefused)):
        keep_derived(shop, ANA, "study", "leak", "select id, notes from customer", key="id")
    table = pa.table({"id": [IN], "mood": [1]})
    with pytest.raises(NotPermitted, match="does not permit"):
        keep_derived(shop, ANA, "study", "leak", table, key="id", sources=["customer.notes"])
    with pytest.raises(SqlRefused):
        query_data(shop, MAX, "ads", "select points from churn")
    assert [d.name for d in lineage(shop)] == ["churn"]


def test_what_is_made_from_a_score_is_made_from_what_that_was_made_from(shop, scored):
    again = keep_derived(shop, ANA, "study", "risk", "select id, points as risk from churn", key="id", kind="segment")
    assert again.sources == ("customer.id", "customer.points")


def test_rows_from_a_notebook_are_kept_for_those_who_may_be_used(shop):
    table = pa.table({"id": [IN, NEVER, "C999"], "score": [0.1, 0.2, 0.3]})
    kept = keep_derived(shop, ANA, "study", "scores", table, key="id", sources=["customer.points"])
    assert (kept.rows, kept.left_out) == (1, 2)
    assert ids(shop, table="scores") == {IN}


def test_the_connection_remembers_what_it_has_read(shop_path):
    with rf.connect(shop_path, actor=ANA, purpose="study") as rights:
        with pytest.raises(BadInput, match="made from"):
            rights.keep(pa.table({"id": [IN], "score": [1]}), "early")
        frame = rights.sql("select id, points, city from customer").df()
        frame["score"] = frame["points"].astype(int) * 2
        kept = rights.keep(frame[["id", "score"]], "late")
        assert kept.sources == ("customer.city", "customer.id", "customer.points") and kept.rows == len(frame)


def test_who_says_no_while_a_table_is_made_is_not_in_it(shop, monkeypatch):
    from rightful.gate import keep, use

    first = []
    put = use.put_on_record
    no, now = shop.number_of(IN), shop.clock()
    said = make_event(shop, EventKind.WITHDRAWN, "study", "*", now, "portal", "w-1")

    def and_a_no(house, drafts, rows=None):
        if drafts[0].kind == "derived.kept" and not first:
            first.append(1)
            record(shop, no, [said], "self", "")
        return put(house, drafts, rows)

    monkeypatch.setattr(keep.use, "put_on_record", and_a_no)
    kept = keep_derived(shop, ANA, "study", "churn", SCORE, key="id")
    assert first and IN not in ids(shop) and shop.number_of(IN) not in shop.ledger.subjects_of(kept.entry)
    with shop.source.whole("churn", ["id"]) as reader:
        assert IN not in reader.read_all().column("id").to_pylist()


@pytest.mark.parametrize(
    ("name", "columns", "kind", "why"),
    [
        ("customer", {"id": [IN], "score": [1]}, "score", "already"),
        ("rf_x", {"id": [IN], "score": [1]}, "score", "reserved"),
        ("x; drop", {"id": [IN], "score": [1]}, "score", "small letters"),
        ("x", {"id": [IN], "rf_no": [1]}, "score", "reserved"),
        ("x", {"key": [IN], "score": [1]}, "score", "no column id"),
        ("x", {"id": [IN], "score": [1]}, "poem", "nothing that is made"),
    ],
)
def test_names_that_are_taken_or_odd_are_refused(shop, name, columns, kind, why):
    with pytest.raises(BadInput, match=why):
        keep_derived(shop, ANA, "study", name, pa.table(columns), key="id", kind=kind, sources=["customer.points"])


def test_a_purpose_that_counts_keeps_nothing_of_single_customers(shop):
    table = pa.table({"id": [IN], "score": [1]})
    with pytest.raises(NotPermitted):
        keep_derived(shop, ANA, "statistics", "x", table, key="id", sources=["customer.points"])
    with pytest.raises(NotPermitted):
        keep_derived(shop, MAX, "study", "x", table, key="id", sources=["customer.points"])
    with pytest.raises(PurposeMissing):
        keep_derived(shop, ANA, "", "x", table, key="id", sources=["customer.points"])


def test_a_table_can_be_made_again_and_taken_away(shop, scored):
    keep_derived(shop, ANA, "study", "churn", SCORE, key="id", kind="segment")
    assert [d.kind for d in lineage(shop)] == ["segment"]
    drop_derived(shop, ANA, "churn")
    assert lineage(shop) == ()
    with pytest.raises(SqlRefused):
        ids(shop)
    with pytest.raises(NotFound):
        drop_derived(shop, ANA, "churn")


def test_rows_kept_outside_are_told_like_a_recipient_and_are_none(shop):
    done = export_audience(shop, MAX, "newsletter", channel="email")
    note_outside(shop, MAX, done.use.entry.index, "mailing tool, segment Spring")
    withdraw_consent(shop, IN, "newsletter")
    [owed] = shop.sharing.obligations()
    assert owed.recipient == "mailing tool, segment Spring" and owed.duty == "withdrawal"
    assert remind_recipients(shop, SAM)[0].customers == 1
    assert disclosures_of(shop, IN) == (), "nobody else received anything"
    with pytest.raises(BadInput):
        note_outside(shop, MAX, done.use.entry.index, "mailing tool, segment Spring")
    with pytest.raises(BadInput):
        note_outside(shop, MAX, done.use.entry.index, "../../etc")
    with pytest.raises(NotFound):
        note_outside(shop, MAX, 0, "elsewhere")


def test_a_flow_checks_the_purpose_of_the_score_for_every_batch(shop, scored, monkeypatch):
    seen = []
    permitted = Flow.permitted

    def later(flow, numbers):
        if not seen:
            withdraw_consent(shop, IN, "study")
        found = permitted(flow, numbers)
        seen.append(int((~found[1]).sum()))
        return found

    monkeypatch.setattr(Flow, "permitted", later)
    export_audience(shop, MAX, "newsletter", "select id from churn", channel="email", recipient="mailer")
    assert seen == [1]
