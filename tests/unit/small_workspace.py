"""A workspace of made-up sentences, codes and labels, on disk: what exports read. Without a language model and without checkpoints."""

import json
import time
from pathlib import Path

import duckdb
import torch
from safetensors.torch import save_file
from small_index import make_index, n_tokens, sentences

from bae.comsem.records import Label, Records, Subject, checkpoint_of
from bae.comsem.score import Verdict, score
from bae.features.directions import lens_rows, nearest_rows
from bae.index.directions import directions_file, tokens_file, unembedding_file
from bae.index.query import Index
from bae.notebook.database import Notebook
from bae.workspace import Workspace

HOSTILE = (
    '<script src="https://evil.example/x.js">1</script> <img src=x onerror=alert(1)> " onmouseover=x ` $x$ :material/home:'
    " 🙂 \u202eolleh\n=1+1"
)
DICTIONARIES = ("bae", "topk")
N_FEATURES = 12

D_MODEL, N_TOKENS = 5, 60
SCALE = 2.0


def make_workspace(folder: Path) -> Workspace:
    """Two dictionaries, hostile sentences, and labels of all sources with and without scores."""
    folder.mkdir(parents=True)
    (folder / "recipe.toml").write_text('layers = [2]\nmodel = "embedded"\n', encoding="utf-8")
    texts = [*sentences(40), *(f"{HOSTILE} sea number {number}." for number in range(3))]
    draw = torch.Generator().manual_seed(0)
    bits = (torch.rand(n_tokens(texts), N_FEATURES, generator=draw) < 0.06).float()
    bits[:, 0] = 0  # one that never fires
    bits[bits[:, 3].cumsum(0) > 10, 3] = 0  # and one of few contexts
    values = torch.rand(bits.shape, generator=draw) * (torch.rand(bits.shape, generator=draw) < 0.06)
    values[:, 0] = 0
    index = make_index(folder / "index" / "index-made", texts, dict(zip(DICTIONARIES, (bits, values), strict=True)))
    (folder / "index" / "current").write_text("index-made\n", encoding="utf-8")
    add_examples(index, dict(zip(DICTIONARIES, (bits, values), strict=True)))
    _add_labels(Workspace.open(folder))
    return Workspace.open(folder)


def add_examples(index: Index, codes: dict[str, torch.Tensor]) -> None:
    """Give every feature that fires its contexts in corpus order, which `make_index` leaves out."""
    file = index.file
    lengths = [len(ids) - 1 for ids in index.contexts()[0]]
    index.close()
    with duckdb.connect(file) as connection:
        for name, code in codes.items():
            for feature in range(code.shape[1]):
                rows = list(_contexts_of(code[:, feature], lengths))
                for rank, (context, positions, strengths) in enumerate(rows[:16]):
                    peak = positions[strengths.index(max(strengths))]
                    row = [name, feature, "strongest", rank, context, peak, max(strengths), positions, strengths]
                    connection.execute("insert into example values (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
                if rows:
                    connection.execute("insert into example values (?, ?, 'random', 0, ?, 1, 0, [], [])", [name, feature, len(lengths) - 1])


def _contexts_of(column: torch.Tensor, lengths: list[int]):
    """Every context on which a feature fires, with positions from 1 and strengths."""
    first = 0
    for context, length in enumerate(lengths):
        part = column[first : first + length]
        where = part.nonzero().flatten()
        if len(where):
            yield context, (where + 1).tolist(), part[where].tolist()
        first += length


def _add_labels(study: Workspace) -> None:
    records = Records(Notebook(study.notebook_file))
    index = Index(study.index_file())
    subject = Subject("bae", checkpoint_of(index.dictionaries()["bae"].provenance))
    index.close()
    verdicts = [Verdict(True, True, 0.9)] * 6 + [Verdict(True, False, 0.2)] * 2 + [Verdict(False, False, 0.1)] * 8
    judged = score(verdicts, 8)
    made = [
        Label(0, subject, 1, "words of the sea", "judge", "gpt-4.1-mini", False, "3", None, time.time() - 100, 20, judged),
        Label(0, subject, 1, HOSTILE, "person", "", False, "", None, time.time(), None, None),
        Label(0, subject, 2, "=HYPERLINK(1)", "judge", "embedded", True, "3", None, time.time(), 9, judged),
        Label(0, subject, 3, "-2+3", "maintainers", "", False, "", None, time.time(), 9, None, {"how": "read"}),
    ]
    for label in made:
        number = records.keep_label(label)
        if label.source == "maintainers":
            records.keep_rescore(None, records.label(number), "all-MiniLM-L6-v2", judged)


def add_rows(study: Workspace, name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Give a dictionary a checkpoint and what its rows point at; returns its raw rows and the unembedding. Row 1 is of zeros."""
    draw = torch.Generator().manual_seed(1)
    rows, words = torch.randn(N_FEATURES, D_MODEL, generator=draw).half(), torch.randn(N_TOKENS, D_MODEL, generator=draw).half()
    rows[1] = 0
    index = Index(study.index_file())
    told = {"provenance": index.dictionaries()[name].provenance, "scaling": {"scale": SCALE}}
    index.close()
    folder, beside = study.autoencoder_folder(name), study.index_file().parent
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(told), encoding="utf-8")
    save_file({"W_out": rows}, folder / "weights.safetensors")
    raw = rows.float() / SCALE
    length = raw.norm(dim=-1)
    arrays = lens_rows(raw, words) | nearest_rows(raw)
    arrays |= {"rows": (raw / length.clamp(min=1e-9)[:, None]).half(), "length": length}
    directions_file(beside, name).parent.mkdir()
    save_file(arrays, directions_file(beside, name))
    save_file({"unembedding": words}, unembedding_file(beside))
    tokens_file(beside).write_text(json.dumps([f" token{number}" for number in range(N_TOKENS)]), encoding="utf-8")
    return raw, words.float()
