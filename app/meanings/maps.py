"""What maps and directions mean."""

from bae.meaning import Meaning

MAPS = {
    "feature_map": Meaning(
        "Features",
        "",
        "Every feature is a point. A feature is the direction of a row of the dictionary's W_out: what it adds to the residual stream.",
    ),
    "token_map": Meaning(
        "Tokens around a feature",
        "",
        "Every token of the sentences in which a feature is activated is a point: its hidden state, centred and scaled. A feature "
        "that stands for something on the large scale is activated on a cluster (Fig. 42 of the paper), a fine one is not (Fig. 43).",
    ),
    "umap": Meaning(
        "Neighbours (UMAP)",
        "",
        "Rows that point the same way (cosine, 15 neighbours) lie close together. Distances between far groups and the axes mean "
        "nothing. The same seed gives the same picture.",
        source="McInnes et al. 2018",
    ),
    "pca": Meaning(
        "Widest spread (PCA)", "", "The two directions in which the rows, each of length 1, differ most. Much is hidden behind them."
    ),
    "map_colour": Meaning("Colour", "", "Which figure of a feature gives its point its colour. Grey: the feature has no such figure."),
    "map_search": Meaning(
        "Highlight", "", "Features whose label or distinctive words contain what you type stand out; the others fade. Nothing is hidden."
    ),
    "map_seed": Meaning("Seed", "", "Which sentences are drawn where there are more than 200, and where UMAP begins.", "0 to 9,999"),
    "map_features": Meaning(
        "Features",
        "",
        "Numbers of 1 to 6 features with commas between them. All tokens of up to 200 sentences of each are drawn; a bit that usually "
        "fires is activated where it is silent.",
    ),
    "promoted": Meaning(
        "Promotes",
        "logits",
        "The tokens whose logits the feature raises most, by the logit lens: its row in units of the residual stream, times the gain of "
        "the final norm, times the unembedding. The blocks in between are skipped, and so is the final norm's division by the length of "
        "the residual stream, which is the same for all tokens.",
        source="nostalgebraist 2020",
    ),
    "suppressed": Meaning("Suppresses", "logits", "The tokens whose logits the feature lowers most, by the same logit lens."),
    "lens_z": Meaning(
        "z",
        "deviations",
        "How far a token's logit lies from the mean of all tokens' logits under this feature. Among 50,000 tokens some reach 4 by chance.",
    ),
    "near": Meaning(
        "Nearest rows",
        "",
        "Features of the same dictionary whose rows of W_out point most nearly the same way: they write alike, whatever they fire on.",
    ),
    "row_cosine": Meaning("Cosine", "", "Of the angle between two rows of W_out.", "-1 to 1"),
}
