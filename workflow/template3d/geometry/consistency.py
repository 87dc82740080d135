"""Consistent signs: drops samples of a signed distance that contradict their neighbours."""

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_bipartite_matching
from scipy.spatial import KDTree

NEIGHBOURS = 8
"""Outside samples, the nearest ones, that an inside sample is compared with."""
TOLERANCE = 0.005
"""Rounding that a contradiction must exceed, as a share of the distance between two samples."""


def consistent(inside: np.ndarray, outside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The samples (M, 4) inside and (P, 4) outside, in order, without those that contradict their neighbours.

    A signed distance function is 1-Lipschitz: between two points it changes by at most their distance. If the signed
    distances of two samples with opposite signs differ by more, their balls overlap and hold no face, so one of the
    signs is wrong: at the mouth of a cavity, or in a solid that a ray reaches through a crack.

    In the end, no inside sample contradicts any of its NEIGHBOURS nearest outside samples. Each round drops the fewest
    samples that settle all contradictions found so far, so the signs of the majority stay.
    """
    keep_inside, keep_outside = np.ones(len(inside), dtype=bool), np.ones(len(outside), dtype=bool)
    waiting = np.arange(len(inside))
    while len(waiting) and keep_outside.any():
        kept = np.flatnonzero(keep_outside)
        nearest, wrong = contradictions(inside[waiting], outside[kept])
        nearest = kept[nearest]
        row, rank = np.nonzero(wrong)
        first, second = smallest_cover(np.stack([waiting[row], nearest[row, rank]], axis=1))
        keep_inside[first] = keep_outside[second] = False
        has_new_neighbours = np.isin(nearest, second).any(axis=1)
        waiting = waiting[keep_inside[waiting] & has_new_neighbours]
    return inside[keep_inside], outside[keep_outside]


def contradictions(inside: np.ndarray, outside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The outside samples (P, 4) nearest to each inside one (M, 4): indices (M, K), and whether they contradict it."""
    ranks = range(1, min(NEIGHBOURS, len(outside)) + 1)
    apart, nearest = KDTree(outside[:, :3]).query(inside[:, :3], k=ranks)
    together = np.abs(inside[:, 3])[:, None] + outside[:, 3][nearest]
    return nearest, together > (1 + TOLERANCE) * apart + TOLERANCE / 100


def smallest_cover(pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The fewest first and second entries, as two sorted arrays, that have one of each of the pairs (N, 2).

    Source: a minimum vertex cover by a maximum matching (Koenig's theorem).
    """
    (firsts, first), (seconds, second) = (np.unique(column, return_inverse=True) for column in pairs.T)
    count, start = len(firsts), len(firsts) + len(seconds)
    graph = csr_array((np.ones(len(pairs), np.int8), (first, second)), shape=(count, len(seconds)))
    match = maximum_bipartite_matching(graph, perm_type="column")
    matched = match[first] == second
    unmatched = np.flatnonzero(match < 0)
    # along paths from unmatched first entries: forth by pairs outside the matching, back by those of the matching
    sources = np.concatenate([first[~matched], count + second[matched], np.full(len(unmatched), start)])
    targets = np.concatenate([count + second[~matched], first[matched], unmatched])
    steps = csr_array((np.ones(len(sources), np.int8), (sources, targets)), shape=(start + 1, start + 1))
    reached = np.zeros(start + 1, dtype=bool)
    reached[breadth_first_order(steps, start, return_predecessors=False)] = True
    return firsts[~reached[:count]], seconds[reached[count:start]]
