"""Versions: what is loaded, what is frozen, and what opens; on both databases."""

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any

import pytest
from lab import (
    Artifacts,
    Laboratory,
    both,
    definition,
    questions_only,
    write_artifacts,
    write_study,
)
from sqlalchemy import select, update

from explainer.artifact import canonical_json
from webapp import studies
from webapp.models import (
    Membership,
    Study,
    StudyVersion,
    VersionExplanation,
    VersionStimulus,
)
from webapp.studies import StudyError
from webapp.study import read

pytestmark = both


def versions(lab: Laboratory) -> list[StudyVersion]:
    with lab.session() as session:
        found = session.scalars(select(StudyVersion).order_by(StudyVersion.number)).all()
        for each in found:
            assert each.manifest is None or each.manifest
        session.expunge_all()
        return list(found)


def renamed(title: str) -> dict[str, Any]:
    return definition() | {"title": {"en": title}}


def test_an_unchanged_study_stays_the_version_it_is(lab: Laboratory) -> None:
    folder = write_study(lab.folder / "small", definition())
    with lab.session() as session:
        assert studies.load(session, read(folder, lab.instance))[1] is True
        assert studies.load(session, read(folder, lab.instance))[1] is False
    assert [each.number for each in versions(lab)] == [1]


def test_a_study_that_moved_is_found_where_it_lies_now(lab: Laboratory) -> None:
    lab.load()
    moved = write_study(lab.folder / "moved", definition())
    with lab.session() as session:
        assert studies.load(session, read(moved, lab.instance))[1] is False
    assert versions(lab)[0].folder == str(moved)


def test_a_draft_takes_the_new_text_and_needs_its_explanations_anew(lab: Laboratory) -> None:
    first = lab.load()
    lab.prepare(first)
    assert lab.count(VersionStimulus) == 6
    assert lab.load(renamed("Another title")) == first
    (version,) = versions(lab)
    assert version.definition["title"] == {"en": "Another title"}
    assert lab.count(VersionStimulus) == lab.count(VersionExplanation) == 0


def test_after_a_frozen_version_comes_the_next(lab: Laboratory, opened: int) -> None:
    before = versions(lab)[0]
    second = lab.load(renamed("Second"))
    assert second != opened
    one, two = versions(lab)
    assert (one.digest, one.definition, one.is_open) == (before.digest, before.definition, True)
    assert (two.number, two.digest, two.is_open, two.frozen) == (2, None, False, False)
    assert lab.load(renamed("Second, better")) == second


def test_opening_the_next_version_closes_the_one_before(lab: Laboratory, opened: int) -> None:
    second = lab.open(renamed("Second"))
    assert [(each.id, each.is_open) for each in versions(lab)] == [(opened, False), (second, True)]
    with lab.session() as session:
        version = studies.open_version(session, "small")
        assert version is not None
        assert version.id == second


def test_closing_and_opening_again_keeps_the_frozen_version(lab: Laboratory, opened: int) -> None:
    before = versions(lab)[0].digest
    with lab.session() as session:
        closed = studies.close_study(session, "small")
        assert closed is not None
        assert closed.id == opened
        assert studies.close_study(session, "small") is None
        assert studies.open_version(session, "small") is None
        assert studies.open_study(session, "small", lab.store).id == opened
    (after,) = versions(lab)
    assert (after.is_open, after.digest) == (True, before)


def test_the_order_in_the_file_is_kept(lab: Laboratory) -> None:
    version_id = lab.load()
    with lab.session() as session:
        found = studies.definition_of(session.get_one(StudyVersion, version_id))
    assert found.languages == ["en", "de"]
    assert list(found.items) == ["trust", "sure", "used", "years", "comment"]
    assert list(found.explanations) == ["shap", "mismatched"]


def test_unknown_studies_are_said(lab: Laboratory) -> None:
    with lab.session() as session:
        for action in (
            lambda: studies.find_study(session, "trust"),
            lambda: studies.open_study(session, "trust", lab.store),
            lambda: studies.close_study(session, "trust"),
        ):
            with pytest.raises(StudyError) as caught:
                action()
            assert str(caught.value) == ("no study 'trust'; load one with: flask study load FOLDER")
        assert studies.open_version(session, "trust") is None


def refusal(lab: Laboratory) -> str:
    with lab.session() as session, pytest.raises(StudyError) as caught:
        studies.open_study(session, "small", lab.store)
    assert versions(lab)[0].digest is None
    assert versions(lab)[0].is_open is False
    return str(caught.value)


