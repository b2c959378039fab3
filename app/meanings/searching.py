"""What the figures of search results mean."""

from bae.meaning import Meaning

SEARCHING = {
    "search_how": Meaning(
        "How to search",
        "",
        "By meaning: labels and words that mean something near. By words: what labels and distinctive words contain. In sentences: what "
        "fires where a text stands in the corpus. By promoted token: what makes the model say it. By example: what fires in some texts "
        "and not in others.",
    ),
    "search_expression": Meaning(
        "Regular expression",
        "",
        "What is typed is a pattern (RE2): \\bsea\\b is the word alone, (Spain|France) either, [0-9]+ digits.",
    ),
    "search_case": Meaning("Match case", "", "Tells capital letters from small ones."),
    "found_in": Meaning("Dictionary", "", "The dictionary that the feature is of."),
    "why_found": Meaning("Found by", "", "What in the feature was found: its label, or which of its distinctive words."),
    "matched_share": Meaning(
        "Of the matches", "% of matched tokens", "Of the tokens that were found, the share on which the feature fires."
    ),
    "own_share": Meaning(
        "Of its tokens", "% of its tokens", "Of all tokens on which the feature fires, the share that was found. 100 % fires nowhere else."
    ),
    "specific": Meaning(
        "Specific",
        "",
        "How much more the odds of firing are where it was found than elsewhere: the lower end of the 95 % interval of the log-odds "
        "(natural logarithm, 1/2 added to every count). 0 is no more than elsewhere, 2.3 is ten times the odds.",
        "above 0",
        "higher",
    ),
    "promotes": Meaning(
        "Promotes",
        "deviations",
        "How far the feature's direction raises the token's logit (logit lens), in standard deviations over the vocabulary.",
    ),
    "lines_a": Meaning("In the first", "% of lines", "Share of the first side's lines in which the feature fires."),
    "lines_b": Meaning("In the second", "% of lines", "Share of the second side's lines in which the feature fires."),
    "tokens_a": Meaning("Tokens, first", "% of tokens", "Mean over the first side's lines of the share of their tokens it fires on."),
    "tokens_b": Meaning("Tokens, second", "% of tokens", "Mean over the second side's lines of the share of their tokens it fires on."),
    "cohens_h": Meaning(
        "Effect h",
        "",
        "Cohen's h: 2 asin sqrt(share in the first) - 2 asin sqrt(share in the second). 0.2 is small, 0.5 medium, 0.8 large; above 0 it "
        "fires in more of the first side's lines.",
        "-3.14 to 3.14",
    ),
    "family_p": Meaning(
        "p, all features",
        "",
        "How often lines dealt to the two sides at random give any feature of all that are compared so large an effect, either way: "
        "holds for all features at once (family-wise; permutations of the lines, maximum over features). Below 0.05 it is hardly chance.",
        "0 to 1",
        "lower",
    ),
}
