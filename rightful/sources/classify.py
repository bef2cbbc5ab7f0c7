"""What kind of personal data a column probably holds, and why we think so.

A proposal, never a decision: a person confirms it before anything is used, and
where name and values disagree, or neither says enough, the answer is
"unclassified: decide". An unclassified column cannot be used (GDPR Art. 25(2)).

Easy to get wrong: a name in another language ("Geburtsdatum", "teléfono"); a
name that is a part of another word ("city" in "capacity": words are compared
whole, after splitting at case changes and underscores); a digit string that
looks like a phone number but is an order number (only names and a plus sign
make it a phone). Reasons count values and never quote one.

Sources: GDPR Art. 4(1), 9(1), 87; ISO 13616 (IBAN); ISO/IEC 7812-1 (Luhn).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from ipaddress import ip_address

UNCLASSIFIED = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A proposed category ("" = a person must decide), why, and how sure (0 to 1).

    `special` is the article for special categories ("gdpr-9"); `treat_as_special` marks free text,
    in which anything may stand.
    """

    category: str
    reason: str
    confidence: float
    special: str = ""
    treat_as_special: bool = False


def classify(name: str, type: str, values: Sequence[str | None]) -> Finding:
    """Propose a category for one column.

    Args:
        name: the column's name as the file or database spells it.
        type: canonical word of its type (text, date, bigint, ...).
        values: a bounded sample, as text; None and "" count as missing.
    """
    present = [value for value in values if value is not None and value != ""]
    named = _by_name(name)
    seen = _by_values(present) if type in ("text", "json", "other", "uuid") else None

    if named and (named.special or named.category in ("free-text", "consent-status")):
        return named  # the stricter meaning is believed whatever the values look like
    if seen and named:
        if seen.category == named.category:
            return Finding(named.category, f"{named.reason}; {seen.reason}", 0.98, seen.special)
        if seen.confidence >= 0.9:
            return Finding(seen.category, f"{seen.reason}, although {named.reason}", 0.8, seen.special)
    if seen:
        return seen
    text = _as_free_text(present) if type == "text" else None
    if text and (named is None or named.category not in ("address", "identity", "orders")):
        return text
    if named:
        wrong = _contradiction(named.category, name, type, present)
        if wrong:
            return Finding(UNCLASSIFIED, f"decide: {named.reason}, but {wrong}", 0.0)
        return named
    if type in ("boolean", "timestamp", "timestamptz") and present and not _words(name):
        return Finding("technical", f"a {type} column without a telling name", 0.3)
    if not present:
        return Finding(UNCLASSIFIED, "decide: the column is empty in the sample", 0.0)
    return Finding(UNCLASSIFIED, "decide: neither the name nor the values say what it is", 0.0)


