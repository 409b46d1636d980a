"""Features that fire with a parent only, and siblings that exclude each other."""

import pytest
import torch

from sae_widgets.synthetic import (
    ActivationGenerator,
    Hierarchy,
    HierarchyConfig,
    HierarchyNode,
    LowRankCorrelationMatrix,
    generate_hierarchy,
    hierarchy_modifier,
)

Node = HierarchyNode


def tree(**settings) -> HierarchyNode:
    """0 over 1 and 2; 1 over 3."""
    return Node(0, [Node(1, [Node(3)]), Node(2)], **settings)


def generator(**settings) -> ActivationGenerator:
    return ActivationGenerator(4, 0.5, mean_firing_magnitudes=2.0, **settings)


def test_a_child_is_off_where_its_parent_is_and_so_is_its_own():
    acts = torch.tensor([[0, 1.0, 1.0, 1.0], [2.0, 0, 1.0, 1.0], [2.0, 1.0, 0, 3.0]])
    expected = torch.tensor([[0, 0, 0, 0], [2.0, 0, 1.0, 0], [2.0, 1.0, 0, 3.0]])
    modifier = hierarchy_modifier(tree())
    assert torch.equal(modifier(acts), expected)
    assert torch.equal(modifier(acts.to_sparse()).to_dense(), expected)


def test_a_node_without_a_feature_only_groups():
    acts = torch.tensor([[0, 1.0, 1.0, 0], [1.0, 1.0, 0, 1.0]])
    modifier = hierarchy_modifier(Node(0, [Node(None, [Node(1), Node(2)])]))
    assert modifier(acts).tolist() == [[0, 0, 0, 0], [1, 1, 0, 1]]


def test_children_are_scaled_by_their_parents_activation_over_its_mean():
    root = Node(0, [Node(1, [Node(3)], scale_children_by_parent=True), Node(2)], scale_children_by_parent=True)
    acts = torch.tensor([[1.0, 4.0, 2.0, 3.0]])
    # 1: 4 * 1/2 = 2;  3: 3 * 2/2, its parent scaled before;  2: 2 * 1/2
    assert hierarchy_modifier(root)(acts, generator()).tolist() == [[1.0, 2.0, 1.0, 3.0]]


def test_scaling_takes_the_generators_means_above_zero():
    modifier = hierarchy_modifier(tree(scale_children_by_parent=True))
    with pytest.raises(ValueError, match=r"takes mean_firing_magnitudes: call modifier\(activations, activation_gen"):
        modifier(torch.ones(1, 4))
    with pytest.raises(ValueError, match="mean_firing_magnitudes must be > 0"):
        modifier(torch.ones(1, 4), ActivationGenerator(4, 0.5, mean_firing_magnitudes=0.0))


def test_of_a_group_one_active_feature_stays_each_as_often():
    modifier = hierarchy_modifier(Node(0, [Node(1), Node(2), Node(3)], mutually_exclusive_children=True))
    acts = torch.ones(6000, 4)
    acts[:, 3] = 0
    left = modifier(acts, None, torch.Generator().manual_seed(0))
    assert left[:, 1:].sum(1).eq(1).all()
    assert left[:, 0].eq(1).all()
    assert left[:, 1].mean().item() == pytest.approx(0.5, abs=0.02)  # 3 sigma


def test_a_feature_that_gave_way_takes_its_children_along():
    root = Node(0, [Node(1, [Node(3)]), Node(2)], mutually_exclusive_children=True)
    left = hierarchy_modifier(root)(torch.ones(200, 4), None, torch.Generator().manual_seed(0))
    assert torch.equal(left[:, 3], left[:, 1])
    assert 0 < left[:, 1].sum() < 200


def test_a_pair_below_a_node_without_feature_excludes_each_other():
    root = Node(None, [Node(1), Node(2)], mutually_exclusive_children=True)
    assert hierarchy_modifier(root)(torch.ones(50, 4))[:, 1:3].sum(1).eq(1).all()


@pytest.mark.parametrize("kind", ["none", "full", "low rank"])
def test_drawing_only_below_active_parents_has_the_frequencies_of_drawing_all(kind):
    factor = torch.tensor([[0.5], [0.6], [-0.4], [0.7]])
    low = LowRankCorrelationMatrix(factor, 1 - factor.pow(2).sum(1))
    full = factor @ factor.T + torch.diag(low.correlation_diag)
    correlation = {"none": None, "full": full, "low rank": low}[kind]
    p = torch.tensor([0.6, 0.5, 0.4, 0.7])
    root = Node(0, [Node(1, [Node(3)]), Node(2)], mutually_exclusive_children=True)
    modifier = hierarchy_modifier(root)
    fast = ActivationGenerator(4, p, modify_activations=modifier, correlation_matrix=correlation)
    # A function, so that the generator does not know what it does and draws every feature.
    slow = ActivationGenerator(4, p, modify_activations=lambda acts: modifier(acts), correlation_matrix=correlation)
    n, rng = 40_000, torch.Generator().manual_seed(0)
    one, other = ((each.sample(n, rng) > 0).float() for each in (fast, slow))
    assert torch.allclose(one.mean(0), other.mean(0), atol=0.012)  # 3 sigma of a difference
    assert torch.allclose(one.T @ one / n, other.T @ other / n, atol=0.012)


