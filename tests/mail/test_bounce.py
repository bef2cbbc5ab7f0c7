"""Delivery reports as mail systems write them: which letter, which status; and what is no bounce."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightful.errors import BadInput, RightfulError
from rightful.mail.bounce import Bounce, read_bounce
from rightful.mail.rules import is_dead_address, is_permanent, next_try, status_of

TOKEN = "0123456789abcdef0123456789abcdef"


def report(
    *, action: str = "failed", status: str = "5.1.1", to: str = "us@shop.example", inner: str = "rfc822"
) -> bytes:
    original = f"Message-ID: <{TOKEN}@shop.example>\r\nFrom: us@shop.example\r\nTo: ana@example.com\r\nSubject: Hi\r\n"
    returned = {
        "rfc822": f"Content-Type: message/rfc822\r\n\r\n{original}\r\nHello\r\n",
        "headers": f"Content-Type: text/rfc822-headers\r\n\r\n{original}",
        "none": "Content-Type: text/plain\r\n\r\nyour mail is not attached\r\n",
    }[inner]
    return (
        f"From: MAILER-DAEMON@mx.example\r\nTo: {to}\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nIt could not be delivered.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
        f"Final-Recipient: rfc822; ana@example.com\r\nAction: {action}\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: smtp; 550 {status} no such user\r\n\r\n"
        f"--b\r\n{returned}\r\n--b--\r\n"
    ).encode()


@pytest.mark.parametrize(
    ("to", "inner"),
    [
        ("us@shop.example", "rfc822"),
        ("us@shop.example", "headers"),
        (f"bounces+{TOKEN}@shop.example", "none"),
        (f'"Bounces" <bounces+{TOKEN}@shop.example>', "rfc822"),
    ],
)
def test_our_letter_is_recognised_by_address_or_message_id(to, inner):
    assert read_bounce(report(to=to, inner=inner)) == Bounce(TOKEN, "5.1.1")


@pytest.mark.parametrize("action", ["delayed", "relayed", "delivered", "expanded"])
def test_what_is_no_failure_is_no_bounce(action):
    assert read_bounce(report(action=action, status="4.4.1")) is None


def test_a_failure_without_a_readable_status_is_a_failure():
    assert read_bounce(report(status="no idea")) == Bounce(TOKEN, "5.0.0")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"Subject: Out of office\r\n\r\nI am away until Monday. 550 5.1.1\r\n",
        report(inner="none"),
        b"x" * 1_000_001,
    ],
)
def test_what_is_no_report_about_our_mail_is_refused(raw):
    with pytest.raises(BadInput):
        read_bounce(raw)


@given(st.binary(max_size=400) | st.integers(0, 1200).map(lambda cut: report()[:cut]))
def test_no_message_whatever_breaks_the_reader(raw):
    try:
        found = read_bounce(raw)
    except RightfulError:
        return
    assert found is None or (found.token == TOKEN and is_permanent(found.status))


@pytest.mark.parametrize(
    ("line", "status"), [("550 5.1.1 no such user", "5.1.1"), ("451 4.7.1 later", "4.7.1"), ("550 no", ""), ("", "")]
)
def test_the_status_is_found_in_a_servers_line(line, status):
    assert status_of(line) == status


@pytest.mark.parametrize(
    ("status", "dead"),
    [("5.1.1", True), ("5.1.2", True), ("5.1.10", True), ("5.2.1", True), ("5.2.2", False), ("5.7.1", False),
     ("4.1.1", False), ("5.0.0", False), ("", False), ("x5.1.1", False)],
)  # fmt: skip
def test_only_addresses_that_are_gone_are_dead(status, dead):
    assert is_dead_address(status) is dead


def test_waits_grow_and_end():
    waits = [next_try(attempt, 0) for attempt in range(1, 7)]
    assert waits[-1] is None
    assert waits[:-1] == sorted(waits[:-1])
