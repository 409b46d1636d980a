import threading
import xml.etree.ElementTree as ET
from types import SimpleNamespace

import pytest
import torch

from sae_widgets.architectures import TopKSAE, TopKSAEConfig
from sae_widgets.features.statistics import FeatureStatistics
from sae_widgets.steering import FeatureSteer, GeneratedToken
from sae_widgets.widgets import steering_panel
from sae_widgets.widgets._steering import PromptActivations, search_features
from sae_widgets.widgets.steering_panel import SteeringPanel

D_SAE = 8
HOSTILE = "</script><img src=x onerror=alert(1)>\u202e\x00\ud800"


class Writer:
    """Stands in for the model: writes numbered words, counts them, and waits at a gate when there is one."""

    def __init__(self):
        self.n_plain = 0
        self.gate = None
        self.has_token = threading.Event()
        self.error = None
        self.text = " word{}"

    def __call__(self, model, sae, prompt, steers=(), *, is_cancelled=lambda: False, **generation):
        for i in range(generation["max_new_tokens"]):
            if self.error is not None:
                raise self.error
            if is_cancelled():
                return
            self.n_plain += not steers
            yield GeneratedToken(i, i, self.text.format(i), -1.0, -1.0 - len(steers), 0.5 * len(steers))
            if steers and self.gate is not None:
                self.has_token.set()
                assert self.gate.wait(10.0)


def activations(model, sae, prompt):
    strongest = torch.tensor([0.0, 4.0, 2.0, 1.0, 0.0, 0.0, 0.0, 0.0])
    return PromptActivations(
        prompt, ["<bos>", "Hello", " Lon", "don"], strongest, torch.tensor([0, 2, 1, 3, 0, 0, 0, 0])
    )


@pytest.fixture
def writer(monkeypatch):
    writer = Writer()
    monkeypatch.setattr(steering_panel, "generate_stream", writer)
    monkeypatch.setattr(steering_panel, "prompt_activations", activations)
    monkeypatch.setattr(steering_panel, "as_hooked", lambda model: model)
    monkeypatch.setattr(steering_panel, "check_fits", lambda model, sae: None)
    monkeypatch.setattr(steering_panel, "known_statistics", lambda sae: None)
    return writer


@pytest.fixture
def make(writer):
    panels = []

    def make(prompt="Hello London", features=(1,), statistics=None, **settings):
        settings.setdefault("max_new_tokens", 5)
        sae = TopKSAE(TopKSAEConfig(d_in=4, d_sae=D_SAE, k=2))
        panel = Recording(Model(), sae, prompt, features, statistics, **settings)
        panels.append(panel)
        return panel

    yield make
    for panel in panels:
        panel.close()


class Model:
    """What nobody runs."""


class Recording(SteeringPanel):
    """Keeps what goes to the page."""

    def __init__(self, *args, **settings):
        self.sent = []
        super().__init__(*args, **settings)

    def send(self, content, buffers=None):
        self.sent.append(content)

    def patches(self, path):
        run = [message for message in self.sent if message["kind"] == "start"][-1]["run"]
        return [m for m in self.sent if m["kind"] == "patch" and m["path"] == path and m["run"] == run]


def statistics(**labels):
    return known(torch.full((D_SAE,), 10.0), {int(key[1:]): label for key, label in labels.items()})


def known(max_act, labels):
    ones = torch.ones(D_SAE)
    return FeatureStatistics(100, ones, max_act, ones, torch.ones(D_SAE, 2), ones, {}, labels=labels)


def test_both_texts_begin_with_the_prompt(make):
    panel = make(strengths={1: 2.0})
    assert panel.wait(10.0)
    assert panel.text == "Hello London word0 word1 word2 word3 word4"
    assert panel.steered_text == panel.text
    assert panel.result.mean_kl == 0.5
    assert panel.status["state"] == "done"


def test_strength_is_in_units_of_the_maximum_activation(make):
    panel = make(features={1: 2.0, 2: -1.0}, statistics=statistics())
    assert panel.steers() == [FeatureSteer(1, 20.0, "add"), FeatureSteer(2, -10.0, "add")]


def test_without_statistics_the_unit_is_the_maximum_on_the_prompt_and_stays(make):
    panel = make(features={1: 1.0, 5: 1.0})
    assert panel.wait(10.0)
    assert [row["source"] for row in panel.rows] == ["prompt", "estimate"]
    assert panel.steers() == [FeatureSteer(1, 4.0, "add"), FeatureSteer(5, 2.0, "add")]  # 2.0: median of 4, 2 and 1


def test_a_slider_at_zero_does_nothing_but_ablation_and_clamping_do(make):
    panel = make(features=[1, 2, 3], modes={2: "ablate", 3: "clamp"}, statistics=statistics())
    assert panel.steers() == [FeatureSteer(2, 0.0, "ablate"), FeatureSteer(3, 0.0, "clamp")]


