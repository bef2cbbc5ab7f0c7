"""Strings of the advertising industry: a no counts, a yes only where it can be proved, and noise permits nothing."""

from __future__ import annotations

import json

import pytest

from rightful.actions.give_consent import give_consent
from rightful.actions.take_signal import mapping_of, take_signal
from rightful.actions.withdraw_consent import withdraw_consent
from rightful.consent.signals import Means
from rightful.errors import BadInput, EventRejected, SignalUnreadable
from tests.actions.conftest import ANA
from tests.actions.test_choices import allowed

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
MAPPED = {"purpose": "ads", "needs": [1, 3, 4], "notices": {"10": "1"}}


def tc(purposes=(), *, updated=1767225600, cmp=10, service=True, vendors=(), interests=()) -> str:
    """A TC string, bit by bit; the judges in tests/consent/foreign hold the decoder to the real encoder."""

    def members(numbers, size):
        return "".join("1" if n in numbers else "0" for n in range(1, size + 1))

    bits = f"{2:06b}{updated * 10:036b}{updated * 10:036b}{cmp:012b}{1:012b}{1:06b}{4:06b}{13:06b}{48:012b}{5:06b}"
    bits += ("1" if service else "0") + "0" + "0" * 12 + members(purposes, 24) + members(interests, 24) + "0"
    bits += f"{3:06b}{4:06b}" + f"{max(vendors, default=0):016b}0" + members(vendors, max(vendors, default=0))
    bits += f"{0:016b}0" + f"{0:012b}"
    bits += "0" * (-len(bits) % 24)
    return "".join(ALPHABET[int(bits[i : i + 6], 2)] for i in range(0, len(bits), 6))


def usca(*, sale=0, sharing=0, gpc=None) -> str:
    bits = f"{1:06b}" + "00" * 3 + f"{sale:02b}{sharing:02b}" + "00" * 9 + "00" * 2 + "00" + "01" + "00" * 2
    bits += "0" * (-len(bits) % 24)
    core = "".join(ALPHABET[int(bits[i : i + 6], 2)] for i in range(0, len(bits), 6))
    return f"DBABBg~{core}" + ("" if gpc is None else "." + ("YA" if gpc else "QA"))


@pytest.fixture
def mapped(shop):
    def write(*entries):
        (shop.path / "signals.json").write_text(json.dumps({"tcf": list(entries or (MAPPED,))}))
        return shop

    return write


def test_a_yes_on_a_notice_that_is_known_counts(mapped):
    ws = mapped()
    taken = take_signal(ws, "C055", tc([1, 3, 4]), actor="web")
    assert [e.means for e in taken.effects] == [Means.YES] and allowed(ws, "C055", "ads", "")
    entry = ws.ledger.entry(taken.entries[0])
    assert entry.public["notice_digest"] and entry.public["form"] == "consent-string"
    assert ws.ledger.open_private(entry.index)["proof"] == {"string": tc([1, 3, 4])}


@pytest.mark.parametrize(
    ("entry", "text", "why"),
    [
        (MAPPED | {"notices": {}}, tc([1, 3, 4]), "no notice for consent platform 10"),
        (MAPPED, tc([1, 3, 4], cmp=11), "no notice for consent platform 11"),
        (MAPPED, tc([1, 3, 4], service=False), "not given to this site"),
    ],
    ids=["no notice mapped", "another consent platform", "a global string"],
)
def test_ac_057_a_yes_that_cannot_be_proved_is_kept_as_a_claim_and_permits_nothing(mapped, entry, text, why):
    ws = mapped(entry)
    taken = take_signal(ws, "C055", text, actor="web")
    assert taken.effects[0].means is Means.CLAIMED and why in taken.effects[0].why
    assert len(taken.entries) == 1 and not allowed(ws, "C055", "ads", "")


@pytest.mark.parametrize("purposes", [[], [1, 3], [1, 4], [2, 5, 6]])
def test_a_part_of_what_is_needed_is_a_no(mapped, purposes):
    ws = mapped()
    assert take_signal(ws, "C055", tc(purposes), actor="web").effects[0].means is Means.NO
    assert not allowed(ws, "C055", "ads", "")


def test_a_no_takes_an_earlier_yes_back(mapped):
    ws = mapped()
    take_signal(ws, "C055", tc([1, 3, 4]), actor="web")
    take_signal(ws, "C055", tc([1], updated=1767225600 + 60), actor="web")
    assert not allowed(ws, "C055", "ads", "")


