"""Studies of models from a command line: `python -m explainer.inspect --help`."""

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

COMMANDS = {
    "layers": "What each layer is worth: loss and accuracy of a network that skips it.",
    "refresh": "How right a language model is with the truth at every k-th place, and without.",
    "attention": "Whether attention explains: uniform, permuted and adversarial attention, seeds.",
    "channels": "Hidden channels over many texts or series, ranked by how well a rule says them.",
    "compare": "Two language models on the same prompts, side by side, with their ranges.",
    "order": "In which order models read images: runs against patches of equal size.",
}


def parser() -> argparse.ArgumentParser:
    """Describe every command; what they need is loaded when one runs."""
    whole = argparse.ArgumentParser(prog="python -m explainer.inspect", description=__doc__)
    added = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    found = {
        name: added.add_parser(name, help=said, description=said) for name, said in COMMANDS.items()
    }
    for name in ("layers", "refresh", "attention", "channels"):
        found[name].add_argument("checkpoint", help="its name, or its folder")
    found["compare"].add_argument("first", help="a language model: its name, or its folder")
    found["compare"].add_argument("second", help="another")
    found["order"].add_argument("checkpoint", nargs="+", help="names or folders, to be compared")
    for each in found.values():
        each.add_argument(
            "--data", type=Path, help=".jsonl of texts, or .npz; by default the shipped sample"
        )
        each.add_argument("--device", default="auto", help="auto, cpu or cuda")
        each.add_argument("--json", type=Path, help="also write the numbers to this file")
    for name in ("attention", "channels", "compare", "order"):
        found[name].add_argument("--seed", type=_whole, default=0, help="of what is drawn")
    _refresh(found["refresh"])
    _attention(found["attention"])
    _channels(found["channels"])
    _compare(found["compare"])
    _order(found["order"])
    return whole


def _refresh(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--length", type=_two, default=12, help="tokens of a passage")
    parser.add_argument(
        "--prefix", type=_one, help="places in which the truth is given; by default all"
    )
    parser.add_argument("--every", type=_one, nargs="+", default=[1, 2, 3], help="the ks")


def _attention(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--beside", nargs="+", default=[], help="models of the same run: other seeds, uniform"
    )
    parser.add_argument("--imposed-on", help="a model that is read under this one's attention")
    parser.add_argument("--permutations", type=_one, default=100, help="of each text's attention")


def _channels(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--block", type=int, default=-1, help="its number, or from the end below 0")
    parser.add_argument("--top", type=_one, default=5, help="channels to show")


def _compare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--show", type=_whole, default=1, dest="prompts_shown", help="prompts beside the worst"
    )
    parser.add_argument("--method", default="permutation", help="see flask methods prompt")
    parser.add_argument(
        "--evaluations", type=_whole, default=0, help="for each prompt; 0: the method's own default"
    )


def _order(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--images", type=_one, default=8, help="drawn from the data")
    parser.add_argument("--side", type=_two, default=4, help="of a patch, in pixels")
    parser.add_argument(
        "--by", choices=("derivatives", "differences"), default="derivatives", help="of the score"
    )


def _whole(text: str, least: int = 0) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} on")
    return int(text)


def _one(text: str) -> int:
    return _whole(text, 1)


def _two(text: str) -> int:
    return _whole(text, 2)


def main(arguments: list[str] | None = None) -> int:
    """Run one command."""
    options: dict[str, Any] = vars(parser().parse_args(arguments))
    name, file = options.pop("command"), options.pop("json")
    try:
        module = import_module(f"explainer.inspect.commands.{name}")
    except ModuleNotFoundError as error:
        print(
            f"error: {error.name} is not installed; this needs: pip install 'credence[explainer]'",
            file=sys.stderr,
        )
        return 1
    from explainer.data.contents import ContentsError
    from explainer.library import EXPECTED
    from explainer.methods import MethodError

    try:
        report = module.run(**options)
        if file is not None:
            file.write_text(json.dumps(report.to_json(), indent=2) + "\n")
    except (*EXPECTED, ContentsError, MethodError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    print(report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
