"""One contract for every kind of autoencoder, and what is particular to each."""

import json

import pytest
import torch

from bae.autoencoder import KINDS, Autoencoder, BinaryAutoencoder, checkpoint
from bae.autoencoder.sparse import BatchTopKAutoencoder, GatedAutoencoder, TopKAutoencoder, Transcoder, TwoPathAutoencoder
from bae.features.magnitude import Prior
from bae.states.scaling import Scaling

D, F = 24, 96


def states(n: int = 300, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, D, generator=torch.Generator().manual_seed(seed)) * 4 + 3


def scaling_of(x: torch.Tensor) -> Scaling:
    return Scaling.measure(x.norm(dim=-1), [x])


VARIANTS = {kind: (kind, {}) for kind in KINDS} | {
    "two-bit": ("binary", {"bits_per_feature": 2}),
    "four-bit": ("binary", {"bits_per_feature": 4}),
    "rescaled": ("topk", {"rescaled": True}),
    "rectified": ("topk", {"rectified": True}),
    "plain": ("relu", {"plain": True}),
    "top-k transcoder": ("transcoder", {"k": 5}),
}


def make(variant: str, x: torch.Tensor, **options):
    kind, usual = VARIANTS[variant]
    autoencoder = KINDS[kind](D, F, scaling_of(x), **usual | options)
    if kind in ("batchtopk", "jumprelu"):
        with torch.no_grad():
            autoencoder.threshold.fill_(0.5)
    with torch.no_grad():
        autoencoder.b_out.copy_(torch.randn(D, generator=torch.Generator().manual_seed(5)) * 0.1)
    autoencoder.prior = Prior.of([autoencoder.encode(x)])
    return autoencoder


def provenance(name: str = "tested", **changes) -> checkpoint.Provenance:
    told = {
        "name": name,
        "layer": 2,
        "model": "m",
        "model_fingerprint": "f",
        "corpus": ("c",),
        "context_length": 8,
        "seed": 0,
        "tokens_seen": 1,
    }
    return checkpoint.Provenance(**told | changes)


@pytest.mark.parametrize("kind", VARIANTS)
class TestContract:
    def test_protocol(self, kind):
        assert isinstance(make(kind, states()), Autoencoder)

    def test_encode_is_the_activation_of_the_margin_and_decode_undoes_the_scaling(self, kind):
        x = states()
        autoencoder = make(kind, x)
        code = autoencoder.encode(x)
        assert code.shape == (300, F) and (code != 0).any() and (code == 0).any()
        assert torch.equal(code, autoencoder.activation(autoencoder.margin(x)))
        scaled = (x - autoencoder.scaling.mean) * autoencoder.scaling.scale
        if kind != "batchtopk":  # which lets a batch decide together while it trains
            trained = autoencoder(scaled).found / autoencoder.scaling.scale + autoencoder.scaling.mean
            assert torch.allclose(autoencoder.decode(code), trained, atol=1e-4)
        bits = autoencoder.bits(code)
        assert set(bits.unique().tolist()) == {0.0, 1.0} and torch.equal(bits.unflatten(-1, (F, -1)).any(-1), code != 0)

    def test_save_and_load_give_the_same_codes(self, kind, tmp_path):
        x = states()
        autoencoder = make(kind, x)
        autoencoder.half().float()  # checkpoints are fp16
        checkpoint.save(autoencoder, provenance(), tmp_path / "c")
        again, told = checkpoint.load(tmp_path / "c")
        assert torch.equal(again.encode(x), autoencoder.encode(x)) and told == provenance()
        assert torch.equal(again.prior.rate, autoencoder.prior.rate)
        assert again.magnitude().name == autoencoder.magnitude().name

    def test_other_weights_give_other_codes(self, kind, tmp_path):
        """Negative control of the round trip: a checkpoint of another seed does not pass for this one."""
        x = states()
        other = make(kind, x, seed=1)
        checkpoint.save(other, provenance(), tmp_path / "c")
        assert not torch.equal(checkpoint.load(tmp_path / "c")[0].encode(x), make(kind, x).encode(x))

    def test_gradients_reach_every_weight(self, kind):
        x = states()
        autoencoder = make(kind, x)
        found = autoencoder(autoencoder.scaling.apply(x))
        outputs = [found.found, *(part for part in (found.charged, found.helper) if part is not None)]
        sum((output - 1).square().mean() for output in outputs).backward()
        trained = [weight for weight in autoencoder.parameters() if weight.requires_grad]
        assert trained and all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in trained)


