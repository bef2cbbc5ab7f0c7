"""The worked cases of tests/cases/decisions.json that the gate answers, each by its id."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from rightful.gate import conditions
from rightful.gate.plan import compile_plan
from rightful.gate.request import Request
from rightful.policy.bind import bind
from rightful.policy.model import Never, Recipient, Role
from rightful.terms import Outcome, RecipientKind, Survives
from tests.builders import NOW, event, notice, policy, purpose, subject, us

DAY = 86_400_000_000
CATALOGUE = {"customer": ["email", "phone", "income", "health", "name"]}
CASES = {case["id"]: case for case in json.loads((Path(__file__).parents[1] / "cases/decisions.json").read_text())}

NEWSLETTER = policy(
    purpose("marketing", needs=(), abstract=True, direct_marketing=True),
    purpose("newsletter", parent="marketing", channels=("email", "sms"), direct_marketing=True),
    purpose("sms_offers", parent="marketing", channels=("sms",), direct_marketing=True),
    purpose("partner_offers", parent="marketing", channels=("email",), direct_marketing=True),
    purpose("delivery", "contract"),
)
NOTICE = {"n1": notice("marketing", "newsletter", "sms_offers")}
GIVEN = event("given", "newsletter", "email")


def decide(pol, notices, who, purpose_id, channel="", recipient="", *, role="marketer", fields=None, now=NOW):
    request = Request("max", role, purpose_id, channel, recipient, fields)
    return compile_plan(pol, bind(pol, CATALOGUE), notices, request, now).decide(who, now, 1)


def codes(*args, **more):
    return decide(*args, **more).codes


def newsletter(*events, channel="email", now=NOW, notices=NOTICE, pol=NEWSLETTER, **person):
    return decide(pol, notices, subject(*events, **person), "newsletter", channel, now=now)


def allows(decision):
    return decision.outcome is Outcome.ALLOW


# --- consent ---------------------------------------------------------------------------------------


def test_S02_closing_the_banner_is_no_consent():
    assert newsletter(event("deferred", "newsletter", "email")).codes == {"consent_deferred"}


def test_S03_a_pre_ticked_box_is_no_consent():
    assert newsletter(event("given", "newsletter", "email", method="pre-ticked")).codes == {"consent_invalid"}


def test_S04_consent_covers_what_its_notice_described_and_not_what_the_next_one_added():
    wider = policy(purpose("newsletter", channels=("email",), needs=("contact", "money"), recipients=("agency",)))
    old = {"v3": notice("newsletter")["newsletter"]}
    new = {"newsletter": notice("newsletter", categories=("contact", "money"), recipients=("agency",))["newsletter"]}
    notices = {"v3": {"newsletter": old["v3"]}, "v4": new}
    consented = subject(event("given", "newsletter", "email", notice="v3"))
    decision = decide(wider, notices, consented, "newsletter", "email")
    assert decision.outcome is Outcome.PARTIAL
    assert decision.allowed_fields == ("customer.email", "customer.phone")
    assert codes(wider, notices, consented, "newsletter", "email", "agency") >= {"recipient_not_on_notice"}


def test_S05_a_notice_that_only_mends_a_typo_keeps_the_old_consent():
    notices = {"v3": notice("newsletter"), "v4": notice("newsletter")}
    assert allows(newsletter(event("given", "newsletter", "email", notice="v3"), notices=notices))


def test_S06_a_grant_does_not_reach_children_that_came_later():
    consented = subject(event("given", "marketing", "email"))
    assert codes(NEWSLETTER, NOTICE, consented, "partner_offers", "email") == {"consent_not_on_notice"}
    assert allows(decide(NEWSLETTER, NOTICE, consented, "newsletter", "email"))


def test_S08_a_grant_never_goes_up_or_sideways():
    assert "consent_missing" in codes(NEWSLETTER, NOTICE, subject(GIVEN), "sms_offers", "sms")
    assert not allows(decide(NEWSLETTER, NOTICE, subject(GIVEN), "marketing"))


def test_S09_consent_to_email_is_no_consent_to_sms():
    assert newsletter(GIVEN, channel="sms").codes == {"wrong_channel"}


@pytest.mark.parametrize("missing", [{"evidence": ""}, {"notice": ""}, {"notice": "never-published"}])
def test_S10_a_consent_nobody_can_prove_permits_nothing(missing):
    assert newsletter(event("given", "newsletter", "email", **missing)).codes == {"consent_unprovable"}


@pytest.mark.parametrize("basis", ["legitimate-interest", "contract", "opt-out", "soft-opt-in", "public-task"])
def test_S12_after_a_withdrawal_no_other_basis_takes_over(basis):
    swapped = policy(purpose("profiling", basis))
    said = [event("given", "profiling"), event("withdrawn", "profiling", at=NOW - 1)]
    assert "consent_withdrawn" in codes(swapped, {"n1": notice("profiling")}, subject(*said), "profiling")


def test_S13_withdrawing_marketing_leaves_the_delivery_alone():
    assert allows(decide(NEWSLETTER, NOTICE, subject(event("withdrawn", "marketing", "*")), "delivery"))


def test_S14_a_synchronised_row_is_no_fresh_act():
    said = [
        event("withdrawn", "newsletter", "email", NOW - 2 * DAY),
        event("given", "newsletter", "email", NOW - DAY, method="sync"),
    ]
    assert newsletter(*said).codes == {"consent_withdrawn"}
    fresh = event("given", "newsletter", "email", NOW - DAY, method="form", evidence="form-77")
    assert allows(newsletter(said[0], fresh))


def test_S21_an_agent_s_tick_needs_the_recording():
    assert not allows(newsletter(event("given", "newsletter", "email", method="agent", evidence="")))
    assert allows(newsletter(event("given", "newsletter", "email", method="agent", evidence="call-2026-05-04.ogg")))


# --- engine ----------------------------------------------------------------------------------------


def test_E03_no_event_is_no_permission():
    assert newsletter().codes == {"consent_missing"}


def test_E04_E05_a_never_rule_beats_the_purpose_however_specific():
    clash = policy(
        purpose("newsletter", channels=("email",), needs=("customer.email",)),
        never=(Never(("contact",), ("newsletter",), "agreed with the works council"),),
    )
    decision = decide(clash, NOTICE, subject(GIVEN), "newsletter", "email")
    assert decision.outcome is Outcome.DENY and "never_rule" in decision.codes


@pytest.mark.parametrize("name", ["Newsletter", "newsletter ", "newslеtter", "NEWSLETTER", "news\u00adletter"])
def test_E07_names_are_compared_byte_for_byte(name):
    assert "purpose_unknown" in codes(NEWSLETTER, NOTICE, subject(GIVEN), name, "email")


def test_E07_composed_and_decomposed_names_are_one_name():
    pol = policy(purpose("caf\u00e9", "contract"))
    assert allows(decide(pol, {}, subject(), "cafe\u0301"))


# --- jurisdiction ----------------------------------------------------------------------------------

MIXED = policy(
    purpose("newsletter", {"EU": "consent", "CA": "opt-out"}, channels=("email",), direct_marketing=True),
    purpose("ads", {"EU": "consent", "CA": "opt-out-of-sharing"}, recipients=("agency", "printer")),
)
SHOWN = {"n1": notice("newsletter", "ads", recipients=("agency", "printer"))}


def test_J01_without_residence_every_regime_has_to_permit():
    assert newsletter(pol=MIXED, notices=SHOWN, residence="").codes == {"consent_missing"}
    assert newsletter(pol=MIXED, notices=SHOWN, residence="BR").codes == {"consent_missing"}
    assert allows(newsletter(pol=MIXED, notices=SHOWN, residence="US-CA"))
    deny = replace(MIXED, unknown_jurisdiction="deny")
    assert "jurisdiction_unknown" in newsletter(GIVEN, pol=deny, notices=SHOWN, residence="").codes


def test_J03_a_move_counts_from_its_day_and_not_before():
    move = event("moved", at=us("2026-07-01T00:00:00+00:00"), value="DE", received_us=NOW)
    person = {"pol": MIXED, "notices": SHOWN, "residence": "US-CA"}
    assert allows(newsletter(move, now=us("2026-06-30T23:59:59+00:00"), **person))
    assert "consent_missing" in newsletter(move, now=us("2026-07-01T00:00:00+00:00"), **person).codes


def ads(*events, recipient="agency", pol=MIXED):
    served = event("notice-served", at=NOW - 300 * DAY)
    return decide(pol, SHOWN, subject(served, *events, residence="US-CA"), "ads", "", recipient)


def test_J04_a_gpc_signal_stops_sharing_and_not_the_own_newsletter():
    signal = event("signal-gpc")
    assert ads(signal).codes == {"opted_out"}
    assert allows(newsletter(signal, pol=MIXED, notices=SHOWN, residence="US-CA"))


def test_J05_a_later_visit_without_the_signal_changes_nothing():
    assert ads(event("signal-gpc", at=NOW - 30 * DAY), event("active", at=NOW - DAY)).codes == {"opted_out"}


def test_J06_a_programme_joined_goes_on_only_if_the_customer_was_asked():
    joined = [event("given", "ads", at=NOW - 90 * DAY), event("signal-gpc", at=NOW - 9 * DAY)]
    assert ads(*joined).codes == {"opted_out"}
    assert allows(ads(*joined, event("signal-asked", "ads", at=NOW - 8 * DAY)))
    assert ads(*joined, event("signal-asked", "other", at=NOW - 8 * DAY)).codes == {"opted_out"}
    assert ads(*joined, event("signal-asked", "ads", at=NOW - 10 * DAY)).codes == {"opted_out"}, "asked before"
    assert ads(*joined, event("signal-asked", "ads", at=NOW), event("opted-out")).codes == {"opted_out"}


def test_J07_a_service_provider_under_contract_is_no_sale():
    assert allows(ads(event("opted-out"), recipient="printer"))
    assert ads(event("opted-out"), recipient="agency").codes == {"opted_out"}


# --- minors ----------------------------------------------------------------------------------------

GAME = policy(purpose("game", for_children=True), purpose("fun", "legitimate-interest"))
GAME_NOTICE = {"n1": notice("game")}


def test_M01_a_child_cannot_consent_alone():
    child = subject(event("given", "game"), birth=date(2011, 1, 1))
    assert codes(GAME, GAME_NOTICE, child, "game") == {"guardian_missing"}
    agreed = subject(event("given", "game", method="guardian"), birth=date(2011, 1, 1))
    assert allows(decide(GAME, GAME_NOTICE, agreed, "game"))
    fifteen = subject(event("given", "game"), birth=date(2011, 1, 1), residence="FR")
    assert allows(decide(GAME, GAME_NOTICE, fifteen, "game")), "France: 15"
    unknown = subject(event("given", "game"), birth=None)
    assert codes(GAME, GAME_NOTICE, unknown, "game") == {"age_unknown"}


def test_M03_parental_consent_outlives_the_birthday_with_a_duty_to_tell():
    grown = subject(event("given", "game", at=NOW - 900 * DAY, method="guardian"), birth=date(2010, 1, 1))
    decision = decide(GAME, GAME_NOTICE, grown, "game")
    assert allows(decision) and "inform_child_of_right_to_withdraw" in decision.obligations


def test_M07_legitimate_interest_does_not_reach_children():
    assert codes(GAME, {}, subject(birth=date(2010, 1, 1)), "fun") == {"minor"}


def test_M08_a_leap_day_child_comes_of_age_on_the_day_and_in_common_years_on_1_march():
    person = subject(event("given", "game", at=us("2028-02-28T09:00:00+01:00")), birth=date(2012, 2, 29))
    assert "guardian_missing" in codes(GAME, GAME_NOTICE, person, "game", now=us("2028-02-28T12:00:00+01:00"))
    of_age = subject(event("given", "game", at=us("2028-02-29T00:00:00+01:00")), birth=date(2012, 2, 29))
    assert allows(decide(GAME, GAME_NOTICE, of_age, "game", now=us("2028-02-29T00:00:00+01:00")))
    paris = {"birth": date(2012, 2, 29), "residence": "FR"}  # 15 in 2027, a common year
    early = subject(event("given", "game", at=us("2027-02-28T23:59:59+01:00")), **paris)
    assert "guardian_missing" in codes(GAME, GAME_NOTICE, early, "game", now=us("2027-06-01T12:00:00+01:00"))
    late = subject(event("given", "game", at=us("2027-03-01T00:00:00+01:00")), **paris)
    assert allows(decide(GAME, GAME_NOTICE, late, "game", now=us("2027-06-01T12:00:00+01:00")))


# --- objection, restriction, erasure ---------------------------------------------------------------


def test_O01_an_objection_stands_against_a_later_purchase():
    soft = policy(purpose("offers", "soft-opt-in", channels=("email",), direct_marketing=True))
    said = [
        event("objected", "direct-marketing", at=NOW - 300 * DAY),
        event("soft-opt-in", "offers", "email", NOW - DAY),
    ]
    assert codes(soft, {}, subject(*said), "offers", "email") == {"objected"}
    assert allows(decide(soft, {}, subject(said[1]), "offers", "email"))


def test_O07_an_older_consent_does_not_lift_a_later_restriction():
    assert newsletter(GIVEN, event("restricted", at=NOW - 1)).codes == {"restricted"}


def test_O08_a_restricted_record_may_be_used_for_a_legal_claim_and_only_its_fields():
    claims = policy(purpose("claims", "legal-claims", survives=frozenset({Survives.RESTRICTION})))
    restricted = subject(event("restricted"))
    assert allows(decide(claims, {}, restricted, "claims"))
    fields = ("customer.email", "customer.income")
    assert decide(claims, {}, restricted, "claims", fields=fields).allowed_fields == ("customer.email",)


def test_O09_a_restriction_is_not_lifted_before_the_person_was_told():
    quiet = event("restriction-lifted", at=NOW - 1)
    told = event("restriction-lifted", at=NOW - 1, evidence="letter-12")
    assert "restricted" in newsletter(GIVEN, event("restricted", at=NOW - 9), quiet).codes
    assert allows(newsletter(GIVEN, event("restricted", at=NOW - 9), told))


def test_O10_one_contested_field_rests_and_the_others_go_on():
    scoring = policy(purpose("scoring", "contract", needs=("money", "contact")))
    decision = decide(scoring, {}, subject(event("restricted", "customer.income")), "scoring")
    assert decision.outcome is Outcome.PARTIAL
    assert decision.allowed_fields == ("customer.email", "customer.phone")
    assert {f.field for f in decision.fields if not f.allowed} == {"customer.income"}


def test_O21_consent_status_is_no_input_to_a_price():
    pol = policy(
        purpose("pricing", "contract", needs=("consent-status", "contact")),
        categories=policy().categories
        | {"consent-status": replace(policy().categories["contact"], id="consent-status", fields=("customer.name",))},
        never=(Never(("consent-status",), ("pricing",), "saying no costs nothing"),),
    )
    decision = decide(pol, {}, subject(), "pricing", fields=("customer.name", "customer.email"))
    assert decision.allowed_fields == ("customer.email",) and "never_rule" in decision.codes


# --- purpose ---------------------------------------------------------------------------------------


def test_P03_what_was_collected_on_consent_is_not_reused_by_a_compatibility_test():
    pol = policy(purpose("a"), purpose("b", "legitimate-interest", compatible_with=("a",)))
    assert "incompatible" in codes(pol, {"n1": notice("a", "b")}, subject(event("notice-served")), "b")


def test_P04_a_compatible_purpose_waits_until_the_customer_was_told():
    pol = policy(purpose("a", "contract"), purpose("b", "legitimate-interest", compatible_with=("a",)))
    assert codes(pol, {"n1": notice("b")}, subject(), "b") == {"not_informed"}
    assert allows(decide(pol, {"n1": notice("b")}, subject(event("notice-served")), "b"))
    assert codes(pol, {"n1": notice("a")}, subject(event("notice-served")), "b") == {"not_informed"}


def test_P10_a_column_nobody_classified_is_not_used():
    wide = policy(purpose("delivery", "contract"))
    assert codes(wide, {}, subject(), "delivery", fields=("customer.name",)) == {"unclassified_field"}


def test_P11_free_text_may_reveal_anything_and_is_not_for_marketing():
    notes = replace(policy().categories["contact"], id="notes", fields=("customer.name",), treat_as_special=True)
    pol = policy(
        purpose("newsletter", channels=("email",), needs=("contact", "notes")),
        categories=policy().categories | {"notes": notes},
    )
    told = {"n1": notice("newsletter", categories=("contact", "notes"))}
    decision = decide(pol, told, subject(GIVEN), "newsletter", "email")
    assert decision.outcome is Outcome.PARTIAL and "special_category" in decision.codes
    assert "customer.name" not in decision.allowed_fields


# --- recipients ------------------------------------------------------------------------------------

END = us("2026-06-30T22:00:00+00:00")
SHARING = policy(
    purpose("newsletter", channels=("email",), recipients=("agency", "printer")),
    recipients={
        "agency": Recipient("agency", "A-1", until_us=END),
        "printer": Recipient("printer", "A-2", covers=("customer.email",), kind=RecipientKind.PROCESSOR),
        "sister": Recipient("sister", "A-3"),
    },
)
SHARED = {"n1": notice("newsletter", recipients=("agency", "printer"))}


def share(recipient, *events, now=NOW, pol=SHARING, notices=SHARED):
    return decide(pol, notices, subject(*events or (GIVEN,)), "newsletter", "email", recipient, now=now)


def test_R02_an_agreement_is_over_at_the_instant_it_ends():
    assert share("agency", now=END).codes == {"agreement_not_in_force"}
    assert allows(share("agency", now=END - 1))
    later = replace(SHARING, recipients={"agency": Recipient("agency", "A-1", since_us=END)})
    assert share("agency", now=END - 1, pol=later).codes == {"agreement_not_in_force"}
    assert allows(share("agency", now=END, pol=later))


def test_R03_a_recipient_added_after_the_notice_gets_nothing_until_the_customer_is_told():
    before = {"n1": notice("newsletter", recipients=("printer",))}
    assert share("agency", notices=before).codes == {"recipient_not_on_notice"}


def test_R05_each_recipient_has_its_own_answer():
    one = {"n1": notice("newsletter", recipients=("printer",))}
    assert not allows(share("agency", notices=one))
    assert share("printer", notices=one).outcome is Outcome.PARTIAL


def test_R06_what_leaves_is_what_actor_purpose_and_recipient_all_permit():
    decision = share("printer")
    assert decision.allowed_fields == ("customer.email",)
    assert decision.codes == {"field_not_covered"}


def test_R08_a_sister_company_is_a_recipient_like_any_other():
    assert "recipient_not_for_purpose" in share("sister").codes
    assert "recipient_unknown" in share("sister-holding").codes


# --- time ------------------------------------------------------------------------------------------


def test_T01_T02_consent_ends_at_its_instant_and_not_a_microsecond_earlier():
    end = us("2026-06-01T00:00:00+00:00")
    given = event("given", "newsletter", "email", end - 90 * DAY, until_us=end)
    assert newsletter(given, now=end).codes == {"consent_expired"}
    assert allows(newsletter(given, now=end - 1))


def test_T04_at_the_same_instant_the_withdrawal_wins():
    pair = [event("given", "newsletter", "email"), event("withdrawn", "newsletter", "email")]
    for order in (pair, pair[::-1]):
        assert newsletter(*order).codes == {"consent_withdrawn"}


def test_T05_a_grant_that_arrives_late_does_not_undo_the_withdrawal_after_it():
    withdrawn = event("withdrawn", "newsletter", "email", us("2026-05-04T10:00:00+00:00"))
    late = event(
        "given", "newsletter", "email", us("2026-05-04T09:00:00+00:00"), received_us=us("2026-05-04T11:00:00+00:00")
    )
    assert newsletter(withdrawn, late).codes == {"consent_withdrawn"}


def test_T06_a_fast_clock_does_not_let_a_grant_outlive_a_withdrawal():
    noon = us("2026-06-15T12:00:00+00:00")
    grant = event("given", "newsletter", "email", noon + 7_200_000_000, received_us=noon)
    stop = event("withdrawn", "newsletter", "email", noon + 3_600_000_000)
    for later in (noon + 3_600_000_001, noon + 3 * 3_600_000_000):
        assert newsletter(grant, stop, now=later).codes == {"consent_withdrawn"}


# --- bookkeeping -----------------------------------------------------------------------------------

ELSEWHERE = {
    "O13": "tests/cli/test_retention.py",
    "O14": "tests/actions/test_keep_gone.py",
    "O18": "tests/rights/test_requests.py",
    "O19": "tests/rights/test_requests.py",
    "O20": "tests/actions/test_dispose_expired.py",
    "R07": "tests/actions/test_tell_recipients.py",
    "S15": "tests/actions/test_choices.py",
    "S16": "tests/actions/test_choices.py",
    "S18": "tests/actions/test_choices.py",
    "E06": "tests/policy",
    "E08": "tests/actions/test_use_data.py",
    "E09": "tests/actions/test_use_data.py",
    "E10": "tests/actions/test_use_data.py",
    "E11": "tests/actions/test_use_data.py",
    "E12": "tests/actions/test_use_data.py",
    "P05": "tests/actions/test_use_data.py",
    "P07": "tests/actions/test_use_data.py",
    "P08": "tests/actions/test_use_data.py",
    "P09": "tests/gate/test_rewrite.py",
    "T08": "tests/actions/test_imports.py",
    "T09": "tests/actions/test_imports.py",
    "T13": "tests/actions/test_use_data.py",
    "T14": "tests/actions/test_use_data.py",
}
NOT_YET = {  # capabilities that come with rights, retention, fair use and sharing
    "J09",
    "P15",
    "P18",
}


def test_every_case_is_tested_here_or_listed():
    here = {part for name in globals() if name.startswith("test_") for part in name.split("_")[1:]}
    missing = set(CASES) - here - set(ELSEWHERE) - NOT_YET
    assert not missing, missing
    role = Role("analyst", ("newsletter",), only=("customer.email",))
    assert decide(
        replace(NEWSLETTER, roles={"analyst": role}), NOTICE, subject(GIVEN), "newsletter", "email", role="analyst"
    ).allowed_fields == ("customer.email",)
    assert conditions.REASONS
