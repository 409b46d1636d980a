"""Which SAE it is, by its weights. Three questions are asked, and no answer to one serves another:

fingerprint(sae)              Is a file of names, or a figure, of this very SAE? Every bit counts, so all weights
                              are read: seconds for a large one. Stored.
mark(sae)                     Do two widgets look at the same SAE? A sample of each tensor, milliseconds also on a
                              GPU. Never stored, so the sample may change.
features.identity.identity_of     Do statistics serve this SAE? In another dtype, too, so 16 numbers of each tensor
                              are stored as they are and compared with a tolerance, which no hash allows.
"""

import hashlib

import torch

from sae_widgets.sae.base import SAE

N_SAMPLED = 4096
"""Weights of each tensor that `mark` looks at."""


def fingerprint(sae: SAE) -> str:
    """16 hexadecimal digits of the SHA-256 of all weights: names, dtypes, shapes and bytes. Reads every weight."""
    digest = hashlib.sha256()
    for name, tensor in sorted(sae.state_dict().items()):
        plain = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {plain.dtype} {list(plain.shape)};".encode())
        digest.update(plain.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]


def mark(sae: SAE) -> str:
    """8 hexadecimal digits of a hash of class, sizes and a sample of the weights."""
    digest = hashlib.blake2b(repr((type(sae).__name__, sae.cfg.d_in, sae.cfg.d_sae)).encode(), digest_size=4)
    for name, weight in sorted(sae.state_dict().items()):
        flat = weight.detach().flatten()
        sampled = flat[:: max(1, len(flat) // N_SAMPLED)].double().cpu()
        digest.update(name.encode() + sampled.numpy().tobytes())
    return digest.hexdigest()
