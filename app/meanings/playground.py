"""What the settings and figures of the playground mean."""

from bae.meaning import Meaning

PLAYGROUND = {
    "playground": Meaning(
        "Playground",
        "",
        "The model goes on with a prompt twice: by itself, and while features of its hidden states are pushed. Nothing of the model is "
        "changed for good, and nothing of one run is left for the next.",
    ),
    "system_line": Meaning(
        "System line", "", "Tells the model who it is to be, before your message. Empty leaves the instruction of its chat template."
    ),
    "steer_find": Meaning(
        "Steer a feature",
        "",
        "A word looks through labels and distinctive words, or their meaning; a number names a feature; bae:12, bae:12:add:0.5 and the "
        "address of a feature's page or of this one are taken as they are. Enter searches.",
    ),
    "steer_examples": Meaning(
        "A direction from examples",
        "",
        "What the hidden states of the first texts have and those of the second lack (section 5.4 of the paper). At strength 1 it is "
        "added as it is.",
    ),
    "steer_method": Meaning(
        "Direction",
        "",
        "Features: mean code of the first texts less that of the second, the 256 greatest kept, times their rows of W_out. Signs: the same "
        "with only the signs of these. Difference of means: of hidden states, without a dictionary. The random ones are controls of "
        "equal length.",
    ),
    "steer_at": Meaning("Read at", "", "The token of each example whose hidden state is taken: the last, or the mean over all of them."),
    "steer_add": Meaning(
        "Add, in norms",
        "lengths of a usual hidden state",
        "Adds the feature's row of W_out, brought to this length, to the hidden states of its layer. 1 is a push as long as a usual hidden "
        "state (root mean square over the text that the dictionary was trained on), so strengths compare between features and layers.",
    ),
    "steer_raw": Meaning("Add, raw", "rows", "Adds the feature's row of W_out, its scaling undone, this many times."),
    "steer_clamp": Meaning(
        "Clamp to",
        "values of the feature",
        "Brings the feature to this value at every token, whatever it was; what the dictionary does not reconstruct stays. The slider ends "
        "at 1 for a bit, and at what an SAE's feature exceeds on 0.1 % of the tokens of the index on which it fires.",
    ),
    "steer_ablate": Meaning("Ablate", "share", "Takes the feature out wherever it fires: 1 takes all of it, 0.5 half."),
    "steer_project": Meaning(
        "Project out", "share", "Takes out what points along the feature's row, whether the feature fires or not: 1 takes all of it."
    ),
    "steer_flip": Meaning("Flip", "share", "Turns the feature's bits round: on where they are off, off where they are on."),
    "steer_set": Meaning("Set", "share", "Turns the feature's bits on where they are off."),
    "steer_clear": Meaning("Clear", "share", "Turns the feature's bits off where they are on."),
    "steer_gamma": Meaning("Strength", "times the direction", "1 adds the direction as the examples give it; the paper goes from 0 to 3."),
    "steer_positions": Meaning(
        "Where",
        "",
        "At which tokens: all, those of the prompt, those that are written, or the prompt's last. Never at the start token, nor at tokens "
        "that the dictionary leaves out because of their length.",
    ),
    "steer_tokens": Meaning(
        "Tokens to write", "tokens", "At most so many; the model may end its text before. The administrator sets the limit."
    ),
    "steer_temperature": Meaning(
        "Temperature",
        "",
        "0 takes the likeliest token each time. Above it tokens are drawn, at 1 as the model rates them, higher more freely.",
        "0 to 2",
    ),
    "frequency_penalty": Meaning(
        "Frequency penalty",
        "",
        "What a token's logit loses for every time that it was written already (OpenAI's): above 0 keeps the model from repeating itself.",
        "-2 to 2",
    ),
    "steer_link": Meaning(
        "Link",
        "",
        "Opens this page with all that is set here, in any browser that reaches this server, and writes at once: the same texts. Prompts "
        "go as ids that cannot be guessed; the texts stay in the workspace.",
    ),
    "side_plain": Meaning("Plain", "", "What the model writes by itself."),
    "side_steered": Meaning("Steered", "", "What the model writes while what is chosen above is pushed."),
    "side_prompted": Meaning(
        "Prompted",
        "",
        "What the model writes unsteered when your instruction stands before the prompt: the baseline that steering is to be held against.",
    ),
    "other_settings": Meaning("Of other settings", "", "Something was changed since this was written. Write makes it anew."),
    "next_tokens": Meaning(
        "Next token",
        "",
        "How likely each token is right behind the prompt, plain and steered, before temperature and penalty. It does not depend on what "
        "was drawn. Where only written tokens are pushed, both are the same.",
    ),
    "next_token": Meaning("Token", "", "As it stands in the vocabulary; ␣ is a space before it."),
    "plain_share": Meaning("Plain", "%", "Its probability of being the next token, unsteered.", "0 to 100"),
    "steered_share": Meaning("Steered", "%", "Its probability of being the next token, steered.", "0 to 100"),
    "plain_logprob": Meaning("Plain, log", "nats", "Natural logarithm of its probability, unsteered.", "at most 0"),
    "steered_logprob": Meaning("Steered, log", "nats", "Natural logarithm of its probability, steered.", "at most 0"),
    "logprob_change": Meaning("Change", "nats", "Steered less plain: above 0 steering makes it likelier."),
}
