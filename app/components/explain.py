"""What every number on the pages means: one name, one unit, one definition, shown on hover."""

from typing import NamedTuple


class Meaning(NamedTuple):
    """A quantity as a person reads it."""

    label: str
    unit: str
    definition: str
    span: str = ""
    """The values that it can take."""
    better: str = ""
    """`lower`, `higher` or `near 1`; empty where neither is better by itself."""
    source: str = ""
    """Whose measure it is."""

    @property
    def hover(self) -> str:
        """The text of the hover."""
        told = (("Unit", self.unit), ("Range", self.span), ("Better", self.better), ("Source", self.source))
        return " ".join([self.definition, *(f"{name}: {value}." for name, value in told if value)])

    @property
    def header(self) -> str:
        """The label with its unit, for a table."""
        return f"{self.label} ({self.unit})" if self.unit in ("bits", "tokens") else self.label


MEANINGS = {
    "feature": Meaning("Feature", "", "The number of a channel of the dictionary, from 0. Click to look at it."),
    "summary": Meaning(
        "Words", "", "Words that its tokens belong to more often than the corpus's do (log-odds), best first. No language model wrote this."
    ),
    "kind": Meaning("Kind", "", "How the dictionary codes a hidden state: in bits (BAE) or in values (the sparse autoencoders)."),
    "layer": Meaning(
        "Layer",
        "",
        "Which hidden state it reads, as the index of Hugging Face's hidden_states: 0 are the embeddings, l is the output of block l.",
    ),
    "features": Meaning("Features", "", "Channels of the dictionary."),
    "fvu": Meaning(
        "FVU",
        "",
        "Fraction of variance unexplained on held-out text: squared error over squared distance from the mean, both summed over all "
        "tokens but the massive activations, which training drops too. 0 is a perfect reconstruction, 1 is no better than the mean.",
        "0 up",
        "lower",
        "SAEBench, as 1 - explained variance",
    ),
    "cost": Meaning(
        "Bits or L0",
        "",
        "What a token's code costs. For a BAE the sum of the entropies of all bits; for a sparse autoencoder L0, the mean number of "
        "features that fire on a token.",
    ),
    "active": Meaning(
        "Active",
        "features",
        "Features that are more than 5 times among a token's loudest 10, on 8,192 held-out tokens spread evenly over the text.",
        "0 to all features",
        "higher",
        "this project; the Act. of the paper's Table 1 is another count",
    ),
    "dense": Meaning(
        "Dense",
        "",
        "Share of features that leave their habit on more than 10 % of tokens: a bit by min(rate, 1 - rate), a value by its rate. "
        "Dense features mean little.",
        "0 to 100 %",
        "lower",
        "SAEBench's freq_over_10_percent, for bits too",
    ),
    "dead": Meaning("Dead", "features", "Features that never fired on held-out text.", "0 to all features", "lower", "usual for SAEs"),
    "index": Meaning("In the index", "", "Whether the index holds its features: contexts, rates, words."),
    "rate": Meaning("Rate", "% of tokens", "Share of the index's tokens on which the feature fires (its code is not 0)."),
    "density": Meaning(
        "Density",
        "% of tokens",
        "Share of tokens on which the feature leaves its habit: min(rate, 1 - rate) for a bit, the rate for a value.",
    ),
    "top_rate": Meaning(
        "Top-10 rate",
        "% of tokens",
        "Share of tokens that have the feature among their loudest 10. It is another thing than density: burstiness favours rare bits.",
    ),
    "count": Meaning("Fires", "tokens", "Tokens of the index on which the feature fires."),
    "top_count": Meaning("In the top 10", "tokens", "Tokens of the index that have the feature among their loudest 10."),
    "entropy": Meaning(
        "Entropy", "bits", "Of the bit fired or silent, in 0..1: 1 when it fires on half of the tokens, 0 when it never changes."
    ),
    "burstiness": Meaning(
        "Burstiness",
        "bits",
        "log2 of how far the bit stands from its habit, at most 0. A rare bit that fires is near 0; above -1 it bursts.",
    ),
    "value": Meaning("Value", "", "What the feature's channel holds, in the units of the scaled hidden state; 0 is silent."),
    "on_magnitude": Meaning("If it fires", "bits", "Burstiness of this bit wherever it fires: log2(1 - rate). All such tokens tie."),
    "off_magnitude": Meaning(
        "If silent", "bits", "Burstiness of this bit wherever it is silent: log2(rate). Above -1 it bursts by silence."
    ),
    "largest": Meaning(
        "Strongest",
        "",
        "Greatest distance over the threshold, as a share of the hidden state's length (bits), or greatest value (scaled units).",
    ),
    "mean": Meaning("Mean value", "", "Mean of the value over all tokens of the index, silent ones included."),
    "peak": Meaning(
        "Peak", "", "The feature's greatest magnitude on a token of this text: burstiness for a BAE, value for a sparse autoencoder."
    ),
    "tokens": Meaning("Tokens", "", "Tokens of this text that have the feature among their loudest 10."),
    "max_density": Meaning(
        "Hide features denser than",
        "% of tokens",
        "Features that leave their habit more often than this are hidden. They fire on everything and say little.",
    ),
    "active_only": Meaning("Active only", "", "Only features that are more than 5 times among a token's loudest 10 in the index."),
    "start": Meaning(
        "Show the start token",
        "",
        "Every text is read behind a start token (BOS). It is never read for features; this only shows where it stands.",
    ),
    "on_bursts": Meaning("On-bursts", "", "Features that stand out by firing."),
    "off_bursts": Meaning("Off-bursts", "", "Features that usually fire and stand out by being silent."),
    "kept": Meaning("Sentences", "", "Sentences of the corpus that the index holds, each read alone behind a start token."),
    "index_tokens": Meaning(
        "Tokens", "", "Tokens of those sentences on which rates were counted; start tokens and massive activations are left out."
    ),
    "run": Meaning("Run", "", "The training of one autoencoder of the recipe, with its colour in the charts."),
    "state": Meaning(
        "State",
        "",
        "How the training stands, read from disk and from the table of processes. A step descends on one batch of hidden states; "
        "steps of all stages are added up, and the rate is that of the process that runs.",
    ),
    "curve_loss": Meaning("Loss", "", "What training minimises, on one batch: the reconstruction and the weighted penalties."),
    "curve_reconstruction": Meaning(
        "Reconstruction",
        "",
        "Mean squared error of an element of the scaled hidden state, on one batch, Eq. (3). Centred and scaled states have variance 1.",
    ),
    "curve_entropy": Meaning(
        "Entropy",
        "bits",
        "Sum of the entropies of all bits, each from its mean over one batch, Eq. (4): what a token costs at most.",
    ),
    "curve_covariance": Meaning(
        "Covariance penalty",
        "",
        "Sum over pairs of bits of |cov|, on one batch, Eq. (4). Independent bits do not give 0: in a finite batch they covary by "
        "chance, and that much is the noise floor. Only what lies above the floor is dependence.",
    ),
    "curve_covariance_floor": Meaning(
        "Noise floor", "", "What the covariance penalty would be if all bits were independent, at the rates and the size of this batch."
    ),
    "curve_excess_density": Meaning(
        "Excess density", "", "Sum over features of how far their firing rate lies above the cap, on one batch."
    ),
    "curve_l0": Meaning("L0", "features a token", "Mean number of features that fire on a token, on one batch."),
    "curve_l1": Meaning("L1", "", "Mean over tokens of the sum of the code's absolute values, on one batch, Eq. (9)."),
    "curve_revival": Meaning("Revival loss", "", "How badly the strongest dead features explain what is left over, as a share of it."),
    "curve_held_out_fvu": Meaning(
        "FVU",
        "",
        "Fraction of variance unexplained on hidden states that train nothing, whenever the state is saved: 0 is perfect, 1 is no "
        "better than the mean. Where a dictionary has no curve, the figure of its checkpoint.",
    ),
}

