"""The reference page of the REST API, made from its OpenAPI description."""

from typing import Any

from rightful.api.v1 import api
from rightful.ownership.tokens import SCOPES

HEAD = """# REST API

<!-- Written by tools/docs.py from the code. Change the code, then run `make docs`. -->

Everything below `/api/v1`. Send `Authorization: Bearer TOKEN`; `rightful token add` makes one. Bodies are JSON and
hold only the members named here: an unknown one is refused. A request may have 256 kB.

- **Errors** are RFC 9457 problem documents (`application/problem+json`): `type`, `title`, `status`, `code`, `article`,
  `remedy`, and for a refusal of the gate `decision` with every reason. They never repeat what was sent.
- **`Purpose`** is needed wherever personal data is read. Without it the answer is 400, `integrity.purpose-missing`.
- **`Idempotency-Key`**: the same request with the same key gets the first answer for seven days. With another request
  it is refused (422); while the first is at work the answer is 409.
- **Pages**: `limit` (200 at most) and `cursor`; `next` is the cursor of the next page, null at the end.
- **ETag**: policies and notices; ask with `If-None-Match`.
- **Customers** are named by reference (`p-...`), which `subjects:find` gives. No key or address stands in a URL.
- **Too often**: 1,200 requests a minute for each token, then 429 with `Retry-After`.

Staff read the machine-readable description at `/api/v1/openapi.json` behind their sign-in.

## Scopes

| scope | what for |
| --- | --- |
"""
STATUSES = """
## Statuses

| status | when |
| --- | --- |
| 400 | no purpose, or a body that is not JSON |
| 401 | no live token |
| 403 | the gate or a scope says no |
| 404 | not there, or not to be seen for this purpose: the same answer |
| 409 | the first request with this key is at work, or an approval is missing |
| 413 | larger than 256 kB |
| 422 | understood, and refused: an unknown member or name, a consent that proves nothing, a statement not on the list |
| 429 | too often |
| 503 | nothing can be recorded or read now, so nothing was done |
"""


def reference() -> str:
    """The page as Markdown."""
    schema = api.get_openapi_schema(path_prefix="/api/v1/")
    lines = [HEAD + "\n".join(f"| `{scope}` | {words} |" for scope, words in SCOPES.items()), STATUSES]
    heading = ""
    scopes = _scopes()
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            if operation["tags"][0] != heading:
                heading = operation["tags"][0]
                lines.append(f"## {heading}\n")
            lines += _operation(schema, method.upper(), path, operation, scopes)
    return "\n".join(lines).rstrip() + "\n"


def _operation(schema: Any, method: str, path: str, operation: Any, scopes: dict[str, str]) -> list[str]:
    lines = [f"### {method} {path}", "", operation.get("description", ""), ""]
    lines += [f"Scope: `{scopes[operation['operationId']]}`", ""]
    taken = [
        (f"`{p['name']}` ({p['in']})", _words(schema, p["schema"]) or p.get("description", ""))
        for p in operation.get("parameters", [])
    ]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    taken += _members(schema, body, needed=True)
    if taken:
        lines += ["| takes | |", "| --- | --- |", *(f"| {name} | {words} |" for name, words in taken), ""]
    for status, answer in operation["responses"].items():
        if status == "default":
            continue
        forms = ", ".join(f"`{form}`" for form in answer.get("content", {})) or "no body"
        lines += [f"Answers {status}: {forms}", ""]
        given = _members(schema, answer.get("content", {}).get("application/json", {}).get("schema"), needed=False)
        if given:
            lines += ["| gives | |", "| --- | --- |", *(f"| {name} | {words} |" for name, words in given), ""]
    return lines


def _members(schema: Any, form: Any, *, needed: bool) -> list[tuple[str, str]]:
    form = _resolved(schema, form or {})
    required = set(form.get("required", ()))
    return [
        (f"`{name}`" + (" (needed)" if needed and name in required else ""), _words(schema, member))
        for name, member in form.get("properties", {}).items()
    ]


def _words(schema: Any, member: Any) -> str:
    """Type, limits and meaning of one member."""
    options = [one for one in member.get("anyOf", [member]) if one.get("type") != "null"]
    kind = " or ".join(_kind(schema, one) for one in options)
    null = ", or null" if len(options) < len(member.get("anyOf", [member])) else ""
    says = member.get("description") or next((o["description"] for o in options if o.get("description")), "")
    default = member.get("default")
    after = f" Default `{default}`." if default not in (None, "") and not isinstance(default, bool) else ""
    return f"{kind}{null}{'. ' + says if says else ''}{after}".replace("|", "\\|")


def _kind(schema: Any, one: Any) -> str:
    if "$ref" in one:
        form = _resolved(schema, one)
        return "{" + ", ".join(form.get("properties", {})) + "}"
    if "enum" in one:
        return ", ".join(f"`{value}`" for value in one["enum"])
    if one.get("type") == "array":
        return "list of " + _kind(schema, one.get("items", {}))
    if one.get("type") == "object":
        return "object"
    return str(one.get("type", "any value"))


def _resolved(schema: Any, form: Any) -> Any:
    return schema["components"]["schemas"][form["$ref"].rsplit("/", 1)[1]] if "$ref" in form else form


def _scopes() -> dict[str, str]:
    """Operation id -> the scope it asks for."""
    found = {}
    for _prefix, router in api._routers:
        for view in router.path_operations.values():
            for operation in view.operations:
                name = operation.operation_id or api.get_openapi_operation_id(operation)
                found[name] = operation.auth_callbacks[0].scope  # type: ignore[attr-defined]
    return found
