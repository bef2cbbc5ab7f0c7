"""Consent strings of the advertising industry: what the specifications show, and everything that is none."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightful.consent.iab import decode_gpp, decode_tcf
from rightful.errors import SignalUnreadable

# Made by @iabtcf/core 1.5.6 (tests/consent/foreign): purposes 1 and 3, interest 2, vendors 2, 6, 8.
TCF = "CQdWToAQdWToAAKACBENAwFoAKAAAEAAAAYgAEEUAAiAAAAA.IADEQAAA.cAAAAAAAAAAA"
SPEC_TCF = "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA"  # in the GPP specification
METACPAN = "CLcVDxRMWfGmWAVAHCENAXCkAKDAADnAABRgA5mdfCKZuYJez-NQm0TBMYA4oCAAGQYIAAAAAAEAIAEgAA.argAC0gAAAAAAAAAAAA"


def test_a_tc_string():
    read = decode_tcf(TCF)
    assert read.purposes == {1, 3} and read.legitimate_interests == {2} and read.special_features == {1}
    assert read.vendors == {2, 6, 8} and read.vendor_interests == {2} and read.disclosed == {2, 6}
    assert (read.cmp_id, read.language, read.publisher_country, read.policy_version) == (10, "EN", "DE", 5)
    assert read.service_specific and read.created_us == read.updated_us == 1767225600_000_000


def test_a_tc_string_that_another_parser_documents():
    """The example of the Perl module GDPR::IAB::TCFv2, whose page states what is in it."""
    read = decode_tcf(METACPAN)
    assert (read.created_us // 1_000_000, read.updated_us // 1_000_000) == (1228644257, 1326215413)
    assert (read.cmp_id, read.cmp_version, read.screen, read.language, read.vendor_list) == (21, 7, 2, "EN", 23)


@pytest.mark.parametrize(
    ("header", "sections"),
    [("DBABM", (2,)), ("DBACNY", (2, 6)), ("DBABjw", (5, 6)), ("DBACNYA", (2, 6)), ("DBABMA", (2,))],
)
def test_the_headers_of_the_gpp_specification(header, sections):
    content = {2: SPEC_TCF, 5: "BAAA", 6: "1YNN"}
    read = decode_gpp("~".join([header, *(content[number] for number in sections)]))
    assert read.sections == sections
    assert read.unread == tuple(number for number in sections if number == 5)
    assert (read.usp == "1YNN") == (6 in sections) and (read.tcf is not None) == (2 in sections)


def test_a_tc_string_alone_is_read_as_well():
    assert decode_gpp(SPEC_TCF).tcf == decode_tcf(SPEC_TCF)


MALFORMED = {
    "empty": "",
    "a word": "hello",
    "no characters of base64": "DBABM~CPX*RfA",
    "cut short": SPEC_TCF[:20],
    "TCF version 1": "B" + SPEC_TCF[1:],
    "TCF version 3": "D" + SPEC_TCF[1:],
    "a header without sections": "DBABM",
    "more sections than the header names": f"DBABM~{SPEC_TCF}~1YNN",
    "an empty section": "DBABM~",
    "an unknown part": TCF + ".8AAA",
    "a part twice": TCF + "." + TCF.split(".")[1],
    "something behind the end": SPEC_TCF + "AAAAAAAB",
    "ones in the padding": SPEC_TCF[:-1] + "B",
    "no US Privacy string": "DBABT~2YNN",
    "a US Privacy string of other letters": "DBABT~1YXN",
    "an American section of an unknown version": "DBABLA~DAAAAAAAAAAA",
    "a number that means nothing": "DBABLA~B_AAAAAAAA",
    "longer than any": "C" + "A" * 20_001,
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_what_is_malformed_is_refused_as_a_whole(text):
    with pytest.raises(SignalUnreadable) as refused:
        decode_gpp(text)
    assert refused.value.code == "consent.signal-unreadable"


@given(st.text(alphabet="ABCDEFGHabcdefgh0123456789-_.~", max_size=200))
def test_nothing_but_a_clear_refusal_comes_of_noise(text):
    for first in ("", "C", "DB", "DBABM~", "DBABLA~"):
        try:
            decode_gpp(first + text)
        except SignalUnreadable as refused:
            assert text not in str(refused) or len(text) < 3, "the message repeats nothing"


@given(st.integers(0, len(TCF.split(".")[0]) * 6 - 1))
def test_one_changed_bit_never_adds_more_than_that_bit(place):
    """Purposes and vendors are single bits: flipping one elsewhere adds no purpose."""
    core = TCF.split(".")[0]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    bits = "".join(f"{alphabet.index(c):06b}" for c in core)
    flipped = bits[:place] + ("1" if bits[place] == "0" else "0") + bits[place + 1 :]
    text = "".join(alphabet[int(flipped[i : i + 6], 2)] for i in range(0, len(flipped), 6))
    try:
        read = decode_tcf(text)
    except SignalUnreadable:
        return
    added = read.purposes - {1, 3}
    assert len(added) <= 1 and (not added or 152 <= place < 176)


def test_a_string_that_names_all_vendors_many_times_is_read_quickly_or_refused():
    """4,095 runs of 65,535 vendors each: as sets that would be 268 million additions."""
    head = f"{2:06b}" + "0" * 72 + "0" * 12 + "0" * 12 + "0" * 6 + "0" * 12 + "0" * 12 + "0" * 6 + "00" + "0" * 12
    body = "0" * 48 + "0" + "0" * 12 + f"{65535:016b}" + "1" + f"{4095:012b}"
    body += ("1" + f"{1:016b}" + f"{65535:016b}") * 4095
    body += f"{0:016b}" + "0" + "0" * 12
    raw = head + body
    raw += "0" * (-len(raw) % 24)
    text = base64.urlsafe_b64encode(int(raw, 2).to_bytes(len(raw) // 8, "big")).decode().rstrip("=")
    with pytest.raises(SignalUnreadable):
        decode_tcf(text)
    assert len(text) > 20_000
