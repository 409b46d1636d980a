"""What `test_passes` has two processes do; each leaves what it found in `<folder>/<name>-<rank>`."""

import os
from pathlib import Path

import torch

from sae_widgets.features.survey import feature_statistics
from sae_widgets.hooked import HookedSAETransformer
from sae_widgets.plain_model import PlainModel
from tests.tiny_model import tiny_gpt2, tiny_tokenizer, tiny_topk

HOOK = "transformer.h.1"
KEPT = {"n_top": 3, "n_random": 12, "n_per_part": 2, "n_seqs": 4}


def plain_model():
    """No TransformerLens: it takes seconds to import, in each process."""
    return HookedSAETransformer(PlainModel(tiny_gpt2(), tiny_tokenizer()))


def rows_of_tokens(n=23):
    rows = torch.randint(1, 300, (n, 30), generator=torch.Generator().manual_seed(0))
    rows[:, 0] = 0
    rows[7] = rows[3]  # one text twice
    return rows


def child(rank, port, folder):
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
    os.environ["MASTER_PORT"] = str(port)
    torch.set_num_threads(1)
    model, sae, folder = plain_model(), tiny_topk(HOOK), Path(folder)
    n_forwards = 0

    def count(module, args):
        nonlocal n_forwards
        n_forwards += 1

    model.wrapped.original_model.transformer.h[0].register_forward_pre_hook(count)
    found = feature_statistics(model, sae, rows_of_tokens(), **KEPT)
    found.save(folder / f"shared-{rank}")
    (folder / f"forwards-{rank}").write_text(str(n_forwards))
    seen = []
    feature_statistics(
        model,
        sae,
        rows_of_tokens(),
        folder=folder / "stopped",
        on_progress=lambda done, total: seen.append(done),
        is_cancelled=lambda: len(seen) == 2,
        **KEPT,
    )
