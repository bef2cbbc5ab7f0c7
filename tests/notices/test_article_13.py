# ruff: noqa: E501 - one item of the law per line
"""Every item of GDPR Art. 13 and 14 that applies is in the notice, or the notice is refused with the key to add."""

from __future__ import annotations

import pytest

from rightful.actions.publish_notice import texts_of
from rightful.policy.check import check
from rightful.policy.loader import eea, load, loads
from rightful.policy.told import missing, told
from tests.notices.policies import COMPLETE, INCOMPLETE, changed


def notice(text: str, language: str = "en"):
    return texts_of(told(loads(text), eea()))[language]


def said(text: str, place: str, language: str = "en") -> str:
    """What the notice says at a place such as legal/controller or details/newsletter."""
    return " ".join(
        f"{line.label} {line.text}"
        for path, line in notice(text, language).lines()
        if "/".join(part.id for part in path).startswith(place)
    )


ITEMS = [
    ("13(1)(a) who is responsible", "legal/controller", ["Meadow, S.A.", "Rua das Flores 1", "privacy@meadow.example"]),
    ("13(1)(b) the data protection officer", "legal/dpo", ["dpo@meadow.example"]),
    ("13(1)(c) the purposes", "legal/bases", ["We bring you what you ordered.", "We send you news."]),
    ("13(1)(c) the legal bases", "legal/bases", ["our contract with you", "your consent", "a legal obligation, resting on AO 147", "our legitimate interest, resting on LIA-1"]),
    ("13(1)(d) the legitimate interests", "legal/interests", ["We want to be paid.", "We want to know what sells."]),
    ("13(1)(e) the recipients", "legal/recipients", ["Swift Parcels", "Letterbox Mail", "Reach Ads", "Agora"]),
    ("13(1)(f) the transfers", "legal/transfers", ["Reach Ads is in United States.", "Standard contractual clauses", "You can have a copy of the safeguards: privacy@meadow.example."]),
    ("13(2)(a) the storage period", "legal/storage", ["6 months after the last delivery", "8 years from the end of the year", "1 month after the withdrawal"]),
    ("13(2)(b) access, rectification, erasure", "legal/rights", ["get a copy", "wrong data corrected", "your data erased"]),
    ("13(2)(b) restriction, objection, portability", "legal/rights", ["set your data aside", "You can object", "in a common format"]),
    ("13(2)(c) withdrawal", "legal/rights", ["take back a yes at any time"]),
    ("13(2)(d) complaint", "legal/complaint", ["CNPD", "https://www.cnpd.pt"]),
    ("13(2)(e) whether one has to", "details/delivery", ["Without it we may be unable to keep our contract with you."]),
    ("13(2)(e) whether the law asks", "details/tax-records", ["Yes. The law asks it of us"]),
    ("13(2)(e) whether one is free", "details/newsletter", ["No. Saying no changes nothing else."]),
    ("13(2)(f) automated decisions", "details/credit-check", ["A program says yes or no by your score.", "ask a person"]),
    ("13(2)(f) the right to a person", "legal/rights", ["what a machine decided"]),
    ("13(3) further purposes", "details/counting", ["First collected for We bring you what you ordered."]),
    ("14(1)(d) the categories of data", "legal/data", ["your name", "your credit score", "what care you need"]),
    ("14(2)(f) the source", "legal/data", ["You gave it to us.", "We got it from Harbour Credit."]),
    ("21(4) the right to object to marketing, apart from all else", "short", ["You can say no to advertising at any time."]),
    ("26(2) the essence of a joint arrangement", "legal/recipients", ["It decides together with us. Ask us what we agreed."]),
    ("9(2) the ground for sensitive data", "details/care", ["We use it only if you expressly say yes."]),
    ("8(1) children", "details/care", ["Portugal 13 and Germany 16"]),
]  # fmt: skip


@pytest.mark.parametrize(("place", "words"), [pytest.param(place, words, id=item) for item, place, words in ITEMS])
def test_the_notice_says_it(place, words):
    text = said(COMPLETE, place)
    assert [word for word in words if word not in text] == []


@pytest.mark.parametrize("language", ["en", "de"])
def test_each_item_is_marked_on_its_line_in_every_language(language):
    marked = {
        article for _, line in notice(COMPLETE, language).lines() for article in line.article.split(", ") if article
    }
    wanted = {"GDPR Art. 13(1)(a)", "GDPR Art. 13(1)(b)", "GDPR Art. 13(1)(c)", "GDPR Art. 13(1)(d)", "GDPR Art. 13(1)(e)",
              "GDPR Art. 13(1)(f)", "GDPR Art. 13(2)(a)", "GDPR Art. 13(2)(b)", "GDPR Art. 13(2)(c)", "GDPR Art. 13(2)(d)",
              "GDPR Art. 13(2)(e)", "GDPR Art. 13(2)(f)", "GDPR Art. 13(3)", "GDPR Art. 14(1)(d)", "GDPR Art. 21(4)"}  # fmt: skip
    assert wanted - marked == set()


