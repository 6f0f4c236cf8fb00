"""The raw rows of a run as Parquet: what every figure of a report can be computed from again.

No text of a user and no id is in them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ctr_bench.record import Records, Row, records_of_table

if TYPE_CHECKING:
    from pathlib import Path

VERSION = "model_version"
_NAMES = tuple(name for name in Row._fields if name != "version")


def write_rows(records: Records, path: Path) -> None:
    """Write one row a request: the columns of `Records`, `version` as a text, dictionary-encoded.

    Written to exactly this path; the caller renames.

    Raises:
        OSError: there is no room, or no right to write.
    """
    columns: dict[str, pa.Array] = {name: pa.array(getattr(records, name)) for name in _NAMES}
    known = records.version >= 0
    columns[VERSION] = pa.DictionaryArray.from_arrays(
        pa.array(np.where(known, records.version, 0), type=pa.int16(), mask=~known),
        pa.array(records.versions.tolist(), type=pa.string()),
    )
    pq.write_table(pa.table(columns), path, compression="zstd")


def read_rows(path: Path) -> Records:
    """Read what `write_rows` wrote.

    Raises:
        OSError, pyarrow.ArrowInvalid: the file is absent or is no such file.
        KeyError: a column is missing.
    """
    table = pq.read_table(path)
    versions = table[VERSION].combine_chunks().dictionary_encode()
    versions = versions.combine_chunks() if isinstance(versions, pa.ChunkedArray) else versions
    indices = versions.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    columns = [
        indices if name == "version" else table[name].to_numpy().astype(np.int64)
        for name in Row._fields
    ]
    return records_of_table(
        np.stack([column.astype(np.int64) for column in columns], axis=1),
        versions.dictionary.to_pylist(),
    )
