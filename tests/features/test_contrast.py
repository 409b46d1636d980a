"""What fires on one text and not on another, against running both by hand."""

import pytest
import torch

import sae_widgets as sw
from sae_widgets.activations.hook_reader import read_input
from tests.tiny_model import TEXT

OTHER = "then it was night"


@pytest.mark.parametrize("by", ["max", "mean"])
def test_the_score_is_the_difference_of_both_texts(tiny_model, tiny_sae, by):
    found = sw.contrast(tiny_model, tiny_sae, TEXT[:40], OTHER, by=by)
    with torch.no_grad():
        acts = [
            tiny_sae.encode(read_input(tiny_model, tiny_sae, tiny_model.to_tokens(t)))[0] for t in (TEXT[:40], OTHER)
        ]
    a, b = (each[1:].amax(0) if by == "max" else each[1:].mean(0) for each in acts)  # the first token is special
    torch.testing.assert_close(found.score, (a - b).float())
    best = found.top(3)
    assert best == (a - b).topk(3).indices.tolist()
    frame = found.to_frame()
    assert frame.index[0] == best[0]
    assert frame["score"].is_monotonic_decreasing
    assert len(frame) == int(((a != 0) | (b != 0)).sum())
    assert tiny_sae.W_enc.grad is None


def test_what_cannot_be_read_is_said_with_which_text(tiny_model, tiny_sae):
    with pytest.raises(ValueError, match="The second text: The prompt is empty"):
        sw.contrast(tiny_model, tiny_sae, TEXT[:20], "")
    with pytest.raises(ValueError, match=r"The first text: The prompt is \d+ tokens, \d+ too many"):
        sw.contrast(tiny_model, tiny_sae, TEXT * 20, OTHER)
    with pytest.raises(ValueError, match="The first text holds special tokens alone"):
        sw.contrast(tiny_model, tiny_sae, "<|endoftext|>", OTHER)
    with pytest.raises(ValueError, match="by='sum'"):
        sw.contrast(tiny_model, tiny_sae, TEXT[:20], OTHER, by="sum")


def test_it_ends_between_two_texts(tiny_model, tiny_sae):
    said = []

    def stop(done, total, text):
        said.append(text)
        if done == 1:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        sw.contrast(tiny_model, tiny_sae, TEXT[:20], OTHER, on_progress=stop)
    assert said == ["Reading the first text", "Reading the second text"]
