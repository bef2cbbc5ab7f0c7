"""Which store holds the customer data of a workspace, and how one is made or filled.

Only the gate knows the sources; actions that set up a workspace come through here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from rightful.errors import BadInput, NotFound
from rightful.protection.keys import derive
from rightful.sources.contract import Source, TableInfo

if TYPE_CHECKING:
    from rightful.sources.importing import Loaded, Proposal
    from rightful.sources.leaving_out import Recogniser


def open_store(config: Mapping[str, Any], folder: Path, store_key: bytes) -> Source:
    """Open the source a workspace names.

    Raises:
        NotFound: the embedded store has not been made yet.
        BadInput: a kind of source nobody knows, or an address that is not set.
    """
    kind = config.get("kind")
    if kind == "duckdb":
        from rightful.sources.duckdb import DuckDBSource

        return cast(Source, DuckDBSource.open(folder / str(config["path"]), store_key))
    if kind == "postgres":
        from rightful.sources.postgres import PostgresSource

        return cast(Source, PostgresSource.open(address(config), reader_password=_reader_password(store_key)))
    if kind == "mariadb":
        from rightful.sources.mariadb import MariaDBSource

        return cast(Source, MariaDBSource.open(address(config), reader_password=_reader_password(store_key, kind)))
    raise BadInput(f"there is no kind of source called {kind}", remedy="Use duckdb, postgres or mariadb")


def kind_of(config: Mapping[str, Any]) -> Literal["postgres", "mariadb"]:
    """Which database an address is of.

    Raises:
        BadInput: an address of something we do not know.
    """
    scheme = address(config).partition(":")[0]
    if scheme in ("mariadb", "mysql"):
        return "mariadb"
    if scheme in ("postgresql", "postgres") or "=" in scheme:  # host=... dbname=... is PostgreSQL's other spelling
        return "postgres"
    raise BadInput("the address is of no database we know", remedy="Write postgresql://... or mariadb://...")


def attach(
    config: Mapping[str, Any],
    store_key: bytes,
    *,
    schema: str,
    customer_table: str,
    mode: Literal["column", "companion"] = "column",
    customer_key: str | None = None,
    links: Mapping[str, str] | None = None,
) -> tuple[TableInfo, ...]:
    """Prepare a database to be governed in place; returns the tables that are from now on.

    Args:
        schema: where the tables are; "" for PostgreSQL's `public`. A MariaDB address names it already.
    """
    found = {"customer_key": customer_key, "links": links}
    options: dict[str, Any] = {name: value for name, value in found.items() if value}
    url, password = address(config), _reader_password(store_key, str(config["kind"]))
    if config["kind"] == "mariadb":
        from rightful.sources.mariadb import MariaDBSource

        maria = MariaDBSource.reflect(url, customer_table=customer_table, reader_password=password, **options)
        with closing(maria):
            if schema not in ("", maria.schema):
                raise BadInput(
                    f"the address is of the database {maria.schema}, not of {schema}", remedy="Leave --schema out"
                )
            return maria.install(mode)
    from rightful.sources.postgres import PostgresSource

    postgres = PostgresSource.reflect(
        url, schema or "public", customer_table=customer_table, reader_password=password, **options
    )
    with closing(postgres):
        return postgres.install(mode)


def _reader_password(store_key: bytes, kind: str = "postgres") -> str:
    """The restricted role's password: made from the store's key, and of no use for finding it out."""
    return derive(store_key, f"{kind} reader").hex()


def create_embedded(config: Mapping[str, Any], folder: Path, store_key: bytes) -> Source:
    """Make the embedded store of a new workspace; opens it if it is there already."""
    from rightful.sources.duckdb import DuckDBSource

    path = folder / str(config["path"])
    made = DuckDBSource.open(path, store_key) if path.exists() else DuckDBSource.create(path, store_key)
    return cast(Source, made)


def propose_files(paths: list[Path]) -> Proposal:
    """Look at files and say what they would become; nothing is loaded."""
    from rightful.sources.importing import propose

    return propose(*paths)


def load_files(
    source: Source,
    proposal: Proposal,
    progress: Callable[[str, float], None] | None = None,
    erased: Recogniser | None = None,
) -> Loaded:
    """Load proposed files into the embedded store, all or none; rows of erased people are left out."""
    from rightful.sources.duckdb import DuckDBSource
    from rightful.sources.importing import load

    if not isinstance(source, DuckDBSource):
        raise BadInput("files are imported into the embedded store only", remedy="Import into your database itself")
    return load(source, proposal, progress=progress, erased=erased)


def address(config: Mapping[str, Any]) -> str:
    """A database address out of an environment variable or a file, never out of the configuration itself."""
    if name := config.get("url_env"):
        value = os.environ.get(str(name), "")
        if not value:
            raise NotFound(f"the environment variable {name} is not set", remedy=f"Put the address into {name}")
        return value
    if path := config.get("url_file"):
        return Path(str(path)).read_text(encoding="utf-8").strip()
    raise BadInput("a database source needs url_env or url_file", remedy="Name where its address is kept")


def copy_embedded(source: Source, folder: Path) -> list[Path]:
    """The files of the embedded store as they are at one instant; none of a database that is governed in place."""
    from rightful.sources.duckdb import DuckDBSource

    if not isinstance(source, DuckDBSource):
        return []
    from rightful.sources.copying import copy_store

    return copy_store(source, folder)
