"""Whether every benchmark still runs and still measures a ratio.

Small numbers of customers: the figures themselves say nothing here. No test asserts a time;
that is what `make bench` is for, on a machine with nothing else to do.
"""

from __future__ import annotations

import math

import pytest

pytest.importorskip("cedarpy", reason="the benchmarks compare with cedarpy")

from bench import __main__ as command
from bench.measure import SMALL, Row, compared, taking_turns


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow]) for n in command.BENCHES if not n.endswith("-postgres")]
)
def test_every_benchmark_runs_and_gives_a_ratio(name):
    rows = command.BENCHES[name](SMALL)
    assert rows
    assert any(row.target is not None for row in rows)
    for row in rows:
        assert math.isfinite(row.ratio) and row.ratio > 0, row
        assert math.isfinite(row.measured) and row.measured > 0, row
        assert row.verdict in {"met", "missed", "reported"}


@pytest.mark.slow
@pytest.mark.postgres
def test_the_gate_is_measured_on_postgresql_where_it_is_installed(postgres_server):
    rows = command.BENCHES["gated-postgres"](SMALL)
    assert {row.what.partition(":")[0] for row in rows} == {"export", "filtered count", "group-by", "point read"}
    assert all(row.ratio > 0 for row in rows)


@pytest.mark.slow
@pytest.mark.postgres
def test_a_disposal_is_measured_on_postgresql_where_it_is_installed(postgres_server):
    rows = command.BENCHES["disposal-postgres"](SMALL)
    assert [row.what.partition(":")[0] for row in rows] == ["delete", "delete", "empty a field", "empty a field"]
    assert all(row.ratio > 0 for row in rows)


def test_both_sides_take_turns_and_the_warm_up_is_not_counted():
    order: list[str] = []
    times = taking_turns(lambda: order.append("ours"), lambda: order.append("base"), 2, warm_up=1)
    assert order == ["base", "ours", "ours", "base", "base", "ours"]
    assert len(times) == 2


def test_the_figure_is_the_median_of_the_ratios_of_the_turns():
    row = compared("b", "w", [(1.0, 1.0), (9.0, 3.0), (4.0, 2.0)], 1.5)
    assert row.measured == 2.0
    assert row.spread == (1.0, 3.0)
    assert row.verdict == "missed"


def test_a_rate_below_its_target_is_missed_and_above_it_is_met():
    low = Row("event", "rate", 60.0, 100.0, 0.6, 0.7, at_least=True)
    assert low.verdict == "missed"
    assert Row("event", "rate", 80.0, 100.0, 0.8, 0.7, at_least=True).verdict == "met"


def test_the_page_names_every_missed_target_and_no_machine():
    import socket
    from pathlib import Path

    rows = [
        Row("a", "slow one", 2.0, 1.0, 2.0, 1.5, note="10 customers"),
        Row("b", "quick one", 1.0, 1.0, 1.0, 1.5),
        Row("c", "told only", 1.0, 1.0, 1.0),
    ]
    page = command.as_page(rows)
    assert "1 of 2 targets were missed in this run: a, slow one (2.00)" in page
    assert "10 customers" in page
    assert socket.gethostname() not in page
    assert str(Path.cwd()) not in page


def test_a_whole_run_writes_every_row_and_a_part_of_it_writes_nothing(tmp_path, monkeypatch, capsys):
    long = {"disposal-duckdb", "disposal-postgres", "gated-duckdb", "gated-postgres", "import"}
    assert {"access", "decision", "event", "history", "sdk"} | long == set(command.BENCHES)
    page = tmp_path / "docs" / "reference" / "benchmarks.md"
    made_up = {name: lambda _scale, n=name: [Row(n, f"row of {n}", 1.0, 1.0, 1.0, 1.5)] for name in command.BENCHES}
    monkeypatch.setattr(command, "BENCHES", made_up)
    monkeypatch.setattr(command, "PAGE", page)
    assert command.main(["history"]) == command.main(["--scale", "small"]) == 0
    assert not page.exists()
    assert command.main([]) == 0
    written = page.read_text()
    assert all(f"row of {name}" in written for name in made_up)
    assert "Every target was met" in written and "benchmarks.md" in capsys.readouterr().out


def test_a_benchmark_nobody_knows_is_refused_with_the_names_there_are(capsys):
    with pytest.raises(SystemExit):
        command.main(["gated-oracle"])
    assert "gated-postgres" in capsys.readouterr().err
