"""What the figures of the page on compression mean."""

from bae.meaning import Meaning

OWN_ERRORS = "Vectors that are stored as they are, a few massive activations, are left out."
COMPRESSION = {
    "compression_bytes": Meaning(
        "Bytes a vector",
        "bytes",
        "Size over the number of vectors. Of a file: everything in it, its header and prior among it. Of a peer: its rounded numbers.",
        "0 up",
        "lower",
    ),
    "compression_bits": Meaning("Bits a vector", "", "8 times the bytes a vector.", "0 up", "lower"),
    "compression_ratio": Meaning("Of fp16", "%", "Size over that of the same vectors with 2 bytes a number.", "0 up", "lower"),
    "compression_with_model": Meaning(
        "Of fp16, with the model",
        "%",
        "The same with the dictionary counted, two bytes a weight. It is needed once, however many vectors there are: its share falls as "
        "1 over their number. Of peers, the axes, ranges and frequencies are not counted.",
        "0 up",
        "lower",
    ),
    "compression_model": Meaning(
        "With the model",
        "",
        "Draws a ring where the size would be if the dictionary were counted too, at two bytes a weight and for the vectors of this run. "
        "The more vectors, the nearer the ring comes to the point.",
    ),
    "compression_bound": Meaning(
        "Bound",
        "bytes",
        "What the stored bits take at -sum log2 q, q being the probability that the file's prior (count + 1/2) / (n + 1) gives to each. "
        "No code of independent bits under this prior is shorter.",
    ),
    "compression_over_bound": Meaning("File / bound", "", "Size of the file over the bound of its codes.", "1 up", "lower"),
    "compression_positions": Meaning(
        "The paper's positions",
        "bytes",
        "Of every vector a list of the bits that leave their habit, 2 bytes an index, behind their number.",
        source="the paper, Appendix A.5",
    ),
    "compression_threshold": Meaning(
        "Threshold",
        "bits",
        "Only bits whose burstiness log2 |h - prior| is above it are stored. At -1 nothing of the code is lost; at 0 nothing is stored, so "
        "that every vector comes back as the same one.",
        "-1 to 0",
        source="the paper, Appendix A.5",
    ),
    "compression_radial": Meaning(
        "Lengths",
        "",
        "The squared error that a BAE is trained on makes reconstructions too short. One byte a vector mends that: `norm` gives them the "
        "length of the hidden state, `gain` the length, from the mean, of least squared error.",
    ),
    "compression_coding": Meaning(
        "Coding",
        "",
        "How the stored bits are written: at the length of their surprise (asymmetric numeral systems), or as the paper's positions.",
    ),
    "compression_alpha": Meaning(
        "Alpha",
        "",
        "Weight of the entropy in the training of the dictionary, in the units of scaled hidden states: more of it makes shorter codes and "
        "larger errors.",
        source="alpha_e of Eq. (4)",
    ),
    "compression_lost": Meaning(
        "Bits lost",
        "%",
        "Of the bits that leave their habit, those that the threshold leaves out. They come back wrong.",
        "0 to 100",
        "lower",
    ),
    "compression_mse": Meaning(
        "MSE",
        "raw units squared",
        f"Mean squared error over elements, in the units of the raw hidden state. {OWN_ERRORS}",
        "0 up",
        "lower",
    ),
    "compression_fvu": Meaning(
        "FVU", "", f"Squared error over squared distance from the mean of these vectors. {OWN_ERRORS}", "0 up", "lower"
    ),
    "compression_cosine": Meaning(
        "Cosine",
        "",
        f"Of the restored and the original vector, from the origin as in the paper; mean over vectors. {OWN_ERRORS}",
        "-1 to 1",
        "higher",
    ),
    "compression_length": Meaning(
        "Length",
        "",
        f"Of the restored over that of the original vector, mean over vectors. {OWN_ERRORS}",
        "0 up",
        "near 1",
    ),
    "compression_delta_ce": Meaning(
        "Delta-CE",
        "nats a token",
        "What the language model loses when it runs on restored hidden states of the layer: its next-token loss, less its loss as it is.",
        "any; below 0 only by chance",
        "lower",
    ),
    "compression_error": Meaning("Figure", "", "What is drawn upwards."),
    "compression_against": Meaning(
        "Against",
        "",
        "What is drawn to the right. Against layer and alpha, every dictionary stands at the chosen threshold.",
    ),
    "compression_vectors": Meaning(
        "Vectors", "", "Held-out hidden states that go into the file, from the first on. No dictionary was trained on them."
    ),
    "compression_tensor": Meaning("Tensor", "", "The name of the matrix in a .safetensors file that holds several."),
}  # fmt: skip