def test_bits_follow_eq_1_and_2():
    x = states(50)
    autoencoder = make("binary", x)
    code = autoencoder.encode(x)
    for row in range(5):
        scaled = (x[row] - autoencoder.scaling.mean) * autoencoder.scaling.scale
        by_hand = [1.0 if sum(scaled[i] * autoencoder.W_in[i, j] for i in range(D)) + autoencoder.b_in[j] >= 0 else 0.0 for j in range(F)]
        assert code[row].tolist() == by_hand


def test_start_rate_is_met():
    x = states(4000)
    autoencoder = make("binary", x)
    autoencoder.start_at(0.05, autoencoder.scaling.apply(x))
    assert torch.allclose(autoencoder.encode(x).mean(0), torch.full((F,), 0.05), atol=0.002)


@pytest.mark.parametrize(
    ("surrogate", "expected"),
    [
        ("identity", [2.0, 2.0, 2.0]),
        ("clip", [0.0, 2.0, 2.0]),
        ("sigmoid", [2 * s * (1 - s) for s in torch.sigmoid(torch.tensor([-3.0, 0.0, 0.5])).tolist()]),
        ("released", [-2.0, -2.0, -2.0]),
    ],
)
def test_surrogate_gradients(surrogate, expected):
    """An upstream gradient of 2 at pre-activations -3, 0 and 0.5; the released form gives g (1 - g) = -2 everywhere."""
    from bae.autoencoder.binary import _Step

    x = torch.tensor([-3.0, 0.0, 0.5], requires_grad=True)
    code = _Step.apply(x, surrogate)
    code.backward(torch.full((3,), 2.0))
    assert code.tolist() == [0.0, 1.0, 1.0]
    assert x.grad.tolist() == pytest.approx(expected)


def test_top_k_keeps_the_k_largest_without_a_relu():
    autoencoder = TopKAutoencoder(D, F, Scaling.raw(D), k=3)
    margin = torch.full((1, F), -5.0)
    margin[0, [4, 7]] = torch.tensor([2.0, -1.0])
    code = autoencoder.activation(margin)
    assert (code != 0).sum() == 3 and code[0, 4] == 2 and code[0, 7] == -1


def test_gate_is_a_fixed_threshold():
    gated = GatedAutoencoder(D, F, Scaling.raw(D), threshold=0.5)
    assert gated.activation(torch.tensor([[0.4, 0.5, 0.6, -1.0]])).tolist() == [[0.0, 0.0, pytest.approx(0.6), 0.0]]


def test_more_bits_make_a_value_by_eq_7():
    """Bits 1, 0, 1 of a feature of three: (2^0 + 2^2) / (2^3 - 1) = 5/7."""
    autoencoder = BinaryAutoencoder(D, 2, Scaling.raw(D), bits_per_feature=3)
    margin = torch.tensor([[1.0, -1.0, 0.0, -1.0, -1.0, -1.0]])
    assert autoencoder.n_bits == 6 and autoencoder.n_features == 2
    assert autoencoder.activation(margin).tolist() == [[pytest.approx(5 / 7), 0.0]]


