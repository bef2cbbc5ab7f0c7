"""How customers come in, and what a stranger learns from trying (AC-023, AC-024, AC-025, AC-026)."""

from __future__ import annotations

import random
import re
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core import mail
from django.db import connection
from django.test import Client

from rightful.portal import codes
from rightful.portal.coming_in import PENDING
from rightful.web import post
from rightful.web.models import Session, User

WRONG = "BBBB-BBBB"


def test_a_customer_comes_in_with_the_code_from_the_mail(as_customer):
    assert "What we do with your data" in as_customer().get("/me/").text


def test_the_code_may_be_typed_small_and_without_its_dash(ask_code):
    client = Client()
    code = ask_code(client, "ANA@Example.com")
    assert client.post("/code/", {"code": f" {code.lower().replace('-', ' ')} "}).headers["Location"] == "/me/"


@pytest.mark.parametrize(
    ("address", "why"),
    [("nobody@example.com", "unknown"), ("twins@example.com", "two customers share it")],
)
def test_no_mail_leaves_for_an_address_that_is_not_one_customers(meadow, address, why):
    client = Client()
    assert client.post("/", {"email": address}).status_code == 302
    post.wait_until_done()
    assert mail.outbox == [], why


@pytest.mark.parametrize(
    "address", ["", "ana", "ana@", "@example.com", "ana@exa mple.com", "ana@ſxample", "a" * 260 + "@example.com"]
)
def test_what_is_no_address_is_said_to_be_none(meadow, address):
    answer = Client().post("/", {"email": address})
    assert answer.status_code == 422
    assert 'class="error"' in answer.text


def test_a_look_alike_domain_gets_no_code_of_the_real_one(meadow):
    """CVE-2019-19844: 'ı' and 'K' fold to plain letters; the mail would go to the attacker's domain."""
    for address in (
        "ana@exampLe.com".replace("L", "ⓛ"),
        "ana@examp\u217de.com",
        "ana@\u212axample.com",
        "ana@exampıe.com",
    ):
        Client().post("/", {"email": address})
    post.wait_until_done()
    assert mail.outbox == [] or {m.to[0] for m in mail.outbox} == {"ana@example.com"}, "only to the real address"


# ---------------------------------------------------------------- AC-023


def shape(answer) -> tuple[object, ...]:
    """An answer without what is random in it."""
    headers = {name: value for name, value in answer.headers.items() if name != "Set-Cookie"}
    text = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "TOKEN", answer.text)
    text = re.sub(r"<strong>[^<]+@example.com</strong>", "ADDRESS", text)
    headers.pop("Content-Length", None)
    cookies = sorted((c.key, c["httponly"], c["samesite"], c["path"]) for c in answer.cookies.values())
    return answer.status_code, headers, text, cookies


def test_ac_023_a_known_and_an_unknown_address_get_the_same_answers(meadow):
    seen = []
    for address in ("ana@example.com", "zzz@example.com"):
        client = Client()
        steps = [client.get("/"), client.post("/", {"email": address}), client.get("/code/")]
        steps += [client.post("/code/", {"code": WRONG}) for _ in range(4)]
        steps.append(client.get("/code/"))
        seen.append([shape(step) for step in steps])
    assert seen[0] == seen[1]


def test_ac_023_a_known_and_an_unknown_address_take_the_same_time(meadow, unlimited):
    """240 tries in a shuffled order; the mail of one try is written while the next is answered."""
    client, times = Client(), {"ana@example.com": [], "zzz@example.com": []}
    order = list(times) * 120
    random.Random(7).shuffle(order)
    for address in order[:20]:
        client.post("/", {"email": address})
    for address in order:
        begun = time.perf_counter()
        client.post("/", {"email": address})
        times[address].append(time.perf_counter() - begun)
    post.wait_until_done()
    known, unknown = (statistics.median(values) for values in times.values())
    assert abs(known - unknown) < 0.005, f"{known * 1000:.2f} ms against {unknown * 1000:.2f} ms"


def test_ac_023_nothing_in_our_database_says_which_address_asked(meadow, django_db_blocker):
    client = Client()
    client.post("/", {"email": "ana@example.com"})
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')
            assert "ana@example" not in str(cursor.fetchall()), table


