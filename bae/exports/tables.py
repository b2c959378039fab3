"""The tables of an index as Parquet files: what `bae/index/schema.py` says, for programs that read no DuckDB."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bae.exports.material import Material
from bae.system.files import written_whole
from bae.system.progress import Progress

TYPES = {
    "VARCHAR": pa.string(),
    "INTEGER": pa.int32(),
    "UINTEGER": pa.uint32(),
    "USMALLINT": pa.uint16(),
    "BIGINT": pa.int64(),
    "UBIGINT": pa.uint64(),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
}
"""The types that the tables of an index use; `[]` behind one makes it a list."""
ORDER = {"meta": "key", "dictionary": "layer, name"}
AT_ONCE = 256
"""Features, or contexts, that are read at a time: some 10,000 rows at most."""


def write(material: Material, folder: Path) -> list[str]:
    """Write every table of the index, `NAME.parquet` each, whole or not at all. Returns their names.

    Raises FileExistsError where something lies, ValueError for an index with a table that this program does not know.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} exists and is not empty; give another folder")
    index = material.index
    sizes = {name: index.rows(f"select count(*) from {name}")[0][0] for name in (*ORDER, "context", "feature", "example")}
    with written_whole(folder.absolute()) as draft, Progress("writing tables", sum(sizes.values()), "rows") as progress:
        draft.mkdir()
        for name in sizes:
            schema = schema_of(material, name)
            with pq.ParquetWriter(draft / f"{name}.parquet", schema, compression="zstd") as writer:
                for part in _parts(material, name):
                    columns = zip(*part, strict=True)
                    writer.write_table(pa.Table.from_pydict(dict(zip(schema.names, columns, strict=True)), schema))
                    progress.advance(len(part))
    return list(sizes)


def schema_of(material: Material, name: str) -> pa.Schema:
    """The columns of a table with their types."""
    found = material.index.rows(
        "select column_name, data_type from information_schema.columns where table_name = ? order by ordinal_position", name
    )
    return pa.schema([(column, _type(told)) for column, told in found])


def _type(told: str) -> pa.DataType:
    if told.endswith("[]"):
        return pa.list_(_type(told.removesuffix("[]")))
    if told not in TYPES:
        raise ValueError(f"a column of the index is of the type {told}, which is not exported; there are {', '.join(TYPES)}")
    return TYPES[told]


def _parts(material: Material, name: str) -> Iterator[list[tuple]]:
    """The rows of a table, some at a time; a table of the schema, never a name that somebody gave."""
    index = material.index
    if name in ORDER:
        asked = [index.rows(f"select * from {name} order by {ORDER[name]}")]
    elif name == "context":
        ((most,),) = index.rows("select coalesce(max(context_id), -1) from context")
        between = "select * from context where context_id between ? and ? order by context_id"
        asked = (index.rows(between, first, first + AT_ONCE - 1) for first in range(0, most + 1, AT_ONCE))
    else:
        order = "feature" if name == "feature" else "feature, band, rank"
        between = f"select * from {name} where dictionary = ? and feature between ? and ? order by {order}"
        asked = (
            index.rows(between, dictionary, first, first + AT_ONCE - 1)
            for dictionary, entry in material.dictionaries.items()
            for first in range(0, entry.n_features, AT_ONCE)
        )
    return (part for part in asked if part)
