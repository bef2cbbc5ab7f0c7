"""Staff come in by the organisation's identity provider; whoever cheats with its answer does not (AC-028).

A real provider listens on this machine and signs real tokens: tests/web/small_provider.py.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from django.http import HttpResponse
from django.test import Client

from rightful.actions.appoint_staff import appoint, dismiss
from rightful.actions.staff_sign_in import bind, note_account, unbind
from rightful.errors import BadInput, NotFound
from rightful.web.accounts import create_staff, switch_off
from rightful.web.identity_provider import may_be_asked
from rightful.web.models import Identity, User
from tests.second_factor import code_now
from tests.web.conftest import PASSWORD
from tests.web.conftest import SECRET as TOTP
from tests.web.small_provider import CLIENT, SECRET, SmallProvider, new_key, running

NAME = "olga@meadow.example"
START, BACK = "/staff/sign-in/company/", "/staff/sign-in/company/back/"
OTHER_KEY = new_key()
Cheat = Callable[[SmallProvider, dict[str, Any]], str | None]


@pytest.fixture(scope="module")
def listening() -> Iterator[SmallProvider]:
    with running() as provider:
        yield provider


@pytest.fixture
def provider(listening: SmallProvider, settings) -> SmallProvider:
    """The provider as it is when nobody cheats, and set up here."""
    listening.person, listening.says, listening.answers, listening.sign = {}, {}, {}, None
    listening.heard.clear()
    settings.RIGHTFUL_OIDC = {"issuer": listening.issuer, "client": CLIENT, "secret": SECRET, "name": "Meadow ID"}
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"company_sign_in": "10000/m/ip"}
    return listening


def make_officer(meadow, person: str) -> None:
    """A further officer needs the word of one who is there."""
    there = [one for one, role in meadow.staff.everybody() if role == "officer" and one != person]
    appoint(meadow, person, "officer", actor="engineer@meadow.example", approver=there[0] if there else "")


@pytest.fixture
def olga(meadow, workspace_folder) -> User:
    """On the staff, with password and second factor; not linked to anything."""
    make_officer(meadow, NAME)
    return create_staff(workspace_folder, NAME, PASSWORD, "officer", TOTP)


@pytest.fixture
def linked(olga: User, meadow, provider: SmallProvider) -> User:
    bind(meadow, NAME, "00u1", actor="engineer@meadow.example")
    return olga


def question(client: Client, **form: str) -> str:
    """Press the button; the address that the browser is sent to."""
    page = client.post(START, form)
    assert page.status_code == 200, page.text
    found = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', page.text)
    assert found
    return unescape(found.group(1))


def answer_to(asked: str) -> str:
    """Sign in at the provider; the address it sends the browser back to."""
    return httpx.get(asked).headers["Location"]


def come_back(client: Client, address: str) -> HttpResponse:
    parts = urlsplit(address)
    return client.get(f"{parts.path}?{parts.query}")


def come_in(client: Client, **form: str) -> HttpResponse:
    return come_back(client, answer_to(question(client, **form)))


def refused(answer: HttpResponse, client: Client, code: str) -> bool:
    """Said with its code, and nobody is signed in, not even half."""
    inside = client.get("/staff/").headers["Location"].startswith("/staff/sign-in/")
    half = "Location" not in client.get("/staff/sign-in/code/").headers
    return answer.status_code == 403 and f"<code>{code}</code>" in answer.text and inside and not half


def recorded(meadow, kind: str) -> list[Any]:
    return [line for line in meadow.journal.lines(kind=kind, limit=5) if line.kind == kind]


# ---------------------------------------------------------------- who may


def test_the_provider_and_the_second_factor_open_the_console(linked, meadow, workspace_folder, provider):
    client = Client()
    client.get("/staff/sign-in/")
    answer = come_in(client)
    assert answer.headers["Location"] == "/staff/sign-in/code/", "the second factor here is asked for all the same"
    assert client.get("/staff/").status_code == 302
    before = client.session.session_key
    done = client.post("/staff/sign-in/code/", {"code": code_now(workspace_folder, TOTP)})
    assert done.headers["Location"] == "/staff/"
    assert client.get("/staff/").status_code == 200
    assert client.session.session_key != before, "a new session, so that nobody who knew the old one is inside"
    (line, *_) = recorded(meadow, "staff.signed-in")
    public = meadow.ledger.entry(line.entry).public
    assert public == {"way": "company", "role": "officer"}, "who it was stands in the sealed part alone"


def test_a_person_without_second_factor_has_to_set_one_up_first(meadow, workspace_folder, provider):
    make_officer(meadow, "pia@meadow.example")
    create_staff(workspace_folder, "pia@meadow.example", None, "officer")
    bind(meadow, "pia@meadow.example", "00u7", actor="engineer@meadow.example")
    provider.person = {"sub": "00u7", "email": "another@meadow.example"}
    client = Client()
    assert come_in(client).headers["Location"] == "/staff/"
    assert client.get("/staff/").headers["Location"] == "/staff/second-factor/"
    assert Client().post("/staff/sign-in/", {"login": "pia@meadow.example", "password": ""}).status_code == 200


@pytest.mark.parametrize(
    ("wanted", "lands"), [("/staff/log/?kind=use", "/staff/log/?kind=use"), ("https://evil.example/", "/staff/")]
)
def test_they_land_where_they_wanted_to_go_and_on_no_foreign_site(linked, workspace_folder, provider, wanted, lands):
    client = Client()
    come_in(client, next=wanted)
    done = client.post("/staff/sign-in/code/", {"code": code_now(workspace_folder, TOTP)})
    assert done.headers["Location"] == lands


def test_it_is_off_until_somebody_sets_it_up(olga, settings):
    assert settings.RIGHTFUL_OIDC == {}
    assert "Sign in with" not in Client().get("/staff/sign-in/").text
    assert Client().post(START).status_code == 404
    assert Client().get(BACK).status_code == 404


def test_password_and_second_factor_go_on_working_beside_it(linked, meadow, workspace_folder, provider):
    client = Client()
    assert "Sign in with Meadow ID" in client.get("/staff/sign-in/").text
    client.post("/staff/sign-in/", {"login": NAME, "password": PASSWORD})
    client.post("/staff/sign-in/code/", {"code": code_now(workspace_folder, TOTP)})
    assert client.get("/staff/").status_code == 200
    assert meadow.ledger.entry(recorded(meadow, "staff.signed-in")[0].entry).public["way"] == "password"
    assert provider.heard == [], "nobody was asked"


def test_what_is_asked_holds_nothing_back_and_gives_nothing_away(linked, provider):
    client = Client()
    asked = parse_qs(urlsplit(question(client)).query)
    assert asked["response_type"] == ["code"]
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [f"http://testserver{BACK}"]
    assert asked["scope"] == ["openid"]
    assert len(asked["state"][0]) >= 43
    assert len(asked["nonce"][0]) >= 43
    kept = client.session["company_sign_in"]
    assert kept["verifier"] not in str(asked)
    assert SECRET not in str(asked)
    again = parse_qs(urlsplit(question(client)).query)
    assert {again[n][0] for n in ("state", "nonce")}.isdisjoint({asked[n][0] for n in ("state", "nonce")})


# ---------------------------------------------------------------- who may not


def signed(**changes: Any) -> Cheat:
    """A token that is signed as it should be, and says something else; None takes a claim out."""

    def sign(provider: SmallProvider, claims: dict[str, Any]) -> str:
        return provider.token({k: v for k, v in (claims | changes).items() if v is not None})

    return sign


def edited(provider: SmallProvider, claims: dict[str, Any]) -> str:
    """Another person's name put into a signed token."""
    head, _body, signature = provider.token(claims | {"sub": "00u9"}).split(".")
    return ".".join((head, provider.token(claims).split(".")[1], signature))


