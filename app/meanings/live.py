"""What the figures and settings of live text mean."""

from bae.meaning import Meaning

LIVE = {
    "also": Meaning(
        "Further dictionaries", "", "The same text is painted under each of these too. The language model reads it once for all of them."
    ),
    "loudness": Meaning(
        "Loudness", "", "How loud the feature is on this token: burstiness in bits for a BAE, value for a sparse autoencoder."
    ),
    "paint": Meaning(
        "Paint",
        "",
        "What the colour of a token says: how loud its loudest feature is, or how many bits its whole code takes when it is written with "
        "what the corpus taught (description length).",
    ),
    "no_description_length": Meaning(
        "Paint",
        "",
        "Description length is that of bits, so only a BAE has one. The features of a sparse autoencoder are values, for which no number "
        "of bits is given here. In a view of several dictionaries all must be BAEs.",
    ),
    "bits_sum": Meaning(
        "This text",
        "bits",
        "Description length: what the codes of all its tokens take, -sum of log2(1 - |bit - q|) over features, where q is how often the "
        "bit is on in the corpus. A code length, not an entropy.",
        "0 up",
    ),
    "bits_mean": Meaning(
        "Bits a token", "bits a token", "Description length of the text's tokens, on average. Left-out tokens are not counted.", "0 up"
    ),
    "bits_usual": Meaning(
        "Usual bits a token",
        "bits a token",
        "The same on average over all tokens of the index (without an index, where the dictionary was measured).",
        "0 up",
    ),
    "continue": Meaning(
        "Continue",
        "",
        "The language model of this workspace writes on behind the text. Its output becomes a part of the text and is marked in it.",
    ),
    "temperature": Meaning(
        "Temperature",
        "",
        "0 takes the likeliest token each time. Above it tokens are drawn, at 1 as the model rates them, higher more freely.",
        "0 to 1.5",
    ),
    "generation_seed": Meaning("Seed", "", "Of the draws: the same seed writes the same text again. At temperature 0 nothing is drawn."),
    "share_a": Meaning(
        "In A", "% of tokens", "Share of the tokens of text A on which the feature stands out: a bit bursts, a value is not 0."
    ),
    "share_b": Meaning(
        "In B", "% of tokens", "Share of the tokens of text B on which the feature stands out: a bit bursts, a value is not 0."
    ),
    "share_difference": Meaning(
        "A minus B",
        "% of tokens",
        "How much more often the feature stands out in A than in B, in points. No test of significance.",
        "-100 to 100",
    ),
    "count_a": Meaning("Tokens in A", "", "Number of tokens of text A on which it stands out."),
    "count_b": Meaning("Tokens in B", "", "Number of tokens of text B on which it stands out."),
    "in_texts": Meaning("Texts", "", "Texts of the set in which the feature stands out on at least one token."),
    "share": Meaning(
        "Share", "% of tokens", "Share of all tokens of the set on which the feature stands out: its bit bursts, or its value is not 0."
    ),
    "times": Meaning(
        "Times usual", "", "Its share in this set, divided by its density in the corpus: above 1 it belongs to these texts.", "0 up"
    ),
    "set_peak": Meaning(
        "Peak", "", "The feature's greatest magnitude on a token of the set: burstiness for a BAE, value for a sparse autoencoder."
    ),
    "text_number": Meaning("No.", "", "The place of the text in the file, empty ones left out, from 1."),
    "set_text": Meaning("Text", "", "Its first characters. Click to open it."),
    "set_tokens": Meaning("Read", "tokens", "Tokens of the text that are read for features; start token and massive activations are not."),
    "stands_out": Meaning("Stands out", "tokens", "Tokens of the text on which the chosen feature stands out."),
}
