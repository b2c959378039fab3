"""Which samples are drawn and what they score, held against Algorithm 1 written down as loops over dense codes."""

import zlib
from collections import defaultdict

import numpy as np
import pytest
import torch
from small_index import magnitude_of, make_index, n_tokens, sentences, tokens_of

from bae.comsem.occurrences import Corpus, Occurrences, word_around
from bae.comsem.plan import Neighbours, Planner, Settings
from bae.comsem.score import Verdict, accumulated, auroc, pooled, score, table, wilson
from bae.comsem.selection import chosen
from bae.features.magnitude import TOP_K
from bae.index.codes import Codes

TEXTS = sentences(60)
FEATURES = 50


def codes() -> dict[str, torch.Tensor]:
    """A BAE with some bits that are usually on, and an SAE with few values a token, some of them negative."""
    generator = torch.Generator().manual_seed(0)
    shape = (n_tokens(TEXTS), FEATURES)
    rate = torch.cat([torch.linspace(0.01, 0.3, FEATURES - 2), torch.tensor([0.8, 0.95])])
    bits = (torch.rand(shape, generator=generator) < rate).float()
    values = torch.randn(shape, generator=generator) * (torch.rand(shape, generator=generator) < 0.15)
    return {"bae": bits, "topk": values}


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    found = make_index(tmp_path_factory.mktemp("comsem") / "index", TEXTS, codes())
    yield found
    found.close()


def occurrences(index, name: str, literal: bool = False) -> Occurrences:
    return Occurrences(Codes(index, name), Corpus.of(index), literal)


def says_yes(sentence: str, position: int, label: str) -> bool:
    """A judge by rote: the same answer to the same question."""
    return zlib.crc32(f"{sentence}|{position}|{label}".encode()) % 3 > 0


def algorithm_1(code: torch.Tensor, n_i: int, n_t: int, only_activated: bool, divide_by_all: bool):
    """Algorithm 1 as it is printed, one token after the other."""
    magnitude = magnitude_of(code)
    loudness, activated = magnitude.of(code), magnitude.activated(code)
    samples = [(text, position) for text in TEXTS for position in range(1, len(tokens_of(text)) + 1)]
    d_s = defaultdict(list)
    for i in range(len(code)):
        candidates = [j for j in range(FEATURES) if activated[i, j] or not only_activated]
        for j in sorted(candidates, key=lambda j, i=i: (-loudness[i, j].item(), j))[:TOP_K]:
            d_s[j].append(samples[i])
    scores, labels = {}, {}
    for j in range(FEATURES):
        if len(d_s[j]) >= n_i + 1:
            labels[j] = "+".join(f"{position}" for _, position in d_s[j][:n_i])
            yes = sum(says_yes(*sample, labels[j]) for sample in d_s[j][n_i : n_i + n_t])
            asked = len(d_s[j][n_i:]) if divide_by_all else len(d_s[j][n_i : n_i + n_t])
            scores[j] = yes / asked
    return d_s, labels, scores


@pytest.mark.parametrize("name", ["bae", "topk"])
@pytest.mark.parametrize("literal", [False, True])
@pytest.mark.parametrize("denominator", ["asked", "all"])
def test_scores_are_those_of_algorithm_1(index, name, literal, denominator):
    settings = Settings(n_interpret=3, n_test=4, denominator=denominator, paper_topk=literal, distinct=False, negatives=0)
    d_s, labels, expected = algorithm_1(codes()[name], 3, 4, not literal, denominator == "all")
    planner = Planner(occurrences(index, name, literal), settings)
    found = {}
    for feature in range(FEATURES):
        assert planner.occurrences.count(feature) == len(d_s[feature])
        plan = planner.plan(feature)
        assert (plan is not None) == planner.activated(feature) == (feature in labels)
        if plan is not None:
            label = "+".join(f"{sample.position}" for sample in plan.label_from)
            assert label == labels[feature]
            verdicts = [Verdict(True, says_yes(test.sample.sentence, test.sample.position, label)) for test in plan.tests]
            found[feature] = score(verdicts, plan.occurrences - 3, denominator).score
    assert found == pytest.approx(expected) and len(found) > 20
    result = table(planner.occurrences.counts, found.values(), settings)
    assert result.activated == len(expected) and result.interpretable == sum(value > 0 for value in expected.values())
    assert result.activated_caption == sum(len(tokens) > 8 for tokens in d_s.values())
    assert result.mean == pytest.approx(np.mean(list(expected.values())))


def test_the_literal_rule_counts_more(index):
    """Negative control of the parametrised test: the two rules do differ on these codes."""
    for name in ("bae", "topk"):
        assert (occurrences(index, name, True).counts != occurrences(index, name).counts).any()


