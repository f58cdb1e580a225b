"""The tables of the export bundle: their columns, and what these mean."""

from collections.abc import Sequence

Columns = Sequence[tuple[str, str, str]]

_WHO: Columns = (
    ("participant_id", "string", "pseudonym of the participant"),
    ("study_version", "string", "SHA-256 of the frozen study version"),
)
_WHERE: Columns = (
    ("step_position", "integer", "place of the page in this participant's order, from 0"),
    ("step_kind", "string", "consent, assign, instructions, check, trial, break, questionnaire..."),
    ("attempt", "integer", "which attempt at the step, from 1"),
    ("block", "string", "block that the trial belongs to"),
    ("part", "string", "page of the trial: the task's name for it; empty for other pages"),
    ("factor_*", "string", "level of this factor on the page"),
    ("stimulus_id", "string", "digest of the stimulus shown"),
    ("explanation_digest", "string", "digest of the explanation shown; empty where none was"),
    ("second_stimulus_id", "string", "digest of the changed input that the page asks about"),
    ("second_explanation_digest", "string", "digest of the explanation B beside the first, A"),
)
COLUMNS: dict[str, Columns] = {
    "responses": (
        *_WHO,
        *_WHERE,
        ("scale_id", "string", "scale that the item belongs to"),
        ("item_id", "string", "the item, described in this codebook; MATRIX.ROW for a row"),
        ("item_kind", "string", "likert, slider, choice, ranking, text, ...: how it was asked"),
        (
            "role",
            "string",
            "what the study says; else rating: asked on a trial; scale: part of a scale; check: "
            "has a right answer; what a task asks it for: initial, final, initial_confidence, "
            "simulated, ...; answer: another",
        ),
        ("value_number", "number", "the answer where it is a number; yes is 1 and no is 0"),
        ("value_text", "string", "the answer of a choice, text or date item"),
        ("value_json", "string", "the answer of a multiple choice, a ranking or a mask, as JSON"),
        ("missing_reason", "string", "not_answered, refused or timed_out; empty with an answer"),
        ("language", "string", "language in which the participant read the study"),
        ("response_time_ms", "integer", "from page first shown to submitted, server's clock"),
        ("answered_after_ms", "integer", "from page shown to last change, browser's clock"),
        ("item_position", "integer", "place of the item on the page as it was shown, from 1"),
    ),
    "steps": (
        *_WHO,
        *_WHERE,
        ("rendered_sha256", "string", "SHA-256 of the stimulus as drawn on the page"),
        ("viewport", "string", "width x height of the browser's window in CSS pixels"),
        ("shown_after_ms", "integer", "from enrolment to first shown, server's clock"),
        ("submitted_after_ms", "integer", "from enrolment to submitted, server's clock"),
        ("duration_ms", "integer", "from first shown to submitted, server's clock"),
        (
            "skipped_reason",
            "string",
            "why the page was never submitted: condition (the study's), begun_anew (another "
            "attempt follows), or how the participation ended; empty where it was not skipped",
        ),
        ("passed", "boolean", "of a check: whether every answer was right"),
        ("timed_out", "boolean", "whether the page came later than its time limit and 5 s"),
    ),
    "participants": (
        *_WHO,
        ("cell", "string", "between-participants condition"),
        ("form", "integer", "counterbalancing form"),
        ("language", "string", "language in which the participant read the study"),
        (
            "outcome",
            "string",
            "active, complete, screened_out (failed a check), quota_full, timed_out (came back too "
            "late), dropped (stayed away, and the place was given back), declined or withdrawn",
        ),
        ("simulated", "boolean", "whether this is a robot of `flask simulate`, not a person"),
        ("steps_total", "integer", "pages in this participant's order"),
        ("steps_submitted", "integer", "pages submitted; the debrief never is"),
        ("duration_ms", "integer", "from enrolment to completion, server's clock"),
    ),
    "stimuli": (
        ("stimulus_id", "string", "digest of the stimulus"),
        ("stimulus_set", "string", "set in the study definition"),
        ("kind", "string", "image, series or text"),
        ("truth", "string", "the right label, where it is known"),
        ("predicted", "string", "the model's label"),
        ("model_correct", "boolean", "whether the model is right"),
        ("probability", "number", "the model's probability of its label"),
        ("checkpoint_digest", "string", "SHA-256 of the weights"),
        ("source_json", "string", "where the input comes from"),
    ),
    "explanations": (
        ("explanation_digest", "string", "digest of the explanation"),
        ("name", "string", "level of the explanation factor that shows it"),
        ("stimulus_id", "string", "digest of the stimulus it is shown with"),
        ("method", "string", "method, or kind of control"),
        ("parameters_json", "string", "parameters of the method"),
        ("seed", "integer", "seed of the method"),
        ("completeness_gap", "number", "|base + sum - full|; empty where it is not defined"),
        ("evaluations", "integer", "evaluations of the model"),
        ("seconds", "number", "time it took to compute"),
    ),
    "metrics": (
        ("explanation_digest", "string", "digest of the explanation"),
        (
            "metric",
            "string",
            "what was measured (explainer/metrics): of a random attribution, random_...; under a "
            "mask that the method did not use, ..._other_mask",
        ),
        ("value", "number", "in the unit of the explanation's value function, or without one"),
        ("missing_reason", "string", "why a group of metrics has no value; empty where it has"),
    ),
    "curves": (
        ("explanation_digest", "string", "digest of the explanation"),
        ("curve", "string", "removal or random_removal; under another mask, ..._other_mask"),
        ("share", "number", "share of the players removed or inserted, most relevant first"),
        ("deletion", "number", "the model's output without that share"),
        ("insertion", "number", "the model's output with that share alone"),
    ),
    "attributions": (
        ("explanation_digest", "string", "explanation of a stimulus that participants mark"),
        ("output", "string", "explained: the predicted label, or of a forecast mean, a text sum"),
        ("player", "integer", "place of the player in the explanation, from 0"),
        (
            "span_json",
            "string",
            "what the player is: a text's [start, end) characters, an image's pixel indices, row "
            "by row, a series' [start, end) steps",
        ),
        ("value", "number", "what it counted, in the unit of the explanation's value function"),
        ("missing_reason", "string", "why an explanation has no values; empty where it has"),
    ),
    "units": (
        ("block", "string", "block whose task is to mark"),
        ("stimulus_id", "string", "digest of the stimulus"),
        ("unit", "integer", "place of the part that can be marked, from 0, as a mask says it"),
        ("span_json", "string", "what the part is, as an explanation says it of its players"),
    ),
    "events": (
        *_WHO,
        ("step_position", "integer", "place of the page in this participant's order, from 0"),
        ("view", "integer", "which showing of the page, from 1: a reload or a second tab is one"),
        ("number", "integer", "place of the event in its view, from 0"),
        (
            "kind",
            "string",
            "shown, first (key or pointer), input, hover, token (chosen), open (details), "
            "adjust (colours, zoom), blur, focus, resize or submit",
        ),
        ("at_ms", "integer", "since this view was shown, browser's monotonic clock"),
        ("value_json", "string", "item: the item it belongs to; detail: what part, or the size"),
    ),
}
