"""What a consent string of the advertising industry says: TCF v2 and GPP, bit by bit.

A decoder of its own: no maintained library for Python can be installed without a
compiler (decision 12). It reads; what follows is decided in
`signals.py`. The two libraries of the IAB for JavaScript judge it in the tests.

Easy to get wrong: believing half of a string. Every bit has to be accounted for, each
number has to be one the specification allows, and whatever is left over has to be
zero; otherwise the whole string is refused, and never taken as a permission.

Sources: IAB Tech Lab, "Transparency and Consent String with Global Vendor & CMP List
Formats" v2.2 (May 2023); "Global Privacy Platform String" v1; the section
specifications usnat v1 and v2, usca v1 and those of the states, 2024.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from rightful.errors import SignalUnreadable

LONGEST = 20_000
TCF_VERSION, GPP_TYPE, GPP_VERSION = 2, 3, 1
_ALPHABET = {c: n for n, c in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")}
_TENTH_OF_A_SECOND = 100_000  # us
_SEGMENTS = {1: "disclosed vendors", 2: "allowed vendors", 3: "publisher"}


@dataclass(frozen=True, slots=True)
class Tcf:
    """A TC string. Sets hold the numbers whose bit is one; instants are microseconds since 1970."""

    created_us: int
    updated_us: int
    cmp_id: int
    cmp_version: int
    screen: int
    language: str
    vendor_list: int
    policy_version: int
    service_specific: bool
    non_standard_texts: bool
    special_features: frozenset[int]
    purposes: frozenset[int]
    legitimate_interests: frozenset[int]
    purpose_one_treatment: bool
    publisher_country: str
    vendors: frozenset[int]
    vendor_interests: frozenset[int]
    restrictions: tuple[tuple[int, int, frozenset[int]], ...] = ()  # (purpose, type, vendors)
    disclosed: frozenset[int] | None = None
    publisher_purposes: frozenset[int] | None = None
    publisher_interests: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class Gpp:
    """A GPP string. `us` holds the American sections: name -> field -> number or numbers."""

    sections: tuple[int, ...]
    tcf: Tcf | None = None
    us: Mapping[str, Mapping[str, int | tuple[int, ...]]] = field(default_factory=dict)
    usp: str = ""
    unread: tuple[int, ...] = ()


def decode_tcf(text: str) -> Tcf:
    """Read a TC string.

    Raises:
        SignalUnreadable: cut short, of another version, or not made by these rules.
    """
    core, *rest = _parts(text, ".", "TC string")
    bits = _Bits(core, "TC string")
    version = bits.number(6)
    if version != TCF_VERSION:
        raise SignalUnreadable(f"a TC string of version {version} is not read; version {TCF_VERSION} is")
    read = Tcf(  # in the order of the bits
        created_us=bits.number(36) * _TENTH_OF_A_SECOND,
        updated_us=bits.number(36) * _TENTH_OF_A_SECOND,
        cmp_id=bits.number(12),
        cmp_version=bits.number(12),
        screen=bits.number(6),
        language=bits.letters(2),
        vendor_list=bits.number(12),
        policy_version=bits.number(6),
        service_specific=bits.flag(),
        non_standard_texts=bits.flag(),
        special_features=bits.members(12),
        purposes=bits.members(24),
        legitimate_interests=bits.members(24),
        purpose_one_treatment=bits.flag(),
        publisher_country=bits.letters(2),
        vendors=_vendors(bits),
        vendor_interests=_vendors(bits),
        restrictions=tuple((bits.number(6), bits.number(2), _ranges(bits)) for _ in range(bits.number(12))),
    )
    bits.end()
    if read.updated_us < read.created_us:
        raise SignalUnreadable("a TC string was updated before it was made")
    more = _segments(rest)
    return replace(
        read,
        disclosed=more.get("disclosed"),
        publisher_purposes=more.get("purposes"),
        publisher_interests=more.get("interests"),
    )


def decode_gpp(text: str) -> Gpp:
    """Read a GPP string, or a TC string that stands alone.

    Raises:
        SignalUnreadable: cut short, of another version, or not made by these rules.
    """
    if text.startswith("C"):
        return Gpp((2,), decode_tcf(text))
    header, *rest = _parts(text, "~", "GPP string")
    bits = _Bits(header, "GPP header")
    if (kind := bits.number(6)) != GPP_TYPE:
        raise SignalUnreadable(f"this is no GPP string: its type is {kind}")
    if (version := bits.number(6)) != GPP_VERSION:
        raise SignalUnreadable(f"a GPP string of version {version} is not read; version {GPP_VERSION} is")
    sections = _section_ids(bits)
    bits.end()
    if len(sections) != len(rest):
        raise SignalUnreadable(f"the GPP header names {len(sections)} sections, and there are {len(rest)}")
    tcf, usp = None, ""
    us: dict[str, Mapping[str, int | tuple[int, ...]]] = {}
    unread = []
    for number, part in zip(sections, rest, strict=True):
        if number == 2:
            tcf = decode_tcf(part)
        elif number == 6:
            usp = _usp(part)
        elif number in US_SECTIONS:
            us[US_SECTIONS[number].name] = _us_section(US_SECTIONS[number], part)
        else:
            unread.append(number)
    return Gpp(sections, tcf, us, usp, tuple(unread))


# --- sections of the United States ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UsSection:
    """One American section: its name, and per version its fields as (name, how many numbers of two bits).

    `second`: fields of its second part, where that is not the browser's signal (GPC).
    """

    name: str
    layouts: Mapping[int, tuple[tuple[str, int], ...]]
    second: tuple[tuple[str, int], ...] = ()


_MSPA = (("MspaCoveredTransaction", 1), ("MspaOptOutOptionMode", 1), ("MspaServiceProviderMode", 1))


def _usnat(sensitive: int, child: int) -> tuple[tuple[str, int], ...]:
    return (
        ("SharingNotice", 1),
        ("SaleOptOutNotice", 1),
        ("SharingOptOutNotice", 1),
        ("TargetedAdvertisingOptOutNotice", 1),
        ("SensitiveDataProcessingOptOutNotice", 1),
        ("SensitiveDataLimitUseNotice", 1),
        ("SaleOptOut", 1),
        ("SharingOptOut", 1),
        ("TargetedAdvertisingOptOut", 1),
        ("SensitiveDataProcessing", sensitive),
        ("KnownChildSensitiveDataConsents", child),
        ("PersonalDataConsents", 1),
        *_MSPA,
    )


def _state(
    name: str, sensitive: int, child: int, *, notice: str = "ProcessingNotice", sensitive_notice: str = "",
    additional: bool = True,
) -> UsSection:  # fmt: skip
    fields = (
        (notice, 1),
        ("SaleOptOutNotice", 1),
        ("TargetedAdvertisingOptOutNotice", 1),
        *(((sensitive_notice, 1),) if sensitive_notice else ()),
        ("SaleOptOut", 1),
        ("TargetedAdvertisingOptOut", 1),
        ("SensitiveDataProcessing", sensitive),
        ("KnownChildSensitiveDataConsents", child),
        *((("AdditionalDataProcessingConsent", 1),) if additional else ()),
        *_MSPA,
    )
    return UsSection(name, {1: fields})


def _newer(name: str, *, child: bool = True) -> UsSection:
    """The sections of 2025, which begin with the agreement."""
    fields = (
        ("MspaCoveredTransaction", 1),
        ("MspaMode", 1),
        ("ProcessingNotice", 1),
        ("SaleOptOutNotice", 1),
        ("TargetedAdvertisingOptOutNotice", 1),
        ("SaleOptOut", 1),
        ("TargetedAdvertisingOptOut", 1),
        *((("KnownChildSensitiveDataConsents", 1),) if child else ()),
        ("AdditionalDataProcessingConsent", 1),
    )
    return UsSection(name, {1: fields}, (("SensitiveDataProcessing", 8),) if child else ())


US_SECTIONS: Mapping[int, UsSection] = {
    7: UsSection("usnat", {1: _usnat(12, 2), 2: _usnat(16, 3)}),
    8: UsSection(
        "usca",
        {
            1: (
                ("SaleOptOutNotice", 1),
                ("SharingOptOutNotice", 1),
                ("SensitiveDataLimitUseNotice", 1),
                ("SaleOptOut", 1),
                ("SharingOptOut", 1),
                ("SensitiveDataProcessing", 9),
                ("KnownChildSensitiveDataConsents", 2),
                ("PersonalDataConsents", 1),
                *_MSPA,
            )
        },
    ),
    9: _state("usva", 8, 1, notice="SharingNotice", additional=False),
    10: _state("usco", 7, 1, notice="SharingNotice", additional=False),
    11: _state(
        "usut",
        8,
        1,
        notice="SharingNotice",
        sensitive_notice="SensitiveDataProcessingOptOutNotice",
        additional=False,
    ),
    12: _state("usct", 8, 3, notice="SharingNotice", additional=False),
    13: _state("usfl", 8, 3),
    14: _state("usmt", 8, 3, notice="SharingNotice"),
    15: _state("usor", 11, 3),
    16: _state("ustx", 8, 1),
    17: _state("usde", 9, 5),
    18: _state("usia", 8, 1, sensitive_notice="SensitiveDataOptOutNotice", additional=False),
    19: _state("usne", 8, 1),
    20: _state("usnh", 8, 3),
    21: _state("usnj", 10, 5),
    22: _state("ustn", 8, 1),
    23: _state("usmn", 8, 1),
    24: _newer("usmd", child=False),
    25: _newer("usin"),
    26: _newer("usky"),
    27: _newer("usri"),
}
OPT_OUTS = ("SaleOptOut", "SharingOptOut", "TargetedAdvertisingOptOut")
OPTED_OUT, DID_NOT = 1, 2
_MOST = 2  # 0 not applicable, 1 and 2 yes and no; 3 is none of them


def _us_section(section: UsSection, text: str) -> dict[str, int | tuple[int, ...]]:
    core, *rest = _parts(text, ".", section.name)
    bits = _Bits(core, section.name)
    version = bits.number(6)
    if version not in section.layouts:
        raise SignalUnreadable(f"the section {section.name} has version {version}, which is not read")
    found: dict[str, int | tuple[int, ...]] = {"Version": version}
    found |= _numbers(section, section.layouts[version], bits)
    for part in rest:
        more = _Bits(part, section.name)
        if section.second:
            found |= _numbers(section, section.second, more)
            continue
        if more.number(2) != 1:
            raise SignalUnreadable(f"the section {section.name} has a part that is not read")
        found["Gpc"] = int(more.flag())
        more.end()
    return found


def _numbers(section: UsSection, layout: Sequence[tuple[str, int]], bits: _Bits) -> dict[str, int | tuple[int, ...]]:
    found: dict[str, int | tuple[int, ...]] = {}
    for name, count in layout:
        numbers = tuple(bits.number(2) for _ in range(count))
        if max(numbers) > _MOST:
            raise SignalUnreadable(f"{name} of the section {section.name} holds a number that means nothing")
        found[name] = numbers if count > 1 else numbers[0]
    bits.end()
    return found


def _usp(text: str) -> str:
    """US Privacy string: version, notice given, opted out of sale, LSPA; each Y, N or -."""
    if len(text) != 4 or text[0] != "1" or any(c not in "YN-" for c in text[1:].upper()):
        raise SignalUnreadable("the section uspv1 is no US Privacy string")
    return text.upper()


# --- bits ----------------------------------------------------------------------------------------------


class _Bits:
    """A run of bits that is read once, from left to right."""

    def __init__(self, text: str, what: str) -> None:
        self.what = what
        self._value, self._left = 0, 6 * len(text)
        for character in text:
            if character not in _ALPHABET:
                raise SignalUnreadable(f"the {what} holds a character that has no place in it")
            self._value = self._value << 6 | _ALPHABET[character]

    def number(self, bits: int) -> int:
        self._left -= bits
        if self._left < 0:
            raise SignalUnreadable(f"the {self.what} is cut short")
        return self._value >> self._left & ((1 << bits) - 1)

    def flag(self) -> bool:
        return bool(self.number(1))

    def letters(self, count: int) -> str:
        numbers = [self.number(6) for _ in range(count)]
        if max(numbers) > 25:
            raise SignalUnreadable(f"the {self.what} holds no letters where a code should be")
        return "".join(chr(65 + number) for number in numbers)

    def members(self, bits: int) -> frozenset[int]:
        """Which of the next bits are one, counted from 1."""
        value = self.number(bits)
        return frozenset(n for n in range(1, bits + 1) if value >> (bits - n) & 1)

    def fibonacci(self) -> int:
        """A number in Fibonacci coding: two ones in a row end it."""
        total, last, before, after = 0, 0, 1, 2
        for _ in range(25):  # F(25) is beyond every number in use
            bit = self.number(1)
            if bit and last:
                return total
            total += before * bit
            last, before, after = bit, after, before + after
        raise SignalUnreadable(f"the {self.what} holds a number without an end")

    def end(self) -> None:
        """Whatever is left fills up the last characters: nothing but zeros, though some encoders write many."""
        if self._value & ((1 << self._left) - 1):
            raise SignalUnreadable(f"the {self.what} goes on after its end")


def _parts(text: str, separator: str, what: str) -> list[str]:
    if not text or len(text) > LONGEST:
        raise SignalUnreadable(f"the {what} is empty or longer than {LONGEST} characters")
    parts = text.split(separator)
    if not all(parts):
        raise SignalUnreadable(f"the {what} has an empty part")
    return parts


def _vendors(bits: _Bits) -> frozenset[int]:
    highest = bits.number(16)
    if not bits.flag():
        return bits.members(highest) if highest else frozenset()
    found = _ranges(bits)
    if found and max(found) > highest:
        raise SignalUnreadable("a vendor stands beyond the highest number the TC string states")
    return found


def _ranges(bits: _Bits) -> frozenset[int]:
    """Numbers as single ones and runs. As one integer of bits: many runs of all numbers stay cheap."""
    mask = 0
    for _ in range(bits.number(12)):
        run, first = bits.flag(), bits.number(16)
        last = bits.number(16) if run else first
        if not 1 <= first <= last:
            raise SignalUnreadable("a run of vendors ends before it begins")
        mask |= ((1 << (last - first + 1)) - 1) << first
    return frozenset(number for number, bit in enumerate(reversed(f"{mask:b}")) if bit == "1")


def _segments(parts: Sequence[str]) -> dict[str, frozenset[int]]:
    found: dict[str, frozenset[int]] = {}
    seen = set()
    for part in parts:
        bits = _Bits(part, "TC string")
        kind = bits.number(3)
        if kind not in _SEGMENTS or kind in seen:
            raise SignalUnreadable("the TC string has a part of an unknown kind, or one of them twice")
        seen.add(kind)
        if kind == 3:
            found["purposes"], found["interests"] = bits.members(24), bits.members(24)
            custom = bits.number(6)
            bits.members(custom), bits.members(custom)
        elif kind == 1:
            found["disclosed"] = _vendors(bits)
        else:
            _vendors(bits)
        bits.end()
    return found


def _section_ids(bits: _Bits) -> tuple[int, ...]:
    found: list[int] = []
    last = 0
    for _ in range(bits.number(12)):
        run = bits.flag()
        first = last + bits.fibonacci()
        last = first + (bits.fibonacci() if run else 0)
        if last > 1_000:
            raise SignalUnreadable("the GPP header names a section that does not exist")
        found += range(first, last + 1)
    return tuple(found)
