"""What every number on the pages means: one name, one unit, one definition, shown on hover."""

from typing import NamedTuple


class Meaning(NamedTuple):
    """A quantity as a person reads it."""

    label: str
    unit: str
    definition: str

    @property
    def hover(self) -> str:
        """The text of the hover."""
        return f"{self.definition} Unit: {self.unit}." if self.unit else self.definition

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
        "FVU", "", "Fraction of variance unexplained on held-out text: 0 is a perfect reconstruction, 1 is no better than the mean."
    ),
    "cost": Meaning(
        "Bits or L0",
        "",
        "What a token's code costs. For a BAE the sum of the entropies of all bits; for a sparse autoencoder L0, the mean number of "
        "features that fire on a token.",
    ),
    "active": Meaning("Active", "", "Features that are more than 5 times among a token's loudest 10, on 8,192 held-out tokens."),
    "dense": Meaning(
        "Dense", "", "Share of features that leave their habit on more than 10 % of tokens. Dense features mean little; fewer is better."
    ),
    "dead": Meaning("Dead", "", "Features that never changed on held-out text."),
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


def hover(name: str) -> str:
    """The hover text of a quantity."""
    return MEANINGS[name].hover