def signed_with_the_public_key(provider: SmallProvider, claims: dict[str, Any]) -> str:
    """HS256, with what everybody can read as the secret; PyJWT does not make such a thing, so by hand."""
    import base64
    import hashlib
    import hmac
    import json

    public = provider.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    parts = [json.dumps(one).encode() for one in ({"alg": "HS256", "typ": "JWT", "kid": "one"}, claims)]
    text = b".".join(base64.urlsafe_b64encode(one).rstrip(b"=") for one in parts)
    seal = base64.urlsafe_b64encode(hmac.digest(public, text, hashlib.sha256)).rstrip(b"=")
    return (text + b"." + seal).decode()


NOW = int(time.time())
CHEATS: dict[str, tuple[Cheat, str]] = {
    "signed by another key under the same name": (lambda p, c: p.token(c, key=OTHER_KEY), "bad-signature"),
    "signed by a key nobody knows": (lambda p, c: p.token(c, key=OTHER_KEY, kid="two"), "bad-signature"),
    "signed by another key without a name": (lambda p, c: p.token(c, key=OTHER_KEY, kid=None), "bad-signature"),
    "not signed at all": (lambda p, c: jwt.encode(c, None, algorithm="none", headers={"kid": "one"}), "bad-signature"),
    "signed with the public key as a secret": (signed_with_the_public_key, "bad-signature"),
    "signed with an algorithm we do not take": (lambda p, c: p.token(c, alg="RS512"), "bad-signature"),
    "edited after it was signed": (edited, "bad-signature"),
    "no token": (lambda p, c: "a.b", "bad-signature"),
    "left out": (lambda p, c: None, "incomplete"),
    "by another issuer": (signed(iss="https://id.evil.example"), "wrong-issuer"),
    "by nobody": (signed(iss=None), "wrong-issuer"),
    "by an issuer that only begins alike": (lambda p, c: p.token(c | {"iss": p.issuer + "/"}), "wrong-issuer"),
    "for another program": (signed(aud="newsletter-tool"), "wrong-audience"),
    "for nobody": (signed(aud=None), "wrong-audience"),
    "for several, and asked for by nobody": (signed(aud=[CLIENT, "newsletter-tool"]), "wrong-audience"),
    "asked for by another program": (signed(aud=[CLIENT, "tool"], azp="tool"), "wrong-audience"),
    "asked for by another program alone": (signed(azp="tool"), "wrong-audience"),
    "run out": (signed(iat=NOW - 900, exp=NOW - 600), "expired"),
    "without an end": (signed(exp=None), "expired"),
    "of tomorrow": (signed(iat=NOW + 86_400, exp=NOW + 90_000), "incomplete"),
    "without a nonce": (signed(nonce=None), "wrong-nonce"),
    "with the nonce of another sign-in": (signed(nonce="n" * 43), "wrong-nonce"),
    "with an empty nonce": (signed(nonce=""), "wrong-nonce"),
    "with an address nobody checked": (signed(email_verified=False), "email-not-verified"),
    "checked, it says in letters": (signed(email_verified="true"), "email-not-verified"),
    "about nobody": (signed(sub=None), "incomplete"),
    "about an empty name": (signed(sub=""), "incomplete"),
    "about a number": (signed(sub=1), "incomplete"),
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_ac_028_a_token_opens_nothing_that_is(linked, meadow, provider, cheat):
    provider.sign, code = CHEATS[cheat]
    client = Client()
    assert refused(come_in(client), client, code)
    assert "/token" in provider.heard, "the code was exchanged: it is the token that was refused"
    (line, *_) = recorded(meadow, "staff.sign-in-refused")
    assert list(line.codes) == [code]


def test_a_provider_that_does_not_speak_of_addresses_is_good_enough(linked, provider):
    """Microsoft Entra ID never says `email_verified`; who it is stands in `iss` and `sub`."""
    provider.sign = signed(email=None, email_verified=None)
    assert come_in(Client()).headers["Location"] == "/staff/sign-in/code/"


def test_ac_028_an_address_of_the_staff_is_no_key_to_their_account(olga, meadow, provider):
    """The provider says the address of somebody who works here, checked and all; nobody linked the two."""
    client = Client()
    answer = come_in(client)
    assert refused(answer, client, "not-linked")
    assert "<code>00u1</code>" in answer.text, "the number that an engineer has to know"
    assert not Identity.objects.exists()
    assert NAME not in answer.text


def test_ac_028_nobody_gets_an_account_by_coming_in(linked, provider):
    before = User.objects.count()
    provider.person = {"sub": "00u2", "email": "nobody@meadow.example", "role": "officer", "groups": ["officer"]}
    client = Client()
    assert refused(come_in(client), client, "not-linked")
    assert User.objects.count() == before
    assert Identity.objects.count() == 1


def test_ac_028_the_same_number_at_another_provider_is_another_person(linked, meadow, provider, settings):
    with running() as other:
        settings.RIGHTFUL_OIDC = settings.RIGHTFUL_OIDC | {"issuer": other.issuer}
        client = Client()
        assert refused(come_in(client), client, "not-linked")


# ---------------------------------------------------------------- the way back


def test_ac_028_an_answer_without_its_question_counts_for_nothing(linked, meadow, provider):
    client = Client()
    known = len(recorded(meadow, "staff.sign-in-refused"))
    assert refused(client.get(f"{BACK}?code=x&state=y"), client, "no-question")
    assert len(recorded(meadow, "staff.sign-in-refused")) == known, "strangers do not write into the ledger"
    assert provider.heard == []


@pytest.mark.parametrize("state", ["", "x" * 43, None])
def test_ac_028_an_answer_to_another_question_counts_for_nothing(linked, provider, state):
    client = Client()
    address = answer_to(question(client))
    code = parse_qs(urlsplit(address).query)["code"][0]
    answer = client.get(BACK, {"code": code} | ({} if state is None else {"state": state}))
    assert refused(answer, client, "no-question")
    assert "/token" not in provider.heard
    assert refused(come_back(client, address), client, "no-question"), "and the question is used up"


def test_ac_028_an_answer_counts_once(linked, provider):
    client = Client()
    address = answer_to(question(client))
    assert come_back(client, address).status_code == 302
    assert come_back(client, address).status_code == 403


def test_ac_028_an_answer_counts_in_the_browser_that_asked(linked, provider):
    """Somebody sends a colleague the address they came back with: the colleague is not signed in as them."""
    address = answer_to(question(Client()))
    victim = Client()
    question(victim)
    assert refused(come_back(victim, address), victim, "no-question")


def test_ac_028_an_answer_that_comes_too_late_counts_for_nothing(linked, provider):
    client = Client()
    address = answer_to(question(client))
    session = client.session
    session["company_sign_in"] = session["company_sign_in"] | {"at": time.time() - 601}
    session.save()
    assert refused(come_back(client, address), client, "too-late")


def test_ac_028_an_answer_that_names_another_provider_counts_for_nothing(linked, provider):
    client = Client()
    address = answer_to(question(client)) + "&iss=https://id.evil.example"
    assert refused(come_back(client, address), client, "wrong-issuer")
    assert "/token" not in provider.heard


def test_a_no_of_the_provider_is_told(linked, provider):
    client = Client()
    state = parse_qs(urlsplit(question(client)).query)["state"][0]
    assert refused(client.get(BACK, {"error": "access_denied", "state": state}), client, "provider-refused")


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("/token", (302, b"")),
        ("/token", (500, b"{}")),
        ("/token", (200, b"[]")),
        ("/token", (200, b"no json")),
        ("/keys", (302, b"")),
        ("/keys", (200, b'{"x": "' + b"y" * 300_000 + b'"}')),
    ],
)
def test_a_provider_that_answers_otherwise_opens_nothing(linked, provider, path, there):
    provider.answers = {path: there}
    client = Client()
    assert refused(come_in(client), client, "not-reached")


