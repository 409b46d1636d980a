"""What matters of where a tensor lies."""

import torch
from torch import Tensor


def is_accelerated(like: Tensor) -> bool:
    """Whether it is where reading a number means waiting, and where large matrices are made for no cache."""
    return like.device.type != "cpu"


def multiplied_as(like: Tensor) -> torch.dtype:
    """In which type it is to be multiplied: autocast's, where that is on."""
    kind = like.device.type
    is_cast = torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
    return torch.get_autocast_dtype(kind) if is_cast and like.dtype == torch.float32 else like.dtype
