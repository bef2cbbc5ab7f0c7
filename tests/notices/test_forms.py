"""The same notice as HTML, Markdown, PDF and JSON-LD: nothing lost, nothing executed, nothing invented."""

from __future__ import annotations

import io
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from pypdf import PdfReader
from rdflib import Graph, Literal, Namespace, URIRef
from rdflib.namespace import RDF

from rightful.actions.publish_notice import texts_of
from rightful.errors import NoPdf
from rightful.notices import dpv
from rightful.notices.dpv import json_ld
from rightful.notices.html import body, page
from rightful.notices.markdown import markdown, plain
from rightful.notices.pdf import pdf
from rightful.notices.rules import ISOLATE, Notice, as_document, digest_of, from_document
from rightful.notices.words import words_of
from rightful.notices.writing import write
from rightful.policy.loader import eea, loads
from rightful.policy.told import told
from tests.notices.policies import COMPLETE, changed

FACTS = told(loads(COMPLETE), eea())
LANGUAGES = ("ar", "de", "en", "es", "fr")
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "[x](javascript:alert(1))",
    "`code` *bold* _it_ # h1 | a | ~~s~~ ![i](x) <b>",
    "1. one",
    "- two",
    "&lt;b&gt;",
    'https://evil.example/"onclick=alert(1)',
    "{{7*7}}{% csrf_token %}",
]


def notice(language: str = "en", text: str = COMPLETE) -> Notice:
    return write(told(loads(text), eea()), words_of(language))


class Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)


def words(html: str) -> Words:
    found = Words()
    found.feed(html)
    return found


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("language", LANGUAGES)
def test_html_says_every_line_of_the_notice_and_runs_its_way(language):
    shown = notice(language)
    found = words(page(shown))
    text = flat("".join(found.text))
    assert [line.text for _, line in shown.lines() if flat(line.text) not in text] == []
    assert ("html", {"lang": language, "dir": "rtl" if language == "ar" else "ltr"}) in found.tags


@pytest.mark.parametrize("language", LANGUAGES)
def test_markdown_read_back_by_another_parser_says_every_line(language):
    shown = notice(language)
    text = flat("".join(words(MarkdownIt().render(markdown(shown))).text))
    assert [line.text for _, line in shown.lines() if flat(line.text) not in text] == []


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(str.strip))
def test_whatever_is_written_in_a_policy_stays_text_in_markdown(text):
    html = MarkdownIt().render(f"- **{plain('label')}** {plain(text)}")
    found = words(html)
    assert {tag for tag, _ in found.tags} <= {"ul", "li", "strong"}
    assert flat("".join(found.text)) == flat(f"label {text}")


@pytest.mark.parametrize("text", HOSTILE)
def test_ac_032_what_is_written_in_a_policy_is_never_run(text):
    hostile = changed(COMPLETE, replace={"en: We send you news.": f"en: {json.dumps(text)}"})
    shown = notice("en", hostile)
    found = words(body(shown))
    assert not {"script", "img", "b", "iframe"} & {tag for tag, _ in found.tags}
    assert not [attrs for _, attrs in found.tags if any(name.startswith("on") for name in attrs)]
    targets = [attrs["href"] for tag, attrs in found.tags if tag == "a"]
    assert all(re.match(r"(https://|mailto:)", target) for target in targets)
    rendered = words(MarkdownIt("commonmark", {"html": True}).render(markdown(shown)))
    assert {tag for tag, _ in rendered.tags} <= {"h1", "h2", "h3", "p", "ul", "li", "strong", "a"}
    assert text in "".join(found.text)


def test_words_that_are_not_translated_carry_their_language():
    shown = notice("de", changed(COMPLETE, replace={", de: Wir schicken Ihnen Neues.": ""}))
    assert "newsletter/says" in shown.untranslated
    assert shown.remark == "Einige Wörter sind noch auf Englisch. Sie sind gekennzeichnet."
    marked = '<span class="foreign" lang="en" dir="ltr">We send you news.</span>'
    assert marked in body(shown)


def test_in_arabic_foreign_words_keep_their_own_direction():
    shown = notice("ar")
    assert f"{ISOLATE}Meadow, S.A." in shown.title
    assert 'lang="en" dir="ltr"' in body(shown), "the policy is not translated into Arabic"


def test_html_is_layered_short_first_and_the_rest_is_folded():
    found = body(notice())
    assert found.index('id="short"') < found.index('id="details"') < found.index('id="legal"')
    assert "<details" not in found[: found.index('id="details"')]
    assert "open" not in re.findall(r"<details[^>]*>", found)[0]
    assert "<details" not in body(notice(), folded=False)


def test_a_kept_notice_is_the_same_notice():
    for language in LANGUAGES:
        kept = from_document(json.loads(json.dumps(as_document(notice(language)))))
        assert kept == notice(language)
        assert digest_of(kept) == digest_of(notice(language))


# ---------------------------------------------------------------- PDF


@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_pdf_has_all_layers_open_and_says_its_language(language):
    made = PdfReader(io.BytesIO(pdf(notice(language), issue="2026 · abc")))
    text = flat(" ".join(page.extract_text() for page in made.pages))
    assert made.trailer["/Root"]["/Lang"] == language
    if language == "en":  # a reader gives Arabic back in presentation forms
        for sentence in (
            "2026 · abc",
            "We bring you what you ordered.",
            "Standard contractual clauses",
            "take back a yes at any time",
        ):
            assert sentence in text


