"""What residents of an illustrative place say of its themes: a score for each, and the one to be made better first.

It has a source of chance of its own, so that nothing else that is written changes with it.
"""

import tomllib
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from illustrative.people import HERE, World

OWN_STREAM, SPREAD, SKIPPED, REFUSED = 14, 1.6, 0.02, 0.005
SCALE = [str(score) for score in range(1, 8)]  # from the answer of people with the highest latent score
FIRST, PULL = "most_wanted", 0.3  # a point less in the score makes a theme so much likelier to be named (logarithm)
LABELS = {
    "brighton-and-hove": (
        "{}: 1 to 7",
        "{}: from 1, a lot could be better, to 7, hardly anything could",
        "Most wanted",
    ),
    "tower-hamlets": ("Q40_{}", "Score 1 (much to do) to 7 (little to do): {}", "Q41"),
}
WHICH = "Which of these would you most like to see better?"


@cache
def themes() -> dict[str, dict[str, Any]]:
    """The themes by name (themes.toml)."""
    return tomllib.loads((HERE / "themes.toml").read_text(encoding="utf8"))


def theme_questions(slug: str) -> dict[str, dict[str, Any]]:
    """Give the questions as `survey.questions` does: a score for each theme, then the choice between them."""
    column, label, first = LABELS[slug]
    asked = {}
    for number, (name, theme) in enumerate(themes().items(), 1):
        named = theme["theme"] if slug == "brighton-and-hove" else number
        words = {"column": column.format(named), "label": label.format(theme["theme"])}
        asked[f"score_{name}"] = {"levels": SCALE, slug: words}
    return asked | {FIRST: {"levels": list(themes()), slug: {"column": first, "label": WHICH}}}


def aspirations(slug: str) -> list[dict[str, Any]]:
    """What the contract says of these columns: a score of each theme, and the share that names it first."""
    asked = theme_questions(slug)
    scored = [{"id": name, "column": asked[name][slug]["column"]} for name in asked if name != FIRST]
    column = asked[FIRST][slug]["column"]
    return scored + [{"id": f"first_{name}", "column": column, "yes": [name]} for name in themes()]


def theme_answers(world: World) -> pd.DataFrame:
    """What each adult would answer, a row an adult, indexed by person: exact shares of each score, one theme named."""
    random, adults = np.random.default_rng([world.plan["seed"], OWN_STREAM]), np.flatnonzero(world.adult)
    lasting = random.normal(0, 0.8, len(adults))  # some people score everything low
    answers, readiness = {}, []
    for name, theme in themes().items():
        area = random.normal(0, 0.35, len(world.areas))[world.people["area"]]
        latent = (world.score(theme["score"]) + area)[adults] + lasting + random.logistic(size=len(adults))
        shares = np.exp(-((np.arange(1, 8) - theme[world.slug]["mean"]) ** 2) / (2 * SPREAD**2))
        rank = np.empty(len(adults))
        rank[np.argsort(-latent, kind="stable")] = np.arange(len(adults))
        score = 1 + np.searchsorted(np.cumsum(shares) / shares.sum(), (rank + 0.5) / len(adults))
        answers[f"score_{name}"] = score.astype(str)
        readiness.append(np.log(theme[world.slug]["named"]) - PULL * score + random.gumbel(size=len(adults)))
    answers[FIRST] = np.array(list(themes()))[np.argmax(readiness, axis=0)]
    return pd.DataFrame(answers, index=adults).astype(object)


def theme_rows(world: World, answers: pd.DataFrame, person: pd.Series) -> pd.DataFrame:
    """What the respondents told, in the order of the survey's file: some skip a question, a few refuse it."""
    random, told = (
        np.random.default_rng([world.plan["seed"], OWN_STREAM, 1]),
        answers.loc[person].set_axis(person.index),
    )
    for name in told:
        reluctance = random.random(len(told))
        told[name] = told[name].mask(reluctance < SKIPPED, "skipped").mask(reluctance > 1 - REFUSED, "refused")
    return told


def theme_truth(world: World, answers: pd.DataFrame) -> pd.DataFrame:
    """The true mean score, and per cent who name a theme first: aspiration_id, area_code, value, by ward and place."""
    known = pd.DataFrame({name: answers[f"score_{name}"].astype(float) for name in themes()}).add_prefix("score_")
    named = pd.DataFrame({f"first_{name}": 100.0 * answers[FIRST].eq(name) for name in themes()})
    ward = world.postcodes["ward_code"].to_numpy()[world.people["postcode"].iloc[answers.index]]
    both = known.join(named)
    table = pd.concat([both.groupby(ward).mean(), both.mean().to_frame(world.plan["area_code"]).T])
    return table.rename_axis("area_code").melt(var_name="aspiration_id", ignore_index=False).round(4).reset_index()
