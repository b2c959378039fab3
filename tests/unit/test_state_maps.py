"""Where a feature is activated, as maps of hidden states flag it: against the magnitudes' own definition."""

import json

import duckdb
import numpy as np
import pytest
import torch
from small_index import make_index, n_tokens, sentences

from bae.features.magnitude import GradedBurstiness, Prior
from bae.index.query import Index
from bae.maps.states import activating_tokens

BITS, MEANS = 2, (0.02, 0.3, 0.6, 0.95)


@pytest.fixture
def graded(tmp_path):
    """An index of features of two bits, from nearly silent to nearly full, and their codes [token feature]."""
    texts = sentences(60)
    draw = np.random.default_rng(0)
    steps = 2**BITS - 1
    code = torch.from_numpy(draw.binomial(steps, MEANS, (n_tokens(texts), len(MEANS))) / steps).float()
    file = make_index(tmp_path / "index", texts, {"bae": code}).file
    return file, code


def tell(file, options: dict) -> Index:
    """The index, whose dictionary bursts and was made with these options."""
    told = json.dumps({"name": "bae", "options": options})
    with duckdb.connect(file) as connection:
        connection.execute("update dictionary set magnitude = 'burstiness', provenance = ?", [told])
    return Index(file)


def test_a_feature_of_several_bits_is_activated_where_its_level_is_not_its_habit(graded):
    file, code = graded
    index = tell(file, {"bits_per_feature": BITS})
    activated = GradedBurstiness(Prior.of([code]), BITS).activated(code)
    for feature in range(len(MEANS)):
        assert activating_tokens(index, "bae", feature).tolist() == activated[:, feature].nonzero().flatten().tolist()
    fires = (code != 0)[:, 2]
    assert (activated[:, 2] != fires).any() and (activated[:, 2] == fires).any(), "negative control: neither fires nor silent would do"


def test_without_the_number_of_bits_nothing_is_claimed(graded):
    with pytest.raises(ValueError, match="how many bits"):
        activating_tokens(tell(graded[0], {}), "bae", 0)
