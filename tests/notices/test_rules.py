"""What changed between two notices, who is asked again, and how hard a text reads."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightful.ledger.canonical import canonical
from rightful.notices.rules import (
    Agreed,
    compare,
    material_of,
    needs_reconsent,
    readability,
    wording,
)
from rightful.notices.words import words_of
from rightful.notices.writing import write
from rightful.policy.loader import eea, loads
from rightful.policy.notice_terms import material_digest, notice_terms
from rightful.policy.told import told
from tests.notices.policies import COMPLETE, changed


def notice(text: str = COMPLETE, language: str = "en"):
    return write(told(loads(text), eea()), words_of(language))


def differs(old: dict[str, str], language: str = "en"):
    return compare(notice(language=language), notice(changed(COMPLETE, replace=old), language))


# ---------------------------------------------------------------- differences


def test_a_notice_does_not_differ_from_itself():
    assert compare(notice(), notice()) == ()


def test_a_new_recipient_is_named_where_a_customer_looks_for_it():
    found = differs({"    recipients: [mailer]\n": "    recipients: [mailer, carrier]\n"})
    told_to = [(c.kind, c.where[-1], c.label, c.after) for c in found if c.where[0] == "Details"]
    assert told_to == [("new", "We send you news.", "Who gets it", "Swift Parcels (Netherlands; works for us)")]


def test_a_category_that_is_no_longer_used_is_gone_and_nothing_else():
    found = differs({"needs: [identity, contact, orders]": "needs: [identity, contact]"})
    assert [(c.kind, c.label, c.before, c.purpose) for c in found] == [
        ("gone", "What we use", "what you bought", "delivery")
    ]


def test_a_changed_sentence_is_shown_before_and_after():
    (short, *rest) = [c for c in differs({"en: We send you news.": "en: We send you letters."}) if c.kind == "changed"]
    assert (short.before, short.after) == ("We send you news.", "We send you letters.")
    assert all(c.kind == "changed" for c in rest)


def test_a_changed_length_of_time_is_one_change_in_each_layer_that_says_it():
    found = differs({"    keep: 1 year\n": "    keep: 2 years\n"})
    assert [(c.kind, c.before, c.after) for c in found] == [("changed", "1 year", "2 years")] * 2


def test_a_new_purpose_is_told_with_its_details_and_not_again_in_every_layer():
    added = "  counting:\n"
    more = """\
  surveys:
    says: {en: We ask what you think., de: "Wir fragen, was Sie denken."}
    basis: consent
    needs: [contact]
    keep: 1 year
