"""Where calls to a system behind an interface may go, and what its answers mean. No system is called here: what
one really does is in tests/crm/test_tryton_api.py, against a Tryton that runs."""

from __future__ import annotations

import json
import socket
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightful.errors import NotFound, RightfulError, SourceUnavailable, SystemRefused, TargetRefused
from rightful.gate import systems
from rightful.gate.find import Row
from rightful.gate.identifiers import email, full_name, occurrences, phone
from rightful.gate.systems import System
from rightful.sources.interface import Answer, Record
from rightful.sources.tryton import Tryton, _read, _sent
from rightful.webhooks.sending import Sender

SECRET = "RIGHTFUL_TEST_SYSTEM_SECRET"


def system(url: str, **more: Any) -> System:
    return System("crm", "tryton", url, "admin", "party.party", ("id", "party.party.id"), secret_env=SECRET, **more)


def forbidden(address: str, port: int, seconds: float) -> socket.socket:
    raise AssertionError(f"a connection to {address} was opened")


@pytest.mark.parametrize(
    "url",
    [
        "http://crm.example.org/meadow",
        "https://127.0.0.1/meadow",
        "https://127.1/meadow",
        "https://2130706433/meadow",
        "https://0x7f000001/meadow",
        "https://[::1]/meadow",
        "https://[::ffff:10.0.0.1]/meadow",
        "https://169.254.169.254/meadow",
        "https://10.0.0.7/meadow",
        "https://user:password@crm.example.org/meadow",
        "file:///etc/passwd",
        "gopher://crm.example.org/meadow",
        "https://inside.example.org/meadow",
    ],
)
def test_ac_047_no_call_goes_to_an_address_that_is_not_public(url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(SECRET, "x")
    sender = Sender(resolve=lambda host, port: ["10.1.2.3"] if "inside" in host else [host.strip("[]")], dial=forbidden)
    with closing(systems.open_system(system(url), sender=sender)) as opened, pytest.raises(TargetRefused):
        opened.hello()


def test_ac_047_an_address_inside_is_called_only_if_the_administrator_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(SECRET, "x")
    with pytest.raises(TargetRefused):
        systems.look_at(system("http://127.0.0.1:8069/meadow"))
    systems.look_at(system("http://127.0.0.1:8069/meadow", inside=True))
    with closing(socket.socket()) as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/meadow"
        with closing(systems.open_system(system(url, inside=True))) as opened, pytest.raises(SourceUnavailable) as gone:
            opened.hello()
    assert "127.0.0.1" not in str(gone.value)


def test_a_secret_that_is_not_where_it_should_be_is_a_fault_that_names_the_place_only(tmp_path: Path, monkeypatch):
    monkeypatch.delenv(SECRET, raising=False)
    with pytest.raises(NotFound, match=SECRET):
        systems.open_system(system("https://crm.example.org/meadow"))
    lost = System(
        "crm", "tryton", "https://crm.example.org/x", "a", "p", ("id", "p.id"), secret_file=str(tmp_path / "no")
    )
    with pytest.raises(NotFound, match="the file with the secret of crm"):
        systems.open_system(lost)


def test_what_is_written_down_of_a_system_is_read_back():
    told = {
        "kind": "tryton", "url": "https://crm.example.org/meadow", "user": "admin", "people": "party.party",
        "match": ["crm_id", "party.party.id"], "carries": {"name": "party.party.name"}, "secret_env": SECRET,
    }  # fmt: skip
    found = systems.systems_of({"connected": {"crm": told}, "systems": {"helpdesk": "manual"}})
    wanted = replace(system(told["url"]), match=("crm_id", "party.party.id"), carries={"name": "party.party.name"})
    assert found == {"crm": wanted}
    assert found["crm"].origin == "https://crm.example.org"


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (401, b"", SystemRefused, "system.not-permitted"),
        (403, b"", SystemRefused, "system.not-permitted"),
        (429, b"", SystemRefused, "system.busy"),
        (413, b"", SystemRefused, "system.refused"),
        (500, b"", SourceUnavailable, "source.unavailable"),
        (302, b"", SourceUnavailable, "source.unavailable"),
        (200, b"<html>", SourceUnavailable, "source.unavailable"),
        (200, b"[1]", SourceUnavailable, "source.unavailable"),
        (200, b'{"id": 0, "error": ["UserError", ["Ana Canarya may not", "", null]]}', SystemRefused, "system.refused"),
        (200, b'{"id": 0, "error": ["ConcurrencyException", "Ana Canarya"]}', SystemRefused,
         "system.changed-meanwhile"),
        (200, b'{"id": 0, "error": ["LoginException", ["password", "Ana Canarya"]]}', SystemRefused,
         "system.not-permitted"),
        (200, b'{"id": 0, "error": ["relation Ana Canarya", ""]}', SystemRefused, "system.failed"),
    ],
)  # fmt: skip
def test_every_answer_that_is_none_is_a_refusal_without_what_the_system_said(
    status: int, body: bytes, kind: type[RightfulError], code: str
):
    answers = iter([(200, "", b'{"id": 0, "result": [1, "key", null]}'), (status, "", body), (status, "", body)])
    tryton = Tryton(lambda *sent: Answer(*next(answers, (status, "", body))), "https://x/meadow", "u", "p")
    with pytest.raises(kind) as no:
        tryton.read("party.party", [1])
    assert no.value.code == code and "Ana" not in str(no.value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text() | st.dates() | st.datetimes()
        | st.decimals(allow_nan=False, allow_infinity=False),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        max_leaves=8,
    )
)  # fmt: skip
def test_what_is_sent_to_tryton_is_what_would_be_read_back(value: Any):
    assert json.loads(json.dumps(_sent(value)), object_hook=_read) == value


@pytest.mark.parametrize(
    "text",
    [
        "call 0151/2345678 at noon", "+49 (151) 234-5678", "Ana.Canarya@Mail.Example wrote",
        "ana.canarya%40mail.example", "Canarya, Ana", "dear ANA   CANARYA",
    ],
)  # fmt: skip
def test_the_words_that_a_system_is_asked_for_stand_in_every_text_that_names_the_person(text: str):
    named = [i for i in (email("ana.canarya@mail.example"), phone("+49 151 2345678"), full_name("Ana Canarya")) if i]
    hits = occurrences(text, named)
    assert hits, "or the case is none"
    low = text.lower()
    assert any(_in_order(low, words) for hit in hits for words in systems._words(hit.identifier))


def _in_order(text: str, words: list[str]) -> bool:
    at = 0
    for word in words:
        at = text.find(word, at)
        if at < 0:
            return False
        at += len(word)
    return True


def test_keys_of_a_system_are_compared_as_it_writes_them():
    assert systems._as_id("17") == 17
    assert systems._as_id("a17") == "a17" and systems._as_id(None) is None
    assert systems._row(Record("party.party", 3, {"name": "x"}, "1")) == Row(
        "party.party", (3,), {"name": "x", "id": 3}
    )
