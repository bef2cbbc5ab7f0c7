"""A notice as PDF, to keep or to print.

Easy to get wrong: reaching out. Whatever an address in a text says, nothing is fetched while a PDF is made.

Source: WeasyPrint (extra `reports`), which draws with the system's Pango.
"""

from __future__ import annotations

from rightful.errors import NoPdf
from rightful.notices.html import page
from rightful.notices.rules import Notice


def pdf(notice: Notice, *, issue: str = "") -> bytes:
    """The notice as PDF, all layers open.

    Raises:
        NoPdf: WeasyPrint or Pango is not there.
    """
    try:
        from weasyprint import HTML
    except (ImportError, OSError) as missing:
        raise NoPdf("this machine cannot make a PDF") from missing
    document = HTML(string=page(notice, issue=issue, folded=False), url_fetcher=_nothing)
    made: bytes = document.write_pdf(pdf_variant="pdf/ua-1")
    return made


def _nothing(url: str, *_: object, **__: object) -> dict[str, object]:
    raise ValueError(f"a notice fetches nothing: {url[:40]}")
