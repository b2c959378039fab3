"""What a person asks of a steered run survives the address, means what it says, and is refused with a reason where it cannot be."""

import subprocess
import sys

import pytest
import torch

from bae.autoencoder import KINDS, BinaryAutoencoder
from bae.features.directions import raw_rows
from bae.reading.inspection import Lens
from bae.states.scaling import Scaling
from bae.steering import plan
from bae.steering.directions import directions_from_texts
from bae.steering.interventions import Ablate, Add, AddFeature, ChangeBits, Clamp, ProjectOut
from bae.steering.plan import ExampleStep, FeatureStep, interventions, layer_norm, parse, written
from bae.steering.strength import norm_under
from tests.conftest import prose

NOTEBOOK = {"good": f"{prose(1, 1)}\n\n{prose(2, 1)}", "bad": f"{prose(5, 1)}\n{prose(6, 1)}\n", "one": "a line"}
STEPS = [
    FeatureStep("bae", 1270),
    FeatureStep("bae", 0, "add", -3.25, "raw", "generated"),
    FeatureStep("topk", 8, "clamp", 0.0),
    FeatureStep("bae-10", 7, "flip", 1.0, "norms", "last"),
    ExampleStep("bae", "Xb3-_", "9fA", "random-direction", 0.75, "prompt", "-2"),
]
LAYER, FEATURES = 2, 24


@pytest.fixture(scope="module")
def lenses(tiny_model) -> dict[str, Lens]:
    """A BAE of one bit a feature and of three, an SAE and a Transcoder, scaled as training has it; and one whose layer nobody measured."""
    ids = torch.tensor([tiny_model.tokenize(prose(3), 64).ids])
    states = tiny_model.hidden_states(ids, [LAYER])[LAYER][0, 1:].clone()
    scaling, width = Scaling.measure(states.norm(dim=-1), [states]), tiny_model.d_model
    made = {
        "bae": BinaryAutoencoder(width, FEATURES, scaling, seed=1),
        "graded": BinaryAutoencoder(width, FEATURES, scaling, bits_per_feature=3, seed=1),
        "topk": KINDS["topk"](width, FEATURES, scaling, k=4, seed=1),
        "transcoder": KINDS["transcoder"](width, FEATURES, scaling, seed=1),
        "raw": BinaryAutoencoder(width, FEATURES, Scaling.raw(width), seed=1),
    }
    return {name: Lens(name, LAYER, autoencoder.requires_grad_(False), None, 64) for name, autoencoder in made.items()}


@pytest.fixture
def made(tiny_model, lenses):
    """What a line comes to."""
    return lambda line, texts=NOTEBOOK: interventions(parse(line), tiny_model, lenses, texts.__getitem__)


