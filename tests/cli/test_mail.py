"""`rightful mail`: letters are counted, what comes back is read; no address is printed."""

from __future__ import annotations

from rightful.workspace import Workspace
from tests.mail.test_bounce import TOKEN, report


def test_a_returned_letter_is_noted_and_listed_without_its_address(rightful, shop):
    with Workspace.open(shop) as ws:
        number = ws.mail.put(to="ana@example.com", template="receipt", kind="newsletter")
        letter = ws.mail.take()
        ws.mail.sent(letter)
    came = report().replace(TOKEN.encode(), letter.token.encode()).decode()
    back = rightful("mail", "bounce", "--json", stdin=came)
    assert (back.json["letter"], back.json["state"], back.json["status"]) == (number, "bounced", "5.1.1")
    listed = rightful("mail", "list", "--state", "bounced", "--json")
    assert [one["id"] for one in listed.json["letters"]] == [number]
    assert listed.json["counts"]["bounced"] == 1
    assert "ana@" not in listed.out + back.out


def test_a_report_of_a_delay_changes_nothing(rightful):
    assert rightful("mail", "bounce", "--json", stdin=report(action="delayed").decode()).json["letter"] is None


def test_what_is_no_report_of_ours_is_refused(rightful):
    assert rightful("mail", "bounce", stdin="hello").code == 2
    assert rightful("mail", "bounce", stdin=report().decode()).code == 2
    assert rightful("mail", "list", "--state", "lost").code == 2
