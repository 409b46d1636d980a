"""PretokenizeRunner: what it writes, going on after a stop, what it refuses; and training on it."""

import json
import os

import pytest
import torch

from sae_widgets.activations.documents import open_documents
from sae_widgets.activations.settings import StoreSettings
from sae_widgets.activations.store import ActivationsStore
from sae_widgets.activations.token_rows import SequencePacker, TokenRows
from sae_widgets.runs import pretokenize
from sae_widgets.runs.pretokenize import PretokenizeRunner, PretokenizeRunnerConfig
from tests.tiny_lm import TinyLM, TinyTokenizer, sentences

pytest.importorskip("datasets")


class Tokenizer(TinyTokenizer):
    name_or_path = "tiny"

    def get_vocab(self):
        return {**self.vocabulary, "<bos>": 0}


def runner(folder=None, data=None, **settings):
    path = None if folder is None else str(folder / "tokens")
    cfg = PretokenizeRunnerConfig(
        tokenizer_name="tiny", dataset_path="sentences", save_path=path, context_size=8, **settings
    )
    return PretokenizeRunner(cfg, data or sentences(), Tokenizer())


@pytest.fixture
def small_files(monkeypatch):
    monkeypatch.setattr(pretokenize, "ROWS_PER_FILE", 64)
    monkeypatch.setattr(pretokenize, "ROWS_PER_STEP", 16)


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_row_of_the_text_is_written_once(tmp_path, small_files):
    dataset = runner(tmp_path).run()
    rows = TokenRows(open_documents(sentences(), seed=42), Tokenizer(), SequencePacker(8, begin_row=0, separator=0))
    expected = rows.take_of_epoch(100_000)
    assert len(dataset) == len(expected) > 400
    assert sorted(dataset["input_ids"]) == sorted(expected.tolist())
    assert list(dataset["input_ids"]) != expected.tolist()  # mixed within a file, too
    origin = json.loads((tmp_path / "tokens" / "sae_lens.json").read_text())
    assert (origin["tokenizer_name"], origin["context_size"], origin["shuffled"]) == ("tiny", 8, True)
    in_memory = runner().run()
    assert in_memory["input_ids"] == dataset["input_ids"]


def test_unshuffled_rows_come_in_the_order_of_the_text():
    dataset = runner(shuffle=False).run()
    rows = TokenRows(
        open_documents(sentences(), is_shuffled=False), Tokenizer(), SequencePacker(8, begin_row=0, separator=0)
    )
    assert list(dataset["input_ids"]) == rows.take(len(dataset)).tolist()


def test_stopped_at_any_file_it_goes_on_and_gives_the_same_files(tmp_path, small_files, monkeypatch):
    runner(tmp_path / "whole").run()
    expected = files_of(tmp_path / "whole" / "tokens")
    assert len(expected) > 6
    from sae_widgets.activations import token_files

    write, n_written = token_files._write_arrow, []

    def stop(path, rows):
        write(path, rows)
        n_written.append(path)
        if len(n_written) in (1, 4):
            raise KeyboardInterrupt

    monkeypatch.setattr(token_files, "_write_arrow", stop)
    for n_whole in (0, 2):
        with pytest.raises(KeyboardInterrupt):
            runner(tmp_path / "stopped").run()
        assert len(list((tmp_path / "stopped" / "tokens").glob("data-*"))) == n_whole
    with pytest.raises(ValueError, match=r"tokens in .* are not finished: run PretokenizeRunner again"):
        open_documents(str(tmp_path / "stopped" / "tokens"))
    runner(tmp_path / "stopped").run()
    assert files_of(tmp_path / "stopped" / "tokens") == expected


def test_the_result_trains_like_the_text_and_knows_its_tokenizer(tmp_path):
    runner(tmp_path).run()
    documents = open_documents(str(tmp_path / "tokens"))
    assert documents.kind == "tokens"
    model = TinyLM()
    model.tokenizer = Tokenizer()
    settings = StoreSettings(
        hook_name="blocks.1.hook_resid_pre",
        context_size=8,
        train_batch_size_tokens=32,
        store_batch_size_prompts=4,
        n_batches_in_buffer=4,
    )
    assert ActivationsStore(model, documents, settings).next_batch().shape == (32, 16)
    model.tokenizer.vocabulary = {**model.tokenizer.vocabulary, "another": 21}
    with pytest.raises(ValueError, match=r"was tokenised with 'tiny', and this model has another vocabulary"):
        ActivationsStore(model, documents, settings)


