"""What an ONNX graph takes: which columns go into which input, and as what."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from resources.scorers.base import ScoringError

if TYPE_CHECKING:
    import pyarrow as pa

# By type of the graph's input: Arrow's type, numpy's, and what a missing value becomes. Of a text
# the manifest says it.
TENSORS: dict[str, tuple[str, Any, Any]] = {
    "tensor(float)": ("double", np.float32, float("nan")),
    "tensor(double)": ("double", np.float64, float("nan")),
    "tensor(int64)": ("int64", np.int64, None),
    "tensor(int32)": ("int32", np.int32, None),
    "tensor(bool)": ("bool", np.bool_, None),
    "tensor(string)": ("string", np.object_, ""),
}


class GraphInput(NamedTuple):
    """An input of a graph.

    ``kind`` is a key of `TENSORS`. ``columns`` is None where it takes any number of them.
    ``is_flat`` says that it takes one column as ``[N]``, not ``[N, 1]``.
    """

    name: str
    kind: str
    columns: int | None
    is_flat: bool = False

    @property
    def takes_text(self) -> bool:
        """Whether values are given to it as text."""
        return self.kind == "tensor(string)"


def graph_inputs(session: Any) -> list[GraphInput]:
    """What the graph of a session of onnxruntime takes.

    Raises
    ------
    ScoringError
        If rows cannot be given to one of the inputs.
    """
    inputs = []
    for item in session.get_inputs():
        what = f"the ONNX graph's input {item.name}"
        if item.type not in TENSORS:
            raise ScoringError(f"{what} is a {item.type}, not {', '.join(TENSORS)}")
        # A dimension that is no number is free; a shape without any is unknown.
        fixed = [size if isinstance(size, int) else None for size in item.shape]
        if len(fixed) > 2:
            raise ScoringError(f"{what} has the shape {item.shape}; allowed: [N] or [N, columns]")
        if fixed and fixed[0] is not None:
            raise ScoringError(
                f"{what} takes {fixed[0]} row{'s' if fixed[0] > 1 else ''} and no other number "
                f"(its shape is {item.shape}); export the model with None as the first dimension"
            )
        is_flat = len(fixed) == 1
        columns = 1 if is_flat else fixed[1] if fixed else None
        inputs.append(GraphInput(item.name, item.type, columns, is_flat))
    return inputs


def goes_by_name(inputs: Sequence[GraphInput]) -> bool:
    """Whether each input has to have the name of a characteristic."""
    return len(inputs) > 1 and all(one.columns in (1, None) for one in inputs)


def columns_by_name(inputs: Iterable[GraphInput], columns: Sequence[str]) -> dict[str, str]:
    """The column that each input is named after, by the input's name; others have none.

    It is the column of that very name, or else the only one whose name an exporter writes so:
    skl2onnx has ``_`` in place of what is no letter, digit, ``_`` or ``+``, and before a digit that
    a name begins with.
    """
    names = [one.name for one in inputs]
    found = {name: name for name in names if name in columns}
    for name in names:
        alike = [one for one in columns if one not in found and _exported(one) == name]
        if name not in found and len(alike) == 1:
            found[name] = alike[0]
    return found


def _exported(column: str) -> str:
    return re.sub(r"^(?=[0-9])", "_", re.sub(r"[^\w+]", "_", column))


def columns_by_input(
    inputs: Sequence[GraphInput], characteristics: Sequence[str]
) -> list[tuple[GraphInput, tuple[str, ...]]]:
    """The characteristics that go into each input.

    An input of one column takes the characteristic that it is named after. The others take the rest
    in the manifest's order, each as many as it is wide.

    Raises
    ------
    ScoringError
        If characteristics and inputs do not come out even.
    """
    takes_all = len(inputs) == 1 and len(characteristics) > 1
    single = [one for one in inputs if one.columns in (1, None) and not takes_all]
    by_name = columns_by_name(single, characteristics)
    rest = [name for name in characteristics if name not in by_name.values()]
    placed = [one for one in inputs if one.name not in by_name]
    if goes_by_name(inputs) and (rest or placed):
        raise ScoringError(
            "the ONNX graph's inputs are not the characteristics: "
            f"only in the graph {sorted(one.name for one in placed)}, "
            f"only in the manifest {sorted(rest)}"
        )
    widths = [one.columns for one in placed]
    if widths == [None]:
        widths = [len(rest)]
    known = [width for width in widths if width is not None]
    if len(known) < len(widths) or sum(known) != len(rest):
        wide = ", ".join(f"{one.name} [N, {one.columns or '?'}]" for one in placed) or "none"
        raise ScoringError(
            f"features.columns: found {len(rest)} ({', '.join(rest) or 'none'}) for the ONNX "
            f"graph's inputs {wide}; allowed: as many as they take, in their order"
        )
    taken: dict[str, tuple[str, ...]] = {name: (column,) for name, column in by_name.items()}
    for one, width in zip(placed, known, strict=True):
        taken[one.name], rest = tuple(rest[:width]), rest[width:]
    return [(one, taken[one.name]) for one in inputs]


def tensor(
    batch: pa.RecordBatch, graph_input: GraphInput, columns: Sequence[str], missing_text: str
) -> NDArray[Any]:
    """Columns as ``[N, columns]``, or ``[N]``, of the type that an input takes.

    Raises
    ------
    ScoringError
        If a value does not fit; no value is shown.
    """
    arrays = [_array(batch, name, graph_input.kind, missing_text) for name in columns]
    return arrays[0] if graph_input.is_flat else np.column_stack(arrays)


def _array(batch: pa.RecordBatch, name: str, kind: str, missing_text: str) -> NDArray[Any]:
    import pyarrow as pa

    column = batch[name]
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    arrow_type, dtype, missing = TENSORS[kind]
    if missing is None and column.null_count:
        raise ScoringError(
            f"{name}: {column.null_count} values are missing; the ONNX graph takes a {kind}, "
            "which cannot say so"
        )
    try:
        column = column.cast(arrow_type, safe=arrow_type != "double")
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        # Without the value that does not fit: it is a person's.
        raise ScoringError(
            f"{name}: {column.type} does not fit the ONNX graph, which takes a {kind}"
        ) from None
    if column.null_count:
        column = column.fill_null(missing_text if missing == "" else missing)
    values: NDArray[Any] = column.to_numpy(zero_copy_only=False).astype(dtype, copy=False)
    return values