# figures of a dictionary (bae.evaluation, geometry, splicing, probing), by their names in `bae evaluate --json`
MEANINGS |= {
    "fvu_all": Meaning(
        "FVU, all tokens",
        "",
        "The FVU with the massive activations among the tokens. A few of them hold most of the variance, so it says mostly how well those "
        "few are reconstructed.",
        "0 up",
        "lower",
        "SAEBench, as 1 - explained variance",
    ),
    "cosine": Meaning(
        "Cosine",
        "",
        "Cosine of reconstruction and hidden state, both from the mean hidden state, mean over tokens.",
        "-1 to 1",
        "higher",
        "SAEBench's cossim, here from the mean",
    ),
    "shrinkage": Meaning(
        "Shrinkage",
        "",
        "Length of the reconstructions over that of the hidden states, both from the mean, as roots of sums of squares. 1 shrinks "
        "nothing; a penalty on values, such as L1, pulls it below.",
        "0 up",
        "near 1",
        "SAEBench's l2_ratio, here from the mean",
    ),
    "l_r": Meaning(
        "L_r",
        "raw units squared",
        "Mean squared error over elements, in the units of the raw hidden state. It hangs on the layer's scale.",
        "0 up",
        "lower",
        "the paper, Eq. (3), as a mean",
    ),
    "l0": Meaning(
        "L0",
        "features a token",
        "Features that fire on a token, mean. For a BAE the bits that are on. It is no cost by itself: a rare feature costs more bits "
        "than a frequent one, and a value more than a bit.",
        "0 to all features",
        "",
        "usual for SAEs",
    ),
    "l0_deviations": Meaning(
        "L0 from the habit",
        "features a token",
        "Features that leave their habit on a token, mean: bits that differ from their rounded prior, which is what compression stores; "
        "of a sparse autoencoder those that fire.",
        "0 to all features",
        "",
        "the paper, Appendix A.5",
    ),
    "l0_top_k": Meaning(
        "L0 of the top 10",
        "features a token",
        "Features of a token that count as activated, mean: its loudest 10, or fewer where fewer stand out.",
        "0 to 10",
        "",
        "the paper, Appendix A.4",
    ),
    "support_bits": Meaning(
        "Support",
        "bits a token",
        "Sum over features of the entropy of whether they fire: all that a BAE costs, its marginal entropy. The values of a sparse "
        "autoencoder cost more on top, so no best is marked; the plot below compares whole codes.",
        "0 to all bits",
        "",
        "the paper, Eq. (4), with both halves of the entropy",
    ),
    "tree_bits": Meaning(
        "Support, pairs corrected",
        "bits a token",
        "Support bits less what pairs of features tell of each other along the best tree: closer to the joint entropy, from above. "
        "Not counted for dictionaries of more than 4,096 bits.",
        "0 to support bits",
        "",
        "Chow and Liu 1968",
    ),
    "dense_over_1_percent": Meaning(
        "Dense, 1 %",
        "% of features",
        "Share of features that leave their habit on more than 1 % of tokens, the field's other limit.",
        "0 to 100 %",
        "lower",
        "SAEBench's freq_over_1_percent, for bits too",
    ),
    "max_rate": Meaning(
        "Highest rate",
        "% of tokens",
        "How often the densest feature leaves its habit: min(rate, 1 - rate) of a bit, the rate of a value.",
        "0 to 100 %",
        "lower",
        "this project",
    ),
    "max_top_k_rate": Meaning(
        "Highest top-10 rate",
        "% of tokens",
        "Share of tokens that have the most frequent feature among their loudest 10. It is small for a BAE whatever its density: "
        "burstiness favours rare bits.",
        "0 to 100 %",
        "",
        "this project",
    ),
    "frozen": Meaning("Frozen", "features", "Features that fire on every held-out token.", "0 to all features", "lower", "this project"),
    "delta_ce": Meaning(
        "Delta-CE",
        "nats a token",
        "What reconstruction costs the language model: its next-token loss with every hidden state of the layer replaced by its "
        "reconstruction, less its loss as it is. 0 costs nothing.",
        "any; below 0 only by chance",
        "lower",
        "Bricken et al. 2023; SAEBench",
    ),
    "ce_score": Meaning(
        "CE score",
        "",
        "Share of what zeroing the layer costs the language model that the reconstruction wins back. 1 is all of it, 0 none.",
        "at most 1, but for chance",
        "higher",
        "SAEBench, loss recovered",
    ),
    "probe_k1": Meaning(
        "Probe, k = 1",
        "% right",
        "How often the best single feature tells whether a movie review is positive, on 800 reviews that neither the probe nor the "
        "dictionary was fitted on. Compare it with the majority.",
        "0 to 100 %",
        "higher",
        "Gurnee et al. 2023, sparse probing",
    ),
    "probe_k5": Meaning(
        "Probe, k = 5",
        "% right",
        "The same of a logistic probe on the five features whose class means differ most.",
        "0 to 100 %",
        "higher",
        "Gurnee et al. 2023, sparse probing",
    ),
    "probe_majority": Meaning(
        "Majority", "% right", "The baseline of the probes: always saying what is more frequent among the reviews.", "50 to 100 %"
    ),
    "effective_rank": Meaning(
        "Effective rank",
        "directions",
        "How many directions the rows of W_out use: exp of the entropy of the normalised eigenvalues of their d x d covariance.",
        "1 to d",
        "higher",
        "Roy and Vetterli 2007",
    ),
    "spectral_norm_samples": Meaning(
        "Spectral norm, rows as samples",
        "",
        "Largest eigenvalue of the d x d covariance of the rows of W_out, every row a sample: how far rows agree on one direction. It "
        "grows with the square of their lengths.",
        "0 up",
        "",
        "the paper's Table 1, ‖Cov‖, which reads larger as more diverse and does not say which covariance",
    ),
    "spectral_norm_samples_unit": Meaning(
        "Rows as samples, unit length",
        "",
        "The same of rows brought to unit length, so that only their directions count.",
        "0 to 1, and a little over",
        "",
        "this project, after the paper's ‖Cov‖",
    ),
    "spectral_norm_variables": Meaning(
        "Spectral norm, rows as variables",
        "",
        "Largest eigenvalue of the d' x d' covariance of the rows of W_out, every row a variable with d observations.",
        "0 up",
        "",
        "the paper's Table 1, ‖Cov‖, read the other way",
    ),
    "spectral_norm_variables_unit": Meaning(
        "Rows as variables, unit length",
        "",
        "The same of rows brought to unit length.",
        "0 up",
        "",
        "this project, after the paper's ‖Cov‖",
    ),
    "tokens_measured": Meaning("Measured on", "tokens", "Held-out hidden states that the figures were measured on."),
    "active_8192_tokens": MEANINGS["active"],
    "dense_share": MEANINGS["dense"]._replace(label="Dense, 10 %", unit="% of features"),
}

# labels (bae.comsem), by their names in its records where they have one
MEANINGS |= {
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


def hover(name: str) -> str:
    """The hover text of a quantity."""
    return MEANINGS[name].hover
