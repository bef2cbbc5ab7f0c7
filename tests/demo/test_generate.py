"""Whether the demo's data is what it says: real where real, possible where invented, the same each time."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pytest

from rightful.demo import corrections, generate, requests, words
from rightful.demo.choices import BROKEN, NEW_NOTICE, NEW_NOTICE_ON, OLD_NOTICE, OLD_NOTICE_ON, REPEATED
from rightful.demo.crowd import CAMPAIGN, ORDERS, VISITS, YOUTH
from rightful.terms import EventKind, Method

TODAY = date(2026, 11, 24)
SOURCES = CAMPAIGN.parent / "SOURCES.md"
ZONED = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> generate.Written:
    return generate.write(tmp_path_factory.mktemp("meadow"), today=TODAY)


@pytest.fixture(scope="module")
def raw() -> pa.Table:
    return pyarrow.csv.read_csv(CAMPAIGN)


@pytest.fixture(scope="module")
def customer(written: generate.Written) -> pa.Table:
    return pyarrow.csv.read_csv(written.files["customer"])


@pytest.fixture(scope="module")
def consent(written: generate.Written) -> pa.Table:
    """Every column as text, exactly as it lies in the file."""
    text = {name: pa.string() for name in generate.ORIGIN["consent"]}
    convert = pyarrow.csv.ConvertOptions(column_types=text, strings_can_be_null=False)
    return pyarrow.csv.read_csv(written.files["consent"], convert_options=convert)


@pytest.fixture(scope="module")
def sound(consent: pa.Table) -> pa.Table:
    """Rows that are not broken, each event once, with `us`: microseconds since 1970."""
    whole = consent.filter(pc.not_equal(consent["source"], "spreadsheet"))
    once = whole.slice(0, whole.num_rows - REPEATED)
    at = pc.strptime(pc.replace_substring_regex(once["at"], "(Z|[+-].{5})$", ""), "%Y-%m-%dT%H:%M:%S", "us").cast(
        pa.int64()
    )
    suffix = pc.utf8_slice_codeunits(once["at"], 19)
    minutes = {"Z": 0, "+01:00": 60, "+02:00": 120, "-08:00": -480}
    shift = np.array([minutes[s] for s in suffix.to_pylist()]) * 60_000_000
    return once.append_column("us", pa.array(at.to_numpy() - shift))


# --- the same each time ----------------------------------------------------------------------------


def test_the_same_seed_and_day_give_the_same_bytes_also_over_older_files(written, tmp_path):
    for name in written.files:
        (tmp_path / f"{name}.csv").write_text("left from yesterday")
    assert generate.write(tmp_path, today=TODAY).digests == written.digests


def test_another_seed_gives_other_people_on_the_same_real_rows(written, tmp_path, customer):
    other = generate.write(tmp_path, seed=7, today=TODAY)
    assert all(other.digests[name] != written.digests[name] for name in written.files)
    again = pyarrow.csv.read_csv(other.files["customer"])
    for column, origin in generate.ORIGIN["customer"].items():
        if origin != generate.SYNTHETIC:
            assert again[column].equals(customer[column]), column


def test_the_digests_are_those_of_the_files(written):
    for name, path in written.files.items():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == written.digests[name]


def test_no_half_written_file_is_left_behind(written):
    assert sorted(p.name for p in written.folder.iterdir()) == sorted(f"{n}.csv" for n in written.files)


@pytest.mark.parametrize("today", [date(2026, 6, 1), date(2027, 3, 1), date(2028, 2, 29), date(2030, 12, 31)])
def test_any_later_day_works_as_well(tmp_path, today):
    written = generate.write(tmp_path, today=today)
    customer = pyarrow.csv.read_csv(written.files["customer"])
    last = pc.max(customer["last_contact_on"]).as_py()
    assert last < today
    assert (today - last).days < 366, "the campaign's last call lies within the last year"
    assert pc.max(customer["birth_date"]).as_py() < today.replace(year=today.year - 13, day=28)
    events = pyarrow.csv.read_csv(written.files["consent"])
    early = events.filter(pc.and_(pc.equal(events["kind"], "given"), pc.equal(events["notice"], OLD_NOTICE)))
    joined = dict(zip(customer["id"].to_pylist(), customer["created_at"].to_pylist(), strict=True))
    on = [(who, at[:10]) for who, at in zip(early["customer_id"].to_pylist(), early["at"].to_pylist(), strict=True)]
    assert len(on) > 2_500
    assert all(joined[who].date().isoformat() <= day for who, day in on if who in joined and day[:2] == "20")


@pytest.mark.parametrize("today", [date(1970, 1, 1), date(2026, 5, 31), date(2031, 1, 2)])
def test_a_clock_outside_the_years_of_the_two_notices_is_refused(tmp_path, today):
    with pytest.raises(ValueError, match="is the clock right"):
        generate.write(tmp_path / "never", today=today)
    assert not (tmp_path / "never").exists()


# --- real where it says real -----------------------------------------------------------------------


def test_every_row_of_the_campaign_is_one_customer(written, raw, customer):
    assert raw.num_rows == customer.num_rows == written.rows["customer"] == 45_211


def test_real_columns_are_the_banks_own_row_by_row(raw, customer):
    renamed = {
        "contact_kind": "contact",
        "duration_s": "duration",
        "campaign_contacts": "campaign",
        "previous_contacts": "previous",
        "previous_outcome": "poutcome",
        "default_credit": "default",
        "housing_loan": "housing",
        "personal_loan": "loan",
        "subscribed": "y",
        "days_since_previous": "pdays",
    }
    checked = 0
    for column, origin in generate.ORIGIN["customer"].items():
        if origin != generate.REAL:
            continue
        theirs, ours = raw[renamed.get(column, column)], customer[column]
        if ours.type == pa.bool_():
            theirs = pc.equal(theirs, "yes")
        if column == "days_since_previous":
            ours = pc.fill_null(ours, -1)
        assert ours.to_pylist() == theirs.to_pylist(), column
        checked += 1
    assert checked == 15


def test_the_day_and_month_of_a_call_are_real_and_the_rows_stay_in_order_of_time(raw, customer):
    called = customer["last_contact_on"]
    months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
    assert pc.day(called).to_pylist() == raw["day"].to_pylist()
    assert [months[m - 1] for m in pc.month(called).to_pylist()] == raw["month"].to_pylist()
    month_no = np.array(pc.year(called).to_pylist()) * 12 + np.array(pc.month(called).to_pylist())
    assert (np.diff(month_no) >= 0).all()
    assert Counter(pc.year(called).to_pylist()) == {2024: 27_729, 2025: 14_862, 2026: 2_620}


def test_the_file_shipped_is_the_published_one_and_is_cited():
    text = SOURCES.read_text(encoding="utf-8")
    assert hashlib.sha256(CAMPAIGN.read_bytes()).hexdigest() in text
    for word in ("no. 222", "CC BY 4.0", "Moro", "Cortez", "Rita"):
        assert word in text


def test_the_sources_and_the_description_name_each_column_under_its_origin(written):
    listed = {
        row[0].strip(): {name.strip() for name in row[1].split(",")}
        for row in re.findall(r"^\| (real|synthetic|real day[^|]*) \|([^|]*)\|$", SOURCES.read_text("utf-8"), re.M)
    }
    for origin in (generate.REAL, generate.PLACED, generate.SYNTHETIC):
        assert listed[origin] == {c for c, o in generate.ORIGIN["customer"].items() if o == origin}
    said = written.describe()
    assert all(column in said for column in generate.ORIGIN["customer"])
    assert "CC BY 4.0" in said and "Nobody here exists" in said


def test_every_file_has_the_columns_whose_origin_is_stated(written):
    for name, path in written.files.items():
        with path.open(encoding="utf-8") as file:
            assert file.readline().strip().replace('"', "").split(",") == list(generate.ORIGIN[name])


# --- nobody real in the invented part --------------------------------------------------------------


def test_every_mailbox_lies_under_a_reserved_domain_and_is_its_own(customer):
    mails = customer["email"].to_pylist()
    assert {mail.partition("@")[2] for mail in mails} == set(words.DOMAINS)
    assert all(d in ("example.com", "example.org", "example.net") or d.endswith(".example") for d in words.DOMAINS)
    assert all(re.fullmatch(r"[a-z]+\.[a-z]+\.\d+", mail.partition("@")[0]) for mail in mails)
    assert len(set(mails)) == len(mails)


def test_every_telephone_number_is_one_nobody_answers(customer):
    fiction = re.compile(
        r"\+44 7700 900\d{3}|\+1 415 555 01\d\d|\+33 6 39 98 \d\d \d\d|\+49 171 39200\d\d|\+353 20 91\d \d{4}"
        r"|\+(351|34|31|43|41) 000 \d{3} \d{3}"
    )
    assert all(fiction.fullmatch(number) for number in customer["phone"].to_pylist())


def test_customers_live_where_the_shares_say(written, customer):
    live = Counter("" if r is None else r for r in customer["residence"].to_pylist())
    total = sum(p.share for p in words.PLACES)
    assert set(live) == {p.residence for p in words.PLACES}
    for place in words.PLACES:
        assert abs(live[place.residence] / 45_211 - place.share / total) < 0.01, place.residence
    assert live[""] == written.planted["residence_unknown"]
    assert live["CH"] == written.planted["residence_outside_every_regime"]
    country = [c or "" for c in customer["country"].to_pylist()]
    assert [r.partition("-")[0] if r else "" for r in customer["residence"].to_pylist()] == country


def test_health_shows_only_in_columns_that_are_withheld(customer, written):
    hints = Counter(note in words.HEALTH_HINTS for note in customer["notes"].to_pylist())
    assert hints[True] == written.planted["health_notes"] > 500
    for column in customer.column_names:
        if column not in ("notes", "care_need"):
            assert not set(words.HEALTH_HINTS) & {str(v) for v in customer[column].to_pylist()[:5000]}


# --- possible lives --------------------------------------------------------------------------------


def _age_on(birth: date, day: date) -> int:
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def test_a_birth_date_fits_the_real_age_on_the_day_of_the_call(customer):
    rows = zip(
        customer["account_kind"].to_pylist(),
        customer["birth_date"].to_pylist(),
        customer["last_contact_on"].to_pylist(),
        customer["age"].to_pylist(),
        strict=True,
    )
    adults = [(b, c, a) for kind, b, c, a in rows if kind == "adult"]
    assert len(adults) == 45_211 - YOUTH
    wrong = [(b, c, a) for b, c, a in adults if _age_on(b, c) != a]
    assert wrong == []


def test_young_customers_are_14_to_17_today_and_nobody_else_is_a_minor(customer, written):
    ages = Counter(
        (kind, _age_on(birth, TODAY))
        for kind, birth in zip(customer["account_kind"].to_pylist(), customer["birth_date"].to_pylist(), strict=True)
    )
    assert {age for kind, age in ages if kind == "youth"} == {14, 15, 16, 17}
    assert sum(n for (kind, _), n in ages.items() if kind == "youth") == YOUTH == written.planted["youth_accounts"]
    assert min(age for kind, age in ages if kind == "adult") >= 18
    assert max(age for _, age in ages) < 100


def test_orders_and_visits_belong_to_customers_and_come_after_joining(written, customer):
    joined = dict(zip(customer["id"].to_pylist(), customer["created_at"].to_pylist(), strict=True))
    for name, column, count in (("order", "ordered_at", ORDERS), ("web_visit", "visited_at", VISITS)):
        table = pyarrow.csv.read_csv(written.files[name])
        assert table.num_rows == written.rows[name] == count
        assert pc.count_distinct(table["id"]).as_py() == count
        assert pc.max(table[column]).as_py().date() < TODAY
        assert all(
            at >= joined[who]
            for who, at in zip(table["customer_id"].to_pylist(), table[column].to_pylist(), strict=True)
        )


def test_the_number_and_the_last_day_of_orders_agree_with_the_orders(written, customer):
    order = pyarrow.csv.read_csv(written.files["order"])
    per = order.append_column("day", pc.cast(order["ordered_at"], pa.date32())).group_by("customer_id")
    totals = per.aggregate([("id", "count"), ("day", "max")])
    count = dict(zip(totals["customer_id"].to_pylist(), totals["id_count"].to_pylist(), strict=True))
    last = dict(zip(totals["customer_id"].to_pylist(), totals["day_max"].to_pylist(), strict=True))
    ids = customer["id"].to_pylist()
    assert customer["orders"].to_pylist() == [count.get(i, 0) for i in ids]
    assert customer["last_order"].to_pylist() == [last.get(i) for i in ids]


# --- what was said ---------------------------------------------------------------------------------


def _count(table: pa.Table, **equal: str) -> int:
    mask = pa.chunked_array([pa.array(np.ones(table.num_rows, dtype=bool))])
    for column, value in equal.items():
        mask = pc.and_(mask, pc.equal(table[column], value))
    return pc.sum(mask).as_py() or 0


def test_the_history_is_as_long_as_the_planted_groups(written, consent):
    about_customers = {"youth_accounts", "residence_unknown", "residence_outside_every_regime"}
    about_customers |= {"health_notes", "health_gift_notes"}
    assert consent.num_rows == written.rows["consent"]
    assert consent.num_rows == sum(n for name, n in written.planted.items() if name not in about_customers)


def test_each_way_of_being_broken_is_there_as_often_as_it_says(written, consent):
    broken = consent.filter(pc.equal(consent["source"], "spreadsheet"))
    assert broken.num_rows == written.broken == sum(f.rows for f in BROKEN.values()) == 44
    kinds = {k.value for k in EventKind}
    found = Counter()
    for row in broken.to_pylist():
        if row["kind"] not in kinds:
            found["broken_kind"] += 1
        elif row["purpose"] != "newsletter":
            found["broken_purpose"] += 1
        elif row["customer_id"] in ("", "M-999999"):
            found["broken_customer"] += 1
        elif re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", row["at"]):
            found["broken_no_zone"] += 1
        else:
            found["broken_date"] += 1
    assert found == {name: fault.rows for name, fault in BROKEN.items()}


def test_all_other_rows_are_in_the_words_of_the_product(sound, customer):
    assert set(sound["kind"].to_pylist()) <= {k.value for k in EventKind}
    assert set(sound["method"].to_pylist()) <= {m.value for m in Method}
    assert set(sound["notice"].to_pylist()) == {"", OLD_NOTICE, NEW_NOTICE}
    assert all(re.fullmatch(ZONED, at) for at in sound["at"].to_pylist())
    assert all(until == "" or re.fullmatch(ZONED, until) for until in sound["until"].to_pylist())
    assert set(sound["customer_id"].to_pylist()) <= set(customer["id"].to_pylist())
    assert pc.count_distinct(sound["event_id"]).as_py() == sound.num_rows


def test_repeated_rows_are_identical_copies(written, consent):
    seen: dict[str, dict[str, str]] = {}
    copies = 0
    for row in consent.to_pylist():
        if row["event_id"] in seen:
            assert seen[row["event_id"]] == row
            copies += 1
        seen[row["event_id"]] = row
    assert copies == written.planted["repeated_rows"] == REPEATED


def test_every_kind_of_event_is_there_as_often_as_planted(written, sound):
    p = written.planted
    letters = {"purpose": "newsletter", "channel": "email"}
    expected = {
        ("notice-served", ""): p["notice_2025_served"] + p["notice_2026_served"],
        ("withdrawn", "newsletter"): p["withdrawn_by_one_click"] + p["withdrawn_in_portal"]
        + p["withdrawn_then_back"] + p["withdrawn_in_the_same_second"] + p["withdrawn_before_copy"],
        ("refused", "newsletter"): p["newsletter_refused"],
        ("deferred", "newsletter"): p["newsletter_deferred"],
        ("active", "newsletter"): p["opened_halfway"] + p["opened_lately"],
        ("soft-opt-in", "similar-products"): p["soft_opt_in"],
        ("given", "savings-offers"): p["offers_email_given"] + p["offers_phone_recorded"]
        + p["offers_phone_for_90_days"] + p["offers_phone_without_recording"],
        ("given", "ads-audience"): p["ads_given_2025"] + p["ads_given_2026"],
        ("given", "partner-offers"): p["partner_given"],
        ("given", "churn-analysis"): p["analysis_given"],
        ("given", "support"): p["support_explicit"],
        ("given", "marketing"): p["marketing_heading_given"],
        ("given", "young-savers"): p["young_guardian"] + p["young_alone"],
        ("objected", "direct-marketing"): p["objected_to_marketing"],
        ("objection-lifted", "direct-marketing"): p["objection_lifted"],
        ("signal-gpc", ""): p["gpc_signal"],
        ("opted-out", ""): p["opted_out_of_sharing"],
        ("opted-in-again", ""): p["opted_in_again"],
        ("restricted", ""): p["restricted_record"],
        ("restricted", "customer.balance"): p["restricted_balance"],
        ("restriction-lifted", ""): p["restriction_lifted"] + p["restriction_lifted_untold"],
        ("moved", ""): p["lived_elsewhere"] + p["moved"],
    }  # fmt: skip
    for (kind, purpose), count in expected.items():
        assert _count(sound, kind=kind, purpose=purpose) == count > 0, (kind, purpose)
    assert _count(sound, method="pre-ticked", **letters) == p["newsletter_pre_ticked"]
    assert _count(sound, method="import", kind="given", **letters) == p["newsletter_unproven"]
    copied = p["newsletter_copied"] + p["newsletter_copied_after_withdrawal"]
    assert _count(sound, method="sync", kind="given", **letters) == copied


def test_nothing_but_the_planted_rows_lies_ahead_of_today(written, sound):
    midnight = int(np.datetime64(TODAY, "us").astype(np.int64))
    ahead = sound.filter(pc.greater_equal(sound["us"], midnight))
    assert ahead.num_rows == written.planted["newsletter_from_the_future"]
    assert set(ahead["source"].to_pylist()) == {"app"}
    assert pc.min(ahead["us"]).as_py() >= midnight + 3 * 86_400_000_000


def test_no_notice_is_used_before_it_existed(sound):
    for label, since in ((OLD_NOTICE, OLD_NOTICE_ON), (NEW_NOTICE, NEW_NOTICE_ON)):
        under = sound.filter(pc.equal(sound["notice"], label))
        assert pc.min(under["us"]).as_py() >= int(np.datetime64(since, "us").astype(np.int64)), label
    partner = sound.filter(pc.equal(sound["purpose"], "partner-offers"))
    assert set(partner["notice"].to_pylist()) == {NEW_NOTICE}


def test_nobody_withdraws_before_having_agreed(sound):
    taken = sound.filter(pc.is_in(sound["kind"], pa.array(["given", "withdrawn", "soft-opt-in"])))
    first_yes: dict[tuple[str, str, str], int] = {}
    first_no: dict[tuple[str, str, str], int] = {}
    rows = zip(
        *(taken[c].to_pylist() for c in ("customer_id", "purpose", "channel", "kind", "us", "method")),
        strict=True,
    )
    for who, purpose, channel, kind, us, method in rows:
        if method == "sync":
            continue
        book = first_no if kind == "withdrawn" else first_yes
        slot = (who, purpose, channel)
        book[slot] = min(book.get(slot, us), us)
    lone = [slot for slot in first_no if slot not in first_yes]
    assert len(lone) == 120, "those whose withdrawal came before a mere copy (S14)"
    assert all(first_yes[slot] <= at for slot, at in first_no.items() if slot in first_yes)


def test_what_proves_nothing_carries_no_evidence_and_everything_else_does(sound):
    weak = pa.array(["pre-ticked", "sync"])
    bare = sound.filter(pc.equal(sound["evidence"], ""))
    by_method = Counter(bare["method"].to_pylist())
    assert set(by_method) == {"pre-ticked", "import", "sync", "agent"}
    assert (
        _count(sound.filter(pc.is_in(sound["method"], weak)), evidence="")
        == by_method["pre-ticked"] + by_method["sync"]
    )
    assert by_method["agent"] == 200, "telephone consents without a recording (S21)"


def test_the_people_for_the_story_are_customers_in_that_situation(written, sound, customer):
    assert set(written.people.values()) <= set(customer["id"].to_pylist())
    chosen = {
        "withdrawn_by_one_click": ("withdrawn", "newsletter"),
        "objected_to_marketing": ("objected", "direct-marketing"),
        "gpc_signal": ("signal-gpc", ""),
        "analysis_given": ("given", "churn-analysis"),
        "young_guardian": ("given", "young-savers"),
    }
    for name, (kind, purpose) in chosen.items():
        assert _count(sound, customer_id=written.people[name], kind=kind, purpose=purpose) == 1, name
    reader = written.people["newsletter_readers"]
    assert (
        _count(sound, customer_id=reader, kind="objected") == _count(sound, customer_id=reader, kind="restricted") == 0
    )


@pytest.mark.parametrize("seeds", [corrections.ASKED, requests.ASKED], ids=["corrections", "requests"])
def test_whoever_a_seed_of_the_demo_names_is_among_the_people(written, seeds):
    """A situation that nobody is in would be passed over without a word."""
    assert {situation for situation, *_rest in seeds} <= set(written.people)
