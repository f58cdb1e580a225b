"""Turn an export bundle into report.html (one self-contained file) and results.json."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from analysis import findings, sections
from analysis.bundle import BundleError
from analysis.dataset import load
from analysis.markup import Html, html, join
from analysis.results import results


def write_report(bundle: Path, out: Path, *, with_simulated: bool = False) -> list[Path]:
    """Write report.html and results.json into `out`; return their paths.

    with_simulated: count simulated participants as people, which the report says at its top.
    Other files there are left alone. Raises BundleError, and OSError where it cannot write.
    """
    if out.exists() and not out.is_dir():
        raise BundleError(f"{out} is a file; give a folder for the report with --out")
    found = results(load(bundle), with_simulated=with_simulated)
    text = json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False)
    # What is written is what is drawn: the page is made from the JSON as a reader would load it.
    written = {"results.json": text + "\n", "report.html": page(json.loads(text))}
    out.mkdir(parents=True, exist_ok=True)
    for name, content in written.items():
        (out / name).write_text(content, encoding="utf-8", newline="\n")
    return [out / name for name in written]


def page(found: dict[str, Any]) -> str:
    """The whole HTML page from the results JSON; no script, nothing loaded from elsewhere."""
    study = found["study"]
    style = files("analysis").joinpath("report.css").read_text(encoding="utf-8")
    body = join(
        sections.summary(found),
        sections.participants(found),
        sections.shown(found),
        findings.ratings(found),
        findings.hypotheses(found),
        findings.scales(found),
        findings.items(found),
        findings.exclusions(found),
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
