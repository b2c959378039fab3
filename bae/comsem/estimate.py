"""What a labelling run will ask, before anything is asked: calls, tokens, money, time."""

from collections.abc import Sequence
from dataclasses import dataclass

from bae.comsem import prompts
from bae.comsem.judge import Request
from bae.comsem.plan import Plan, Planner, Settings
from bae.comsem.spending import CHARACTERS_A_TOKEN

DRAWN = 100
"""Features that are planned out; the others are taken to be like them."""
LABEL = "a phrase of usual length"
LABEL_TOKENS, VERDICT_TOKENS = 8, 2
"""Of an answer."""


@dataclass(frozen=True)
class Estimate:
    """The size of a run."""

    features: int
    """Of those asked for, the activated ones."""
    too_rare: int
    """The others: they occur too rarely to be labelled."""
    calls: int
    prompt_tokens: int
    shared_tokens: int
    """Of these, tokens of the instructions, which are the same in every call and which providers may charge less for."""
    completion_tokens: int


def estimate(planner: Planner, features: Sequence[int], settings: Settings) -> Estimate:
    """Count what labelling these features asks: exact for up to 100, of more an even sample is counted and scaled."""
    activated = [feature for feature in features if planner.activated(feature)]
    drawn = activated[:: max(1, -(-len(activated) // DRAWN))]
    plans = [plan for plan in map(planner.plan, drawn) if plan is not None]
    scale = len(activated) / len(drawn) if drawn else 0.0
    requests = [request for plan in plans for request in _requests(plan, settings)]
    # the control asks some features' tests a second time
    tests = [request for plan in plans for request in _tests(plan, settings)]
    again = min(settings.control, len(activated)) / max(len(plans), 1)
    sized = [(request, scale) for request in requests] + [(request, again) for request in tests]
    return Estimate(
        features=round(len(plans) * scale),
        too_rare=len(features) - round(len(plans) * scale),
        calls=round(sum(weight for _, weight in sized)),
        prompt_tokens=round(sum(weight * _tokens(request) for request, weight in sized)),
        shared_tokens=round(sum(weight * len(request.messages[0][1]) / CHARACTERS_A_TOKEN for request, weight in sized)),
        completion_tokens=round(sum(weight * (LABEL_TOKENS if request.kind == "label" else _answer(request)) for request, weight in sized)),
    )


def _requests(plan: Plan, settings: Settings) -> list[Request]:
    return [prompts.label_request(plan.label_from), *_tests(plan, settings), *_intruders(plan, settings)]


def _tests(plan: Plan, settings: Settings) -> list[Request]:
    samples = [test.sample for test in plan.tests]
    if settings.batched:
        return [prompts.verdicts_request(samples, LABEL)]
    return [prompts.verdict_request(sample, LABEL) for sample in samples]


def _intruders(plan: Plan, settings: Settings) -> list[Request]:
    return [prompts.intruder_request([test.sample for test in plan.tests[:5]])] * settings.intruders


def _answer(request: Request) -> int:
    return VERDICT_TOKENS if request.kind != "verdicts" else request.max_tokens // 2


def _tokens(request: Request) -> float:
    return sum(len(content) for _, content in request.messages) / CHARACTERS_A_TOKEN
