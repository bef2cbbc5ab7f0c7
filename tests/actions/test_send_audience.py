"""A list leaves whole or not at all, and is looked at again when it is handed over."""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from rightful.actions.export_audience import export_audience, note_path
from rightful.actions.publish_policy import publish_policy
from rightful.actions.revoke_list import revoke_list
from rightful.actions.send_audience import read_note, send_audience
from rightful.actions.show_disclosures import disclosures_of
from rightful.actions.withdraw_consent import object_to, withdraw_consent
from rightful.errors import BadInput, NotFound, NotPermitted, StaleList, UnknownName
from rightful.gate import release, use
from rightful.gate.use import Flow
from rightful.workspace import Workspace
from tests.actions.conftest import MAX, POLICY, SAM

IN = "C002"
PEOPLE_ON_LIST = 30
"""Of those who may be reached, two were never shown a notice that names the mailer."""


def listed(ws, path=None, **more):
    return export_audience(ws, MAX, "newsletter", channel="email", recipient="mailer", path=path, **more)


class Recipient:
    def __init__(self) -> None:
        self.batches: list[pa.Table] = []

    def __call__(self, batch) -> None:
        self.batches.append(batch.rows)

    @property
    def ids(self) -> list[str]:
        return [row["id"] for table in self.batches for row in table.to_pylist()]


def refusals(ws):
    return [code for line in ws.journal.lines(kind="share.refused") for code in line.codes]


# --- the list --------------------------------------------------------------------------------------


def test_a_list_carries_its_expiry_and_its_entry_and_says_so_signed(shop, tmp_path):
    path = tmp_path / "list.parquet"
    done = listed(shop, path)
    assert parquet.read_table(path).num_rows == done.rows == len(shop.ledger.subjects_of(done.use.entry.index))
    said = read_note(shop, path, MAX)
    assert said["entry"] == done.use.entry.index and said["recipient"] == "mailer" and said["rows"] == done.rows
    assert said["made_at"][:10] <= said["good_until"][:10] and said["good_until"] > said["made_at"]
    assert not [p for p in tmp_path.iterdir() if p.suffix == ".part"] and not list((shop.path / "outbox").iterdir())
    assert path.stat().st_mode & 0o077 == 0, "for its owner's eyes"


def test_csv_and_parquet_hold_the_same_rows(shop, tmp_path):
    import pyarrow.csv as csv

    listed(shop, tmp_path / "a.csv")
    listed(shop, tmp_path / "b.parquet")
    text = csv.read_csv(tmp_path / "a.csv").select(["id", "name", "email"]).to_pylist()
    assert text == parquet.read_table(tmp_path / "b.parquet").select(["id", "name", "email"]).to_pylist()


def test_who_says_no_while_the_list_is_written_is_not_on_it(shop, tmp_path, monkeypatch):
    path = tmp_path / "list.parquet"
    asked: list[int] = []
    permitted = Flow.permitted

    def and_then_a_no(flow, numbers):
        found = permitted(flow, numbers)
        asked.append(len(numbers))
        if len(asked) == 1:  # looked at and found willing; says no before the entry is written
            withdraw_consent(shop, IN, "newsletter")
        return found

    monkeypatch.setattr(Flow, "permitted", and_then_a_no)
    done = listed(shop, path)
    assert len(asked) == 2, "looked at again"
    assert IN not in parquet.read_table(path).column("id").to_pylist()
    assert done.rows == PEOPLE_ON_LIST - 1 and done.use.rechecked_out == 1
    assert disclosures_of(shop, IN) == () and shop.sharing.obligations() == []


def test_somebody_elses_no_does_not_hold_up_a_list(shop, monkeypatch):
    asked = []
    permitted = Flow.permitted

    def and_then_a_no(flow, numbers):
        asked.append(len(numbers))
        found = permitted(flow, numbers)
        object_to(shop, "C035")  # is not on the list
        return found

    monkeypatch.setattr(Flow, "permitted", and_then_a_no)
    assert listed(shop).rows == PEOPLE_ON_LIST and len(asked) == 1


def test_when_the_entry_cannot_be_written_no_file_appears(shop, tmp_path, monkeypatch):
    def full(*_a, **_k):
        raise OSError("no space left")

    monkeypatch.setattr(use, "put_on_record", full)
    with pytest.raises(OSError):
        listed(shop, tmp_path / "list.csv")
    assert list(tmp_path.glob("*list*")) == []


