"""What customers are told, in plain words: every sentence once, with a name.

Actions say `Said("consent_withdrawn")`; a door translates it and puts the words in.
`str()` of it is the English sentence, for the command line.

Easy to get wrong: a sentence made of pieces. Other languages order them otherwise, so
a sentence is whole, and what varies in it has a name. Purposes, fields and recipients
are named by the policy, in the customer's language where the policy knows it.

Texts of the policy know the language they are written in (`InLanguage`): a page in
another language has to say so (WCAG 2.2 SC 3.1.2).

Sources: GDPR Art. 12(1); UX: at most 20 words, second person, no article numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from rightful.actions import due_words, request_words
from rightful.policy.model import Period, Policy, Purpose
from rightful.terms import LawfulBasis
from rightful.terms import gettext_noop as _

SENTENCES: Mapping[str, str] = {
    # why a purpose may use data
    "consent": _("You said yes"),
    "contract": _("We need it to keep our contract with you"),
    "legal-obligation": _("The law requires it"),
    "vital-interest": _("It protects somebody's life"),
    "public-task": _("It is a task in the public interest"),
    "legitimate-interest": _("We weighed our interest against yours, and you can object"),
    "legal-claims": _("We need it if we meet in court"),
    "soft-opt-in": _("You bought something similar and did not say no"),
    "opt-out": _("You have not said no"),
    "opt-out-of-sharing": _("You have not said no to passing your data on"),
    # where a switch stands
    "said_yes": _("You said yes on %(day)s."),
    "on_until_no": _("On, because you have not said no."),
    "always_on": _("This goes on by law or contract."),
    "not_used": _("We do not use your data for this at the moment."),
    "consent_missing": _("You have not been asked, or have not answered."),
    "consent_refused": _("You said no."),
    "consent_withdrawn": _("You took back your yes."),
    "consent_expired": _("Your yes has run out."),
    "consent_deferred": _("You closed the question without a choice."),
    "consent_unprovable": _("An old yes is on file that nobody can prove. So we do not use it."),
    "consent_invalid": _("A box was ticked for you. That is not a yes, so we do not use it."),
    "consent_not_on_notice": _("You said yes before this was part of it."),
    "wrong_channel": _("You said yes to another way of reaching you."),
    "objected": _("You objected."),
    "opted_out": _("You said no to passing your data on."),
    "restricted": _("Use of your data is restricted, because you asked for it."),
    "minor": _("You are under 18."),
    "age_unknown": _("We do not know how old you are, and this depends on it."),
    "not_informed": _("We have not told you about this yet."),
    "soft_opt_in_missing": _("You have not bought anything this could build on."),
    "guardian_missing": _("You were too young to agree alone. A parent has to say yes."),
    "erased": _("Your data has been erased."),
    "explicit_consent_missing": _("This needs your explicit yes."),
    "no_basis": _("Where you live, this is not allowed."),
    "jurisdiction_unknown": _("We do not know where you live, so we do not do this."),
    # what happened
    "read": _("Your data was read"),
    "listed": _("You were on a list"),
    "counted": _("You were one of %(people)s people who were counted. No single record was shown"),
    "left_out": _("A list was made without you"),
    "asked_and_refused": _("Somebody asked for your data and was refused"),
    "asked_and_not_run": _("Your data was asked for, but nothing came back"),
    "checked_yes": _("It was checked whether your data may be used. The answer was yes"),
    "looked_yourself": _("You looked at your own data"),
    "downloaded_yourself": _("You took a copy of your own data"),
    "choices_copied": _("A copy of your recorded choices was made"),
    "you_said_yes": _("You said yes"),
    "you_took_back": _("You took back your yes"),
    "you_said_no": _("You said no"),
    "you_closed": _("You closed the question without a choice"),
    "you_objected": _("You objected"),
    "you_lifted_objection": _("You took back your objection"),
    "you_opted_out": _("You said no to passing your data on"),
    "you_opted_in": _("You allowed passing your data on again"),
    "browser_signal": _("Your browser asked us not to pass your data on"),
    "you_asked_by_mail": _("You asked for this by mail; it counts once you confirm"),
    "question_closed": _("A question to you was closed, and nothing was switched on"),
    "we_asked": _("We asked you whether we may"),
    "receipt_made": _("A receipt of your choice was made"),
    "guardian_invited": _("You asked us to write to a parent or guardian"),
    "guardian_waits": _("A parent or guardian answered, and we look at it"),
    "guardian_known": _("A parent or guardian of yours was confirmed"),
    "guardian_not_known": _("Somebody could not show that they are your parent or guardian"),
    "guardian_declined": _("Somebody said that they are not your parent or guardian"),
    "guardian_looked_at": _("We looked at who your parent or guardian is"),
    "guardian_link": _("Your parent or guardian got a link to your choices"),
    "notice_shown": _("You were shown our privacy notice %(notice)s"),
    "sale_noted": _("You bought something and did not say no to similar offers"),
    "restriction_set": _("Use of your data was restricted"),
    "restriction_lifted": _("The restriction was lifted"),
    "residence_noted": _("Where you live was noted"),
    "birth_noted": _("Your date of birth was noted"),
    "activity_noted": _("It was noted that you opened or clicked something"),
    "mail_sent": _("We wrote you an e-mail"),
    "correction_asked": _("You asked for a correction"),
    "correction_opened": _("Somebody looked at your correction to decide about it"),
    "correction_done": _("Your data was corrected"),
    "correction_refused": _("Your correction was refused"),
    "not-shown": _("We could not check that it is true. Send us something that shows it."),
    "not-yours": _("The value belongs to somebody else."),
    "needed-as-is": _("The law makes us keep it as it was at the time."),
    "correction_failed": _("A correction did not work. Nothing was changed"),
    "erasure_done": _("Data of yours was erased"),
    "erasure_failed": _("An erasure did not work. Nothing was changed"),
    "derived_kept": _("Something was worked out from your data and kept"),
    "derived_reached": _("What was worked out from your data was deleted"),
    "derived_outside": _("A list with your data was kept in another tool of ours"),
    "share_batch": _("Your data was handed to a recipient"),
    "share_sent": _("A list was handed to a recipient without you"),
    "share_owed": _("A recipient has to be told what you decided or corrected"),
    "share_told": _("A recipient was told what you decided or corrected"),
    "share_confirmed": _("A recipient confirmed that it acted on it"),
    "something": _("Something about you was written down: %(kind)s"),
    # who used it: roles that most policies have; a policy calls its own by `words:`
    "role_officer": _("the privacy officer"),
    "role_marketer": _("marketing"),
    "role_analyst": _("analysis"),
    "role_engineer": _("technical staff"),
    "role_support": _("customer support"),
    "role_finance": _("the accounts department"),
    **request_words.SENTENCES,
    **due_words.SENTENCES,
}
"""Code -> sentence. Codes of a reason are those of the gate; the rest are named here."""

CHANNELS: Mapping[str, str] = {
    "email": _("e-mail"),
    "post": _("letter"),
    "phone": _("phone"),
    "sms": _("text message"),
    "push": _("app message"),
    "fax": _("fax"),
    "web": _("web"),
    "app": _("app"),
}
ORIGIN_WORDS: Mapping[str, str] = {
    "gave": _("You gave us this"),
    "saw": _("We saw this while you used our services"),
    "inferred": _("We worked this out"),
    "others": _("Others gave us this"),
}
RECIPIENT_KINDS: Mapping[str, str] = {
    "processor": _("works for us and on our instructions"),
    "service-provider": _("works for us and on our instructions"),
    "joint-controller": _("decides together with us"),
    "third-party": _("decides for itself"),
}
UNIT_WORDS: Mapping[str, str] = {
    "s": _("seconds"),
    "ms": _("milliseconds"),
    "min": _("minutes"),
    "h": _("hours"),
    "m": _("metres"),
    "km": _("kilometres"),
    "kg": _("kilograms"),
    "pct": _("percent"),
}
_MOMENTS = {"on", "at"}


class InLanguage(str):
    """Words of the policy, with the language they are written in; else a text like any other."""

    language: str

    def __new__(cls, text: str, language: str) -> InLanguage:
        made = super().__new__(cls, text)
        made.language = language
        return made


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence of the table with its words; days and numbers stay what they are until a door writes them."""

    code: str
    words: Mapping[str, object] = field(default_factory=dict)

    @property
    def template(self) -> str:
        return SENTENCES[self.code]

    def __str__(self) -> str:
        return self.template % {name: _english(value) for name, value in self.words.items()}


