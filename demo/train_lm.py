"""Train the tokenizer and the language model of the demo bundle on the output of `gather_text.py`.

    python demo/train_lm.py build/demo/text build/demo/model --steps 2400

A Llama-style decoder (2.6 M parameters) and a byte-level BPE of 4,096 pieces, saved in Hugging Face layout. Matrices
inside the blocks are stepped by Muon, the rest by AdamW; the learning rate is held, then falls linearly to zero over
the last quarter of the steps. Every 200 steps the model is saved; `--start N` goes on from there with fresh momenta
(the shipped model: `--steps 3200`, cut, then `--start 1800 --steps 2400`).
Prints and writes (`training.json`) the loss in nats a token and bits a character for each kind of text.
"""

import argparse
import json
import math
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

SEPARATOR = "<|endoftext|>"
SEED = 0
DECAY_SHARE = 0.25
# Small kinds are seen more often than their size alone would give, none more than about five times.
KIND_WEIGHTS = {
    "stories": 1.5,
    "shakespeare": 1.0,
    "scripture": 1.2,
    "science": 1.1,
    "novels": 1.3,
    "recipes": 1.0,
    "wiki": 0.6,
    "code": 1.3,
}


def read_documents(folder: Path, split: str) -> dict[str, list[str]]:
    """Documents of each kind."""
    return {
        f.name.split(".")[0]: f.read_text("utf-8").split(f"\n{SEPARATOR}\n")
        for f in sorted(folder.glob(f"*.{split}.txt"))
    }


def train_tokenizer(documents: dict[str, list[str]], vocab_size: int) -> PreTrainedTokenizerFast:
    """Byte-level BPE; piece 0 is `<|endoftext|>`, which starts, ends and pads."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[SEPARATOR],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator((d for docs in documents.values() for d in docs), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token=SEPARATOR,
        eos_token=SEPARATOR,
        pad_token=SEPARATOR,
        model_max_length=256,
        clean_up_tokenization_spaces=False,
    )


def stream_of(documents: list[str], tokenizer: PreTrainedTokenizerFast) -> Tensor:
    """One long row of tokens in which `<|endoftext|>` precedes each document."""
    encoded = tokenizer(documents, add_special_tokens=False)["input_ids"]
    return torch.tensor([token for ids in encoded for token in [tokenizer.bos_token_id, *ids]], dtype=torch.int32)


def batch(streams: dict[str, Tensor], n_seqs: int, context_tokens: int, generator: torch.Generator) -> Tensor:
    """`[n_seqs, context_tokens]`, kinds drawn by weight, each row a random window led by `<|endoftext|>`."""
    kinds = list(streams)
    weights = torch.tensor([KIND_WEIGHTS.get(kind, 1.0) for kind in kinds])
    rows = []
    for kind in torch.multinomial(weights, n_seqs, replacement=True, generator=generator).tolist():
        stream = streams[kinds[kind]]
        start = int(torch.randint(len(stream) - context_tokens, (), generator=generator))
        row = stream[start : start + context_tokens].long()
        row[0] = 0  # every sequence of the finished model starts with bos
        rows.append(row)
    return torch.stack(rows)


class Muon(torch.optim.Optimizer):
    """Momentum whose step is the nearest orthogonal matrix, by five Newton-Schulz rounds in float32.

    torch.optim.Muon rounds to bfloat16, which took 3.1 s a step on the two CPU cores used here; this takes 0.12 s.
    Source: K. Jordan et al., Muon (2024); step scaled by 0.2 sqrt(max(shape)) as in J. Liu et al., arXiv 2502.16982.
    """

    def __init__(
        self, matrices: list[torch.nn.Parameter], lr: float, momentum: float = 0.95, weight_decay: float = 0.05
    ):
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One step for every matrix; equal shapes go through Newton-Schulz together."""
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[torch.nn.Parameter]] = {}
            for matrix in group["params"]:
                by_shape.setdefault(matrix.shape, []).append(matrix)
            for shape, matrices in by_shape.items():
                gradient = torch.stack([m.grad for m in matrices])
                state = self.state[matrices[0]]
                moment = state.setdefault("momentum", torch.zeros_like(gradient)).lerp_(gradient, 1 - group["momentum"])
                update = orthogonal(gradient.lerp(moment, group["momentum"])) * (0.2 * max(shape) ** 0.5)
                for matrix, change in zip(matrices, update, strict=True):
                    matrix.mul_(1 - group["lr"] * group["weight_decay"]).sub_(change, alpha=group["lr"])


