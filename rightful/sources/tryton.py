"""Tryton through its JSON-RPC interface, as its own clients use it.

A session is opened with name and password and closed at the end. Kinds are Tryton's
models, as far as they have records and the account may see them; fields are what
`fields_get` says of them, without what is worked out and without lists of other records.

Easy to get wrong: errors come with status 200; `ilike` reads `%` and `_`; records that
are not active are left out unless one asks for them; a reference is one text (`model,id`);
a model that keeps history does not say so in its fields (`ir.model.list_history` does); a
report is a model like others, and holds what they hold.

Sources: trytond 8.2, `protocols/jsonrpc.py`, `protocols/dispatcher.py`, `model/modelstorage.py`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, cast

from rightful.errors import SourceUnavailable, SystemRefused
from rightful.sources.interface import Call, Field, Kind, Record, RecordId

PAGE = 500
TYPES = {
    "char": "text", "text": "text", "fulltext": "text", "selection": "choice", "multiselection": "json",
    "dict": "json", "integer": "bigint", "float": "double", "numeric": "numeric", "boolean": "boolean",
    "date": "date", "datetime": "timestamp", "timestamp": "timestamp", "time": "time", "timedelta": "interval",
    "many2one": "record", "one2one": "record", "reference": "record",
}  # fmt: skip
TRAIL = frozenset(["create_uid", "write_uid"])
NOT_READ = frozenset(["id", "rec_name", "xml_id", "create_date", "write_date"])
EVERYTHING = {"active_test": False}


class Tryton:
    """A Tryton database under an address such as `https://crm.example.org/meadow`."""

    def __init__(self, call: Call, url: str, user: str, password: str) -> None:
        base, _, self.name = url.rstrip("/").rpartition("/")
        self._root = f"{base}/rpc/"
        self._address = f"{base}/{self.name}/rpc/"
        self._call = call
        self._user = user
        self._password = password
        self._session = ""
        self._fields: dict[str, list[str]] = {}
        self._histories: frozenset[str] | None = None
        self._closed: frozenset[str] = frozenset()

    def hello(self) -> str:
        version = self._post(self._root, "common.server.version", [], signed=False)
        self._sign_in()
        return f"Tryton {version}"

    def names(self) -> tuple[str, ...]:
        begin, end = "model.", ".search_read"
        methods = [str(m) for m in self._post(self._address, "system.listMethods", [])]
        found = sorted(m[len(begin) : -len(end)] for m in methods if m.startswith(begin) and m.endswith(end))
        rights = self._model("ir.model.access", "get_access", found)
        self._closed = frozenset(name for name in found if not rights.get(name, {}).get("read", True))
        return tuple(found)

    def describe(self, name: str) -> Kind:
        if name in self._closed:
            return Kind(name, (), readable=False)
        told = self._model(name, "fields_get", None)
        if self._histories is None:
            self._histories = frozenset(
                str(row[0] if isinstance(row, list) else row) for row in self._model("ir.model", "list_history")
            )
        fields = tuple(
            Field(
                field,
                TYPES[one["type"]],
                "" if one["type"] == "reference" else str(one.get("relation") or ""),
                required=bool(one["required"]),
                fixed=bool(one["readonly"]),
                trail=field in TRAIL,
                longest=one.get("size") if isinstance(one.get("size"), int) else None,
            )
            for field, one in sorted(told.items())
            if one["type"] in TYPES and one["searchable"] and field not in NOT_READ
        )
        self._fields[name] = [field.name for field in fields]
        made = told.get("create_uid")  # of what is only a query over other models, Tryton cannot search who made it
        query = made is None or not made["searchable"]  # and nobody makes records where nothing is required
        derived = query and not any(field.required for field in fields)
        return Kind(name, fields, name in self._histories, derived=derived)

    def find(self, kind: str, field: str, values: Sequence[object], *, fold: bool = False) -> list[Record]:
        if fold:
            wanted: list[object] = ["OR", *([[field, "ilike", _escaped(str(value))]] for value in values)]
        else:
            wanted = [[field, "in", list(values)]]
        return self._search(kind, wanted) if values else []

    def mentioning(
        self, kind: str, fields: Sequence[str], words: Sequence[Sequence[str]], *, limit: int | None = None
    ) -> list[Record]:
        patterns = ["%" + "%".join(map(_escaped, parts)) + "%" for parts in words]
        wanted = [[[field, "ilike", pattern]] for field in fields for pattern in patterns]
        return self._search(kind, ["OR", *wanted], limit) if wanted else []

    def read(self, kind: str, ids: Sequence[RecordId]) -> list[Record]:
        return self._search(kind, [["id", "in", list(ids)]]) if ids else []

    def former(self, kind: str, ids: Sequence[RecordId]) -> list[Record]:
        found = []
        for at, one, _ in self._model(kind, "history_revisions", list(ids)) if ids else []:
            context = {**EVERYTHING, "_datetime": at}
            rows = self._model(kind, "search_read", [["id", "=", one]], 0, 1, None, self._names(kind), context=context)
            found += [_record(kind, row) for row in rows]
        return found

    def values(self, kind: str, field: str, most: int) -> list[object]:
        rows = self._model(kind, "search_read", [[field, "!=", None]], 0, most, None, [field], context=EVERYTHING)
        return [_plain(row[field]) for row in rows]

    def count(self, kind: str) -> int:
        return int(self._model(kind, "search_count", [], 0, None, context=EVERYTHING))

    def change(self, record: Record, values: Mapping[str, object]) -> None:
        context: dict[str, object] = dict(EVERYTHING)
        if record.version:
            context["_timestamp"] = {f"{record.kind},{record.id}": record.version}
        archived = not record.values.get("active", True) and values.keys() != {"active"}
        if archived:  # most fields of an archived record cannot be set
            self._model(record.kind, "write", [record.id], {"active": True}, context=context)
            context = dict(EVERYTHING)
        try:
            self._model(record.kind, "write", [record.id], dict(values), context=context)
        finally:
            if archived and "active" not in values:
                self._model(record.kind, "write", [record.id], {"active": False}, context=EVERYTHING)

    def delete(self, kind: str, ids: Sequence[RecordId]) -> None:
        there = [record.id for record in self.read(kind, ids)]
        if there:
            self._model(kind, "delete", there, context=EVERYTHING)

    def close(self) -> None:
        if self._session:
            with suppress(SourceUnavailable, SystemRefused):  # else the session runs out by itself
                self._post(self._address, "common.db.logout", [])
            self._session = ""

    # --- records ---

    def _search(self, kind: str, domain: Sequence[object], limit: int | None = None) -> list[Record]:
        """Page by page in the order of ids, so that a record made meanwhile moves none out of sight."""
        if kind in self._closed:
            return []
        if kind not in self._fields and not self._model(kind, "search", list(domain), 0, 1, None, context=EVERYTHING):
            return []  # most kinds hold nothing of one person: then their fields need not be known
        found: list[Record] = []
        last: RecordId = 0
        while True:
            here = [["id", ">", last], list(domain)] if found else list(domain)
            most = PAGE if limit is None else min(PAGE, limit - len(found))
            rows = self._model(
                kind, "search_read", here, 0, most, [["id", "ASC"]], self._names(kind), context=EVERYTHING
            )
            found += [_record(kind, row) for row in rows]
            if len(rows) < most or (limit is not None and len(found) >= limit):
                return found
            last = found[-1].id

    def _names(self, kind: str) -> list[str]:
        if kind not in self._fields:
            self.describe(kind)
        return [*self._fields[kind], "_timestamp"]

    # --- calls ---

    def _model(self, kind: str, method: str, *given: object, context: Mapping[str, object] | None = None) -> Any:
        return self._post(self._address, f"model.{kind}.{method}", [*given, dict(context or {})])

    def _sign_in(self) -> None:
        given = [self._user, {"password": self._password}, "en"]
        user, session, *_ = self._post(self._address, "common.db.login", given, signed=False)
        self._session = base64.b64encode(f"{self._user}:{user}:{session}".encode()).decode("ascii")

    def _post(self, address: str, method: str, params: Sequence[object], *, signed: bool = True) -> Any:
        for again in (False, True):
            if signed and (again or not self._session):
                self._sign_in()
            headers = {"Content-Type": "application/json"}
            if signed:
                headers["Authorization"] = f"Session {self._session}"
            body = json.dumps({"id": 0, "method": method, "params": _sent(list(params))}).encode()
            answer = self._call(address, body, headers)
            if answer.status == 401 and signed and not again:
                continue  # a session runs out
            return _result(answer.status, answer.retry_after, answer.body)
        raise AssertionError("unreachable")


def _result(status: int, retry_after: str, body: bytes) -> Any:
    if status in (401, 403):
        raise SystemRefused("the system does not let this account do that", code="system.not-permitted")
    if status == 429:
        raise SystemRefused("the system takes no more calls for now", code="system.busy", said=retry_after)
    if status == 413:
        raise SystemRefused("the system takes fewer records in one call", code="system.refused")
    if status != 200:
        raise SourceUnavailable(f"the system answered with status {status}")
    try:
        told = json.loads(body, object_hook=_read)
    except ValueError as fault:
        raise SourceUnavailable("the system's answer cannot be read") from fault
    if not isinstance(told, dict) or not ("result" in told or "error" in told):
        raise SourceUnavailable("the system's answer cannot be read")
    if error := told.get("error"):
        raise _refusal(error)
    return told.get("result")


def _refusal(error: object) -> SystemRefused | SourceUnavailable:
    parts = error if isinstance(error, list) else [error]
    kind, said = str(parts[0]), json.dumps(parts[1:], default=str)
    if kind == "ConcurrencyException":
        return SystemRefused(
            "the record was changed by somebody else meanwhile", code="system.changed-meanwhile", said=said
        )
    if kind in ("UserError", "UserWarning"):
        return SystemRefused("a rule of the system forbids it", code="system.refused", said=said)
    if kind == "LoginException":
        return SystemRefused("the system does not let this account in", code="system.not-permitted")
    return SystemRefused("the system failed at it", code="system.failed", said=said)


def _escaped(text: str) -> str:
    for mark in ("\\", "%", "_"):
        text = text.replace(mark, "\\" + mark)
    return text


def _record(kind: str, row: Mapping[str, Any]) -> Record:
    values = {name: _plain(value) for name, value in row.items() if name != "_timestamp"}
    return Record(kind, cast(RecordId, row["id"]), values, str(row.get("_timestamp") or ""))


def _plain(value: object) -> object:
    return json.dumps(value, sort_keys=True, default=str) if isinstance(value, (dict, list)) else value


def _read(told: dict[str, Any]) -> Any:
    match told.get("__class__"):
        case "datetime":
            parts = (told[p] for p in ("year", "month", "day", "hour", "minute", "second", "microsecond"))
            return datetime(*parts)  # noqa: DTZ001 - Tryton's instants are UTC and say no zone
        case "date":
            return date(told["year"], told["month"], told["day"])
        case "time":
            return time(*(told[p] for p in ("hour", "minute", "second", "microsecond")))
        case "timedelta":
            return timedelta(seconds=told["seconds"])
        case "bytes":
            return base64.b64decode(told["base64"])
        case "Decimal":
            return Decimal(told["decimal"])
    return told


def _sent(value: Any) -> Any:
    """A value as Tryton's JSON writes it."""
    if isinstance(value, dict):
        return {name: _sent(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_sent(one) for one in value]
    if isinstance(value, datetime):
        parts = ("year", "month", "day", "hour", "minute", "second", "microsecond")
        return {"__class__": "datetime", **{p: getattr(value, p) for p in parts}}
    if isinstance(value, date):
        return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": str(value)}
    return value
