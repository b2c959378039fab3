"""What is to be known of the sizes in the paper's Table 3."""

from bae.reproduction.paper import printed

N_BITS, FP16, FP32 = 8192, 2, 4
"""Bits of the paper's BAE, and bytes of a number."""


def bytes_a_number() -> tuple[float, float]:
    """Of what the table calls the size before compression, in the two readings of its digits."""
    told = printed("table3").told
    numbers = told["vectors"] * told["d_model"]
    return told["megabytes_before"] * 1e6 / numbers, told["megabytes_before_otherwise"] * 1e6 / numbers


def fp16_megabytes() -> float:
    """Of the table's vectors as a plain array."""
    told = printed("table3").told
    return FP16 * told["vectors"] * told["d_model"] / 1e6


def model_megabytes() -> float:
    """Of W_in and W_out in fp32, which the sizes after compression hold."""
    return 2 * printed("table3").told["d_model"] * N_BITS * FP32 / 1e6


def size_notes() -> tuple[str, str]:
    """A sentence on the sizes before compression, and one on those after it."""
    table = printed("table3")
    sizes = [f"{table.told[name]:,} MB" for name in ("megabytes_before", "megabytes_before_otherwise")]
    one, other = bytes_a_number()
    return (
        f"The paper's size before compression is {sizes[0]}, or {sizes[1]}: in its text the digits run together with alpha "
        f"(“1e-716713→ 141”). That is {one:.1f} or {other:.1f} bytes a number, where fp16 takes {FP16} ({fp16_megabytes():,.0f} MB): "
        "it is no size of a plain array.",
        f"Of the {table.rows[0]['megabytes']} MB after it, about {model_megabytes():,.0f} are the model in fp32, which is stored once "
        "and not for every set.",
    )