"""
    found = differs({added: more + added, "care, counting]": "care, counting, surveys]"})
    assert {c.kind for c in found} == {"new"}
    assert {c.where for c in found} == {("Details", "We ask what you think.")}
    assert "What we use" in {c.label for c in found}


def test_what_changed_is_the_same_in_every_language():
    for old in ({"    keep: 1 year\n": "    keep: 2 years\n"}, {"    recipients: [mailer]\n": ""}):
        kinds = [[(c.kind, c.purpose) for c in differs(old, language)] for language in ("en", "de", "ar", "fr", "es")]
        assert all(one == kinds[0] for one in kinds), old


def test_backwards_what_was_new_is_gone():
    new = notice(changed(COMPLETE, replace={"    recipients: [mailer]\n": "    recipients: [mailer, carrier]\n"}))
    there, back = compare(notice(), new), compare(new, notice())
    assert sorted((c.after, c.before) for c in there) == sorted((c.before, c.after) for c in back)


def test_a_wording_holds_what_was_shown_about_one_purpose_and_nothing_about_others():
    text = wording(notice(), "newsletter")
    assert text.splitlines()[0] == "We send you news."
    assert "Who gets it: Letterbox Mail (Germany; works for us)" in text
    assert "Reach Ads" not in text
    assert wording(notice(), "no-such-purpose") == ""


# ---------------------------------------------------------------- asked again


def terms(categories=("contact",), recipients=("mailer",), says="News."):
    return {"says": says, "categories": list(categories), "recipients": list(recipients), "channels": ["email"]}


V1 = {"newsletter": terms()}
MAIL = Agreed("newsletter", "email", "v1")


def asked(new, *, agreed=(MAIL,), closed=(), category_of=None, resting=(), **more):
    published = {"v1": V1, "v2": {"newsletter": new}, **more}
    newest = max(published)
    return needs_reconsent(agreed, published, newest, closed, category_of=category_of, resting=resting)


def test_material_is_what_the_policy_room_calls_material():
    policy = loads(COMPLETE)
    for purpose in policy.purposes.values():
        found = notice_terms(policy, purpose.id)
        assert material_of(purpose.id, found) == material_digest(found)
    bound = {"purpose": "p", "categories": ["a", "b"], "recipients": ["c"]}
    order = {"categories": ["b", "a"], "recipients": ["c"]}
    assert material_of("p", order) == hashlib.sha256(canonical(bound)).hexdigest()


def test_s05_another_wording_asks_nobody():
    assert asked(terms(says="News, sometimes.")) == ()


def test_s04_a_new_recipient_asks_those_who_agreed_before():
    (question,) = asked(terms(recipients=("mailer", "ad-network")))
    assert (question.purpose, question.channels, question.old, question.new) == ("newsletter", ("email",), "v1", "v2")
    assert (question.categories, question.recipients) == ((), ("ad-network",))


def test_s04_a_new_category_asks_those_who_agreed_before():
    (question,) = asked(terms(categories=("contact", "orders")))
    assert question.categories == ("orders",)


def test_a_field_of_a_category_that_was_agreed_to_is_nothing_new():
    new = terms(categories=("contact", "customer.email"))
    assert asked(new, category_of={"customer.email": "contact"}) == ()
    assert asked(new, category_of={"customer.email": "other"}) != ()


def test_what_only_takes_something_away_asks_nobody():
    assert asked(terms(recipients=())) == ()
    assert asked(terms(categories=())) == ()


def test_who_agreed_to_the_newest_notice_or_to_nothing_is_not_asked():
    wide = terms(recipients=("mailer", "ad-network"))
    assert asked(wide, agreed=(Agreed("newsletter", "email", "v2"),)) == ()
    assert asked(wide, agreed=()) == ()


def test_a_purpose_that_is_no_longer_pursued_asks_nobody():
    assert needs_reconsent([MAIL], {"v1": V1, "v2": {}}, "v2", ()) == ()


def test_a_closed_question_stays_closed_for_the_same_change_whatever_the_version_is_called():
    wide = terms(recipients=("mailer", "ad-network"))
    closed = {("newsletter", "v2")}
    assert asked(wide, closed=closed) == ()
    assert asked(wide, closed=closed, v3={"newsletter": terms(recipients=("ad-network", "mailer"), says="Typo.")}) == ()


def test_another_change_is_another_question():
    wide, wider = terms(recipients=("mailer", "x")), terms(recipients=("mailer", "x", "y"))
    (question,) = asked(wide, closed={("newsletter", "v2")}, v3={"newsletter": wider})
    assert question.recipients == ("x", "y")


def test_a_question_closed_before_the_consent_was_about_another_notice():
    assert asked(terms(recipients=("mailer", "x")), closed={("newsletter", "v1"), ("newsletter", "gone")}) != ()


def test_a_rest_period_is_respected():
    assert asked(terms(recipients=("mailer", "x")), resting={"newsletter"}) == ()


def test_two_channels_are_one_question():
    wide = terms(recipients=("mailer", "x"))
    (question,) = asked(wide, agreed=(Agreed("newsletter", "post", "v1"), MAIL))
    assert question.channels == ("email", "post")


items = st.lists(st.sampled_from("abcdef"), unique=True)


@given(old=st.tuples(items, items), new=st.tuples(items, items))
def test_a_question_is_asked_exactly_if_something_was_added_and_closing_it_ends_it(old, new):
    published = {"v1": {"p": terms(*old)}, "v2": {"p": terms(*new)}}
    agreed = [Agreed("p", "", "v1")]
    found = needs_reconsent(agreed, published, "v2", ())
    added = set(new[0]) - set(old[0]) or set(new[1]) - set(old[1])
    assert bool(found) == bool(added)
    assert needs_reconsent(agreed, published, "v2", {("p", "v2")}) == ()
    assert needs_reconsent([Agreed("p", "", "v2")], published, "v2", ()) == ()


# ---------------------------------------------------------------- readability


def test_lix_is_words_per_sentence_plus_the_share_of_long_words():
    found = readability("The cat sat here. Responsibility notwithstanding.")
    assert (found.words, found.sentences, found.long_words) == (6, 2, 2)
    assert found.lix == round(6 / 2 + 100 * 2 / 6)


@pytest.mark.parametrize(
    ("lix", "meaning"), [(24, "very easy"), (25, "easy"), (35, "medium"), (45, "difficult"), (55, "very difficult")]
)
def test_a_band_begins_at_its_number(lix, meaning):
    text = " ".join(["a"] * lix) + "."  # one sentence of short words: LIX is its length
    assert (readability(text).lix, readability(text).meaning) == (lix, meaning)


def test_nothing_reads_easily_and_divides_by_nothing():
    assert readability("").lix == 0
    assert readability("... !!!").words == 0


@given(st.text())
def test_any_text_has_a_number(text):
    found = readability(text)
    assert found.lix >= 0
    assert found.long_words <= found.words


def test_longer_sentences_and_longer_words_read_harder():
    easy = "We keep it. You ask. We say no."
    assert readability(easy).lix < readability(easy.replace(". ", " and ")).lix
    assert readability(easy).lix < readability(easy.replace("keep", "preserve indefinitely")).lix


def test_each_part_of_the_short_layer_reads_easily_in_english():
    from rightful.notices.rules import SHORT, running_text

    assert readability(running_text(notice(), SHORT)).lix < 35
