"""Subscribers are told at least once, in signed messages without personal data, and never at an inside address."""

from __future__ import annotations

import http.server
import ipaddress
import json
import shutil
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightful.actions.appoint_staff import appoint, dismiss
from rightful.actions.give_consent import give_consent
from rightful.actions.opt_out import note_signal
from rightful.actions.send_webhooks import Round, ping, tell
from rightful.actions.subscribe_webhook import MOST, end_subscription, send_again, subscribe
from rightful.actions.withdraw_consent import object_to, withdraw_consent
from rightful.errors import BadInput, NotFound, SignatureRefused, TargetRefused
from rightful.webhooks.rules import DELAYS, KINDS, delay_us, is_public, sign, target_of, verify
from rightful.webhooks.sending import Sender
from tests.api.conftest import ANA, MAX

URL = "https://hooks.example/in"
PUBLIC = "93.184.215.14"

# ---------------------------------------------------------------- signatures: the published vector


def test_the_signature_is_that_of_the_published_example():
    """standard-webhooks/libraries: the example that all of them are tested with."""
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    made = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


SECRET = "whsec_" + "QUJD" * 11


def headers(body: bytes, stamp: int = 1000, secret: str = SECRET, message: str = "m1") -> dict[str, str]:
    signed = sign(secret, message, stamp, body)
    return {"webhook-id": message, "webhook-timestamp": str(stamp), "webhook-signature": signed}


def test_one_of_several_signatures_is_enough():
    made = headers(b"x")
    made["webhook-signature"] = "v1a,AAAA v1,BBBB " + made["webhook-signature"]
    assert verify(SECRET, made, b"x", 1000) == "m1"


@pytest.mark.parametrize(
    ("change", "now"),
    [
        ({}, 1301),
        ({}, 699),
        ({"webhook-id": "m2"}, 1000),
        ({"webhook-timestamp": "1001"}, 1000),
        ({"webhook-timestamp": ""}, 1000),
        ({"webhook-timestamp": "1e3"}, 1000),
        ({"webhook-timestamp": "-1000"}, 1000),
        ({"webhook-id": ""}, 1000),
        ({"webhook-id": "a b"}, 1000),
        ({"webhook-signature": ""}, 1000),
        ({"webhook-signature": "v1,"}, 1000),
        ({"webhook-signature": "v2,AAAA"}, 1000),
        ({"webhook-signature": "v1,\u00e4"}, 1000),
    ],
)
def test_an_unsigned_changed_or_old_message_is_refused(change, now):
    with pytest.raises(SignatureRefused):
        verify(SECRET, headers(b"x") | change, b"x", now)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_no_other_body_and_no_other_key_fits_a_signature(body, other):
    made = headers(body)
    assert verify(SECRET, made, body, 1000) == "m1"
    if other != body:
        with pytest.raises(SignatureRefused):
            verify(SECRET, made, other, 1000)
    with pytest.raises(SignatureRefused):
        verify("whsec_" + "REVG" * 11, made, body, 1000)


# ---------------------------------------------------------------- AC-047: where a webhook may not go