@dataclass(frozen=True, slots=True)
class Label:
    """A name for people: as the policy gives it, or a tidied technical one with its unit."""

    text: InLanguage
    unit: str = ""

    def __str__(self) -> str:
        return f"{self.text} ({UNIT_WORDS[self.unit]})" if self.unit else self.text


def basis_words(bases: frozenset[LawfulBasis]) -> tuple[Said, ...]:
    return tuple(Said(b.value) for b in LawfulBasis if b in bases)


def says(policy: Policy, purpose: str, language: str) -> InLanguage:
    """What a purpose is, in words; one that is no longer in the policy is called by its old name."""
    found = policy.purposes.get(purpose)
    return InLanguage(purpose.replace("-", " "), policy.language) if found is None else said_by(policy, found, language)


def said_by(policy: Policy, purpose: Purpose, language: str) -> InLanguage:
    return _in(purpose.says_in, language) or InLanguage(purpose.says, policy.language)


def recipient_name(policy: Policy, recipient: str) -> str:
    found = policy.recipients.get(recipient)
    return (found.name if found else "") or recipient.replace("-", " ").capitalize()


def role_name(policy: Policy, role: str, language: str) -> InLanguage | Said | None:
    """What customers call who used their data: as the policy does, else as most do, else by its id."""
    if not role:
        return None
    if own := _called(policy, role, language):
        return own
    return Said(f"role_{role}") if f"role_{role}" in SENTENCES else InLanguage(role.replace("-", " "), policy.language)


