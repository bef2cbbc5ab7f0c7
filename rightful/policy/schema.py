"""The JSON Schema of a policy, for editors: completion, descriptions, a red line under a slip.

Made from `vocabulary.py`, so it cannot say anything else than the loader. A schema
sees one file and shapes only: that a name is declared, that a basis covers every
regime, that a recipient in a third country has a safeguard, only the loader knows.
A file of a folder may hold some sections only, so no section is required here.

`python -m rightful.policy.schema` writes it; `schema.json` beside this file is a copy.

Source: JSON Schema 2020-12.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from rightful.policy.vocabulary import DEFS, SECTIONS, Key

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ID = "urn:rightful:policy:1"


def schema() -> dict[str, Any]:
    """The schema of one policy file."""
    top = _section("document")
    return {
        "$schema": DIALECT,
        "$id": ID,
        "title": "Rightful policy",
        "description": "What an organisation may do with its customers' data, and why.",
        **top,
        "$defs": {
            **{name: dict(value) for name, value in DEFS.items()},
            **{name: _section(name) for name in SECTIONS if name != "document"},
        },
    }


def schema_text() -> str:
    """The schema as it is kept in `schema.json`."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _section(name: str) -> dict[str, Any]:
    keys = SECTIONS[name]
    found: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {key.name: _property(key) for key in keys},
    }
    required = [key.name for key in keys if key.required]
    if required:
        found["required"] = required
    return found


def _property(key: Key) -> Mapping[str, Any]:
    return {"description": f"{key.says} Example: {key.example}" if key.example else key.says, **key.schema}


if __name__ == "__main__":
    sys.stdout.write(schema_text())
