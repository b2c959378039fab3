"""What the figures of a sweep of strengths mean."""

from bae.meaning import Meaning

FIXED = "Over the plain texts, each prompt with what the plain model writes behind it, so that both models see the same tokens."
WRITTEN = "Over what the steered model writes, read back by the plain model."
DOSE = {
    "dose_kl": Meaning(
        "KL to plain",
        "nats a token",
        f"KL(steered || plain) of the next token: sum of p log(p / q) over the vocabulary, p of the steered and q of the plain model. "
        f"{FIXED} From the first token on that the push reaches; the mean of prompts.",
        "0 (nothing changed) upwards",
    ),
    "dose_fires": Meaning(
        "Target fires, in the pass",
        "% of tokens",
        f"Share of tokens on which the feature fires while the model is pushed, at its own layer. {FIXED} That the push turns it on says "
        "little by itself: look at the written text too.",
        "0 to 100",
    ),
    "dose_strength": Meaning(
        "Target's strength, in the pass",
        "",
        f"Mean over tokens of how strong it is: the distance of a bit from its threshold (below 0 it is off), else its value. {FIXED}",
    ),
    "dose_written_fires": Meaning(
        "Target fires, in the written text",
        "% of tokens",
        f"Does the text itself show the feature? Share of the written tokens on which it fires when nobody pushes. {WRITTEN}",
        "0 to 100",
    ),
    "dose_written_strength": Meaning(
        "Target's strength, in the written text",
        "",
        f"Mean over written tokens: the distance of a bit from its threshold (below 0 it is off), else its value. {WRITTEN}",
    ),
    "dose_others": Meaning(
        "Other features switched",
        "features a token",
        f"How many other features of the dictionary fire in one pass and not in the other, on a token. {FIXED}",
        "",
        "lower",
    ),
    "dose_later": Meaning(
        "Switched at a later layer",
        "features a token",
        f"The same for a dictionary of a later layer, where the push has gone through more of the model. {FIXED}",
        "",
        "lower",
    ),
    "dose_repeated": Meaning(
        "Repeated 3-grams",
        "%",
        "Of the runs of three tokens in a written text, those that occur in it more than once.",
        "0 to 100",
        "lower",
    ),
    "dose_distinct": Meaning(
        "Distinct-2", "", "Different pairs of neighbouring tokens over all pairs of a written text.", "0 to 1", "higher", "Li et al. 2016"
    ),
    "dose_perplexity": Meaning(
        "Perplexity",
        "",
        f"How surprised the plain model is by the text: exp of the mean of -log q over written tokens, then over prompts. {WRITTEN} A text "
        "that repeats itself has a low one too: look at the 3-grams beside it.",
        "1 upwards",
        "near that of the plain texts",
    ),
    "dose_score": Meaning(
        "Score",
        "",
        "Harmonic mean of effect and fluency. Effect: how much more of the written text shows the feature than plain text does, 1 being "
        "the most that any strength of the sweep did (or how much less, 1 being all of it, where the push is to take it away). Fluency: "
        "plain perplexity over perplexity, at most 1, less for repeated 3-grams beyond those of plain texts.",
        "0 to 1",
        "higher",
    ),
    "dose_best": Meaning(
        "Sweet spot",
        "",
        "The strength with the greatest score among those whose texts show the feature beyond chance (the 95 % interval of the difference "
        "to plain texts, prompt by prompt), have at most 1.5 times the perplexity of plain texts, and at most 20 points more repeated "
        "3-grams. With fewer than 5 prompts none is called one: so few cannot tell an effect from chance.",
    ),
    "dose_moved": Meaning(
        "Length of the push",
        "norms",
        "How far the push moves hidden states at the dictionary's layer, where it moves them: mean length of the change, in lengths of a "
        "usual hidden state of that layer (raw units where that is not known). All ways of steering compare in it. Negative strengths "
        "push the other way and are drawn left of 0.",
    ),
    "dose_interval": Meaning(
        "95 % interval",
        "",
        "Where 95 % of the means lie when prompts are drawn anew from those there are (bootstrap). "
        "Of fewer than 5 prompts it is too narrow to be trusted.",
    ),
    "dose_amounts": Meaning(
        "Strengths",
        "",
        "Numbers with commas between them. Added: lengths of a usual hidden state of the layer. Clamp: the value it is held at, 1 being "
        "on for a bit. Others: share of the whole change, 1 being all of it. 0 is the plain run, which is made in any case.",
    ),
    "dose_prompts": Meaning(
        "Prompts",
        "",
        "One a line. Each counts once in every figure, and intervals are over them: more prompts, narrower. A sweet spot takes at least 5.",
    ),
    "dose_switched": Meaning(
        "Switched",
        "% of tokens",
        "Share of the plain texts' tokens on which the feature fires plain and not steered, or the other way round.",
    ),
    "dose_plain_rate": Meaning("Plain", "% of tokens", "Share of the plain texts' tokens on which it fires when nobody pushes."),
    "dose_steered_rate": Meaning("Steered", "% of tokens", "Share of the same tokens on which it fires while the model is pushed."),
    "dose_estimate": Meaning(
        "Work",
        "",
        "Every point writes a text behind each prompt, reads the plain texts pushed, and reads what it wrote. Texts may end early, so this "
        "is the most.",
    ),
}