def test_a_study_without_its_explanations_does_not_open(lab: Laboratory) -> None:
    lab.load()
    said = refusal(lab)
    assert "6 of 6 stimuli of digits" in said
    assert "the shap explanations of all stimuli" in said
    assert said.endswith("Run: flask precompute small")


def test_a_study_that_lacks_one_explanation_does_not_open(lab: Laboratory) -> None:
    lab.prepare(lab.load())
    with lab.session() as session:
        session.delete(session.scalars(select(VersionExplanation)).first())
        session.commit()
    assert "explanations of 1 stimuli" in refusal(lab)


@pytest.mark.parametrize("which", ["stimulus", "explanation"])
@pytest.mark.parametrize("damage", ["removed", "truncated", "flipped", "swapped"])
def test_a_study_whose_artifact_is_damaged_does_not_open(
    lab: Laboratory, which: str, damage: str
) -> None:
    made = lab.prepare(lab.load())
    digests = made.stimuli["digits"]
    if which == "explanation":
        digests = list(made.explanations["shap"].values())
    path, other = lab.store.path(digests[0]), lab.store.path(digests[1])
    data = bytearray(path.read_bytes())
    if damage == "removed":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(data[:100])
    elif damage == "flipped":
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    else:
        path.write_bytes(other.read_bytes())
    said = refusal(lab)
    assert str(path) in said
    assert said.endswith("Run: flask precompute small")


def test_a_study_of_questions_alone_opens(lab: Laboratory) -> None:
    version_id = lab.open(questions_only())
    token = lab.enrol(version_id)
    assert [step.kind for step in lab.participants()[0].steps] == [
        "consent",
        "assign",
        "questionnaire",
        "debrief",
    ]
    assert lab.current(token).kind == "questionnaire"


def frozen_anew(lab: Laboratory, study: dict[str, Any], made: Artifacts) -> str:
    """The digest of a version of this text and these artifacts, as if it were the first one."""
    with lab.session() as session:
        session.execute(update(StudyVersion).values(digest=None, is_open=False))
        session.commit()
    lab.prepare(lab.load(study), made)
    with lab.session() as session:
        version = studies.open_study(session, "small", lab.store)
        assert version.manifest is not None
        assert version.digest == sha256(canonical_json(version.manifest)).hexdigest()
        return version.digest


def test_the_version_digest_covers_every_text_stimulus_and_explanation(lab: Laboratory) -> None:
    study, made = definition(), write_artifacts(lab.store)
    first = frozen_anew(lab, study, made)
    assert frozen_anew(lab, study, made) == first
    digests = [first]
    one, two, *rest = made.stimuli["digits"]
    swapped = Artifacts({"digits": [two, one, *rest]}, made.explanations)
    digests.append(frozen_anew(lab, study, swapped))
    digests.append(frozen_anew(lab, study, write_artifacts(lab.store, seed=8)))
    digests.append(frozen_anew(lab, renamed("Another title"), made))
    for page in ("consent.md", "intro.md", "debrief.md"):
        (lab.folder / "small" / page).write_text("Another text")
        digests.append(frozen_anew(lab, study, made))
    assert len(set(digests)) == len(digests) == 7


def test_roles(lab: Laboratory) -> None:
    lab.load()
    lab.researcher("ann@example.org")
    with lab.session() as session:
        studies.grant(session, "ann@example.org", "small", "viewer")
        studies.grant(session, "ann@example.org", "small", "owner")
        study = session.scalars(select(Study)).one()
        membership = session.scalars(select(Membership)).one()
        assert membership.role == "owner"
        assert studies.role_on(membership.researcher, study) == "owner"
        with pytest.raises(StudyError, match=r"no researcher bob@example\.org; create one"):
            studies.grant(session, "bob@example.org", "small", "owner")
        with pytest.raises(StudyError, match="no study 'large'"):
            studies.grant(session, "ann@example.org", "large", "owner")


def test_two_who_open_at_once_freeze_one_version(lab: Laboratory) -> None:
    lab.prepare(lab.load())

    def opens(_: int) -> str | None:
        with lab.session() as session:
            return studies.open_study(session, "small", lab.store).digest

    with ThreadPoolExecutor(4) as pool:
        digests = set(pool.map(opens, range(4)))
    assert digests == {versions(lab)[0].digest}
