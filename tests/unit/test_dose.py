"""A sweep measures what it says, by oracles of one prompt at a time; goes on where it stopped; and names the strength that works."""

import math
from dataclasses import replace

import pytest
import torch

from bae.autoencoder import KINDS, BinaryAutoencoder
from bae.features.magnitude import Prior
from bae.model.generation import GenerationConfig
from bae.model.language_model import place
from bae.reading.inspection import Lens
from bae.reading.lenses import Lenses
from bae.states.scaling import Scaling
from bae.steering import AddFeature, dose, dose_job, dose_settings, generate_steered, steered
from bae.steering.dose_results import (
    LEAST_PROMPTS,
    MOST_PERPLEXITY,
    Point,
    Row,
    SideEffects,
    Skipped,
    aim,
    figure,
    interval,
    scores,
    sweet_spot,
)
from bae.steering.dose_settings import SCALED, Curve, Settings, check_reproducible, read_amounts
from bae.steering.writing_together import write_together
from bae.workspace import Workspace
from tests.conftest import prose

LAYER, FEATURES, FEATURE = 2, 24, 5
PROMPTS = ("The ship left the harbor", "Winter law", "A garden of stone and bread, and the river")
SETTINGS = Settings(f"bae:{FEATURE}:add:1", (Curve("add", (0.0, 0.5, 2.0)), Curve("clamp", (0.0, 4.0))), PROMPTS, 8, later="deep")


@pytest.fixture(scope="module")
def lenses(tiny_model) -> Lenses:
    ids = torch.tensor([tiny_model.tokenize(prose(3), 64).ids])
    found = {}
    for name, layer, kind in (
        ("bae", LAYER, None),
        ("deep", LAYER + 1, None),
        ("topk", LAYER, "topk"),
        ("transcoder", LAYER, "transcoder"),
        ("transcoder-deep", LAYER + 1, "transcoder"),
    ):
        read = place(layer, "mlp_input" if kind == "transcoder" else "residual")
        states = tiny_model.hidden_states(ids, [read])[read][0, 1:].clone()
        scaling, width = Scaling.measure(states.norm(dim=-1), [states]), tiny_model.d_model
        made = KINDS[kind](width, FEATURES, scaling, seed=1) if kind else BinaryAutoencoder(width, FEATURES, scaling, seed=1)
        made.prior = Prior.of([made.encode(states)])
        found[name] = Lens(name, layer, made.requires_grad_(False), made.magnitude(), 64)
    return Lenses(found, {}, {})


@pytest.fixture
def study(tmp_path) -> Workspace:
    (tmp_path / "recipe.toml").write_text('model = "embedded"\nlayers = [2]\nsources = ["sotu"]\n')
    return Workspace.open(tmp_path)


@pytest.fixture(scope="module")
def run(tiny_model, lenses, tmp_path_factory) -> dose_job.Run:
    folder = tmp_path_factory.mktemp("swept")
    (folder / "recipe.toml").write_text('model = "embedded"\nlayers = [2]\nsources = ["sotu"]\n')
    return dose_job.sweep(Workspace.open(folder), SETTINGS, tiny_model, lenses)


def push(lenses, amount: float, name: str = "bae", positions: str = "all"):
    return [AddFeature(lenses.usable[name], FEATURE, norm=run_norm(lenses, name), strength=amount, positions=positions)]


def run_norm(lenses, name: str = "bae") -> float:
    return dose_job.plan.layer_norm(lenses.usable[name])


# ------------------------------------------------------------------------------------------------ writing together


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_prompts_are_written_together_as_each_is_alone(tiny_model, lenses, temperature):
    config = GenerationConfig(12, temperature, seed=3)
    ids = [tiny_model.tokenize(prompt).ids for prompt in PROMPTS]
    said = {}
    for positions in ("all", "last", "generated"):
        pushes = push(lenses, 0.7, positions=positions)
        told = write_together(tiny_model, ids, pushes, config)
        said[positions] = [tiny_model.tokenizer.decode(own, clean_up_tokenization_spaces=False) for own in told]
        assert said[positions] == ["".join(generate_steered(tiny_model, prompt, pushes, config)) for prompt in PROMPTS]
    plain = write_together(tiny_model, ids, [], config)
    assert [tiny_model.tokenizer.decode(own, clean_up_tokenization_spaces=False) for own in plain] != said["all"], "control: a push is seen"


