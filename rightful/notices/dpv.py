"""A notice for machines: the same facts in the words of the W3C Data Privacy Vocabulary, as JSON-LD.

It is made from the facts, not from the sentences, so that both come from one source and neither is a
translation of the other. Nothing is fetched to read it: the context stands in the document.

Easy to get wrong: a term that does not exist. tests/notices/dpv-2.2.json lists the terms that do, and a test
reads the document with a triple store and holds every term against the list.

Sources: Data Privacy Vocabulary 2.2 and its extension for the GDPR (W3C Community Group report,
https://w3id.org/dpv/2.2); JSON-LD 1.1; ISO 8601 durations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

DPV_VERSION = "2.2"
CONTEXT = {
    "dpv": "https://w3id.org/dpv#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "loc": "https://w3id.org/dpv/loc#",
    "dct": "http://purl.org/dc/terms/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
GDPR_LAWS = frozenset({"gdpr", "uk-gdpr"})
GDPR_BASES = {
    "consent": "eu-gdpr:A6-1-a",
    "contract": "eu-gdpr:A6-1-b",
    "legal-obligation": "eu-gdpr:A6-1-c",
    "vital-interest": "eu-gdpr:A6-1-d",
    "public-task": "eu-gdpr:A6-1-e",
    "legitimate-interest": "eu-gdpr:A6-1-f",
    "legal-claims": "eu-gdpr:A6-1-f",
}
BASES = {  # where the law is another one
    "consent": "dpv:Consent",
    "contract": "dpv:Contract",
    "legal-obligation": "dpv:LegalObligation",
    "vital-interest": "dpv:VitalInterest",
    "public-task": "dpv:PublicInterest",
    "legitimate-interest": "dpv:LegitimateInterest",
    "legal-claims": "dpv:LegitimateInterest",
}
OTHER_BASIS = "dpv:LegalBasis"  # soft opt-in, opt-out: no term of their own
GROUNDS = {
    "explicit-consent": "eu-gdpr:A9-2-a",
    "employment-law": "eu-gdpr:A9-2-b",
    "vital-interest": "eu-gdpr:A9-2-c",
    "not-for-profit": "eu-gdpr:A9-2-d",
    "made-public": "eu-gdpr:A9-2-e",
    "legal-claims": "eu-gdpr:A9-2-f",
    "substantial-public-interest": "eu-gdpr:A9-2-g",
    "health-care": "eu-gdpr:A9-2-h",
    "public-health": "eu-gdpr:A9-2-i",
    "research": "eu-gdpr:A9-2-j",
}
SAFEGUARDS = {
    "": "eu-gdpr:A45-3",
    "adequacy": "eu-gdpr:A45-3",
    "dpf": "eu-gdpr:A45-3",
    "scc-2021": "eu-gdpr:A46-2-c",
    "bcr": "eu-gdpr:A46-2-b",
    "code-of-conduct": "eu-gdpr:A46-2-e",
    "certification": "eu-gdpr:A46-2-f",
    "public-body-agreement": "eu-gdpr:A46-2-a",
    "ad-hoc-clauses": "eu-gdpr:A46-3-a",
}
OTHER_SAFEGUARD = "dpv:DataTransferLegalBasis"  # those of the United Kingdom; an exception not further named
KINDS = {
    "processor": "dpv:DataProcessor",
    "service-provider": "dpv:ServiceProvider",
    "joint-controller": "dpv:DataController",
    "third-party": "dpv:ThirdParty",
}
SOURCES = {  # what data it is by its source, and who the source is
    "you": ("dpv:ProvidedPersonalData", "dpv:DataSubjectDataSource"),
    "use": ("dpv:ObservedPersonalData", "dpv:DataSubjectDataSource"),
    "worked-out": ("dpv:InferredPersonalData", "dpv:DataControllerDataSource"),
    "others": ("dpv:CollectedPersonalData", "dpv:ThirdPartyDataSource"),
    "public": ("dpv:CollectedPersonalData", "dpv:DataSource"),
}
RIGHTS = ("A13", "A15", "A16", "A17", "A18", "A20", "A21", "A77")
UNITS = {"days": "D", "weeks": "W", "months": "M", "years": "Y"}

Json = dict[str, Any]


def json_ld(facts: Mapping[str, Any], digest: str, *, label: str = "", issued: str = "") -> Json:
    """The notice as a JSON-LD document; `digest` names it, `issued` is an ISO 8601 instant."""
    return _Graph(facts, f"urn:sha256:{digest}").document(label, issued)


class _Graph:
    def __init__(self, facts: Mapping[str, Any], name: str) -> None:
        self.facts = facts
        self.name = name
        self.gdpr = [r for r, regime in facts["regimes"].items() if GDPR_LAWS & set(regime["laws"])]

    def document(self, label: str, issued: str) -> Json:
        nodes = [
            self._notice(label, issued),
            self._controller(),
            *self._dpo(),
            *(self._authority(regime, party) for regime, party in self.facts["complaint"].items()),
            *(self._category(name, category) for name, category in self.facts["categories"].items()),
            *(self._recipient(name, recipient) for name, recipient in self.facts["recipients"].items()),
            *(self._process(purpose) for purpose in self.facts["purposes"]),
            *(self._transfer(n, r) for n, r in self.facts["recipients"].items() if r["third_country"]),
        ]
        return {"@context": CONTEXT, "@graph": nodes}

    def at(self, kind: str, name: str) -> str:
        return f"{self.name}#{kind}-{name}"

    def ref(self, kind: str, name: str) -> Json:
        return {"@id": self.at(kind, name)}

    def _notice(self, label: str, issued: str) -> Json:
        transfers = [n for n, r in self.facts["recipients"].items() if r["third_country"]]
        node: Json = {
            "@id": self.name,
            "@type": ["dpv:PrivacyNotice", "dpv:LayeredNotice", *self._articles()],
            "dct:conformsTo": {"@id": f"https://w3id.org/dpv/{DPV_VERSION}"},
            "dct:language": list(self.facts["languages"]),
            "dpv:hasDataController": self.ref("entity", "controller"),
            "dpv:hasProcess": [
                *(self.ref("process", p["id"]) for p in self.facts["purposes"]),
                *(self.ref("transfer", name) for name in transfers),
            ],
        }
        if label:
            node["dct:identifier"] = label
        if issued:
            node["dct:issued"] = {"@type": "xsd:dateTime", "@value": issued}
        if self.gdpr:
            node["dpv:hasRight"] = [{"@id": f"eu-gdpr:{right}"} for right in self._rights()]
        if self.facts["complaint"]:
            node["dpv:hasAuthority"] = [self.ref("authority", regime) for regime in self.facts["complaint"]]
        return node

    def _articles(self) -> Iterator[str]:
        if self.gdpr:
            yield "eu-gdpr:DirectDataCollectionNotice"
            if any(c["source"] not in ("you", "use") for c in self.facts["categories"].values()):
                yield "eu-gdpr:IndirectDataCollectionNotice"

    def _rights(self) -> Sequence[str]:
        kinds = {kind for p in self.facts["purposes"] for kind, _ in p["basis"].values()}
        special = any(p["special_ground"] == "explicit-consent" for p in self.facts["purposes"])
        found = list(RIGHTS)
        if "consent" in kinds or special:
            found.append("A7-3")
        if any(p["automated"] for p in self.facts["purposes"]):
            found.append("A22")
        return found

    def _controller(self) -> Json:
        party = self.facts["controller"] or {"name": self.facts["organisation"]}
        node = self._party("entity", "controller", party, "dpv:DataController")
        if self.facts["dpo"]:
            node["dpv:hasDataProtectionOfficer"] = self.ref("entity", "dpo")
        if party.get("representative"):
            node["dpv:hasRepresentative"] = {"@type": "dpv:Representative", "dpv:hasName": party["representative"]}
        return node

    def _dpo(self) -> Iterator[Json]:
        if self.facts["dpo"]:
            yield self._party("entity", "dpo", self.facts["dpo"], "dpv:DataProtectionOfficer")

    def _authority(self, regime: str, party: Mapping[str, str]) -> Json:
        node = self._party("authority", regime, party, "dpv:DataProtectionAuthority")
        node["dpv:isAuthorityFor"] = [self._place(place) for place in self.facts["regimes"][regime]["where"]]
        return node

    def _party(self, kind: str, name: str, party: Mapping[str, str], what: str) -> Json:
        node: Json = {"@id": self.at(kind, name), "@type": what}
        contacts = [party[way] for way in ("email", "phone", "site") if party.get(way)]
        for member, value in (
            ("dpv:hasName", party.get("name")),
            ("dpv:hasAddress", party.get("address")),
            ("dpv:hasContact", contacts),
        ):
            if value:
                node[member] = value
        return node

    def _category(self, name: str, category: Mapping[str, Any]) -> Json:
        kind, source = SOURCES.get(category["source"], ("dpv:PersonalData", ""))
        kinds = [kind, "dpv:SpecialCategoryPersonalData"] if category["special"] else [kind]
        node: Json = {"@id": self.at("data", name), "@type": kinds, "dct:title": _texts(category["says"]) or name}
        if source:
            node["dpv:hasDataSource"] = {"@type": source}
            if category["source_name"]:
                node["dpv:hasDataSource"]["dct:title"] = category["source_name"]
        return node

    def _recipient(self, name: str, recipient: Mapping[str, Any]) -> Json:
        node: Json = {
            "@id": self.at("recipient", name),
            "@type": ["dpv:Recipient", KINDS[recipient["kind"]]],
            "dpv:hasName": recipient["name"] or name,
        }
        if recipient["country"]:
            node["dpv:hasCountry"] = self._place(recipient["country"])
        return node

    def _transfer(self, name: str, recipient: Mapping[str, Any]) -> Json:
        return {
            "@id": self.at("transfer", name),
            "@type": "dpv:PersonalDataProcess",
            "dpv:hasDataExporter": self.ref("entity", "controller"),
            "dpv:hasDataImporter": self.ref("recipient", name),
            "dpv:hasThirdCountry": self._place(recipient["country"]),
            "dpv:hasLegalBasis": {
                "@type": SAFEGUARDS.get(recipient["safeguard"], OTHER_SAFEGUARD),
                "dct:identifier": recipient["safeguard"] or "adequacy",
            },
        }

    def _process(self, purpose: Mapping[str, Any]) -> Json:
        kinds = ["dpv:PersonalDataProcess"] + (["dpv:AutomatedDecisionMaking"] if purpose["automated"] else [])
        node: Json = {
            "@id": self.at("process", purpose["id"]),
            "@type": kinds,
            "dct:identifier": purpose["id"],
            "dpv:hasPurpose": {
                "@id": self.at("purpose", purpose["id"]),
                "@type": ["dpv:Purpose"] + (["dpv:DirectMarketing"] if purpose["direct_marketing"] else []),
                "dct:description": _texts(purpose["says"]),
            },
            "dpv:hasLegalBasis": [self._basis(purpose, regime) for regime in purpose["basis"]],
            "dpv:hasPersonalData": [self.ref("data", name) for name in purpose["data"]],
            "dpv:hasDataController": self.ref("entity", "controller"),
        }
        if purpose["special_ground"]:
            node["dpv:hasLegalBasis"].append({"@type": GROUNDS[purpose["special_ground"]]})
        if purpose["recipients"]:
            node["dpv:hasRecipient"] = [self.ref("recipient", name) for name in purpose["recipients"]]
        if purpose["keep"]:
            node["dpv:hasStorageCondition"] = _storage(purpose["keep"])
        if purpose["automated"]:
            logic = {"@type": "dpv:AlgorithmicLogic", "dct:description": _texts(purpose["automated"])}
            node["dpv:hasAlgorithmicLogic"] = logic
        return node

    def _basis(self, purpose: Mapping[str, Any], regime: str) -> Json:
        kind, citation = purpose["basis"][regime]
        table = GDPR_BASES if regime in self.gdpr else BASES
        node: Json = {
            "@type": table.get(kind, OTHER_BASIS),
            "dct:identifier": kind,
            "dpv:hasJurisdiction": [self._place(place) for place in self.facts["regimes"][regime]["where"]],
        }
        if citation:
            node["dct:source"] = citation
        if kind == "legitimate-interest" and purpose["interest"]:
            node["dct:description"] = _texts(purpose["interest"])
        return node

    @staticmethod
    def _place(place: str) -> Json:
        return {"@id": f"loc:{place}"}


def _storage(keep: Mapping[str, Any]) -> Json:
    duration = f"P{keep['count']}{UNITS[keep['unit']]}"
    node: Json = {"@type": "dpv:StorageDuration", "dpv:hasDuration": {"@type": "xsd:duration", "@value": duration}}
    if keep["after"]:
        node["dct:description"] = {"@value": f"counted from {keep['after']}", "@language": "en"}
    return node


def _texts(texts: Mapping[str, str]) -> list[Json]:
    return [{"@value": text, "@language": language} for language, text in texts.items()]