def test_a_batch_decides_together_which_values_are_largest():
    x = states(40)
    autoencoder = make("batchtopk", x, k=3)
    scaled = autoencoder.scaling.apply(x)
    before = autoencoder.threshold.item()
    found = autoencoder(scaled)
    assert (found.code != 0).sum() == 3 * 40 and (found.code != 0).sum(-1).unique().numel() > 1
    left_out = found.pre_activation[(found.code == 0)].max()
    assert found.code[found.code != 0].min() >= left_out
    assert autoencoder.threshold.item() != before
    autoencoder.eval()
    held = autoencoder.threshold.item()
    autoencoder(scaled)
    assert autoencoder.threshold.item() == held, "measuring does not move the threshold"
    assert isinstance(autoencoder, BatchTopKAutoencoder)


def test_two_paths_share_a_projection():
    """Gate (x - b_out) W_in + b_in, magnitude relu(exp(r) (x - b_out) W_in + b_mag), by hand on one token."""
    x = states(5)
    autoencoder = make("twopath", x)
    with torch.no_grad():
        for weight in (autoencoder.b_in, autoencoder.r_mag, autoencoder.b_mag):
            weight.copy_(torch.randn(F, generator=torch.Generator().manual_seed(9)) * 0.5)
    projected = (autoencoder.scaling.apply(x[:1]) - autoencoder.b_out) @ autoencoder.W_in
    gate = projected + autoencoder.b_in
    expected = torch.where(gate > 0, (autoencoder.r_mag.exp() * projected + autoencoder.b_mag).relu(), 0)
    assert torch.allclose(autoencoder.encode(x)[:1], expected, atol=1e-5) and isinstance(autoencoder, TwoPathAutoencoder)


def test_a_transcoder_writes_in_other_units_than_it_reads(tmp_path):
    x, y = states(), states(seed=1) * 7 - 2
    transcoder = Transcoder(D, F, scaling_of(x), written_scaling=scaling_of(y))
    transcoder.prior = Prior.of([transcoder.encode(x)])
    silent = transcoder.decode(torch.zeros(1, F))[0]
    assert torch.allclose(silent, y.mean(0), atol=1e-3) and not torch.allclose(silent, x.mean(0), atol=0.1)
    checkpoint.save(transcoder, provenance(), tmp_path / "c")
    again, _ = checkpoint.load(tmp_path / "c")
    assert torch.allclose(again.decode(torch.zeros(1, F)), silent) and again.site == "mlp_input"


def test_dictionary_rows_are_brought_back_to_unit_norm():
    autoencoder = make("relu", states())
    with torch.no_grad():
        autoencoder.W_out.mul_(3)
    autoencoder.normalize()
    assert torch.allclose(autoencoder.W_out.norm(dim=-1), torch.ones(F))
    plain = make("relu", states(), plain=True)
    with torch.no_grad():
        plain.W_out.mul_(3)
    plain.normalize()
    assert torch.allclose(plain.W_out.norm(dim=-1), torch.full((F,), 3.0)), "the paper's plain form is left free"


@pytest.mark.parametrize(("kind", "options"), [("binary", {"surrogate": "none"}), ("topk", {"k": 0}), ("gated", {"threshold": -1})])
def test_wrong_options_are_named(kind, options):
    with pytest.raises(ValueError, match=str(next(iter(options.values())))):
        KINDS[kind](D, F, Scaling.raw(D), **options)


