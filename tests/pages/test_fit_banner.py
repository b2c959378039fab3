"""The red banner over a dictionary that does not fit, and where it comes from on every page."""

import shutil

import pytest

from bae.measures import fit
from bae.measures.fit import Fit
from bae.workspace import Workspace


@pytest.fixture
def copied(tmp_path, study):
    """A study of one's own, in which no fit is known."""
    shutil.copytree(study.folder, tmp_path / "study")
    found = Workspace.open(tmp_path / "study")
    found.fits_file.unlink()
    return found


def told(study, fvu: float, mark: str | None = None) -> None:
    fit.keep(study.fits_file, {"bae": Fit(fvu, 0.2, 941, mark or fit.mark(study.autoencoder_folder("bae")))})


@pytest.mark.parametrize("page", ["feature", "features", "query", "heatmap", "text", "labels"])
def test_a_dictionary_that_is_off_is_told_on_every_page_with_its_numbers(copied, open_page, page):
    told(copied, 0.63)
    app = open_page(copied, page, ae="bae")
    assert not app.exception
    banner = [error.value for error in app.error if "does not fit" in error.value]
    assert len(banner) == 1 and "0.630" in banner[0] and "0.200" in banner[0] and "941" in banner[0]


@pytest.mark.parametrize(("fvu", "mark"), [(0.21, None), (0.63, "other weights")])
def test_one_that_fits_or_was_replaced_is_not(copied, open_page, fvu, mark):
    told(copied, fvu, mark)
    assert not open_page(copied, "features", ae="bae").error


def test_live_text_measures_what_nobody_has(copied, open_page):
    app = open_page(copied, "text", ae="topk")
    assert not app.exception and fit.kept(copied.fits_file)["topk"].tokens > 100
    assert any("does not fit" in error.value for error in app.error), "random rows explain nothing"


def test_a_damaged_file_of_fits_stops_no_page(copied, open_page):
    copied.fits_file.write_text("{")
    app = open_page(copied, "features", ae="bae")
    assert not app.exception and "damaged" in app.warning[0].value and app.dataframe


@pytest.mark.parametrize("page", ["feature", "features", "query", "heatmap", "labels"])
def test_where_it_comes_from_is_one_click_away(study, open_page, page):
    html = " ".join(element.value for element in open_page(study, page, ae="bae").html)
    for said in ("blocks.1.hook_resid_post", "layers.1", "hidden_states[2]", "bae index --workspace", "seed 0", "hidden states of"):
        assert said in html
