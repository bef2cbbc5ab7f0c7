"""A certificate as PDF, to keep or to print.

Easy to get wrong: reaching out. Nothing is fetched while a PDF is made.

Source: WeasyPrint (extra `reports`), which draws with the system's Pango.
"""

from __future__ import annotations

from rightful.errors import NoPdf


def pdf(page: str) -> bytes:
    """The page of a certificate as PDF.

    Raises:
        NoPdf: WeasyPrint or Pango is not there.
    """
    try:
        from weasyprint import HTML
    except (ImportError, OSError) as missing:
        raise NoPdf("this machine cannot make a PDF") from missing
    made: bytes = HTML(string=page, url_fetcher=_nothing).write_pdf(pdf_variant="pdf/ua-1")
    return made


def _nothing(url: str, *_: object, **__: object) -> dict[str, object]:
    raise ValueError("a certificate loads nothing")
