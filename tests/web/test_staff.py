"""How staff sign in: password and second factor, single use, and what ends every session (AC-026, AC-027)."""

from __future__ import annotations

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.db import connection
from django.test import Client

from rightful.errors import BadInput, NotFound
from rightful.web import post
from rightful.web.accounts import (
    create_staff,
    give_role,
    renew,
    reset_second_factor,
    staff_exists,
    switch_off,
    totp_now,
)
from rightful.web.models import Session, User
from tests.second_factor import code_now

PASSWORD = "a long and quiet river"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
NAME = "olga@meadow.example"


@pytest.fixture
def olga(meadow, workspace_folder) -> User:
    return create_staff(workspace_folder, NAME, PASSWORD, "officer", SECRET)


def password_step(client: Client, password: str = PASSWORD, name: str = NAME):
    return client.post("/staff/sign-in/", {"login": name, "password": password})


@pytest.fixture
def set_up(django_capture_on_commit_callbacks, workspace_folder):
    """Set up a second factor in this browser; what follows a commit follows here too."""

    def do(client: Client):
        secret = client.get("/staff/second-factor/").context["form"].secret
        with django_capture_on_commit_callbacks(execute=True):
            return client.post("/staff/second-factor/", {"code": code_now(workspace_folder, secret)})

    return do


def test_there_is_no_account_that_nobody_made(db):
    assert User.objects.count() == 0


@pytest.mark.parametrize(
    ("email", "password", "role", "why"),
    [
        (NAME, "short", "officer", "too short"),
        (NAME, "password1234", "officer", "a common one"),
        (NAME, "olga@meadow.example", "officer", "the address itself"),
        (NAME, PASSWORD, "king", "no such role"),
        ("olga", PASSWORD, "officer", "no address"),
    ],
)
def test_an_account_that_cannot_be_trusted_is_not_made(meadow, workspace_folder, email, password, role, why):
    with pytest.raises(BadInput):
        create_staff(workspace_folder, email, password, role)
    assert User.objects.count() == 0, why


def test_an_account_is_made_once(olga, workspace_folder):
    assert staff_exists(workspace_folder, NAME.upper())
    with pytest.raises(BadInput):
        create_staff(workspace_folder, NAME.upper(), PASSWORD, "officer")


def test_password_and_code_open_the_console(olga, workspace_folder):
    client = Client()
    assert password_step(client).headers["Location"] == "/staff/sign-in/code/"
    assert client.get("/staff/").status_code == 302, "the password alone opens nothing"
    done = client.post("/staff/sign-in/code/", {"code": code_now(workspace_folder, SECRET)})
    assert done.headers["Location"] == "/staff/"
    assert client.get("/staff/").status_code == 200


def test_after_sign_in_staff_land_where_they_wanted_to_go(olga, workspace_folder):
    client = Client()
    door = client.get("/staff/log/?kind=use").headers["Location"]
    client.post(door, {"login": NAME, "password": PASSWORD, "next": "/staff/log/?kind=use"})
    done = client.post("/staff/sign-in/code/", {"code": code_now(workspace_folder, SECRET)})
    assert done.headers["Location"] == "/staff/log/?kind=use"


def test_sign_in_leads_to_no_foreign_site(olga, workspace_folder):
    client = Client()
    client.post("/staff/sign-in/", {"login": NAME, "password": PASSWORD, "next": "https://evil.example/"})
    done = client.post("/staff/sign-in/code/", {"code": code_now(workspace_folder, SECRET)})
    assert done.headers["Location"] == "/staff/"


def test_a_wrong_password_and_an_unknown_name_get_the_same_words(olga):
    import re

    pages = [
        password_step(Client(), "wrong wrong wrong").text,
        password_step(Client(), "wrong wrong wrong", "nobody@meadow.example").text.replace("nobody@", "olga@"),
    ]
    pages = [re.sub(r'value="[A-Za-z0-9]{64}"', "", page) for page in pages]
    assert pages[0] == pages[1]
    assert "do not belong together" in pages[0]


def test_five_wrong_passwords_lock_the_name_for_a_while(olga):
    for _ in range(5):
        password_step(Client(), "wrong wrong wrong")
    assert "Too many tries" in password_step(Client()).text


def test_ac_027_a_code_works_once(olga, workspace_folder):
    code = code_now(workspace_folder, SECRET)
    first, second = Client(), Client()
    for client in (first, second):
        password_step(client)
    assert first.post("/staff/sign-in/code/", {"code": code}).status_code == 302
    replayed = second.post("/staff/sign-in/code/", {"code": code})
    assert replayed.status_code == 200
    assert second.get("/staff/").status_code == 302


def test_ac_027_used_codes_are_remembered_where_all_workers_look(settings):
    assert settings.CACHES["default"]["BACKEND"].endswith("DatabaseCache")


def test_an_old_code_does_not_work(olga, workspace_folder):
    import time

    client = Client()
    password_step(client)
    client.post("/staff/sign-in/code/", {"code": totp_now(workspace_folder, SECRET, time.time() - 90)})
    assert client.get("/staff/").status_code == 302


def test_staff_without_a_second_factor_are_sent_to_set_one_up(meadow, workspace_folder, set_up):
    create_staff(workspace_folder, NAME, PASSWORD, "officer")
    client = Client()
    password_step(client)
    for page in ("/staff/", "/staff/log/", "/staff/password/"):
        assert client.get(page).headers["Location"] == "/staff/second-factor/", page
    form = client.get("/staff/second-factor/")
    assert form.context["form"].secret in form.text
    done = set_up(client)
    assert done.headers["Location"] == "/staff/"
    assert client.get("/staff/").status_code == 200


