"""Start-up: keys, modes, what production insists on, and what keeps the site from starting."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from rightful.errors import IntegrityFault, KeyMissing
from rightful.web import secret

ROOT = Path(__file__).resolve().parents[2]


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Settings are read once per process, so each case gets its own."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("RIGHTFUL_", "DJANGO_"))}
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=ROOT,
        env={**clean, "DJANGO_SETTINGS_MODULE": "rightful.web.settings", **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def production(folder: Path, **more: str) -> dict[str, str]:
    (folder / "keys").mkdir(exist_ok=True)
    (folder / "state").mkdir(exist_ok=True)
    return {
        "RIGHTFUL_WORKSPACE": str(folder),
        "RIGHTFUL_MODE": "production",
        "RIGHTFUL_HOSTS": "privacy.meadow.example",
        "RIGHTFUL_PROXIES": "1",
        "RIGHTFUL_SMTP": "smtp://rightful@mail.meadow.example:587",
        **more,
    }


CHECK = "from rightful.web.manage import main; main(['check', '--deploy', '--fail-level', 'WARNING'])"


def test_the_deploy_check_finds_nothing_in_production(tmp_path):
    done = python(CHECK, **production(tmp_path))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"RIGHTFUL_MODE": "development"}, "rightful.W001"),
        ({"RIGHTFUL_DEMO": "1"}, "rightful.E002"),
        ({"RIGHTFUL_SMTP": ""}, "rightful.W002"),
    ],
)
def test_the_deploy_check_names_what_is_wrong(tmp_path, change, finding):
    done = python(CHECK, **production(tmp_path, **change))
    assert done.returncode != 0
    assert finding in done.stderr


def test_an_unknown_mode_is_refused(tmp_path):
    done = python("import django; django.setup()", RIGHTFUL_MODE="prod")
    assert done.returncode != 0
    assert "either development or production" in done.stderr


def test_nothing_is_served_without_a_workspace():
    done = python("import rightful.web.wsgi")
    assert done.returncode != 0
    assert "RIGHTFUL_WORKSPACE names no workspace folder" in done.stderr


def test_production_cookies_are_bound_to_the_host_and_to_https(tmp_path):
    code = (
        "import django; django.setup(); from django.conf import settings as s;"
        "print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE,"
        "s.SESSION_COOKIE_HTTPONLY, s.CSRF_COOKIE_HTTPONLY, s.SESSION_COOKIE_SAMESITE,"
        "s.SESSION_COOKIE_DOMAIN, s.DEBUG)"
    )
    done = python(code, **production(tmp_path))
    assert done.stdout.split() == [
        "__Host-session",
        "__Host-csrf",
        "True",
        "True",
        "True",
        "True",
        "Lax",
        "None",
        "False",
    ]


def test_production_answers_plain_http_with_a_redirect_and_https_with_hsts(tmp_path):
    code = (
        "import django; django.setup(); from django.test import Client;"
        "c = Client(headers={'host': 'privacy.meadow.example'});"
        "r = c.get('/staff/sign-in/'); print(r.status_code, r['Location']);"
        "print('Content-Security-Policy' in r);"
        "r = c.get('/nothing', headers={'x-forwarded-proto': 'https'}); print(r['Strict-Transport-Security'])"
    )
    done = python(code, **production(tmp_path))
    assert done.stdout.splitlines() == [
        "301 https://privacy.meadow.example/staff/sign-in/",
        "True",
        "max-age=31536000; includeSubDomains",
    ], done.stderr


def test_a_host_that_is_not_ours_gets_no_page(tmp_path):
    code = (
        "import django; django.setup(); from django.test import Client;"
        "print(Client(headers={'host': 'evil.example'}).get('/staff/sign-in/').status_code)"
    )
    assert python(code, RIGHTFUL_WORKSPACE="").stdout.strip() == "400"


# ---------------------------------------------------------------- the key


def test_the_web_key_is_made_once_and_only_its_owner_reads_it(tmp_path):
    first = secret.read_or_make(tmp_path)
    assert secret.read_or_make(tmp_path) == first
    assert stat.S_IMODE((tmp_path / secret.FILE).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [secret.FILE], "no scraps are left"


def test_no_key_folder_is_made_for_the_web_key(tmp_path):
    with pytest.raises(KeyMissing):
        secret.read_or_make(tmp_path / "keys")
    assert not (tmp_path / "keys").exists()


def test_a_damaged_web_key_is_refused_and_kept(tmp_path):
    (tmp_path / secret.FILE).write_text("abc\n")
    with pytest.raises(KeyMissing):
        secret.read_or_make(tmp_path)
    assert (tmp_path / secret.FILE).read_text() == "abc\n"


@pytest.mark.parametrize("byte", [0, 1, 12, 13, 20, -1])
def test_a_sealed_value_does_not_open_once_a_byte_is_changed(byte):
    key = secret.derive("00" * 32, "test")
    sealed = bytearray(secret.seal(key, b"text", "here"))
    assert secret.unseal(key, bytes(sealed), "here") == b"text"
    sealed[byte] ^= 1
    with pytest.raises(IntegrityFault):
        secret.unseal(key, bytes(sealed), "here")


def test_a_sealed_value_does_not_open_in_another_place():
    key = secret.derive("00" * 32, "test")
    with pytest.raises(IntegrityFault):
        secret.unseal(key, secret.seal(key, b"text", "here"), "there")
