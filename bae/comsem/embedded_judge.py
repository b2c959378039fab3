"""The explorer's own language model as a judge: free, offline, and of draft quality.

SmolLM2 with its 135 million parameters cannot say Yes or No: on 144 samples held against 12 descriptions, thirteen forms of prompt
(under the chat template and without, with contextual calibration and without) gave a balanced accuracy of 0.47 to 0.61. So it is
not asked that. What counts is how much more probable the description becomes behind this sample than behind others (Holtzman et
al. 2021, "Surface form competition", with references from the domain as in Fei et al. 2023): 0.83 on the same samples, AUROC 0.96.
Labels are decoded by the same idea (Li et al. 2022, "Contrastive decoding"); plain decoding repeats the examples whatever the words.
"""

import asyncio
import hashlib
import json
import math
import re
import threading
from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from transformers import DynamicCache

from bae.comsem.judge import Answer, Kind, Request, Usage
from bae.comsem.prompts import EXAMPLES, example_sample, read_description
from bae.comsem.samples import Sample, excerpt, quoted, read_shown
from bae.model.language_model import LanguageModel

LOCK = threading.Lock()
"""Held for every question: the model remembers the last one, and that is not for two threads."""

LABEL_TOKENS = 12
"""Longest label, in tokens."""
PLAUSIBLE = 0.1
"""A label goes on only with tokens at least this fraction as probable as the most probable one."""
WORDS_AROUND = 2
"""Words shown on either side of a sample's: with whole sentences it judges the sentence and not the word."""
CANDIDATES = 64
"""Next tokens of a label that are looked through for one that is allowed."""
NOTHING = "N/A"
"""Stands for a word that says nothing: what the model says of it is its habit (Zhao et al. 2021)."""
_NEVER_IN_LABEL = set('"“”„«»`\ufffd')


class EmbeddedJudge:
    """A judge that runs here. Takes the samples from a request and puts them in short forms of its own."""

    draft, paid = True, False

    def __init__(self, model: LanguageModel):
        self.name = model.title
        self.identity = f"embedded {model.fingerprint} {VERSION}"
        self._reader = _Reader(model)
        self._habits: dict[str, float] = {}

    async def ask(self, request: Request) -> Answer:
        """Answer in a thread of its own, one question at a time. `yes` is a probability for single verdicts."""
        return await asyncio.to_thread(self._answer, request)

    async def close(self) -> None:
        """Forget the last question."""
        self._reader.forget()

    def _answer(self, request: Request) -> Answer:
        with LOCK, torch.inference_mode():
            self._reader.usage = Usage()
            text, yes = self._said(request.kind, request.messages[-1][1])
            return Answer(text, yes, self._reader.usage)

    def _said(self, kind: Kind, question: str) -> tuple[str, float | None]:
        """The answer, with the probability of Yes where one verdict was wanted."""
        samples = read_shown(question)
        if kind == "label":
            return self._label(samples), None
        if kind == "intruder":
            return str(self._intruder(samples)), None
        fits = [self._fit(sample, read_description(question)) for sample in samples]
        if kind == "verdicts":
            return json.dumps({str(number): fit > 0.5 for number, fit in enumerate(fits, start=1)}), None
        (yes,) = fits
        return "Yes" if yes > 0.5 else "No", yes

    def _fit(self, sample: Sample, description: str) -> float:
        """The probability that the description was written for this sample and not for one of the references, both equally likely."""
        if description not in self._habits:
            of_references = [self._reader.log_probability(_described(reference), f" {description}\n") for reference in REFERENCES]
            self._habits[description] = float(torch.tensor(of_references).logsumexp(0)) - math.log(len(REFERENCES))
        return _sigmoid(self._reader.log_probability(_described(sample), f" {description}\n") - self._habits[description])

    def _label(self, samples: Sequence[Sample]) -> str:
        """Greedy, one line, without quotes and without the labels that it was shown."""
        question, nothing = _shared([sample.word for sample in samples]), _shared([NOTHING] * len(samples))
        said: list[int] = []
        while len(said) < LABEL_TOKENS:
            token = self._next(said, self._reader.following(question, said), self._reader.following(nothing, said))
            if token is None:
                break
            said.append(token)
        return self._reader.text(said).strip()

    def _next(self, said: list[int], with_words: Float[Tensor, " vocabulary"], without: Float[Tensor, " vocabulary"]) -> int | None:
        """The token that the words make more probable, among the plausible ones; None where the label ends."""
        plausible = with_words >= with_words.max() + math.log(PLAUSIBLE)
        scores = torch.where(plausible, with_words - without, with_words - 1e4)
        for token in scores.topk(min(CANDIDATES, len(scores))).indices.tolist():
            ends = self._reader.ends_line(token)
            if ends and said:
                return None
            text = self._reader.text([*said, token])
            if not ends and token not in said and not _NEVER_IN_LABEL & set(text) and not text.strip().startswith(SHOWN_LABELS):
                return token
        return None

    def _intruder(self, samples: Sequence[Sample]) -> int:
        """The number of the sample whose word the others make least probable, against words that have nothing in common."""
        words = [sample.word for sample in samples]
        fits = []
        for number, word in enumerate(words):
            others = words[:number] + words[number + 1 :]
            fits.append(self._follows(others, word) - self._follows(UNRELATED[: len(others)], word))
        return fits.index(min(fits)) + 1

    def _follows(self, words: Sequence[str], word: str) -> float:
        return self._reader.log_probability(_listed(words) + ', "', quoted(word)[1:])