class TestRefusals:
    @pytest.fixture
    def saved(self, tmp_path):
        checkpoint.save(make("binary", states()), provenance(), tmp_path / "c")
        return tmp_path / "c"

    def test_a_folder_without_config(self, tmp_path):
        with pytest.raises(ValueError, match=r"no config\.json"):
            checkpoint.load(tmp_path)

    def test_a_truncated_file(self, saved):
        file = saved / "weights.safetensors"
        file.write_bytes(file.read_bytes()[:-100])
        with pytest.raises(ValueError, match="damaged"):
            checkpoint.load(saved)

    def test_a_foreign_file(self, saved):
        (saved / "weights.safetensors").write_bytes(b"PK not tensors at all")
        with pytest.raises(ValueError, match="damaged"):
            checkpoint.load(saved)

    def test_weights_of_another_width(self, saved):
        told = json.loads((saved / "config.json").read_text())
        (saved / "config.json").write_text(json.dumps(told | {"n_features": F * 2}))
        with pytest.raises(ValueError, match="damaged"):
            checkpoint.load(saved)

    @pytest.mark.parametrize(("change", "word"), [({"format": 99}, "version"), ({"kind": "quantum"}, "quantum")])
    def test_another_version_or_kind(self, saved, change, word):
        told = json.loads((saved / "config.json").read_text())
        (saved / "config.json").write_text(json.dumps(told | change))
        with pytest.raises(ValueError, match=word):
            checkpoint.load(saved)

    def test_not_a_number(self, tmp_path):
        autoencoder = make("relu", states())
        with torch.no_grad():
            autoencoder.W_in[0, 0] = float("nan")
        checkpoint.save(autoencoder, provenance(), tmp_path / "c")
        with pytest.raises(ValueError, match="not numbers"):
            checkpoint.load(tmp_path / "c")

    def test_another_model(self, saved, tiny_model):
        with pytest.raises(ValueError, match="width"):
            checkpoint.load(saved, tiny_model)

    def test_another_models_weights(self, tmp_path, tiny_model):
        wide = KINDS["relu"](tiny_model.d_model, F, Scaling.raw(tiny_model.d_model))
        wide.prior = Prior(torch.zeros(F), torch.zeros(F), torch.ones(F), 1)
        checkpoint.save(wide, provenance(), tmp_path / "c")
        with pytest.raises(ValueError, match="weights differ"):
            checkpoint.load(tmp_path / "c", tiny_model)
        checkpoint.save(wide, provenance(model_fingerprint=tiny_model.fingerprint, layer=99), tmp_path / "d")
        with pytest.raises(ValueError, match="layer 99"):
            checkpoint.load(tmp_path / "d", tiny_model)
        checkpoint.save(wide, provenance(model_fingerprint=tiny_model.fingerprint), tmp_path / "e")
        checkpoint.load(tmp_path / "e", tiny_model)

    def test_nothing_half_written_is_left(self, tmp_path, monkeypatch):
        def full_disk(*_args, **_named):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(checkpoint, "save_file", full_disk)
        with pytest.raises(OSError, match="No space"):
            checkpoint.save(make("relu", states()), provenance(), tmp_path / "c")
        assert list(tmp_path.iterdir()) == []


def test_layer_has_three_names():
    assert checkpoint.layer_names(15) == {"hidden_states": 15, "hook": "blocks.14.hook_resid_post", "module": "layers.14"}


def test_binary_is_smooth_enough_to_learn():
    """A few steps of plain descent lower the error: the surrogate points the right way."""
    x = states(512)
    autoencoder = BinaryAutoencoder(D, F, scaling_of(x))
    scaled = autoencoder.scaling.apply(x)
    optimizer = torch.optim.Adam(autoencoder.parameters(), 1e-2)
    first = None
    for _ in range(60):
        loss = (autoencoder(scaled).found - scaled).square().mean()
        first = first or loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.6 * first


def test_a_longer_state_is_not_a_stronger_one():
    """The margin of a bit is a share of the state's length: a few very long states must not lead the lists of all bits."""
    x = states()
    autoencoder = KINDS["binary"](D, F, Scaling.raw(D))
    assert torch.allclose(autoencoder.margin(10 * x), autoencoder.margin(x), atol=1e-5), "no bias, so only the direction counts"
    assert not torch.allclose(autoencoder.pre_activation(10 * x), autoencoder.pre_activation(x)), "negative control"
    autoencoder.start_at(0.2, x)
    assert torch.equal(autoencoder.margin(x) >= 0, autoencoder.pre_activation(x) >= 0)
    assert autoencoder.margin(torch.zeros(1, D)).isfinite().logical_or(autoencoder.b_in == 0).any()
