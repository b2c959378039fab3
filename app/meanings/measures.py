"""What the figures of an evaluation mean."""

from app.meanings.features import FEATURES
from bae.meaning import Meaning

MEASURES = {
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
    "active_8192_tokens": FEATURES["active"],
    "dense_share": FEATURES["dense"]._replace(label="Dense, 10 %", unit="% of features"),
}
