"""What the figures of the heat maps mean."""

from bae.meaning import Meaning

HEAT = {
    "heat": Meaning(
        "Magnitude",
        "",
        "How loud a channel is on a token: burstiness in bits for a BAE (0 is a rare bit that fires; -10 and below are drawn alike), the "
        "value for a sparse autoencoder. A cell that covers several shows the mean over its tokens of the "
        "loudest of its channels.",
        source="the paper, Fig. 35 to 38",
    ),
    "stripes": Meaning(
        "Stripes",
        "",
        "Channels that leave their habit most often stand as vertical lines: the densest first. A dictionary is better without them.",
    ),
    "heat_moving": Meaning(
        "What is drawn",
        "",
        "Tokens are numbered through the corpus. Draw a box on a map to look closer. From 60 tokens and 120 features down, a cell is one "
        "token and one feature: click it to see its sentence.",
    ),
}
