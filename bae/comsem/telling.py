"""Labels as people are told of them, wherever that is: by whom, how well each fits, and what to beware of. Loads no judge."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from bae.meaning import Meaning

if TYPE_CHECKING:
    from bae.comsem.records import Label
    from bae.comsem.score import Score

DRAFT = "draft quality"
MAINTAINERS = "named by reading contexts"
PERSON = "a person"

FLAGS = {
    "draft": Meaning(
        "draft quality",
        "",
        "Written by the small model that comes with the explorer. It shows how labelling works, and is often wrong.",
    ),
    "vacuous": Meaning(
        "vacuous",
        "",
        "The judge found that the label fits at least half of the tokens on which the feature is silent, too: it says nothing about "
        "this feature, however high its score.",
    ),
    "echo": Meaning(
        "from the prompt",
        "",
        "The label repeats an answer of the worked examples in the prompt: the judge may not have looked at the tokens.",
    ),
}
"""What to beware of."""
FIGURES = {
    "label_score": Meaning(
        "Score",
        "",
        "Share of further tokens on which the feature fires that the judge says the label fits. It asks only where the feature fires: "
        "a label that fits everything has 1.",
        "0 to 1",
        "higher",
        "the paper, section 5.2",
    ),
    "interval": Meaning(
        "Interval",
        "",
        "95 % interval of the score (Wilson): with eight tests it is wide, so single features are told apart only where they differ much.",
        "within 0 to 1",
    ),
    "balanced_accuracy": Meaning(
        "Balanced accuracy",
        "",
        "Mean of two shares: Yes where the feature fires, and No where it is silent. 0.5 is chance; a label that fits everything has 0.5.",
        "0 to 1",
        "higher",
        "this project, with negatives as delphi and SAEBench have them",
    ),
    "auroc": Meaning(
        "AUROC",
        "",
        "Chance that the judge finds Yes more probable on a token where the feature fires than on one where it is silent. 0.5 is chance.",
        "0 to 1",
        "higher",
        "usual for detection scores",
    ),
    "tests_yes": Meaning("Yes where it fires", "tests", "Tests on tokens where the feature fires that were answered Yes, of those asked."),
    "negatives_yes": Meaning(
        "Yes where it is silent",
        "tests",
        "Tests on tokens where the feature is silent that were answered Yes all the same, of those asked.",
        "",
        "lower",
    ),
    "unclear": Meaning("Unclear", "answers", "Answers that were neither Yes nor No. They are counted nowhere else."),
    "label_occurrences": Meaning("Activated on", "tokens", "Tokens of the index that have the feature among their loudest 10."),
    "intruder": Meaning(
        "Intruder found",
        "rounds",
        "How often the judge found the one sample of five that is not the feature's, without seeing a label. One in five is chance.",
        "",
        "higher",
    ),
}


def author(label: "Label") -> str:
    """Who gave a label, with the warning that belongs to it."""
    if label.source == "judge":
        return f"{label.judge}, {DRAFT}" if label.draft else label.judge
    return PERSON if label.source == "person" else MAINTAINERS


def flags(label: "Label", score: "Score | None") -> list[str]:
    """What to beware of, as names among the meanings."""
    from bae.comsem.prompts import echoes

    judged = label.source == "judge"
    told = {"draft": label.draft, "vacuous": score is not None and score.vacuous, "echo": judged and echoes(label.text)}
    return [name for name, holds in told.items() if holds]


def date(seconds: float) -> str:
    """A time since 1970 as date and minute."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def interval(low: float | None, high: float | None) -> str | None:
    """An interval of shares, as in 0.53 to 0.98; None where there is none."""
    return None if low is None or high is None else f"{low:.2f} to {high:.2f}"


def figures(label: "Label", score: "Score") -> list[tuple[str, str]]:
    """The figures of a label, as names among the meanings and values; those that there are."""
    told = [
        ("label_score", None if score.score is None else f"{score.score:.2f}"),
        ("interval", interval(score.low, score.high)),
        ("balanced_accuracy", None if score.balanced_accuracy is None else f"{score.balanced_accuracy:.2f}"),
        ("auroc", None if score.auroc is None else f"{score.auroc:.2f}"),
        ("tests_yes", f"{score.yes} of {score.asked}" if score.asked else None),
        ("negatives_yes", f"{score.false_yes} of {score.negatives}" if score.negatives else None),
        ("unclear", str(score.unclear) if score.unclear else None),
        ("label_occurrences", None if label.occurrences is None else f"{label.occurrences:,}"),
        ("intruder", _intruders(label.provenance)),
    ]
    return [(name, value) for name, value in told if value is not None]


def _intruders(told: Mapping) -> str | None:
    return f"{told['intruders_found']} of {told['intruders_asked']}" if "intruders_asked" in told else None
