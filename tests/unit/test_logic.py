"""The query language and the counts behind it, against loops over dense codes."""

import operator
from functools import reduce

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_index import make_index, n_tokens, sentences

from bae.index.answers import sentences as sentences_of
from bae.index.columns import Columns
from bae.index.layout import Layout, passages
from bae.index.logic import MAX_CHARACTERS, Query, QueryError, answer, marked, read_query

SIZES = {"bae": 20, "top-k.2": 12}
TEXTS = sentences(120)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    draw = np.random.default_rng(3)
    rates = draw.choice([0.0, 0.004, 0.05, 0.5, 0.95], 20)
    bits = (draw.random((n_tokens(TEXTS), 20)) < rates).astype(np.float32)
    values = (draw.random((n_tokens(TEXTS), 12)) < 0.1) * draw.uniform(0.5, 3, 12)
    codes = {"bae": torch.from_numpy(bits), "top-k.2": torch.from_numpy(values.astype(np.float32))}
    index = make_index(tmp_path_factory.mktemp("logic") / "index", TEXTS, codes)
    fires = {name: (code != 0).numpy() for name, code in codes.items()}
    columns = {name: Columns(index, name) for name in codes}
    return index, Layout.of(index), columns, fires


def by_loop(query: Query, fires: dict, rows: list[np.ndarray]) -> list[bool]:
    """Whether a query holds of each stretch of tokens, feature by feature."""

    def holds(part: Query, row: np.ndarray) -> bool:
        if part.operation == "feature":
            return any(fires[part.feature.dictionary][token, part.feature.number] for token in row)
        inner = [holds(each, row) for each in part.parts]
        return not inner[0] if part.operation == "!" else all(inner) if part.operation == "&" else any(inner)

    return [holds(query, row) for row in rows]


