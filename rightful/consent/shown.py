"""What a customer was shown when they chose, and who took the choice down.

A choice is bound to the notice's label and digest, to its language and to the exact
words of the request. The words' digest is public: it is the same for everybody who
read them. The words themselves, who collected the choice and whatever else proves it
are sealed under the customer's key.

Easy to get wrong: personal data in `form`. It names a form, never who filled it in.

Sources: GDPR Art. 7(1), 7(2), recital 42; ISO/IEC TS 27560:2023, 6.3.4.1, 6.3.4.2; AC-056.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from rightful.errors import BadInput

LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z")  # BCP 47, the part that is used
FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,79}\Z")
LONGEST_WORDING = 4_000


@dataclass(frozen=True, slots=True)
class Shown:
    """What stood before the customer.

    Attributes:
        language: BCP 47 tag of the notice and the request ("en", "pt-BR").
        wording: the exact words of the request; "" takes the notice's own sentence for the purpose.
        form: which form, page or script it was; "" if there was none.
        collected_by: who took it down, if that was not the customer; sealed.
        payload: whatever else proves it (a message id, a recording); sealed.
    """

    language: str = "en"
    wording: str = ""
    form: str = ""
    collected_by: str = ""
    payload: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not LANGUAGE.match(self.language):
            raise BadInput("the language of a notice is a tag such as en or pt-BR")
        if self.form and not FORM.match(self.form):
            raise BadInput("a form is named by letters, digits and ._:/- only; personal data has no place in it")
        if len(self.wording) > LONGEST_WORDING:
            raise BadInput(f"the wording of a request has at most {LONGEST_WORDING} characters")

    def public(self, notice_digest: str) -> dict[str, str]:
        """What everybody who audits the ledger may read."""
        stated = {"notice_digest": notice_digest, "language": self.language}
        if self.wording:
            stated["wording"] = wording_digest(self.wording)
        if self.form:
            stated["form"] = self.form
        return stated

    def private(self) -> dict[str, object]:
        """What only the customer, and the organisation while it has their key, may read."""
        sealed: dict[str, object] = {"words": self.wording, "collected_by": self.collected_by}
        if self.payload:
            sealed["proof"] = dict(self.payload)
        return {name: value for name, value in sealed.items() if value}


def wording_digest(words: str) -> str:
    """SHA-256 of the exact words, in hex."""
    return hashlib.sha256(words.encode()).hexdigest()