HOSTILE = {
    "https://127.0.0.1/": "loopback",
    "https://127.1/": "short loopback",
    "https://127.0.0.1:8443/x": "loopback with port",
    "https://2130706433/": "decimal",
    "https://0x7f000001/": "hexadecimal",
    "https://0x7f.0.0.1/": "hexadecimal part",
    "https://0177.0.0.1/": "octal",
    "https://017700000001/": "octal whole",
    "https://0/": "zero",
    "https://0.0.0.0/": "unspecified",
    "https://10.0.0.1/": "private 10",
    "https://172.16.0.1/": "private 172",
    "https://192.168.1.1/": "private 192",
    "https://169.254.169.254/latest/meta-data/": "metadata",
    "https://100.64.0.1/": "carrier",
    "https://192.0.0.192/": "protocol assignments",
    "https://198.18.0.1/": "benchmark",
    "https://224.0.0.1/": "multicast",
    "https://255.255.255.255/": "broadcast",
    "https://240.0.0.1/": "reserved",
    "https://[::1]/": "v6 loopback",
    "https://[::]/": "v6 unspecified",
    "https://[::ffff:10.0.0.1]/": "v4 in v6",
    "https://[::ffff:7f00:1]/": "v4 in v6, hexadecimal",
    "https://[::7f00:1]/": "v4 compatible",
    "https://[64:ff9b::7f00:1]/": "NAT64",
    "https://[64:ff9b:1::a00:1]/": "local NAT64",
    "https://[2002:7f00:1::]/": "6to4",
    "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/": "Teredo",
    "https://[fc00::1]/": "unique local",
    "https://[fe80::1]/": "link local",
    "https://[fec0::1]/": "site local",
    "https://[ff02::1]/": "v6 multicast",
    "https://[fe80::1%25eth0]/": "zone",
    "https://localhost/": "name of loopback",
    "https://localhost./": "with a dot",
    "https://inside.example/": "name that resolves inside",
    "https://rebind.example/": "name that resolves to both",
    "https://nowhere.example/": "name of nothing",
    "https://user:password@hooks.example/": "with a password",
    "https://hooks.example@127.0.0.1/": "host behind a name",
    "https://127.0.0.1\\@hooks.example/": "backslash",
    "https://hooks.example:0/": "port zero",
    "https://hooks.example:99999/": "port too large",
    "https://\uff11\uff12\uff17.0.0.1/": "wide digits",
    "https://127\u30020\u30020\u30021/": "wide dots",
    "https://hooks.example/a b": "space",
    "https://hooks.example/\r\nHost: inside": "line break",
    "http://hooks.example/": "no TLS",
    "file:///etc/passwd": "file",
    "gopher://hooks.example/": "gopher",
    "ftp://hooks.example/": "ftp",
    "//hooks.example/": "no scheme",
    "https:///x": "no host",
    "javascript:alert(1)": "script",
    "": "nothing",
}
NAMES = {
    "hooks.example": [PUBLIC],
    "inside.example": ["10.1.2.3"],
    "rebind.example": [PUBLIC, "127.0.0.1"],
    "localhost": ["127.0.0.1", "::1"],
}


class Net:
    """A network that answers from a table and writes down every attempt to connect."""

    def __init__(self, names: dict[str, list[str]] | None = None) -> None:
        self.names = NAMES if names is None else names
        self.attempts: list[tuple[str, int]] = []

    def resolve(self, host: str, port: int) -> list[str]:
        try:
            return [str(ipaddress.ip_address(host))]
        except ValueError:
            pass
        try:
            return [socket.inet_ntoa(socket.inet_aton(host))]  # as the system's resolver reads 127.1 and 0x7f000001
        except OSError:
            return self.names.get(host, [])

    def dial(self, address: str, port: int, seconds: float) -> socket.socket:
        self.attempts.append((address, port))
        raise ConnectionRefusedError

    def sender(self, **more) -> Sender:
        return Sender(resolve=self.resolve, dial=self.dial, **more)


def test_ac_047_there_are_more_than_forty_of_them():
    assert len(HOSTILE) >= 40


@pytest.mark.parametrize("url", HOSTILE, ids=HOSTILE.values())
def test_ac_047_v13_2_4_no_connection_is_tried_to_an_inside_address(url):
    net = Net()
    with pytest.raises(TargetRefused):
        net.sender().post(url, b"{}", {})
    assert net.attempts == []


def test_ac_047_the_connection_goes_to_the_address_that_was_looked_at():
    answers = iter([[PUBLIC], ["127.0.0.1"]])  # a second question would get another answer
    net = Net()
    net.resolve = lambda host, port: next(answers)  # type: ignore[method-assign]
    with pytest.raises(ConnectionRefusedError):
        net.sender().post(URL, b"{}", {})
    assert net.attempts == [(PUBLIC, 443)]


def test_ac_047_a_name_that_moved_inside_since_the_subscription_is_refused_at_delivery(shop):
    net = Net({"hooks.example": [PUBLIC]})
    made = subscribe(shop, URL, ["ping"], actor=MAX, sender=net.sender())
    ping(shop, made)
    net.names = {"hooks.example": ["169.254.169.254"]}
    assert tell(shop, sender=net.sender()).later == 1
    assert net.attempts == []
    assert shop.webhooks.deliveries(made.id)[0].status == "refused"
    end_subscription(shop, made.id, actor=MAX)


SPECIAL = ("192.0.0.0/24", "198.18.0.0/15", "10.0.0.0/8", "240.0.0.0/4", "2001:db8::/32", "fc00::/7", "5f00::/16")