GAPS = [
    ("13(1)(a)", 'controller: {name: "Meadow, S.A.", address: "Rua das Flores 1, Lisboa", email: privacy@meadow.example}\n', "", "controller:"),
    ("13(1)(b)", "dpo: {email: dpo@meadow.example}\n", "", "dpo: {email: ...}, or dpo: not-required"),
    ("13(1)(d)", "    interest: {en: We want to be paid., de: Wir wollen bezahlt werden.}\n", "", "interest: to purpose credit-check"),
    ("13(2)(a)", "    keep: 1 year\n", "", "keep: to purpose credit-check"),
    ("13(2)(d)", 'complaint: {EU: {name: CNPD, site: "https://www.cnpd.pt"}}\n', "", "complaint: {EU:"),
    ("14(2)(f)", "from: {others: Harbour Credit}, ", "", "from: to category credit"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "key"), [pytest.param(*gap[1:], id=gap[0]) for gap in GAPS])
def test_a_policy_that_leaves_it_open_is_told_which_key_to_add(old, new, key):
    text = changed(COMPLETE, replace={old: new})
    (gap,) = missing(loads(text))
    assert key in gap.key
    (advice,) = [p for p in check(loads(text)) if p.severity == "advice"]
    assert key in advice.what


def test_a_recipient_without_a_country_is_a_gap_where_transfers_have_rules_of_their_own():
    from dataclasses import replace

    policy = loads(COMPLETE)
    nowhere = replace(
        policy, recipients=policy.recipients | {"mailer": replace(policy.recipients["mailer"], country="")}
    )
    (gap,) = missing(nowhere)
    assert (gap.article, gap.key) == ("GDPR Art. 13(1)(f), 14(1)(f)", "country: to recipient mailer")


def test_a_complete_policy_has_no_gap_and_no_advice():
    assert missing(loads(COMPLETE)) == ()
    assert [str(p) for p in check(loads(COMPLETE)) if p.severity == "advice"] == []


def test_who_has_no_controller_in_the_policy_gets_one_line_of_advice_not_twenty():
    (advice,) = [p for p in check(loads(INCOMPLETE)) if p.severity == "advice"]
    assert "lists what else is missing" in advice.what
    assert len(missing(loads(INCOMPLETE))) >= 5


def test_where_no_officer_is_needed_the_notice_names_none():
    text = changed(COMPLETE, replace={"dpo: {email: dpo@meadow.example}": "dpo: not-required"})
    assert missing(loads(text)) == ()
    assert said(text, "legal/dpo") == ""


def test_outside_the_gdpr_only_the_controller_is_asked_for():
    text = """\
rightful: 1
policy: {name: Meadow, version: "1", owner: a@b.example, timezone: UTC}
controller: {name: Meadow Inc., address: "1 Main St, Oakland CA", email: privacy@meadow.example}
regimes: {CA: {laws: [ccpa], where: [US-CA]}}
categories: {contact: {fields: [customer.email]}}
roles: {all: [adverts]}
purposes: {adverts: {says: We show adverts., basis: opt-out-of-sharing, needs: [contact]}}
"""
    assert missing(loads(text)) == ()
    rights = said(text, "legal/rights")
    assert "opt out of sale and sharing" in rights
    assert "45 days" in rights
    assert "one month" not in rights, "the GDPR's rights are not promised where it does not apply"


def test_rights_that_do_not_apply_are_not_promised():
    text = """\
rightful: 1
policy: {name: Meadow, version: "1", owner: a@b.example, timezone: UTC}
controller: {name: Meadow, address: Lisboa, email: privacy@meadow.example}
dpo: not-required
complaint: {EU: {name: CNPD, site: "https://www.cnpd.pt"}}
regimes: {EU: {laws: [gdpr], where: [PT]}}
categories: {contact: {fields: [customer.email], from: you}}
roles: {all: [invoices]}
purposes: {invoices: {says: We keep invoices., basis: {legal-obligation: X}, needs: [contact], keep: 8 years}}
"""
    rights = said(text, "legal/rights")
    assert "get a copy" in rights
    for not_here in ("common format", "take back a yes", "advertising", "You can object", "machine"):
        assert not_here not in rights


@pytest.mark.parametrize("path", ["rightful/demo/policy/meadow.yaml", "rightful/demo/policy-history/2025-01.yaml"])
def test_the_demo_tells_everything_in_five_languages(path):
    from pathlib import Path

    policy = load(Path(__file__).parents[2] / path)
    assert missing(policy) == ()
    texts = texts_of(told(policy, eea()))
    assert set(texts) == {"ar", "de", "en", "es", "fr"}
    assert {language: text.untranslated for language, text in texts.items()} == dict.fromkeys(texts, ())


def test_the_example_of_the_policy_language_still_loads_and_is_told_what_its_notice_lacks():
    from pathlib import Path

    policy = load(Path(__file__).parents[1] / "policy" / "example.yaml")
    assert missing(policy)[0].article == "GDPR Art. 13(1)(a), 14(1)(a)"
    assert {gap.path.partition("/")[0] for gap in missing(policy)} == {"", "purposes", "regimes", "categories"}
