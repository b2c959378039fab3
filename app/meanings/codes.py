"""What the figures of features that fire together mean, and those of where a feature fires."""

from bae.meaning import Meaning

CODES = {
    "frequency": Meaning(
        "How often features fire",
        "% of tokens",
        "Features by the share of the index's tokens on which they fire, or on which they are among the loudest ten. Both axes are "
        "logarithmic. Dense is what fires on more than 10 %, in every dictionary; “never” are features that do not fire at all.",
        source="the paper, Fig. 5",
    ),
    "together": Meaning("Together", "tokens", "Tokens of the index on which both features fire."),
    "by_chance": Meaning(
        "By chance", "tokens", "Tokens on which both would fire if they had nothing to do with each other: the product of their rates."
    ),
    "jaccard": Meaning("Jaccard", "", "Tokens on which both fire, over tokens on which either does.", "0 to 1"),
    "pmi": Meaning(
        "PMI",
        "bits",
        "Pointwise mutual information: log2 of how many times more often than by chance both fire. 0 is chance, 1 is twice as often.",
        "-inf up",
    ),
    "mutual_information": Meaning(
        "Mutual information", "bits", "How much it says of one feature whether the other fires, over all tokens.", "0 to 1"
    ),
    "correlation": Meaning("Correlation", "", "Pearson's correlation of the two bits “fires” (phi).", "-1 to 1"),
    "implies": Meaning("Fires too", "% of its tokens", "Of the tokens on which this feature fires, the share on which the other does."),
    "implied": Meaning(
        "Of the other's", "% of the other's tokens", "Of the tokens on which the other feature fires, the share on which this one does."
    ),
    "surplus": Meaning(
        "Against chance",
        "deviations",
        "How far “together” lies above or below chance, in standard deviations of what chance gives. Beyond 5 either way is no accident.",
    ),
    "token_fired": Meaning("Fires", "tokens", "How often the feature fires on this token."),
    "token_there": Meaning("Of", "tokens", "How often this token stands in the index."),
    "token_share": Meaning("Share", "%", "On which share of its places the feature fires."),
    "position_rate": Meaning(
        "Rate at a position", "% of tokens", "Of the tokens at this position of their sentence, the share it fires on."
    ),
    "document_rate": Meaning("Rate in a document", "% of tokens", "Of the document's tokens in the index, the share it fires on."),
    "query": Meaning(
        "Query",
        "",
        "Features joined by & (and), | (or), ! (not) and brackets: f12 & !f99 & (f7 | f8). A feature of another dictionary is "
        "written with its name: topk:f3. The words and, or, not do the same.",
    ),
    "answer": Meaning(
        "How much of the index",
        "tokens or sentences",
        "Counted over the whole index, start tokens left out. A token whose hidden state is more than ten times longer than usual is shown "
        "to no dictionary: nothing fires on it, and “not” does not hold on it either.",
    ),
    "unit": Meaning(
        "Of tokens or sentences",
        "",
        "Whether the features are to fire on the same token, or anywhere in the same sentence. “Not” then means nowhere in the sentence.",
    ),
}