def orthogonal(x: Tensor) -> Tensor:
    """About U V^T of each matrix in `x` = U S V^T, by Newton-Schulz."""
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    is_tall = x.shape[-2] > x.shape[-1]
    x = x.mT if is_tall else x
    for _ in range(5):
        gram = x @ x.mT
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return x.mT if is_tall else x


def loss_of(model: LlamaForCausalLM, tokens: Tensor) -> Tensor:
    """Mean cross-entropy in nats a token."""
    logits = model(tokens).logits[:, :-1]
    return torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), tokens[:, 1:].reshape(-1))


@torch.no_grad()
def evaluate(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, documents: dict[str, list[str]]
) -> dict[str, dict[str, float]]:
    """Held-out loss of each kind, in nats a token and bits a character."""
    result = {}
    for kind, docs in documents.items():
        stream = stream_of(docs, tokenizer)
        n_seqs = min(48, len(stream) // 256)
        rows = stream[: n_seqs * 256].view(n_seqs, 256).long().clone()
        rows[:, 0] = tokenizer.bos_token_id
        nats = sum(loss_of(model, part).item() * len(part) for part in rows.split(16)) / n_seqs
        characters = len(tokenizer.decode(rows[:, 1:].reshape(-1))) / (n_seqs * 255)
        result[kind] = {
            "nats_per_token": round(nats, 4),
            "bits_per_character": round(nats / math.log(2) / characters, 4),
        }
    return result


def train(text: Path, out: Path, steps: int, start: int, n_seqs: int, vocab_size: int) -> None:
    """Train and save model, tokenizer and `training.json` in `out`; with `start`, go on from the model saved there."""
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED + start)
    documents = read_documents(text, "train")
    tokenizer = PreTrainedTokenizerFast.from_pretrained(out) if start else train_tokenizer(documents, vocab_size)
    streams = {kind: stream_of(docs, tokenizer) for kind, docs in documents.items()}
    print({kind: len(stream) for kind, stream in streams.items()}, flush=True)
    config = LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=192,
        intermediate_size=512,
        num_hidden_layers=4,
        num_attention_heads=6,
        num_key_value_heads=6,
        max_position_embeddings=256,
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
        use_cache=False,
    )
    model = LlamaForCausalLM.from_pretrained(out) if start else LlamaForCausalLM(config)
    model.config.use_cache = False
    model.train()
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    others = [p for n, p in model.named_parameters() if not (p.ndim == 2 and "embed" not in n)]
    optimisers = [
        Muon(matrices, lr=4e-3),
        torch.optim.AdamW(others, lr=4e-3, betas=(0.9, 0.95), weight_decay=0.0, fused=True),
    ]

    def factor(step: int) -> float:
        return min(1.0, (step + 1) / 100, (steps - start - step) / (DECAY_SHARE * steps))

    schedules = [torch.optim.lr_scheduler.LambdaLR(o, factor) for o in optimisers]
    step_loss = torch.compile(loss_of)
    started, valid = time.time(), read_documents(text, "valid")
    for step in range(start, steps):
        loss = step_loss(model, batch(streams, n_seqs, 256, generator))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimiser, schedule in zip(optimisers, schedules, strict=True):
            optimiser.step()
            optimiser.zero_grad()
            schedule.step()
        if step % 50 == 0:
            speed = (step + 1 - start) * n_seqs * 256 / (time.time() - started)
            print(f"step {step:5} loss {loss.item():.3f} {speed:,.0f} tokens/s", flush=True)
        if (step + 1) % 200 == 0 or step + 1 == steps:
            model.save_pretrained(out)
            tokenizer.save_pretrained(out)
            model.eval()
            report = {
                "steps": step + 1,
                "tokens": (step + 1) * n_seqs * 256,
                "seed": SEED,
                "valid": evaluate(model, tokenizer, valid),
            }
            model.train()
            (out / "training.json").write_text(json.dumps(report, indent=1), "utf-8")
            print(report, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path, help="what gather_text.py wrote")
    parser.add_argument("out", type=Path, help="folder of the model")
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--start", type=int, default=0, help="step of the model already saved in `out`")
    parser.add_argument("--seqs", type=int, default=16, help="sequences of 256 tokens a step")
    parser.add_argument("--vocab-size", type=int, default=4096)
    arguments = parser.parse_args()
    train(arguments.text, arguments.out, arguments.steps, arguments.start, arguments.seqs, arguments.vocab_size)