def test_orders(index):
    found = occurrences(index, "topk")
    magnitude = codes()["topk"]
    for feature in range(FEATURES):
        corpus, strongest, quantile = (found.tokens(feature, order) for order in ("corpus", "strongest", "quantile"))
        assert (np.diff(corpus) > 0).all() and set(corpus) == set(strongest) == set(quantile)
        assert (np.diff(magnitude[strongest, feature].numpy()) <= 0).all()
        if len(corpus) >= 16:
            ranks = [list(strongest).index(token) for token in quantile[:8]]
            thirds = {3 * rank // len(corpus) for rank in ranks}
            assert thirds == {0, 1, 2}, "the first eight are spread over all magnitudes"


def test_nearly_equal_sentences_count_once():
    texts = ["The old ship sails into the harbor at dawn today.", "The old ship sails into the harbor at dawn now.", *sentences(3)]
    corpus = Corpus(texts, [], [], np.zeros(5, int), np.arange(5), np.ones(5, int))
    found = Occurrences.__new__(Occurrences)
    found.corpus = corpus
    assert list(found.distinct(range(5))) == [0, 2, 3, 4]


def test_negatives_are_silent_and_of_every_kind(index):
    found = occurrences(index, "bae")
    dense = codes()["bae"]
    embeddings = np.random.default_rng(0).normal(size=(len(TEXTS), 8)).astype(np.float32)
    planner = Planner(found, Settings(n_interpret=3, negatives=8), Neighbours(found.corpus, embeddings))
    roles = set()
    for feature in range(20):
        plan = planner.plan(feature)
        negatives = [test for test in plan.tests if not test.truth]
        roles |= {test.role for test in negatives}
        assert len(negatives) == 8 and len({test.token for test in negatives}) == 8
        for test in negatives:
            assert dense[test.token, feature] == 0 and test.token not in found.tokens(feature)
        same = {found.corpus.token_ids[test.token] for test in negatives if test.role == "same token"}
        assert same <= {found.corpus.token_ids[test.token] for test in plan.tests if test.truth}
        assert plan == planner.plan(feature), "the same whenever it is drawn"
    assert roles == {"same token", "near", "other feature", "random"}


def test_samples_show_the_word_of_a_piece(index):
    corpus = Corpus.of(index)
    for token in range(len(corpus.context)):
        sample = corpus.sample(token)
        text = TEXTS[corpus.context[token]]
        start, end = tokens_of(text)[corpus.position[token] - 1]
        assert sample.sentence == text and sample.token == text[start:end].strip() and sample.token in sample.word
        if sample.token.isalpha():
            assert sample.word in text.rstrip(".").split(), "a whole word"
    assert word_around("the harbor", 7, 10) == "harbor" and word_around("so, then", 2, 3) == ","


def test_the_interval_is_wilsons():
    """Against the textbook formula."""
    for yes, asked in ((0, 8), (3, 8), (8, 8)):
        p, z = yes / asked, 1.959964
        middle, half = p + z * z / (2 * asked), z * np.sqrt(p * (1 - p) / asked + z * z / (4 * asked * asked))
        expected = [(middle - half) / (1 + z * z / asked), (middle + half) / (1 + z * z / asked)]
        assert wilson(yes, asked) == pytest.approx(expected, abs=1e-6)
    assert wilson(0, 0) is None


def test_auroc_is_the_share_of_pairs():
    positives, negatives = [0.9, 0.5, 0.4], [0.5, 0.1]
    pairs = [1 if p > n else 0.5 if p == n else 0 for p in positives for n in negatives]
    assert auroc(positives, negatives) == pytest.approx(sum(pairs) / len(pairs)) and auroc([], negatives) is None


def test_a_label_that_fits_everything_is_vacuous_and_at_chance():
    everything = [Verdict(truth, True, 0.9) for truth in (True, False) for _ in range(8)]
    found = score(everything, 8)
    assert found.score == 1.0 and found.vacuous and found.balanced_accuracy == 0.5 and found.auroc == 0.5
    telling = [Verdict(truth, truth, float(truth)) for truth in (True, False) for _ in range(8)]
    found = score(telling, 8)
    assert found.score == 1.0 and not found.vacuous and found.balanced_accuracy == 1.0 and found.auroc == 1.0


def test_unclear_answers_are_counted_as_nothing_else():
    found = score([Verdict(True, True), Verdict(True, None), Verdict(False, None), Verdict(False, False)], 10)
    assert (found.score, found.asked, found.unclear, found.negatives) == (1.0, 1, 2, 1)
    assert score([Verdict(True, None)], 10).score is None


def test_pooled_accuracy_of_coins_is_chance():
    draw = np.random.default_rng(0)
    coins = [Verdict(bool(truth), bool(draw.random() < 0.7)) for truth in draw.integers(2, size=400)]
    found = pooled(coins)
    assert found.low < 0.5 < found.high and found.high - found.low < 0.12
    assert pooled([Verdict(truth, truth) for truth in (True, False) for _ in range(50)]).low > 0.9, (
        "negative control: who knows, is not at chance"
    )
    assert pooled([Verdict(True, True)]) is None


def test_accumulated_means():
    assert accumulated([0.0, 1.0, 0.5]) == pytest.approx([1.0, 0.75, 0.5])


@pytest.mark.parametrize("wrong", [{"n_interpret": 0}, {"n_test": 0}, {"order": "alphabet"}, {"denominator": "some"}, {"negatives": -1}])
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Settings(**wrong)


def test_features_are_chosen_by_number_and_by_how_often_they_occur():
    counts = np.array([7, 3, 9, 6, 9, 5])
    assert chosen("4, 0-2,4", counts, 5) == [4, 0, 1, 2]
    assert chosen(" Active ", counts, 5) == [2, 4, 0, 3] and chosen("active:2", counts, 5) == [2, 4]
    for wrong, reason in (
        ("", "no feature"),
        ("7", "0 to 5"),
        ("3-1", "smaller number first"),
        ("two", "'two'"),
        ("active:0", "'active:0'"),
    ):
        with pytest.raises(ValueError, match=reason):
            chosen(wrong, counts, 5)