SIGNS = (" & ", "|", " and ", " OR ")
QUERIES = st.recursive(
    st.integers(0, 19).map(lambda n: f"f{n}") | st.integers(0, 11).map(lambda n: f"top-k.2:{n}"),
    lambda inner: (
        inner.map(lambda q: f"!{q}")
        | st.builds(lambda qs, sign: f"({sign.join(qs)})", st.lists(inner, min_size=2, max_size=3), st.sampled_from(SIGNS))
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(QUERIES)
def test_answers_equal_a_loop_over_tokens_and_over_sentences(made, text):
    _, layout, columns, fires = made
    query = read_query(text, "bae", SIZES)
    tokens = [np.array([token]) for token in range(layout.n_tokens)]
    contexts = [np.arange(*layout.begins[number : number + 2]) for number in range(layout.n_contexts)]
    for unit, rows in (("token", tokens), ("sentence", contexts)):
        assert answer(query, columns.__getitem__, layout, unit).members.tolist() == np.flatnonzero(by_loop(query, fires, rows)).tolist()


def test_another_query_has_another_answer(made):
    _, layout, columns, fires = made
    often = int(np.argmax(fires["bae"].sum(0)))
    found = [answer(read_query(text, "bae", SIZES), columns.__getitem__, layout).members for text in (f"f{often}", f"!f{often}")]
    assert len(found[0]) and len(found[1]) and not set(found[0]) & set(found[1]), "negative control"
    assert len(found[0]) + len(found[1]) == layout.n_tokens


def test_and_binds_tighter_than_or():
    assert read_query("f1 | f2 & f3", "bae", SIZES) == read_query("f1 | (f2 & f3)", "bae", SIZES)
    assert read_query("f1 | f2 & f3", "bae", SIZES) != read_query("(f1 | f2) & f3", "bae", SIZES)
    assert list(read_query("f1 & !(f2 | !7)", "bae", SIZES).features()) == [("bae", 1), ("bae", 7)]


@pytest.mark.parametrize(
    ("text", "position", "said"),
    [
        ("", 0, "a feature is expected"),
        ("f1 & ", 5, "a feature is expected"),
        ("f1 f2", 3, "& or | would go on"),
        ("f1 & (f2 | f3", 13, "a bracket is open"),
        ("f1)", 2, "& or | would go on"),
        ("f1 ? f2", 3, "not known"),
        ("f20", 1, "features 0 to 19"),
        ("f" + "9" * 3000, 1, "features 0 to 19"),
        ("f1 | nope:3", 5, "no dictionary 'nope'"),
        ("<script>alert(1)</script>", 0, "not known"),
        ("f1 and and f2", 7, "a feature is expected"),
        ("!" * 60 + "f1", 50, "more than 50"),
        ("f1 🙂", 3, "not known"),
        ("| ".join(["f1"] * 120), None, "at most 100"),
        ("f1 " + " " * MAX_CHARACTERS, MAX_CHARACTERS, "at most 4,000"),
    ],
)
def test_what_cannot_be_read_is_pointed_at(text, position, said):
    with pytest.raises(QueryError, match=said) as raised:
        read_query(text, "bae", SIZES)
    assert position is None or raised.value.position == position
    line, caret = raised.value.pointed().split("\n")
    assert caret.strip() == "^" and len(line) <= 120 and line.isprintable()


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | st.text("f12!&|() :and", max_size=80))
def test_any_text_is_read_or_refused_in_a_sentence(text):
    try:
        query = read_query(text, "bae", SIZES)
    except QueryError as error:
        assert 0 <= error.position <= len(text) and str(error)
    else:
        assert all(number < SIZES[name] for name, number in query.features())


def test_tokens_left_out_are_not_silent(tmp_path):
    code = torch.zeros(n_tokens(TEXTS[:5]), 2)
    code[3, 0] = 1
    index = make_index(tmp_path / "index", TEXTS[:5], {"bae": code})
    layout = Layout(Layout.of(index).begins, Layout.of(index).token_ids, np.array([0, 7]))
    columns = Columns(index, "bae")
    silent = answer(read_query("!f0", "bae", {"bae": 2}), lambda _: columns, layout).members
    assert silent.tolist() == [token for token in range(len(code)) if token not in (0, 3, 7)]


def test_a_sentence_is_painted_where_the_asked_features_fire(made):
    index, layout, columns, fires = made
    query = read_query("f2 & !top-k.2:3 | top-k.2:5", "bae", SIZES)
    found = answer(query, columns.__getitem__, layout, "sentence")
    tokens = marked(found, query, columns.__getitem__, layout)
    asked = reduce(operator.or_, (fires["bae"][:, 2], fires["top-k.2"][:, 5]))
    assert tokens.tolist() == [token for token in np.flatnonzero(asked) if layout.context(token) in found.members]
    shown = passages(index, layout, tokens, np.arange(len(tokens), dtype=np.float32), found.members[:4].tolist())
    for example, number in zip(shown, found.members[:4], strict=True):
        assert example.text == TEXTS[number] and example.positions and example.peak == example.positions[-1]
        inside = [int(layout.begins[number]) + position - 1 for position in example.positions]
        assert inside == [token for token in tokens if layout.context(token) == number]


def test_an_answer_is_painted_by_how_loud_its_features_are(made):
    index, layout, columns, _ = made
    query = read_query("top-k.2:5 | top-k.2:3 & !f2", "bae", SIZES)
    found = answer(query, columns.__getitem__, layout)
    whole, total = sentences_of(index, layout, columns.__getitem__, query, found, 0, 10_000)
    assert total == len(whole) == len({int(layout.context(token)) for token in found.members})
    part, _ = sentences_of(index, layout, columns.__getitem__, query, found, 3, 6)
    assert [one.context_id for one in part] == [one.context_id for one in whole[3:6]] and part[0].strengths == whole[3].strengths
    own = columns["top-k.2"]
    value = {f: dict(zip(own.tokens(f).tolist(), own.strengths(f).tolist(), strict=True)) for f in (3, 5)}
    for example in whole:
        for position, strength in zip(example.positions, example.strengths, strict=True):
            token = int(layout.begins[example.context_id]) + position - 1
            loudest = max(value[f].get(token, 0) / max(value[f].values()) for f in (3, 5))
            assert strength == pytest.approx(loudest, rel=1e-5)