def test_counts_are_no_list(shop):
    with pytest.raises(NotPermitted):
        export_audience(shop, "ana@shop.example", "newsletter", channel="email", recipient="mailer")


# --- handing it over -------------------------------------------------------------------------------


def test_ac_012_who_said_no_since_the_list_was_made_is_skipped_and_it_is_on_record(shop, tmp_path):
    path = tmp_path / "list.csv"
    done = listed(shop, path)
    withdraw_consent(shop, IN, "newsletter")
    recipient = Recipient()
    sent = send_audience(shop, MAX, path, recipient, batch_rows=10)
    assert IN not in recipient.ids and len(recipient.ids) == done.rows - 1 == sent.customers
    assert len(sent.batches) == 3 and (sent.left_out, sent.withdrawn) == (1, 1)
    closing = shop.ledger.entry(sent.entry)
    assert closing.kind == "share.sent" and closing.public["reasons"]["not_permitted_any_more"] == 1
    assert list(shop.ledger.subjects_of(sent.entry)) == [shop.number_of(IN)], "she can see that it went without her"
    assert IN in path.read_text(), "a copy of the file does not know: that is why it is not what is sent"


def test_ac_012_yesterdays_list_is_refused(shop_path, tmp_path):
    with Workspace.open(shop_path) as ws:
        done = listed(ws, tmp_path / "list.csv")
    later = done.use.entry.at + release.GOOD_FOR_US
    with Workspace.open(shop_path, clock=lambda: later) as ws:
        with pytest.raises(StaleList, match="24 hours"):
            send_audience(ws, MAX, tmp_path / "list.csv", Recipient())
        assert refusals(ws) == ["list_expired"]
    with Workspace.open(shop_path, clock=lambda: later + 1) as ws, pytest.raises(StaleList):
        send_audience(ws, MAX, done.use.entry.index, Recipient())


@pytest.mark.parametrize("what", ["file", "note", "entry", "expiry"])
def test_a_list_that_somebody_changed_is_refused(shop, tmp_path, what):
    path = tmp_path / "list.csv"
    first = listed(shop)
    listed(shop, path)
    note = note_path(path)
    said = json.loads(note.read_text())
    if what == "file":
        path.write_text(path.read_text() + "C999,Mallory,m@example.com\n")
    elif what == "note":
        note.write_text("[]")
    else:
        said |= {"entry": first.use.entry.index} if what == "entry" else {"good_until": "2099-01-01T00:00:00.000000Z"}
        note.write_text(json.dumps(said))
    recipient = Recipient()
    with pytest.raises((StaleList, BadInput)):
        send_audience(shop, MAX, path, recipient)
    assert recipient.batches == []
    assert refusals(shop) == {"file": ["list_changed"], "note": []}.get(what, ["note_changed"])


def test_without_its_note_or_its_entry_nothing_is_sent(shop, tmp_path):
    path = tmp_path / "list.csv"
    listed(shop, path)
    note_path(path).unlink()
    with pytest.raises(NotFound):
        send_audience(shop, MAX, path)
    house = export_audience(shop, MAX, "newsletter", channel="email")
    for entry in (house.use.entry.index, 0, 10**9):
        with pytest.raises(NotFound):
            send_audience(shop, MAX, entry)


def test_what_may_have_arrived_is_not_sent_again(shop):
    done = listed(shop)
    got: list[str] = []

    def breaks(batch):
        got.extend(row["id"] for row in batch.rows.to_pylist())
        if batch.number == 1:
            raise ConnectionError("the line went dead")

    with pytest.raises(ConnectionError):
        send_audience(shop, MAX, done.use.entry.index, breaks, batch_rows=10)
    [(export, number, entry)] = shop.sharing.in_flight()
    assert (export, number) == (done.use.entry.index, 1)
    assert shop.ledger.entry(entry).kind == "share.batch", "what may be with the recipient is listed"
    rest = Recipient()
    sent = send_audience(shop, MAX, done.use.entry.index, rest, batch_rows=10)
    assert sorted(got + rest.ids) == sorted(set(got + rest.ids)) and len(got + rest.ids) == done.rows
    assert sent.left_out == 0
    again = Recipient()
    assert send_audience(shop, MAX, done.use.entry.index, again).customers == 0 and again.batches == []


