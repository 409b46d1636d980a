"""Which kernels compute: torch's own, or for CUDA tensors those in Triton, once these are asked for.

    sae_widgets.kernels.use("triton")                 or SAE_WIDGETS_GPU_KERNELS=triton before Python starts
    sae_widgets.kernels.use("torch")                  as it is without asking

Triton's are not the default, since no figure says yet that they are faster; `benchmarks/gpu.py` measures both.
Where the environment variable asks for what is not there, torch's compute, and the log says so once.
"""

import importlib
import importlib.util
import logging
import os
from types import ModuleType

import torch
from torch import Tensor

from sae_widgets.kernels import bags

logger = logging.getLogger(__name__)

KERNELS = ("torch", "triton")
VARIABLE = "SAE_WIDGETS_GPU_KERNELS"
IS_INTERPRETING = os.environ.get("TRITON_INTERPRET") == "1"
"""Whether Triton runs its programs on the CPU, slowly: for tests and for looking for errors."""

_chosen: str | None = None
"""What `use` was told last."""
_module: ModuleType | None = None
"""What CUDA tensors go through; None until the first is there."""


def use(kernels: str) -> None:
    """Which kernels compute for CUDA tensors from now on: "torch" or "triton"; all else is torch's.

    Raises:
        ValueError: If there are no such kernels.
        ImportError: If Triton is not installed.
        RuntimeError: If there is no CUDA device for it.
    """
    global _chosen, _module
    if kernels not in KERNELS:
        raise ValueError(f"There are kernels 'torch' and 'triton'; got {kernels!r}.")
    if kernels == "triton" and (missing := _missing()):
        raise missing
    _chosen, _module = kernels, None


def path_for(like: Tensor) -> ModuleType:
    """The module that computes for tensors such as `like`."""
    global _module
    # What is compiled is dense, and torch.compile's to fuse.
    if not (like.is_cuda or IS_INTERPRETING) or torch.compiler.is_compiling():
        return bags
    if _module is None:
        _module = _load()
    return _module


def _load() -> ModuleType:
    wanted = _chosen or os.environ.get(VARIABLE, "torch")
    if wanted not in KERNELS:
        raise ValueError(f"{VARIABLE} is 'torch' or 'triton'; got {wanted!r}.")
    if wanted == "torch":
        if _chosen is None:
            logger.info("CUDA tensors go through torch's kernels; sae_widgets.kernels.use('triton') takes Triton's.")
        return bags
    if missing := _missing():
        logger.warning("%s=triton: %s Torch's kernels compute.", VARIABLE, missing)
        return bags
    return importlib.import_module("sae_widgets.kernels.on_triton")


def _missing() -> ImportError | RuntimeError | None:
    """Why Triton's kernels cannot compute here."""
    if importlib.util.find_spec("triton") is None:
        return ImportError(
            "Triton is not installed: pip install 'sae-widgets[triton]' (Linux), or the triton that your torch names."
        )
    if not torch.cuda.is_available() and not IS_INTERPRETING:
        return RuntimeError(
            "Triton's kernels need a CUDA device, and torch sees none: install a CUDA build of torch on a machine with "
            "an NVIDIA GPU, or leave the kernels at 'torch'. TRITON_INTERPRET=1 runs them on a CPU, for tests alone."
        )
    return None
