"""Sets of states: what the model says of every text alone at a place, whatever interrupted the harvest; results that know their origin."""

import pytest
import torch
from safetensors.torch import load_file

from bae.experiments.entropy import state_sets
from bae.experiments.entropy.state_sets import GROUP, LAST, Places, Text, folder_of, harvest
from bae.system.progress import Progress

PLACES = Places(layers=(0, 2, 4), positions=(0, 3, LAST))


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(state_sets, "PART_TEXTS", 8)


def texts(count: int = 20) -> list[Text]:
    draw = torch.Generator().manual_seed(0)
    lengths = torch.randint(4, 12, (count,), generator=draw).tolist()
    return [Text((0, *torch.randint(2, 300, (n,), generator=draw).tolist()), number // 3) for number, n in enumerate(lengths)]


def harvested(model, folder, wanted=20, places=PLACES, given=None, **more):
    with Progress("test", 1, "tokens") as progress:
        return harvest(model, given or texts(), wanted, places, folder, {}, progress, **more), progress


def alone(model, text: Text, layer: int, position: int):
    found = model.model(torch.tensor([text.ids]), output_hidden_states=True).hidden_states
    return found[layer][0, position]


def test_states_are_those_of_every_text_alone(tiny_model, tmp_path):
    sets, _ = harvested(tiny_model, tmp_path)
    for layer in (0, 2):
        for position in PLACES.positions:
            expected = torch.stack([alone(tiny_model, text, layer, position) for text in texts()]).detach()
            found = sets.states(layer, position).float()
            assert torch.allclose(found, expected, atol=4e-3)
            # negative control: another text's state at that place is another, but for the BOS
            assert position == 0 or not torch.allclose(found[1:], expected[:-1], atol=4e-3)
    # the last hidden state is taken before the final norm, so the library's own differs by it
    expected = torch.stack([alone(tiny_model, text, 4, LAST) for text in texts()]).detach()
    assert torch.allclose(tiny_model.model.model.norm(sets.states(4, LAST).float()), expected, atol=2e-2)
    assert sets.groups().tolist() == [text.group for text in texts()]


def test_a_killed_harvest_goes_on_and_a_longer_one_takes_over_its_parts(tiny_model, tmp_path):
    whole, _ = harvested(tiny_model, tmp_path / "whole")

    class Killed(BaseException):
        pass

    def until(stop: int):
        for number, text in enumerate(texts()):
            if number == stop:
                raise Killed
            yield text

    with pytest.raises(Killed):
        harvested(tiny_model, tmp_path / "cut", given=until(18))
    began = {file.name: file.stat().st_mtime_ns for file in (tmp_path / "cut").glob("*.safetensors")}
    assert len(began) == 2
    resumed, progress = harvested(tiny_model, tmp_path / "cut")
    assert all((tmp_path / "cut" / name).stat().st_mtime_ns == when for name, when in began.items())
    assert progress.done == sum(len(text.ids) for text in texts())
    for file in (tmp_path / "whole").glob("*.safetensors"):
        other = load_file(tmp_path / "cut" / file.name)
        assert all(torch.equal(values, other[name]) for name, values in load_file(file).items())
    # of fewer texts: the whole parts are the same files, the last is its own, padded otherwise
    fewer, _ = harvested(tiny_model, tmp_path / "cut", wanted=10)
    assert torch.equal(fewer.states(2, 3)[:8], whole.states(2, 3)[:8])
    assert torch.allclose(fewer.states(2, 3).float(), whole.states(2, 3)[:10].float(), atol=4e-3)
    assert resumed.missing() == 0 and torch.equal(resumed.states(2, 3), whole.states(2, 3))


def test_more_is_kept_of_every_text(tiny_model, tmp_path):
    def norms(there):
        return {"norm": there[3][:, 1].norm(dim=-1)}

    sets, _ = harvested(tiny_model, tmp_path, also=norms, also_layers=(3,))
    expected = torch.stack([alone(tiny_model, text, 3, 3).norm() for text in texts()]).detach()
    assert torch.allclose(sets.kept("norm"), expected, rtol=1e-4)
    assert GROUP in load_file(next(tmp_path.glob("*.safetensors")))


def test_what_does_not_fit_is_said(tiny_model, tmp_path):
    with pytest.raises(ValueError, match="there are 20 texts of this kind; got 30"):
        harvested(tiny_model, tmp_path, wanted=30, given=texts(20))
    with pytest.raises(ValueError, match="at least 2 texts; got 1"):
        harvested(tiny_model, tmp_path, wanted=1)
    with pytest.raises(ValueError, match="layers 0 to 4; got"):
        harvested(tiny_model, tmp_path, places=Places((5,), (1,)))
    with pytest.raises(ValueError, match="positions 0 to 4,095; got 4,096"):
        harvested(tiny_model, tmp_path, places=Places((1,), (4096,)))
    with pytest.raises(ValueError, match="has no position 11"):
        harvested(tiny_model, tmp_path, places=Places((1,), (11,)))
    for layers, positions in (((), (1,)), ((1,), ()), ((1, 1), (1,)), ((-1,), (1,)), ((1,), (-2,))):
        with pytest.raises(ValueError, match="different whole numbers"):
            Places(layers, positions)


def test_another_origin_is_another_folder(tiny_model, tmp_path):
    one, told = folder_of(tmp_path, "language", tiny_model, PLACES, {"seed": 0})
    assert one == folder_of(tmp_path, "language", tiny_model, PLACES, {"seed": 0})[0] and told["fingerprint"] == tiny_model.fingerprint
    others = [
        folder_of(tmp_path, "language", tiny_model, PLACES, {"seed": 1})[0],
        folder_of(tmp_path, "language", tiny_model, Places((0, 2), PLACES.positions), {"seed": 0})[0],
    ]
    assert one not in others