def test_two_hand_overs_of_one_list_do_not_send_anybody_twice(shop, shop_path):
    done = listed(shop)
    second = Recipient()

    def meanwhile(batch):
        if batch.number == 0:
            with Workspace.open(shop_path) as other:
                send_audience(other, MAX, done.use.entry.index, second, batch_rows=10)

    with pytest.raises(StaleList, match="under way"):
        send_audience(shop, MAX, done.use.entry.index, meanwhile, batch_rows=10)
    assert len(second.ids) == done.rows - 10


def test_a_policy_that_changes_on_the_way_stops_the_rest(shop):
    done = listed(shop)
    got = Recipient()

    def change(batch):
        got(batch)
        if batch.number == 0:
            text = POLICY.replace("until: 2030-01-01, country: DE", "until: 2026-01-01, country: DE")
            (shop.path / "policy" / "shop.yaml").write_text(text, encoding="utf-8")
            publish_policy(shop, actor="olga@shop.example", approver="paul@shop.example")

    with pytest.raises(NotPermitted):
        send_audience(shop, MAX, done.use.entry.index, change, batch_rows=10)
    assert len(got.ids) == 10


def test_R02_an_agreement_that_has_ended_since_stops_the_hand_over(shop):
    done = listed(shop)
    text = POLICY.replace("until: 2030-01-01, country: DE", "until: 2026-01-01, country: DE")
    (shop.path / "policy" / "shop.yaml").write_text(text, encoding="utf-8")
    publish_policy(shop, actor="olga@shop.example", approver="paul@shop.example")
    got = Recipient()
    with pytest.raises(NotPermitted) as refused:
        send_audience(shop, MAX, done.use.entry.index, got)
    assert "agreement_not_in_force" in refused.value.decision.codes and got.batches == []


def test_who_may_not_pursue_the_purpose_hands_nothing_over(shop):
    done = listed(shop)
    with pytest.raises(NotPermitted):
        send_audience(shop, SAM, done.use.entry.index, Recipient())
    with pytest.raises(UnknownName):
        send_audience(shop, "nobody@shop.example", done.use.entry.index, Recipient())


def test_the_audience_of_the_list_is_asked_again_and_nobody_new_comes_in(shop):
    some = "select id from customer where points > 20"
    done = listed(shop, audience=some)
    recipient = Recipient()
    send_audience(shop, MAX, done.use.entry.index, recipient)
    assert len(recipient.ids) == done.rows < PEOPLE_ON_LIST
    assert recipient.batches[0].column_names == list(done.columns)


def test_batches_become_files_in_the_recipients_outbox(shop):
    done = listed(shop)
    sent = send_audience(shop, MAX, done.use.entry.index, batch_rows=20)
    files = sorted((shop.path / "outbox" / "mailer").iterdir())
    assert [f.name for f in files] == [f"list-{done.use.entry.index}-{n:04d}.csv" for n in (0, 1)]
    assert sum(f.read_text().count("\n") - 1 for f in files) == sent.customers


# --- calling it back -------------------------------------------------------------------------------


def test_a_list_that_was_called_back_is_not_sent(shop):
    done = listed(shop)
    revoke_list(shop, MAX, done.use.entry.index)
    with pytest.raises(StaleList, match="called back"):
        send_audience(shop, MAX, done.use.entry.index, Recipient())
    assert refusals(shop) == ["called_back"]
    [duty] = shop.sharing.obligations(no=shop.number_of(IN))
    assert duty.recipient == "mailer" and duty.duty == "withdrawal", "whoever has it is told to let go"


def test_a_list_that_never_left_leaves_nobody_to_tell(shop):
    done = listed(shop)
    withdraw_consent(shop, IN, "newsletter")
    revoke_list(shop, MAX, done.use.entry.index, never_left=True)
    assert disclosures_of(shop, IN)[0].state == "recalled"
    assert shop.sharing.obligations(only_open=True) == []
    withdraw_consent(shop, "C003", "newsletter")
    assert shop.sharing.obligations(only_open=True) == []


def test_what_was_handed_over_cannot_be_said_never_to_have_left(shop):
    done = listed(shop)
    send_audience(shop, MAX, done.use.entry.index, Recipient())
    with pytest.raises(BadInput, match="handed over"):
        revoke_list(shop, MAX, done.use.entry.index, never_left=True)
