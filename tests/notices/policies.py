"""Small policies for tests of notices: one that tells everything, one with every gap."""

from __future__ import annotations

import re
from collections.abc import Mapping

COMPLETE = """\
rightful: 1
policy: {name: Meadow, version: "1", owner: privacy@meadow.example, timezone: Europe/Lisbon}
controller: {name: "Meadow, S.A.", address: "Rua das Flores 1, Lisboa", email: privacy@meadow.example}
dpo: {email: dpo@meadow.example}
complaint: {EU: {name: CNPD, site: "https://www.cnpd.pt"}}
regimes:
  EU: {laws: [gdpr, eprivacy], where: [PT, DE], digital-consent-age: {PT: 13, DE: 16}}
  CA: {laws: [ccpa], where: [US-CA], signals: [gpc]}
categories:
  identity: {fields: [customer.first_name, customer.last_name], from: you, says: {en: your name, de: Ihr Name}}
  contact: {fields: [customer.email, customer.phone], from: you, says: {en: how to reach you, de: Ihre Kontaktdaten}}
  orders: {fields: [order.total], from: use, says: {en: what you bought, de: was Sie kauften}}
  credit: {fields: [customer.score], from: {others: Harbour Credit}, says: {en: your credit score, de: Ihre Bonität}}
  health: {fields: [customer.care], special: gdpr-9, from: you, says: {en: what care you need, de: Ihr Hilfebedarf}}
roles: {all: [delivery, credit-check, newsletter, adverts, tax-records, care, counting]}
purposes:
  delivery:
    says: {en: We bring you what you ordered., de: "Wir bringen Ihnen, was Sie bestellt haben."}
    basis: contract
    needs: [identity, contact, orders]
    keep: 6 months after the last delivery
    recipients: [carrier]
  credit-check:
    says: {en: We look whether you can pay., de: "Wir sehen nach, ob Sie zahlen können."}
    basis: {legitimate-interest: LIA-1}
    interest: {en: We want to be paid., de: Wir wollen bezahlt werden.}
    automated: {en: A program says yes or no by your score., de: Ein Programm sagt nach Ihrer Bonität Ja oder Nein.}
    needs: [credit]
    keep: 1 year
  tax-records:
    says: {en: The law makes us keep invoices., de: "Das Gesetz verlangt, dass wir Rechnungen aufheben."}
    basis: {legal-obligation: AO 147}
    needs: [identity, orders]
    keep: 8 years from the end of the year
  newsletter:
    says: {en: We send you news., de: Wir schicken Ihnen Neues.}
    direct-marketing: true
    basis: {EU: consent, CA: opt-out}
    channels: [email]
    needs: [identity, customer.email]
    keep: 1 month after the withdrawal
    consent: {expires: 24 months after the last open or click, ask-again: after 6 months}
    recipients: [mailer]
  adverts:
    says: {en: We show you adverts elsewhere., de: Wir zeigen Ihnen anderswo Anzeigen.}
    direct-marketing: true
    basis: {EU: consent, CA: opt-out-of-sharing}
    needs: [customer.email]
    as: {customer.email: sha256}
    keep: 1 month after the withdrawal
    recipients: [ad-network, social-network]
  care:
    says: {en: We help you the way you need it., de: "Wir helfen Ihnen so, wie Sie es brauchen."}
    basis: contract
    special-ground: explicit-consent
    for-children: true
    needs: [identity, health]
    keep: 2 years
  counting:
    says: {en: We count. We do not look at you., de: Wir zählen. Wir sehen nicht auf Sie.}
    basis: {legitimate-interest: LIA-2}
    interest: {en: We want to know what sells., de: "Wir wollen wissen, was sich verkauft."}
    compatible-with: [delivery]
    needs: [orders]
    keep: 3 years
    output: {only: aggregates, at-least: 20 people}
recipients:
  carrier: {name: Swift Parcels, agreement: DPA-1, country: NL, kind: processor}
  mailer: {name: Letterbox Mail, agreement: DPA-2, country: DE, kind: processor}
  ad-network: {name: Reach Ads, agreement: SCC-1, country: US, safeguard: scc-2021}
  social-network: {name: Agora, agreement: JCA-1, country: IE, kind: joint-controller}
words:
  the last delivery: {de: nach der letzten Lieferung}
  the withdrawal: {de: nach dem Widerruf}
  email: {de: E-Mail-Adresse}
"""

INCOMPLETE = """\
rightful: 1
policy: {name: Meadow, version: "1", owner: privacy@meadow.example, timezone: Europe/Lisbon}
regimes: {EU: {laws: [gdpr, eprivacy], where: [PT]}}
categories: {contact: {fields: [customer.email]}}
roles: {all: [newsletter, counting]}
purposes:
  newsletter: {says: We send you news., basis: consent, channels: [email], needs: [contact]}
  counting: {says: We count., basis: {legitimate-interest: LIA-1}, needs: [contact]}
"""


def changed(text: str, *, version: str = "", replace: Mapping[str, str] | None = None) -> str:
    """The policy with other words in it; each has to be there."""
    for old, new in (replace or {}).items():
        assert old in text, old
        text = text.replace(old, new)
    return re.sub(r'version: "\d+"', f'version: "{version}"', text, count=1) if version else text
