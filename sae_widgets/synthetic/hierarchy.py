"""Features that only fire with a parent, and siblings of which only one fires.

A tree of `HierarchyNode`s says which; `hierarchy_modifier(roots)` applies it to feature activations (`forest`). Nodes
without a feature index only group others.

The idea is Noa Nabeshima's, from the toy model of the Matryoshka SAEs.
"""

import random
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from sae_widgets.synthetic.forest import HierarchyModifier, Link


class HierarchyNode:
    """A feature and those below it.

    Args:
        feature_index: Which feature; None for a node that only groups others.
        children: Nodes that fire with this one only.
        mutually_exclusive_children: Whether at most one of them fires at a time; it takes two.
        scale_children_by_parent: Whether children are as strong as the parent is, by its activation / its mean.
        feature_id: A name, for you.
    """

    def __init__(
        self,
        feature_index: int | None = None,
        children: "Sequence[HierarchyNode] | None" = None,
        mutually_exclusive_children: bool = False,
        scale_children_by_parent: bool = False,
        feature_id: str | None = None,
    ) -> None:
        self.feature_index = feature_index
        self.children: Sequence[HierarchyNode] = children or []
        self.mutually_exclusive_children = mutually_exclusive_children
        self.scale_children_by_parent = scale_children_by_parent
        self.feature_id = feature_id
        if mutually_exclusive_children and len(self.children) < 2:
            raise ValueError(f"Need at least 2 children for mutual exclusion; {self._name()} has {len(self.children)}.")

    @classmethod
    def from_dict(cls, tree_dict: dict[str, Any]) -> "HierarchyNode":
        """The node of such a dict, with its children; a name is under `id` or `feature_id`."""
        return cls(
            feature_index=tree_dict.get("feature_index"),
            children=[cls.from_dict(each) for each in tree_dict.get("children", [])],
            mutually_exclusive_children=tree_dict.get("mutually_exclusive_children", False),
            scale_children_by_parent=tree_dict.get("scale_children_by_parent", False),
            feature_id=tree_dict.get("feature_id", tree_dict.get("id")),
        )

    def to_dict(self) -> dict[str, Any]:
        """What `from_dict` reads."""
        own = ("feature_index", "mutually_exclusive_children", "scale_children_by_parent", "feature_id")
        return {**{name: getattr(self, name) for name in own}, "children": [each.to_dict() for each in self.children]}

    def nodes(self) -> "Iterator[HierarchyNode]":
        """This node and all below it."""
        yield self
        for child in self.children:
            yield from child.nodes()

    def get_all_feature_indices(self) -> list[int]:
        """Features of this node and all below it."""
        return [node.feature_index for node in self.nodes() if node.feature_index is not None]

    def validate(self) -> None:
        """Refuses loops and nodes with two parents."""
        validate_hierarchy([self])

    def _name(self) -> str:
        if self.feature_index is not None:
            return f"feature_index={self.feature_index}"
        return f"id={self.feature_id}" if self.feature_id else "unnamed node"

    def __repr__(self, indent: int = 0) -> str:
        index = "-" if self.feature_index is None else str(self.feature_index)
        marks = ("x" if self.mutually_exclusive_children else " ") + ("R" if self.scale_children_by_parent else " ")
        name = f" ({self.feature_id})" if self.feature_id else ""
        below = "".join("\n" + child.__repr__(indent + 2) for child in self.children)
        return f"{' ' * 2 * indent}{index}{marks}{name}{below}"

    def __eq__(self, other: object) -> bool:
        return self.to_dict() == other.to_dict() if isinstance(other, HierarchyNode) else NotImplemented

    __hash__ = object.__hash__


