"""Evaluation reads what was not trained on, and says what it read."""

import pytest
import torch

from sae_widgets.activations.held_out import EVERY
from sae_widgets.evals import held_out_tokens, run_evals
from sae_widgets.runs.config import LanguageModelSAERunnerConfig
from sae_widgets.runs.job import TrainingJob
from tests.evals.test_evaluation import HOOK, random_sae
from tests.tiny_lm import TinyLM, sentences


def texts(tmp_path, n=80):
    path = tmp_path / "texts.txt"
    path.write_text("\n<|endoftext|>\n".join(sentences(n)))
    return path


def test_an_sae_of_our_own_is_evaluated_on_what_its_run_kept_out(tmp_path):
    model, sae = TinyLM(), random_sae()
    path = texts(tmp_path)
    sae.cfg.metadata["dataset_path"], sae.cfg.metadata["context_size"] = str(path), 10
    sae.cfg.metadata["sequence_separator_token"] = "bos"
    sae.cfg.metadata["keep_held_out"] = True
    found = held_out_tokens(model, [sae])
    assert found.name == f"documents of {str(path)!r} kept out of training"
    kept = model.tokenizer(sentences(80)[EVERY - 1 :: EVERY])["input_ids"]
    n_words = sum(map(len, kept))
    assert n_words // 10 - 1 <= len(found.rows) <= (n_words + 4 + n_words // 9) // 10
    result = run_evals(sae, model)
    assert result.facts["data"] == found.name
    assert result.facts["n_sequences"] == len(found.rows)
    sae.cfg.metadata["keep_held_out"] = False
    assert "may have been trained on" in held_out_tokens(model, [sae], n_tokens=50).name
    assert len(held_out_tokens(model, [sae], n_tokens=50).rows) == 5


def test_an_sae_that_does_not_know_its_data_asks_for_text(tmp_path):
    with pytest.raises(ValueError, match=r"Give the text to evaluate on: tokens=\[\.\.\.\]"):
        run_evals(random_sae(), TinyLM())
    with pytest.raises(ValueError, match="with tokens given, give fewer"):
        run_evals(random_sae(), TinyLM(), torch.ones(2, 5, dtype=torch.int64), n_tokens=3)
    with pytest.raises(ValueError, match="too small: 1 documents give 0 rows of 30 tokens"):
        held_out_tokens(TinyLM(), [random_sae()], ["the cat sat"], context_size=30)


def test_a_run_trains_on_none_of_the_documents_it_is_evaluated_on(tmp_path):
    path, model = texts(tmp_path), TinyLM()
    settings = {"dataset_path": str(path), "hook_name": HOOK, "d_in": 16, "d_sae": 32, "context_size": 8}
    settings |= {"training_tokens": 256, "train_batch_size_tokens": 64, "store_batch_size_prompts": 4}
    settings |= {"checkpoint_path": str(tmp_path), "output_path": None, "n_batches_in_buffer": 8}
    job = TrainingJob(
        LanguageModelSAERunnerConfig(architecture="topk", activation_fn_kwargs={"k": 4}, **settings), model
    )
    kept = {tuple(row[1:]) for row in job.store.eval_tokens(1000).tolist()}
    trained = {tuple(row[1:]) for row in job.store.rows.take(600).tolist()}  # two epochs and more
    assert len(kept) > 8
    assert len(kept & trained) <= 1  # texts are drawn from twenty words
    everything = TrainingJob(
        LanguageModelSAERunnerConfig(
            architecture="topk", activation_fn_kwargs={"k": 4}, keep_held_out=False, **settings
        ),
        model,
    )
    assert everything.store.rows.documents.n_documents == 80
    assert job.store.rows.documents.n_documents == 76
    assert job.sae.cfg.metadata["keep_held_out"] is True
