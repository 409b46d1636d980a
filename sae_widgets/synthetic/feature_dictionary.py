"""True features as directions: `FeatureDictionary` makes activations of what fires.

    x = feature_acts @ feature_vectors + bias,     ||feature_vectors_i|| = 1

More features than dimensions cannot be orthogonal; `orthogonalize_embeddings` makes them as nearly so as it gets, by
Adam on

    sum_{i != j} (e_i . e_j)^2  +  F sum_i (e_i . e_i - 1)^2

whose gradient is written out, since `G @ e` is all it needs: 4 (G - diag G) @ e + 4 F (diag G - 1) e, with G = e e^T.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

FeatureDictionaryInitializer = Callable[["FeatureDictionary"], None]


def _of_unit_length(vectors: Tensor) -> Tensor:
    return vectors / vectors.norm(dim=-1, keepdim=True).clamp(min=1e-8)


def cosine_similarities(mat1: Float[Tensor, "n1 d"], mat2: Float[Tensor, "n2 d"] | None = None) -> Tensor:
    """Cosine of each row of `mat1` with each of `mat2`, or of `mat1` itself: [n1, n2]; 0 for a row of zeros."""
    first = _of_unit_length(mat1)
    return first @ (first if mat2 is None else _of_unit_length(mat2)).T


@torch.no_grad()
def orthogonalize_embeddings(
    embeddings: Float[Tensor, "n d"],
    num_steps: int = 200,
    lr: float | int = 0.01,
    show_progress: bool = False,
    chunk_size: int = 1024,
) -> Float[Tensor, "n d"]:
    """Vectors of unit length near `embeddings`, pushed away from each other.

    Args:
        chunk_size: How many rows of the products are held at once; memory alone depends on it.
    """
    from tqdm.auto import tqdm

    moved = nn.Parameter(_of_unit_length(embeddings.detach().clone()))
    optimizer = torch.optim.Adam([moved], lr=lr)
    for _ in tqdm(range(num_steps), desc="Orthogonalizing features", disable=not show_progress):
        moved.grad = torch.empty_like(moved)
        for start in range(0, len(moved), chunk_size):
            rows = moved[start : start + chunk_size]
            dots = rows @ moved.T  # chunk n
            own = dots.diagonal(start).clone()
            dots.diagonal(start).zero_()
            moved.grad[start : start + chunk_size] = 4 * (dots @ moved + len(moved) * (own - 1).unsqueeze(1) * rows)
        optimizer.step()
    return _of_unit_length(moved.detach())


def orthogonal_initializer(
    num_steps: int = 200, lr: float | int = 0.01, show_progress: bool = False, chunk_size: int = 1024
) -> FeatureDictionaryInitializer:
    """What `FeatureDictionary` does by default with the vectors it has drawn."""

    def initialize(feature_dict: "FeatureDictionary") -> None:
        vectors = feature_dict.feature_vectors
        vectors.data = orthogonalize_embeddings(vectors, num_steps, lr, show_progress, chunk_size)

    return initialize


class FeatureDictionary(nn.Module):
    """The directions of true features.

    Args:
        num_features: How many.
        hidden_dim: Their width.
        bias: Length of a random offset of all activations; True is 1, False none.
        initializer: Changes the drawn vectors; by default `orthogonal_initializer()`. None leaves them.
        device: Where they are; drawn on the CPU, so that a seed means the same everywhere.
        seed: None draws others each time.
    """

    feature_vectors: nn.Parameter
    """[num_features, hidden_dim]"""
    bias: nn.Parameter
    """[hidden_dim]"""

    def __init__(
        self,
        num_features: int,
        hidden_dim: int,
        bias: bool | float | int = False,
        initializer: FeatureDictionaryInitializer | None = orthogonal_initializer(),  # noqa: B008  it has no state
        device: str | torch.device = "cpu",
        seed: int | None = None,
    ) -> None:
        super().__init__()
        self.num_features, self.hidden_dim = num_features, hidden_dim
        generator = torch.Generator().manual_seed(seed) if seed is not None else None
        vectors = _of_unit_length(torch.randn(num_features, hidden_dim, generator=generator))
        offset = torch.zeros(hidden_dim)
        if bias:
            offset = _of_unit_length(torch.randn(hidden_dim, generator=generator)) * float(bias)
        self.feature_vectors = nn.Parameter(vectors.to(device))
        self.bias = nn.Parameter(offset.to(device), requires_grad=bool(bias))
        if initializer is not None:
            initializer(self)

    def forward(self, feature_activations: Float[Tensor, "n num_features"]) -> Float[Tensor, "n hidden_dim"]:
        """Activations of dense or sparse (COO) feature activations."""
        if feature_activations.is_sparse:
            with torch.autocast(feature_activations.device.type, enabled=False):  # sparse products know no bfloat16
                return torch.sparse.mm(feature_activations, self.feature_vectors) + self.bias
        return feature_activations @ self.feature_vectors + self.bias