def test_a_session_from_before_the_second_factor_does_not_profit_from_it(meadow, workspace_folder, set_up):
    create_staff(workspace_folder, NAME, PASSWORD, "officer")
    early, late = Client(), Client()
    password_step(early)
    password_step(late)
    set_up(late)
    assert late.get("/staff/").status_code == 200
    assert early.get("/staff/").status_code == 302
    assert Session.objects.filter(user_id__isnull=False).count() == 1, "the earlier one was ended"


def test_a_new_second_factor_is_told_to_its_owner(meadow, workspace_folder, set_up):
    create_staff(workspace_folder, NAME, PASSWORD, "officer")
    client = Client()
    password_step(client)
    mail.outbox.clear()
    set_up(client)
    post.wait_until_done()
    assert [m.to for m in mail.outbox] == [[NAME]]


def test_the_second_factors_secret_is_not_in_the_database(olga):
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')
            assert SECRET not in str(cursor.fetchall()), table
    assert Authenticator.objects.get().data["secret"] != SECRET


def test_passwords_are_kept_with_a_slow_hash(olga):
    assert olga.password.startswith("scrypt$")


# ---------------------------------------------------------------- AC-026


def test_ac_026_switching_an_account_off_ends_all_its_sessions(as_staff, workspace_folder):
    client = as_staff("officer")
    assert client.get("/staff/").status_code == 200
    switch_off(workspace_folder, "officer@meadow.example")
    assert Session.objects.filter(user_id__isnull=False).count() == 0
    assert client.get("/staff/").status_code == 302
    again = Client()
    password_step(again, name="officer@meadow.example")
    assert again.get("/staff/").status_code == 302


def test_ac_026_a_removed_second_factor_ends_all_sessions(as_staff, workspace_folder):
    client = as_staff("officer")
    reset_second_factor(workspace_folder, "officer@meadow.example")
    assert client.get("/staff/").status_code == 302
    assert Authenticator.objects.count() == 0


def test_ac_026_a_new_password_ends_all_sessions(as_staff, workspace_folder):
    client = as_staff("officer")
    other = Client()
    other.cookies = client.cookies.copy()
    done = client.post(
        "/staff/password/", {"oldpassword": PASSWORD, "password1": PASSWORD + "!", "password2": PASSWORD + "!"}
    )
    assert done.status_code == 302
    assert other.get("/staff/").status_code == 302
    assert client.get("/staff/").status_code == 302
    assert Session.objects.filter(user_id__isnull=False).count() == 0


def test_ac_026_the_session_gets_a_new_key_at_sign_in(olga, workspace_folder):
    client = Client()
    password_step(client)
    before = client.session.session_key
    client.post("/staff/sign-in/code/", {"code": code_now(workspace_folder, SECRET)})
    assert client.session.session_key != before


def test_long_after_sign_in_a_new_password_needs_the_old_proof_again(as_staff):
    import time

    from rightful.web.doors import CAME_IN_AT

    client = as_staff("officer")
    session = client.session
    session[CAME_IN_AT] = time.time() - 600
    session.save()
    assert client.get("/staff/password/").headers["Location"].startswith("/staff/confirm/")
    assert client.get("/staff/confirm/?next=/staff/password/").status_code == 200
    client.post("/staff/confirm/", {"password": "wrong wrong wrong", "next": "/staff/password/"})
    assert client.get("/staff/password/").status_code == 302
    client.post("/staff/confirm/", {"password": PASSWORD, "next": "/staff/password/"})
    assert client.get("/staff/password/").status_code == 200


def test_only_an_account_that_is_there_can_be_switched_off(meadow, workspace_folder):
    with pytest.raises(NotFound):
        switch_off(workspace_folder, "nobody@meadow.example")


def test_a_customer_cannot_sign_in_as_staff(as_customer):
    as_customer("ana@example.com")
    handle = User.objects.get(kind="customer").handle
    client = Client()
    client.post("/staff/sign-in/", {"login": handle, "password": ""})
    client.post("/staff/sign-in/", {"login": "ana@example.com", "password": "anything at all"})
    assert client.get("/staff/").status_code == 302


def test_signing_out_needs_a_press(as_staff):
    client = as_staff("officer")
    client.get("/staff/sign-out/")
    assert client.get("/staff/").status_code == 200
    client.post("/staff/sign-out/")
    assert client.get("/staff/").status_code == 302


def test_another_role_opens_other_pages_at_once(olga, workspace_folder):
    client = Client()
    password_step(client)
    client.post("/staff/sign-in/code/", {"code": code_now(workspace_folder, SECRET)})
    assert client.get("/staff/corrections/").status_code == 200
    give_role(workspace_folder, NAME, "analyst")
    assert client.get("/staff/corrections/").status_code == 403, "a role that was taken away opens nothing any more"
    give_role(workspace_folder, NAME, "a role the console does not know")
    assert client.get("/staff/").status_code == 403


def test_a_renewed_account_has_its_new_password_and_its_old_second_factor(olga, workspace_folder):
    inside = Client()
    password_step(inside)
    inside.post("/staff/sign-in/code/", {"code": code_now(workspace_folder, SECRET)})
    with pytest.raises(BadInput):
        renew(workspace_folder, NAME, "short")
    assert inside.get("/staff/").status_code == 200
    switch_off(workspace_folder, NAME)
    renew(workspace_folder, NAME, "another long and quiet river")
    assert inside.get("/staff/").status_code == 302, "sessions of before are over"
    client = Client()
    assert password_step(client).status_code == 200, "the old password opens nothing"
    assert password_step(client, "another long and quiet river").headers["Location"] == "/staff/sign-in/code/"
    renew(workspace_folder, NAME, None)
    assert password_step(Client(), "another long and quiet river").status_code == 200
