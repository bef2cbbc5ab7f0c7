"""The rules of the house that a reader relies on without being told: who may import whom, which files
compute only, what `import rightful` costs, and that the pins and the declared ranges tell one story."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "rightful"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _load_pure_files() -> list[Path]:
    spec = importlib.util.spec_from_file_location("pure", ROOT / "tools" / "pure.py")
    assert spec is not None
    assert spec.loader is not None
    pure = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pure)
    return pure.pure_files()


PURE = _load_pure_files()
CONTRACTS = {contract["name"]: contract for contract in PROJECT["tool"]["importlinter"]["contracts"]}


def python(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a Python of its own, so that what other tests imported does not count."""
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)


# ------------------------------------------------------------------ imports


def test_nothing_calls_upward_and_pure_files_import_nothing_impure():
    lint_imports = Path(sys.executable).parent / "lint-imports"
    run = subprocess.run([lint_imports, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "0 broken" in run.stdout


def test_every_pure_file_is_covered_by_the_import_contract():
    expressions = CONTRACTS["Pure files stay pure"]["source_modules"]
    patterns = [re.compile(re.escape(e).replace(r"\*", r"[^.]+") + "$") for e in expressions]
    modules = [".".join(path.with_suffix("").parts) for path in PURE]
    assert modules
    assert [name for name in modules if not any(p.match(name) for p in patterns)] == []


@pytest.mark.parametrize("module", ["rightful", "rightful.sdk"])
def test_analysts_do_not_load_the_web(module):
    run = python(
        f"import sys, {module}\n"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'django', 'allauth', 'ninja'}))"
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "[]"


def test_the_bare_package_loads_no_engine():
    run = python(
        "import sys, rightful\n"
        "heavy = {'duckdb', 'pyarrow', 'sqlglot', 'django', 'cryptography', 'numpy', 'pandas', 'polars'}\n"
        "print(sorted({name.split('.')[0] for name in sys.modules} & heavy))"
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "[]"


# ------------------------------------------------------------------ files


def test_only_the_package_root_has_something_in_its_init_file():
    filled = [
        path.relative_to(ROOT).as_posix()
        for path in PACKAGE.rglob("__init__.py")
        if path.parent != PACKAGE and path.read_text(encoding="utf-8").strip()
    ]
    assert filled == []


def test_every_folder_of_code_is_a_package():
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert [f.relative_to(ROOT).as_posix() for f in folders if not (f / "__init__.py").is_file()] == []


def test_no_file_is_named_for_having_nothing_in_common():
    unnamed = {"utils", "util", "helpers", "helper", "misc", "manager", "common", "base"}
    found = [p for p in PACKAGE.rglob("*.py") if p.stem in unnamed and p.parent.name != "templatetags"]
    assert found == []


def test_the_package_says_that_it_is_typed():
    assert (PACKAGE / "py.typed").is_file()


CLOCKS = {
    "time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.localtime",
    "time.gmtime", "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today",
    "datetime.date.today",
}  # fmt: skip


def clocks_read_in(source: str) -> list[str]:
    """Every mention of a clock, whatever name it was imported under, as "line: name"."""
    tree = ast.parse(source)
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.split(".")[0]] = alias.name
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            head, _, rest = ast.unparse(node).partition(".")
            full = names.get(head, head) + (f".{rest}" if rest else "")
            if full in CLOCKS:
                found.append(f"{node.lineno}: {full}")
    return found


@pytest.mark.parametrize("path", PURE, ids=lambda path: path.as_posix())
def test_a_pure_file_reads_no_clock(path):
    assert clocks_read_in((ROOT / path).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import time\ntime.time()",
        "import datetime as d\nd.datetime.now()",
        "from datetime import datetime as moment\nmoment.now(tz=None)",
        "from datetime import date\nf = date.today",
        "from time import monotonic_ns\nmonotonic_ns()",
    ],
)
def test_a_clock_is_found_under_any_name(source):
    assert clocks_read_in(source)


def test_a_date_that_came_in_as_an_argument_is_no_clock():
    assert clocks_read_in("def due(today, now):\n    return now.date() > today.time") == []


# ------------------------------------------------------------------ pins


def pins(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    return {canonicalize_name(n): v for n, v in re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", text, re.M)}


DECLARED = {
    "demo": ["web"],
    "test": ["postgres", "mariadb", "web", "frames", "dev"],
}


@pytest.mark.parametrize("name", DECLARED)
def test_every_declared_dependency_is_pinned_inside_its_range(name):
    project = PROJECT["project"]
    wanted = [*project["dependencies"], *PROJECT["build-system"]["requires"]]
    for extra in DECLARED[name]:
        wanted += project["optional-dependencies"][extra]
    pinned = pins(name)
    needs = [Requirement(text) for text in wanted]
    found = {str(need): pinned.get(canonicalize_name(need.name)) for need in needs}
    outside = {str(need) for need in needs if not (pin := found[str(need)]) or not need.specifier.contains(pin)}
    assert outside == set(), "run `make lock`"


def test_the_demo_pins_stand_unchanged_among_the_test_pins():
    everything = pins("test")
    assert {name: everything.get(name) for name in pins("demo")} == pins("demo")


@pytest.mark.parametrize("name", DECLARED)
def test_every_pin_has_a_hash_and_no_pin_names_a_place(name):
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    blocks = re.split(r"^(?=[A-Za-z0-9._-]+==)", text, flags=re.M)[1:]
    assert len(blocks) == len(pins(name))
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert re.findall(r"index-url|find-links|trusted-host|file:|https?:", text) == []