# Words in English, German, French, Spanish and Portuguese, folded to ASCII lower case. A phrase of
# several words is written with spaces and needs them side by side. First match wins, so the
# narrow meanings come first ("birth date" before "date", "account iban" before "account").
_NAMES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("health", "gdpr-9", (
        "health", "diagnosis", "diagnose", "disease", "illness", "medical", "medication", "allergy",
        "allergies", "prescription", "disability", "disabled", "pregnant", "pregnancy", "icd", "icd10",
        "blood type", "bloodtype", "vaccination", "gesundheit", "krankheit", "medikament", "allergie",
        "rezept", "behinderung", "schwanger", "schwangerschaft", "blutgruppe", "sante", "maladie",
        "ordonnance", "handicap", "enceinte", "salud", "enfermedad", "diagnostico", "alergia", "receta",
        "discapacidad", "embarazo", "saude", "doenca", "deficiencia", "gravidez", "krankenkasse")),
    ("special", "gdpr-9", (
        "religion", "religious", "church", "faith", "ethnicity", "ethnic", "race", "sexual orientation",
        "sexuality", "trade union", "union member", "political", "politics", "party membership",
        "biometric", "genetic", "fingerprint", "konfession", "kirche", "glaube", "ethnie", "herkunft",
        "gewerkschaft", "partei", "sexuelle", "religiao", "etnia", "sindicato", "syndicat", "politique",
        "politica", "ideologia", "biometrisch", "biometrique", "biometrico", "raza", "raca",
        "orientation sexuelle", "orientacion sexual", "orientacao sexual")),
    ("government-id", "", (
        "ssn", "social security", "national id", "nationalid", "passport", "id card", "driver license",
        "driving licence", "drivers license", "tax id", "taxid", "tin", "nino", "national insurance",
        "personalausweis", "ausweis", "ausweisnummer", "reisepass", "passnummer", "steuernummer",
        "steuer id", "steuerid", "sozialversicherungsnummer", "svnr", "fuhrerschein", "passeport",
        "numero securite sociale", "nir", "carte identite", "permis", "dni", "nie", "nif", "cpf", "rg",
        "pasaporte", "passaporte", "curp", "rfc", "cedula", "carta conducao", "contribuinte")),
    ("consent-status", "", (
        "consent", "consented", "opt in", "optin", "opt out", "optout", "unsubscribed", "subscribed",
        "subscription status", "gdpr", "dsgvo", "rgpd", "do not contact", "do not call", "dnc",
        "marketing permission", "permission", "einwilligung", "zustimmung", "werbung erlaubt",
        "newsletter", "abgemeldet", "consentement", "accord marketing", "consentimiento",
        "consentimento", "autorizacion")),
    ("birth", "", (
        "birth", "birthday", "birthdate", "date of birth", "dob", "birth date", "born", "year of birth",
        "age", "geburt", "geburtstag", "geburtsdatum", "geboren", "geburtsjahr", "alter", "naissance",
        "date naissance", "age ans", "nacimiento", "fecha nacimiento", "edad", "nascimento",
        "data nascimento", "idade")),
    ("financial", "", (
        "iban", "bic", "swift", "bank account", "bank", "account number", "card number", "credit card",
        "cardnumber", "pan", "cvv", "salary", "income", "wage", "credit score", "credit limit", "debt",
        "loan", "mortgage", "default", "balance", "konto", "kontonummer", "kontostand", "bankverbindung",
        "gehalt", "einkommen", "bonitat", "schufa", "kredit", "schulden", "compte", "compte bancaire",
        "salaire", "revenu", "revenus", "carte bancaire", "dette", "cuenta", "cuenta bancaria", "salario",
        "ingresos", "tarjeta", "deuda", "conta", "conta bancaria", "rendimento", "cartao", "divida",
        "housing")),
    ("free-text", "", (
        "note", "notes", "comment", "comments", "remark", "remarks", "memo", "message", "body",
        "description", "feedback", "free text", "freetext", "transcript", "review", "gift note",
        "notiz", "notizen", "kommentar", "bemerkung", "bemerkungen", "anmerkung", "nachricht",
        "beschreibung", "freitext", "commentaire", "remarque", "texte libre", "nota", "notas",
        "comentario", "comentarios", "observaciones", "mensaje", "observacoes", "mensagem")),
    ("contact", "", (
        "email", "e mail", "mail", "mail address", "phone", "phone number", "telephone", "tel", "mobile",
        "mobile number", "cell", "cellphone", "fax", "whatsapp", "telegram", "skype", "twitter",
        "linkedin", "facebook", "instagram", "telefon", "telefonnummer", "handy", "handynummer",
        "mobilnummer", "rufnummer", "courriel", "telephone portable", "portable", "mobile tel", "correo",
        "correo electronico", "telefono", "movil", "celular", "telefone", "telemovel", "correio")),
    ("address", "", (
        "address", "street", "house number", "postcode", "postal code", "postalcode", "zip", "zipcode",
        "zip code", "city", "town", "county", "state", "province", "region", "country", "latitude",
        "longitude", "lat", "lon", "lng", "residence", "adresse", "strasse", "hausnummer", "plz",
        "postleitzahl", "ort", "stadt", "wohnort", "bundesland", "land", "rue", "code postal", "ville",
        "pays", "departement", "direccion", "calle", "codigo postal", "cp", "ciudad", "provincia", "pais",
        "endereco", "rua", "cidade", "estado", "distrito", "morada", "localidade")),
    ("identity", "", (
        "name", "first name", "firstname", "last name", "lastname", "surname", "full name", "fullname",
        "given name", "family name", "middle name", "maiden name", "salutation", "title", "gender", "sex",
        "nationality", "marital", "marital status", "username", "user name", "login", "nickname", "photo",
        "avatar", "vorname", "nachname", "familienname", "anrede", "geschlecht", "titel", "benutzername",
        "geburtsname", "staatsangehorigkeit", "familienstand", "prenom", "nom", "nom famille", "civilite",
        "sexe", "nationalite", "etat civil", "nombre", "apellido", "apellidos", "sexo", "genero",
        "nacionalidad", "estado civil", "nome", "apelido", "sobrenome", "nacionalidade", "job",
        "profession", "occupation", "education", "employer", "beruf", "bildung", "metier", "profesion",
        "profissao")),
    ("behaviour", "", (
        "visit", "visits", "click", "clicks", "clicked", "page", "page view", "pageview", "pageviews",
        "session", "referrer", "utm", "utm source", "last login", "last seen", "last visit", "opened",
        "opens", "open rate", "device", "user agent", "useragent", "browser", "cookie", "ip",
        "ip address", "channel", "campaign", "search", "segment", "score", "churn", "preference",
        "preferences", "interest", "interests", "besuch", "besuche", "klick", "klicks", "sitzung",
        "kampagne", "letzter login", "visite", "visites", "clic", "clics", "campagne", "visita",
        "visitas", "campana", "campanha", "contact count", "duration", "previous", "pdays", "poutcome",
        "outcome")),
    ("orders", "", (
        "order", "orders", "order number", "order date", "last order", "order total", "total", "amount",
        "price", "quantity", "qty", "product", "products", "sku", "item", "items", "invoice", "cart",
        "basket", "discount", "coupon", "payment", "payment method", "shipping", "delivery", "refund",
        "return", "returns", "revenue", "turnover", "purchase", "purchases", "spent", "loyalty points",
        "points", "contract", "bestellung", "bestellungen", "bestellnummer", "bestelldatum", "betrag",
        "preis", "menge", "artikel", "produkt", "rechnung", "warenkorb", "rabatt", "zahlung", "lieferung",
        "umsatz", "vertrag", "gutschein", "commande", "commandes", "montant", "prix", "quantite",
        "produit", "facture", "panier", "remise", "paiement", "livraison", "chiffre affaires", "pedido",
        "pedidos", "importe", "precio", "cantidad", "producto", "factura", "descuento", "pago", "compra",
        "compras", "encomenda", "preco", "quantidade", "produto", "fatura", "desconto", "pagamento",
        "valor")),
    ("technical", "", (
        "id", "uuid", "guid", "key", "customer id", "customerid", "customer number", "customer no",
        "client id", "user id", "contact id", "account id", "row id", "external id", "version",
        "created", "created at", "created on", "updated", "updated at", "updated on", "modified",
        "modified at", "deleted at", "timestamp", "hash", "checksum", "status", "source", "import id",
        "kundennummer", "kundennr", "kunden id", "kunde id", "erstellt", "erstellt am", "geandert",
        "geandert am", "nummer", "nr", "identifiant", "id client", "numero client", "cree le", "modifie",
        "id cliente", "numero cliente", "creado", "actualizado", "criado", "atualizado", "codigo",
        "code", "language", "locale", "lang", "sprache", "langue", "idioma", "currency", "timezone")),
)  # fmt: skip

