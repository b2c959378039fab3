"""What the figures of the pages on entropy and compression mean."""

from app.meanings.meaning import Meaning

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
}
