"""The paragraphs of a report that say how everything was computed, with citations."""

from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]


def methods(found: Json) -> list[str]:
    """What was done in this report, and nothing that was not."""
    return list(_paragraphs(found))


def _paragraphs(found: Json) -> Iterator[str]:
    main = found["main"]
    fitted = [row["model"]["method"] for row in main["hypotheses"] if row["model"]]
    if any("cumulative" in method or "logistic" in method for method in fitted):
        yield (
            "Single ratings are analysed by cumulative link mixed models with a logit link (for "
            "yes and no: logistic mixed models), fitted by maximum likelihood with Laplace's "
            "method (Hedeker & Gibbons 1994; Christensen 2019). A contrast is the difference of "
            "estimated marginal means (Searle, Speed & Milliken 1980), averaged with equal weight "
            "over the model's other factors; its test is a likelihood-ratio test, its interval "
            "Wald's, so that the two can disagree at the edge. The same difference in the "
            "answers' own unit is that of the mean answers predicted for the typical participant "
            "and stimulus, by the delta method."
        )
    if any("linear mixed model" in method for method in fitted):
        yield (
            "Sliders, numbers and scale scores that people gave several times are analysed by "
            "linear mixed models, fitted by restricted maximum likelihood (Laird & Ware 1982; "
            "Bates et al. 2015), with Satterthwaite's degrees of freedom (Kuznetsova, Brockhoff & "
            "Christensen 2017)."
        )
    if fitted:
        yield (
            "The model is the one that the hypothesis declares. Where the answers do not carry it, "
            "random slopes are left out first, then other predictors; each model that failed is "
            "named with the reason. Without random slopes a test of a factor within participants "
            "finds too much (Barr et al. 2013)."
        )
    if main["ratings"] or main["hypotheses"]:
        yield (
            "As a check, each question is also answered from one mean for each participant and "
            "condition: conditions that one person met in turn by the paired t test with d_z, the "
            "Wilcoxon signed-rank test and a permutation test, more than two by repeated-measures "
            "analysis of variance with Greenhouse and Geisser's correction and by Friedman's test; "
            "conditions that different people met by Welch's t test with Hedges' g, the "
            "Mann-Whitney test and a permutation test, or by Welch's analysis of variance and the "
            "Kruskal-Wallis test. These take ratings as points on an even scale and the stimuli as "
            "fixed."
        )
    yield (
        "p values are two-sided; those of confirmatory hypotheses are adjusted together by Holm's "
        "method (1979). Intervals cover 95 % and are not adjusted. Nothing is imputed: a missing "
        "answer is left out and counted."
    )
    if main["scales"]:
        yield (
            "Scale scores follow the instrument's own rule. Reliability is Cronbach's alpha with "
            "Feldt's interval and McDonald's omega total of one factor with a bootstrap interval, "
            "over people who answered every item, the first time they met the scale."
        )
    if main["decisions"]:
        yield (
            "Shares of decisions are pooled over trials, with bias-corrected and accelerated "
            "bootstrap intervals that draw participants anew (Efron 1987; seed 0). A share whose "
            "denominator is 0 is missing, never 0."
        )
    if any("measures" in row for row in main["regions"]):
        yield (
            "Marked parts are compared with the values that an explanation gives them: those for "
            "the model's answer, of a forecast without their sign. A player's value is spread "
            "evenly over the parts that it covers. Agreement is intersection over union with as "
            "many of the highest values as were marked, the area under the ROC curve, Spearman's "
            "correlation and the pointing game (Zhang et al. 2018); chance is that of as many "
            "marks at random (hypergeometric), which neighbouring marks, as people make them, are "
            "not. Intervals draw participants anew and take the stimuli as fixed."
        )
    if found["quality"]:
        yield (
            "Measures of explanations are the export's; each is related to each outcome by a mixed "
            "model with intercepts for participants and explanations, and p values are adjusted "
            "for the false discovery rate (Benjamini & Hochberg 1995)."
        )
