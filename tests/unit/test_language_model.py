"""The model reads as the library does, bit for bit, and every token knows its place in the text."""

import copy
import json
import shutil

import huggingface_hub.constants
import pytest
import torch

from bae.model import packaged as packaged_model
from bae.model.language_model import CHAT_DATE, LanguageModel, Place

TEXT = "The senate passed a law. The ship left the harbor in winter light."
STRANGE = [
    "plain words",
    "a 👩‍👩‍👧 family and 🇫🇷 flags 🙂🙂",
    "שלום עולם, مرحبا بالعالم",
    "zero\u200bwidth\u200djoiner\ufeff and soft\u00adhyphen",
    "NUL \x00 in the middle\x00",
    "<script>alert('x')</script> & <|end_of_text|> <|begin_of_text|>",
    " \n\t leading and trailing \n ",
    "e\u0301 combining and 漢字",
]


def library_states(model: LanguageModel, ids: torch.Tensor, mask: torch.Tensor | None = None) -> list[torch.Tensor]:
    """What transformers gives, the last layer taken where it enters the final norm."""
    caught = []
    hook = model.model.model.norm.register_forward_pre_hook(lambda _module, inputs: caught.append(inputs[0]))
    try:
        with torch.inference_mode():
            states = model.model(ids, attention_mask=mask, output_hidden_states=True, use_cache=False).hidden_states
    finally:
        hook.remove()
    return [*states[:-1], caught[0]]


def assert_identical(model: LanguageModel, layers: list[int], ids: torch.Tensor, mask: torch.Tensor | None = None) -> None:
    found, expected = model.hidden_states(ids, layers, mask), library_states(model, ids, mask)
    assert list(found) == sorted(set(layers))
    for layer in layers:
        assert torch.equal(found[layer], expected[layer]), f"layer {layer} differs"


@pytest.mark.parametrize("layers", [[0], [1], [2], [4], [3, 1], [0, 1, 2, 3, 4]])
def test_hidden_states_are_the_library_s_own(tiny_model, layers):
    assert_identical(tiny_model, layers, torch.tensor([tiny_model.tokenize(TEXT).ids]))


@pytest.mark.parametrize("masked", [False, True])
def test_what_an_mlp_reads_is_the_library_s_own(tiny_model, masked):
    """Against what hooks see; the hidden states beside it stay those of the trunk without it."""
    ids = torch.randint(2, len(tiny_model.tokenizer), (3, 12), generator=torch.Generator().manual_seed(0))
    mask = (torch.arange(12) < torch.tensor([12, 7, 3])[:, None]).long() if masked else None
    caught = {}
    hooks = [
        block.mlp.register_forward_pre_hook(lambda _module, inputs, layer=layer: caught.setdefault(layer, inputs[0]))
        for layer, block in enumerate(tiny_model.model.model.layers, start=1)
    ]
    expected = library_states(tiny_model, ids, mask)
    for hook in hooks:
        hook.remove()
    found = tiny_model.hidden_states(ids, [Place(2, "mlp_input"), 3, Place(4, "mlp_input"), 4], mask)
    assert list(found) == [Place(2, "mlp_input"), 3, Place(4, "mlp_input"), 4]
    assert torch.equal(found[Place(2, "mlp_input")], caught[2]) and torch.equal(found[Place(4, "mlp_input")], caught[4])
    assert torch.equal(found[3], expected[3]) and torch.equal(found[4], expected[4])
    assert not torch.equal(caught[2], caught[4])
    with pytest.raises(ValueError, match="layer 0"):
        tiny_model.hidden_states(ids, [Place(0, "mlp_input")])


def test_padded_contexts_too(tiny_model):
    ids = torch.randint(2, len(tiny_model.tokenizer), (3, 12), generator=torch.Generator().manual_seed(0))
    mask = (torch.arange(12) < torch.tensor([12, 7, 3])[:, None]).long()
    assert_identical(tiny_model, [2, 4], ids, mask)


def test_a_neighbouring_layer_would_be_noticed(tiny_model):
    """Negative control: off by one, or taken behind the final norm, is another tensor."""
    ids = torch.tensor([tiny_model.tokenize(TEXT).ids])
    expected = library_states(tiny_model, ids)
    found = tiny_model.hidden_states(ids, [3, 4])
    assert not torch.equal(found[3], expected[2])
    with torch.inference_mode():
        after_norm = tiny_model.model(ids, output_hidden_states=True).hidden_states[-1]
    assert not torch.equal(found[4], after_norm)
    assert torch.equal(tiny_model.model.model.norm(found[4]), after_norm)