class _Reader:
    """Reads texts behind a BOS and tells how probable what follows is. What a text shares with the last one is not read again."""

    def __init__(self, model: LanguageModel):
        self.model = model
        self.usage = Usage()
        self._specials = set(model.tokenizer.all_special_ids)
        self.forget()

    def forget(self) -> None:
        """Give back the memory of the last text."""
        self._ids: tuple[int, ...] = ()
        self._states = DynamicCache()

    def text(self, tokens: Sequence[int]) -> str:
        """Tokens as text."""
        return self.model.tokenizer.decode(list(tokens))

    def ends_line(self, token: int) -> bool:
        """Whether a token ends a line or the text."""
        return token in self._specials or "\n" in self.text([token])

    def following(self, text: str, tokens: Sequence[int] = ()) -> Float[Tensor, " vocabulary"]:
        """Log-probabilities of the token after a text and the tokens said since."""
        return self._logprobs((*self.model.tokenize(text).ids, *tokens), last=1)[0]

    def log_probability(self, text: str, continuation: str) -> float:
        """Natural logarithm of the probability that a text goes on like this."""
        whole = self.model.tokenize(text + continuation).ids
        begin = _shared_prefix(self.model.tokenize(text).ids, whole)
        logprobs = self._logprobs(whole[:-1], last=len(whole) - begin)
        return float(logprobs.gather(1, torch.tensor(whole[begin:], device=logprobs.device)[:, None]).sum())

    def _logprobs(self, ids: tuple[int, ...], last: int) -> Float[Tensor, "last vocabulary"]:
        """Log-probabilities of what follows each of the last ids."""
        known = min(_shared_prefix(self._ids, ids), len(ids) - last)
        self._states.crop(known - self._states.get_seq_length())
        unread = torch.tensor([ids[known:]], device=self.model.device)
        logits = self.model.model(input_ids=unread, past_key_values=self._states, use_cache=True, logits_to_keep=last).logits
        self._ids = ids
        self.usage = Usage(self.usage.prompt_tokens + len(ids), self.usage.completion_tokens + 1, self.usage.cached_tokens + known)
        return logits[0].float().log_softmax(-1)


def _shared_prefix(one: Sequence[int], other: Sequence[int]) -> int:
    return next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _sigmoid(log_odds: float) -> float:
    return 1 / (1 + math.exp(-max(min(log_odds, 50.0), -50.0)))


# --- The forms it is shown -----------------------------------------------------------------------------------------------


def _around(sample: Sample) -> str:
    """The word with its neighbours and the signs that stick to them."""
    text, start, end = excerpt(sample)
    before = re.search(rf"(?:\S+\s+){{0,{WORDS_AROUND}}}\S*$", text[:start])[0]
    after = re.match(rf"\S*(?:\s+\S+){{0,{WORDS_AROUND}}}", text[end:])[0]
    return before + text[start:end] + after


def _description_form(sample: Sample) -> str:
    return f"Text: {quoted(_around(sample))}\nWord: {quoted(sample.word)}\nDescription:"


def _listed(words: Iterable[str]) -> str:
    return "Words: " + ", ".join(map(quoted, words))


def _share_form(words: Iterable[str]) -> str:
    return f"{_listed(words)}\nWhat they share:"


_LABELLED = [(list(map(example_sample, example["samples"])), example["answer"]) for example in EXAMPLES["label"]]
_SHOWN = [(samples, answer) for (samples, answer), example in zip(_LABELLED, EXAMPLES["label"], strict=True) if example.get("brief")]
_TRUE = [(example_sample(example), example["description"]) for example in EXAMPLES["verdict"] if example["answer"]]

REFERENCES = [samples[0] for samples, _ in _LABELLED]
"""Samples of all kinds: a description that fits them as well says nothing of the one in question."""
UNRELATED = [sample.word for sample in REFERENCES]
SHOWN_LABELS = tuple(answer for _, answer in _SHOWN)

_DESCRIBED = "".join(f"{_description_form(sample)} {description}\n\n" for sample, description in _TRUE)
_SHARED = "".join(f"{_share_form(sample.word for sample in samples)} {answer}\n\n" for samples, answer in _SHOWN)


def _described(sample: Sample) -> str:
    return _DESCRIBED + _description_form(sample)


def _shared(words: Sequence[str]) -> str:
    return _SHARED + _share_form(words)


_FIXED = [LABEL_TOKENS, PLAUSIBLE, CANDIDATES, _shared([NOTHING]), *map(_described, REFERENCES)]
VERSION = "brief-" + hashlib.sha256(json.dumps(_FIXED).encode()).hexdigest()[:12]
"""Changes with every wording of these forms, as `prompts.VERSION` does with those of large models."""
