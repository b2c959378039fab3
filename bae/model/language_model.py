"""A causal language model to read from: load it, tokenize a text, take the hidden states of its layers.

Layer l is the Hugging Face `hidden_states` index: 0 the embeddings, l the output of block l; the last one is taken
before the final norm. Reading uses no hooks: a trunk shares the weights of the first blocks. Steering is not done here.
"""

import copy
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from jaxtyping import Float, Int
from jinja2 import TemplateError
from safetensors import SafetensorError
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from bae.model import packaged as packaged_model
from bae.system import products

EMBEDDED = packaged_model.EMBEDDED

READABLE = ("llama", "mistral", "qwen2", "qwen3")
"""Architectures whose model is embeddings, equal blocks with rotary positions, and a final norm, so that a trunk is exact."""


CHAT_DATE = "26 Jul 2024"
"""The date that Llama's chat templates write where they are told none; told to them, so that a prompt is the same on any day."""


class Place(NamedTuple):
    """A state of a block that is not its hidden state: `mlp_input` is what the MLP of block `layer` reads, after its norm."""

    layer: int
    site: str

    def __str__(self) -> str:
        return f"{self.site}.{self.layer}"


RESIDUAL, MLP_INPUT = "residual", "mlp_input"


def place(layer: int, site: str) -> int | Place:
    """Where an autoencoder of this site at this layer reads: the layer itself where it is the hidden state after the block."""
    if site not in (RESIDUAL, MLP_INPUT):
        raise ValueError(f"unknown site {site!r}; there are {RESIDUAL} and {MLP_INPUT}")
    return layer if site == RESIDUAL else Place(layer, site)


class Piece(NamedTuple):
    """A stretch of text that is painted as one: a token, or several byte tokens that share a character."""

    start: int
    end: int
    """Characters `text[start:end]`."""
    first: int
    last: int
    """Tokens `first..last`, both inclusive."""


@dataclass(frozen=True)
class Tokens:
    """A text as the model reads it: a beginning-of-sequence token, then the text."""

    text: str
    """The text that was read, cut where tokens were cut."""
    ids: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    """Characters of every token in `text`; (0, 0) for the BOS."""
    dropped_tokens: int
    """Tokens beyond the limit that was asked for, which were not read."""

    def pieces(self) -> list[Piece]:
        """The stretches to paint, BOS left out. Tokens that overlap (the bytes of an emoji) come as one."""
        pieces: list[Piece] = []
        for position, (start, end) in enumerate(self.spans[1:], start=1):
            if pieces and start < pieces[-1].end:
                previous = pieces.pop()
                pieces.append(Piece(previous.start, max(previous.end, end), previous.first, position))
            else:
                pieces.append(Piece(start, end, position, position))
        return pieces


