"""What goes in and comes out, in general: nothing unknown is taken, nothing unsaid is given.

Easy to get wrong: a member that is quietly dropped was meant by somebody, so every
unknown one is refused; a validation message that repeats the value repeats an address.

Sources: OWASP ASVS 5.0 V2.2.1, V15.3.3; RFC 9457.
"""

import re
from typing import Annotated, Any

from ninja import Header, Query, Schema
from pydantic import AfterValidator, ConfigDict, Field

NAME_MAX = 200


def _printable(text: str) -> str:
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise ValueError("control characters have no place in a name")
    return text


Name = Annotated[str, Field(min_length=1, max_length=NAME_MAX), AfterValidator(_printable)]
"""A purpose, a channel, a recipient, a label, a customer's key."""
MaybeName = Annotated[str, Field(max_length=NAME_MAX), AfterValidator(_printable)]
Reference = Annotated[str, Field(pattern=r"^p-[0-9a-f]{48}$", description="A customer, as `subjects:find` names them.")]
Instant = Annotated[str, Field(description="ISO 8601 with its offset.", max_length=40)]
PurposeHeader = Annotated[
    str,
    Header(
        "",
        alias="Purpose",
        max_length=NAME_MAX,
        description="What the data is used for: a purpose of the policy. Without it nothing personal is answered.",
    ),
]
OnceHeader = Annotated[
    str,
    Header(
        "",
        alias="Idempotency-Key",
        max_length=NAME_MAX,
        description="A value of your choice, fresh for each new request. The same request again gets the first answer.",
    ),
]


class Strict(Schema):
    """A request body: every member is known, or it is refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)


class Given(Schema):
    """An answer."""

    model_config = ConfigDict(extra="forbid")


class PageAsk(Schema):
    """Which page of a list: as many as `limit`, from where `next` of the page before says."""

    model_config = ConfigDict(extra="forbid")
    limit: int = Field(50, ge=1, le=200)
    cursor: int = Field(0, ge=0, le=2**53 - 1, description="`next` of the page before.")


PageQuery = Annotated[PageAsk, Query(...)]


class Problem(Schema):
    """RFC 9457: why there is no answer, and what would change that. Never holds personal data."""

    model_config = ConfigDict(extra="allow")
    type: str
    title: str
    status: int
    code: str | None = None
    article: str | None = None
    remedy: str | None = None
    detail: str | None = None
    instance: str | None = None
    errors: list[dict[str, Any]] | None = None
    decision: dict[str, Any] | None = None


def instant(at_us: int) -> str:
    """An instant in microseconds since 1970, as the API writes it."""
    from datetime import UTC, datetime, timedelta

    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)).isoformat()