# ------------------------------------------------------------------------------------------------ one point, by hand


def by_hand(model, lens, written: tuple[int, ...], prompt: str, interventions) -> dict[str, float]:
    """The figures of one prompt by the model's own forward pass, token by token."""
    ids = (*model.tokenize(prompt).ids, *written)
    told = []
    for pushes in ((), interventions):
        with torch.inference_mode(), steered(model, pushes, len(ids) - len(written)):
            logits = model.model(torch.tensor([ids])).logits[0]
            told.append((logits, model.hidden_states(torch.tensor([ids]), [lens.layer])[lens.layer][0]))
    (plain, before), (pushed, after) = told
    kl, fires, others = [], [], []
    for at in range(1, len(ids)):
        p, q = pushed[at].softmax(-1), plain[at].softmax(-1)
        kl.append(sum(a * math.log(a / b) for a, b in zip(p.tolist(), q.tolist(), strict=True)))
        if lens.autoencoder.scaling.keeps(before[at]):
            old, new = (lens.autoencoder.encode(states[at : at + 1].half().float())[0] != 0 for states in (before, after))
            fires.append(float(new[FEATURE]))
            others.append(sum(bool(old[f] != new[f]) for f in range(FEATURES) if f != FEATURE))
    return {"kl": sum(kl) / len(kl), "fires": sum(fires) / len(fires), "others": sum(others) / len(others)}


def test_figures_of_the_fixed_text_are_those_of_a_loop(run, tiny_model, lenses):
    point = next(point for point in run.points if point.name == "add_0.5")
    for prompt, row, plain in zip(PROMPTS, point.rows, run.plain.rows, strict=True):
        expected = by_hand(tiny_model, lenses.usable["bae"], plain.written, prompt, push(lenses, 0.5))
        assert {name: getattr(row, name) for name in expected} == pytest.approx(expected, rel=1e-3, abs=1e-5)
        # control: another strength has other figures
        other = by_hand(tiny_model, lenses.usable["bae"], plain.written, prompt, push(lenses, 2.0))
        assert other["kl"] != pytest.approx(row.kl, rel=1e-2)
    assert point.moved == pytest.approx(0.5 * run_norm(lenses), rel=1e-4)


def test_figures_of_the_written_text_are_those_of_a_plain_reading(run, tiny_model, lenses):
    lens = lenses.usable["bae"]
    for prompt, row in zip(PROMPTS, run.points[1].rows, strict=True):
        ids = (*tiny_model.tokenize(prompt).ids, *row.written)
        begin = len(ids) - len(row.written)
        with torch.inference_mode():
            logits = tiny_model.model(torch.tensor([ids])).logits[0].log_softmax(-1)
        assert row.surprise == pytest.approx(
            -sum(logits[at - 1, ids[at]].item() for at in range(begin, len(ids))) / len(row.written), rel=1e-4
        )
        states = tiny_model.hidden_states(torch.tensor([ids]), [LAYER])[LAYER][0]
        read = [at for at in range(begin, len(ids)) if lens.autoencoder.scaling.keeps(states[at])]
        code = lens.autoencoder.encode(states[read].half().float())[:, FEATURE]
        assert row.written_fires == pytest.approx((code != 0).float().mean().item())


def test_plain_is_nothing_against_itself(run):
    assert all(row.kl == row.others == row.later == 0 for row in run.plain.rows) and run.plain.moved == 0
    assert run.plain.own.ever == 0 and not run.plain.own.most
    assert "add_0" not in [point.name for point in run.points] and "clamp_0" in [point.name for point in run.points]
    assert any(row.kl > 0 for point in run.points for row in point.rows), "control: a push is not nothing"


def test_side_effects_add_up(run, lenses):
    strongest = next(point for point in run.points if point.name == "add_2")
    assert FEATURE not in [one.feature for one in strongest.own.most], "what is pushed is no side effect"
    shares = [one.changed for one in strongest.own.most]
    assert shares == sorted(shares, reverse=True) and all(one.changed >= abs(one.plain - one.steered) - 1e-6 for one in strongest.own.most)
    tokens = [len(row.written) for row in run.plain.rows]
    assert strongest.own.ever >= strongest.own.often > 0 and strongest.own.tokens <= sum(tokens) + 60
    assert strongest.later.dictionary == "deep" and strongest.later.ever > 0


