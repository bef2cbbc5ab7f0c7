"""The words somebody chose in are the ones they read then, or are called what they are."""

from __future__ import annotations

import shutil

import pytest

from rightful.actions.choice_words import choices_in_words
from rightful.actions.give_consent import give_consent
from rightful.actions.withdraw_consent import withdraw_consent
from rightful.consent.shown import Shown
from rightful.errors import NotFound
from rightful.workspace import Workspace


@pytest.fixture(scope="module")
def opened(shop_template, tmp_path_factory):
    place = tmp_path_factory.mktemp("words") / "shop"
    shutil.copytree(shop_template, place)
    with Workspace.open(place) as ws:
        yield ws


def test_the_words_of_the_form_stay_with_the_choice_in_their_language(opened):
    give_consent(opened, "C055", "newsletter", "email", shown=Shown("de", "Ja, schickt mir den Brief.", "form-3"))
    (chosen,) = choices_in_words(opened, "C055", "newsletter", "email").made
    assert (chosen.words, chosen.words.language, chosen.exact) == ("Ja, schickt mir den Brief.", "de", True)
    assert (chosen.notice, chosen.language) == ("1", "de")
    assert str(chosen.said) == "You said yes"


def test_where_no_words_were_named_it_is_the_notices_own_sentence(opened):
    give_consent(opened, "C056", "newsletter", "email")
    (chosen,) = choices_in_words(opened, "C056", "newsletter", "email").made
    assert chosen.exact
    assert chosen.words == opened.shelf.notices()["1"]["newsletter"]["says"]


def test_the_newest_choice_comes_first_and_a_no_stands_on_nothing_shown(opened):
    give_consent(opened, "C057", "newsletter", "email")
    withdraw_consent(opened, "C057", "newsletter", "email")
    taken_back, given = choices_in_words(opened, "C057", "newsletter", "email").made
    assert (str(taken_back.said), taken_back.words) == ("You took back your yes", None)
    assert given.exact


def test_of_a_history_brought_along_the_notice_is_shown_as_the_notice(opened):
    """What stood before those people was never kept here; the notice they agreed to was."""
    (chosen,) = choices_in_words(opened, "C000", "newsletter", "email").made
    assert not chosen.exact
    assert chosen.words == opened.shelf.notices()["1"]["newsletter"]["says"]
    assert chosen.language == ""


def test_who_never_chose_has_no_words(opened):
    with pytest.raises(NotFound):
        choices_in_words(opened, "C058", "newsletter", "post")
