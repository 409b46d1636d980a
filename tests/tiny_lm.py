"""A language model small enough for every test: embeddings and two layers, with the hooks and methods ours have."""

import threading
from types import SimpleNamespace

import torch
from torch import Tensor

WORDS = "the a cat dog sat ran on under mat tree and then it was red blue big small day night".split()


class TinyTokenizer:
    """One token a word; `<bos>` is 0 and the only special token."""

    bos_token_id = eos_token_id = sep_token_id = 0
    all_special_ids = [0]

    def __init__(self):
        self.vocabulary = {word: i + 1 for i, word in enumerate(WORDS)}

    def __call__(self, texts, add_special_tokens=False, verbose=False):
        return {"input_ids": [[self.vocabulary.get(word, 1) for word in text.split()] for text in texts]}


class TinyLM:
    """Two residual layers that also look at the token before; deterministic from its seed."""

    def __init__(self, d_model=16, n_ctx=32, seed=0):
        generator = torch.Generator().manual_seed(seed)

        def draw(*shape):
            return torch.randn(*shape, generator=generator) / shape[0] ** 0.5

        d_vocab = len(WORDS) + 1
        self.tokenizer = TinyTokenizer()
        self.cfg = SimpleNamespace(n_ctx=n_ctx, d_model=d_model, n_layers=2, d_vocab=d_vocab, model_name="tiny")
        self.device = torch.device("cpu")
        self.lock = threading.RLock()
        self.W_E, self.W_U = draw(d_vocab, d_model) * d_vocab**0.5, draw(d_model, d_vocab)
        self.layers = [(draw(d_model, 4 * d_model), draw(4 * d_model, d_model), draw(d_model, d_model)) for _ in "ab"]
        names = ["hook_embed"]
        for layer in range(2):
            names += [
                f"blocks.{layer}.hook_resid_pre",
                f"blocks.{layer}.hook_resid_post",
                f"blocks.{layer}.attn.hook_z",
            ]
        self.hook_dict = dict.fromkeys(names)
        self.n_forwards = 0

    def to_tokens(self, text, prepend_bos=True):
        ids = self.tokenizer([text])["input_ids"][0]
        return torch.tensor([[0, *ids] if prepend_bos else ids])

    @torch.no_grad()
    def run_with_cache(self, tokens, names_filter=None, stop_at_layer=None):
        cache = {}
        hooks = [(name, lambda act, hook=None, name=name: cache.update({name: act})) for name in names_filter]
        return self._forward(tokens, hooks, stop_at_layer), cache

    @torch.no_grad()
    def run_with_hooks(self, tokens, fwd_hooks=()):
        return self._forward(tokens, fwd_hooks)

    def _forward(self, tokens, hooks, stop_at_layer=None) -> Tensor:
        self.n_forwards += 1

        def through(name, value):
            for hooked, hook in hooks:
                if hooked == name and (new := hook(value, hook=None)) is not None:
                    value = new
            return value

        x = through("hook_embed", self.W_E[tokens])
        for layer, (W_in, W_out, W_back) in enumerate(self.layers):
            if stop_at_layer == layer:
                return x
            x = through(f"blocks.{layer}.hook_resid_pre", x)
            before = torch.cat([torch.zeros_like(x[:, :1]), x[:, :-1]], 1) @ W_back
            z = through(f"blocks.{layer}.attn.hook_z", before.unflatten(-1, (4, -1)))
            x = x + z.flatten(2)
            x = through(f"blocks.{layer}.hook_resid_post", x + (x @ W_in).relu() @ W_out)
        return x @ self.W_U


def sentences(n=200, seed=0):
    """Documents of 3 to 40 words."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(3, 40, (n,), generator=generator).tolist()
    words = torch.randint(len(WORDS), (sum(lengths),), generator=generator).tolist()
    documents, start = [], 0
    for length in lengths:
        documents.append(" ".join(WORDS[i] for i in words[start : start + length]))
        start += length
    return documents