def test_a_push_at_the_last_token_is_told_from_there_on(tiny_model, lenses):
    settings = replace(SETTINGS, push=f"bae:{FEATURE}:add:1:norms:last", curves=(Curve("add", (1.0,)),), later=None)
    subject = dose.subject(tiny_model, lenses.usable, settings)
    assert list(subject.first) == [len(tiny_model.tokenize(prompt).ids) - 1 for prompt in PROMPTS]
    plain = dose.read_plain(subject, dose.write_plain(subject))
    point = dose.measure(subject, plain, "add", 1.0, push(lenses, 1.0, positions="last"))
    assert point.moved == pytest.approx(run_norm(lenses), rel=1e-4) and point.rows[0].kl > 0
    assert dose.plain_point(subject, plain).rows[0].kl == 0


def test_a_transcoder_is_pushed_where_it_writes_and_read_where_it_reads(tiny_model, lenses):
    settings = replace(SETTINGS, push=f"transcoder:{FEATURE}:add:1", curves=(Curve("add", (1.0,)),), later=None)
    subject = dose.subject(tiny_model, lenses.usable, settings)
    plain = dose.read_plain(subject, dose.write_plain(subject))
    point = dose.measure(subject, plain, "add", 1.0, push(lenses, 1.0, "transcoder"))
    assert point.moved == pytest.approx(run_norm(lenses, "transcoder"), rel=1e-4) and all(row.kl > 0 for row in point.rows)
    assert point.own.ever == 0, "the push comes behind what it reads"


def test_what_a_later_transcoder_reads_is_steered_where_another_one_pushes(tiny_model, lenses):
    settings = replace(SETTINGS, push=f"transcoder:{FEATURE}:add:1", curves=(Curve("add", (1.0,)),), later="transcoder-deep")
    subject = dose.subject(tiny_model, lenses.usable, settings)
    plain = dose.read_plain(subject, dose.write_plain(subject))
    later, pushed = lenses.usable["transcoder-deep"], push(lenses, 1.0, "transcoder")
    with steered(tiny_model, pushed):
        expected = tiny_model.hidden_states(torch.tensor([plain[0].ids]), [later.place])[later.place][0]
    read = dose._read(subject, [text.ids for text in plain], pushed, lambda tokens: None)
    assert torch.allclose(read[0].states[later.place], expected, atol=1e-4)
    assert not torch.allclose(expected, plain[0].states[later.place], atol=1e-2), "control: the push is seen there"


def test_what_the_plan_pushes_further_up_is_no_side_effect_there(tiny_model, lenses):
    settings = Settings(f"bae:{FEATURE}:add:0.5,deep:3:add:2", (Curve(SCALED, (1.0,)),), PROMPTS, 4, later="deep")
    both = dose.subject(tiny_model, lenses.usable, settings)
    alone = dose.subject(tiny_model, lenses.usable, replace(settings, push=f"bae:{FEATURE}:add:0.5"))
    assert both.pushed == {"bae": (FEATURE,), "deep": (3,)} and alone.pushed == {"bae": (FEATURE,), "deep": ()}
    plain = dose.read_plain(both, dose.write_plain(both))
    pushed = dose_job.plan.interventions(settings.steps, tiny_model, lenses.usable, str)
    of_both, of_alone = (dose.measure(one, plain, SCALED, 1.0, pushed) for one in (both, alone))
    assert of_both.later.ever == of_alone.later.ever - 1, "control: not known to be pushed, it is one"


# ------------------------------------------------------------------------------------------------ text


@pytest.mark.parametrize(
    ("ids", "repeats", "distinct"),
    [((1, 2, 3, 4, 5), 0, 1), ((1, 1, 1, 1, 1), 1, 1 / 4), ((1, 2, 3, 9, 1, 2, 3), 2 / 5, 4 / 6), ((1, 2), None, 1), ((1,), None, None)],
)
def test_repetition(ids, repeats, distinct):
    assert dose.repeated(ids) == repeats and dose.distinct(ids) == distinct


