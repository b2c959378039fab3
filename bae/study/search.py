"""Search in a study: for features by what they mean, fire on or write, and for sentences by what they say or what fires there."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from bae.features.texts import nearness, texts_of
from bae.index import answers, logic, text_search
from bae.index.layout import passages
from bae.index.mentions import named
from bae.index.query import Example
from bae.study.feature import named_by_dictionary
from bae.study.sources import Names, Sources

WAYS = ("words", "meaning", "sentences", "expression", "token")


def search(sources: Sources, wanted: Mapping[str, str | None], dictionaries: Names, most: int, case: bool) -> pd.DataFrame:
    """The table of `Study.search`; of `wanted`, by way, one and only one is no None."""
    given = {way: text for way, text in wanted.items() if text is not None}
    if len(given) != 1:
        raise ValueError(f"say what to search for in one way: {', '.join(WAYS)}; got {', '.join(given) or 'none'}")
    [(way, text)] = given.items()
    # a token may be a line break
    if not (text if way == "token" else text.strip()):
        raise ValueError(f"there is nothing to search for: {way} is empty")
    names = sources.names(dictionaries)
    if way in ("sentences", "expression"):
        rows, best = _in_sentences(sources, names, text, way == "expression", case, most), "at_least"
    elif way == "words":
        return named_by_dictionary(sources, _by_words(sources, names, text, most))
    elif way == "meaning":
        rows, best = _by_meaning(sources, names, text), "cosine"
    else:
        rows, best = _by_token(sources, names, text), "z"
    rows = rows.sort_values(best, ascending=False, kind="stable").head(most).reset_index(drop=True)
    return named_by_dictionary(sources, rows)


def _by_words(sources: Sources, names: Sequence[str], text: str, most: int) -> pd.DataFrame:
    wanted, found = text.strip().lower(), []
    for name in names:
        labels = {feature: label.text for feature, label in sources.shown_labels(name).items() if wanted in label.text.lower()}
        found += [(name, one) for one in named(sources.index, name, text, labels)]
    found.sort(key=lambda pair: pair[1].rank)
    return pd.DataFrame([(name, one.feature, one.why) for name, one in found[:most]], columns=["dictionary", "feature", "why"])


def _by_meaning(sources: Sources, names: Sequence[str], text: str) -> pd.DataFrame:
    from bae.features.meaning import Meanings

    rows = []
    for name in names:
        texts = texts_of(sources.column(name, "summary"), sources.shown_labels(name))
        kept = sources.index.file.with_name(f"{name}.meanings.safetensors")
        meanings = Meanings(texts, kept, status=sources.workspace.status_file("embed"))
        rows += [(name, feature, cosine) for feature, cosine in nearness(meanings, text).items()]
    return pd.DataFrame(rows, columns=["dictionary", "feature", "cosine"])


def _in_sentences(sources: Sources, names: Sequence[str], text: str, expression: bool, case: bool, most: int) -> pd.DataFrame:
    there = text_search.find(sources.index, sources.layout, text, expression, case)
    columns = ["dictionary", "feature", "at_least", "log_odds", "here", "share_here", "share_own"]
    rows = [{"dictionary": name, **vars(one)} for name in names for one in text_search.enriched(sources.columns(name), there.tokens, most)]
    return pd.DataFrame(rows, columns=columns)


def _by_token(sources: Sources, names: Sequence[str], text: str) -> pd.DataFrame:
    parts = []
    for name in names:
        found = sources.directions(name)
        tokens = found.tokens_of(text)
        if not tokens:
            raise ValueError(f"{text!r} is no token of the model's vocabulary, alone or behind a space; a longer text has several tokens")
        z = found.promoters(tokens[0])
        parts.append(pd.DataFrame({"dictionary": name, "feature": np.arange(len(z)), "token": found.texts[tokens[0]], "z": z}))
    rows = pd.concat(parts)
    return rows[rows["z"] > 0]


def sentences(sources: Sources, wanted: str, expression: bool, case: bool, most: int) -> pd.DataFrame:
    """The table of `Study.sentences`."""
    found = text_search.find(sources.index, sources.layout, wanted, expression, case)
    strengths = np.ones(len(found.tokens), np.float32)
    shown = passages(sources.index, sources.layout, found.tokens, strengths, found.contexts[:most].tolist())
    return _table(shown, len(found.contexts), matches=found.matches)


def query(sources: Sources, text: str, dictionary: str, unit: logic.Unit, most: int) -> pd.DataFrame:
    """The table of `Study.query`."""
    sources.entry(dictionary)
    if unit not in ("token", "sentence"):
        raise ValueError(f"a query is asked of every token or of every sentence; got {unit!r}")
    asked = logic.read_query(text, dictionary, {name: entry.n_features for name, entry in sources.known.items()})
    found = logic.answer(asked, sources.columns, sources.layout, unit)
    shown, total = answers.sentences(sources.index, sources.layout, sources.columns, asked, found, 0, most)
    return _table(shown, total, holds=len(found.members), asked=found.total)


def _table(examples: Sequence[Example], total: int, **told: int) -> pd.DataFrame:
    """Sentences with the tokens that are marked in them; `attrs` tells how many there are in all."""
    rows = [(one.context_id, one.document, one.text, [one.text[one.starts[at] : one.ends[at]] for at in one.positions]) for one in examples]
    table = pd.DataFrame(rows, columns=["context", "document", "text", "tokens"])
    table.attrs = {"sentences": total, **told}
    return table
