# ruff: noqa: E501 - a case per line reads as a table
"""What loads, what does not, and where the refusal points."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rightful.errors import NotFound, PolicyRefused
from rightful.policy import vocabulary
from rightful.policy.loader import load, loads
from rightful.policy.model import Basis, Period
from rightful.policy.tree import LARGEST, LONGEST_LINE, MOST_LINES, MOST_NODES
from rightful.protection.masking import NAMES
from rightful.terms import LawfulBasis, RecipientKind, Survives
from tests.builders import us
from tests.policy.corpus import BASE, CASES, Broken

EXAMPLE = Path(__file__).parent / "example.yaml"
DEMO = Path(__file__).parents[2] / "rightful" / "demo"


def problems(text: str):
    with pytest.raises(PolicyRefused) as refused:
        loads(text)
    return refused.value.problems


# --- what loads ------------------------------------------------------------------------------------


def test_the_base_policy_means_what_it_says():
    policy = loads(BASE)
    newsletter = policy.purposes["newsletter"]
    assert (policy.name, policy.label, policy.timezone) == ("Shop", "2026-11-01", "Europe/Berlin")
    assert newsletter.parent == "marketing"
    assert newsletter.direct_marketing, "inherited from the heading"
    assert newsletter.says == "We tell you about things you may like.", "a child says what its heading says"
    assert newsletter.basis == {"EU": Basis(LawfulBasis.CONSENT), "CA": Basis(LawfulBasis.OPT_OUT)}
    assert newsletter.consent_expires == Period(24, "months")
    assert newsletter.consent_expires_after_activity
    assert newsletter.ask_again == Period(6, "months")
    assert newsletter.transforms == {"customer.email": "sha256"}
    assert policy.purposes["marketing"].abstract
    assert policy.purposes["delivery"].keep == Period(6, "months", "the last delivery")
    assert policy.purposes["tax"].basis["CA"] == Basis(LawfulBasis.LEGAL_OBLIGATION, "AO 147")
    assert policy.purposes["tax"].survives == {Survives.OBJECTION, Survives.WITHDRAWAL, Survives.ERASURE}
    assert policy.purposes["counts"].basis["EU"] == Basis(LawfulBasis.LEGITIMATE_INTEREST, "LIA-1")
    assert (policy.purposes["counts"].aggregates_only, policy.purposes["counts"].at_least) == (True, 20)
    assert policy.roles["clerk"].not_fields == ("order.total",)
    assert policy.recipients["carrier"].kind is RecipientKind.THIRD_PARTY
    assert policy.tests[0].line == BASE.count("\n", 0, BASE.index("tests:")) + 2
    assert policy.places["purposes/newsletter"] == ("policy.yaml", 32, 7)


@pytest.mark.parametrize(
    "path", [EXAMPLE, DEMO / "policy", DEMO / "policy-history" / "2025-01.yaml"], ids=lambda p: p.name
)
def test_the_example_and_the_demo_policies_load(path):
    assert len(load(path).version) == 64


def test_a_whole_last_day_belongs_to_the_agreement():
    carrier = loads(BASE).recipients["carrier"]
    assert carrier.since_us == us("2026-01-01T00:00:00+01:00")
    assert carrier.until_us == us("2028-01-01T00:00:00+01:00"), "half-open: over when the next day begins"


@pytest.mark.parametrize(
    ("zone", "written", "until"),
    [
        ("Europe/Berlin", "2026-06-30", "2026-07-01T00:00:00+02:00"),
        ("UTC", "2026-06-30", "2026-07-01T00:00:00+00:00"),
        ("America/Sao_Paulo", "2018-11-03", "2018-11-04T00:00:00-03:00"),
        ("Africa/Cairo", "2024-10-31", "2024-11-01T00:00:00+02:00"),
        ("America/Havana", "2024-11-02", "2024-11-03T00:00:00-04:00"),
        ("UTC", "2026-07-01T00:00:00+02:00", "2026-06-30T22:00:00+00:00"),
    ],
)
def test_an_end_is_the_earlier_reading_of_a_midnight_that_comes_twice_or_never(zone, written, until):
    text = BASE.replace("Europe/Berlin", zone).replace("since: 2026-01-01, until: 2027-12-31", f"until: {written}")
    assert loads(text).recipients["carrier"].until_us == us(until)


def test_a_beginning_is_the_later_reading_of_a_midnight_that_comes_twice():
    text = BASE.replace("Europe/Berlin", "America/Havana").replace(
        "since: 2026-01-01, until: 2027-12-31", "since: 2024-11-03"
    )
    assert loads(text).recipients["carrier"].since_us == us("2024-11-03T00:00:00-05:00")


def test_a_folder_is_one_policy(tmp_path):
    head, rest = BASE.split("purposes:\n", 1)
    body, tail = rest.split("recipients:\n  carrier", 1)
    (tmp_path / "a.yaml").write_text(head, encoding="utf-8")
    (tmp_path / "b.yml").write_text("purposes:\n" + body, encoding="utf-8")
    (tmp_path / "c.yaml").write_text("recipients:\n  carrier" + tail, encoding="utf-8")
    (tmp_path / "notes.txt").write_text("no policy", encoding="utf-8")
    assert load(tmp_path).version == loads(BASE).version


def test_sections_of_several_files_grow_together(tmp_path):
    (tmp_path / "a.yaml").write_text(BASE, encoding="utf-8")
    more = 'categories: {city: {fields: [customer.city]}}\nnever: [{use: city, for: marketing, because: "too near"}]\n'
    (tmp_path / "b.yaml").write_text(more, encoding="utf-8")
    policy = load(tmp_path)
    assert "city" in policy.categories
    assert len(policy.never) == 2
    assert policy.places["never/1"][0] == "b.yaml"


def test_a_name_in_two_files_is_refused_and_both_are_named(tmp_path):
    (tmp_path / "a.yaml").write_text(BASE, encoding="utf-8")
    (tmp_path / "b.yaml").write_text("roles:\n  marketer: [tax]\n", encoding="utf-8")
    with pytest.raises(PolicyRefused) as refused:
        load(tmp_path)
    (problem,) = refused.value.problems
    assert str(problem) == 'b.yaml:2:3: "marketer" in roles is written twice; the first is in a.yaml:14'


def test_the_head_is_said_once(tmp_path):
    (tmp_path / "a.yaml").write_text(BASE, encoding="utf-8")
    (tmp_path / "b.yaml").write_text("policy: {name: Other}\n", encoding="utf-8")
    with pytest.raises(PolicyRefused, match=r"b\.yaml:1:1: \"policy\" is said a second time"):
        load(tmp_path)


@pytest.mark.parametrize("change", ["\ufeff", "crlf"])
def test_a_byte_order_mark_and_windows_line_ends_mean_nothing(tmp_path, change):
    text = "\ufeff" + BASE if change == "\ufeff" else BASE.replace("\n", "\r\n")
    path = tmp_path / "p.yaml"
    path.write_bytes(text.encode("utf-8"))
    assert load(path).version == loads(BASE).version


def test_norway_and_yes_are_words_in_quotes():
    text = BASE.replace("where: [DE, FR]", 'where: [DE, FR, "NO"]').replace("We count.", '"yes"')
    policy = loads(text)
    assert policy.regimes["EU"].where == ("DE", "FR", "NO")
    assert policy.purposes["counts"].says == "yes"


def test_a_never_rule_with_an_exception_is_spelt_out():
    text = BASE.replace("for: [marketing], because", "for: [marketing, tax], except: [newsletter], because").replace(
        "      newsletter:\n", "      cards: {basis: consent, needs: [identity]}\n      newsletter:\n"
    )
    assert set(loads(text).never[0].purposes) == {"cards", "tax"}


def test_a_never_rule_over_a_column_of_a_category_is_spelt_out():
    assert loads(BASE.replace("use: [health]", "use: [contact.phone]")).never[0].use == ("customer.phone",)
    assert loads(BASE.replace("use: [health]", "use: [orders.total]")).never[0].use == ("order.total",)


def test_consent_status_and_consequences_need_no_declaration():
    rule = loads(
        BASE.replace("{use: [health], for: [marketing]", "{use: consent-status, for: [pricing, service-level]")
    ).never[0]
    assert (rule.use, rule.purposes) == (("consent-status",), ("pricing", "service-level"))


@pytest.mark.parametrize(
    ("country", "safeguard", "loads_it"),
    [
        ("NL", "", True),
        ("NO", "", True),
        ("CH", "", True),
        ("GB", "", True),
        ("JP", "", False),
        ("JP", "adequacy", True),
        ("US", "dpf", True),
        ("US", "scc-2021", True),
        ("CN", "bcr", True),
        ("CN", "dpf", False),
    ],
)
def test_a_third_country_needs_a_safeguard(country, safeguard, loads_it):
    more = f", safeguard: {safeguard}" if safeguard else ""
    text = BASE.replace("country: DE,", f'country: "{country}"{more},')
    if loads_it:
        assert loads(text).recipients["carrier"].country == country
    else:
        assert problems(text)


def test_without_a_transfer_law_a_country_may_stay_open():
    text = BASE.replace("[gdpr, eprivacy]", "[us-state-privacy]").replace(", country: DE", "")
    assert loads(text).recipients["carrier"].country == ""


# --- what does not ---------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_broken_policy_is_refused_where_it_is_broken(case: Broken):
    found = problems(case.text())
    at = [p for p in found if case.says in p.what]
    assert at, [str(p) for p in found]
    assert (at[0].line, at[0].column) == case.place(), str(at[0])
    if case.near is not None:
        assert at[0].near == case.near


@pytest.mark.parametrize("section", ["rightful: 1", "policy: {", "regimes:", "categories:", "purposes:"])
def test_a_policy_lacks_no_section_it_cannot_do_without(section):
    name = section.split(":")[0]
    lines, keep = [], True
    for line in BASE.splitlines():
        if not line.startswith((" ", "-")):
            keep = not line.startswith(name + ":")
        if keep:
            lines.append(line)
    assert any(("missing" in p.what and name in p.what) and p.line == 1 for p in problems("\n".join(lines)))


def test_E06_a_misspelt_purpose_key_is_refused_with_line_column_and_the_nearest_name():
    (problem,) = problems(BASE.replace("channels: [email]", "chanels: [email]"))
    assert str(problem) == 'policy.yaml:34:9: unknown key "chanels" in purpose newsletter. Did you mean "channels"?'


def test_E07_a_look_alike_is_another_name():
    found = problems(BASE.replace("for: [marketing]", "for: [m\u0430rketing]"))
    assert [p.near for p in found] == ["marketing"]


def test_every_problem_is_told_at_once():
    text = BASE.replace("chan", "chann").replace("country: DE", "country: XX").replace("[health]", "[helth]")
    found = problems(text)
    assert [p.line for p in found] == sorted(p.line for p in found)
    assert {"channnels", "XX", "helth"} <= {word for p in found for word in re.findall(r'"([^"]+)"', p.what)}


def test_a_refusal_is_one_sentence_with_the_first_place():
    with pytest.raises(PolicyRefused) as refused:
        loads(BASE.replace("chan", "chann"), "shop.yaml")
    assert str(refused.value).startswith(
        "shop.yaml was not loaded: 1 problem, the first is shop.yaml:34:9: unknown key"
    )


@pytest.mark.parametrize(
    ("data", "line", "column", "says"),
    [
        (b"rightful: 1\npolicy: \xff", 2, 9, "byte 20 is not UTF-8"),
        (b"\xef\xbb\xbfrightful: \xc3\n", 1, 11, "byte 13 is not UTF-8"),
        ("rightful: 1\n".encode("utf-16"), 1, 1, "byte 0 is not UTF-8"),
        (b"", 1, 1, "the file says nothing"),
        (b"# nothing but a remark\n", 1, 1, "the file says nothing"),
        (b"a: \x00", 1, 4, "U+0000"),
        (b'a: "open', 1, 9, "the quotes are not closed"),
        (b"a: [1, 2", 1, 9, "this is not YAML"),
        (b"just words", 1, 1, "the policy is a map (key: value), not one value"),
        (b"%YAML 1.1\n---\na: 1\n", 2, 1, "YAML directives (%) are not read"),
    ],
)
def test_a_file_that_is_no_text_or_no_yaml_is_refused(tmp_path, data, line, column, says):
    path = tmp_path / "p.yaml"
    path.write_bytes(data)
    with pytest.raises(PolicyRefused) as refused:
        load(path)
    first = next(p for p in refused.value.problems if says in p.what)
    assert (first.line, first.column) == (line, column)


def test_a_policy_that_is_not_there_is_not_found(tmp_path):
    with pytest.raises(NotFound):
        load(tmp_path / "none.yaml")


def test_an_empty_folder_and_a_folder_of_folders_are_refused(tmp_path):
    with pytest.raises(PolicyRefused, match=r"holds no \.yaml file"):
        load(tmp_path)
    (tmp_path / "sub.yaml").mkdir()
    with pytest.raises(PolicyRefused, match="no ordinary file"):
        load(tmp_path)


def test_files_that_are_too_large_together_are_refused(tmp_path):
    for name in "abc":
        (tmp_path / f"{name}.yaml").write_text("# " + "x\n# " * (LARGEST // 10), encoding="utf-8")
    with pytest.raises(PolicyRefused, match="bytes together"):
        load(tmp_path)


# --- hostile texts ---------------------------------------------------------------------------------


def test_AC_042_a_payload_in_a_policy_is_never_constructed(tmp_path):
    target = tmp_path / "made-by-the-policy"
    for tag in (
        "!!python/object/apply:os.system",
        "!!python/object/new:os.system",
        "!<tag:yaml.org,2002:python/name:os.system>",
    ):
        text = BASE.replace("says: We count.", f'says: {tag} ["touch {target}"]')
        assert any("tags" in p.what for p in problems(text))
    assert not target.exists()


def slow_texts():
    """Texts that some YAML readers choke on, each near the largest size that is let in."""
    head = BASE.split("categories:")[0]
    whole = "categories:\n  c: {fields: [" + ",\n".join(f"t{i}.*" for i in range(200)) + "]}\n"
    purpose = "purposes:\n  p: {says: x, basis: contract, needs: ["
    many = 9_300
    yield "ten thousand nested lists", "a: " + "[" * 10_000
    yield "ten thousand nested ors", "\n".join("a: {or: [" for _ in range(10_000))
    yield "a billion laughs", "a: &a [x, x]\n" + "".join(f"b{i}: &b{i} [*a, *a, *b{i - 1}]\n" for i in range(1, 1_500))
    yield "unknown names", head + whole + purpose + ",\n".join(f"c{i}" for i in range(many)) + "]}\n"
    yield "names that stand for many", head + whole + purpose + ",\n".join(f"c.c{i}" for i in range(many)) + "]}\n"
    yield (
        "rules that stand for many",
        (
            head
            + whole
            + purpose
            + "c]}\nnever:\n  - {for: p, because: x, use: ["
            + ",\n".join(f"c.c{i}" for i in range(many))
            + "]}\n"
        ),
    )
    yield "unknown keys", head + "".join(f"key{i}: 1\n" for i in range(4_500))
    yield "a key again and again", "a: 1\n" * 4_900
    yield "look-alikes", "purposes:\n" + "".join(f"  п{i}: 1\n" for i in range(4_900))
    yield "one long scalar", "a: " + "x y " * 900 + ("\n   " + "x y " * 900) * 60
    yield "escapes", "a: [" + ",\n".join('"' + "\\u0041" * 600 + '"' for _ in range(70)) + "]"
    yield "remarks", "# x\n" * 9_000
    yield "colons", "\n".join(": " * 1_900 for _ in range(60))
    yield "exceptions", (
        head + "categories: {c: {fields: [t.c]}}\npurposes:\n  h:\n    says: x\n    children:\n"
        + "".join(f"      p{i}: {{basis: contract, needs: c}}\n" for i in range(199))
        + "never:\n" + "  - {use: c, for: h, except: [p1, p2], because: why}\n" * 200
    )  # fmt: skip
    yield "circles", (
        head + "categories: {c: {fields: [t.c]}}\npurposes:\n"
        + "".join(
            f"  p{i}: {{says: x, basis: contract, needs: c, compatible-with: ["
            + ",\n".join(f"p{j}" for j in range(200) if j % 8 == i % 8 and j != i)
            + "]}\n"
            for i in range(200)
        )
    )  # fmt: skip


@pytest.mark.parametrize(("name", "text"), list(slow_texts()), ids=lambda value: value if len(value) < 40 else "")
def test_AC_044_no_text_takes_long(name, text):
    start = time.process_time()
    try:
        loads(text)
    except PolicyRefused as refused:
        assert refused.problems
    assert time.process_time() - start < 1, name


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x" * (LARGEST + 1), "characters; a policy has at most"),
        ("a\n" * (MOST_LINES + 1), "lines; a policy has at most"),
        ("a: " + "x" * LONGEST_LINE, "the line is longer than"),
        ("a: [" + "x,\n" * MOST_NODES + "]", "lines; a policy"),
        ("a: [" + "a, b, c,\n" * (MOST_NODES // 3) + "]", "keys and values"),
    ],
)
def test_AC_044_sizes_are_bounded(text, says):
    assert says in problems(text)[0].what


def test_a_flood_of_problems_is_cut_and_counted():
    with pytest.raises(PolicyRefused) as refused:
        loads(BASE + "".join(f"key{i}: 1\n" for i in range(500)))
    assert len(refused.value.problems) == 100
    assert "500 problems" in refused.value.sentence


WORDS = st.sampled_from(
    ["rightful", "policy", "regimes", "categories", "purposes", "children", "basis", "needs", "consent", "never", "tests", "given", "ask", "expect", "EU", "DE", "NO", "yes", "no", "on", "off", "null", "~", "true", "1", "010", "12:30", "contract", "gdpr-9", "customer.email", "order.*", "[]", "{}", "-", ":", "?", "!", "&", "*", "|", ">", "'", '"', "#", "%", "---", "..."]
)  # fmt: skip
MUTATIONS = st.tuples(st.integers(0, len(BASE)), st.integers(0, 12), st.one_of(st.text(max_size=6), WORDS))


@settings(deadline=None)
@given(st.lists(MUTATIONS, min_size=1, max_size=5))
def test_a_mutated_policy_loads_or_is_refused_and_nothing_else(mutations):
    text = BASE
    for at, length, new in mutations:
        text = text[:at] + new + text[at + length :]
    try:
        policy = loads(text)
    except PolicyRefused as refused:
        assert all(p.severity == "error" and p.what for p in refused.problems)
    else:
        assert len(policy.version) == 64


@settings(deadline=None)
@given(st.one_of(st.text(), st.binary(), st.lists(WORDS).map(" ".join), st.lists(WORDS).map("\n".join)))
@example("\ud800")
@example("? {a: 1}\n: [b]")
@example("a: !!binary x")
@example("- \n- -\n-  : ")
@example('"\\UFFFFFFFF"')
def test_any_text_is_read_or_refused(tmp_path_factory, text):
    if isinstance(text, bytes):
        path = tmp_path_factory.mktemp("policy") / "p.yaml"
        path.write_bytes(text)
        with pytest.raises(PolicyRefused):
            load(path)
    else:
        with pytest.raises(PolicyRefused):
            loads(text)


def test_the_transforms_of_the_vocabulary_are_those_that_exist():
    assert {name.removesuffix(":N") for name in vocabulary.TRANSFORMS} == set(NAMES)
