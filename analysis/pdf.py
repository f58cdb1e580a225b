"""Print a report to PDF with WeasyPrint, which needs no browser but Pango on the machine."""

from importlib import import_module

from analysis.bundle import BundleError


def pdf(page: str) -> bytes:
    """The page as PDF, the same bytes each time. Raises BundleError where nothing can print it."""
    try:
        weasyprint = import_module("weasyprint")
    except (ImportError, OSError) as error:
        raise BundleError(
            "--pdf needs WeasyPrint and the Pango library; install them (pip install weasyprint; "
            "Debian: libpango-1.0-0 libpangoft2-1.0-0), or print report.html from a browser"
        ) from error
    printed: bytes = weasyprint.HTML(string=page).write_pdf(pdf_identifier=b"credence")
    return printed