def test_without_features_the_strongest_on_the_prompt_are_offered(make):
    panel = make(features=None)
    assert panel.wait(10.0)
    assert panel.features == [1, 2, 3]
    assert panel.strengths == {1: 0.0, 2: 0.0, 3: 0.0}


def test_the_unsteered_text_is_written_once_for_all_sliders(make, writer):
    panel = make()
    panel.wait(10.0)
    for strength in (1.0, 2.0, 3.0):
        panel.strengths = {1: strength}
        panel.wait(10.0)
    assert writer.n_plain == 5
    panel.seed = 1
    panel.wait(10.0)
    assert writer.n_plain == 10


def test_an_undone_seed_shows_its_text_without_writing_it_again(make, writer):
    panel = make()
    for seed in (1, 0):
        panel.wait(10.0)
        panel.seed = seed
    panel.wait(10.0)
    assert writer.n_plain == 10
    assert sum(len(patch["tokens"]) for patch in panel.patches("plain")) == 5


def test_a_moved_slider_ends_the_running_text_at_the_next_token(make, writer):
    panel = make(max_new_tokens=50)
    panel.wait(10.0)
    writer.gate = threading.Event()
    panel.strengths = {1: 1.0}
    assert writer.has_token.wait(10.0)
    panel.strengths = {1: 2.0}
    writer.gate.set()
    assert panel.wait(10.0)
    assert [s.strength for s in panel.result.steers] == [8.0]
    assert len(panel.result.steered) == 50
    starts = [message["run"] for message in panel.sent if message["kind"] == "start"]
    n_before = sum(len(m["tokens"]) for m in panel.sent if m["kind"] == "patch" and m["run"] == starts[-2])
    assert 1 <= n_before <= 2


def test_stop_keeps_what_is_written(make, writer):
    panel = make(max_new_tokens=50)
    panel.wait(10.0)
    writer.gate = threading.Event()
    panel.strengths = {1: 1.0}
    assert writer.has_token.wait(10.0)
    panel._on_custom_message(panel, {"kind": "stop"}, [])
    writer.gate.set()
    assert panel.wait(10.0)
    assert panel.result.is_stopped
    assert 1 <= len(panel.result.steered) <= 2
    assert panel.outcome["is_stopped"]


def test_tokens_are_appended_and_the_first_goes_at_once(make):
    panel = make(strengths={1: 1.0}, max_new_tokens=30)
    panel.wait(10.0)
    patches = panel.patches("steered")
    assert (patches[0]["start"], len(patches[0]["tokens"])) == (0, 1)
    assert [token for patch in patches for token in patch["tokens"]] == panel.outcome["steered"]
    ends = [patch["start"] + len(patch["tokens"]) for patch in patches]
    assert [patch["start"] for patch in patches[1:]] == ends[:-1]


def test_an_error_keeps_the_last_result(make, writer):
    panel = make()
    panel.wait(10.0)
    before = panel.result
    writer.error = ValueError("The prompt is 900 tokens, too long.")
    panel.prompt = "long " * 900
    panel.wait(10.0)
    assert panel.status["state"] == "failed"
    assert "900 tokens" in panel.error["message"]
    assert panel.result is before
    writer.error = None
    panel.prompt = "Hello again"
    panel.wait(10.0)
    assert panel.error == {}
    assert panel.text.startswith("Hello again")


def test_a_failed_unsteered_text_is_tried_again(make, writer):
    panel = make()
    panel.wait(10.0)
    writer.error = RuntimeError("out of memory")
    panel.seed = 1
    panel.wait(10.0)
    writer.error = None
    panel.on_message({"kind": "run"}, [])
    panel.wait(10.0)
    assert len(panel.result.plain) == 5


def test_an_empty_prompt_says_so(make):
    panel = make(prompt="")
    panel.wait(10.0)
    assert "empty" in panel.error["message"]


@pytest.mark.parametrize("strengths", [{1: float("nan")}, {1: float("inf")}])
def test_strengths_must_be_finite(make, strengths):
    panel = make(strengths={1: 1.5})
    with pytest.raises(ValueError, match=r"feature 1 is .* finite"):
        panel.strengths = strengths
    assert panel.strengths == {1: 1.5}


@pytest.mark.parametrize("features", [[8], [-1]])
def test_an_unknown_feature_is_refused_with_the_range(make, features):
    with pytest.raises(ValueError, match="it has 8 features, 0 to 7"):
        make(features=features)


