"""The commands `flask train ...` and `python -m explainer train ...`, one for each trainer.

A command's options are the arguments of its module's `train`; torch is loaded when one is chosen.
"""

import inspect
import sys
import types
import typing
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import click

TRAINERS = {
    "mnist": "Read digits pixel by pixel: an S4 classifier on MNIST.",
    "cifar": "Tell photographs apart pixel by pixel: an S4 classifier on CIFAR-10.",
    "reviews": "Tell praise from blame: an S4 classifier of film reviews.",
    "wikitext": "Language models of one size on one text: S4, LSTM, Transformer.",
    "prices": "Forecast a series: SpaceTime on the S&P 500's closes, or any CSV.",
    "senn": "A self-explaining network on MNIST.",
    "attention": "An LSTM with attention on film reviews, with the controls of its attention.",
    "cnn": "A small ReLU network on MNIST, for Grad-CAM and guided backpropagation.",
}
HELP = {
    "out": "The checkpoint's folder; a run that was stopped goes on from there.",
    "data": "A folder with the data; without it they are fetched once.",
    "epochs": "How often every example is seen.",
    "seed": "Of the initial weights, the split and the order of the examples.",
    "device": "auto, cpu or cuda.",
}


class Refusal(click.ClickException):
    """An expected failure: its message goes to stderr, without a traceback."""

    def show(self, file: Any = None) -> None:
        """Print the message as it is; it says itself what it is about."""
        click.echo(self.message, file=file or sys.stderr)


class Trainers(click.Group):
    """Lists the trainers without loading them, and loads the one that is chosen."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the table's order."""
        return list(TRAINERS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Build one command from its module. Raises Refusal where torch is not installed."""
        if cmd_name not in TRAINERS:
            return None
        try:
            trainer = import_module(f"explainer.train.{cmd_name}")
        except ModuleNotFoundError as error:
            raise Refusal(
                f"{error.name} is not installed; training needs: pip install 'credence[explainer]'"
            ) from error
        return build(cmd_name, trainer)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table into the help."""
        with formatter.section("Commands"):
            formatter.write_dl(list(TRAINERS.items()))


train = Trainers("train", help="Train the models that ship with Credence, or your own.")


def build(name: str, trainer: Any) -> click.Command:
    """Make a command of a module with `train`, and HELP for each of its own arguments."""
    hints = typing.get_type_hints(trainer.train)
    texts = {**HELP, **trainer.HELP}
    options = [
        _option(each, hints[each.name], texts[each.name])
        for each in inspect.signature(trainer.train).parameters.values()
        if each.name != "progress"
    ]

    def run(**chosen: Any) -> None:
        with _Bar() as bar:
            card = _refusing(lambda: trainer.train(**chosen, progress=bar))
        click.echo(f"{chosen['out']}: {card['parameters']} weights, {card['weights_sha256']}")
        for line in describe(card["metrics"]):
            click.echo(line)

    return click.Command(
        name, params=[*options], callback=run, help=inspect.getdoc(trainer.train) or TRAINERS[name]
    )


def _option(each: inspect.Parameter, hint: Any, text: str) -> click.Option:
    """Make an option: --learning-rate FLOAT of `learning_rate: float = 0.004`."""
    if isinstance(hint, types.UnionType):
        hint = next(kind for kind in typing.get_args(hint) if kind is not types.NoneType)
    kinds: dict[Any, click.ParamType[Any]] = {
        int: click.IntRange(min=0 if each.name == "seed" else 1),
        float: click.FloatRange(min=0),
        str: click.STRING,
        bool: click.BOOL,
        Path: click.Path(path_type=Path),
    }
    is_choice = typing.get_origin(hint) is typing.Literal
    # For click, a default of None is one, and nothing would be required.
    needed = {"required": True} if each.default is each.empty else {"default": each.default}
    return click.Option(
        [f"--{each.name.replace('_', '-')}", each.name],
        type=click.Choice(typing.get_args(hint)) if is_choice else kinds[hint],
        is_flag=hint is bool,
        show_default=hint is not bool,
        help=text,
        **needed,
    )


def _refusing(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Turn expected errors into messages."""
    from explainer.artifact import ArtifactError
    from explainer.data.fetch import DataError
    from explainer.machine import DeviceError
    from explainer.models.checkpoint import CheckpointError
    from explainer.models.config import ConfigError
    from explainer.models.tokenisers import TokeniserError
    from explainer.train.resume import TrainingError

    try:
        return work()
    except (
        ArtifactError,
        CheckpointError,
        ConfigError,
        DataError,
        DeviceError,
        TokeniserError,
        TrainingError,
    ) as error:
        raise Refusal(str(error)) from error
    except OSError as error:
        raise Refusal(f"{error.filename}: {error.strerror}") from error
    except KeyboardInterrupt as error:
        raise Refusal("stopped; the same command goes on from the last resume point") from error


class _Bar:
    """A bar on stderr with loss and time left; in a log, where nobody watches, once a minute."""

    def __init__(self) -> None:
        self._bar: Any = None

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, done: int, total: int, what: str) -> None:
        if self._bar is None:
            from tqdm import tqdm

            often = 0.1 if sys.stderr.isatty() else 60
            # A resumed run begins in the middle; its rate is that of the steps it takes itself.
            self._bar = tqdm(unit=" steps", total=total, initial=done - 1, mininterval=often)
        self._bar.set_postfix_str(what, refresh=False)
        self._bar.update(done - self._bar.n)


def describe(metrics: dict[str, Any], indent: str = "") -> Iterator[str]:
    """Say metrics a line each, indented below the name of their group."""
    for name, value in metrics.items():
        said = f"{indent}{name.replace('_', ' ')}"
        if not isinstance(value, dict):
            yield f"{said}: {value}"
        elif "value" not in value:
            yield said
            yield from describe(value, indent + "  ")
        else:
            interval = next((value[key] for key in value if key.startswith("interval")), None)
            between = "" if interval is None else f" [{interval[0]}, {interval[1]}]"
            n = f", n {value['n']}" if "n" in value else ""
            yield f"{said}: {value['value']}{between}{n}"