def test_an_old_string_never_overtakes_a_later_no(mapped):
    ws = mapped()
    withdraw_consent(ws, "C055", "ads")
    take_signal(ws, "C055", tc([1, 3, 4]), actor="web")
    assert not allowed(ws, "C055", "ads", "")


def test_ac_051_the_same_string_twice_is_one_event(mapped):
    ws = mapped()
    first = take_signal(ws, "C055", tc([1, 3, 4]), actor="web")
    size = ws.ledger.head()[0]
    again = take_signal(ws, "C055", tc([1, 3, 4]), actor="web")
    assert (len(first.entries), again.entries, again.known) == (1, (), 1) and ws.ledger.head()[0] == size


def test_ac_053_a_string_from_the_future_is_refused(mapped):
    with pytest.raises(EventRejected):
        take_signal(mapped(), "C055", tc([1, 3, 4], updated=4_000_000_000), actor="web")


def test_the_vendors_own_bit_can_be_asked_for(mapped):
    ws = mapped(MAPPED | {"vendor": 755})
    assert take_signal(ws, "C055", tc([1, 3, 4], vendors=[2]), actor="web").effects[0].means is Means.NO
    assert take_signal(ws, "C056", tc([1, 3, 4], vendors=[755]), actor="web").effects[0].means is Means.YES


def test_a_legitimate_interest_is_objected_to_by_a_missing_bit(mapped):
    ws = mapped({"purpose": "statistics", "needs": [7], "interest": True})
    assert take_signal(ws, "C055", tc(interests=[7]), actor="web").effects[0].means is Means.NO_OBJECTION
    assert allowed(ws, "C055", "statistics", "", ANA)
    assert take_signal(ws, "C055", tc(), actor="web").effects[0].means is Means.OBJECTED
    assert not allowed(ws, "C055", "statistics", "", ANA)


CALIFORNIAN = "C019"


@pytest.mark.parametrize("text", [usca(sale=1), usca(sharing=1), "DBABT~1YYN", usca(gpc=True)])
def test_an_opt_out_counts(shop, text):
    give_consent(shop, CALIFORNIAN, "ads")
    assert allowed(shop, CALIFORNIAN, "ads", "")
    take_signal(shop, CALIFORNIAN, text, actor="web")
    assert not allowed(shop, CALIFORNIAN, "ads", "")
    size = shop.ledger.head()[0]
    assert take_signal(shop, CALIFORNIAN, text, actor="web").entries == ()
    assert shop.ledger.head()[0] == size, "what stands is not written again"


@pytest.mark.parametrize("text", [usca(sale=2, sharing=2), "DBABT~1YNN", usca(gpc=False), "DBABT~1---"])
def test_did_not_opt_out_is_no_permission_and_lifts_nothing(shop, text):
    take_signal(shop, CALIFORNIAN, usca(sale=1), actor="web")
    assert take_signal(shop, CALIFORNIAN, text, actor="web").effects == ()
    assert not allowed(shop, CALIFORNIAN, "ads", "")


@pytest.mark.parametrize("text", ["", "x", "DBABM", tc([1])[:-9], "DBABjw~BAAA~1YNN"])
def test_what_cannot_be_read_writes_nothing(mapped, text):
    ws = mapped()
    size = ws.ledger.head()[0]
    with pytest.raises(SignalUnreadable):
        take_signal(ws, "C055", text, actor="web")
    assert ws.ledger.head()[0] == size


def test_a_child_and_marketing_are_never_switched_on_by_a_string(mapped):
    ws = mapped()
    taken = take_signal(ws, "C007", tc([1, 3, 4]), actor="web")
    assert taken.effects[0].means is Means.CLAIMED and not allowed(ws, "C007", "ads", "")


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        {"tcf": {}},
        {"tcf": [], "gpp": []},
        {"tcf": [{"purpose": "ads"}]},
        {"tcf": [{"purpose": "ads", "needs": []}]},
        {"tcf": [{"purpose": "ads", "needs": [12]}]},
        {"tcf": [{"purpose": "ads", "needs": [1], "notice": "1"}]},
        {"tcf": [{"purpose": "ads", "needs": [1], "channel": "email"}]},
        {"tcf": [{"purpose": "ads", "needs": [1], "notices": {"10": "no such notice"}}]},
    ],
)
def test_a_mapping_that_is_wrong_is_refused(shop, wrong):
    (shop.path / "signals.json").write_text(json.dumps(wrong))
    with pytest.raises(BadInput):
        mapping_of(shop)


def test_without_a_mapping_a_tc_string_says_nothing(shop):
    assert take_signal(shop, "C055", tc([1, 3, 4]), actor="web").effects == ()
