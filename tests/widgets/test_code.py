"""`as_code` of every widget makes the same view again."""

import pytest
import torch

import sae_widgets as sw
from sae_widgets.features.survey import feature_statistics
from sae_widgets.widgets import _base
from tests.tiny_model import tiny_topk

HOOK = "blocks.1.hook_resid_pre"
PROMPT = 'The "cat"\nsat \u202e\\ on'


@pytest.fixture
def statistics(tiny_model, tiny_sae):
    rows = torch.randint(1, 300, (12, 20), generator=torch.Generator().manual_seed(1))
    return feature_statistics(tiny_model, tiny_sae, rows)


@pytest.fixture
def names(tiny_model, tiny_sae, statistics):
    return {"model": tiny_model, "sae": tiny_sae, "statistics": statistics, "sw": sw}


VIEWS = {
    "TokenHeatmap": {"prompt": PROMPT, "features": [5, 3], "pinned": 2, "dim_bos": False, "selection": False},
    "AttributionBars": {"prompt": PROMPT, "methods": ["gradient"], "selected_feature": 3, "contrast": " the"},
    "SteeringPanel": {
        "prompt": PROMPT,
        "features": {3: 1.5, 7: -2.0, 2: 0.0},
        "modes": {7: "clamp"},
        "seed": 4,
        "max_new_tokens": 3,
        "where": "generated",
    },
    "FeatureDashboard": {"feature": 7, "group_by": "quantile", "pinned": [1, 2], "log_counts": True},
    "PromptView": {"prompt": PROMPT, "other": "The dog", "metric": "attribution", "position": 3, "sort": "difference"},
    "FeatureBrowser": {"order": "-max_act", "ranges": {"density": (0.001, None)}, "feature": 4},
}


@pytest.mark.parametrize("name", VIEWS)
def test_the_code_makes_the_same_view(names, name):
    kind = getattr(sw, name)
    view = kind(names["model"], names["sae"], statistics=names["statistics"], **VIEWS[name])
    try:
        assert view.wait(30)
        code = view.as_code()
        assert view.ops["code"]({}, None) == code
        assert "\u202e" not in code
        known = dict(names)
        exec(code.replace("import sae_widgets as sw\n", ""), known)
        again = known["view"]
        assert isinstance(again, kind)
        assert again.wait(30)
        assert wishes(again) == wishes(view)
        assert (again._link is None) == (view._link is None)
        assert view.wait(30)
    finally:
        _base.SaeWidget.close_all()


def wishes(view):
    own = set(view.traits(sync=True)) - set(_base.SaeWidget.class_trait_names())
    return {name: getattr(view, name) for name in own if view.trait_metadata(name, "writer") != "kernel"}


def test_given_values_stand_in_the_code():
    view = sw.TokenHeatmap.from_data(
        [" a", "\n", "</b>"], {7: [0.5, float("nan"), -2.0]}, labels={7: "x"}, is_special=[1, 0, 0]
    )
    known = {"sw": sw}
    exec(view.as_code(), known)
    again = known["view"]
    assert again.data.tokens == view.data.tokens
    assert again.data.labels == view.data.labels
    assert again.data.is_special.tolist() == [True, False, False]
    assert repr(again.data.to_dense().tolist()) == repr(view.data.to_dense().tolist())
    assert wishes(again) == wishes(view)
    long = sw.TokenHeatmap.from_data(["a"] * 5_000, [0.5] * 5_000)
    assert "from_data(tokens, values" in long.as_code()


def test_a_toy_model_is_trained_as_far():
    view = sw.ToyModel(3, sparsity=0.5, seed=2).run(20)
    known = {}
    exec(view.as_code(), known)
    assert known["view"].frame["rows"] == view.frame["rows"]
    _base.SaeWidget.close_all()


def test_a_catalogue_keeps_its_filters():
    view = sw.CatalogBrowser(model="gpt2-small", l0_max=50.0, order="-width")
    known = {}
    exec(view.as_code(), known)
    assert wishes(known["view"]) == wishes(view)


def test_a_watched_run_is_named_by_its_folder(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "metrics.jsonl").write_text("")
    panel = sw.TrainingPanel(tmp_path)
    panel.log_scale = True
    try:
        known = {}
        exec(panel.as_code(), known)
        assert known["view"].run.folder == panel.run.folder
        assert known["view"].log_scale
    finally:
        _base.SaeWidget.close_all()


def test_names_of_the_notebook_are_used(monkeypatch, tiny_model, statistics):
    import IPython

    sae = tiny_topk(HOOK)
    sae.cfg.metadata.neuronpedia_id = "x\nimport os"  # of a file: no line of its own
    shell = type("Shell", (), {"user_ns": {"_1": sae, "my sae": sae, "mine": sae, "gpt": tiny_model}})
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    view = sw.PromptView(tiny_model, sae, "The cat")
    assert view.wait(20)
    assert "sw.PromptView(gpt, mine, prompt='The cat')" in view.as_code()
    assert "\nimport os" not in view.as_code()
    view.close()
