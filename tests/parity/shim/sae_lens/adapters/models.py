"""Models with SAEs attached."""

from typing import Any

from sae_widgets import hooked


class HookedSAETransformer(hooked.HookedSAETransformer):
    """Ours wraps a model; this one also makes it from its config, as SAELens' does."""

    def __init__(self, cfg: Any, **kwargs: Any) -> None:
        if not hasattr(cfg, "run_with_hooks"):
            from transformer_lens import HookedTransformer

            cfg = HookedTransformer(cfg, **kwargs)
        super().__init__(cfg)
