"""What the columns and figures of features and dictionaries mean."""

from bae.features.figures import FIGURES
from bae.meaning import Meaning

FEATURES = {
    **FIGURES,
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
    "top_count": Meaning("In the top 10", "tokens", "Tokens of the index that have the feature among their loudest 10."),
    "burstiness": Meaning(
        "Burstiness",
        "bits",
        "log2 of how far the bit stands from its habit, at most 0. A rare bit that fires is near 0; above -1 it bursts.",
    ),
    "value": Meaning("Value", "", "What the feature's channel holds, in the units of the scaled hidden state; 0 is silent."),
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
}