class LanguageModel:
    """A causal LM with its tokenizer, on one device. Reads are thread-safe; they change nothing."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, name: str, title: str):
        if model.config.model_type not in READABLE:
            raise ValueError(
                f"cannot read the hidden states of a {model.config.model_type!r} model; readable architectures: {', '.join(READABLE)}"
            )
        self.model, self.tokenizer, self.name, self.title = model.eval(), tokenizer, name, title
        self.d_model: int = model.config.hidden_size
        self.n_layers: int = model.config.num_hidden_layers
        self.device: torch.device = model.device
        self._trunks: dict[tuple[int, int, bool], torch.nn.Module] = {}
        products.hasten(model)

    @classmethod
    def load(cls, name: str = EMBEDDED, device: str = "auto") -> "LanguageModel":
        """Load `embedded` (the packaged SmolLM2), a folder, or a hub id such as `meta-llama/Llama-3.2-1B`.

        `device` is auto (cuda, else mps, else cpu) or a torch device. bf16 on CUDA, fp32 elsewhere.
        Raises OSError with what to do when the model cannot be had, ValueError when it cannot be read.
        """
        chosen = best_device() if device == "auto" else torch.device(device)
        dtype = torch.bfloat16 if chosen.type == "cuda" else torch.float32
        source = packaged_model.converted_folder() if name == EMBEDDED else name
        try:
            # code that comes with a model is not run, and nobody is asked whether it may
            model = AutoModelForCausalLM.from_pretrained(source, dtype=dtype, trust_remote_code=False)
            tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
        except (OSError, ValueError, SafetensorError) as error:
            raise OSError(_how_to_get(name, error)) from error
        return cls(model.to(chosen), tokenizer, name, packaged_model.title_of(name))

    @cached_property
    def fingerprint(self) -> str:
        """What tells these weights from others: a hash of every parameter's name, shape and first values, rounded to bf16."""
        digest = hashlib.sha256()
        for name, weight in sorted(self.model.named_parameters()):
            digest.update(f"{name}{tuple(weight.shape)}".encode())
            digest.update(weight.detach().flatten()[:256].to("cpu", torch.bfloat16).view(torch.int16).numpy().tobytes())
        return digest.hexdigest()[:32]

    @property
    def bos_id(self) -> int:
        """The token that every text starts with: the tokenizer's BOS, else its EOS."""
        bos = self.tokenizer.bos_token_id
        return bos if bos is not None else self.tokenizer.eos_token_id

    def tokenize(self, text: str, max_tokens: int | None = None) -> Tokens:
        """The tokens of `text` behind one BOS, with their spans in characters; at most `max_tokens`, BOS included."""
        return self.tokenize_each([text], max_tokens)[0]

    def tokenize_each(self, texts: Sequence[str], max_tokens: int | None = None) -> list[Tokens]:
        """The tokens of several texts, each behind a BOS of its own."""
        if not texts:
            return []
        encoded = self.tokenizer(list(texts), add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        return [
            self._behind_bos(text, ids, spans, max_tokens)
            for text, ids, spans in zip(texts, encoded["input_ids"], encoded["offset_mapping"], strict=True)
        ]

    def _behind_bos(self, text: str, ids: list[int], spans: list[tuple[int, int]], max_tokens: int | None) -> Tokens:
        room = len(ids) if max_tokens is None else max_tokens - 1
        kept = [(token, (start, end)) for token, (start, end) in zip(ids[:room], spans[:room], strict=True)]
        end = max((span[1] for _, span in kept), default=0) if len(ids) > room else len(text)
        return Tokens(
            text=text[:end],
            ids=(self.bos_id, *(token for token, _ in kept)),
            spans=((0, 0), *(span for _, span in kept)),
            dropped_tokens=len(ids) - len(kept),
        )

    def token_text(self, token: int) -> str:
        """A token as a person reads it, with its leading space."""
        return self.tokenizer.decode([token])

    @property
    def has_chat(self) -> bool:
        """Whether the tokenizer knows how a conversation is written."""
        return self.tokenizer.chat_template is not None

    def chat_prompt(self, text: str, system: str | None = None) -> str:
        """A conversation that begins with the message `text`, up to where the model answers. `system` takes the place of the
        template's own instruction, where it has one.

        Without the BOS, which `tokenize` adds: its tokens are those of the template. The marks of the template are text here, and so
        would those be that a message holds, so such messages are refused. Raises ValueError for them, and for a model without chat.
        """
        if not self.has_chat:
            raise ValueError(f"{self.title} has no chat template, so it was not made for conversations; give it a text to go on with")
        for message in (text, system or ""):
            if marks := sorted(mark for mark in self._marks() if mark in message):
                raise ValueError(f"a message may not hold {marks[0]}, which marks parts of a conversation for {self.title}")
        told = [] if system is None else [{"role": "system", "content": system}]
        conversation = [*told, {"role": "user", "content": text}]
        try:
            prompt = self.tokenizer.apply_chat_template(conversation, tokenize=False, add_generation_prompt=True, date_string=CHAT_DATE)
        except TemplateError as error:
            raise ValueError(f"the chat template of {self.title} cannot write this conversation: {error}") from error
        return prompt.removeprefix(self.token_text(self.bos_id))

    def _marks(self) -> list[str]:
        """The texts that the tokenizer reads as special tokens wherever they stand."""
        return [token.content for token in self.tokenizer.added_tokens_decoder.values() if token.special and token.content]

    @torch.inference_mode()
    def hidden_states(
        self, ids: Int[Tensor, "context token"], layers: Sequence[int | Place], mask: Int[Tensor, "context token"] | None = None
    ) -> dict[int | Place, Float[Tensor, "context token d_model"]]:
        """The residual stream after each of `layers`, bit-identical to the library's own `output_hidden_states`; the state at a `Place`.

        `mask` marks real tokens of right-padded contexts. Raises ValueError for a layer outside 0..n_layers.
        """
        numbers = {where.layer if isinstance(where, Place) else where for where in layers}
        wrong = sorted(number for number in numbers if not 0 <= number <= self.n_layers)
        if wrong:
            raise ValueError(f"{self.title} has layers 0 to {self.n_layers}; got {wrong}")
        if Place(0, MLP_INPUT) in layers:
            raise ValueError("layer 0 is the embeddings, which have no MLP; a Transcoder reads layer 1 or above")
        states = self.model.model.embed_tokens(ids.to(self.device))
        mask = None if mask is None else mask.to(self.device)
        found: dict[int | Place, Tensor] = {}
        begin = 0
        for layer in sorted(numbers):
            mlp_input = Place(layer, MLP_INPUT)
            if layer > begin:
                trunk = self._trunk(begin, layer, mlp_input in layers)
                states = trunk(inputs_embeds=states, attention_mask=mask, use_cache=False).last_hidden_state
            if mlp_input in layers:
                found[mlp_input], states = (part.contiguous() for part in states.chunk(2, dim=-1))
            found[layer], begin = states, layer
        return {where: state for where, state in found.items() if where in layers}

    @torch.inference_mode()
    def continued(
        self, states: Float[Tensor, "context token d_model"], layer: int, mask: Int[Tensor, "context token"] | None = None
    ) -> Float[Tensor, "context token vocabulary"]:
        """The logits that follow from hidden states after block `layer`, the blocks above run on them."""
        whole, mask = self.model.model, None if mask is None else mask.to(self.device)
        if layer < self.n_layers:
            states = self._trunk(layer, self.n_layers)(inputs_embeds=states, attention_mask=mask, use_cache=False).last_hidden_state
        return self.model.lm_head(whole.norm(states))

    def _trunk(self, begin: int, end: int, with_mlp_input: bool = False) -> torch.nn.Module:
        """Blocks begin..end of the model as a model of its own without a final norm. Shares the weights, adds none."""
        key = (begin, end, with_mlp_input)
        if key not in self._trunks:
            whole = self.model.model
            config = copy.deepcopy(whole.config)
            config.num_hidden_layers = end - begin
            if getattr(config, "layer_types", None):
                config.layer_types = config.layer_types[begin:end]
            with torch.device("meta"):
                trunk = type(whole)(config)
            trunk.embed_tokens, trunk.rotary_emb, trunk.norm = whole.embed_tokens, whole.rotary_emb, torch.nn.Identity()
            blocks = list(whole.layers[begin:end])
            trunk.layers = torch.nn.ModuleList([*blocks[:-1], _BothStates(blocks[-1])] if with_mlp_input else blocks)
            self._trunks[key] = trunk.eval()
        return self._trunks[key]


class _Block(Protocol):
    """What the blocks of all readable architectures are made of."""

    input_layernorm: Callable[[Tensor], Tensor]
    self_attn: Callable[..., tuple[Tensor, Tensor | None]]
    post_attention_layernorm: Callable[[Tensor], Tensor]
    mlp: Callable[[Tensor], Tensor]


class _BothStates(torch.nn.Module):
    """A trunk's last block, which returns what its MLP reads beside its output, one after the other in the last dimension."""

    def __init__(self, block: _Block):
        super().__init__()
        self.block = block

    def forward(self, hidden_states: Tensor, **context: Any) -> Tensor:
        attended, _ = self.block.self_attn(hidden_states=self.block.input_layernorm(hidden_states), **context)
        hidden_states = hidden_states + attended
        mlp_input = self.block.post_attention_layernorm(hidden_states)
        return torch.cat([mlp_input, hidden_states + self.block.mlp(mlp_input)], dim=-1)


def best_device() -> torch.device:
    """cuda where there is one, else mps, else cpu."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _how_to_get(name: str, error: Exception) -> str:
    if Path(name).is_dir():
        return (
            f"the folder {name} holds no model that transformers can load ({str(error).splitlines()[0]}); "
            "it needs config.json, tokenizer files and whole weights"
        )
    return (
        f"could not get the model {name!r}: {str(error).splitlines()[0]} "
        "If it is gated, ask for access on its page and run `hf auth login`; if this machine is offline, "
        "give a folder that holds config.json, the tokenizer and the weights, or leave MODEL out for the packaged model."
    )