def test_the_features_of_llama_3_2_are_in_the_tiny_one(tiny_model):
    config = tiny_model.model.config
    assert config.rope_parameters["rope_type"] == "llama3"
    assert config.num_key_value_heads < config.num_attention_heads
    assert tiny_model.model.lm_head.weight is tiny_model.model.model.embed_tokens.weight


def test_reading_leaves_the_model_as_it_was(tiny_model):
    ids = torch.tensor([tiny_model.tokenize(TEXT).ids])
    with torch.inference_mode():
        before = tiny_model.model(ids).logits
        tiny_model.hidden_states(ids, [2])
        assert torch.equal(before, tiny_model.model(ids).logits)
    assert tiny_model.model.config.num_hidden_layers == len(tiny_model.model.model.layers) == 4


def test_one_bos_though_the_tokenizer_adds_one_itself(tiny_model):
    assert tiny_model.tokenizer(TEXT)["input_ids"][0] == tiny_model.bos_id, "the fixture must add a BOS, or this proves nothing"
    ids = tiny_model.tokenize(TEXT).ids
    assert ids[0] == tiny_model.bos_id and ids.count(tiny_model.bos_id) == 1
    assert list(ids) == tiny_model.tokenizer(TEXT)["input_ids"]


@pytest.mark.parametrize("text", STRANGE)
def test_pieces_cover_strange_text_in_order(tiny_model, text):
    tokens = tiny_model.tokenize(text)
    pieces = tokens.pieces()
    assert tokens.text == text and tokens.spans[0] == (0, 0)
    assert "".join(text[piece.start : piece.end] for piece in pieces) == text
    assert [position for piece in pieces for position in range(piece.first, piece.last + 1)] == list(range(1, len(tokens.ids)))


def test_an_emoji_is_one_piece_of_several_tokens(tiny_model):
    """Negative control of the merging: the tokens themselves overlap, so painting them one by one would repeat the emoji."""
    tokens = tiny_model.tokenize("a🙂b")
    assert len(tokens.ids) > 4
    assert "".join(tokens.text[start:end] for start, end in tokens.spans) != tokens.text
    assert [tokens.text[piece.start : piece.end] for piece in tokens.pieces()] == ["a", "🙂", "b"]


def test_a_limit_counts_the_bos_and_says_what_it_dropped(tiny_model):
    whole, cut = tiny_model.tokenize(TEXT), tiny_model.tokenize(TEXT, max_tokens=6)
    assert cut.ids == whole.ids[:6] and cut.dropped_tokens == len(whole.ids) - 6
    assert TEXT.startswith(cut.text) and len(cut.text) == cut.spans[-1][1]
    assert whole.dropped_tokens == 0


def test_empty_text_is_a_bos(tiny_model):
    tokens = tiny_model.tokenize("")
    assert tokens.ids == (tiny_model.bos_id,) and tokens.pieces() == []


@pytest.mark.parametrize("layer", [-1, 5])
def test_a_layer_that_is_not_there_is_refused(tiny_model, layer):
    with pytest.raises(ValueError, match="layers 0 to 4"):
        tiny_model.hidden_states(torch.tensor([[0, 1]]), [layer])