def validate_hierarchy(roots: Sequence[HierarchyNode]) -> None:
    """Refuses what is no forest.

    Raises:
        ValueError: If a node is its own ancestor or has two parents, or a feature is in two places.
    """
    seen: set[int] = set()
    features: set[int] = set()
    waiting: deque[tuple[HierarchyNode, frozenset[int]]] = deque((root, frozenset()) for root in roots)
    while waiting:
        node, above = waiting.popleft()
        if id(node) in above:
            raise ValueError(f"Loop detected: node ({node._name()}) is its own ancestor.")
        if id(node) in seen:
            raise ValueError(f"Node ({node._name()}) has multiple parents. Each node must have at most one parent.")
        seen.add(id(node))
        if node.feature_index is not None:
            if node.feature_index in features:
                raise ValueError(
                    f"Feature indices {{{node.feature_index}}} appear in multiple places of the hierarchy. Each "
                    "feature should belong to at most one node."
                )
            features.add(node.feature_index)
        waiting.extend((child, above | {id(node)}) for child in node.children)


def _links(roots: Sequence[HierarchyNode]) -> Iterator[Link]:
    """For each feature its nearest ancestor that is a feature, and its group of siblings that exclude each other."""
    waiting: deque[tuple[HierarchyNode, int, bool, int]] = deque((root, -1, False, -1) for root in roots)
    n_groups = 0
    while waiting:
        node, parent, scales, group = waiting.popleft()
        if node.feature_index is not None:
            yield Link(node.feature_index, parent, scales, group)
            parent = node.feature_index
        group = -1
        if node.mutually_exclusive_children:
            group, n_groups = n_groups, n_groups + 1
        for child in node.children:
            waiting.append((child, parent, node.scale_children_by_parent, group))


def hierarchy_modifier(roots: Sequence[HierarchyNode] | HierarchyNode) -> HierarchyModifier:
    """What applies these trees to feature activations, for `ActivationGenerator(modify_activations=...)`.

    Raises:
        ValueError: If a node is its own ancestor or has two parents, or a feature is in two trees.
    """
    roots = [roots] if isinstance(roots, HierarchyNode) else list(roots)
    validate_hierarchy(roots)
    return HierarchyModifier(list(_links(roots)))


