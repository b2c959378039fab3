"""Runs with a judge by rote, held against Algorithm 1 as loops; what is asked, kept, repeated and given up."""

import asyncio
import json
import re
import zlib
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
import torch
from small_index import NOUNS, make_index, n_tokens, sentences, tokens_of

from bae.comsem import prompts
from bae.comsem.call_log import CallLog
from bae.comsem.calls import BudgetSpent, Calls, Paused
from bae.comsem.judge import Answer, Fatal, Refused, Request, Usage
from bae.comsem.occurrences import Corpus, Occurrences
from bae.comsem.plan import Planner, Settings
from bae.comsem.records import Records, Subject
from bae.comsem.run import Labelling
from bae.comsem.score import pooled
from bae.comsem.spending import Budget
from bae.index.codes import Codes
from bae.notebook.database import Notebook
from bae.system.progress import Progress
from tests.unit.test_comsem_algorithm import TEXTS, algorithm_1, codes

SUBJECT = Subject("bae", "c0ffee")


class ByRote:
    """A judge that gives the same answer to the same question, and counts."""

    name, identity, draft, paid = "by rote", "by rote", False, False

    def __init__(self, reply: Callable[[Request], str]):
        self.reply, self.asked = reply, Counter()

    async def ask(self, request: Request) -> Answer:
        self.asked[request.key(self.identity)] += 1
        await asyncio.sleep(0)
        return Answer(self.reply(request), None, Usage(10, 2))

    async def close(self) -> None:
        """Nothing to give back."""


def number_of(request: Request) -> int:
    return zlib.crc32(request.messages[-1][1].encode())


def by_number(request: Request) -> str:
    return f"label {number_of(request)}" if request.kind == "label" else "Yes." if number_of(request) % 3 else "No"


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    found = make_index(tmp_path_factory.mktemp("run") / "index", TEXTS, codes())
    yield found
    found.close()


@pytest.fixture
def records(tmp_path) -> Records:
    return Records(Notebook(tmp_path / "notebook.sqlite"))


def planner(index, settings: Settings, name: str = "bae") -> Planner:
    return Planner(Occurrences(Codes(index, name), Corpus.of(index), settings.paper_topk), settings)


def work(records: Records, drawn: Planner, judge: ByRote, run: str, budget: Budget | None = None, pause=lambda: False) -> None:
    """Work on a run as the process that labels does."""

    async def whole() -> None:
        with Progress("label", 1, "features") as progress:
            async with Calls(records.notebook.file, judge, run, budget, pause=pause) as calls:
                await Labelling(records, calls, drawn, records.run(run)).work(progress)

    asyncio.run(whole())


@pytest.mark.parametrize("name", ["bae", "topk"])
@pytest.mark.parametrize("denominator", ["asked", "all"])
def test_every_feature_scores_as_algorithm_1_says(index, records, name, denominator):
    settings = Settings(n_interpret=3, n_test=4, denominator=denominator, distinct=False, negatives=0, control=0)
    run = records.add_run(SUBJECT, "by rote", settings, range(50))
    drawn = planner(index, settings, name)
    work(records, drawn, ByRote(by_number), run)
    d_s, activated, _ = algorithm_1(codes()[name], 3, 4, True, False)
    outcomes = records.outcomes(run)
    assert {feature for feature, outcome in outcomes.items() if outcome.label} == set(activated) and len(outcomes) == 50
    begins = np.cumsum([0, *(len(tokens_of(text)) for text in TEXTS)])
    for feature in activated:
        samples = [drawn.corpus.sample(begins[TEXTS.index(text)] + position - 1) for text, position in d_s[feature]]
        label = by_number(prompts.label_request(samples[:3]))
        yes = sum(number_of(prompts.verdict_request(sample, label)) % 3 > 0 for sample in samples[3:7])
        kept = records.label(outcomes[feature].label)
        asked = len(samples[3:]) if denominator == "all" else len(samples[3:7])
        assert kept.text == label and kept.score.score == pytest.approx(yes / asked) and kept.occurrences == len(samples)
    for outcome in outcomes.values():
        assert outcome.label or "are needed" in outcome.failure


