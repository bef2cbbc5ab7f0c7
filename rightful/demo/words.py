"""Which invented names, streets, products and notes the demo's people are made of.

Nobody in the demo exists. Names are common ones put together by chance,
streets are invented, e-mail domains are those RFC 2606 keeps free for examples,
and telephone numbers come from ranges nobody can be reached under: where a
regulator reserves numbers for fiction, those; elsewhere national numbers that
begin with 000, which no network connects.

Easy to get wrong: a made-up number or domain that belongs to somebody. The
sources are Ofcom (07700 900xxx), NANPA (555-0100 to 555-0199), ARCEP (06 39 98
xx xx), Bundesnetzagentur (0171 39200xx), ComReg (020 91x xxxx); RFC 2606.
"""

from __future__ import annotations

from dataclasses import dataclass

DOMAINS = ("example.com", "example.org", "example.net", "post.example", "mail.example")
"""RFC 2606: example.com, .net, .org and everything under .example belong to nobody."""


@dataclass(frozen=True, slots=True)
class Place:
    """One residence: its share of the customers, its language and how addresses look there.

    `postcode` and `phone` are patterns: every `#` becomes a digit."""

    residence: str
    share: float
    language: str
    cities: tuple[str, ...]
    streets: tuple[str, ...]
    postcode: str
    phone: str

    @property
    def country(self) -> str:
        return self.residence.partition("-")[0]


PLACES = (
    Place(
        "PT",
        0.620,
        "pt",
        ("Lisboa", "Porto", "Braga", "Coimbra", "Faro", "Aveiro", "Setúbal"),
        ("Rua do Prado Verde", "Rua da Cotovia", "Travessa do Trevo", "Avenida da Papoila"),
        "#0#0-0##",
        "+351 000 ### ###",
    ),
    Place(
        "ES",
        0.090,
        "es",
        ("Madrid", "Vigo", "Salamanca", "Sevilla"),
        ("Calle del Prado Verde", "Calle de la Alondra", "Paseo del Trébol"),
        "#80##",
        "+34 000 ### ###",
    ),
    Place(
        "FR",
        0.070,
        "fr",
        ("Lyon", "Nantes", "Bordeaux", "Paris"),
        ("rue de la Prairie", "rue du Coquelicot", "allée du Trèfle"),
        "#50##",
        "+33 6 39 98 ## ##",
    ),
    Place(
        "DE",
        0.075,
        "de",
        ("Berlin", "Hamburg", "München", "Leipzig"),
        ("Wiesengrundweg", "Lerchensporn", "Am Kleefeld", "Mohnblumenweg"),
        "1#0##",
        "+49 171 39200##",
    ),
    Place(
        "NL",
        0.030,
        "nl",
        ("Utrecht", "Rotterdam", "Leiden"),
        ("Weidepad", "Leeuweriklaan", "Klaverveld"),
        "1##0 AA",
        "+31 000 ### ###",
    ),
    Place(
        "AT",
        0.015,
        "de",
        ("Wien", "Graz", "Linz"),
        ("Wiesengasse", "Lerchengasse", "Kleeweg"),
        "1#00",
        "+43 000 ### ###",
    ),
    Place("IE", 0.010, "en", ("Dublin", "Cork"), ("Meadow Walk", "Skylark Lane"), "D0# X###", "+353 20 91# ####"),
    Place(
        "GB",
        0.036,
        "en",
        ("London", "Leeds", "Cardiff"),
        ("Meadow Walk", "Skylark Lane", "Clover Rise"),
        "ZZ# #ZZ",
        "+44 7700 900###",
    ),
    Place(
        "US-CA",
        0.030,
        "en",
        ("Sacramento", "Oakland", "San Diego"),
        ("Meadow Walk", "Skylark Drive", "Clover Court"),
        "900##",
        "+1 415 555 01##",
    ),
    Place("CH", 0.004, "de", ("Zürich", "Bern"), ("Wiesenstrasse", "Lerchenweg"), "80##", "+41 000 ### ###"),
    Place("", 0.020, "en", ("",), ("",), "", "+351 000 ### ###"),  # nobody asked where they live
)

