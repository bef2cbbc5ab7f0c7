"""What a consent string means here: which purposes it says yes or no to, and whether a yes can be proved.

The organisation maps the industry's purposes to its own in `signals.json`, because
nobody else knows which of them its words cover. A yes counts only where the mapping
names the notice that this consent platform shows; otherwise it is kept as a claim.
A no always counts.

Easy to get wrong: reading "did not opt out" as a permission. In an American section 2
says that nothing was done; it takes no earlier no back.

Sources: IAB Europe TCF Policies v5, appendix A (purposes 1-11); GPP sections; GDPR
Art. 4(11), 7(1), 21; CCPA 1798.120, 1798.135; AC-057.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rightful.consent.iab import OPT_OUTS, OPTED_OUT, Gpp, Tcf
from rightful.errors import BadInput

TCF_PURPOSES = range(1, 12)


class Means(StrEnum):
    """What one string says about one purpose."""

    YES = "yes"
    CLAIMED = "claimed"
    NO = "no"
    OBJECTED = "objected"
    NO_OBJECTION = "no-objection"
    OPTED_OUT = "opted-out"
    SIGNAL = "signal-gpc"


@dataclass(frozen=True, slots=True)
class Mapped:
    """One purpose of the organisation, and what of the industry's purposes it takes.

    Attributes:
        needs: numbers of TCF purposes that all have to be agreed to.
        vendor: number of the organisation in the Global Vendor List, if its own bit has to be set; 0 if not.
        notices: consent platform ("10", or "10:3" for one of its versions) -> label of the notice it shows.
        interest: the purpose rests on a legitimate interest; a missing bit is an objection.
    """

    purpose: str
    channel: str
    needs: tuple[int, ...]
    vendor: int
    notices: Mapping[str, str]
    interest: bool


@dataclass(frozen=True, slots=True)
class Effect:
    """What follows for one purpose and channel; `why` says what a claim lacks."""

    means: Means
    purpose: str = ""
    channel: str = ""
    notice: str = ""
    why: str = ""


def read_mapping(document: Any) -> tuple[Mapped, ...]:
    """The mapping file, checked.

    Raises:
        BadInput: an unknown key, a purpose number that does not exist, or something of another type.
    """
    if not isinstance(document, dict) or set(document) != {"tcf"} or not isinstance(document["tcf"], list):
        raise BadInput('signals.json is an object with one member, "tcf": a list of purposes')
    found = []
    for place, one in enumerate(document["tcf"], 1):
        where = f"entry {place} of signals.json"
        known = {"purpose", "channel", "needs", "vendor", "notices", "interest"}
        if not isinstance(one, dict) or not {"purpose", "needs"} <= set(one) <= known:
            raise BadInput(f"{where} has the members purpose, needs and perhaps {', '.join(sorted(known))}")
        needs = one["needs"]
        if not isinstance(needs, list) or not needs or any(n not in TCF_PURPOSES for n in needs):
            raise BadInput(f"needs in {where} lists numbers of TCF purposes, 1 to {TCF_PURPOSES.stop - 1}")
        notices = one.get("notices", {})
        if not isinstance(notices, dict) or any(not isinstance(label, str) for label in notices.values()):
            raise BadInput(f'notices in {where} maps consent platforms to notices: {{"10": "2026-02"}}')
        found.append(
            Mapped(
                str(one["purpose"]),
                str(one.get("channel", "")),
                tuple(needs),
                int(one.get("vendor", 0)),
                notices,
                bool(one.get("interest", False)),
            )
        )
    return tuple(found)


def effects_of_tcf(tcf: Tcf, mapping: tuple[Mapped, ...]) -> tuple[Effect, ...]:
    """What a TC string says about each mapped purpose."""
    return tuple(_effect(tcf, one) for one in mapping)


def effects_of_us(gpp: Gpp) -> tuple[Effect, ...]:
    """What the American sections say: an opt-out in any of them counts; anything else says nothing."""
    found = []
    sections = list(gpp.us.values())
    if gpp.usp[2:3] == "Y" or any(fields.get(name) == OPTED_OUT for fields in sections for name in OPT_OUTS):
        found.append(Effect(Means.OPTED_OUT))
    if any(fields.get("Gpc") == 1 for fields in sections):
        found.append(Effect(Means.SIGNAL))
    return tuple(found)


def _effect(tcf: Tcf, one: Mapped) -> Effect:
    if one.interest:
        stands = set(one.needs) <= (tcf.legitimate_interests | tcf.purposes) and _vendor(tcf, one, interest=True)
        return Effect(Means.NO_OBJECTION if stands else Means.OBJECTED, one.purpose, one.channel)
    if not set(one.needs) <= tcf.purposes or not _vendor(tcf, one, interest=False) or _forbidden(tcf, one):
        return Effect(Means.NO, one.purpose, one.channel)
    notice = one.notices.get(f"{tcf.cmp_id}:{tcf.cmp_version}") or one.notices.get(str(tcf.cmp_id), "")
    why = ""
    if not notice:
        why = f"the mapping names no notice for consent platform {tcf.cmp_id}"
    elif not tcf.service_specific:
        why = "it was not given to this site alone"
    return Effect(Means.CLAIMED if why else Means.YES, one.purpose, one.channel, notice, why)


def _vendor(tcf: Tcf, one: Mapped, *, interest: bool) -> bool:
    if not one.vendor:
        return True
    return one.vendor in (tcf.vendors | tcf.vendor_interests if interest else tcf.vendors)


def _forbidden(tcf: Tcf, one: Mapped) -> bool:
    """A publisher may forbid a purpose to a vendor: restriction type 0."""
    return any(
        kind == 0 and purpose in one.needs and one.vendor in vendors for purpose, kind, vendors in tcf.restrictions
    )
