"""python -m analysis report|reproduce|power; an error is one line on stderr and exit code 2."""

import argparse
import json
import sys
from pathlib import Path

from analysis.bundle import BundleError
from analysis.power.command import add_arguments, power
from analysis.power.model import PowerError
from analysis.seed import reproduce
from analysis.seed_data import DATA, SeedError
from analysis.seed_text import describe


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m analysis", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    report = commands.add_parser("report", help="turn an export bundle into one HTML report")
    report.add_argument(
        "bundle", type=Path, help="the folder or .zip that the export wrote, or a long CSV"
    )
    report.add_argument("--out", type=Path, required=True, help="folder for the report")
    report.add_argument(
        "--with-simulated",
        action="store_true",
        help="count simulated participants as people, to try a study out",
    )
    report.add_argument(
        "--prereg",
        type=Path,
        metavar="FILE",
        help="hypotheses as preregistered, which the study's are compared with",
    )
    report.add_argument("--pdf", action="store_true", help="also print the report to PDF")
    again = commands.add_parser("reproduce", help="recompute the figures of the original study")
    again.add_argument("folder", type=Path, nargs="?", default=DATA, metavar="DIR")
    again.add_argument("--json", type=Path, help="also write the figures to this file")
    add_arguments(commands.add_parser("power", help="how many people a study needs"))
    options = parser.parse_args(arguments)
    try:
        if options.command == "report":
            return _report(options)
        if options.command == "power":
            return power(options)
        return _reproduce(options.folder, options.json)
    except (BundleError, PowerError, SeedError) as error:
        print(f"error: {error}", file=sys.stderr)
    except OSError as error:
        print(f"error: cannot write {error.filename}: {error.strerror}", file=sys.stderr)
    return 2


def _report(options: argparse.Namespace) -> int:
    from analysis.report import write_report

    for path in write_report(
        options.bundle,
        options.out,
        with_simulated=options.with_simulated,
        prereg=options.prereg,
        with_pdf=options.pdf,
    ):
        print(path)
    return 0


def _reproduce(folder: Path, target: Path | None) -> int:
    figures = reproduce(folder)
    if target is not None:
        target.write_text(json.dumps(figures, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    print(describe(figures), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
