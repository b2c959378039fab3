"""What the figures of the movie-review experiment mean."""

from bae.meaning import Meaning

REVIEWS = "% of the tested reviews"
MOVIES = {
    "movie_vocabulary": Meaning(
        "Whole vocabulary",
        REVIEWS,
        "A review counts as right where the likeliest next token, of all that the model knows, is its label: “ positive” or “ negative”.",
        "0 to 100 %",
        "higher",
        "Fig. 6 of the paper",
    ),
    "movie_labels": Meaning(
        "Two labels",
        REVIEWS,
        "A review counts as right where its label is likelier than the other label, whatever else the model would rather say.",
        "0 to 100 %; always saying one label scores near 50 %",
        "higher",
    ),
    "movie_norms": Meaning(
        "Length",
        "norms",
        "How long the direction is at strength 1, in lengths (root mean square) of the hidden states that it is added to.",
    ),
    "movie_cosine": Meaning(
        "Along the means",
        "cosine",
        "Cosine of the direction with the difference of means, which leads from the mean hidden state without demonstrations to that with.",
        "-1 to 1; near 0 for directions drawn at random",
    ),
    "movie_best": Meaning(
        "Best at",
        "times the direction",
        "The strength of the highest accuracy, the lowest where several tie. It was picked on the tested reviews themselves. At strength 0 "
        "the model is as it is.",
        "0 to 3 in the paper",
        "",
        "gamma in section 5.4 of the paper",
    ),
    "movie_accuracy": Meaning("Accuracy", REVIEWS, "Share that is right at the best strength; over draws, their mean."),
    "movie_interval": Meaning(
        "95 % interval",
        REVIEWS,
        "Wilson's interval of this accuracy alone. It does not know that the best of many strengths was picked. Of what was drawn several "
        "times: the lowest and the highest draw.",
    ),
    "movie_gain": Meaning("Over no steering", "percentage points", "Accuracy at the best strength less that of the model as it is."),
    "movie_joint": Meaning(
        "How it is told",
        "",
        "“Above it”: its best strength has more reviews right than the other has at any strength, in every draw, by more than chance "
        "gives. The best of many strengths, picked on the reviews it is tested on, looks better than it is; so 5 % of error are shared "
        "among all strengths and comparisons (Bonferroni). What is not told apart may still differ: the rule is cautious.",
    ),
    "movie_samples": Meaning(
        "Reviews",
        "",
        "Movie reviews that the direction is read from, once behind 8 demonstrations and once without; as many others are tested. None of "
        "them is among the demonstrations, and no dictionary was trained on any of them.",
    ),
}
