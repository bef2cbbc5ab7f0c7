"""`rightful request` and `rightful law`, the way their users go."""

from __future__ import annotations

import json
from email.message import EmailMessage

import pytest

from tests.cli.conftest import SAM

AS = ("--as", SAM)


def mail(sender="p003@example.com", subject="Auskunft bitte", text="Ich bitte um Auskunft.", **headers) -> bytes:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, "privacy@shop.example", subject
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made.as_bytes()


def test_a_request_from_its_receipt_to_its_answer(rightful):
    opened = rightful("request", "open", "rectification", "--customer", "C003", "--text", "My city is wrong", "--json")
    assert opened.code == 0
    ref = opened.json["request"]
    assert opened.json["state"] == "needs-identity" and opened.json["reasoning"]
    again = rightful("request", "open", "rectification", "--customer", "C003", "--json")
    assert again.json["merged"] and again.json["request"] == ref
    assert [r["request"] for r in rightful("request", "list", "--json").json["requests"]] == [ref]
    early = rightful("request", "fulfil", ref, *AS, "--json")
    assert (early.code, early.json["code"]) == (3, "rights.wrong-state")
    waits = rightful("request", "fulfil", ref, "--checked", "called back on the known number", *AS, "--json")
    assert (waits.code, waits.json["waits_for"]) == (5, ["source/correct"])
    nothing = rightful("request", "fulfil", ref, "--done", "source/correct", *AS, "--json")
    assert (nothing.code, nothing.json["code"]) == (3, "rights.nothing-corrected")
    put = rightful("request", "correct", ref, "customer.city=Kiel", *AS, "--json")
    assert (put.code, put.json["corrected"]) == (0, ["customer.city"])
    assert rightful("request", "correct", ref, "customer.shoe=43", *AS).code == 6
    assert rightful("request", "correct", ref, "Kiel", *AS).code == 2
    done = rightful("request", "fulfil", ref, "--done", "source/correct", *AS, "--json")
    assert (done.code, done.json["state"]) == (0, "answered")
    seen = rightful("request", "show", ref, *AS, "--json").json
    assert [s["step"] for s in seen["steps"]] == [
        "received", "identity-asked", "repeated", "identified", "planned", "executed", "verified", "answered",
    ]  # fmt: skip
    assert seen["messages"][0]["text"] == "My city is wrong"
    text = rightful("request", "show", ref, *AS)
    assert "calendar month" in text.out and "answered" in text.out


def test_there_is_a_receipt_to_confirm_only_where_the_law_sets_a_term_for_it(rightful):
    opened = rightful("request", "open", "access", "--customer", "C003", "--json")
    refused = rightful("request", "confirm", opened.json["request"], "--by", "letter", *AS, "--json")
    assert (refused.code, refused.json["code"]) == (3, "rights.nothing-to-confirm")
    assert rightful("request", "confirm", opened.json["request"], "--by", "pigeon", *AS).code == 2


def test_a_missed_date_is_exit_code_seven(rightful):
    assert rightful("request", "list", "--overdue").code == 0
    rightful("request", "open", "rectification", "--customer", "C003", "--received", "2026-03-05")
    late = rightful("request", "list", "--overdue", "--json")
    assert (late.code, late.json["overdue"]) == (7, 1)
    assert late.json["requests"][0]["days_left"] < 0
    assert rightful("request", "list").code == 0
    doctor = rightful("doctor", "--json")
    assert doctor.code == 7
    finding = next(f for f in doctor.json["findings"] if f["what"] == "requests")
    assert not finding["ok"] and finding["detail"].startswith("1 past the date")


def test_more_time_a_pause_and_a_refusal(rightful):
    ref = rightful("request", "open", "human-review", "--customer", "C004", "--json").json["request"]
    first = rightful("request", "show", ref, *AS, "--json").json["due"]
    assert rightful("request", "extend", ref, "--reason", "complexity", *AS, "--json").json["due"] > first
    assert rightful("request", "extend", ref, "--reason", "complexity", *AS).code == 3
    assert rightful("request", "pause", ref, "--for", "identity", *AS).code == 0
    assert rightful("request", "pause", ref, "--over", *AS).code == 0
    assert rightful("request", "close", ref, *AS).code == 2
    assert rightful("request", "close", ref, "--reason", "accurate", *AS).code == 3
    closed = rightful(
        "request", "close", ref, "--reason", "excessive", "--note", "Third time this week.", *AS, "--json"
    )
    assert closed.json["state"] == "refused"
    other = rightful("request", "open", "complaint", "--customer", "C004", "--json").json["request"]
    assert rightful("request", "close", other, "--withdrawn", *AS, "--json").json["state"] == "withdrawn"
    assert rightful("request", "show", "R-NOTHING", *AS).code == 6
    assert rightful("request", "run", "--json").json["letters"] == 0