def test_a_damaged_file_is_named(tmp_path, small_files):
    runner(tmp_path).run()
    file = tmp_path / "tokens" / "data-00001.arrow"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"data-00001\.arrow is damaged .*tokenise the text again"):
        open_documents(str(tmp_path / "tokens"))
    file.unlink()
    with pytest.raises(ValueError, match=r"data-00001\.arrow is missing"):
        open_documents(str(tmp_path / "tokens"))


def test_other_settings_and_other_things_in_the_folder_are_refused(tmp_path):
    runner(tmp_path).run()
    with pytest.raises(ValueError, match=r"made with other settings \(begin_batch_token: 'bos' there, None here\)"):
        runner(tmp_path, begin_batch_token=None).run()
    (tmp_path / "else" / "tokens").mkdir(parents=True)
    (tmp_path / "else" / "tokens" / "diary.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="holds something else"):
        runner(tmp_path / "else").run()


@pytest.mark.parametrize(
    ("settings", "data", "message"),
    [
        ({"column_name": "body"}, [{"text": "the cat"}], "has no column 'body'; it has 'text'"),
        ({}, [{"id": 1}], "No column of the data can be read: it has 'id'"),
        ({}, ["", ""], "2 documents, 2 of them without any text"),
        ({"begin_sequence_token": "cls"}, None, "A special token is 'bos', 'eos', 'sep'"),
        ({"use_chat_formatting": True}, [{"messages": [{"role": "user", "content": "a"}]}], "no chat template"),
    ],
)
def test_what_cannot_be_tokenised_says_why(settings, data, message):
    with pytest.raises(ValueError, match=message):
        runner(data=data, **settings).run()


def test_settings_that_cannot_work_are_refused():
    with pytest.raises(ValueError, match="There is no text: set dataset_path"):
        PretokenizeRunnerConfig(tokenizer_name="gpt2")
    with pytest.raises(ValueError, match="context_size must be at least 2"):
        PretokenizeRunnerConfig(context_size=1)
    with pytest.raises(NotImplementedError, match="code from the hub is never run"):
        PretokenizeRunnerConfig(dataset_trust_remote_code=True)


def test_the_plan_refuses_what_the_disk_cannot_hold(tmp_path, monkeypatch):
    making = runner(tmp_path)
    n_tokens = making.plan().n_tokens
    assert n_tokens == pytest.approx(8 * len(runner().run()), rel=0.3)
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1000})())
    with pytest.raises(ValueError, match=r"of tokens do not fit: 1\.0 kB are free"):
        making.run()
    assert not os.path.exists(tmp_path / "tokens")


def test_the_default_config_runs_as_it_is():
    dataset = PretokenizeRunner(PretokenizeRunnerConfig()).run()
    ids = torch.tensor(dataset[:50]["input_ids"])
    assert ids.shape == (50, 128)
    assert int(ids[:, 0].max()) == 0
    assert len(dataset) > 900


def test_the_command_line_writes_what_the_config_says(tmp_path, capsys):
    import argparse

    parser = argparse.ArgumentParser()
    pretokenize.add_arguments(parser)
    flags = ["--save_path", str(tmp_path / "tokens"), "--context_size", "64", "--no-shuffle", "--begin_batch_token"]
    assert pretokenize.main(parser.parse_args([*flags, "None"])) == 0
    assert "rows of 64 tokens in" in capsys.readouterr().out
    origin = json.loads((tmp_path / "tokens" / "sae_lens.json").read_text())
    assert (origin["context_size"], origin["shuffled"], origin["begin_batch_token"]) == (64, False, None)
    assert pretokenize.main(parser.parse_args([])) == 2
    assert "Say where the tokens are to go" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
def test_tokens_are_uploaded_when_asked():
    from tests.hub_stand_in import hub

    with hub() as stand_in:
        dataset = runner(hf_repo_id="me/tokens").run()
        assert sorted(os.listdir(stand_in.repos["datasets/me/tokens"])) == ["data", "sae_lens.json"]
        for streaming in (False, True):
            read = open_documents("me/tokens", streaming=streaming)
            assert (read.kind, read.made_with["tokenizer_name"]) == ("tokens", "tiny")
        assert sum(map(len, read.read(0, 0))) == len(dataset)
