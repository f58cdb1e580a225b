"""Turn an export bundle into a report.

report.html is one self-contained file, results.json holds every number in it, and figures/ has each
figure as SVG with its numbers as CSV; report.pdf is made where asked.
"""

import csv
import io
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from analysis import confirm, excluded, findings, measured, sections
from analysis.bundle import BundleError
from analysis.drawing import Drawing, draw
from analysis.longcsv import load_any
from analysis.markup import Html, html, join
from analysis.pdf import pdf
from analysis.preregistration import read
from analysis.results import results


def write_report(
    bundle: Path,
    out: Path,
    *,
    with_simulated: bool = False,
    prereg: Path | None = None,
    with_pdf: bool = False,
) -> list[Path]:
    """Write the report on a bundle, or a long CSV, into `out`; return the paths of its files.

    with_simulated: count simulated participants as people, which the report says at its top.
    prereg: a file of hypotheses that the study's are compared with; a CSV has none of its own, so
    there they are the ones that are answered. Other files there are left alone. Raises
    BundleError, and OSError where it cannot write.
    """
    if out.exists() and not out.is_dir():
        raise BundleError(f"{out} is a file; give a folder for the report with --out")
    registered = None if prereg is None else read(prereg)
    found = results(load_any(bundle), with_simulated=with_simulated, registered=registered)
    text = json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False)
    # What is written is what is drawn: the page is made from the JSON as a reader would load it.
    found = json.loads(text)
    drawn = draw(found)
    written = {"results.json": text + "\n", "report.html": page(found, drawn)}
    for name, each in drawn.items():
        written[f"figures/{name}.svg"] = each.svg + "\n"
        written[f"figures/{name}.csv"] = _table(each)
    # Made before anything is written, so that a failure leaves nothing half done.
    printed = pdf(written["report.html"]) if with_pdf else None
    out.mkdir(parents=True, exist_ok=True)
    (out / "figures").mkdir(exist_ok=True)
    for name, content in written.items():
        (out / name).write_text(content, encoding="utf-8", newline="\n")
    if printed is None:
        return [out / name for name in written]
    (out / "report.pdf").write_bytes(printed)
    return [*(out / name for name in written), out / "report.pdf"]


def _table(drawn: Drawing) -> str:
    """The numbers of a figure as CSV."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(drawn.header)
    writer.writerows(["" if cell is None else cell for cell in row] for row in drawn.rows)
    return buffer.getvalue()


def page(found: dict[str, Any], drawn: dict[str, Drawing]) -> str:
    """The whole HTML page from the results JSON and the figures drawn from it.

    It has no script and loads nothing from elsewhere.
    """
    study = found["study"]
    style = files("analysis").joinpath("report.css").read_text(encoding="utf-8")
    body = join(
        sections.summary(found),
        sections.participants(found, drawn),
        sections.shown(found),
        confirm.hypotheses(found, drawn),
        findings.ratings(found, drawn),
        measured.decisions(found, drawn),
        measured.regions(found),
        measured.scales(found),
        measured.quality(found, drawn),
        measured.correlations(found, drawn),
        findings.items(found),
        excluded.exclusions(found),
        sections.limitations(found),
        sections.methods(found),
    )
    number = f", version {study['number']}" if study["number"] is not None else ""
    title = html(study["title"] or study["slug"])
    return Html(
        f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: report</title>
<style>
{style}</style>
</head>
<body>
<header>
<h1>{title}</h1>
<p>Report on the study {html(study["slug"])}{html(number)}. Every number stands in results.json.</p>
{sections.warning(found)}</header>
<main>
{body}
</main>
</body>
</html>
"""
    )
