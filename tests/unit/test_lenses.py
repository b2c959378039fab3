"""Which checkpoints of a folder are loaded, and what is said of the others."""

import shutil

import pytest
import torch

from bae.autoencoder import BinaryAutoencoder, Pair, checkpoint
from bae.measures.evaluation import evaluate
from bae.names import check_dictionary_name
from bae.reading.lenses import load_lenses
from bae.states.scaling import Scaling

ODD = ("a b", "a:b", "naïve", "`x`", "a&b", "<b>", "🙂")


def test_a_name_that_no_query_or_address_could_say_is_refused_with_what_is_allowed(tiny_model, tmp_path):
    states = torch.randn(200, tiny_model.d_model, generator=torch.Generator().manual_seed(0))
    autoencoder = BinaryAutoencoder(tiny_model.d_model, 8, Scaling.measure(states.norm(dim=-1), [states]))
    _, autoencoder.prior = evaluate(autoencoder, [Pair.same(states)])
    told = checkpoint.Provenance("bae", 2, tiny_model.name, tiny_model.fingerprint, ("made up",), 32, 0, 0)
    checkpoint.save(autoencoder, told, tmp_path / "bae-1.0_x")
    for name in ODD:
        shutil.copytree(tmp_path / "bae-1.0_x", tmp_path / name)
    found = load_lenses(tmp_path, tiny_model)
    assert list(found.usable) == ["bae-1.0_x"] == list(found.provenance)
    assert found.refused.keys() == set(ODD) and all("letters, digits" in reason for reason in found.refused.values())


@pytest.mark.parametrize("name", [*ODD, "", ".hidden", "../up", "a/b", "a\n"])
def test_the_rule(name):
    check_dictionary_name("Bae-1.0_x")
    with pytest.raises(ValueError, match="letters, digits"):
        check_dictionary_name(name)
