"""A language model for every test that needs one: random weights, Llama 3.2's kind of config, a tokenizer trained on the spot."""

import json
import random
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from bae.model.language_model import LanguageModel

BOS, EOS = "<|begin_of_text|>", "<|end_of_text|>"
WORDS = [
    "sea",
    "harbor",
    "naval",
    "ship",
    "vote",
    "senate",
    "bill",
    "law",
    "film",
    "actor",
    "scene",
    "plot",
    "river",
    "stone",
    "bread",
    "winter",
    "light",
    "garden",
    "money",
    "letter",
]


def prose(seed: int, sentences: int = 6) -> str:
    """Made-up sentences, the same for a seed."""
    draw = random.Random(seed)
    return " ".join(" ".join(draw.choices(WORDS, k=draw.randint(4, 14))).capitalize() + "." for _ in range(sentences))


def write_jsonl(path: Path, texts: list[str]) -> Path:
    """A corpus of one document a text."""
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    return path


def train_tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE that, like Llama 3's, puts a BOS before every text by itself."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500, special_tokens=[BOS, EOS], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator((prose(seed) for seed in range(50)), trainer)
    tokenizer.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(single=f"{BOS} $A", special_tokens=[(BOS, tokenizer.token_to_id(BOS))]),
        ]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=BOS, eos_token=EOS)


def save_tiny_llama(folder: Path) -> Path:
    """A random Llama of 4 blocks: llama3 rope scaling, grouped-query attention, tied embeddings."""
    tokenizer = train_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        rope_theta=500_000.0,
        rope_scaling={
            "rope_type": "llama3",
            "factor": 32.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 128,
        },
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        initializer_range=0.2,  # with the usual 0.02 all blocks would be near the identity, and a wrong layer hard to tell
    )
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory) -> Path:
    """That of `save_tiny_llama`, saved once."""
    return save_tiny_llama(tmp_path_factory.mktemp("models") / "tiny-llama")


@pytest.fixture(scope="session")
def tiny_model(tiny_llama) -> LanguageModel:
    """The same, loaded."""
    return LanguageModel.load(str(tiny_llama), device="cpu")
