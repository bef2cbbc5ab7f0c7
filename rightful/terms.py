"""The field's words, once, as types everything else shares.

Each word stands beside the vocabulary it comes from: GDPR articles, the W3C
Data Privacy Vocabulary (DPV 2), ISO/IEC TS 27560:2023 and NIST SP 800-162.
Values are what is written in policies, stored in events and shown in logs, so
they never change once released.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum


def gettext_noop(sentence: str) -> str:
    """Marks a sentence that people read for the catalogues; the doors translate it, nothing below them does."""
    return sentence


class LawfulBasis(StrEnum):
    """Why a purpose may use data at all (GDPR Art. 6(1); DPV LegalBasis)."""

    CONSENT = "consent"  # 6(1)(a), dpv:Consent
    CONTRACT = "contract"  # 6(1)(b), dpv:Contract
    LEGAL_OBLIGATION = "legal-obligation"  # 6(1)(c), dpv:LegalObligation
    VITAL_INTEREST = "vital-interest"  # 6(1)(d), dpv:VitalInterest
    PUBLIC_TASK = "public-task"  # 6(1)(e), dpv:PublicInterest
    LEGITIMATE_INTEREST = "legitimate-interest"  # 6(1)(f), dpv:LegitimateInterest
    LEGAL_CLAIMS = "legal-claims"  # 6(1)(f) with 9(2)(f), 18(2): defence of legal claims
    SOFT_OPT_IN = "soft-opt-in"  # ePrivacy Directive Art. 13(2)
    OPT_OUT = "opt-out"  # permitted until the person says no (e.g. CAN-SPAM)
    OPT_OUT_OF_SHARING = "opt-out-of-sharing"  # CCPA 1798.120: sale or sharing until opted out


class Survives(StrEnum):
    """What a legally grounded purpose outlives, only for its own fields."""

    OBJECTION = "objection"
    WITHDRAWAL = "withdrawal"
    RESTRICTION = "restriction"
    ERASURE = "erasure"


class RecipientKind(StrEnum):
    """Who gets the data (GDPR Art. 4(7)-(10); CCPA 1798.140; DPV Recipient)."""

    PROCESSOR = "processor"
    SERVICE_PROVIDER = "service-provider"  # CCPA: under a contract for the business's own purpose
    JOINT_CONTROLLER = "joint-controller"
    THIRD_PARTY = "third-party"


class EventKind(StrEnum):
    """What a person said or did, or what was told to them. Append-only; newest event time decides."""

    GIVEN = "given"  # dpv:ConsentGiven
    REFUSED = "refused"  # dpv:ConsentRefused
    WITHDRAWN = "withdrawn"  # dpv:ConsentWithdrawn, GDPR 7(3)
    DEFERRED = "deferred"  # dpv:ConsentRequestDeferred: closed without a choice
    SOFT_OPT_IN = "soft-opt-in"  # address obtained at a sale, refusal offered (ePrivacy 13(2))
    OBJECTED = "objected"  # GDPR 21; scope: a purpose, or "" for all direct marketing
    OBJECTION_LIFTED = "objection-lifted"
    OPTED_OUT = "opted-out"  # of sale or sharing (CCPA 1798.120), explicit
    SIGNAL_GPC = "signal-gpc"  # Global Privacy Control seen on a request of a known person
    SIGNAL_ASKED = "signal-asked"  # the conflict of a signal with a programme was put to the person
    OPTED_IN_AGAIN = "opted-in-again"
    RESTRICTED = "restricted"  # GDPR 18; scope: a field or category, or "" for the whole record
    RESTRICTION_LIFTED = "restriction-lifted"  # counts only once the person was informed, 18(3)
    NOTICE_SERVED = "notice-served"  # which notice this person has been shown, GDPR 13/14
    ACTIVE = "active"  # last open or click, for consent that expires with inactivity
    MOVED = "moved"  # residence from this instant on
    BORN = "born"  # birth date became known
    ERASED = "erased"  # erasure done, GDPR 17


class Method(StrEnum):
    """How the choice was captured; decides what counts as proof (GDPR 7(1))."""

    FORM = "form"
    DOUBLE_OPT_IN = "double-opt-in"
    PORTAL = "portal"
    ONE_CLICK = "one-click"  # RFC 8058
    SIGNAL = "signal"
    AGENT = "agent"  # by staff for the person: needs a transcript or recording
    API = "api"
    IMPORT = "import"
    SYNC = "sync"  # copied from another system: no fresh act
    PRE_TICKED = "pre-ticked"  # never valid (C-673/17)
    GUARDIAN = "guardian"  # holder of parental responsibility, GDPR 8(1)


class Outcome(StrEnum):
    ALLOW = "allow"
    PARTIAL = "partial"
    DENY = "deny"


class Layer(IntEnum):
    """Strongest first; a reason of a stronger layer is shown first, but every reason is kept."""

    INTEGRITY = 1
    SURVIVAL = 2
    NEVER = 3
    OVERRIDE = 4
    BASIS = 5
    MINIMISATION = 6


UNKNOWN_RESIDENCE = ""
ALL_CHANNELS = "*"
"""In a withdrawal: every channel. A grant always names its channel."""
DIRECT_MARKETING = "direct-marketing"
"""Scope of an objection that covers every purpose marked `direct-marketing`."""
