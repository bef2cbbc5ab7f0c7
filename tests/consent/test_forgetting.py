"""An imported history forgets one customer and keeps every row of everybody."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as parquet
from hypothesis import given
from hypothesis import strategies as st

from rightful.consent.forgetting import forget_in_rejects, forget_in_segment

KINDS = ["given", "withdrawn", "born", "moved"]


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(KINDS)), min_size=1, max_size=30), st.integers(0, 5))
def test_only_the_texts_of_the_one_are_blank_and_nothing_else_differs(rows, forgotten):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "a.parquet", Path(folder) / "b.parquet"
        table = pa.table(
            {
                "no": pa.array([no for no, _ in rows], pa.uint32()),
                "kind": pa.array([kind for _, kind in rows]),
                "event_id": [f"e{i}" for i in range(len(rows))],
                "evidence": [f"form {i}" for i in range(len(rows))],
                "value": pa.array([None if k == "given" else f"v{i}" for i, (_, k) in enumerate(rows)], pa.string()),
                "at": list(range(len(rows))),
            }
        )
        parquet.write_table(table, source, use_dictionary=["kind", "evidence", "value"])
        count = forget_in_segment(source, {forgotten}, target)
        assert count == sum(no == forgotten for no, _ in rows)
        if not count:
            assert not target.exists()
            return
        after = parquet.read_table(target).to_pylist()
        assert parquet.read_schema(target).names == table.column_names
        for old, new in zip(table.to_pylist(), after, strict=True):
            if old["no"] != forgotten:
                assert new == old
                continue
            born = old["kind"] == "born"
            value = None if old["value"] is None else "1900-01-01" if born else ""
            assert new == {**old, "event_id": "", "evidence": "", "value": value}


def test_rejected_rows_lose_the_lines_that_name_somebody(tmp_path):
    path = tmp_path / "x-rejected.csv"
    path.write_text("line,why,customer_id\n2,late,C1\n3,late,C2\n", encoding="utf-8")
    assert forget_in_rejects(tmp_path, lambda line: "C1" in line) == 1
    assert path.read_text(encoding="utf-8") == "line,why,customer_id\n3,late,C2\n"
