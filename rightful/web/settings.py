"""How the web doors are set up: one Django project over one workspace.

Everything that differs between places comes from the environment:

    RIGHTFUL_WORKSPACE   the workspace folder; without it the project loads (for
                         checks and tests) but nothing can be served
    RIGHTFUL_MODE        "production" (HTTPS only, __Host- cookies, HSTS) or
                         "development" (http on this machine only)
    RIGHTFUL_HOSTS       names this site answers to, separated by commas
    RIGHTFUL_PROXIES     how many proxies of your own stand in front (default 0)
    RIGHTFUL_DEMO        "1" shows the demo's outgoing mail at /demo/outbox/
    RIGHTFUL_SMTP        smtp://user@host:587 or smtps://...; unset = mail goes to
                         <workspace>/outbox. RIGHTFUL_SMTP_PASSWORD_FILE holds the
                         password, RIGHTFUL_MAIL_FROM the sender
    RIGHTFUL_MAIL_BOUNCES  mailbox that takes bounces+...@ addresses; what arrives there
                         goes to `rightful mail bounce`
    RIGHTFUL_SITE        address of these pages in mails, https://privacy.example
    RIGHTFUL_OIDC_ISSUER   your identity provider (OpenID Connect), https://id.example; unset =
                         staff come in by password alone. RIGHTFUL_OIDC_CLIENT is our number there,
                         RIGHTFUL_OIDC_SECRET_FILE holds the secret, RIGHTFUL_OIDC_NAME is what
                         the button says

Easy to get wrong: an unknown mode falls back to nothing here, it is refused; and
there is no switch that turns Django's debug pages on.

Sources: OWASP ASVS 5.0 V3.3, V3.4, V6, V7, V13.4.2; GDPR Art. 32.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from rightful.web import secret as web_secret


def _whole_number(name: str, default: int) -> int:
    text = os.environ.get(name, "").strip()
    if text and not text.isdecimal():
        raise ImproperlyConfigured(f"{name} must be a whole number")
    return int(text) if text else default


HERE = Path(__file__).resolve().parent

RIGHTFUL_MODE = os.environ.get("RIGHTFUL_MODE", "development")
if RIGHTFUL_MODE not in {"development", "production"}:
    raise ImproperlyConfigured("RIGHTFUL_MODE is either development or production")
PRODUCTION = RIGHTFUL_MODE == "production"

_workspace = os.environ.get("RIGHTFUL_WORKSPACE", "")
RIGHTFUL_WORKSPACE: Path | None = Path(_workspace).expanduser().resolve() if _workspace else None
# The doors' ground imports nothing that stands above it, so the class is named, not imported.
RIGHTFUL_WORKSPACE_CLASS = "rightful.workspace.Workspace"
RIGHTFUL_DEMO = os.environ.get("RIGHTFUL_DEMO", "") == "1"

DEBUG = False
SECRET_KEY = web_secret.read_or_make(RIGHTFUL_WORKSPACE / "keys") if RIGHTFUL_WORKSPACE else secrets.token_hex(32)
ALLOWED_HOSTS = [host for host in os.environ.get("RIGHTFUL_HOSTS", "127.0.0.1,localhost").split(",") if host]

INSTALLED_APPS = [
    "rightful.web.apps.WebConfig",
    "rightful.portal.apps.PortalConfig",
    "rightful.console.apps.ConsoleConfig",
    "rightful.api.apps.ApiConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
]

MIDDLEWARE = [
    "rightful.web.headers.HeadersMiddleware",  # first, so that redirects to https carry them too
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "rightful.web.doors.DoorsMiddleware",
    "rightful.portal.signals.SignalMiddleware",  # after the doors: only who may pass is bound to a signal
]

# Started once in each process that serves; the ground imports nothing that stands above it, so by name.
RIGHTFUL_WORKERS = [
    "rightful.portal.opting_out.start",
    "rightful.api.telling.start",
    "rightful.console.request_work.start",
    "rightful.console.retention_work.start",
]

ROOT_URLCONF = "rightful.web.urls"
WSGI_APPLICATION = "rightful.web.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [HERE / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "rightful.web.opened.organisation",
            ],
            "builtins": ["rightful.web.templatetags.words"],
        },
    }
]

# The web's own tables: staff, sessions, used codes. Customer data never comes here.
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(RIGHTFUL_WORKSPACE / "state" / "web.sqlite") if RIGHTFUL_WORKSPACE else ":memory:",
        "ATOMIC_REQUESTS": False,
        "OPTIONS": {
            "timeout": 10,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Rate limits and used codes are shared by all workers: never the memory of one (ASVS V6.5.1).
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "web_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

# ---------------------------------------------------------------- people

AUTH_USER_MODEL = "web.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("handle", "email")},
    },
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"

ACCOUNT_ADAPTER = "rightful.web.signing_in.AccountAdapter"
ACCOUNT_FORMS = {"login": "rightful.web.forms.StaffLoginForm"}
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_USER_MODEL_USERNAME_FIELD = "handle"
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]  # nobody signs up; allauth wants to know what a login is
ACCOUNT_EMAIL_VERIFICATION = "none"  # staff addresses are entered by whoever creates the account
ACCOUNT_EMAIL_NOTIFICATIONS = True  # a changed password or factor is told to its owner (ASVS V6.3.7)
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/5m/key",
    "request_login_code": "20/m/ip,3/m/key,20/h/key",  # key: the address, hashed
    "portal_code": "60/m/ip",
    "open_request": "20/h/user",
    "second_code": "10/h/user",
    "system_task": "120/h/ip",
    "agents": "600/m/ip",
    "opt_out": "20/m/ip,5/h/key",
    "api": "1200/m/key",  # key: the token
    "api_stranger": "30/m/ip",  # tokens that open nothing
    "guardian": "60/m/ip,30/m/key",
    "sign_up": "20/m/ip,3/m/key,20/h/key",
    "company_sign_in": "30/m/ip",
}
ALLAUTH_TRUSTED_PROXY_COUNT = _whole_number("RIGHTFUL_PROXIES", 0)

# Staff may come in by the organisation's identity provider; the second factor here is asked for all the same.
RIGHTFUL_OIDC: dict[str, str] = {}
if _issuer := os.environ.get("RIGHTFUL_OIDC_ISSUER", ""):
    _secret_file = os.environ.get("RIGHTFUL_OIDC_SECRET_FILE", "")
    RIGHTFUL_OIDC = {
        "issuer": _issuer,
        "client": os.environ.get("RIGHTFUL_OIDC_CLIENT", ""),
        "secret": Path(_secret_file).read_text("utf-8").strip() if _secret_file else "",
        "name": os.environ.get("RIGHTFUL_OIDC_NAME", "") or str(urlsplit(_issuer).hostname),
    }
    if not _issuer.startswith("https://") and (PRODUCTION or urlsplit(_issuer).hostname != "127.0.0.1"):
        raise ImproperlyConfigured("RIGHTFUL_OIDC_ISSUER looks like https://id.example")
    if not RIGHTFUL_OIDC["client"] or not RIGHTFUL_OIDC["secret"]:
        raise ImproperlyConfigured("RIGHTFUL_OIDC_ISSUER needs RIGHTFUL_OIDC_CLIENT and RIGHTFUL_OIDC_SECRET_FILE")

MFA_ADAPTER = "rightful.web.second_factor.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp"]
MFA_TOTP_ISSUER = "Rightful"
MFA_TOTP_TOLERANCE = 0  # a code lives 30 seconds, and its use is remembered for as long

# ---------------------------------------------------------------- sessions and cookies

SESSION_ENGINE = "rightful.web.sessions"
SESSION_COOKIE_AGE = 8 * 60 * 60
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
RIGHTFUL_SESSION_IDLE = 30 * 60  # seconds without a request
RIGHTFUL_SESSION_LONGEST = 8 * 60 * 60  # seconds since coming in
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

SESSION_COOKIE_NAME = "__Host-session" if PRODUCTION else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if PRODUCTION else "csrf"
LANGUAGE_COOKIE_NAME = "__Host-language" if PRODUCTION else "language"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = PRODUCTION
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_AGE = None  # gone with the browser session
CSRF_FAILURE_VIEW = "rightful.web.faults.no_token"

# ---------------------------------------------------------------- transport and headers

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if PRODUCTION:
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    if ALLAUTH_TRUSTED_PROXY_COUNT:
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SILENCED_SYSTEM_CHECKS = [
    "security.W021",  # entering a domain into the browsers' preload list is its owner's decision
    "security.W002",  # HeadersMiddleware sets X-Frame-Options together with frame-ancestors
]

DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200

# ---------------------------------------------------------------- files, words, mail

STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True  # the files come with the package: no collecting step
WHITENOISE_AUTOREFRESH = False
WHITENOISE_MAX_AGE = 3600
WHITENOISE_ALLOW_ALL_ORIGINS = False

USE_TZ = True
TIME_ZONE = "UTC"  # pages show the organisation's zone (doors.py)
USE_I18N = True
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "German"), ("fr", "French"), ("es", "Spanish"), ("ar", "Arabic")]
LOCALE_PATHS = [HERE / "locale"]

DEFAULT_FROM_EMAIL = os.environ.get("RIGHTFUL_MAIL_FROM", "privacy@localhost")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
RIGHTFUL_MAIL_BOUNCES = os.environ.get("RIGHTFUL_MAIL_BOUNCES", "")
if RIGHTFUL_MAIL_BOUNCES and RIGHTFUL_MAIL_BOUNCES.count("@") != 1:
    raise ImproperlyConfigured("RIGHTFUL_MAIL_BOUNCES looks like bounces@example.com")
RIGHTFUL_SITE = os.environ.get("RIGHTFUL_SITE", "").rstrip("/") or (
    f"https://{ALLOWED_HOSTS[0]}" if PRODUCTION and ALLOWED_HOSTS else "http://127.0.0.1:8000"
)
_smtp = os.environ.get("RIGHTFUL_SMTP", "")
if _smtp:
    _parts = urlsplit(_smtp)
    if _parts.scheme not in {"smtp", "smtps"} or not _parts.hostname:
        raise ImproperlyConfigured("RIGHTFUL_SMTP looks like smtp://user@host:587")
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST = _parts.hostname
    EMAIL_PORT = _parts.port or (465 if _parts.scheme == "smtps" else 587)
    EMAIL_HOST_USER = unquote(_parts.username or "")
    EMAIL_USE_SSL = _parts.scheme == "smtps"
    EMAIL_USE_TLS = not EMAIL_USE_SSL
    EMAIL_TIMEOUT = 20
    if _password_file := os.environ.get("RIGHTFUL_SMTP_PASSWORD_FILE", ""):
        EMAIL_HOST_PASSWORD = Path(_password_file).read_text("utf-8").strip()
else:
    EMAIL_BACKEND = "rightful.web.outbox.OutboxBackend"

# Ids and codes only, never a name, an address or the text of a mail (ASVS V16.2.5).
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "rightful.web.faults.OneLine"}},
    "handlers": {"talk": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        "rightful": {"handlers": ["talk"], "level": "INFO", "propagate": False},
        "django": {"handlers": ["talk"], "level": "WARNING", "propagate": False},
    },
}
