"""What the figures of two dictionaries beside each other mean."""

from bae.meaning import Meaning

MATCHING = {
    "relation": Meaning("Relation", "", "How the feature stands to those of the other dictionary, by the tokens on which they fire."),
    "partner": Meaning(
        "Partner", "", "The feature of the other dictionary with the greatest Jaccard index: that whose firing is most like this one's."
    ),
    "partner_label": Meaning("Its label", "", "The label of the partner, where it has one."),
    "partner_summary": Meaning("Its words", "", "Words that the partner's tokens belong to more often than the corpus's do."),
    "found_one_to_one": Meaning(
        "One to one",
        "features",
        "Each is the other's best partner; at least half of the tokens on which either fires, both fire on; and each is mostly contained "
        "in the other.",
    ),
    "found_split": Meaning(
        "Split",
        "features",
        "Two or more features of the other dictionary are mostly contained in it, and cover half of its tokens together.",
    ),
    "found_merged": Meaning(
        "Merged",
        "features",
        "It is one of two or more features that are mostly contained in one of the other dictionary, and cover half of it together.",
    ),
    "found_absorbed": Meaning(
        "Absorbed", "features", "It is mostly contained in one feature of the other dictionary that fires at least twice as often."
    ),
    "found_unmatched": Meaning("Unmatched", "features", "Nothing in the other dictionary fires on the same tokens by these measures."),
    "found_rare": Meaning("Rare", "features", "Fires on fewer than 10 tokens of the index: too few to compare."),
    "found_silent": Meaning("Silent", "features", "Never fires on the index's text."),
    "mostly": Meaning(
        "Mostly contained",
        "",
        "On at least half of its tokens the other fires too, beyond what chance gives: (share - rate) / (1 - rate) is 0.5 or more, and "
        "the share is at least 5 standard errors above the rate.",
    ),
    "match_chance": Meaning(
        "By chance",
        "features",
        "The same comparison with the other dictionary's tokens shifted by a random number of whole sentences, so that the two are no "
        "longer on the same text. What is found then is chance.",
    ),
    "decoder_cosine": Meaning(
        "Cosine",
        "",
        "Of the directions that the two features write to the hidden state: their rows of W_out, in raw units. 1 is the same direction.",
        "-1 to 1",
    ),
    "nearest_cosine": Meaning(
        "Best cosine", "", "The greatest cosine of its direction with that of any feature of the other dictionary.", "-1 to 1"
    ),
    "best_jaccard": Meaning(
        "Best Jaccard",
        "",
        "Tokens on which both fire, over tokens on which either does: the greatest with any feature of the other.",
        "0 to 1",
    ),
}