@given(st.data())
def test_no_address_of_a_special_range_is_public(data):
    network = ipaddress.ip_network(data.draw(st.sampled_from(SPECIAL)))
    address = network[data.draw(st.integers(0, network.num_addresses - 1))]
    assert not is_public(str(address))


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:8.8.8.8"])
def test_addresses_of_the_public_internet_are_public(address):
    assert is_public(address)


@given(st.integers(0, 2**32 - 1))
def test_an_inside_address_stays_inside_whatever_it_is_wrapped_in(number):
    inner = ipaddress.IPv4Address(number)
    mapped = ipaddress.IPv6Address((0xFFFF << 32) | number)
    nat64 = ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b::")) | number)
    if not is_public(str(inner)):
        assert not is_public(str(mapped))
        assert not is_public(str(nat64))


def test_an_inside_origin_can_be_allowed_by_the_administrator_and_only_that_one():
    net = Net()
    sender = net.sender(private=["http://127.0.0.1:9000"])
    with pytest.raises(ConnectionRefusedError):
        sender.post("http://127.0.0.1:9000/in", b"{}", {})
    assert net.attempts == [("127.0.0.1", 9000)]
    for other in (
        "http://127.0.0.1:9001/in",
        "http://127.0.0.1/in",
        "https://127.0.0.1:9000/",
        "http://127.0.0.1:90001/",
    ):
        with pytest.raises(TargetRefused):
            sender.post(other, b"{}", {})
    with pytest.raises(TargetRefused):
        target_of("https://elsewhere.example/", hosts=["hooks.example"])


# ---------------------------------------------------------------- telling


class Ear:
    """A small server on this machine that writes down what it is told, and answers as it is asked to."""

    def __init__(self) -> None:
        ear = self
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                ear.heard.append(({k.lower(): v for k, v in self.headers.items()}, body))
                status, more = ear.answers.pop(0) if ear.answers else (204, {})
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_args) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def ear():
    made = Ear()
    yield made
    made.close()


@pytest.fixture
def told(shop, ear):
    """A subscription to everything, at an origin the administrator allowed; ended afterwards."""
    sender = Sender(private=[ear.origin])
    made = subscribe(shop, f"{ear.origin}/in", list(KINDS), actor=MAX, sender=sender)

    def go():
        return tell(shop, sender=sender)

    go.subscription = made
    go()
    ear.heard.clear()
    yield go
    if shop.webhooks.subscription(made.id) is not None:
        end_subscription(shop, made.id, actor=MAX)


def test_a_choice_is_told_in_a_signed_message_that_holds_ids_only(shop, ear, told, reference):
    give_consent(shop, "C014", "newsletter", "email")
    withdraw_consent(shop, "C014", "newsletter", "email")
    object_to(shop, "C014")
    note_signal(shop, "C014")
    assert told().delivered == 4
    kinds = [json.loads(body)["type"] for _, body in ear.heard]
    assert kinds == ["consent.given", "consent.withdrawn", "objection.raised", "opt-out.recorded"]
    for sent, body in ear.heard:
        assert verify(told.subscription.secret, sent, body, int(sent["webhook-timestamp"])) == sent["webhook-id"]
        said = json.loads(body)
        assert said["data"]["subject"] == reference("C014")
        assert shop.ledger.entry(said["data"]["entry"]).kind.startswith("consent.")
        for personal in (b"C014", b"p014", b"Person014"):
            assert personal not in body
    assert told().delivered == 0, "each is told once, if it arrived"


def test_a_request_is_told_at_each_step_by_its_reference(shop, ear, told, reference):
    from rightful.actions.answer_request import take_in

    case = take_in(shop, "access", key="C022", text="canary-text", actor="olga@shop.example", source="staff").case
    told()
    said = [json.loads(body) for _, body in ear.heard if json.loads(body)["type"] == "request.changed"]
    assert said
    for one in said:
        assert (one["data"]["request"], one["data"]["about"]) == (case.ref, "access")
        assert one["data"]["subject"] == reference("C022")
        assert one["data"]["state"]
        assert "canary" not in json.dumps(one)