_GLUE = {"of", "the", "de", "du", "la", "le", "des", "del", "da", "do", "d", "l", "der", "die", "das"}


def _by_name(name: str) -> Finding | None:
    words = _words(name)
    if not words:
        return None
    best: tuple[int, int, str, str, str] | None = None
    for rank, (category, special, phrases) in enumerate(_NAMES):
        for phrase in phrases:
            parts = tuple(part for part in phrase.split(" ") if part not in _GLUE)
            if _contains(words, parts):
                # the longer phrase knows more; among equals the stricter category, listed first
                candidate = (-len(parts), 0 if special else rank + 1, category, special, phrase)
                if best is None or candidate[:2] < best[:2]:
                    best = candidate
    if best is None:
        return None
    _, _, category, special, phrase = best
    whole = tuple(phrase.split(" ")) == words
    return Finding(
        category,
        f"the name says “{phrase}”",
        0.85 if whole else 0.7,
        special,
        treat_as_special=category == "free-text",
    )


def _words(name: str) -> tuple[str, ...]:
    folded = unicodedata.normalize("NFKD", name.replace("ß", "ss"))
    plain = "".join(c for c in folded if not unicodedata.combining(c))
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[a-zA-Z])(?=[0-9])", " ", plain)
    found = re.findall(r"[a-z0-9]+", spaced.lower())
    return tuple(w for w in found if w not in _GLUE and not w.isdigit())


