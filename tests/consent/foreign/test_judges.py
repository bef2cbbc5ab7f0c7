"""The IAB's own JavaScript libraries and our decoder read the same out of the same strings."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from rightful.consent.iab import US_SECTIONS, decode_gpp, decode_tcf
from rightful.errors import SignalUnreadable
from tests.conftest import missing_tool

pytestmark = pytest.mark.foreign
HERE = Path(__file__).parent / "node"
SETS = ("purposes", "legitimate_interests", "special_features", "vendors", "vendor_interests")
PLAIN = ("cmp_id", "cmp_version", "screen", "language", "vendor_list", "policy_version", "service_specific")


@pytest.fixture(scope="module")
def judge():
    if shutil.which("node") is None:
        missing_tool("Node.js", "node is not on the path")
    if not (HERE / "node_modules").is_dir():
        missing_tool("the IAB's JavaScript libraries", f"no node_modules in {HERE.name}; `make test` installs them")

    def ask(jobs: list[tuple[str, Any]]) -> list[dict[str, Any]]:
        asked = json.dumps([{"do": what, "with": given} for what, given in jobs])
        run = subprocess.run(
            ["node", "judge.mjs"], cwd=HERE, input=asked, capture_output=True, text=True, timeout=120, check=True
        )
        return json.loads(run.stdout)

    return ask


def some(chance: random.Random, highest: int, most: int) -> list[int]:
    return sorted(chance.sample(range(1, highest + 1), chance.randint(0, most)))


def tc_model(chance: random.Random) -> dict[str, Any]:
    made = chance.randint(1_600_000_000, 1_790_000_000) * 1000
    crowded = chance.random() < 0.3
    return {
        "cmp_id": chance.randint(2, 4095),
        "cmp_version": chance.randint(1, 4095),
        "screen": chance.randint(0, 63),
        "language": chance.choice(["EN", "DE", "PT"]),
        "vendor_list": chance.randint(1, 400),
        "policy_version": chance.choice([2, 4, 5]),
        "service_specific": chance.random() < 0.8,
        "publisher_country": chance.choice(["DE", "AA", "IE"]),
        "created_ms": made,
        "updated_ms": made + chance.choice([0, 86_400_000]),
        "purposes": some(chance, 11, 11),
        "legitimate_interests": some(chance, 11, 11),
        "special_features": some(chance, 2, 2),
        "vendors": list(range(100, 900)) if crowded else some(chance, 1200, 12),
        "vendor_interests": some(chance, 1200, 6),
        "disclosed": some(chance, 1200, 6),
        "publisher_purposes": some(chance, 11, 5),
        "segments": chance.choice(
            [["core"], ["core", "vendorsDisclosed"], ["core", "vendorsDisclosed", "publisherTC"]]
        ),
    }


def test_tc_strings_they_make_are_read_as_they_were_meant(judge):
    chance = random.Random(7)
    models = [tc_model(chance) for _ in range(150)]
    texts = [answer["ok"] for answer in judge([("encode-tcf", model) for model in models])]
    for model, text in zip(models, texts, strict=True):
        read = decode_tcf(text)
        assert {name: getattr(read, name) for name in PLAIN} == {name: model[name] for name in PLAIN}
        assert {name: sorted(getattr(read, name)) for name in SETS} == {name: model[name] for name in SETS}
        assert (read.created_us, read.updated_us) == (model["created_ms"] * 1000, model["updated_ms"] * 1000)
        if "vendorsDisclosed" in model["segments"]:
            assert sorted(read.disclosed) == model["disclosed"]
        if "publisherTC" in model["segments"]:
            assert sorted(read.publisher_purposes) == model["publisher_purposes"]


def test_damaged_tc_strings_that_both_read_say_the_same(judge):
    chance = random.Random(8)
    whole = [answer["ok"] for answer in judge([("encode-tcf", tc_model(chance)) for _ in range(40)])]
    damaged = []
    for text in whole:
        for _ in range(5):
            place = chance.randrange(len(text))
            damaged.append(text[:place] + chance.choice("ABCDEFGHgh019-_") + text[place + 1 :])
    both = 0
    for text, answer in zip(damaged, judge([("decode-tcf", text) for text in damaged]), strict=True):
        try:
            read = decode_tcf(text)
        except SignalUnreadable:
            continue
        theirs = answer.get("ok")
        if theirs is None:
            continue
        both += 1
        assert sorted(read.purposes) == theirs["purposes"] and sorted(read.vendors) == theirs["vendors"]
    assert both > 40


def us_values(section, chance: random.Random) -> dict[str, Any]:
    layout = (*section.layouts[max(section.layouts)], *section.second)
    values = {
        name: [chance.randint(0, 2) for _ in range(count)] if count > 1 else chance.randint(0, 2)
        for name, count in layout
    }
    values["MspaCoveredTransaction"] = chance.randint(1, 2)  # their library takes no 0 here
    return values


@pytest.mark.parametrize("number", sorted(US_SECTIONS))
def test_american_sections_they_make_are_read_as_they_were_meant(judge, number):
    section, chance = US_SECTIONS[number], random.Random(number)
    wanted = [us_values(section, chance) for _ in range(12)]
    answers = judge([("encode-gpp", {section.name: values}) for values in wanted])
    for values, answer in zip(wanted, answers, strict=True):
        read = decode_gpp(answer["ok"])
        assert read.sections == (number,)
        fields = {k: list(v) if isinstance(v, tuple) else v for k, v in read.us[section.name].items()}
        assert {name: fields[name] for name in values} == values


def test_the_browsers_signal_in_a_section(judge):
    jobs = [
        ("encode-gpp", {name: {"GpcSegmentIncluded": True, "Gpc": gpc}})
        for name in ("usnat", "usca")
        for gpc in (True, False)
    ]
    for (_, job), answer in zip(jobs, judge(jobs), strict=True):
        ((name, fields),) = job.items()
        assert decode_gpp(answer["ok"]).us[name]["Gpc"] == int(fields["Gpc"])


def test_several_sections_in_one_string(judge):
    tcf = judge([("encode-tcf", tc_model(random.Random(9)))])[0]["ok"]
    jobs = [("encode-gpp", {"usca": {"SaleOptOut": 1}, "usva": {"SaleOptOut": 2}, "ustx": {"SaleOptOut": 1}})]
    read = decode_gpp(judge(jobs)[0]["ok"])
    assert read.sections == (8, 9, 16)
    assert [read.us[name]["SaleOptOut"] for name in ("usca", "usva", "ustx")] == [1, 2, 1]
    assert decode_gpp(tcf).tcf == decode_tcf(tcf)


def test_version_1_of_the_national_section_is_read_as_they_read_it(judge):
    texts = ["DBABLA~BAAAAAAAAAA.QA", "DBABLA~BVVqAAAAAAA.QA", "DBABLA~BVVVBgAAAmA.YA"]
    compared = 0
    for text, answer in zip(texts, judge([("decode-gpp", text) for text in texts]), strict=True):
        try:
            mine = decode_gpp(text).us["usnat"]
        except SignalUnreadable:
            continue
        theirs = answer["ok"]["usnat"]
        for name in ("SaleOptOut", "SharingOptOut", "TargetedAdvertisingOptOut", "SharingNotice", "Version"):
            assert mine[name] == theirs[name], (text, name)
        compared += 1
    assert compared >= 2