def category_name(policy: Policy, category: str, language: str) -> InLanguage:
    return _begun(category_words(policy, category, language))


def category_words(policy: Policy, category: str, language: str) -> InLanguage:
    """A kind of data in the middle of a sentence: as the policy writes it, some languages with a capital."""
    found = policy.categories.get(category)
    own = _in(found.says_in, language) if found else None
    return own or InLanguage((found.says if found else "") or category.replace("-", " "), policy.language)


def field_name(policy: Policy, name: str, language: str) -> Label:
    """What people call a field: as the policy does, or tidied ("customer.duration_s" is "Duration", in seconds)."""
    said = field_words(policy, name, language)
    return Label(_begun(said.text), said.unit)


def field_words(policy: Policy, name: str, language: str) -> Label:
    """A field in the middle of a sentence."""
    words = name.rpartition(".")[2].replace("-", "_").split("_")
    if own := _called(policy, name, language) or _called(policy, " ".join(words), language):
        return Label(own)
    unit = words.pop() if len(words) > 1 and words[-1].lower() in UNIT_WORDS else ""
    if len(words) > 1 and words[-1].lower() in _MOMENTS:
        words.pop()
    tidied = " ".join(w for w in words if w) or name
    return Label(InLanguage(tidied, policy.language), unit.lower())


def table_name(policy: Policy, name: str, language: str) -> InLanguage:
    own = _called(policy, name, language)
    return _begun(own or InLanguage(name.rpartition(".")[2].replace("_", " "), policy.language))


def keep_words(period: Period | None) -> str:
    """A storage period in English."""
    if period is None:
        return ""
    unit = period.unit if period.count != 1 else period.unit.rstrip("s")
    length = f"{period.count} {unit}"
    if not period.after:
        return length
    return f"{length} {'from' if period.after.startswith('the end') else 'after'} {period.after}"


def _called(policy: Policy, phrase: str, language: str) -> InLanguage | None:
    """What the policy calls a field, table or role in a language, else in its own."""
    texts = policy.words.get(phrase, {})
    return _in(texts, language) or _in(texts, policy.language)


def _begun(text: InLanguage) -> InLanguage:
    """With a capital at the start; the rest stays as it is written."""
    return InLanguage(text[:1].upper() + text[1:], text.language)


def _in(texts: Mapping[str, str], language: str) -> InLanguage | None:
    spoken = language if language in texts else language.partition("-")[0]
    return InLanguage(texts[spoken], spoken) if texts.get(spoken) else None


def _english(value: Any) -> str:
    if isinstance(value, date | datetime):
        return value.strftime("%A, %-d %B %Y")
    return f"{value:,}" if isinstance(value, int) else str(value)