@pytest.mark.parametrize("keys", [b"{}", b'{"keys": []}', b'{"keys": [{"kty": "oct", "kid": "one", "k": "AAAA"}]}'])
def test_ac_028_a_provider_without_a_key_we_take_opens_nothing(linked, provider, keys):
    provider.answers = {"/keys": (200, keys)}
    client = Client()
    assert refused(come_in(client), client, "bad-signature")


@pytest.mark.parametrize(
    ("says", "code"),
    [
        ({"issuer": "https://id.evil.example"}, "wrong-issuer"),
        ({"token_endpoint": "http://id.evil.example/token"}, "incomplete"),
        ({"jwks_uri": "file:///etc/passwd"}, "incomplete"),
        ({"authorization_endpoint": None}, "incomplete"),
    ],
)
def test_a_provider_that_says_it_is_another_is_not_asked(linked, provider, says, code):
    provider.says = says
    client = Client()
    assert refused(client.post(START), client, code)


def test_a_provider_that_is_away_is_told_and_the_password_still_works(linked, provider, settings, workspace_folder):
    settings.RIGHTFUL_OIDC = settings.RIGHTFUL_OIDC | {"issuer": "http://127.0.0.1:9"}
    client = Client()
    answer = client.post(START)
    assert refused(answer, client, "not-reached")
    assert "use your password" in answer.text


