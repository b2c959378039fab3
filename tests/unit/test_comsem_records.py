"""What labelling leaves in the notebook, read back by another that opens it."""

import time
from dataclasses import replace

import pytest

from bae.comsem.plan import Settings
from bae.comsem.records import Label, Records, Subject, VerdictRecord, checkpoint_of
from bae.comsem.score import Verdict, score
from bae.notebook.database import Notebook

SUBJECT = Subject("bae", "c0ffee")
FITS = score([Verdict(truth, truth, float(truth)) for truth in (True, False) for _ in range(8)], 8)
TEXT = '<img src=x onerror=alert(1)> שלום 🙂 "quoted"'


def made(feature: int = 3, **changes) -> Label:
    label = Label(0, SUBJECT, feature, "words of the sea", "judge", "gpt", False, "v1", None, 100.0, 20, FITS, {"label_from": ["sea"]})
    return replace(label, **changes)


@pytest.fixture
def records(tmp_path) -> Records:
    return Records(Notebook(tmp_path / "notebook.sqlite"))


def again(records: Records) -> Records:
    """Another process would see it so."""
    return Records(Notebook(records.notebook.file))


def test_a_label_comes_back_with_its_verdicts(records):
    told = VerdictRecord("test", True, {"token": "sea", "sentence": TEXT}, True, 0.9, "Yes.", "key")
    unclear = VerdictRecord("random", False, {"token": "a"}, None, None, "Perhaps", "key2")
    number = records.keep_label(made(text=TEXT), [told, unclear])
    assert again(records).label(number) == made(id=number, text=TEXT)
    assert again(records).verdicts(number) == [told, unclear]
    assert again(records).labels(SUBJECT, 3) == again(records).labels(SUBJECT) == [made(id=number, text=TEXT)]
    assert not records.labels(SUBJECT, 4) and not records.labels(Subject("bae", "another checkpoint"))
    with pytest.raises(KeyError, match="no label 99"):
        records.label(99)


def test_which_label_is_shown(records):
    kept = {
        "maintainers": made(source="maintainers", judge=""),
        "draft": made(text="draft", draft=True, created=300.0),
        "judge": made(text="judge's"),
        "newer": made(text="newer", created=200.0),
        "person": made(source="person", text="mine", judge="", created=50.0),
    }
    for name in ("draft", "maintainers", "judge", "newer", "person"):
        number = records.keep_label(kept[name])
        assert records.shown(SUBJECT)[3].text == kept[name].text, f"{name} stands above those before it"
        kept[name] = replace(kept[name], id=number)
    records.show(kept["draft"].id)
    assert again(records).shown(SUBJECT)[3].text == "draft", "a person's choice is above all"
    records.show(kept["person"].id)
    records.delete_own(kept["person"].id)
    assert records.shown(SUBJECT)[3].text == "newer"
    with pytest.raises(ValueError, match="only labels that people wrote"):
        records.delete_own(kept["judge"].id)


def test_a_run_waits_its_turn_and_goes_on_after_a_kill(records):
    first = records.add_run(SUBJECT, "gpt", Settings(n_test=4), [3, 5, 3], {"calls": 10})
    time.sleep(0.01)
    second = records.add_run(SUBJECT, "gpt", Settings(), [7])
    run = records.next_queued()
    assert (run.id, run.features, run.settings, run.budget) == (first, (3, 5), Settings(n_test=4), {"calls": 10})
    assert records.set_state(first, "running", only_from=("queued",))
    assert not records.set_state(first, "running", only_from=("queued",)), "nobody else takes it"
    assert records.next_queued().id == second
    again(records).requeue()
    assert records.next_queued().id == first
    assert records.set_state(first, "cancelled") and not records.set_state(first, "done"), "what is cancelled stays so"
    assert records.run(first).finished is not None
    with pytest.raises(ValueError, match="at least one feature"):
        records.add_run(SUBJECT, "gpt", Settings(), [])
    with pytest.raises(KeyError, match="no labelling run"):
        records.run("nothing")


def test_what_became_of_features(records):
    run = records.add_run(SUBJECT, "gpt", Settings(), [3, 5])
    records.keep_failure(run, 5, "the judge gave no label")
    number = records.keep_label(made(run=run))
    found = again(records).outcomes(run)
    assert found[3].label == number and not found[3].failure
    assert found[5].label is None and found[5].failure == "the judge gave no label"
    records.forget_failures(run)
    assert list(records.outcomes(run)) == [3]
    records.keep_rescore(run, records.label(number), "MiniLM", FITS)
    assert again(records).rescores(number) == {"MiniLM": FITS}
    records.keep_control(run, 3, "another's", [Verdict(True, False, 0.2), Verdict(False, None)])
    assert again(records).control(run) == [Verdict(True, False, 0.2), Verdict(False, None)]


def test_another_checkpoint_is_another_subject():
    assert checkpoint_of({"a": 1, "b": [2.5]}) == checkpoint_of({"b": [2.5], "a": 1}) != checkpoint_of({"a": 1, "b": [2.6]})
