"""Two processes against one: the same losses, weights and checkpoints; resuming both ways; control; failure."""

import socket

import pytest
import torch
import torch.multiprocessing

from sae_widgets.runs.job_start import train_settings
from sae_widgets.sae.base import SAE
from sae_widgets.training.checkpoints import checkpoints_in
from sae_widgets.training.sharding import check_can_shard
from tests.runs.two_processes import ARCHITECTURES, N_STEPS, child, config, trained

KINDS = ("data", "shard")


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What one process makes of each config."""
    return {name: trained(config(tmp_path_factory.mktemp(name), name)) for name in ARCHITECTURES}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What two processes left."""
    folder = tmp_path_factory.mktemp("two")
    half = config(folder, logger={"wandb_id": "stopped"})
    trained(half, prepare=lambda run: run.add_listener(lambda report: report.n_steps == 6 and run.stop()))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    torch.multiprocessing.start_processes(child, (port, str(folder)), nprocs=2, start_method="spawn")
    return folder


def found(folder, name):
    return [torch.load(folder / f"{name}-{rank}.pt", weights_only=True) for rank in (0, 1)]


def assert_same_weights(one, other, **tolerance):
    for name, weight in one.items():
        torch.testing.assert_close(weight, other[name], **tolerance, msg=lambda text, name=name: f"{name}: {text}")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_two_processes_train_what_one_does(alone, folder, architecture, kind):
    one, (first, second) = alone[architecture], found(folder, f"{kind}-{architecture}")
    torch.testing.assert_close(first["losses"], one["losses"], rtol=1e-5, atol=1e-5)
    assert_same_weights(first["weights"], one["weights"], rtol=1e-4, atol=1e-6)
    assert_same_weights(first["weights"], second["weights"], rtol=0, atol=0)
    assert first["d_sae"] == second["d_sae"] == 48


def test_each_process_makes_its_own_part_of_the_forwards(alone, folder):
    # The first process also tries the SAE in the model at the end.
    _, second = found(folder, "data-topk")
    assert second["n_rows"] < 0.65 * alone["topk"]["n_rows"]


@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_go_on_from_one_process_s_checkpoint(alone, folder, kind):
    first, second = found(folder, f"resumed-{kind}")
    assert len(first["losses"]) == N_STEPS - 6
    torch.testing.assert_close(first["losses"], alone["topk"]["losses"][6:], rtol=1e-5, atol=1e-5)
    assert_same_weights(first["weights"], alone["topk"]["weights"], rtol=1e-4, atol=1e-6)
    assert_same_weights(first["weights"], second["weights"], rtol=0, atol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_one_process_goes_on_from_two_processes_checkpoint(alone, folder, kind):
    (checkpoint,) = [each for run in (folder / f"{kind}-topk").iterdir() for each in checkpoints_in(run)]
    assert SAE.load_from_disk(checkpoint).cfg.d_sae == 48
    assert (checkpoint / "sharded").is_dir() == (kind == "shard")
    assert not list(checkpoint.rglob(".metadata"))
    resumed = trained(config(folder, resume_from_checkpoint=str(checkpoint)))
    n_left = len(resumed["losses"])
    assert n_left == N_STEPS // 2
    torch.testing.assert_close(resumed["losses"], alone["topk"]["losses"][-n_left:], rtol=1e-5, atol=1e-5)
    assert_same_weights(resumed["weights"], alone["topk"]["weights"], rtol=1e-4, atol=1e-6)


def test_all_follow_what_the_first_is_told(folder):
    first, second = found(folder, "steered")
    assert (first["status"], len(first["losses"]), len(second["losses"])) == ("stopped", 6, 6)
    assert_same_weights(first["weights"], second["weights"], rtol=0, atol=0)


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"d_sae": 47}, ValueError, "d_sae is 47, which 2 processes cannot share evenly: use a multiple, e.g. 48"),
        ({"optimizer": "adafactor"}, NotImplementedError, "does not go with optimizer='adafactor': leave it out"),
        ({"architecture": "gated", "l1_coefficient": 0.1}, NotImplementedError, "trains standard, .*, not 'gated'"),
    ],
)
def test_what_cannot_be_shared_out_is_refused(tmp_path, settings, error, words):
    cfg = config(tmp_path, **settings)
    with pytest.raises(error, match=words):
        check_can_shard(SAE.from_config(cfg.sae), train_settings(cfg), 2)


def test_a_process_that_fails_ends_the_others_with_its_words(folder):
    first, second = found(folder, "failed")
    assert first["said"] == ("RuntimeError: Process 1 of 2 ended the run: ValueError: this machine has lost its model")
    assert second["said"] == "ValueError: this machine has lost its model"
