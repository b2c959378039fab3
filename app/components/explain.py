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
        "Strongest", "", "Greatest distance over the threshold (bits) or greatest value, in units of the scaled hidden state."
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


def hover(name: str) -> str:
    """The hover text of a quantity."""
    return MEANINGS[name].hover
