"""The best one-to-one matching of rows and columns: the assignment problem, exactly.

    maximise  sum over pairs (i, j) of scores[i, j],   each row and column in one pair at most, min(n, m) pairs

By shortest augmenting paths on reduced costs (Jonker and Volgenant 1987): rows that are alone in wanting a column get
it at once, each other one takes the cheapest chain of changes. For SAEs against true features most rows are alone, so
this is far from its worst case O(n^2 m).
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def best_matching(scores: Float[Tensor, "n m"]) -> tuple[Int[Tensor, " k"], Int[Tensor, " k"]]:
    """Rows, rising, and the column of each: the matching with the largest sum of scores.

    Raises:
        ValueError: If a score is not finite.
    """
    if not bool(torch.isfinite(scores).all()):
        raise ValueError("Scores to match by must be finite numbers; some are not.")
    if scores.shape[0] > scores.shape[1]:
        columns, rows = best_matching(scores.T)
        order = rows.argsort()
        return rows[order], columns[order]
    columns = _assigned(-scores.detach().cpu().double().contiguous().numpy())
    found = torch.as_tensor(columns, dtype=torch.long, device=scores.device)
    return torch.arange(len(found), device=scores.device), found


def _assigned(costs):
    import numpy as np

    n, m = costs.shape
    row_of = np.full(m, -1)
    column_of = np.full(n, -1)
    v = np.zeros(m)
    wanted = costs.argmin(1) if n else column_of
    u = costs[np.arange(n), wanted] if n else np.zeros(0)
    for row, column in enumerate(wanted):
        if row_of[column] < 0:
            row_of[column], column_of[row] = row, column
    for free_row in np.flatnonzero(column_of < 0):
        distance = np.full(m, np.inf)
        via = np.full(m, -1)
        is_open = np.ones(m, dtype=bool)
        row, reached, scanned = free_row, 0.0, []
        while True:  # Dijkstra over columns, by reduced cost
            offered = reached + costs[row] - u[row] - v
            is_nearer = is_open & (offered < distance)
            distance[is_nearer], via[is_nearer] = offered[is_nearer], row
            column = int(np.where(is_open, distance, np.inf).argmin())
            reached = distance[column]
            is_open[column] = False
            scanned.append(column)
            if row_of[column] < 0:
                break
            row = row_of[column]
        slack = reached - distance[scanned[:-1]]
        u[free_row] += reached
        u[row_of[scanned[:-1]]] += slack
        v[scanned[:-1]] -= slack
        while True:  # along the path, each row takes the column it was reached through
            row = via[column]
            row_of[column] = row
            column, column_of[row] = column_of[row], column
            if row == free_row:
                break
    return column_of
