"""What the figures and settings of labels mean."""

from bae.comsem.telling import FIGURES, FLAGS
from bae.meaning import Meaning

LABELS = {
    **FIGURES,
    **FLAGS,
    "label": Meaning(
        "Label",
        "",
        "What the tokens on which the feature fires have in common, in a phrase: written by a language model that was shown some of "
        "them (a judge), by a person, or by the maintainers.",
    ),
    "label_by": Meaning("Label by", "", "Who wrote the label: a judge by its name, a person, or the maintainers, who read contexts."),
    "search": Meaning(
        "Find features",
        "",
        "Either those whose label or distinctive words contain what you type; or those whose label or words mean something near to it, "
        "whatever words they use: “the sea” finds harbors and ships.",
    ),
    "shown_label": Meaning(
        "Shown",
        "",
        "The label that stands for the feature on all pages. Without a choice it is a person's own, else a judge's, else the "
        "maintainers'; a draft only where there is nothing else.",
    ),
    "own_label": Meaning("Your own label", "", "Written by whoever uses this workspace. It is not tested, and enters no statistic."),
    "maintainers": Meaning(
        "Named by reading contexts",
        "",
        "It comes with the explorer: its maintainers had contexts of the feature read and named. No judge tested it, and it enters no "
        "statistic.",
    ),
    "role_test": Meaning(
        "fires", "", "A further token on which the feature fires; the label was made without it. The answer should be Yes."
    ),
    "role_same_token": Meaning("same token, silent", "", "The same token in another sentence, where the feature is silent: No."),
    "role_near": Meaning("near in meaning", "", "A token of a sentence near in meaning, where the feature is silent: No."),
    "role_other_feature": Meaning("another feature's", "", "A token on which another feature fires and this one is silent: No."),
    "role_random": Meaning("any token", "", "A token drawn at random, on which the feature is silent: No."),
    "run_features": Meaning("Features", "features", "Features that the run would label: those chosen that fire often enough."),
    "calls": Meaning(
        "Calls", "calls", "Questions to the judge: one for each label and one for each test, or one for all tests of a label."
    ),
    "prompt_tokens": Meaning(
        "Tokens asked",
        "tokens",
        "Of the questions, at four characters a token. Most are the instructions, the same in every call, which many providers charge "
        "less for.",
    ),
    "completion_tokens": Meaning("Tokens answered", "tokens", "Of the answers, at four characters a token."),
    "run_cost": Meaning(
        "Cost",
        "",
        "From the prices in judges.toml. The lower figure holds where the provider takes all repeated instructions from its cache, the "
        "higher one where it takes none.",
    ),
    "time": Meaning("Time", "", "Calls over the calls a second that this judge has answered last, pauses left out."),
    "fa": Meaning(
        "Activated",
        "features",
        "FA: features of the dictionary that are among the loudest 10 of more than n_I tokens of the index, so that they can be labelled "
        "and tested (Algorithm 1).",
        "0 to all features",
        "higher",
        "the paper, Table 1 (Act.)",
    ),
    "fa_caption": Meaning(
        "More than 8",
        "features",
        "Features among the loudest 10 of more than 8 tokens: the caption of Table 1 counts so, its algorithm as in the column before.",
        "0 to all features",
        "higher",
        "the paper, caption of Table 1",
    ),
    "scored": Meaning(
        "Scored",
        "features",
        "Features of the run that have a label and a score. Where that is a part of the activated ones, so are FI and mean score.",
    ),
    "fi": Meaning(
        "Interpretable", "features", "FI: scored features with a score above 0.", "0 to scored", "higher", "the paper, Table 1 (FI)"
    ),
    "mean_score": Meaning("Mean score", "", "Mean of the scores of all scored features.", "0 to 1", "higher", "the paper, Table 1 (Score)"),
    "vacuous_count": Meaning(
        "Vacuous",
        "features",
        "Scored features whose label fits at least half of the tokens on which they are silent.",
        "0 to scored",
        "lower",
    ),
    "control": Meaning(
        "Control",
        "",
        "The tests of some features, asked again under the label of another feature. A judge that reads the label answers at chance: "
        "balanced accuracy 0.5. What the score has in common with the control is the judge's habit of saying Yes, not the label's merit.",
        "0 to 1",
        "near 0.5",
        "this project",
    ),
    "label_judge": Meaning("Judge", "", "The language model that wrote and tested the labels."),
    "flags": Meaning(
        "Beware",
        "",
        "vacuous: the label fits at least half of the tokens on which the feature is silent. from the prompt: it repeats an answer of the "
        "worked examples. draft quality: written by the small model that comes with the explorer.",
    ),
    "most": Meaning(
        "At most", "features", "So many are drawn at random, the same ones every time, so that their mean score stands for all of them."
    ),
    "state_queued": Meaning("queued", "", "It waits until the runs before it have ended."),
    "state_running": Meaning("running", "", "The judge is being asked. The process goes on when this page is closed."),
    "state_interrupted": Meaning(
        "interrupted", "", "The process that worked at it was killed. Resume goes on where it stopped; no answered call is paid twice."
    ),
    "state_paused": Meaning("paused", "", "It waits for you to resume it. What was answered is kept."),
    "state_stopped": Meaning("stopped", "", "It stopped by itself, for the reason given. Resume goes on where it stopped."),
    "state_done": Meaning("done", "", "All its features have a label, or a reason why they have none."),
    "state_cancelled": Meaning("cancelled", "", "It was ended before its time. The labels that it has stay."),
    "set_n_interpret": Meaning(
        "Samples for the label", "tokens", "n_I: the label is made of so many tokens on which the feature fires.", "", "", "the paper: 5"
    ),
    "set_n_test": Meaning("Tests", "tokens", "n_T: at most so many of the tokens that follow test the label.", "", "", "the paper: 8"),
    "set_negatives": Meaning(
        "Negatives",
        "tokens",
        "The label is held against so many tokens on which the feature is silent, too: near misses, the same token elsewhere, random ones.",
        "",
        "",
        "this project; the paper has 0",
    ),
    "set_control": Meaning(
        "Control", "features", "So many features are tested again under another feature's label, at the end of the run."
    ),
    "set_intruders": Meaning(
        "Intruder rounds", "a feature", "Checks that need no label: which of five samples is not the feature's? Each is a call."
    ),
    "set_seed": Meaning("Seed", "", "Draws the negatives. The same seed draws the same ones."),
    "set_order": Meaning(
        "Samples in order",
        "",
        "Which tokens come first: as the corpus has them, the strongest, or spread over all strengths.",
        "",
        "",
        "the paper: as they come",
    ),
    "set_denominator": Meaning(
        "Score divides",
        "",
        "By the tests that were asked; or by all tokens that remain, as the paper's Algorithm 1 is printed, which makes frequent features "
        "score low.",
    ),
    "set_batched": Meaning(
        "All tests in one call", "", "Some 17 calls a feature become 2: cheaper and faster, and answers may lean on each other."
    ),
    "set_distinct": Meaning("Leave near-duplicates out", "", "Of sentences that share four fifths of their words only the first is taken."),
    "set_paper_topk": Meaning(
        "Literal top 10", "", "Counts the 10 loudest features of every token even where fewer stand out, as the paper does."
    ),
    "mean_auroc": Meaning(
        "Mean AUROC",
        "",
        "Mean over features of the chance that a label is closer in meaning to a token where its feature fires than to one where it is "
        "silent. 0.5 is chance.",
        "0 to 1",
        "higher",
    ),
    "control_auroc": Meaning(
        "Control", "", "The AUROC of all tests of some features under the labels of others. It should lie at 0.5.", "0 to 1", "near 0.5"
    ),
    "best_kept": Meaning(
        "Best N kept",
        "",
        "Mean score where only the N features with the highest scores are kept, and how many of them score above 0. A dictionary with "
        "many features can afford to lose its worst.",
        "",
        "higher",
        "the paper, Table 4",
    ),
    "nearness": Meaning(
        "Nearness",
        "",
        "Cosine of the sentence embeddings (MiniLM) of what was typed and of the feature's label or words. 1 is the same meaning.",
        "-1 to 1",
        "higher",
    ),
}
