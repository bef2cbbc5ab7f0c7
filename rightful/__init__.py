"""Use the customer data in your CRM only the way you rightfully may.

    import rightful as rf

    rights = rf.connect("meadow", actor="ana@meadow.example", purpose="churn-analysis")
    table = rights.sql("select segment, avg(balance) from customer group by segment")
    print(rights.last.explain())

Nothing heavy is imported until it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rightful.errors import (
    NotPermitted,
    PurposeMissing,
    Refused,
    RightfulError,
    SqlRefused,
    UnknownName,
)

if TYPE_CHECKING:
    from rightful.sdk.rights import Answer, Campaign, Rights, connect

__version__ = "0.1.0"
__all__ = [
    "Answer",
    "Campaign",
    "NotPermitted",
    "PurposeMissing",
    "Refused",
    "RightfulError",
    "Rights",
    "SqlRefused",
    "UnknownName",
    "__version__",
    "connect",
]

_LATER = {"Answer", "Campaign", "Rights", "connect"}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        from rightful.sdk import rights

        return getattr(rights, name)
    raise AttributeError(f"module 'rightful' has no attribute {name!r}")