# ------------------------------------------------------------------------------------------------ what is asked for


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"push": ""}, "nothing is steered"),
        ({"push": "bae:5:add:nan"}, "finite number"),
        ({"curves": ()}, "at least one way"),
        ({"prompts": ()}, "1 to 32 prompts"),
        ({"prompts": ("a", "  ")}, "prompt 2 is empty"),
        ({"prompts": ("a", "b", "a")}, "prompt 3 is there twice"),
        ({"max_tokens": 0}, "1 to 200 tokens"),
        ({"temperature": math.nan}, "0 or above"),
        ({"push": "bae:5:add:1,bae:6:add:1"}, "swept by scaled alone"),
        ({"push": "bae:a/b:features:1"}, "swept by scaled alone"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_sentence(change, told):
    with pytest.raises(ValueError, match=told):
        replace(SETTINGS, **change)


@pytest.mark.parametrize("amount", [math.nan, math.inf, 1e9])
def test_a_strength_is_a_number(amount):
    with pytest.raises(ValueError, match="finite number"):
        Curve("add", (amount,))
    assert Curve("add", (2.0, 0.1, 2.0)).amounts == (0.1, 2.0)
    assert read_amounts("0.1, 2 3e-1") == (0.1, 2.0, 0.3)
    with pytest.raises(ValueError, match="numbers with commas"):
        read_amounts("0.1, much")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"push": "nothing:5:add:1"}, "no dictionary 'nothing'"),
        ({"push": f"bae:{FEATURES}:add:1"}, f"features 0 to {FEATURES - 1}"),
        ({"push": "deep:5:add:1"}, "above 3; deep is at layer 3"),
        ({"push": "topk:5:add:1", "curves": (Curve("flip", (1.0,)),)}, "has values, not bits"),
        ({"push": "transcoder:5:add:1", "curves": (Curve("clamp", (1.0,)),)}, "can be added"),
        ({"prompts": ("sea " * 600,)}, "prompt 1 has .* at most 512"),
    ],
)
def test_what_the_model_cannot_do_is_refused_with_a_sentence(tiny_model, lenses, study, change, told):
    with pytest.raises(ValueError, match=told):
        dose_job.sweep(study, replace(SETTINGS, **change), tiny_model, lenses)


def test_the_id_holds_all_that_was_asked():
    assert replace(SETTINGS).id == SETTINGS.id == Settings.of(dose_settings.asdict(SETTINGS)).id
    others = [{"seed": 1}, {"later": None}, {"prompts": PROMPTS[:2]}, {"made_with": {"bae": "x"}}, {"curves": SETTINGS.curves[:1]}]
    assert len({replace(SETTINGS, **other).id for other in others} | {SETTINGS.id}) == 6


def test_a_plan_of_several_steps_is_scaled(tiny_model, lenses, study):
    settings = Settings(f"bae:{FEATURE}:add:0.5,topk:3:clamp:1:norms:last", (Curve(SCALED, (0.5, 2)),), PROMPTS[:2], 4)
    assert settings.line_at(SCALED, 2) == f"bae:{FEATURE}:add:1,topk:3:clamp:2:norms:last"
    found = dose_job.sweep(study, settings, tiny_model, lenses)
    assert found.whole and [point.name for point in found.points] == ["scaled_0.5", "scaled_2"]
    assert found.points[0].moved < found.points[1].moved and settings.target.feature == FEATURE


def test_one_sweep_has_one_id():
    spelled = (f"bae:{FEATURE}:add:1:norms:all", f"bae:{FEATURE}:clamp:3", f"bae:0{FEATURE}:ablate:1")
    assert {replace(SETTINGS, push=push).id for push in spelled} == {SETTINGS.id}
    others = (f"bae:{FEATURE}:add:1:norms:last", f"bae:{FEATURE}:add:1:raw", f"deep:{FEATURE}:add:1")
    assert len({replace(SETTINGS, push=push).id for push in others} | {SETTINGS.id}) == 4, "control"
    factors = (Curve(SCALED, (1.0, 2.0)),)
    scaled = {replace(SETTINGS, push=f"bae:{FEATURE}:add:{amount}", curves=factors).id for amount in ("1", "1.0", "2")}
    assert len(scaled) == 2, "of a plan that is scaled the amounts count"


def test_every_strength_is_checked_not_the_last_alone():
    with pytest.raises(ValueError, match="an amount is a finite number"):
        Settings("bae:1:add:100000", (Curve(SCALED, (-20.0, 1.0)),))
    assert Settings("bae:1:add:100000", (Curve(SCALED, (-2.0, 1.0)),)).points() == [(SCALED, -2.0), (SCALED, 1.0)]


