"""What a hierarchy does to feature activations, for batches at once and at the cost of what is active.

Stage by stage, where features without a parent are stage 0 and children one stage below their parent:

    act <- act                                        if the parent is active (act * parent / parent's mean, if asked)
           0                                          if it is not
    act <- 0                                          for all but one, drawn at random, of the active ones in a group

Activations are kept as their non-zero entries (`Entries`), sorted by row and feature.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


class Link(NamedTuple):
    """A feature's place in the forest."""

    feature: int
    parent: int
    """The nearest ancestor that is a feature; -1 if there is none."""
    scales: bool
    """Whether it is as strong as its parent is."""
    group: int
    """The group of which one fires at a time; -1 if there is none."""


class Entries(NamedTuple):
    """Non-zero entries of `[n, n_features]`."""

    rows: Int[Tensor, " m"]
    features: Int[Tensor, " m"]
    values: Float[Tensor, " m"]

    @classmethod
    def of(cls, activations: Float[Tensor, "n n_features"]) -> "Entries":
        """Those of a dense or sparse tensor."""
        if activations.is_sparse:
            activations = activations.coalesce()
            rows, features = activations.indices()
            return cls(rows, features, activations.values())
        rows, features = activations.nonzero(as_tuple=True)
        return cls(rows, features, activations[rows, features])

    def to_dense(self, n: int, n_features: int) -> Float[Tensor, "n n_features"]:
        dense = self.values.new_zeros(n, n_features)
        dense[self.rows, self.features] = self.values
        return dense

    def to_sparse(self, n: int, n_features: int) -> Tensor:
        """As sparse COO."""
        indices = torch.stack([self.rows, self.features])
        return torch.sparse_coo_tensor(indices, self.values, (n, n_features), check_invariants=False)

    def where(self, is_kept: Bool[Tensor, " m"]) -> "Entries":
        return Entries(self.rows[is_kept], self.features[is_kept], self.values[is_kept])

    def sorted(self, n_features: int) -> "Entries":
        """By row, then feature."""
        order = (self.rows * n_features + self.features).argsort()
        return Entries(self.rows[order], self.features[order], self.values[order])


