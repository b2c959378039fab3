"""Search in the sentences of an index against Python's own, hostile texts and expressions, and features that fire where it was found."""

import re

import numpy as np
import pytest
import torch
from small_index import make_index, n_tokens, sentences, tokens_of

from bae.index.columns import Columns
from bae.index.layout import Layout
from bae.index.text_search import LONGEST, enriched, find, log_odds_of

HOSTILE = [
    "<script>window.hacked=1</script> & `x` $y$",
    "'; drop table context; --",
    "\N{START OF TEXT}[ 50% of $1 \\0 \\1 🙂 café",
    "שלום עולם\tand\nanother line",
]
TEXTS = [*sentences(60), *HOSTILE]


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    code = (torch.rand(n_tokens(TEXTS), 20, generator=torch.Generator().manual_seed(0)) < 0.1).float()
    # feature 7 fires on every token of "harbor" and on little else
    code[:, 7] = torch.tensor([float("harbor" in word) for word in words()])
    code[3, 7] = 1
    code[:, 8] = 1
    return make_index(tmp_path_factory.mktemp("search") / "index", TEXTS, {"one": code})


def words() -> list[str]:
    """The word that each token of the corpus is part of."""
    found = []
    for text in TEXTS:
        spans = [match.span() for match in re.finditer(r"\S+", text)]
        found += [next((text[a:b] for a, b in spans if a < end and b > start), "") for start, end in tokens_of(text)]
    return found


def expected(pattern: str, flags: int = re.IGNORECASE) -> tuple[int, list[int], list[int]]:
    """Matches, tokens and sentences, by loops."""
    matches, tokens, contexts, first = 0, [], [], 0
    for number, text in enumerate(TEXTS):
        spans = [match.span() for match in re.finditer(pattern, text, flags) if match.group()]
        own = tokens_of(text)
        tokens += [first + t for t, (start, end) in enumerate(own) if any(start < b and end > a for a, b in spans)]
        contexts += [number] * bool(spans)
        matches, first = matches + len(spans), first + len(own)
    return matches, tokens, contexts


WANTED = ["harbor", "HARBOR", "a", "The sea", ".", "\\0", "$1", "🙂", "`x`", "שלום", "'; drop table", *HOSTILE[:3]]


@pytest.mark.parametrize("wanted", WANTED)
def test_a_text_is_found_where_python_finds_it(index, wanted):
    found = find(index, Layout.of(index), wanted)
    matches, tokens, contexts = expected(re.escape(wanted))
    assert (found.matches, found.tokens.tolist(), found.contexts.tolist()) == (matches, tokens, contexts)
    assert matches


@pytest.mark.parametrize("pattern", [r"\bsea\b", r"[A-Z]\w+", "x*", r"\d+\.$", "^The", "(ship|vote) (ship|vote)", "é"])
def test_an_expression_is_found_where_python_finds_it(index, pattern):
    found = find(index, Layout.of(index), pattern, expression=True, case=True)
    assert (found.matches, found.tokens.tolist(), found.contexts.tolist()) == expected(pattern, 0)


def test_case_counts_only_when_asked(index):
    layout = Layout.of(index)
    assert find(index, layout, "the").matches > find(index, layout, "the", case=True).matches
    assert find(index, layout, "nowhere to be found").matches == 0


@pytest.mark.parametrize(("pattern", "reason"), [("a(", r"missing \)"), ("a{1000}{1000}", "repetition"), (r"\1", "escape"), ("[", r"\]")])
def test_a_wrong_expression_is_told_with_its_reason(index, pattern, reason):
    with pytest.raises(ValueError, match=f"no regular expression that can be searched for: .*{reason}"):
        find(index, Layout.of(index), pattern, expression=True)
    # as a text the same can be looked for
    assert find(index, Layout.of(index), pattern).matches == expected(re.escape(pattern))[0]


def test_nothing_and_too_much_are_refused(index):
    with pytest.raises(ValueError, match="type what"):
        find(index, Layout.of(index), "  ")
    with pytest.raises(ValueError, match=f"at most {LONGEST}"):
        find(index, Layout.of(index), "x" * (LONGEST + 1))


def test_the_feature_of_a_word_leads(index):
    columns = Columns(index, "one")
    tokens = find(index, Layout.of(index), "harbor").tokens
    best = enriched(columns, tokens, 5)
    assert best[0].feature == 7 and best[0].share_here > 0.9 and best[0].here <= len(tokens)
    assert best[0].share_own == pytest.approx(best[0].here / columns.counts[7])
    assert 8 not in [row.feature for row in best], "what fires everywhere is specific to nothing"
    # negative control: on tokens drawn at random it does not lead
    drawn = np.sort(np.random.default_rng(1).choice(columns.n_tokens, len(tokens), replace=False))
    assert 7 not in [row.feature for row in enriched(columns, drawn, 5)]
    assert enriched(columns, np.empty(0, np.int64), 5) == []


def test_log_odds_are_those_of_the_four_counts():
    """5 of 10 here, 20 of 90 elsewhere: log((5.5 / 5.5) / (20.5 / 70.5)) = 1.235; error sqrt(2/5.5 + 1/20.5 + 1/70.5) = 0.653."""
    odds, error = log_odds_of(np.array([5]), 10, np.array([25]), 100)
    assert odds[0] == pytest.approx(1.2352, abs=1e-4) and error[0] == pytest.approx(0.6531, abs=1e-4)