def test_an_erasure_is_told_at_its_end_by_the_reference_receivers_know(shop_folder, ear, tmp_path):
    from rightful.actions.erase_customer import begin_erasure, run_erasure
    from rightful.workspace import Workspace

    shutil.copytree(shop_folder, tmp_path / "shop")
    with Workspace.open(tmp_path / "shop") as ws:
        sender = Sender(private=[ear.origin])
        subscribe(ws, f"{ear.origin}/in", ["erasure.begun", "erasure.done"], actor=MAX, sender=sender)
        known = ws.links.reference(ws.number_of("C033"))
        run_erasure(ws, begin_erasure(ws, "C033", actor="olga@shop.example").id)
        tell(ws, sender=sender)
        said = [json.loads(body) for _, body in ear.heard]
        assert [one["type"] for one in said] == ["erasure.begun", "erasure.done"]
        done = said[-1]["data"]
        assert done["subject"] == known
        assert done["status"] in {"complete", "partly", "incomplete"}


def test_only_what_was_subscribed_to_is_told_and_only_from_then_on(shop, ear):
    give_consent(shop, "C015", "newsletter", "email")
    sender = Sender(private=[ear.origin])
    made = subscribe(shop, f"{ear.origin}/x", ["consent.withdrawn"], actor=MAX, sender=sender)
    give_consent(shop, "C015", "study")
    withdraw_consent(shop, "C015", "newsletter", "email")
    tell(shop, sender=sender)
    assert [json.loads(body)["data"]["purpose"] for _, body in ear.heard] == ["newsletter"]
    end_subscription(shop, made.id, actor=MAX)


def test_what_does_not_arrive_is_tried_again_with_growing_waits_and_is_dead_in_the_end(shop, ear, told, monkeypatch):
    ear.answers = [(500, {})] * (len(DELAYS) + 1)
    withdraw_consent(shop, "C016", "newsletter", "email")
    start = shop.clock()
    at = {"us": start}
    monkeypatch.setattr(shop, "clock", lambda: at["us"])
    outcomes = []
    for wait in (0, *DELAYS):
        at["us"] += wait
        assert told().delivered == 0
        outcomes.append(shop.webhooks.deliveries(told.subscription.id, limit=1)[0].state)
        assert told() == Round(), "nothing is due before its wait is over"
    assert outcomes == ["queued"] * len(DELAYS) + ["dead"]
    assert len({sent["webhook-id"] for sent, _ in ear.heard}) == 1, "the same id at each try"
    monkeypatch.undo()
    [dead] = shop.webhooks.deliveries(told.subscription.id, state="dead")
    assert dead.status == "500"
    with pytest.raises(NotFound):
        send_again(shop, told.subscription.id, dead.id + 1)
    send_again(shop, told.subscription.id, dead.id)
    assert told().delivered == 1
    with pytest.raises(NotFound):
        send_again(shop, told.subscription.id, dead.id)


def test_a_redirect_is_not_followed(shop, ear, told):
    other = Ear()
    ear.answers = [(307, {"Location": other.origin + "/inside"})]
    withdraw_consent(shop, "C017", "newsletter", "email")
    assert told().later == 1
    assert other.heard == []
    other.close()


def test_a_receiver_that_is_gone_is_told_nothing_more(shop, ear, told):
    ear.answers = [(410, {})]
    withdraw_consent(shop, "C018", "newsletter", "email")
    told()
    assert shop.webhooks.subscription(told.subscription.id) is None
    withdraw_consent(shop, "C019", "newsletter", "email")
    assert told().delivered == 0


def test_a_subscription_ends_with_the_person_who_made_it(shop, ear):
    sender = Sender(private=[ear.origin])
    made = subscribe(shop, f"{ear.origin}/x", ["consent.withdrawn"], actor=ANA, sender=sender)
    dismiss(shop, ANA, actor="olga@shop.example")
    try:
        withdraw_consent(shop, "C020", "newsletter", "email")
        tell(shop, sender=sender)
        assert ear.heard == []
        assert shop.webhooks.subscription(made.id) is None
    finally:
        appoint(shop, ANA, "analyst", actor="olga@shop.example")


def test_a_crash_between_queueing_and_sending_loses_nothing_and_a_claim_runs_out(shop, ear, told, monkeypatch):
    class Killed(BaseException):
        pass

    def dies(*_args):
        raise Killed

    withdraw_consent(shop, "C021", "newsletter", "email")
    with monkeypatch.context() as patched:
        patched.setattr(Sender, "post", dies)
        with pytest.raises(Killed):
            told()
    assert told().delivered == 0, "claimed by the one that died"
    now = shop.clock()
    monkeypatch.setattr(shop, "clock", lambda: now + 61_000_000)
    assert told().delivered == 1


