"""A judge without a language model: how near a label is to a token in its sentence, by the packaged sentence embeddings.

Not a judge that can be asked: it makes no labels and says neither Yes nor No. Its numbers rank a feature's tests.
"""

from collections.abc import Sequence

from bae.comsem.samples import Sample, excerpt
from bae.features import meaning


class EmbeddingJudge:
    """Tells labels from samples by MiniLM alone.

    A sample is the mean of its word's states in the sentence, and a label the usual embedding of a text. Measured on 12 labels
    with 4 samples each against 4 samples of other labels and 4 other words of the same sentences (mean AUROC of both): word in its
    sentence 0.86, word alone 0.82, word with two words on either side 0.73, whole sentence 0.65, for a sentence is much the same
    whichever of its words is meant. Describes what words mean; of a label such as "first word of a sentence" it knows nothing.
    """

    name = meaning.TITLE

    def __init__(self, embedder: meaning.Embedder | None = None):
        self.embedder = embedder or meaning.shared_embedder()

    @property
    def identity(self) -> str:
        """Everything that decides its numbers."""
        return f"{self.name} {self.embedder.fingerprint} word in sentence"

    def similarities(self, label: str, samples: Sequence[Sample]) -> list[float]:
        """Cosine of the label and of each sample, in [-1, 1]; a larger one means that the label fits better."""
        if not samples:
            return []
        words = self.embedder.embed_words([excerpt(sample) for sample in samples])
        cosines = words @ self.embedder.embed([label])[0]
        return [float(cosine) for cosine in cosines.clip(-1, 1)]