def _contains(words: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    size = len(parts)
    return any(words[i : i + size] == parts for i in range(len(words) - size + 1))


# Values ------------------------------------------------------------------------------------------

ENOUGH_VALUES = 5
MOST = 0.8


def _by_values(present: Sequence[str]) -> Finding | None:
    if len(present) < ENOUGH_VALUES:
        return None
    best: Finding | None = None
    for looks_right, category, kind in _VALIDATORS:
        hits = sum(1 for value in present if looks_right(value.strip()))
        share = hits / len(present)
        if share >= MOST and (best is None or share > best.confidence):
            best = Finding(category, f"values look like {kind}: {hits} of {len(present)}", round(share, 2))
    return best


def is_email(value: str) -> bool:
    return (
        len(value) <= 254
        and re.fullmatch(r"[^@\s<>\"',;]{1,64}@[^@\s<>\"',;.]+(\.[^@\s<>\"',;.]+)+", value) is not None
    )


def is_phone(value: str) -> bool:
    """With a country prefix (+ or 00) or written with separators; a bare digit string could be anything."""
    if not re.fullmatch(r"(\+|00)?[\d\s()./-]{6,24}", value):
        return False
    digits = sum(c.isdigit() for c in value)
    if not 7 <= digits <= 15 or is_date(value):
        return False
    return value.startswith(("+", "00")) or (value.startswith(("0", "(")) and re.search(r"[\s()/-]", value) is not None)


def is_iban(value: str) -> bool:
    """ISO 13616: mod 97 of the rearranged number is 1."""
    packed = value.replace(" ", "").upper()
    if not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", packed):
        return False
    return int("".join(str(int(c, 36)) for c in packed[4:] + packed[:4])) % 97 == 1


def is_card_number(value: str) -> bool:
    """ISO/IEC 7812: 13 to 19 digits with a right Luhn digit and a first digit of a payment scheme."""
    packed = re.sub(r"[ -]", "", value)
    if not re.fullmatch(r"[2-6]\d{12,18}", packed):
        return False
    total = 0
    for position, digit in enumerate(reversed(packed)):
        number = int(digit) * (2 if position % 2 else 1)
        total += number - 9 if number > 9 else number
    return total % 10 == 0


def is_date(value: str) -> bool:
    """A calendar day: 2026-11-01, 01.11.2026 or 01/11/2026."""
    match = re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})", value)
    if match:
        year, month, day = (int(part) for part in match.groups())
        return _is_day(year, month, day)
    match = re.fullmatch(r"(\d{1,2})[./](\d{1,2})[./](\d{4})", value)
    if match:
        first, second, year = (int(part) for part in match.groups())
        return _is_day(year, second, first) or _is_day(year, first, second)
    return False


