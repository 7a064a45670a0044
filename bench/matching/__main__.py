"""`python -m bench.matching`: precision and recall of title matching per band; `--fit` writes the calibration anew."""

from pathlib import Path
from time import perf_counter
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from bench.matching.evaluate import Evaluation, Row, evaluate
from bench.matching.fitting import fit, matrix
from bench.matching.labelled import Title, pairs, titles
from libs.matching.confidence import Calibration
from libs.matching.embedding import MODEL, SentenceModel
from libs.matching.title import canonical

CALIBRATION = Path(__file__).resolve().parents[2] / "libs" / "matching" / "calibration.json"


def measure() -> tuple[list[Title], Evaluation, Calibration, float]:
    """The titles, what was found, the calibration of all pairs, and milliseconds a title for its embedding."""
    known, model = titles(), SentenceModel()
    model.embed(["warm"])
    began = perf_counter()
    vectors = model.embed([canonical(title.text) for title in known])
    each = (perf_counter() - began) * 1000 / len(known)
    found = pairs(known, vectors)
    rows, same = matrix(known, vectors, found), np.array([float(pair.same) for pair in found])
    return known, evaluate(known, found, rows, same), fit(rows, same), each


def main(
    write: Annotated[bool, typer.Option("--fit", help="Write libs/matching/calibration.json from all pairs.")] = False,
) -> None:
    """Evaluate matching by title on the labelled set, by five folds of product families."""
    known, found, calibration, milliseconds = measure()
    console = Console()
    console.print(
        f"{len(known)} titles of {len({title.product for title in known})} products in "
        f"{len({title.family for title in known})} families; {MODEL}, {milliseconds:.1f} ms a title on one core."
    )
    table = Table("confidence", "pairs", "one product", "precision", "recall", "told on average")
    for row in (*found.bands, found.linked, found.cosine_alone):
        _add(table, row)
    console.print(table)
    console.print(f"Expected calibration error: {found.calibration_error:.3f}.")
    for pair, chance in found.wrong_by_itself:
        console.print(
            f"Linked wrongly at {chance:.2f}: {known[pair.one].text!r} and {known[pair.other].text!r}", markup=False
        )
    if write:
        CALIBRATION.write_text(calibration.to_json(), encoding="utf-8")
        console.print(f"Wrote {CALIBRATION}.")


def _add(table: Table, row: Row) -> None:
    table.add_row(
        row.name, str(row.pairs), str(row.same), f"{row.precision:.3f}", f"{row.recall:.3f}", f"{row.confidence:.3f}"
    )


if __name__ == "__main__":
    typer.run(main)