class Forest:
    """The tables of a hierarchy over `n_features` features."""

    def __init__(self, links: list[Link], n_features: int, device: torch.device) -> None:
        if links and max(link.feature for link in links) >= n_features:
            raise ValueError(
                f"The hierarchy has feature_index={max(link.feature for link in links)}, but there are "
                f"{n_features} features: 0 to {n_features - 1}."
            )
        parent, group = torch.full((n_features,), -1), torch.full((n_features,), -1)
        scales = torch.zeros(n_features, dtype=torch.bool)
        stage = torch.zeros(n_features, dtype=torch.long)
        for link in links:  # parents come before their children
            parent[link.feature], group[link.feature], scales[link.feature] = link.parent, link.group, link.scales
            stage[link.feature] = stage[link.parent] + 1 if link.parent >= 0 else 0
        self.parent, self.group, self.scales = parent.to(device), group.to(device), scales.to(device)
        self.stage = stage.to(device)
        self.n_features, self.n_stages = n_features, int(stage.max()) + 1 if n_features else 1
        self.n_groups = int(group.max()) + 1 if n_features else 0
        self.free = (self.stage == 0).nonzero().flatten()
        """Features without a parent."""
        # Children of feature f: child_list[child_start[f] : child_start[f] + n_children[f]]
        order = torch.where(parent >= 0, parent, n_features).argsort(stable=True)[: int((parent >= 0).sum())]
        self.child_list = order.to(device)
        counts = torch.bincount(parent[order], minlength=n_features)
        self.n_children, self.child_start = counts.to(device), (counts.cumsum(0) - counts).to(device)

    def children_of(self, entries: Entries) -> tuple[Int[Tensor, " m"], Int[Tensor, " m"]]:
        """Each child of each entry's feature: which entry, and which feature."""
        n = self.n_children[entries.features]
        owner = torch.repeat_interleave(torch.arange(len(n), device=n.device), n)
        nth = torch.arange(len(owner), device=n.device) - (n.cumsum(0) - n)[owner]
        return owner, self.child_list[self.child_start[entries.features[owner]] + nth]

    def scale(self, features: Tensor, parents: Tensor, means: Tensor | None) -> Tensor:
        """What these features are multiplied with, where their parents have the activations `parents`, above 0."""
        if means is None or not bool(self.scales.any()):
            return torch.ones_like(parents)
        return torch.where(self.scales[features], parents / means[self.parent[features]].to(parents), 1.0)

    def excluded(self, entries: Entries, rng: torch.Generator | None) -> Bool[Tensor, " m"]:
        """Which entries give way to another active one of their group; a fair draw for each row and group."""
        gives_way = torch.zeros_like(entries.rows, dtype=torch.bool)
        if not self.n_groups:
            return gives_way
        group = self.group[entries.features]
        rivals = ((group >= 0) & (entries.values > 0)).nonzero().flatten()
        key = entries.rows[rivals] * self.n_groups + group[rivals]
        drawn = torch.rand(len(rivals), generator=rng, device=rng.device if rng else key.device).to(key.device)
        order = drawn.argsort()
        order = order[key[order].argsort(stable=True)]
        in_order = key[order]
        gives_way[rivals[order[1:]]] = in_order[1:] == in_order[:-1]
        return gives_way

    def apply(self, entries: Entries, means: Tensor | None, rng: torch.Generator | None) -> Entries:
        """The entries that are left, scaled."""
        rows, features, values = entries.rows, entries.features, entries.values.clone()
        keys = rows * self.n_features + features
        for stage in range(self.n_stages):
            here = (self.stage[features] == stage).nonzero().flatten()
            if stage and len(here):
                parent_keys = rows[here] * self.n_features + self.parent[features[here]]
                at = torch.searchsorted(keys, parent_keys).clamp(max=len(keys) - 1)
                above = torch.where(keys[at] == parent_keys, values[at], 0.0)
                factor = self.scale(features[here], above, means)
                values[here] = torch.where(above > 0, values[here] * factor, 0.0)
            lost = self.excluded(Entries(rows[here], features[here], values[here]), rng)
            values[here[lost]] = 0.0
        return Entries(rows, features, values).where(values != 0)


class HierarchyModifier:
    """Applies a hierarchy to feature activations: `modifier(activations, activation_generator)`.

    Without a generator, where means are needed to scale by parents, an error says so.
    """

    def __init__(self, links: list[Link]) -> None:
        self.links = links
        self._forests: dict[tuple[int, torch.device], Forest] = {}

    def forest(self, n_features: int, device: torch.device) -> Forest:
        """Its tables, made when first asked for."""
        key = (n_features, device)
        if key not in self._forests:
            self._forests[key] = Forest(self.links, n_features, device)
        return self._forests[key]

    def means(self, activation_generator: object | None) -> Tensor | None:
        """Mean activations to scale children by, if any are scaled.

        Raises:
            ValueError: If they are not there, or a parent's is not above 0.
        """
        parents = sorted({link.parent for link in self.links if link.scales and link.parent >= 0})
        if not parents:
            return None
        means = getattr(activation_generator, "mean_firing_magnitudes", None)
        if means is None:
            raise ValueError(
                "Children are scaled by their parents here, which takes mean_firing_magnitudes: call "
                "modifier(activations, activation_generator)."
            )
        if not bool((means[parents] > 0).all()):
            raise ValueError("mean_firing_magnitudes must be > 0 for parents with scale_children_by_parent=True.")
        return means

    @torch.no_grad()
    def __call__(
        self,
        activations: Float[Tensor, "n n_features"],
        activation_generator: object | None = None,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "n n_features"]:
        """The same kind of tensor, dense or sparse; the given one is unchanged.

        Args:
            activations: Feature activations.
            activation_generator: Has the means that children are scaled by.
            generator: For which of a group's features stays; None takes torch's own.
        """
        means = self.means(activation_generator)
        forest = self.forest(activations.shape[1], activations.device)
        left = forest.apply(Entries.of(activations), means, generator)
        return (left.to_sparse if activations.is_sparse else left.to_dense)(*activations.shape)