def is_ip(value: str) -> bool:
    if not re.fullmatch(r"[0-9a-fA-F.:]{3,45}", value) or not ("." in value or ":" in value):
        return False
    try:
        ip_address(value)
    except ValueError:
        return False
    return True


def is_postcode(value: str) -> bool:
    """Formats that are not plain numbers (UK, NL, CA, PT, PL); five digits alone prove nothing."""
    return re.fullmatch(
        r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|\d{4} ?[A-Z]{2}|[A-Z]\d[A-Z] ?\d[A-Z]\d|\d{4}-\d{3}|\d{2}-\d{3}"
        r"|[A-Z]{1,2}-\d{4,5}", value.upper()) is not None  # fmt: skip


def is_spanish_id(value: str) -> bool:
    """DNI/NIE with its check letter."""
    match = re.fullmatch(r"([XYZ]?)(\d{7,8})-?([A-Z])", value.upper())
    if not match or len(match[1]) + len(match[2]) != 8:
        return False
    number = int(("" if not match[1] else str("XYZ".index(match[1]))) + match[2])
    return "TRWAGMYFPDXBNJZSQVHLCKE"[number % 23] == match[3]


def is_us_ssn(value: str) -> bool:
    return re.fullmatch(r"(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}", value) is not None


def is_icd10(value: str) -> bool:
    return re.fullmatch(r"[A-TV-Z]\d\d\.\d{1,4}", value) is not None


def is_uuid(value: str) -> bool:
    return re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", value) is not None


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


_VALIDATORS: tuple[tuple[Callable[[str], bool], str, str], ...] = (
    (is_email, "contact", "e-mail addresses"),
    (is_iban, "financial", "IBANs (checksum right)"),
    (is_card_number, "financial", "payment card numbers (checksum right)"),
    (is_spanish_id, "government-id", "Spanish identity numbers (check letter right)"),
    (is_us_ssn, "government-id", "US social security numbers"),
    (is_ip, "behaviour", "IP addresses"),
    (is_phone, "contact", "phone numbers"),
    (is_postcode, "address", "postcodes"),
    (is_uuid, "technical", "random identifiers"),
)


def _as_free_text(present: Sequence[str]) -> Finding | None:
    if len(present) < ENOUGH_VALUES:
        return None
    wordy = sum(1 for value in present if len(value.split()) >= 5 or "\n" in value)
    different = len(set(present)) / len(present)
    if wordy / len(present) >= 0.3 and different >= 0.3:
        return Finding(
            "free-text",
            f"sentences: {wordy} of {len(present)} values have five words or more; anything may stand in them",
            0.8,
            treat_as_special=True,
        )
    codes = sum(1 for value in present if is_icd10(value.strip()))
    if codes / len(present) >= MOST:
        return Finding("health", f"values look like diagnosis codes: {codes} of {len(present)}", 0.8, "gdpr-9")
    return None


def _contradiction(category: str, name: str, type: str, present: Sequence[str]) -> str:
    """Why the name cannot be believed, or ""."""
    if len(present) < ENOUGH_VALUES:
        return ""
    words = _words(name)
    if category == "contact" and {"email", "mail", "courriel", "correo"} & set(words) and "count" not in words:
        hits = sum(1 for value in present if is_email(value.strip()))
        if type == "text" and hits / len(present) < 0.5:
            return f"only {hits} of {len(present)} values look like e-mail addresses"
        if type != "text":
            return f"its values are {type}"
    if category == "financial" and "iban" in words:
        hits = sum(1 for value in present if is_iban(value.strip()))
        if hits / len(present) < 0.5:
            return f"only {hits} of {len(present)} values pass the IBAN checksum"
    return ""
