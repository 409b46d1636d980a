"""How activations are gathered: `StoreSettings`."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class StoreSettings:
    """How activations are gathered; names as in `LanguageModelSAERunnerConfig`."""

    hook_name: str
    """What is read."""
    hook_names: Sequence[str] | None = None
    """Read in the place of `hook_name`, side by side: a crosscoder's sources."""
    hook_name_out: str | None = None
    """What a transcoder is to give for what is read; batches are then pairs."""
    hook_names_out: Sequence[str] | None = None
    """The same with several outputs, side by side: a cross-layer transcoder's."""
    context_size: int = 128
    """Tokens in a row."""
    train_batch_size_tokens: int = 4096
    """Tokens in a batch."""
    store_batch_size_prompts: int = 32
    """Rows in a forward of the language model."""
    n_batches_in_buffer: int = 20
    """Forwards whose activations fit in the mixing buffer."""
    activations_mixing_fraction: float = 0.5
    """0 serves activations in the order of the text; anything else mixes. In [0, 1]."""
    hook_head_index: int | None = None
    """The one head to take of an activation that has heads; None joins all heads."""
    prepend_bos: bool = True
    sequence_separator_token: str | int | None = "bos"
    """Between two documents in a row: "bos", "eos", "sep", a token id, or None."""
    disable_concat_sequences: bool = False
    exclude_special_tokens: bool | list[int] = False
    """Leave out the activations of all special tokens, or of these."""
    seqpos_slice: tuple[int | None, ...] = (None,)
    """Positions of a row to train on, as the arguments of `slice`."""
    prefetch_llm_batches: bool | int = False
    """Forwards gathered ahead by a thread of their own; True is one."""
    device: str = "cpu"
    """Where the buffer is kept."""
    dtype: str = "float32"
    """Of the buffer and the batches, whatever the model's is."""
    autocast_lm: bool = False
    """Run the language model in bfloat16."""
    seed: int = 42
    rank: int = 0
    """Which of `world_size` shares of the documents is read."""
    world_size: int = 1
    """Processes that read the data together; their shares have no document in common."""

    def __post_init__(self) -> None:
        for name in ("context_size", "train_batch_size_tokens", "store_batch_size_prompts", "n_batches_in_buffer"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}.")
        if self.context_size < 2:
            raise ValueError(f"context_size must be at least 2, got {self.context_size}.")
        if not 0 <= self.activations_mixing_fraction <= 1:
            raise ValueError(f"activations_mixing_fraction is in [0, 1], got {self.activations_mixing_fraction}.")
        if not self.n_positions:
            raise ValueError(f"seqpos_slice {self.seqpos_slice} leaves no position of {self.context_size}.")
        if self.prefetch_llm_batches < 0:
            raise ValueError(
                f"prefetch_llm_batches is a number of forwards or a bool, got {self.prefetch_llm_batches}."
            )
        if not 0 <= self.rank < self.world_size:
            raise ValueError(f"rank is from 0 to world_size - 1; got rank {self.rank} of {self.world_size}.")
        if self.buffer_tokens < self.train_batch_size_tokens:
            raise ValueError(
                f"The buffer of {self.buffer_tokens:,} tokens (n_batches_in_buffer {self.n_batches_in_buffer} x "
                f"store_batch_size_prompts {self.store_batch_size_prompts} x context_size {self.context_size}) cannot "
                f"hold a batch of {self.train_batch_size_tokens:,}. Raise n_batches_in_buffer."
            )

    @property
    def buffer_tokens(self) -> int:
        return self.n_batches_in_buffer * self.store_batch_size_prompts * self.context_size

    @property
    def n_positions(self) -> int:
        """Positions of a row that are kept."""
        return len(range(self.context_size)[slice(*self.seqpos_slice)])

    @property
    def hooks_in(self) -> list[str]:
        """Hooks that are read for the input."""
        return list(self.hook_names or [self.hook_name])

    @property
    def hooks_out(self) -> list[str]:
        """Hooks that are read for the target; none where the input is the target."""
        hooks = list(self.hook_names_out or ([self.hook_name_out] if self.hook_name_out else []))
        return [] if hooks == self.hooks_in else hooks