FIRST_NAMES = {
    "pt": (
        "Ana",
        "Maria",
        "Inês",
        "Beatriz",
        "Catarina",
        "Leonor",
        "Mariana",
        "Sofia",
        "Rita",
        "Teresa",
        "João",
        "Pedro",
        "Tiago",
        "Miguel",
        "Rui",
        "Nuno",
        "Duarte",
        "André",
        "Luís",
        "Gonçalo",
    ),
    "es": (
        "Lucía",
        "Carmen",
        "Elena",
        "Marta",
        "Pilar",
        "Paula",
        "Irene",
        "Nuria",
        "Javier",
        "Pablo",
        "Diego",
        "Sergio",
        "Álvaro",
        "Iker",
        "Hugo",
        "Raúl",
    ),
    "fr": (
        "Camille",
        "Manon",
        "Chloé",
        "Élodie",
        "Jeanne",
        "Inès",
        "Louise",
        "Margaux",
        "Lucas",
        "Hugo",
        "Théo",
        "Antoine",
        "Julien",
        "Rémi",
        "Mathis",
        "Gaël",
    ),
    "de": (
        "Anna",
        "Lena",
        "Mia",
        "Jana",
        "Greta",
        "Frieda",
        "Heike",
        "Ute",
        "Max",
        "Jonas",
        "Felix",
        "Jörg",
        "Paul",
        "Emil",
        "Karl",
        "Till",
    ),
    "nl": ("Sanne", "Lotte", "Femke", "Anouk", "Fleur", "Daan", "Bram", "Sem", "Thijs", "Joost"),
    "en": (
        "Olivia",
        "Grace",
        "Ruby",
        "Nora",
        "Hazel",
        "Amelia",
        "Maya",
        "Ivy",
        "Oliver",
        "Jack",
        "Theo",
        "Ethan",
        "Noah",
        "Caleb",
        "Owen",
        "Miles",
    ),
}

LAST_NAMES = {
    "pt": (
        "Silva",
        "Santos",
        "Ferreira",
        "Pereira",
        "Oliveira",
        "Costa",
        "Rodrigues",
        "Martins",
        "Sousa",
        "Fernandes",
        "Gonçalves",
        "Gomes",
        "Lopes",
        "Marques",
        "Almeida",
        "Ribeiro",
        "Pinto",
        "Carvalho",
    ),
    "es": ("García", "Fernández", "López", "Martín", "Sánchez", "Pérez", "Gómez", "Ruiz", "Díaz", "Moreno"),
    "fr": (
        "Martin",
        "Bernard",
        "Dubois",
        "Petit",
        "Moreau",
        "Lefèvre",
        "Roux",
        "Fournier",
        "Girard",
        "Bonnet",
    ),
    "de": (
        "Müller",
        "Schmidt",
        "Schneider",
        "Fischer",
        "Weber",
        "Wagner",
        "Becker",
        "Hoffmann",
        "Koch",
        "Wolf",
    ),
    "nl": ("de Jong", "Jansen", "de Vries", "Bakker", "Visser", "Smit", "Meijer", "Mulder"),
    "en": (
        "Smith",
        "Jones",
        "Taylor",
        "Brown",
        "Wilson",
        "Evans",
        "Walker",
        "Green",
        "Hall",
        "Wood",
        "Clarke",
    ),
}

HEALTH_HINTS = (
    "is recovering from back surgery, please let the phone ring longer",
    "asked for large print, her eyesight is failing after a stroke",
    "mentioned chemotherapy on Tuesdays, call in the afternoon",
    "sends the doctor's letter for the sick-leave deferral",
    "hearing aid: write instead of calling",
    "said the depression makes paperwork hard, be patient",
    "wants instalments until the insulin costs are paid back",
    "came with a care worker, dementia in the family",
)
"""Remarks that reveal health: data concerning health is a special category (GDPR Art. 4(15), 9(1)).
They are the demo's canaries: none may come out for a purpose that has no ground for it."""

CARE_NEEDS = ("large print", "relay calls for the deaf", "wheelchair access", "a carer acts for them")

PLAIN_REMARKS = (
    "prefers calls after 18:00",
    "asked how to change the standing order",
    "moved house, new key card sent",
    "wants statements on paper",
    "interested in a savings plan for the grandchildren",
    "complained about the queue in the branch, voucher sent",
    "wrong number on file until last year",
    "asked us not to call at work",
)

GIFT_NOTES = (
    "Happy birthday from all of us",
    "For the first day at school",
    "Congratulations on the new flat",
    "Thank you for watering the plants",
)
HEALTH_GIFT_NOTES = (
    "Get well soon, the ward says visitors from four o'clock",
    "For the baby we are expecting in March",
    "To a year without cigarettes after the heart attack",
)
"""A greeting card can reveal health as well, and about somebody who is not even a customer."""

PRODUCTS = (
    ("travel adapter", 19.90),
    ("money box, oak", 24.50),
    ("household ledger", 12.00),
    ("card wallet", 29.00),
    ("gift voucher 25", 25.00),
    ("gift voucher 50", 50.00),
    ("coin album", 34.90),
    ("fireproof box", 89.00),
    ("savings calendar", 9.90),
    ("children's till", 39.00),
    ("reading lamp", 45.00),
    ("umbrella", 22.00),
)

PAGES = (
    "/",
    "/savings",
    "/savings/fixed-term",
    "/loans",
    "/loans/calculator",
    "/cards",
    "/shop",
    "/shop/gifts",
    "/shop/basket",
    "/help",
    "/help/contact",
    "/privacy",
    "/account",
    "/insurance",
    "/young-savers",
)