@pytest.mark.parametrize(
    ("subject", "kind", "guessed"),
    [
        ("Auskunft nach Art. 15", "access", False),
        ("Bitte löschen Sie alles", "erasure", False),
        ("Please delete my account", "erasure", False),
        ("Do not sell my data", "opt-out", False),
        ("Je demande la rectification de mon adresse", "rectification", False),
        ("Quiero presentar una queja", "complaint", False),
        ("Hello", "access", True),
    ],
)
def test_a_mail_becomes_a_request_that_waits_for_proof(rightful, tmp_path, subject, kind, guessed):
    (tmp_path / "mail.eml").write_bytes(mail(subject=subject, text="Regards"))
    taken = rightful("request", "import-mail", tmp_path / "mail.eml", "--json").json
    assert (taken["kind"], taken["guessed"]) == (kind, guessed)
    assert taken["state"] == ("answered" if kind == "opt-out" else "needs-identity")
    assert rightful("mail", "list", "--json").json["letters"] == [], "never answered by mail"


@pytest.mark.parametrize(
    "raw",
    [
        mail(sender="nobody"),
        mail(Auto_Submitted="auto-replied"),
        mail(List_Id="<list.example>"),
        b"x" * (2 * 1024 * 1024 + 1),
        b"",
    ],
)
def test_a_mail_nobody_can_be_asked_about_is_refused(rightful, tmp_path, raw):
    (tmp_path / "mail.eml").write_bytes(raw)
    assert rightful("request", "import-mail", tmp_path / "mail.eml").code == 2


def test_a_mail_with_hostile_html_is_read_as_words(rightful, tmp_path):
    made = EmailMessage()
    made["From"], made["Subject"] = "p003@example.com", "Access"
    made.set_content("<script>alert(1)</script><p>A <b>copy</b> please</p><style>x</style>", subtype="html")
    (tmp_path / "mail.eml").write_bytes(made.as_bytes())
    ref = rightful("request", "import-mail", tmp_path / "mail.eml", "--json").json["request"]
    text = rightful("request", "show", ref, *AS, "--json").json["messages"][0]["text"]
    assert text == "Access\nA copy please"


def test_the_date_of_a_mail_counts_as_its_receipt(rightful, tmp_path):
    (tmp_path / "mail.eml").write_bytes(mail(Date="Thu, 05 Mar 2026 10:00:00 +0100"))
    taken = rightful("request", "import-mail", tmp_path / "mail.eml", "--json").json
    assert taken["reasoning"].startswith("1 calendar month from 2026-03-05")


def test_laws_are_listed_and_a_date_is_counted(rightful):
    laws = rightful("law", "list", "--json").json["laws"]
    assert {"gdpr", "uk-gdpr", "ccpa", "us-va", "lgpd"} <= {law["law"] for law in laws}
    assert rightful("law", "list", "gdpr").out.count("gdpr/") == 4
    assert rightful("law", "list", "moon").code == 2
    due = rightful("law", "due", "gdpr/answer", "2026-03-05", "--calendar", "IE", "--zone", "Europe/Dublin", "--json")
    assert due.json["due"] == "2026-04-07"
    assert json.dumps(due.json["reasoning"]).count("Easter Monday") == 1
    waited = ("--waited", "identity:2026-03-02:2026-03-12")
    assert rightful("law", "due", "gdpr/answer", "2026-03-02", *waited, "--json").json["safe_due"] == "2026-04-02"
    assert rightful("law", "due", "gdpr/breach", "2026-03-06T16:40:00+01:00", "--json").code == 0
    for wrong in (
        ("gdpr/answer", "soon"),
        ("gdpr/breach", "2026-03-06"),
        ("gdpr/answer", "2026-03-05", "--zone", "X/Y"),
    ):
        assert rightful("law", "due", *wrong).code == 2
    assert rightful("law", "due", "gdpr/answer", "2026-03-05", "--waited", "tea").code == 2
    assert rightful("law", "due", "gdpr/tea", "2026-03-05").code == 6
