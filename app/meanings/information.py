"""What the figures of the pages on entropy and compression mean."""

from bae.meaning import Meaning

INFORMATION = {
    "code_length": Meaning(
        "Code length",
        "bits",
        "What the bits of one hidden state take when they are written with the habits of the corpus: "
        "-sum log2(1 - |h - q|), q = (count + 1/2) / (n + 1). A cross-entropy, not an entropy: what the corpus has many of is short.",
    ),
    "code_length_sum": Meaning("Whole text", "bits", "The code lengths of all tokens that were read, added up."),
    "code_length_mean": Meaning("Per token", "bits", "The mean code length of the tokens that were read."),
    "code_length_usual": Meaning(
        "Corpus",
        "bits",
        "The mean code length over the tokens of the corpus itself. It is the sum of the entropies of the bits over that corpus, up to "
        "the half that is added to each count: the entropy of a set that this dictionary reports.",
    ),
    "code_length_last": Meaning("Last token", "bits", "The code length of the token that the answer follows."),
    "shots": Meaning("Demonstrations", "", "Labelled reviews that stand before the one that is asked about, as in Fig. 4 of the paper."),
    "query_review": Meaning(
        "Review", "", "Which of the held-out reviews is asked about. No dictionary was trained on it, and it is none of the demonstrations."
    ),
    "set_entropy": Meaning(
        "Entropy",
        "bits",
        "Of the code of a whole set of hidden states: the sum of the entropies of its bits (marginal), as in the paper. Bits that depend "
        "on each other are counted more than once, so it is an upper bound of the code's entropy; it is not bounded by log2 n.",
        "0 to the number of bits",
        source="the paper, Eq. (4)",
    ),
    "set_tree": Meaning(
        "Entropy, corrected",
        "bits",
        "The marginal entropy less what pairs of bits tell of each other along the best tree (Chow and Liu). Still an upper bound of the "
        "code's entropy, closer: a copy of a bit adds nothing. It does not see what depends on three bits or more.",
        "0 to the marginal entropy",
        source="Chow and Liu 1968",
    ),
    "set_patterns": Meaning(
        "Unique patterns",
        "bits",
        "The entropy of whole codes by how often each occurs. Right while each pattern is seen many times, whatever depends on what. It "
        "cannot see more than log2 of the number of vectors, and is too low from well below that.",
        "0 to log2 n",
    ),
    "set_pca_rank": Meaning(
        "PCA rank",
        "directions",
        "Directions in which the hidden states vary by more than the rounding of their numbers. It is r for r fair bits along r "
        "directions, as in the synthetic sets. It cannot see how much a direction holds: of states of a language model it is the width.",
        "0 to the width",
    ),
    "set_matrix_renyi": Meaning(
        "Matrix Renyi",
        "bits",
        "Renyi entropy of order 2 of the spectrum of the states. It sees how even the spectrum is. It cannot see bits: it is the logarithm "
        "of a number of directions, log2 r for r fair bits.",
        "0 to log2 of the width",
        source="Giraldo, Rao and Principe 2015",
    ),
    "set_two_nn": Meaning(
        "TwoNN",
        "dimensions",
        "The dimension of what states lie on, from the distances to the two nearest neighbours. It sees how a cloud fills space near by. "
        "It cannot see bits, and means nothing where neighbours are equally far, as in the synthetic sets; too low above about 20.",
        "0 up",
        source="Facco and others 2017",
    ),
    "set_binary_dimension": Meaning(
        "Binary intrinsic dimension",
        "fair bits",
        "How many independent fair bits would give the distances between codes. It goes beyond log2 n. It cannot follow copies of bits, "
        "and bits that are seldom on count for another number than their entropy.",
        "0 up",
        source="Acevedo, Rodriguez and Laio 2024",
    ),
    "set_interval": Meaning(
        "95 % interval",
        "bits",
        "Where 95 % of the entropies, or of the corrected ones, lie when documents, or groups of vectors, are drawn anew from those there "
        "are (bootstrap). It does not say how far another training would come out.",
    ),
    "set_fvu": Meaning(
        "Unexplained",
        "",
        "Share of the set's variance that is missing when the states are made again from their codes. Entropies are comparable where this "
        "is alike: a code that explains less may be short because of that.",
        "0 up",
        "lower",
    ),
    "set_held_out_fvu": Meaning(
        "Unexplained, unseen", "", "The same over the last fifth of the set, which no training saw.", "0 up", "lower"
    ),
    "set_reconstruction": Meaning(
        "L_r",
        "raw units squared",
        "Mean squared error over elements, in the units of the hidden states; the paper's colours and opacities show it.",
        "0 up",
        "lower",
        "the paper, Eq. (3), as a mean",
    ),
    "set_run": Meaning("Run", "", "The run of an experiment that measured these sets; it opens with its settings and where it comes from."),
    "set_vectors": Meaning("Vectors", "", "Hidden states of the set, n, that were measured."),
    "set_log2_vectors": Meaning("log2 n", "bits", "The most that an estimate can find that counts whole patterns among n vectors."),
    "set_dropped": Meaning("Left out", "", "Hidden states over ten times the median length, or not finite: not in the set."),
    "set_moving": Meaning("Bits that move", "", "Bits of the code that are on for some vectors of the set and off for others."),
    "set_always_on": Meaning("Bits always on", "", "Bits of the code that are on for every vector of the set: they cost nothing."),
    "set_always_off": Meaning("Bits always off", "", "Bits of the code that are off for every vector of the set: they cost nothing."),
    "set_frozen": Meaning(
        "Frozen bits",
        "",
        "Bits that are always on, or always off, in this set and not so in the sets that were measured beside it at this layer: what the "
        "set's vectors have in common against theirs. The others that do not move are constant: they stand still in those sets too and "
        "tell nothing. Empty where no other set was measured beside it, and in runs that an earlier version made.",
    ),
    "set_layer": Meaning("Layer", "", "Whose hidden states: 0 is the embedding, l the output of block l."),
    "set_position": Meaning("Position", "", "Which token of a text the hidden state is taken at; 1 is the first behind the start token."),
    "set_shots": Meaning("Demonstrations", "", "Labelled reviews before the one that is asked about, k."),
    "set_rank": Meaning("True entropy r", "bits", "Fair bits that the set was made of: what an estimate should find."),
    "set_expansion": Meaning("Expansion", "", "Bits of a code over the width of the hidden states, d'/d."),
    "set_entropy_loss": Meaning(
        "Entropy loss", "", "Whether the BAE was trained with the entropy and covariance terms, or both weights 0."
    ),
    "set_texts_bits": Meaning("Texts, counted", "bits", "Entropy of the texts that were drawn, by counting them: stops at log2 n."),
    "set_step": Meaning("Step", "", "Batches that were trained on."),
    "set_unexplained": Meaning("Unexplained", "", "Share of the variance that is missing, on the batch of that step.", "0 up", "lower"),
    "set_batch": Meaning("Entropy of the batch", "bits", "The marginal entropy of the codes of one training batch, as in Fig. 12."),
    "set_vocabulary": Meaning(
        "Right, all tokens", "", "Share of prompts whose right label is the likeliest of all tokens.", "0 to 1", "higher"
    ),
    "set_labels": Meaning(
        "Right, two labels", "", "Share of prompts whose right label is likelier than the other one.", "0 to 1", "higher"
    ),
    "set_answered": Meaning("Answered", "", "Share of prompts whose likeliest next token is one of the two labels.", "0 to 1"),
    "set_majority": Meaning("Majority", "", "What always saying the more frequent label gets right.", "0 to 1"),
    "set_said": Meaning("Says most", "", "The likeliest next tokens, the most frequent first."),
    "ask_windows": Meaning("Windows", "", "Texts of as many tokens as the last position; each gives one hidden state to every set."),
    "ask_prompts": Meaning("Prompts", "", "Of every number of demonstrations; each gives one hidden state to every set."),
    "ask_texts": Meaning("Texts", "", "Drawn at random from two words; each gives one hidden state to every set."),
    "ask_samples": Meaning("Samples", "", "States of a set that is made; four fifths are trained on."),
    "ask_positions": Meaning("Positions", "", "Of the token in a text, with commas; 1 is the first behind the start token."),
    "ask_layers": Meaning("Layers", "", "With commas; empty: evenly spaced over the model."),
    "ask_layer": Meaning("Layer", "", "One layer; empty: the usual one of the experiment."),
    "ask_shots": Meaning("Demonstrations", "", "Numbers of demonstrations, with commas."),
    "ask_ranks": Meaning("True entropies", "bits", "r, with commas: every one is a set of its own."),
    "ask_expansions": Meaning("Expansions", "", "Bits of a code over the width of the states, with commas: each is trained anew."),
    "ask_steps": Meaning("Steps", "", "Of the training of every BAE."),
    "ask_recipe": Meaning("Recipe", "", "A file in data/recipes/entropy with all sizes; without one, the usual sizes for any model."),
}