def test_a_batched_run_gives_the_answers_to_whom_they_belong(index, records):
    def reply(request: Request) -> str:
        if request.kind == "label":
            return "the sea"
        asked = prompts.single_questions(request.messages[-1][1])
        return json.dumps({str(number): zlib.crc32(question.encode()) % 3 > 0 for number, question in enumerate(asked, start=1)})

    drawn = planner(index, Settings(batched=True, control=0))
    run = records.add_run(SUBJECT, "by rote", drawn.settings, range(50))
    judge = ByRote(reply)
    work(records, drawn, judge, run)
    labelled = [outcome.label for outcome in records.outcomes(run).values() if outcome.label]
    assert labelled and judge.asked.total() == 2 * len(labelled)
    for number in labelled:
        for kept in records.verdicts(number):
            (question,) = prompts.single_questions(
                prompts.verdict_request(type(drawn.plan(0).label_from[0])(**kept.sample), "the sea").messages[-1][1]
            )
            assert kept.yes == (zlib.crc32(question.encode()) % 3 > 0)


@pytest.fixture(scope="module")
def meaningful(tmp_path_factory):
    """An index in which every feature is a noun: it fires on the first piece of that word and nowhere else."""
    texts = sentences(150)
    pieces = [text[start:end].strip() for text in texts for start, end in tokens_of(text)]
    words = [noun[:4] for noun in NOUNS]
    code = torch.tensor([[float(piece == word) for word in words] for piece in pieces])
    assert len(code) == n_tokens(texts)
    found = make_index(tmp_path_factory.mktemp("meaning") / "index", texts, {"bae": code})
    yield found, words
    found.close()


def reads_words(request: Request) -> str:
    """A judge that can read: it calls a feature by its word, and knows the word when it sees it."""
    asked = request.messages[-1][1]
    token_line = asked.splitlines()[0]
    seen = next((word for word in NOUNS if f'"{word}"' in token_line.split("sentence")[0].lower()), "")
    if request.kind == "label":
        return f"the word {seen}"
    return "Yes" if seen and f"the word {seen}" in asked else "No"


def test_labels_that_fit_score_and_shuffled_ones_are_at_chance(meaningful, records):
    index, words = meaningful
    drawn = planner(index, Settings())
    run = records.add_run(SUBJECT, "by rote", drawn.settings, range(len(words)))
    work(records, drawn, ByRote(reads_words), run)
    labels = records.labels(SUBJECT)
    assert len(labels) == len(words)
    for label in labels:
        assert label.score.score == 1.0 and label.score.balanced_accuracy == 1.0 and not label.score.vacuous
    control = pooled(records.control(run))
    assert control.verdicts > 100 and control.low <= 0.5 <= control.high, "another's label fits as well as not"


def test_what_was_answered_is_not_asked_again(index, records):
    """The judge breaks down in the middle; the run goes on, and asks only what is left."""
    settings = Settings(n_interpret=3, control=5)
    run = records.add_run(SUBJECT, "by rote", settings, range(50))
    judge = ByRote(by_number)

    def breaks_down(request: Request) -> str:
        if judge.asked.total() > 120:
            raise Fatal("no credit is left; add some")
        return by_number(request)

    judge.reply = breaks_down
    with pytest.raises(Fatal, match="no credit"):
        work(records, planner(index, settings), judge, run)
    kept = len(records.labels(SUBJECT))
    assert 0 < len(records.outcomes(run)) < 50
    judge.reply, refused = by_number, {key for key, times in judge.asked.items()} - stored(records)
    work(records, planner(index, settings), judge, run)
    assert len(records.outcomes(run)) == 50 and len(records.labels(SUBJECT)) > kept
    assert {key for key, times in judge.asked.items() if times > 1} <= refused, "only what broke down is asked twice"
    before = judge.asked.total()
    work(records, planner(index, settings), judge, run)
    assert judge.asked.total() == before


