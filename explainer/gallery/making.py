"""Make the explanations of one set for a gallery; one that refuses says why and stops no other."""

from collections.abc import Callable, Iterator, Sequence

from explainer.artifact import Store
from explainer.gallery import Cell, Row
from explainer.gallery.recipes import PREFIX
from explainer.jobs import Name, Piece
from explainer.methods import MethodError, Of
from explainer.methods.catalogue import FAMILIES
from explainer.plan import Recipe
from explainer.prepared import Prepared
from explainer.progress import Meter, Progress
from explainer.selection import SelectionError, donors
from explainer.shapley.game import drive

Show = Callable[[Progress], None]


class Making:
    """One set, and what is to be shown of it: the recipes that apply to its subject."""

    def __init__(
        self, prepared: Prepared, count: int, recipes: Sequence[Recipe], own: Sequence[Recipe]
    ) -> None:
        """count: of stimuli. recipes: the plan's own, and the catalogue's."""
        self.prepared, self._places = prepared, _varied(prepared, count)
        self._all = {recipe.name: recipe for recipe in recipes}
        self._own = {recipe.name for recipe in own}
        kind = prepared.subject.kind
        self._shown = [recipe for recipe in recipes if kind in recipe.method.kinds]
        self._done: dict[Name, str] = {}
        self.total = len(self._shown) * len(self._places)

    def stimuli(self) -> Iterator[str]:
        """Write the stimuli; give their digests."""
        for row in self._places:
            yield self.prepared.store.write(self.prepared.stimulus(row))

    def rows(self, store: Store, show: Show | None, before: int, total: int) -> Iterator[Row]:
        """Make and give each row in turn. before, total: of all sets, for the progress shown."""
        meter = Meter()
        done = before
        for recipe in self._shown:
            cells = []
            for place, row in enumerate(self._places):
                if show is not None:
                    said = f"{recipe.method.name} of {self.prepared.name}"
                    stimuli = place, len(self._places)
                    pace = meter.pace
                    show(Progress((done, total), stimuli, meter.rows, pace, None, None, said))
                cells.append(self._cell(recipe, row, store, meter))
                done += 1
            yield self._row(recipe, tuple(cells))

    def _row(self, recipe: Recipe, cells: tuple[Cell, ...]) -> Row:
        own = recipe.name in self._own
        of = None if recipe.of is None else recipe.of.removeprefix(PREFIX)
        method = recipe.method
        families = (name for name, methods in FAMILIES.items() if method in methods)
        return Row(
            family="this study" if own else next(families),
            method=method.name,
            named=recipe.name if own else None,
            of=of,
            parameters=dict(recipe.parameters),
            seed=recipe.seed,
            source=method.source,
            cells=cells,
        )

    def _cell(self, recipe: Recipe, row: int, store: Store, meter: Meter) -> Cell:
        try:
            return Cell(self._digest(recipe, row, store, meter), None)
        except (MethodError, SelectionError) as error:
            # What names the stimulus is said by where the reason stands.
            return Cell(None, str(error.__cause__ or error))

    def _digest(self, recipe: Recipe, row: int, store: Store, meter: Meter) -> str:
        of = None if recipe.of is None else self._all[recipe.of]
        source = row
        if of is not None:
            if recipe.method.of is Of.ANOTHER:
                classes, selected = self.prepared.classes, self.prepared.selected
                source = donors(classes, selected, recipe.seed)[row]
            for needed in {row, source}:
                self._digest(of, needed, store, meter)
        piece = Piece(self.prepared, recipe, row, source, of)
        if piece.name not in self._done:
            job = piece.job(self._done)
            found = store.find(job)
            if found is None:
                found = drive(piece.carry_out(job, meter, self._done))
            self._done[piece.name] = found
        return self._done[piece.name]


def _varied(prepared: Prepared, count: int) -> list[int]:
    """Rows of a set, those first of which the model says what it said of none before."""
    seen: set[tuple[int, bool | None]] = set()
    first: list[int] = []
    rest: list[int] = []
    for row in prepared.selected:
        said = int(prepared.classes[row]), prepared.stimulus(row).model_correct
        (rest if said in seen else first).append(row)
        seen.add(said)
    return [*first, *rest][:count]
