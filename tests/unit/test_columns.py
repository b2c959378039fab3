"""The codes by feature: what is read back equals dense codes, whatever form a feature is kept in."""

import json

import numpy as np
import pytest
import torch
from small_index import make_index, n_tokens, sentences

from bae.index import columns as module
from bae.index.columns import FILE, Columns, ColumnsWriter, members, packed
from bae.index.mapped import create, open_mapped

RATES = (0.0, 0.001, 0.02, 0.03, 0.04, 0.3, 0.9, 1.0)


@pytest.fixture(scope="module")
def dense():
    """Codes [token feature] of features from silent to always on, with values."""
    texts = sentences(90)
    draw = np.random.default_rng(0)
    code = (draw.random((n_tokens(texts), len(RATES))) < RATES) * draw.uniform(0.5, 4, len(RATES))
    return texts, code.astype(np.float32)


@pytest.fixture
def columns(tmp_path, dense):
    texts, code = dense
    return Columns(make_index(tmp_path / "index", texts, {"sae": torch.from_numpy(code)}), "sae")


def test_every_feature_has_its_tokens_and_strengths(columns, dense):
    code = dense[1]
    assert columns.n_tokens == len(code) and columns.counts.tolist() == (code != 0).sum(0).tolist()
    for feature in range(code.shape[1]):
        tokens = [token for token in range(len(code)) if code[token, feature] != 0]
        assert columns.tokens(feature).tolist() == tokens
        assert members(columns.bits(feature)).tolist() == tokens
        np.testing.assert_allclose(columns.strengths(feature), code[tokens, feature], rtol=1e-3)


@pytest.mark.parametrize("at_once", [1, 7, 2**22])
def test_together_counts_as_a_loop_does(columns, dense, monkeypatch, at_once):
    monkeypatch.setattr(module, "AT_ONCE", at_once)
    fires = dense[1] != 0
    chosen = np.random.default_rng(1).random(len(fires)) < 0.4
    by_loop = [sum(int(fires[token, feature] and chosen[token]) for token in range(len(fires))) for feature in range(fires.shape[1])]
    assert columns.together(packed(np.flatnonzero(chosen), columns.n_tokens)).tolist() == by_loop
    assert columns.together(packed(np.flatnonzero(~chosen), columns.n_tokens)).tolist() != by_loop, "negative control"


def test_both_forms_are_in_use(columns):
    rare, dense = (columns._row < 0), (columns._row >= 0)
    assert rare.sum() == 4 and dense.sum() == 4, "else half of these tests say nothing"


def test_the_columns_take_no_more_room_than_bits(tmp_path, columns):
    arrays = open_mapped(next((tmp_path / "index").glob(f"codes/*/{FILE}")))
    bits = columns.n_features * module.words_of(columns.n_tokens) * 8
    assert arrays["positions"].nbytes + arrays["dense"].nbytes <= bits


def test_other_entries_than_were_counted_are_refused(tmp_path):
    writer = ColumnsWriter(tmp_path / FILE, np.array([1, 2]), 100)
    writer.add(np.array([3, 5]), np.array([0, 1]), np.array([1.0, 1.0]))
    with pytest.raises(ValueError, match="other entries"):
        writer.close()


@pytest.mark.parametrize("cut", [4, 100, 700])
def test_a_file_cut_short_is_named(tmp_path, columns, cut):
    file = next((tmp_path / "index").glob(f"codes/*/{FILE}"))
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(ValueError, match="damaged"):
        open_mapped(damaged)


@pytest.mark.parametrize(
    "header", [{"a": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}, {"a": {"dtype": "U8"}}, {"a": 3}, [1], 7]
)
def test_a_header_that_says_something_else_is_named(tmp_path, header):
    told = json.dumps(header).encode()
    (tmp_path / "odd.safetensors").write_bytes(len(told).to_bytes(8, "little") + told + bytes(64))
    with pytest.raises(ValueError, match="damaged"):
        open_mapped(tmp_path / "odd.safetensors")


def test_columns_without_an_array_are_named(tmp_path, dense):
    texts, code = dense
    index = make_index(tmp_path / "index", texts, {"sae": torch.from_numpy(code)})
    assert Columns(index, "sae").n_features == len(RATES)
    create(next((tmp_path / "index").glob(f"codes/*/{FILE}")), {"counts": (np.int64, (len(RATES),)), "tokens": (np.int64, (1,))})
    with pytest.raises(ValueError, match="no array dense, positions, row, strengths; delete the folder"):
        Columns(index, "sae")


def test_the_file_is_an_ordinary_safetensors_file(tmp_path):
    from safetensors.numpy import load_file

    arrays = create(tmp_path / "a.safetensors", {"half": (np.float16, (3,)), "wide": (np.uint64, (2, 2)), "none": (np.uint32, (0,))})
    arrays["half"][:], arrays["wide"][:] = [1, 2, 3], [[4, 5], [6, 2**63]]
    for array in (arrays["half"], arrays["wide"]):
        array.flush()
    read = load_file(tmp_path / "a.safetensors")
    assert read["half"].tolist() == [1, 2, 3] and read["wide"].tolist() == [[4, 5], [6, 2**63]] and read["none"].shape == (0,)