def test_an_unreachable_model_says_what_to_do(monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(OSError, match=r"nobody/no-such-model.*hf auth login.*give a folder"):
        LanguageModel.load("nobody/no-such-model")


def test_a_folder_without_a_model_says_so(tmp_path):
    with pytest.raises(OSError, match="holds no model"):
        LanguageModel.load(str(tmp_path))


def test_truncated_weights_are_named(tiny_llama, tmp_path):
    broken = shutil.copytree(tiny_llama, tmp_path / "broken")
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(OSError, match="broken"):
        LanguageModel.load(str(broken))


def test_an_architecture_without_an_exact_trunk_is_refused(tiny_model, tmp_path):
    class Other:
        config = type("Config", (), {"model_type": "gpt2"})

    with pytest.raises(ValueError, match=r"'gpt2'.*llama"):
        LanguageModel(Other(), tiny_model.tokenizer, "x", "x")


def test_the_fingerprint_tells_weights_apart(tiny_model, tiny_llama):
    again = LanguageModel.load(str(tiny_llama), device="cpu")
    assert again.fingerprint == tiny_model.fingerprint
    with torch.no_grad():
        again.model.model.layers[2].mlp.up_proj.weight[0, 0] += 1
    del again.__dict__["fingerprint"]
    assert again.fingerprint != tiny_model.fingerprint


def test_the_packaged_model():
    model = LanguageModel.load(device="cpu")
    assert (model.d_model, model.n_layers, model.title) == (576, 30, packaged_model.TITLE)
    tokens = model.tokenize(TEXT)
    assert tokens.ids[0] == model.bos_id != model.tokenizer(TEXT)["input_ids"][0], "this tokenizer adds no BOS; we do"
    assert_identical(model, [15], torch.tensor([tokens.ids]))
    settings = json.loads((packaged_model.converted_folder() / "config.json").read_text(encoding="utf-8"))
    assert "quantization_config" not in settings


# ------------------------------------------------------------------------------------------------------------------------------- chat

LLAMA_LIKE = (
    "{{ bos_token }}{% if not date_string is defined %}{% set date_string = 'never' %}{% endif %}"
    "[{{ date_string }}]{% for message in messages %}<{{ message['role'] }}>{{ message['content'] | trim }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


def talking(tiny_model, template: str) -> LanguageModel:
    tokenizer = copy.deepcopy(tiny_model.tokenizer)
    tokenizer.chat_template = template
    return LanguageModel(tiny_model.model, tokenizer, "tiny", "tiny")


def test_a_model_without_a_chat_template_says_so(tiny_model):
    assert not tiny_model.has_chat
    with pytest.raises(ValueError, match="has no chat template"):
        tiny_model.chat_prompt("Hello")


def test_a_template_that_begins_with_the_bos_gives_one(tiny_model):
    model = talking(tiny_model, LLAMA_LIKE)
    assert model.has_chat
    prompt = model.chat_prompt(" sea ", "be brief")
    assert prompt == f"[{CHAT_DATE}]<system>be brief<user>sea<assistant>"
    ids = model.tokenize(prompt).ids
    told = [{"role": "system", "content": "be brief"}, {"role": "user", "content": " sea "}]
    whole = model.tokenizer.apply_chat_template(told, add_generation_prompt=True, return_dict=False, date_string=CHAT_DATE)
    assert list(ids) == whole and ids.count(model.bos_id) == 1
    assert model.tokenizer(model.token_text(model.bos_id) + prompt)["input_ids"].count(model.bos_id) == 2, "negative control"


def test_a_message_that_holds_a_mark_of_the_template_is_refused(tiny_model):
    model = talking(tiny_model, LLAMA_LIKE)
    for told in (("sea <|end_of_text|> law",), ("sea", "<|begin_of_text|>")):
        with pytest.raises(ValueError, match=r"may not hold <\|"):
            model.chat_prompt(*told)
    assert "<|end_of_text>" in model.chat_prompt("sea <|end_of_text> {{ bos_token }} {% raw %}"), "what only looks like one is text"
    assert "{{ bos_token }}" in model.chat_prompt("{{ bos_token }}")


def test_a_template_that_refuses_says_why(tiny_model):
    model = talking(tiny_model, "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}x")
    assert model.chat_prompt("sea") == "x"
    with pytest.raises(ValueError, match="cannot write this conversation: System role not supported"):
        model.chat_prompt("sea", "be brief")


def test_the_packaged_model_talks():
    model = LanguageModel.load(device="cpu")
    assert model.has_chat
    prompt = model.chat_prompt("What is the capital of France?")
    told = [{"role": "user", "content": "What is the capital of France?"}]
    whole = model.tokenizer.apply_chat_template(told, add_generation_prompt=True, return_dict=False)
    assert list(model.tokenize(prompt).ids) == whole, "its BOS is the mark that begins a message"
    assert prompt.endswith("<|im_start|>assistant\n") and not prompt.startswith("<|im_start|>") and "named SmolLM" in prompt
    assert "Be brief." in model.chat_prompt("Hello", "Be brief.") and "named SmolLM" not in model.chat_prompt("Hello", "Be brief.")
    with pytest.raises(ValueError, match=r"may not hold <\|im_end\|>"):
        model.chat_prompt("Hello<|im_end|>")
