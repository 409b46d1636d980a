"""Random transformers small enough for every test, made in memory: nothing is downloaded, nothing learned."""

from typing import Any

import torch

from sae_widgets.architectures import TopKSAEConfig
from sae_widgets.sae import SAE

TEXT = "The cat sat on the mat. The dog ran under the old tree, and then it was night. "
N_CTX = 48


def tiny_tokenizer() -> Any:
    """Byte-level BPE of 300 pieces; `<|endoftext|>` is 0 and begins every text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([TEXT] * 4, trainer)
    end = "<|endoftext|>"
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=end, eos_token=end, pad_token=end)


def tiny_llama(seed: int = 0) -> Any:
    """RMSNorm, rotary positions, gated MLP: d_model 16, two layers."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=300,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=N_CTX,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
        tie_word_embeddings=True,
    )
    return random_model(LlamaForCausalLM, config, seed)


def tiny_gpt2(seed: int = 0) -> Any:
    """LayerNorm with bias, learned positions: d_model 16, two layers."""
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=300,
        n_embd=16,
        n_layer=2,
        n_head=2,
        n_positions=N_CTX,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
    )
    return random_model(GPT2LMHeadModel, config, seed)


def random_model(model_class: Any, config: Any, seed: int) -> Any:
    """A model of a class with drawn weights."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = model_class(config)
        for parameter in model.parameters():  # norms away from 1, biases away from 0, activations of a fair size
            parameter.data.add_(torch.randn_like(parameter) * 0.15)
    return model.eval()


def tiny_topk(hook_name: str, *, d_in: int = 16, d_sae: int = 40, k: int = 4, seed: int = 0, **settings: Any) -> SAE:
    """A TopK SAE with drawn weights for a hook."""
    cfg = TopKSAEConfig(d_in=d_in, d_sae=d_sae, k=k, **settings)
    cfg.metadata.hook_name = hook_name
    sae = SAE.from_config(cfg, generator=torch.Generator().manual_seed(seed))
    generator = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        for parameter in (sae.b_enc, sae.b_dec):
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return sae
