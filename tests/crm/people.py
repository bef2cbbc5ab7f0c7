"""Synthetic people for other people's CRMs: the same in every run, and each with marks nobody else has.

Everything personal that is written about somebody holds one of their `marks`, so a brute-force search of
every column of every table finds what is left of them, and what the product's own search should have found.
This file is read inside the CRM's environment, too: standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

FIRST = ("Ada", "Bela", "Cora", "Dino", "Edda", "Finn", "Gerda", "Hugo", "Ines", "Jonas", "Kira", "Levi")
CONSONANTS, VOWELS = "bdfgklmnprstvz", "aeiou"
TOWNS = (("10115", "Berlin"), ("80331", "München"), ("20095", "Hamburg"), ("50667", "Köln"))


@dataclass(frozen=True)
class Person:
    """One person. `family`, `email`, `phone` and `street` occur nowhere else."""

    no: int
    first: str
    family: str
    email: str
    phone: str
    street: str
    postal_code: str
    town: str
    partner: int  # number of the person they live with

    @property
    def name(self) -> str:
        return f"{self.first} {self.family}"

    @property
    def marks(self) -> tuple[str, ...]:
        return (self.family, self.email.split("@")[0], self.phone, self.street)


def people(count: int) -> list[Person]:
    """The first `count` people; person 7 is the same person in every list."""
    random = Random(20_261_125)
    seen: set[str] = set()
    made = []
    for no in range(count):
        family = ""
        while not family or family in seen:
            family = "".join(random.choice(CONSONANTS) + random.choice(VOWELS) for _ in range(4)).capitalize()
            family += random.choice("nrlst")
        seen.add(family)
        first = random.choice(FIRST)
        postal_code, town = random.choice(TOWNS)
        made.append(
            Person(
                no, first, family, f"{first.lower()}.{family.lower()}@mail.example",
                f"+49 30 {5_550_000 + no:07d}", f"{family}weg {random.randrange(1, 99)}",
                postal_code, town, no ^ 1,
            )
        )  # fmt: skip
    return made
