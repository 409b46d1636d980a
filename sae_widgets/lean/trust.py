"""Whether a model is as it was when its lean forward was found to be the same computation.

Hooks that somebody put on a module, on a hook point or anywhere else, would not be called, and make the model run as
it is (as does a `forward` that was replaced: `reading` looks at it). What the library's own machinery left there does
nothing: SAEs that are attached and do not act, and hooks of TransformerLens and transformers that only keep values.
"""

import logging
import weakref
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as torch_modules
from torch.utils.hooks import RemovableHandle

from sae_widgets.lean.network import Network, Tap
from sae_widgets.splice import acting

logger = logging.getLogger(__name__)

TOLERANCE = 1e-4
"""Largest difference of an activation, relative to the largest of all; in float32."""

_MACHINERY = ("transformer_lens.model_bridge.", "transformers.utils.output_capturing")

N_PROBED = 6
"""Tokens of each text that the two forwards are compared on."""

_MODULES: "weakref.WeakKeyDictionary[Any, list[dict[str, Any]]]" = weakref.WeakKeyDictionary()
"""By the shell, which nothing inside refers to: the namespaces of all modules."""
_FREE: "weakref.WeakKeyDictionary[Any, int]" = weakref.WeakKeyDictionary()
"""By the shell: how many hooks there had ever been anywhere when none was found on its modules."""
_VERDICTS: "weakref.WeakKeyDictionary[nn.Module, dict[Any, str]]" = weakref.WeakKeyDictionary()
_SAID: "weakref.WeakKeyDictionary[nn.Module, set[str]]" = weakref.WeakKeyDictionary()


def n_hooks_ever() -> int:
    """A number that grows whenever a hook is put on any module: as long as it stays, so does `is_untouched`."""
    return RemovableHandle.next_id


def is_untouched(model: Any, network: nn.Module) -> bool:
    """Whether a forward of the model is nothing but its own computation."""
    if network.training or model.attached.acting():
        return False
    if _FREE.get(model) == n_hooks_ever():
        return True
    if torch_modules._global_forward_hooks or torch_modules._global_forward_pre_hooks:
        return False
    modules = _MODULES.get(model)
    if modules is None:
        found = {id(each): each for root in (network, model.wrapped) for each in _within(root)}
        modules = _MODULES[model] = [each.__dict__ for each in found.values()]
    idle = model.attached.idle_hooks()
    for own in modules:
        for hooks in (own["_forward_hooks"], own["_forward_pre_hooks"]):
            if hooks and not all(number in idle or _is_machinery(own, hook) for number, hook in hooks.items()):
                return False
    _FREE[model] = n_hooks_ever()
    return True


def forget(model: Any, network: nn.Module) -> None:
    """To be called where the model is made of other modules, or other settings, than before."""
    _MODULES.pop(model, None)
    _FREE.pop(model, None)
    _VERDICTS.pop(network, None)


def _within(root: Any) -> Iterable[nn.Module]:
    return root.modules() if isinstance(root, nn.Module) else ()


def _is_machinery(own: dict[str, Any], hook: Any) -> bool:
    """A hook that does nothing unless asked; TransformerLens' on a hook point is how it calls a user's."""
    return "fwd_hooks" not in own and getattr(hook, "__module__", "").startswith(_MACHINERY)


def verdict(network: nn.Module, key: Any, find: Callable[[], str]) -> str:
    """What is known under `key`, found out once: empty where the lean forward is the same, else what differs."""
    known = _VERDICTS.setdefault(network, {})
    if key not in known:
        known[key] = find()
    return known[key]


def say_once(network: nn.Module, reason: str) -> None:
    """One line in the log for each reason that a model has to be run as it is."""
    said = _SAID.setdefault(network, set())
    if reason not in said:
        said.add(reason)
        logger.info("The model is run with its hook points, not by the shorter forward: %s.", reason)


def signature(lean: Network) -> str:
    """What of the network is no weight; as text, whose hash is made once."""
    parts = [
        (b.attention.scale, b.attention.soft_cap, b.attention.n_kv_heads, b.is_parallel, _of(b.norm1), _of(b.norm2))
        for b in lean.blocks
    ]
    return repr((lean.embed.dtype, lean.embed.device, tuple(lean.embed.shape), lean.logit_cap, *parts))


def _of(norm: Any) -> Any:
    return None if norm is None else (norm.is_rms, norm.weight is None, norm.bias is None, norm.eps)


def probe_tokens(lean: Network, n_ctx: int) -> Tensor:
    """A few tokens of two texts, spread over the vocabulary."""
    n_pos = min(N_PROBED, n_ctx)
    ids = torch.linspace(0, lean.embed.shape[0] - 1, 2 * n_pos, dtype=torch.float64, device="cpu").long()
    return ids.reshape(2, n_pos).to(lean.embed.device)


def difference(given: Tensor, wanted: Tensor) -> float:
    """The largest difference, relative to the largest value."""
    if given.shape != wanted.shape:
        return float("inf")
    given, wanted = given.float(), wanted.float()
    return float((given - wanted).abs().max() / wanted.abs().max().clamp_min(1e-30))


def tolerance(dtype: torch.dtype) -> float:
    """`TOLERANCE`, or what rounding leaves of it."""
    return max(TOLERANCE, 8 * torch.finfo(dtype).eps) if dtype in (torch.float16, torch.bfloat16) else TOLERANCE


def logits_differ(model: Any, lean: Network, n_ctx: int) -> str:
    """What is wrong with the network's logits; empty if nothing."""
    tokens = probe_tokens(lean, n_ctx)
    off = difference(lean.logits(lean.through(lean.embedded(tokens), {})), model.wrapped(tokens))
    return "" if off <= tolerance(lean.embed.dtype) else f"its logits would be off by {off:.1e} of the largest"


def place_differs(model: Any, lean: Network, name: str, tap: Tap, n_ctx: int, *, is_changed: bool) -> str:
    """What is wrong with taking the place `tap` for the hook `name`; empty if nothing."""
    tokens, seen = probe_tokens(lean, n_ctx), {}
    if name not in model.hook_dict:
        return f"there is no {name!r}"

    def look(x: Tensor, whose: str) -> Tensor | None:
        seen[whose] = x.detach().clone()
        return x + x.roll(1, -1) if is_changed else None

    with acting(model.hook_dict[name], lambda x, hook: look(x, "model")):
        wanted = model.wrapped(tokens)
    given = lean.logits(lean.through(lean.embedded(tokens), {tap: lambda x: look(x, "lean")}))
    if seen.keys() != {"model", "lean"}:
        return f"{name!r} is not passed"
    off = max(difference(seen["lean"], seen["model"]), difference(given, wanted))
    return "" if off <= tolerance(lean.embed.dtype) else f"what is at {name!r} would be off by {off:.1e} of the largest"