def test_what_the_playground_cannot_say_is_refused():
    for temperature in dose_settings.TEMPERATURES:
        check_reproducible(float(temperature), 0)
    for temperature, seed, told in ((0.75, 0, "0.7, 0.8"), (2.1, 0, "1.9, 2; got 2.1"), (0.7, 10**6, "0 to 999,999"), (0.7, -1, "got -1")):
        with pytest.raises(ValueError, match=told):
            check_reproducible(temperature, seed)


def test_a_strength_that_is_too_great_is_skipped_with_its_reason(tiny_model, lenses, study):
    settings = replace(SETTINGS, curves=(Curve("clamp", (1.0, 1e6)), Curve("add", (0.5,))), prompts=PROMPTS[:2], max_tokens=3)
    found = dose_job.sweep(study, settings, tiny_model, lenses)
    assert [point.name for point in found.points] == ["clamp_1", "add_0.5"] and found.whole, "those behind it are measured"
    assert found.skipped == (Skipped("clamp", 1e6, "clamp at 1e+06 pushes hidden states further than numbers go"),)
    assert dose_job.sweep(study, settings, tiny_model, lenses) == found, "nor is it tried again"


def test_a_sweep_of_an_older_version_is_not_taken_for_one_of_this(study, monkeypatch):
    name = dose_job.keep(study, SETTINGS)
    assert dose_job.read_settings(dose_job.folder_of(study, name)) == SETTINGS
    monkeypatch.setattr(dose_settings, "VERSION", dose_settings.VERSION + 1)
    with pytest.raises(ValueError, match="of an older version"):
        dose_job.read_run(study, name)


# ------------------------------------------------------------------------------------------------ stopping and going on


def test_a_stopped_sweep_goes_on_with_the_next_point(tiny_model, lenses, study, run, monkeypatch):
    measured, whole = [], dose.measure

    def until_the_second(subject, plain, how, amount, *rest):
        if len(measured) == 2:
            raise KeyboardInterrupt
        measured.append((how, amount))
        return whole(subject, plain, how, amount, *rest)

    monkeypatch.setattr(dose, "measure", until_the_second)
    with pytest.raises(KeyboardInterrupt):
        dose_job.sweep(study, SETTINGS, tiny_model, lenses)
    half = dose_job.read_run(study, SETTINGS.id)
    assert not half.whole and half.plain and [(point.how, point.amount) for point in half.points] == measured
    monkeypatch.setattr(dose, "measure", lambda *asked: measured.append(asked[2:4]) or whole(*asked))
    found = dose_job.sweep(study, SETTINGS, tiny_model, lenses)
    assert found.whole and measured == SETTINGS.points(), "no point is made twice"
    told = [[replace(point, seconds=0) for point in one.points] for one in (found, run)]
    assert told[0] == told[1], "the same as a run that was not stopped"


def test_two_at_once_are_refused(tiny_model, lenses, study):
    with dose_job.locked(dose_job.folder_of(study) / "lock"), pytest.raises(BlockingIOError, match="running already"):
        dose_job.sweep(study, SETTINGS, tiny_model, lenses)


def test_a_damaged_point_is_named(study):
    dose_job.keep(study, SETTINGS)
    (dose_job.folder_of(study, SETTINGS.id) / "add_0.5.json").write_text('{"how": 1}')
    with pytest.raises(ValueError, match=r"add_0\.5\.json is damaged"):
        dose_job.read_run(study, SETTINGS.id)
    for name in ("nothing", "..", "../../.."):
        with pytest.raises(KeyError):
            dose_job.read_run(study, name)


# ------------------------------------------------------------------------------------------------ the strength that works


def test_intervals_hold_the_mean_and_narrow_with_more_prompts():
    few, many = interval([1.0, 2.0, 6.0]), interval([1.0, 2.0, 6.0] * 20)
    assert few.value == many.value == 3 and few.low < many.low < 3 < many.high < few.high
    assert interval([2.0]) == (2.0, None, None) and interval([4.0, 4.0]) == (4.0, 4.0, 4.0)


def made(amount: float, fires: float, perplexity: float = 1.0, repeated: float = 0.0, how: str = "add") -> Point:
    spread = (-0.01, 0.0, 0.0, 0.0, 0.01)
    rows = tuple(Row(kl=amount, written_fires=fires + d, surprise=2 + math.log(perplexity) + d, repeated=repeated) for d in spread)
    return Point(how, amount, amount, rows, SideEffects("bae", 1, 0, 0, ()), None, 0.0)