def test_a_pdf_fetches_nothing_whatever_the_text_says():
    hostile = changed(COMPLETE, replace={"en: We send you news.": "en: '<img src=\"https://evil.example/x.png\">'"})
    assert pdf(notice("en", hostile)).startswith(b"%PDF")


@pytest.mark.parametrize("missing", [ImportError, OSError])
def test_without_what_draws_a_pdf_the_message_says_what_to_install(monkeypatch, missing):
    class Gone:
        def __getattr__(self, name):
            raise missing("cannot load library 'libpango-1.0-0'")

    monkeypatch.setitem(sys.modules, "weasyprint", Gone())
    with pytest.raises(NoPdf) as refused:
        pdf(notice())
    assert "rightful[reports]" in str(refused.value)
    assert "Pango" in str(refused.value)


# ---------------------------------------------------------------- JSON-LD

DPV = Namespace("https://w3id.org/dpv#")
GDPR = Namespace("https://w3id.org/dpv/legal/eu/gdpr#")
TERMS = json.loads((Path(__file__).parent / "dpv-2.2.json").read_text("utf-8"))
KNOWN = {URIRef(f"{DPV}{t}") for t in TERMS["dpv"]} | {URIRef(f"{GDPR}{t}") for t in TERMS["eu-gdpr"]}
NAME = "urn:sha256:" + "ab" * 32


@pytest.fixture(scope="module")
def graph() -> Graph:
    document = json_ld(FACTS, "ab" * 32, label="1", issued="2026-03-03T10:00:00+00:00")
    return Graph().parse(data=json.dumps(document), format="json-ld")


def strangers(graph: Graph) -> set[str]:
    ours = (str(DPV), str(GDPR))
    terms = {term for triple in graph for term in triple if isinstance(term, URIRef) and str(term).startswith(ours)}
    return {str(term) for term in terms - KNOWN}


def test_every_term_is_one_of_the_vocabulary(graph):
    assert strangers(graph) == set()
    assert dpv.DPV_VERSION == "2.2"


def test_every_term_the_tables_could_use_is_one_of_the_vocabulary():
    tables = (dpv.GDPR_BASES, dpv.BASES, dpv.GROUNDS, dpv.SAFEGUARDS, dpv.KINDS)
    used = {term for table in tables for term in table.values()} | {t for pair in dpv.SOURCES.values() for t in pair}
    used |= {dpv.OTHER_BASIS, dpv.OTHER_SAFEGUARD} | {f"eu-gdpr:{right}" for right in (*dpv.RIGHTS, "A7-3", "A22")}
    known = {f"dpv:{t}" for t in TERMS["dpv"]} | {f"eu-gdpr:{t}" for t in TERMS["eu-gdpr"]}
    assert used - known == set()


def test_a_triple_store_finds_the_same_purposes_bases_recipients_and_periods(graph):
    asked = """
        PREFIX dpv: <https://w3id.org/dpv#> PREFIX dct: <http://purl.org/dc/terms/>
        SELECT ?purpose ?basis ?recipient ?duration WHERE {
          ?notice a dpv:PrivacyNotice ; dpv:hasProcess ?process .
          ?process dct:identifier ?purpose ; dpv:hasLegalBasis [ a ?basis ] .
          OPTIONAL { ?process dpv:hasRecipient [ dpv:hasName ?recipient ] }
          OPTIONAL { ?process dpv:hasStorageCondition [ dpv:hasDuration ?duration ] } }"""
    rows = {(str(p), str(b).rpartition("#")[2], r and str(r), str(d)) for p, b, r, d in graph.query(asked)}
    assert ("delivery", "A6-1-b", "Swift Parcels", "P6M") in rows
    assert ("newsletter", "A6-1-a", "Letterbox Mail", "P1M") in rows
    assert ("newsletter", "LegalBasis", "Letterbox Mail", "P1M") in rows
    assert ("tax-records", "A6-1-c", None, "P8Y") in rows
    assert {row[0] for row in rows} == {p["id"] for p in FACTS["purposes"]}


def test_transfers_sources_and_special_categories_are_told_to_machines(graph):
    (transfer,) = graph.subjects(DPV.hasDataImporter, None)
    assert (transfer, DPV.hasThirdCountry, URIRef("https://w3id.org/dpv/loc#US")) in graph
    (basis,) = graph.objects(transfer, DPV.hasLegalBasis)
    assert (basis, RDF.type, GDPR["A46-2-c"]) in graph
    assert (URIRef(f"{NAME}#data-health"), RDF.type, DPV.SpecialCategoryPersonalData) in graph
    (source,) = graph.objects(URIRef(f"{NAME}#data-credit"), DPV.hasDataSource)
    assert (source, RDF.type, DPV.ThirdPartyDataSource) in graph


def test_every_language_of_a_text_is_there(graph):
    (description,) = [
        {
            o.language: str(o)
            for o in graph.objects(URIRef(f"{NAME}#purpose-newsletter"), None)
            if isinstance(o, Literal)
        }
    ]
    assert description == {"en": "We send you news.", "de": "Wir schicken Ihnen Neues."}


def test_the_document_names_itself_by_what_it_says():
    assert texts_of(FACTS).keys() == {"en", "de"}
    document = json_ld(FACTS, "cd" * 32)
    assert document["@graph"][0]["@id"] == "urn:sha256:" + "cd" * 32