def test_compensated_features_fire_as_often_as_they_say():
    hierarchy = Hierarchy([tree()], hierarchy_modifier(tree()))
    p = torch.tensor([0.5, 0.3, 0.2, 0.15])
    factors = hierarchy.compute_probability_correction_factors(p)
    assert factors.tolist() == pytest.approx([1, 2, 2, 1 / 0.3])
    source = ActivationGenerator(4, p * factors, modify_activations=hierarchy.modifier)
    share = (source.sample(40_000, torch.Generator().manual_seed(0)) > 0).float().mean(0)
    assert torch.allclose(share, p, atol=0.01)


def test_compensation_counts_the_siblings_that_get_in_the_way():
    root = Node(0, [Node(1), Node(None, [Node(3)]), Node(2)], mutually_exclusive_children=True)
    factors = Hierarchy([root]).compute_probability_correction_factors(torch.tensor([0.5, 0.1, 0.2, 0.25]))
    # 1/p0 * (1 + other / p0), and 3, which is not in the group, 1/p0
    assert factors.tolist() == pytest.approx([1, 2 * 1.4, 2 * 1.2, 2])


def test_a_generated_forest_is_filled_generation_by_generation():
    found = generate_hierarchy(12, HierarchyConfig(total_root_nodes=2, branching_factor=2, max_depth=2), seed=0)
    first, second = found.roots
    assert [node.feature_index for node in first.nodes()] == [0, 2, 6, 7, 3, 8, 9]
    assert [node.feature_index for node in second.nodes()] == [1, 4, 10, 11, 5]  # features have run out
    assert found.feature_indices_used == set(range(12))


def test_a_generated_forest_has_the_share_of_exclusive_parents_asked_for():
    cfg = HierarchyConfig(4, (2, 3), 2, 0.5, mutually_exclusive_min_depth=1, scale_children_by_parent=True)
    found = generate_hierarchy(100, cfg, seed=1)
    inner = [child for root in found.roots for child in root.children]
    assert sum(node.mutually_exclusive_children for node in inner) == len(inner) // 2
    assert not any(root.mutually_exclusive_children for root in found.roots)
    assert all(node.scale_children_by_parent for node in [*found.roots, *inner])
    assert {len(node.children) for node in [*found.roots, *inner]} == {2, 3}
    assert found == generate_hierarchy(100, cfg, seed=1)
    assert found != generate_hierarchy(100, cfg, seed=2)


def test_a_tree_survives_its_dict_and_both_names_of_an_id():
    root = Node(0, [Node(1, feature_id="dog"), Node(2)], mutually_exclusive_children=True, feature_id="animal")
    assert Node.from_dict(root.to_dict()) == root
    assert Node.from_dict({"feature_index": 1, "id": "dog"}) == root.children[0]
    assert repr(root) == "0x  (animal)\n    1   (dog)\n    2  "


def test_what_is_no_forest_is_refused():
    loop = Node(0)
    loop.children = [Node(1, [loop])]
    shared = Node(3)
    for roots, message in (
        ([loop], "Loop detected: node .feature_index=0. is its own ancestor"),
        ([Node(0, [shared]), Node(1, [shared])], "feature_index=3. has multiple parents"),
        ([Node(0, [Node(1)]), Node(1)], "Feature indices .1. appear in multiple"),
    ):
        with pytest.raises(ValueError, match=message):
            hierarchy_modifier(roots)
    with pytest.raises(ValueError, match="Need at least 2 children for mutual exclusion; feature_index=5 has 1"):
        Node(5, [Node(1)], mutually_exclusive_children=True)
    with pytest.raises(ValueError, match="has feature_index=3, but there are 3 features: 0 to 2"):
        hierarchy_modifier(tree())(torch.ones(1, 3))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"total_root_nodes": 0}, "total_root_nodes must be positive, got 0"),
        ({"branching_factor": 1}, "branching_factor must be at least 2.*got 1"),
        ({"branching_factor": (4, 3)}, r"least <= most; got \(4, 3\)"),
        ({"max_depth": 0}, "max_depth must be at least 1"),
        ({"mutually_exclusive_portion": 1.5}, "between 0.0 and 1.0, got 1.5"),
        ({"mutually_exclusive_min_depth": 2, "mutually_exclusive_max_depth": 1}, "got 1 and 2"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        HierarchyConfig(**settings)
