"""A labelling run: asks the judge about feature after feature, scores what it says, and keeps everything in the notebook.

Goes on where it was stopped: a feature that has a label is not asked again, and a call that was answered is not paid twice.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bae.comsem import prompts
from bae.comsem.calls import BudgetSpent, Calls, Paused
from bae.comsem.judge import Answer, Fatal, Refused, read_yes_no
from bae.comsem.plan import Plan, Planner, Settings, Test
from bae.comsem.records import Label, Records, RunRecord, VerdictRecord
from bae.comsem.score import Verdict, score
from bae.system.progress import Progress

FEATURES_AT_ONCE = 64
"""Features that are worked on at a time: enough to keep every call slot busy, and memory small."""
INTRUDER_AMONG = 4
"""Samples of the feature that an intruder hides among."""


class Unlabelled(Exception):
    """A feature gets no label or no score, for the reason given."""


@dataclass(frozen=True)
class Asked:
    """A test as it was asked, and what the judge said."""

    test: Test
    verdict: Verdict
    answer: str
    call: str

    def record(self) -> VerdictRecord:
        """For the notebook."""
        sample = vars(self.test.sample)
        return VerdictRecord(self.test.role, self.test.truth, sample, self.verdict.yes, self.verdict.probability, self.answer, self.call)


class Labelling:
    """One run with one judge that can be talked to."""

    def __init__(self, records: Records, calls: Calls, planner: Planner, run: RunRecord):
        self.records, self.calls, self.planner, self.run = records, calls, planner, run

    @property
    def settings(self) -> Settings:
        """The run's parameters."""
        return self.run.settings

    async def work(self, progress: Progress) -> None:
        """Label every feature of the run that has no label yet, then ask the control.

        Raises Fatal, BudgetSpent or Paused, what was answered by then being kept.
        """
        done = self.records.outcomes(self.run.id)
        progress.skip(len(done))
        gate = asyncio.Semaphore(FEATURES_AT_ONCE)
        try:
            async with asyncio.TaskGroup() as tasks:
                for feature in self.run.features:
                    if feature not in done:
                        await gate.acquire()
                        tasks.create_task(self._one(feature, gate, progress))
            if self.settings.control:
                await self._ask_control()
        except* (Fatal, BudgetSpent, Paused) as stopped:
            raise _first(stopped) from None

    async def _one(self, feature: int, gate: asyncio.Semaphore, progress: Progress) -> None:
        try:
            await self._label(feature)
        except (Refused, Unlabelled) as reason:
            self.records.keep_failure(self.run.id, feature, str(reason))
        finally:
            gate.release()
        progress.advance(1)

    async def _label(self, feature: int) -> None:
        plan = self.planner.plan(feature)
        if plan is None:
            raise Unlabelled(_too_rare(self.planner.occurrences.count(feature), self.settings))
        text = await self._text(plan)
        asked = await self._test(plan.tests, text, feature)
        figures = score((each.verdict for each in asked), max(plan.occurrences - self.settings.n_interpret, 0), self.settings.denominator)
        if not figures.asked:
            raise Unlabelled(f"the judge called it {text!r}, and answered none of {len(asked)} tests with Yes or No")
        judge = self.calls.judge
        label = Label(
            id=0,
            subject=self.run.subject,
            feature=feature,
            text=text,
            source="judge",
            judge=judge.name,
            draft=judge.draft,
            prompt_version=prompts.VERSION,
            run=self.run.id,
            created=time.time(),
            occurrences=plan.occurrences,
            score=figures,
            provenance={"label_from": [vars(sample) for sample in plan.label_from], "echo": prompts.echoes(text)}
            | await self._intruders(plan),
        )
        self.records.keep_label(label, [each.record() for each in asked])

    async def _text(self, plan: Plan) -> str:
        answer = await self.calls.ask(prompts.label_request(plan.label_from), plan.feature)
        text = prompts.read_label(answer.text)
        if text is None:
            raise Unlabelled(f"the judge gave no label: it answered {answer.text[:80]!r}")
        return text

    async def _test(self, tests: Sequence[Test], text: str, feature: int) -> list[Asked]:
        """Hold a label against samples, one call each or all in one."""
        return await (self._together if self.settings.batched else self._one_by_one)(tests, text, feature)

    async def _one_by_one(self, tests: Sequence[Test], text: str, feature: int) -> list[Asked]:
        requests = [prompts.verdict_request(test.sample, text) for test in tests]
        answers = await asyncio.gather(*(self.calls.ask(request, feature) for request in requests))
        return [
            Asked(test, _verdict(test, answer), answer.text, request.key(self.calls.judge.identity))
            for test, request, answer in zip(tests, requests, answers, strict=True)
        ]

    async def _together(self, tests: Sequence[Test], text: str, feature: int) -> list[Asked]:
        # in a random order, or their places would give the positives away
        order = np.random.default_rng((self.settings.seed, feature)).permutation(len(tests))
        shuffled = [tests[place] for place in order]
        request = prompts.verdicts_request([test.sample for test in shuffled], text)
        answer = await self.calls.ask(request, feature)
        verdicts = prompts.read_verdicts(answer.text, len(tests))
        if verdicts is None:
            raise Unlabelled(f"the judge called it {text!r}, and did not answer {len(tests)} tests in one: {answer.text[:80]!r}")
        asked = [
            Asked(test, Verdict(test.truth, yes), answer.text, request.key(self.calls.judge.identity))
            for test, yes in zip(shuffled, verdicts, strict=True)
        ]
        return [asked[place] for place in np.argsort(order)]

    async def _intruders(self, plan: Plan) -> dict[str, int]:
        """How often the judge finds the sample that is not the feature's, label unseen."""
        ours, others = ([test.sample for test in plan.tests if test.truth is side] for side in (True, False))
        rounds = min(self.settings.intruders, len(others)) if len(ours) >= INTRUDER_AMONG else 0
        if not rounds:
            return {}
        draw = np.random.default_rng((self.settings.seed, plan.feature))
        places, requests = [], []
        for intruder in others[:rounds]:
            samples = [ours[place] for place in draw.permutation(len(ours))[:INTRUDER_AMONG]]
            places.append(int(draw.integers(INTRUDER_AMONG + 1)) + 1)
            samples.insert(places[-1] - 1, intruder)
            requests.append(prompts.intruder_request(samples))
        answers = await asyncio.gather(*(self.calls.ask(request, plan.feature) for request in requests))
        found = sum(prompts.read_intruder(answer.text, INTRUDER_AMONG + 1) == place for answer, place in zip(answers, places, strict=True))
        return {"intruders_asked": rounds, "intruders_found": found}

    async def _ask_control(self) -> None:
        """Ask some features' tests again under the label of the next of them: what a judge says that does not read the label."""
        for own, other in self.records.control_pairs(self.run):
            tests = self.planner.strange_to(other.feature, self.planner.plan(own.feature))
            try:
                asked = await self._test(tests, other.text, own.feature)
            except (Refused, Unlabelled):
                continue  # the control is of those that were answered; how many, stands beside it
            self.records.keep_control(self.run.id, own.feature, other.text, [each.verdict for each in asked])


def _verdict(test: Test, answer: Answer) -> Verdict:
    said = read_yes_no(answer.text)
    return Verdict(test.truth, said if said is not None or answer.yes is None else answer.yes >= 0.5, answer.yes)


def _too_rare(count: int, settings: Settings) -> str:
    needed = settings.n_interpret + 1
    if count < needed:
        return f"it is activated on {count} tokens of the index; {needed} are needed"
    return f"its {count} tokens stand in too few different sentences; {needed} are needed"


def _first(group: BaseExceptionGroup) -> BaseException:
    """The most telling of several that came at once: a fatal error before a spent budget before a pause."""
    found = _flat(group)
    return min(found, key=lambda error: next(n for n, kind in enumerate((Fatal, BudgetSpent, Paused)) if isinstance(error, kind)))


def _flat(error: BaseException) -> list[BaseException]:
    return [leaf for each in error.exceptions for leaf in _flat(each)] if isinstance(error, BaseExceptionGroup) else [error]
