"""The design of a study in numbers, for a power analysis (`credence/design-summary/1`).

cells: between-participants conditions. forms: counterbalanced orders within a cell. Of each block:
its task, how many trials a participant has in all and under each condition, and its strata, with
how many stimuli each has and how many of them a participant meets. Sizes come from the registered
stimuli, or before `flask precompute` from how many the study selects, right and wrong. Of the
study's own items, their kind and range. `analysis.power` reads it.
"""

from collections import Counter
from typing import Any

from sqlalchemy.orm import Session

from webapp import assignment, designs
from webapp.assignment import BlockDesign
from webapp.definition import Block, Definition
from webapp.models import StudyVersion
from webapp.planned import ByAnswer
from webapp.studies import definition_of


def summary(session: Session, version: StudyVersion) -> dict[str, Any]:
    """The design of a version, as plain JSON."""
    definition = definition_of(version)
    found = designs.block_designs(session, version, definition)
    plain = definition.model_dump(mode="json", by_alias=True)
    return {
        "schema": "credence/design-summary/1",
        "slug": definition.slug,
        "version": version.number,
        "seed": definition.seed,
        "factors": plain["factors"],
        "cells": list(designs.cells(definition)),
        "forms": designs.forms(definition),
        "assign": plain["assign"],
        "quotas": plain["quotas"],
        "blocks": [
            _block(definition, block, design)
            for block, design in zip(definition.blocks, found, strict=True)
        ],
        "items": {
            name: {key: item[key] for key in ("kind", "min", "max") if key in item}
            for name, item in plain["items"].items()
        },
        "hypotheses": plain["hypotheses"],
    }


def _block(definition: Definition, block: Block, design: BlockDesign) -> dict[str, Any]:
    conditions = [assignment.name_of(each) for each in design.conditions]
    strata = _strata(definition, block, design)
    return {
        "block": block.block,
        "task": block.trial.task,
        "pages_per_trial": len(block.trial.pages),
        "stimuli": block.stimuli,
        "not_in": block.not_in,
        "trials_per_participant": block.per_participant,
        "conditions": conditions,
        "trials_per_condition": block.per_participant / len(conditions),
        "conditions_by_block": _turns(definition, block),
        "strata": strata,
        "items": block.items,
    }


def _turns(definition: Definition, block: Block) -> list[str]:
    """The levels that the block can have as a whole, over all forms."""
    turns = range(designs.forms(definition))
    levels = (designs.block_levels(definition, turn)[block.block] for turn in turns)
    return sorted({assignment.name_of(each) for each in levels if each})


def _strata(
    definition: Definition, block: Block, design: BlockDesign
) -> list[dict[str, Any]] | None:
    """Every stratum; None where only the registered stimuli can tell."""
    select = definition.stimuli[block.stimuli].select
    sizes: Counter[tuple[str, ...]] = Counter()
    for stratum in design.strata:
        traits = design.traits[stratum[0]]
        sizes[tuple(traits[name] for name in block.strata)] = len(stratum)
    if not sizes and block.strata == ("model_correct",) and isinstance(select, ByAnswer):
        sizes |= {("True",): select.right, ("False",): select.wrong}
        sizes = +sizes
    if not sizes:
        return None
    shares = assignment.shares(list(sizes.values()), block.per_participant)
    return [
        {
            "traits": dict(zip(block.strata, key, strict=True)),
            "stimuli": size,
            "per_participant": share,
        }
        for (key, size), share in zip(sizes.items(), shares, strict=True)
    ]