def test_a_line_holds_every_step():
    line = written(STEPS)
    assert parse(line) == STEPS
    assert parse(written([FeatureStep("bae", 1, amount=0.1 + 0.2)]))[0].amount == pytest.approx(0.3)
    # control: another line is another plan
    assert parse(line.replace("1270", "1271")) != STEPS
    assert parse("") == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("bae:1", "DICTIONARY:FEATURE:HOW:AMOUNT"),
        ("bae:one:add:1", "a whole number"),
        ("bae:-1:add:1", "a whole number"),
        ("bae:1:push:1", "add, clamp"),
        ("bae:1:add:nan", "finite"),
        ("bae:1:add:inf", "finite"),
        ("bae:1:add:1e9", "finite"),
        ("bae:1:add:much", "is a number"),
        ("bae:1:add:1:miles", "norms, raw"),
        ("bae:1:add:1:raw:somewhere", "all, prompt"),
        ("../x:1:add:1", "letters"),
        ("bae:a/b:magic:1", "features, sign"),
        ("bae:a/b<script>:features:1", "id of a text"),
        ("bae:a/b:features:1:last:0", "other than 0"),
        (",".join(["bae:1:add:1"] * (plan.MOST + 1)), "at most"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(line, told):
    with pytest.raises(ValueError, match=told):
        parse(line)


def test_what_does_nothing_is_known_without_a_model():
    assert [step.idle for step in parse("bae:1:add:0,bae:1:flip:0,bae:1:clamp:0,bae:1:add:0.1")] == [True, True, False, False]
    assert parse("bae:a/b:means:0")[0].idle and not parse("bae:a/b:means:1")[0].idle


def test_every_way_becomes_its_intervention(made, lenses):
    line = "bae:3:add:0.5,bae:3:add:2:raw:generated,topk:4:clamp:1.5,topk:5:ablate:0.25:norms:last,bae:6:project:1,graded:2:flip:1"
    norms, raw, clamp, ablate, project, flip = made(line)
    assert isinstance(norms, AddFeature) and norms.lens is lenses["bae"]
    length = norm_under(lenses["bae"].autoencoder.scaling)
    assert norms.change(torch.zeros(1, 32)).norm() == pytest.approx(0.5 * length, rel=1e-4), "half a hidden state"
    rows = raw_rows(lenses["bae"].autoencoder)
    assert torch.allclose(raw.change(torch.zeros(1, 32)), 2 * rows[3]) and raw.positions == "generated"
    assert isinstance(clamp, Clamp) and (clamp.value, clamp.strength) == (1.5, 1.0)
    assert isinstance(ablate, Ablate) and (ablate.value, ablate.strength, ablate.positions) == (0.0, 0.25, "last")
    assert isinstance(project, ProjectOut) and torch.equal(project.direction, rows[6]) and project.layer == LAYER
    assert isinstance(flip, ChangeBits) and list(flip.bits) == [6, 7, 8] and flip.how == "flip", "all bits of the feature"
    assert norms.change(torch.zeros(1, 32)).norm() != pytest.approx(rows[3].norm().item() / 2, rel=0.01), "negative control"


def test_a_direction_from_examples_is_that_of_their_texts(made, tiny_model, lenses):
    (push,) = made("bae:good/bad:means:0.75:prompt:mean")
    sides = [[line for line in NOTEBOOK[name].splitlines() if line] for name in ("good", "bad")]
    expected = directions_from_texts(tiny_model, lenses["bae"], *sides, "mean")["difference of means"]
    assert isinstance(push, Add) and torch.equal(push.direction, expected.vector)
    assert (push.strength, push.positions, push.layer) == (0.75, "prompt", LAYER)
    (other,) = made("bae:bad/good:means:0.75:prompt:mean")
    assert torch.allclose(other.direction, -expected.vector), "negative control: the other way round"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("nobody:1:add:1", "no dictionary 'nobody' that fits this model; there are: bae, graded"),
        ("bae:24:add:1", "bae has features 0 to 23; got 24"),
        ("graded:24:flip:1", "graded has features 0 to 23; got 24"),
        ("bae:24:project:1", "features 0 to 23"),
        ("topk:1:flip:1", "values, not bits"),
        ("transcoder:1:clamp:1", "can be added"),
        ("transcoder:1:project:1", "can be added, no more"),
        ("raw:1:add:1", "give strengths in raw units"),
        ("bae:one/bad:features:1", "at least 2 good examples"),
        ("bae:good/good:features:1", "the same texts"),
        ("bae:good/bad:features:1:last:999", "there is no token 999"),
    ],
)
def test_what_does_not_fit_the_model_is_refused(made, line, told):
    with pytest.raises(ValueError, match=told):
        made(line)


def test_what_is_near_to_the_refused_is_not(made):
    """Negative control of the test above."""
    assert len(made("bae:23:add:1,graded:23:flip:1,transcoder:1:add:1,raw:1:add:1:raw,topk:1:clamp:1")) == 5
    with pytest.raises(KeyError):
        made("bae:good/nowhere:features:1")


def test_a_layer_that_nobody_measured_has_no_norm(lenses):
    assert layer_norm(lenses["bae"]) == norm_under(lenses["bae"].autoencoder.scaling)
    with pytest.raises(ValueError, match="raw units"):
        layer_norm(lenses["raw"])


def test_a_page_reads_plans_without_torch():
    told = "import sys; from bae.steering import plan; plan.parse('bae:1:add:1'); print('torch' in sys.modules)"
    needs = "import sys; from bae.steering import Add, generate_steered; print('torch' in sys.modules)"
    said = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout for code in (told, needs)]
    assert [line.strip() for line in said] == ["False", "True"], "negative control: what steers needs it"
