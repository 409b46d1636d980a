"""A language model small enough for every test: embeddings and two layers, with the hooks and methods ours have."""

from contextlib import contextmanager
from types import SimpleNamespace

import torch

WORDS = [
    "the",
    "a",
    "cat",
    "dog",
    "sat",
    "ran",
    "on",
    "under",
    "mat",
    "tree",
    "and",
    "then",
    "it",
    "was",
    "red",
    "blue",
    "big",
    "small",
    "day",
    "night",
]


class TinyTokenizer:
    """One token a word; `<bos>` is 0 and the only special token."""

    bos_token_id = eos_token_id = sep_token_id = 0

    def __init__(self):
        self.all_special_ids = [0]
        self.vocabulary = {word: i + 1 for i, word in enumerate(WORDS)}

    def __call__(self, texts, add_special_tokens=False, verbose=False):
        return {"input_ids": [[self.vocabulary.get(word, 1) for word in text.split()] for text in texts]}


class Point:
    """A hook point as TransformerLens has them."""

    def __init__(self):
        self.fwd_hooks = []

    def add_hook(self, hook, **settings):
        self.fwd_hooks.append(SimpleNamespace(fn=hook, hook=SimpleNamespace(remove=lambda: None)))

    def __call__(self, value):
        for each in list(self.fwd_hooks):
            new = each.fn(value, hook=self)
            value = value if new is None else new
        return value


class TinyLM:
    """Two residual layers that also look at the token before; deterministic from its seed."""

    def __init__(self, d_model=16, n_ctx=32, seed=0):
        generator = torch.Generator().manual_seed(seed)

        def draw(*shape):
            return torch.randn(*shape, generator=generator) / shape[0] ** 0.5

        d_vocab = len(WORDS) + 1
        self.tokenizer = TinyTokenizer()
        self.cfg = SimpleNamespace(n_ctx=n_ctx, d_model=d_model, n_layers=2, d_vocab=d_vocab)
        vars(self.cfg).update(model_name="tiny", n_heads=4, d_head=d_model // 4, d_mlp=4 * d_model)
        self.W_E, self.W_U = draw(d_vocab, d_model) * d_vocab**0.5, draw(d_model, d_vocab)
        self.layers = [(draw(d_model, 4 * d_model), draw(4 * d_model, d_model), draw(d_model, d_model)) for _ in "ab"]
        per_layer = ("hook_resid_pre", "hook_resid_post", "attn.hook_z", "mlp.hook_in", "mlp.hook_post", "hook_mlp_out")
        names = ["hook_embed", *(f"blocks.{layer}.{name}" for layer in range(2) for name in per_layer)]
        self.hook_dict = {name: Point() for name in names}
        self.n_forwards = 0
        self.when_called = lambda n_forwards: None

    def parameters(self):
        return [self.W_E]

    def to_tokens(self, text, prepend_bos=True, **kwargs):
        ids = self.tokenizer([text] if isinstance(text, str) else text)["input_ids"]
        return torch.tensor([[0, *row] if prepend_bos else row for row in ids])

    @contextmanager
    def hooks(self, fwd_hooks=(), bwd_hooks=()):
        before = {name: list(point.fwd_hooks) for name, point in self.hook_dict.items()}
        for name, hook in fwd_hooks:
            self.hook_dict[name].add_hook(hook)
        try:
            yield self
        finally:
            for name, point in self.hook_dict.items():
                point.fwd_hooks = before[name]

    @torch.no_grad()
    def __call__(self, tokens, return_type="logits", stop_at_layer=None, start_at_layer=None):
        """With `start_at_layer`, `tokens` is the residual stream that enters that layer."""
        self.n_forwards += 1
        self.when_called(self.n_forwards)
        points = self.hook_dict
        x = points["hook_embed"](self.W_E[tokens]) if start_at_layer is None else tokens
        for layer, (W_in, W_out, W_back) in enumerate(self.layers):
            if stop_at_layer == layer:
                return x
            if start_at_layer is not None and layer < start_at_layer:
                continue
            x = points[f"blocks.{layer}.hook_resid_pre"](x)
            before = torch.cat([torch.zeros_like(x[:, :1]), x[:, :-1]], 1) @ W_back
            x = x + points[f"blocks.{layer}.attn.hook_z"](before.unflatten(-1, (4, -1))).flatten(2)
            inner = points[f"blocks.{layer}.mlp.hook_post"]((points[f"blocks.{layer}.mlp.hook_in"](x) @ W_in).relu())
            x = points[f"blocks.{layer}.hook_resid_post"](x + points[f"blocks.{layer}.hook_mlp_out"](inner @ W_out))
        return x @ self.W_U

    def run_with_hooks(self, tokens, fwd_hooks=(), bwd_hooks=(), **kwargs):
        with self.hooks(fwd_hooks):
            return self(tokens, **kwargs)

    def run_with_cache(self, tokens, names_filter=None, stop_at_layer=None):
        cache = {}
        keep = [(name, lambda act, hook=None, name=name: cache.update({name: act})) for name in names_filter]
        with self.hooks(keep):
            return self(tokens, stop_at_layer=stop_at_layer), cache


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