def test_the_button_is_a_form_of_ours_and_asked_for_at_a_measured_pace(linked, settings, provider):
    assert Client().get(START).status_code == 405, "an address in a mail starts nothing"
    assert Client(enforce_csrf_checks=True).post(START).status_code == 403
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"company_sign_in": "2/m/ip"}
    assert [Client().post(START).status_code for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize(
    ("address", "fine"),
    [
        ("https://id.example/token", True),
        ("http://127.0.0.1:8080/token", True),
        ("http://[::1]:8080/token", True),
        ("http://id.example/token", False),
        ("http://10.0.0.1/token", False),
        ("https://user@id.example/", False),
        ("https://id.example/#x", False),
        ("ftp://id.example/", False),
        ("https:///token", False),
        ("https://id.example:port/", False),
    ],
)
def test_which_addresses_are_asked(address, fine):
    assert may_be_asked(address, here=True) is fine
    assert may_be_asked(address, here=False) is (fine and address.startswith("https"))


# ---------------------------------------------------------------- who is bound to what


def test_who_left_comes_in_no_more(linked, meadow, provider):
    dismiss(meadow, NAME, actor="engineer@meadow.example")
    client = Client()
    assert refused(come_in(client), client, "no-role")
    make_officer(meadow, NAME)


def test_a_switched_off_account_comes_in_no_more(linked, meadow, workspace_folder, provider):
    switch_off(workspace_folder, NAME)
    client = Client()
    assert come_in(client).headers["Location"] == "/staff/sign-in/switched-off/"
    assert client.get("/staff/").headers["Location"].startswith("/staff/sign-in/")
    assert list(recorded(meadow, "staff.sign-in-refused")[0].codes) == ["switched-off"]


def test_unlinking_ends_sessions_and_the_way_in(linked, meadow, workspace_folder, provider):
    client = Client()
    come_in(client)
    client.post("/staff/sign-in/code/", {"code": code_now(workspace_folder, TOTP)})
    assert client.get("/staff/").status_code == 200
    unbind(meadow, NAME, actor="engineer@meadow.example")
    assert client.get("/staff/").status_code == 302
    assert refused(come_in(client), client, "not-linked")
    with pytest.raises(NotFound):
        unbind(meadow, NAME, actor="engineer@meadow.example")


def test_one_person_has_one_number_and_one_number_one_person(linked, meadow, workspace_folder):
    make_officer(meadow, "pia@meadow.example")
    create_staff(workspace_folder, "pia@meadow.example", PASSWORD, "officer")
    for person, subject in ((NAME, "00u2"), ("pia@meadow.example", "00u1")):
        with pytest.raises(BadInput):
            bind(meadow, person, subject, actor="engineer@meadow.example")
    for subject in ("", "x" * 256, "a\nb"):
        with pytest.raises(BadInput):
            bind(meadow, "pia@meadow.example", subject, actor="engineer@meadow.example")
    assert Identity.objects.count() == 1


def test_only_who_has_a_role_and_an_account_is_linked(meadow, workspace_folder, provider):
    with pytest.raises(NotFound, match="directory"):
        bind(meadow, "nora@meadow.example", "00u3", actor="engineer@meadow.example")
    make_officer(meadow, "nora@meadow.example")
    with pytest.raises(NotFound, match="account"):
        bind(meadow, "nora@meadow.example", "00u3", actor="engineer@meadow.example")


def test_what_the_ledger_could_not_write_down_is_not_linked(olga, meadow, provider, clock):
    clock.at_us = 1_000_000  # behind the newest entry: nothing can be written
    with pytest.raises(Exception, match="clock"):
        bind(meadow, NAME, "00u1", actor="engineer@meadow.example")
    assert not Identity.objects.exists()


def test_linking_is_on_record_without_a_name(linked, meadow, provider):
    (line, *_) = recorded(meadow, "staff.linked")
    public = meadow.ledger.entry(line.entry).public
    assert public == {"issuer": provider.issuer}


def test_an_account_that_was_made_or_renewed_is_on_record_without_a_name(olga, meadow):
    note_account(meadow, NAME, actor="engineer@meadow.example", password=True)
    (line, *_) = recorded(meadow, "staff.account")
    assert meadow.ledger.entry(line.entry).public == {"role": "officer", "password": True}