@dataclass
class HierarchyConfig:
    """A forest of like trees: features 0, 1, 2 ... in the order of their distance from the roots."""

    total_root_nodes: int = 100
    branching_factor: int | tuple[int, int] = 100
    """Children of a node: a number, or the least and the most of a random one; from 2."""
    max_depth: int = 2
    """Generations below a root, from 1."""
    mutually_exclusive_portion: float | int = 0.0
    """Share of parents whose children exclude each other, 0 to 1."""
    mutually_exclusive_min_depth: int = 0
    """Least depth of such parents; a root has depth 0."""
    mutually_exclusive_max_depth: int | None = None
    compensate_probabilities: bool = False
    """Whether firing probabilities are raised so that features fire as often as they say in spite of their parents."""
    scale_children_by_parent: bool = False

    def __post_init__(self) -> None:
        fewest, most = (self.branching_factor,) * 2 if isinstance(self.branching_factor, int) else self.branching_factor
        least, largest = self.mutually_exclusive_min_depth, self.mutually_exclusive_max_depth
        if self.total_root_nodes <= 0:
            raise ValueError(f"total_root_nodes must be positive, got {self.total_root_nodes}.")
        if not 2 <= fewest <= most:
            raise ValueError(
                "branching_factor must be at least 2, or a pair (least, most) from 2 with least <= most; got "
                f"{self.branching_factor}."
            )
        if self.max_depth < 1:
            raise ValueError(f"max_depth must be at least 1, got {self.max_depth}.")
        if not 0 <= self.mutually_exclusive_portion <= 1:
            raise ValueError(
                f"mutually_exclusive_portion must be between 0.0 and 1.0, got {self.mutually_exclusive_portion}."
            )
        if least < 0:
            raise ValueError(f"mutually_exclusive_min_depth must be non-negative, got {least}.")
        if largest is not None and largest < least:
            raise ValueError(
                f"mutually_exclusive_max_depth must be >= mutually_exclusive_min_depth, got {largest} and {least}."
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        branching = self.branching_factor
        return {**asdict(self), "branching_factor": branching if isinstance(branching, int) else list(branching)}

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> "HierarchyConfig":
        """The config that `to_dict` wrote."""
        branching = d.get("branching_factor")
        return cls(**{**d, "branching_factor": tuple(branching)} if isinstance(branching, list) else d)


@dataclass
class Hierarchy:
    """A forest, and what applies it."""

    roots: list[HierarchyNode]
    modifier: HierarchyModifier | None = field(default=None, compare=False)

    @property
    def feature_indices_used(self) -> set[int]:
        return {index for root in self.roots for index in root.get_all_feature_indices()}

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as `hierarchy.json` holds them."""
        return {"roots": [root.to_dict() for root in self.roots]}

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> "Hierarchy":
        """The hierarchy that `to_dict` wrote."""
        roots = [HierarchyNode.from_dict(each) for each in d["roots"]]
        return cls(roots, hierarchy_modifier(roots) if roots else None)

    def compute_probability_correction_factors(
        self, base_firing_probabilities: Float[Tensor, " num_features"]
    ) -> Float[Tensor, " num_features"]:
        """What firing probabilities are multiplied with to come out as they are, in spite of the hierarchy.

            1 / p_parent                               since it fires with its parent only
            * (1 + sum of siblings' p / p_parent)      where siblings exclude it

        A node without a feature passes its parent's p on. Both count features as independent, so this is not exact.
        """
        p = base_firing_probabilities.tolist()
        factors = [1.0] * len(p)
        waiting = [(root, 1.0) for root in self.roots]
        while waiting:
            node, above = waiting.pop()
            if node.feature_index is not None:
                factors[node.feature_index] *= 1 / above if above > 0 else 1.0
                above = p[node.feature_index]
            siblings = [each.feature_index for each in node.children if each.feature_index is not None]
            if node.mutually_exclusive_children and len(siblings) >= 2 and above > 0:
                total = sum(p[index] for index in siblings)
                for index in siblings:
                    factors[index] *= 1 + max(0.0, total - p[index]) / above
            waiting.extend((child, above) for child in node.children)
        return torch.tensor(factors, dtype=base_firing_probabilities.dtype)


def generate_hierarchy(num_features: int, config: HierarchyConfig, seed: int | None = None) -> Hierarchy:
    """The forest that `config` describes, as far as there are features for it; the same seed gives SAELens' forest."""
    rng = random.Random(seed)
    unused = iter(range(num_features))
    roots = [HierarchyNode(index) for _, index in zip(range(config.total_root_nodes), unused, strict=False)]
    parents, generation = [(root, 0) for root in roots], list(roots)
    for depth in range(config.max_depth):
        born: list[HierarchyNode] = []
        for parent in generation:
            wanted = config.branching_factor
            n = wanted if isinstance(wanted, int) else rng.randint(*wanted)
            # range first: zip must not take a feature that it then does not use.
            parent.children = [HierarchyNode(index) for _, index in zip(range(n), unused, strict=False)]
            born += parent.children
        if depth + 1 < config.max_depth:
            parents += [(node, depth + 1) for node in born]
        generation = born
    most = config.mutually_exclusive_max_depth
    eligible = [
        node
        for node, depth in parents
        if depth >= config.mutually_exclusive_min_depth and (most is None or depth <= most) and len(node.children) >= 2
    ]
    n_exclusive = int(len(eligible) * config.mutually_exclusive_portion)
    for index in rng.sample(range(len(eligible)), n_exclusive) if n_exclusive else []:
        eligible[index].mutually_exclusive_children = True
    for node, _ in parents:
        node.scale_children_by_parent = config.scale_children_by_parent
    return Hierarchy(roots, hierarchy_modifier(roots) if roots else None)