# ---------------------------------------------------------------- AC-024


def test_ac_024_after_three_wrong_codes_the_right_one_is_refused(ask_code):
    client = Client()
    code = ask_code(client, "ana@example.com")
    for left in (2, 1, 0):
        answer = client.post("/code/", {"code": WRONG})
        assert answer.status_code == 422
        assert ("used up" in answer.text) is (left == 0)
    client.post("/code/", {"code": code})
    assert "_auth_user_id" not in client.session
    assert client.get("/me/").status_code == 302


def test_ac_024_three_tries_are_three_also_when_they_come_at_once(ask_code):
    """Tries are slots in the shared cache: eight at once still get three."""
    client = Client()
    ask_code(client, "ana@example.com")
    pending = codes.from_dict(client.session[PENDING])
    from rightful.portal.coming_in import _take_a_try

    taken = [_take_a_try(pending) for _ in range(8)]
    assert taken == [2, 1, 0, None, None, None, None, None]


def test_ac_024_the_code_works_only_in_the_browser_that_asked(ask_code):
    mine, other = Client(), Client()
    code = ask_code(mine, "ana@example.com")
    ask_code(other, "ben@example.com")
    assert other.post("/code/", {"code": code}).status_code == 422
    assert Client().post("/code/", {"code": code}).headers["Location"] == "/"
    assert mine.post("/code/", {"code": code}).headers["Location"] == "/me/"


@pytest.mark.parametrize(("age", "works"), [(0, True), (179, True), (181, False), (-10, False)])
def test_ac_024_a_code_lives_three_minutes(ask_code, age, works):
    client = Client()
    code = ask_code(client, "ana@example.com")
    session = client.session
    session[PENDING] = {**session[PENDING], "made_at": time.time() - age}
    session.save()
    client.post("/code/", {"code": code})
    assert ("_auth_user_id" in client.session) is works


def test_ac_024_a_code_is_used_once(ask_code):
    client = Client()
    code = ask_code(client, "ana@example.com")
    client.post("/code/", {"code": code})
    client.post("/me/sign-out/")
    client.post("/code/", {"code": code})
    assert client.get("/me/").status_code == 302


def test_ac_024_three_codes_a_minute_for_an_address_and_no_more(meadow):
    statuses = [Client().post("/", {"email": "ana@example.com"}).status_code for _ in range(4)]
    assert statuses == [302, 302, 302, 429]
    assert Client().post("/", {"email": "ben@example.com"}).status_code == 302


def test_ac_024_twenty_codes_a_minute_for_a_computer_and_no_more(meadow):
    statuses = [Client().post("/", {"email": f"x{n}@example.com"}).status_code for n in range(22)]
    assert statuses[:20] == [302] * 20
    assert statuses[20:] == [429] * 2


@pytest.mark.parametrize(
    "name", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP"]
)
def test_ac_083_a_header_that_nobody_vouches_for_does_not_start_the_count_again(meadow, name):
    for number in range(20):
        lie = {name: f"for=203.0.113.{number}" if name == "Forwarded" else f"203.0.113.{number}"}
        assert Client(headers=lie).post("/", {"email": f"x{number}@example.com"}).status_code == 302
    for number in range(20, 23):
        lie = {name: f"for=203.0.113.{number}" if name == "Forwarded" else f"203.0.113.{number}"}
        assert Client(headers=lie).post("/", {"email": f"x{number}@example.com"}).status_code == 429
    assert Client(REMOTE_ADDR="198.51.100.7").post("/", {"email": "y@example.com"}).status_code == 302


def test_ac_083_behind_one_proxy_only_what_the_proxy_says_counts(meadow, settings):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1

    def ask(number, seen_by_proxy):
        told = f"203.0.113.{number}, 192.0.2.{number}, {seen_by_proxy}"  # the caller wrote all but the last
        return Client(headers={"X-Forwarded-For": told}).post("/", {"email": f"z{number}@example.com"}).status_code

    assert [ask(number, "198.51.100.1") for number in range(22)] == [302] * 20 + [429] * 2
    assert ask(30, "198.51.100.2") == 302, "another computer behind the same proxy"


