"""What the words of the reproduction mean."""

from bae.meaning import Meaning

REPRODUCTION = {
    "reproduction_agrees": Meaning(
        "Agrees",
        "claims",
        "Claims of the paper that our numbers show: with the ranges of seeds apart where seeds were run, or in at least four of five cases "
        "where a claim is about many.",
    ),
    "reproduction_differs": Meaning(
        "Differs", "claims", "Claims of which our numbers show the opposite, or that show in at most half of the cases that they are about."
    ),
    "reproduction_unsaid": Meaning(
        "Cannot be said",
        "claims",
        "Claims that were not measured, that seeds or tests do not tell apart, or that hang on a judge who does not beat its control.",
    ),
    "reproduction_paper": Meaning("Paper", "", "As printed in the paper: Llama 3.2, dictionaries of 8,192 or 12,288 features."),
    "reproduction_ours": Meaning(
        "Ours", "", "Measured by this program at the scale that is told with the item; the mean, and the range over seeds in brackets."
    ),
}