def test_addresses_and_keys_of_subscriptions_cannot_be_read_in_the_database(shop, told):
    stored = str(shop.control.query("SELECT * FROM hook_subscription"))
    assert told.subscription.secret not in stored
    assert "127.0.0.1" not in stored


def test_waits_grow_and_end():
    waits = [delay_us(n) for n in range(1, len(DELAYS) + 1)]
    assert waits == sorted(waits)
    assert delay_us(len(DELAYS) + 1) is None


def test_there_is_an_end_to_subscriptions(shop, ear):
    sender, made = Sender(private=[ear.origin]), []
    for _ in range(MOST - len(shop.webhooks.subscriptions())):
        made.append(subscribe(shop, ear.origin, ["ping"], actor=MAX, sender=sender))
    with pytest.raises(BadInput):
        subscribe(shop, ear.origin, ["ping"], actor=MAX, sender=sender)
    for one in made:
        end_subscription(shop, one.id, actor=MAX)


def certificate(name: str, folder: Path) -> tuple[Path, Path]:
    """A key and a certificate for a name, signed by itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    kept = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *kept))
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return folder / "cert.pem", folder / "key.pem"


@pytest.mark.parametrize(("name", "arrives"), [("hooks.example", True), ("other.example", False)])
def test_the_certificate_must_name_the_host_although_an_address_is_dialled(ear, tmp_path, name, arrives):
    cert, key = certificate(name, tmp_path)
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(cert, key)
    ear.server.socket = own.wrap_socket(ear.server.socket, server_side=True)
    trust, net = ssl.create_default_context(cafile=str(cert)), Net()

    def dial(address: str, port: int, seconds: float) -> socket.socket:
        net.attempts.append((address, port))
        return socket.create_connection(("127.0.0.1", ear.server.server_port), seconds)

    sender = Sender(resolve=net.resolve, dial=dial, trust=trust)
    if arrives:
        assert sender.post(URL, b"{}", {"webhook-id": "1"})[0] == 204
        assert ear.heard[0][0]["host"] == "hooks.example"
    else:
        with pytest.raises(ssl.SSLCertVerificationError):
            sender.post(URL, b"{}", {})
        assert ear.heard == []
    assert net.attempts == [(PUBLIC, 443)]


# ---------------------------------------------------------------- over the API


def test_ac_031_one_persons_subscriptions_are_not_there_for_another(shop, program, ear, monkeypatch):
    monkeypatch.setitem(shop.config, "webhooks", {"private": [ear.origin]})
    mine, other = program(MAX), program(ANA)
    made = mine.post("/webhooks", {"url": ear.origin + "/in", "events": ["consent.given"]})
    assert made.status_code == 201
    name = made.json()["id"]
    assert mine.get("/webhooks").json()["items"][0]["secret"] is None, "shown once"
    assert other.get("/webhooks").json()["items"] == []
    for method, path in (
        ("DELETE", f"/webhooks/{name}"),
        ("POST", f"/webhooks/{name}/ping"),
        ("GET", f"/webhooks/{name}/deliveries"),
        ("POST", f"/webhooks/{name}/deliveries/1/retry"),
    ):
        assert other(method, path).status_code == 404, path
    queued = mine.post(f"/webhooks/{name}/ping", {})
    assert queued.status_code == 202
    tell(shop)
    page = mine.get(f"/webhooks/{name}/deliveries?state=delivered").json()
    assert [d["delivery"] for d in page["items"]] == [queued.json()["delivery"]]
    assert mine("DELETE", f"/webhooks/{name}").status_code == 200
    assert mine("DELETE", f"/webhooks/{name}").status_code == 404


def test_an_inside_address_is_refused_over_the_api_too(program):
    answer = program().post("/webhooks", {"url": "https://169.254.169.254/", "events": ["ping"]})
    assert (answer.status_code, answer.json()["code"]) == (422, "webhook.target-refused")
    assert program().post("/webhooks", {"url": URL, "events": ["everything"]}).status_code == 422


def test_errors_of_the_network_are_answers_too(shop):
    net = Net({"hooks.example": [PUBLIC]})
    made = subscribe(shop, URL, ["ping"], actor=MAX, sender=net.sender())
    ping(shop, made)
    assert tell(shop, sender=net.sender()).later == 1
    assert shop.webhooks.deliveries(made.id)[0].status == "ConnectionRefusedError"
    end_subscription(shop, made.id, actor=MAX)
