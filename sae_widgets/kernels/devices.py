"""What matters of where a tensor lies."""

from torch import Tensor


def is_accelerated(like: Tensor) -> bool:
    """Whether it is where reading a number means waiting, and where large matrices are made for no cache."""
    return like.device.type != "cpu"
