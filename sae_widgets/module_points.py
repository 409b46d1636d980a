"""Hook points on the input or output of any module, with the methods that TransformerLens' hook points have.

They stand where TransformerLens has no point, or one that a forward pass passes by:

    blocks.L.mlp.hook_in    what the MLP is given, after its norm; TransformerLens 3 has no such point
    blocks.L.hook_mlp_in    the residual stream on its way into the MLP, before its norm; TransformerLens passes its own
                            point only after `set_use_hook_mlp_in(True)`

and they are all there is of a plain Hugging Face module (`sae_widgets.plain_model`).
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

_NORM_AFTER_MLP = ("Olmo2ForCausalLM", "Olmo3ForCausalLM", "OLMo2ForCausalLM", "OLMo3ForCausalLM")


class PointHandle:
    """A hook at a point; `hook.remove()` takes it out of the module."""

    def __init__(self, hook: Any, is_permanent: bool) -> None:
        self.hook = hook
        self.is_permanent = is_permanent


class ModulePoint:
    """The input or the output of a module as a hook point; of a tuple, its first tensor.

    Args:
        name: What hooks read as `hook.name`.
        side: "input" or "output".
        n_heads: Heads that lie side by side in the last axis; hooks see them as an axis of their own.
    """

    def __init__(self, name: str, module: nn.Module, side: str, n_heads: int | None = None) -> None:
        self.name = name
        self.module = module
        self.side = side
        self.n_heads = n_heads
        self.fwd_hooks: list[PointHandle] = []
        self.bwd_hooks: list[PointHandle] = []

    def add_hook(self, hook: Callable[..., Any], dir: str = "fwd", is_permanent: bool = False) -> None:
        """Lets `hook(value, hook=self)` see, or by returning another replace, the value, or with "bwd" its gradient."""
        act = self._forward_of(hook) if dir == "fwd" else self._backward_of(hook)
        if self.side == "input":
            handle = self.module.register_forward_pre_hook(self._on_input(act), with_kwargs=True)
        else:
            handle = self.module.register_forward_hook(self._on_output(act))
        (self.fwd_hooks if dir == "fwd" else self.bwd_hooks).append(PointHandle(handle, is_permanent))

    def reset(self) -> None:
        """Takes out all hooks but permanent ones."""
        for hooks in (self.fwd_hooks, self.bwd_hooks):
            for handle in hooks:
                if not handle.is_permanent:
                    handle.hook.remove()
            hooks[:] = [handle for handle in hooks if handle.is_permanent]

    def _forward_of(self, hook: Callable[..., Any]) -> Callable[[Tensor], Tensor | None]:
        return lambda value: hook(value, hook=self)

    def _backward_of(self, hook: Callable[..., Any]) -> Callable[[Tensor], None]:
        def on_gradient(gradient: Tensor) -> Tensor | None:
            new = hook(gradient, hook=self)
            return new[0] if isinstance(new, tuple) else new  # TransformerLens' hooks return a tuple

        def act(value: Tensor) -> None:
            if value.requires_grad:
                value.register_hook(on_gradient)

        return act

    def _seen(self, act: Callable[[Tensor], Tensor | None], value: Tensor) -> Tensor | None:
        """What `act` puts in the place of `value`, in its shape."""
        apart = value if self.n_heads is None else value.unflatten(-1, (self.n_heads, -1))
        new = act(apart)
        return None if new is None else new.reshape(value.shape)

    def _on_input(self, act: Callable[[Tensor], Tensor | None]) -> Callable[..., Any]:
        def call(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if args:
                new = self._seen(act, args[0])
                return None if new is None else ((new, *args[1:]), kwargs)
            new = self._seen(act, kwargs["hidden_states"])
            return None if new is None else (args, {**kwargs, "hidden_states": new})

        return call

    def _on_output(self, act: Callable[[Tensor], Tensor | None]) -> Callable[..., Any]:
        def call(_module: nn.Module, _args: tuple[Any, ...], out: Any) -> Any:
            new = self._seen(act, out[0] if isinstance(out, tuple) else out)
            return None if new is None else (new, *out[1:]) if isinstance(out, tuple) else new

        return call


def points_beside(model: Any) -> dict[str, ModulePoint]:
    """The points in front of the MLPs of a model of TransformerLens that it has not, or passes by."""
    names = model.hook_dict
    points: dict[str, ModulePoint] = {}
    for number, block in enumerate(getattr(model, "blocks", None) or ()):
        mlp, norm = getattr(block, "mlp", None), getattr(block, "ln2", None)
        before_norm, after_norm = f"blocks.{number}.hook_mlp_in", f"blocks.{number}.mlp.hook_in"
        if isinstance(mlp, nn.Module) and after_norm not in names:
            points[after_norm] = ModulePoint(after_norm, mlp, "input")
        entry = mlp if _norm_is_after_mlp(model, block) else norm
        if isinstance(entry, nn.Module) and before_norm in names:
            points[before_norm] = ModulePoint(before_norm, entry, "input")
    return points


def _norm_is_after_mlp(model: Any, block: Any) -> bool:
    known = getattr(block, "mlp_reads_resid_directly", None)  # the bridge says it
    if isinstance(known, bool):
        return known
    return getattr(model.cfg, "original_architecture", None) in _NORM_AFTER_MLP
