"""Does a checkpoint know when people stop? End F1 at each assistant's turn, for each source, beside two rivals.

    python -m tests.benchmarks.usersim_ends CHECKPOINT CORPUS [--seed S]

CORPUS is prepared (`simworld usersim prepare`): rivals and thresholds are of its training part, the figures of its
validation part. Sources are `about.data`; ends that nobody knows are in neither.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from simworld.evaluate.contexts import TRAIN, held_out, read_contexts
from simworld.evaluate.model import TRAINING, measure_ends
from simworld.evaluate.stopping import points_of
from simworld.train.score import open_scorer


def main() -> None:
    """Print the table, and the hazards of each source."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    scorer = open_scorer(given.checkpoint)
    held, train = held_out(given.corpus), read_contexts(given.corpus, TRAIN, most=TRAINING, seed=given.seed)
    ours, theirs = (points_of(part, scorer.score(one.row for one in part)) for part in (held, train))
    found = measure_ends(ours, theirs, given.seed)
    table = [found["heads"], *found["rows"]]
    widths = [max(len(row[at]) for row in table) for at in range(len(found["heads"]))]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for note in found["notes"]:
        print(note)
    for source, facts in found["sources"].items():
        print(f"\n{source}: turn, people's chance to stop, the checkpoint's, conversations that came so far")
        for number, (real, made, reached) in facts["hazards"].items():
            if reached >= 5:
                print(f"  {number:3d}  {real:.3f}  {made:.3f}  {reached}")


if __name__ == "__main__":
    main()
