"""A name for an SAE's weights: what says whether a file beside it, a label or a picture is of this very SAE."""

import hashlib

import torch

from sae_widgets.sae.base import SAE


def fingerprint(sae: SAE) -> str:
    """16 hexadecimal digits of the SHA-256 of all weights: names, dtypes, shapes and bytes. Reads every weight."""
    digest = hashlib.sha256()
    for name, tensor in sorted(sae.state_dict().items()):
        plain = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {plain.dtype} {list(plain.shape)};".encode())
        digest.update(plain.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]