def test_a_strength_brings_its_slider_and_a_removed_slider_takes_its_strength(make):
    panel = make()
    panel.strengths = {2: 1.0}
    assert panel.features == [1, 2]
    assert panel.strengths == {1: 0.0, 2: 1.0}
    panel.modes = {2: "clamp"}
    panel.features = [1]
    assert (panel.strengths, panel.modes) == ({1: 0.0}, {})


def test_the_page_writes_keys_as_text(make):
    panel = make()
    panel.set_state({"features": [1, 3], "strengths": {"1": 0.5, "3": 2}, "modes": {"3": "clamp"}})
    assert panel.strengths == {1: 0.5, 3: 2.0}
    assert panel.modes == {3: "clamp"}
    assert panel.get_state("strengths")["strengths"] == {"1": 0.5, "3": 2.0}


def test_a_refused_value_of_the_page_is_shown_and_nothing_is_lost(make):
    panel = make(strengths={1: 1.5})
    panel.wait(10.0)
    panel.set_state({"strengths": {"99": 1.0}})
    panel.flush()
    assert panel.strengths == {1: 1.5}
    assert "No feature 99" in panel.error["message"]


def test_search_finds_numbers_labels_and_tokens():
    on_prompt = activations(None, None, "Hello London")
    labels = {6: "British cities", 2: "cities of France"}
    maxima = torch.tensor([0.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0])
    find = lambda query: search_features(query, on_prompt, known(maxima, labels), D_SAE, 10)  # noqa: E731
    assert find("") == [1, 2, 3]
    assert find("#5") == [5]
    assert find("cities") == [2, 6]
    assert find("lon") == [1]
    assert find("no such thing") == []


def test_search_ranks_by_the_share_of_the_maximum():
    maxima = torch.tensor([0.0, 40.0, 2.0, 4.0, 0, 0, 0, 0])
    assert activations(None, None, "x").top(3, maxima) == [2, 3, 1]


def test_the_page_is_answered(make):
    panel = make(statistics=statistics(f1="London"))
    panel.wait(10.0)
    panel._on_custom_message(panel, {"kind": "req", "id": "a", "op": "search", "args": {"query": "london"}}, [])
    assert panel._lanes["ask"].wait(10.0)
    answer = next(message for message in panel.sent if message["kind"] == "res")
    assert answer["ok"]
    assert answer["value"][0] | {"act": 4.0} == {
        **{"feature": 1, "label": "London", "unit": 10.0, "source": "statistics"},
        **{"act": 4.0, "position": 2, "token": " Lon"},
    }


def test_code_makes_the_panel_and_its_steers_again(make):
    panel = make(features={1: 2.0, 2: 0.0}, modes={2: "ablate"}, statistics=statistics(), temperature=0.5)
    made, written = [], []
    fake = SimpleNamespace(
        SteeringPanel=lambda *args, **kwargs: made.append((args, kwargs)),
        FeatureSteer=FeatureSteer,
        generate_stream=lambda model, sae, prompt, steers, **kwargs: written.append(steers) or [],
    )
    code = panel.as_code().replace("import sae_widgets as sw\n", "")
    exec(code, {"sw": fake, "model": "m", "sae": "s", "statistics": "all"})
    assert made[0][0] == ("m", "s")
    assert (made[0][1]["prompt"], made[0][1]["statistics"]) == ("Hello London", "all")
    assert made[0][1]["features"] == {1: 2.0, 2: 0.0}
    assert made[0][1]["temperature"] == 0.5
    assert written[0] == panel.steers()


def test_pictures_show_the_numbers_and_hold_no_markup_of_the_text(make, writer):
    writer.text = HOSTILE
    panel = make(prompt=HOSTILE, features={1: 2.0}, statistics=statistics(f1=HOSTILE))
    panel.wait(10.0)
    bundle = panel.static_bundle()
    for mime in ("text/html", "image/svg+xml"):
        picture = bundle[mime]
        assert "<script" not in picture
        assert "<img" not in picture
        assert "\u202e" not in picture
        assert "0.500" in picture  # the mean KL
        picture.encode()
    assert "+1.000" in bundle["text/html"]  # the change of log-probability
    ET.fromstring(bundle["image/svg+xml"])


def test_the_saved_state_is_plain_json_and_whole(make):
    panel = make(strengths={1: 1.0})
    panel.wait(10.0)
    state = panel.get_state()
    assert len(state["outcome"]["steered"]) == 5
    assert state["outcome"]["mean_kl"] == 0.5


def test_a_moving_slider_never_says_stopped(make, writer):
    panel = make()
    panel.wait(10.0)
    texts = []
    panel.observe(lambda change: texts.append(change["new"]["text"]), names=["status"])
    for i in range(20):
        panel.strengths = {1: i / 10}
    panel.wait(10.0)
    assert "Stopped" not in texts
    assert panel.status["state"] == "done"