def stored(records: Records) -> set[str]:
    with records.notebook.connected() as connection:
        return {key for (key,) in connection.execute("select key from call")}


def test_budget_and_pause_stop_a_run_and_lose_nothing(index, records):
    settings = Settings(n_interpret=3, control=0)
    run = records.add_run(SUBJECT, "by rote", settings, range(50))
    judge = ByRote(by_number)
    with pytest.raises(BudgetSpent):
        work(records, planner(index, settings), judge, run, Budget(calls=40))
    assert judge.asked.total() == 40
    with pytest.raises(Paused):
        work(records, planner(index, settings), judge, run, pause=lambda: True)
    assert judge.asked.total() == 40
    work(records, planner(index, settings), judge, run)
    assert len(records.outcomes(run)) == 50 and max(judge.asked.values()) == 1


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"label": ""}, "gave no label"),
        ({"verdict": "It is hard to say."}, "none of .* tests"),
        ({"verdicts": "certainly!"}, "did not answer"),
    ],
)
def test_what_is_no_answer_is_a_failure_with_its_reason(index, records, said, reason):
    drawn = planner(index, Settings(batched="verdicts" in said, control=0))
    run = records.add_run(SUBJECT, "by rote", drawn.settings, range(50))
    work(records, drawn, ByRote(lambda request: said.get(request.kind, "the sea" if request.kind == "label" else "Yes")), run)
    failures = [outcome.failure for outcome in records.outcomes(run).values() if "needed" not in outcome.failure]
    assert failures and not records.labels(SUBJECT)
    for failure in failures:
        assert re.search(reason, failure)


def test_one_refusal_is_of_one_feature(index, records):
    def refuses_one(request: Request) -> str:
        if request.kind == "label" and number_of(request) % 5 == 0:
            raise Refused("the content filter refused it")
        return by_number(request)

    drawn = planner(index, Settings(control=0))
    run = records.add_run(SUBJECT, "by rote", drawn.settings, range(50))
    work(records, drawn, ByRote(refuses_one), run)
    failures = [outcome for outcome in records.outcomes(run).values() if "content filter" in outcome.failure]
    assert failures and records.labels(SUBJECT) and all(outcome.label is None for outcome in failures)


def test_intruders_are_found_by_a_judge_that_reads(meaningful, records):
    index, words = meaningful

    def reply(request: Request) -> str:
        if request.kind != "intruder":
            return reads_words(request)
        lines = [line.split("sentence")[0].lower() for line in request.messages[-1][1].splitlines() if line[:1].isdigit()]
        seen = [next((word for word in NOUNS if f'"{word}"' in line), "") for line in lines]
        often = Counter(seen).most_common(1)[0][0]
        return str(next(number for number, word in enumerate(seen, start=1) if word != often))

    drawn = planner(index, Settings(intruders=3, control=0))
    run = records.add_run(SUBJECT, "by rote", drawn.settings, range(len(words)))
    work(records, drawn, ByRote(reply), run)
    told = [label.provenance for label in records.labels(SUBJECT)]
    assert told and all(one["intruders_found"] == one["intruders_asked"] == 3 for one in told)


def test_the_log_tells_every_call_word_for_word_and_keeps_instructions_once(index, records):
    drawn = planner(index, Settings(control=0))
    run = records.add_run(SUBJECT, "by rote", drawn.settings, range(50))
    asked: dict[str, tuple] = {}

    def noted(request: Request) -> str:
        asked[request.key("by rote")] = request.messages
        return by_number(request)

    work(records, drawn, ByRote(noted), run)
    log = CallLog(records.notebook)
    assert asked and all(log.call(key).messages == messages for key, messages in asked.items())
    assert log.spent(run) == (len(asked), Usage(10 * len(asked), 2 * len(asked)))
    assert log.call("nothing") is None
    with records.notebook.connected() as connection:
        kept = connection.execute("select sum(length(request)), (select sum(length(content)) from instructions) from call").fetchone()
    assert kept[0] < 1000 * len(asked) and kept[1] < 50_000