def test_the_sweet_spot_is_the_strongest_effect_that_stays_fluent():
    plain = made(0, 0.05)
    points = [made(0.2, 0.05), made(0.5, 0.3), made(1, 0.6, 1.2), made(2, 0.95, 1.6), made(3, 0.9, 0.7, 0.6)]
    found = scores(plain, points, lambda point: aim(point.how, point.amount, False))
    assert sweet_spot(points, found).amount == 1
    assert found["add_1"].effect == pytest.approx(0.55 / 0.9) and found["add_1"].fluency == pytest.approx(1 / 1.2)
    assert "beyond chance" in found["add_0.2"].lacks and f"more than {MOST_PERPLEXITY:g}" in found["add_2"].lacks
    assert "repeats" in found["add_3"].lacks
    # control: were the strong one as fluent, it would be chosen
    fluent = [*points[:3], made(2, 0.95, 1.1)]
    assert sweet_spot(fluent, scores(plain, fluent, lambda point: 1)).amount == 2
    assert sweet_spot(points[:1], found) is None


def test_few_prompts_make_no_sweet_spot():
    plain, point = made(0, 0.05), made(0.5, 0.3)
    for prompts, qualifies in ((1, False), (LEAST_PROMPTS - 1, False), (LEAST_PROMPTS, True)):
        few = [replace(one, rows=one.rows[:prompts]) for one in (plain, point)]
        found = scores(few[0], few[1:], lambda point: 1)
        assert (sweet_spot(few[1:], found) is not None) == qualifies == ("too few prompts" not in found["add_0.5"].lacks)


def test_what_is_taken_away_is_told_by_how_much_is_gone():
    plain, points = made(0, 0.4), [made(0.5, 0.3, how="ablate"), made(1, 0.1, how="ablate")]
    down = scores(plain, points, lambda point: aim(point.how, point.amount, False))
    assert down["ablate_1"].effect == pytest.approx(0.75) and sweet_spot(points, down).amount == 1
    up = scores(plain, points, lambda point: 1)
    assert sweet_spot(points, up) is None, "control: aimed the other way it does nothing"
    nothing = scores(made(0, 0.0), [made(1, 0.0, how="ablate")], lambda point: -1)
    assert figure(made(0, 0.0), "kl").value == 0 and "nothing to take away" in nothing["ablate_1"].lacks


@pytest.mark.parametrize(
    ("how", "amount", "usually_on", "wanted"),
    [
        ("add", 1, False, 1),
        ("add", -1, False, -1),
        ("clamp", 0, False, -1),
        ("clamp", 2, True, 1),
        ("ablate", 1, False, -1),
        ("flip", 1, False, 1),
        ("flip", 1, True, -1),
        ("clear", 1, False, -1),
        ("set", 1, False, 1),
        ("ablate", -1, False, 1),
    ],
)
def test_what_a_push_aims_at(how, amount, usually_on, wanted):
    assert aim(how, amount, usually_on) == wanted


@pytest.mark.parametrize(
    ("push", "factor", "wanted"),
    [
        ("bae:5:add:0.5", 2, 1),
        ("bae:5:add:-0.5", 2, -1),
        ("bae:5:add:-0.5", -2, 1),
        ("bae:5:ablate:1", 1, -1),
        ("bae:5:ablate:-1", 1, 1),
        ("bae:5:clamp:0", 2, -1),
        ("bae:5:clamp:3", 2, 1),
        ("topk:8:add:9,bae:5:ablate:1", 2, 1),
    ],
)
def test_a_scaled_plan_aims_at_what_its_step_comes_to(run, push, factor, wanted):
    settings = Settings(push, (Curve(SCALED, (factor,)),))
    # as many prompts as are told of, shown on half of the tokens plain and on all or none steered
    plain, up, down = made(0, 0.5), made(factor, 0.9, how=SCALED), made(factor, 0.1, how=SCALED)
    for point, effect in ((up, wanted > 0), (down, wanted < 0)):
        found = replace(run, settings=settings, plain=plain, points=(point,)).scores()[point.name]
        assert (found.effect > 0) == effect == (not found.lacks)
