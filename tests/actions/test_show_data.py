"""What the page and the copies hold back from whoever only reads the mailbox."""

from __future__ import annotations

import json

import pytest

from rightful.actions.show_data import Delicate, copy_of_my_data, my_data


def test_ac_017_free_texts_and_delicate_fields_are_named_and_not_shown(shop):
    held = {h.field: h for group in my_data(shop, "C002").groups for h in group.rows}
    assert held["customer.notes"].special and held["customer.notes"].value is Delicate.VALUE
    assert held["customer.name"].value == "Person002"  # what is not delicate is shown as it is


@pytest.mark.parametrize("form", ["json", "csv"])
def test_ac_017_a_copy_holds_no_delicate_value_and_says_where_to_get_it(shop, form):
    _, content = copy_of_my_data(shop, "C002", form)
    text = content.decode("utf-8-sig")
    assert "CANARY-NOTE" not in text and "Person002" in text
    assert "ask for it in a request" in text
    if form == "json":
        fields = {one["field"]: one for one in json.loads(text)["fields"]}
        assert fields["customer.notes"]["delicate"] is True and fields["customer.name"]["delicate"] is False
