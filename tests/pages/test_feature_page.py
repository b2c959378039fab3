"""The sections of a feature's page: what it goes with, where it fires, and its partners; a click leads to one page and no further."""

import numpy as np
import pytest

from app.feature.relations import ranked
from bae.features.coactivation import coactivation
from bae.index.columns import Columns
from bae.index.query import Index


@pytest.fixture
def columns(study):
    return Columns(Index(study.index_file()), "bae")


@pytest.fixture
def busy(columns) -> int:
    """A feature that fires with others, and not on all tokens."""
    return int(np.argsort(columns.counts)[columns.n_features // 2])


def feature_of(app) -> str:
    return next(title.value for title in app.title if title.value.startswith("Feature"))


def table(app, prefix: str):
    return next(frame for frame in app.dataframe if str(frame.proto.id).split("-")[-1].startswith(prefix) or prefix in str(frame.proto.id))


def click(app, prefix: str):
    """Click the first row of the table whose key begins so."""
    frame = table(app, prefix)
    key = str(frame.proto.id)[str(frame.proto.id).index(prefix) :]
    app.session_state[key] = {"selection": {"rows": [], "columns": [], "cells": [[0, "feature"]]}}
    return app.run(), frame.value


@pytest.mark.parametrize("prefix", ["relations:", "partners:"])
def test_a_click_leads_to_one_feature_and_stays_there(study, open_page, busy, prefix):
    app = open_page(study, "feature", ae="bae", feature=str(busy))
    assert not app.exception
    app, frame = click(app, prefix)
    assert not app.exception and feature_of(app) == f"Feature {frame['feature'].iloc[0]}"
    app.run()
    assert feature_of(app) == f"Feature {frame['feature'].iloc[0]}", "the selection does not act again on the page it led to"


@pytest.mark.parametrize("way", ["with", "implies", "implied", "without"])
def test_features_are_ranked_by_the_measure_of_the_way(study, columns, busy, way):
    tokens = Index(study.index_file()).dictionaries()["bae"].tokens
    found = coactivation(columns, busy, tokens)
    order = ranked(found, busy, way)
    assert busy not in order
    fires = {f: set(columns.tokens(f).tolist()) for f in range(columns.n_features)}
    together = [len(fires[busy] & fires[f]) for f in order]
    chance = [len(fires[busy]) * len(fires[f]) / tokens for f in order]
    assert all((both < by_chance) if way == "without" else (both > by_chance) for both, by_chance in zip(together, chance, strict=True))
    if way == "implies":
        shares = [both / len(fires[busy]) for both in together]
        assert shares == sorted(shares, reverse=True)
    if way == "implied":
        shares = [both / len(fires[f]) for f, both in zip(order, together, strict=True)]
        assert shares == sorted(shares, reverse=True)


def test_the_tokens_of_a_feature_are_those_that_a_loop_counts(study, open_page, columns, busy):
    index = Index(study.index_file())
    ids = np.concatenate([each[1:] for each in index.contexts()[0]])
    fired = np.bincount(ids[columns.tokens(busy)], minlength=int(ids.max()) + 1)
    app = open_page(study, "feature", ae="bae", feature=str(busy))
    frame = next(one.value for one in app.dataframe if list(one.value.columns) == ["token", "fired", "there", "share"])
    assert frame["fired"].tolist() == sorted(fired[fired > 0].tolist(), reverse=True)[: len(frame)]
    other = open_page(study, "feature", ae="bae", feature=str((busy + 1) % columns.n_features))
    frames = [one.value for one in other.dataframe if list(one.value.columns) == ["token", "fired", "there", "share"]]
    assert not frames or frames[0]["fired"].tolist() != frame["fired"].tolist(), "negative control: another feature, other counts"


def test_contexts_by_strength_are_drawn_on_demand(study, open_page, busy):
    app = open_page(study, "feature", ae="bae", feature=str(busy), contexts="strength")
    assert not app.exception and any(" to " in element.value and element.value.startswith("**") for element in app.markdown)
