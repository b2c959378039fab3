"""What the curves of a training mean."""

from bae.meaning import Meaning

TRAINING = {
    "run": Meaning("Run", "", "The training of one autoencoder of the recipe, with its colour in the charts."),
    "state": Meaning(
        "State",
        "",
        "How the training stands, read from disk and from the table of processes. A step descends on one batch of hidden states; "
        "steps of all stages are added up, and the rate is that of the process that runs.",
    ),
    "curve_loss": Meaning("Loss", "", "What training minimises, on one batch: the reconstruction and the weighted penalties."),
    "curve_reconstruction": Meaning(
        "Reconstruction",
        "",
        "Mean squared error of an element of the scaled hidden state, on one batch, Eq. (3). Centred and scaled states have variance 1.",
    ),
    "curve_entropy": Meaning(
        "Entropy",
        "bits",
        "Sum of the entropies of all bits, each from its mean over one batch, Eq. (4): what a token costs at most.",
    ),
    "curve_covariance": Meaning(
        "Covariance penalty",
        "",
        "Sum over pairs of bits of |cov|, on one batch, Eq. (4). Independent bits do not give 0: in a finite batch they covary by "
        "chance, and that much is the noise floor. Only what lies above the floor is dependence.",
    ),
    "curve_covariance_floor": Meaning(
        "Noise floor", "", "What the covariance penalty would be if all bits were independent, at the rates and the size of this batch."
    ),
    "curve_excess_density": Meaning(
        "Excess density", "", "Sum over features of how far their firing rate lies above the cap, on one batch."
    ),
    "curve_l0": Meaning("L0", "features a token", "Mean number of features that fire on a token, on one batch."),
    "curve_l1": Meaning("L1", "", "Mean over tokens of the sum of the code's absolute values, on one batch, Eq. (9)."),
    "curve_revival": Meaning("Revival loss", "", "How badly the strongest dead features explain what is left over, as a share of it."),
    "curve_held_out_fvu": Meaning(
        "FVU",
        "",
        "Fraction of variance unexplained on hidden states that train nothing, whenever the state is saved: 0 is perfect, 1 is no "
        "better than the mean. Where a dictionary has no curve, the figure of its checkpoint.",
    ),
}