def test_a_new_code_makes_the_old_one_worthless(ask_code):
    client = Client()
    old = ask_code(client, "ana@example.com")
    new = ask_code(client, "ana@example.com")
    assert client.post("/code/", {"code": old}).status_code == 422
    assert client.post("/code/", {"code": new}).headers["Location"] == "/me/"


def test_codes_have_more_than_twenty_bits_and_do_not_repeat():
    made = {codes.new("a@example.com", 0.0)[1] for _ in range(2_000)}
    assert len(made) == 2_000
    assert len(codes.ALPHABET) ** codes.LENGTH > 2**38
    assert all(re.fullmatch(r"[B-Z2-9]{4}-[B-Z2-9]{4}", code) for code in made)


# ---------------------------------------------------------------- AC-025, AC-026


def test_ac_025_opening_the_code_page_uses_nothing_up(ask_code):
    client = Client()
    code = ask_code(client, "ana@example.com")
    for _ in range(10):
        assert client.get(f"/code/?code={code}").status_code == 200
        assert client.head("/code/").status_code == 200
    assert "_auth_user_id" not in client.session
    assert client.post("/code/", {"code": code}).headers["Location"] == "/me/"


def test_ac_026_the_session_gets_a_new_key_when_somebody_comes_in(ask_code):
    client = Client()
    code = ask_code(client, "ana@example.com")
    before = client.session.session_key
    client.post("/code/", {"code": code})
    assert client.session.session_key != before
    assert not Session.objects.filter(session_key=before).exists()


def test_signing_out_ends_the_session_in_the_database(as_customer):
    client = as_customer()
    stolen = Client()
    stolen.cookies = client.cookies.copy()
    assert stolen.get("/me/").status_code == 200
    client.post("/me/sign-out/")
    assert Session.objects.filter(user_id__isnull=False).count() == 0
    assert stolen.get("/me/").status_code == 302


# ---------------------------------------------------------------- what is kept


def test_the_row_of_a_customer_holds_no_address_and_not_their_key(as_customer):
    as_customer("ana@example.com")
    row = str(User.objects.filter(kind="customer").values().get())
    assert "example.com" not in row
    assert "A1" not in row.replace("'password': '!", "")
    assert User.objects.get(kind="customer").has_usable_password() is False


def test_the_database_refuses_an_address_in_a_customers_row(db):
    from django.db import IntegrityError, transaction

    for bad in ({"handle": "c-1", "email": "ana@example.com"}, {"handle": "ana@example.com"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            User.objects.create(kind="customer", **bad)


def test_a_stolen_copy_of_the_session_table_does_not_open(as_customer):
    client = as_customer()
    row = Session.objects.get(session_key=client.session.session_key)
    assert row.get_decoded()["customer"] == "A1"
    for word in ("customer", '"A1"', "_auth_user"):  # a key of two letters may stand in any cipher text
        assert word not in row.session_data
    other = Session(session_key="x" * 32, session_data=row.session_data, expire_date=row.expire_date)
    assert other.get_decoded() == {}, "moved to another key it is nobody's session"


def test_forgetting_a_customer_ends_their_session_and_their_row(as_customer, workspace_folder):
    from rightful.web.accounts import forget_customer

    client = as_customer("ana@example.com")
    assert forget_customer(workspace_folder, "A1") is True
    assert forget_customer(workspace_folder, "A1") is False
    assert User.objects.filter(kind="customer").count() == 0
    assert Session.objects.filter(user_id__isnull=False).count() == 0
    assert client.get("/me/").status_code == 302


def test_the_post_goes_on_after_a_note_that_failed(caplog):
    done = []
    post.later(lambda: 1 / 0)
    post.later(lambda: done.append("second"))
    post.wait_until_done()
    assert done == ["second"]


def test_a_full_post_drops_the_newest_note_and_says_so(monkeypatch):
    import queue

    monkeypatch.setattr(post, "_waiting", queue.Queue(1))
    monkeypatch.setattr(post, "_ensure_worker", lambda: None)
    assert post.later(lambda: None) is True
    assert post.later(lambda: None) is False


def test_many_threads_can_put_notes_at_once():
    done = []
    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(lambda n: post.later(lambda: done.append(n)), range(200)))
    post.wait_until_done()
    assert sorted(done) == list(range(200))
