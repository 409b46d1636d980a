"""Neuronpedia: links to feature pages, explanations as labels, lists of features.

Nothing here asks the network but the functions that say so, and none opens a browser but `open_...`. An SAE's id there
is "model/source" ("gpt2-small/8-res-jb"); published SAEs bring theirs along as `cfg.metadata.neuronpedia_id`.

Explanations come from Neuronpedia's export bucket, as its documentation asks of whoever needs many; they are kept on
this machine and read from there ever after:

    v1/{model}/{source}/explanations*/batch-{i}.jsonl.gz      {"index", "description", "explanationModelName", ...}
"""

import json
import re
import urllib.parse
import webbrowser
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sae_widgets.sae import SAE
from sae_widgets.web import Web, cache_folder, gunzip, write_whole

__all__ = [
    "Explanation",
    "Neuronpedia",
    "NeuronpediaActivation",
    "NeuronpediaFeature",
    "get_neuronpedia_feature",
    "get_neuronpedia_quick_list",
    "make_neuronpedia_list_with_features",
    "neuronpedia_explanations",
    "neuronpedia_labels",
    "neuronpedia_url",
    "open_neuronpedia_feature_dashboard",
    "test_key",
]

SITE = "https://neuronpedia.org"

_ID_PART = re.compile(r"(?!\.+$)[\w.@+-]+", re.ASCII)
_KEY = re.compile(r"<Key>([^<]{1,1000})</Key>")
_MORE = re.compile(r"<NextContinuationToken>([^<]+)</NextContinuationToken>")
_MAX_FILES = 20_000


@dataclass(frozen=True)
class Neuronpedia:
    """Where Neuronpedia is, and where what came from it is kept."""

    api_url: str = "https://www.neuronpedia.org"
    exports_url: str = "https://neuronpedia-datasets.s3.us-east-1.amazonaws.com"
    cache: Path | None = None
    """Folder for downloads; None is `sae_widgets/neuronpedia` in the user's cache folder."""
    web: Web = field(default_factory=Web)

    def folder(self, source_id: str) -> Path:
        """Where downloads of the source "model/source" are kept."""
        model, source = _parts(source_id)
        return (self.cache or cache_folder() / "neuronpedia") / model / source

    def exported(self, source_id: str, kind: str) -> list[dict[str, Any]]:
        """All rows of one kind ("explanations", "features", "activations") that Neuronpedia exports of a source.

        Asks the network.
        """
        model, source = _parts(source_id)
        below = f"v1/{model}/{source}/"
        keys = self._listed(below + kind)
        pattern = re.compile(rf"{re.escape(below + kind)}[^/]*/[^/]+\.jsonl\.gz")
        batches = sorted((key for key in keys if pattern.fullmatch(key)), key=_natural)
        with ThreadPoolExecutor(4) as pool:  # the batches are small and many; more at once would be impolite
            contents = list(pool.map(lambda key: self.web.get(f"{self.exports_url}/{key}"), batches))
        return [row for content in contents for row in _rows(gunzip(content))]

    def _listed(self, prefix: str) -> list[str]:
        """Names of the files of the export bucket that begin with `prefix`."""
        keys: list[str] = []
        more: dict[str, str] = {}
        while len(keys) < _MAX_FILES:
            query = urllib.parse.urlencode({"list-type": "2", "prefix": prefix, **more})
            text = self.web.get(f"{self.exports_url}/?{query}").decode("utf-8", "replace")
            keys += [key for key in _KEY.findall(text) if key.startswith(prefix)]
            found = _MORE.search(text)
            if found is None:
                break
            more = {"continuation-token": found[1]}
        return keys


@dataclass(frozen=True)
class Explanation:
    """What somebody, mostly a language model, says a feature means."""

    feature: int
    text: str
    explainer: str = ""
    """Name of the model that wrote it; "" where a person did."""
    method: str = ""
    """How it was asked, e.g. "oai_token-act-pair"."""


class NoExplanationsError(ValueError):
    """Neuronpedia exports no explanations of a source."""


# -- links ------------------------------------------------------------------------------------------------------------


def neuronpedia_url(sae: SAE | str, feature: int | None = None) -> str:
    """The address of a feature's page, or of the whole SAE's. Asks nothing of the network.

    Args:
        sae: An SAE that Neuronpedia shows, or its id there ("gpt2-small/8-res-jb").
        feature: Number of the feature.

    Raises:
        ValueError: If the SAE has no id there, or no such feature.
    """
    model, source = _parts(id_of(sae))
    address = f"{SITE}/{model}/{source}"
    if feature is None:
        return address
    _check_feature(sae, feature)
    return f"{address}/{int(feature)}"


def open_neuronpedia_feature_dashboard(sae: SAE | str, index: int) -> str:
    """Opens the feature's page in the web browser; returns its address."""
    url = neuronpedia_url(sae, index)
    webbrowser.open(url)
    return url


def get_neuronpedia_quick_list(sae: SAE | str, features: Sequence[int], name: str = "temporary_list") -> str:
    """The address of a page that shows `features` side by side. Asks nothing of the network."""
    model, source = _parts(id_of(sae))
    for feature in features:
        _check_feature(sae, feature)
    listed = [{"modelId": model, "layer": source, "index": str(int(feature))} for feature in features]
    return f"{SITE}/quick-list/?name={urllib.parse.quote(name)}&features={urllib.parse.quote(json.dumps(listed))}"


# -- explanations -----------------------------------------------------------------------------------------------------


def neuronpedia_labels(
    sae: SAE | str, *, explainer: str | None = None, refresh: bool = False, client: Neuronpedia | None = None
) -> dict[int, str]:
    """A short text for each explained feature, fit for `FeatureStatistics.labels`.

        statistics.labels.update(sw.neuronpedia_labels(sae))
        sw.TokenHeatmap(model, sae, "The capital of France", statistics=statistics)

    Where several models explained, the one that explained most features is taken, then the others for the rest.
    Asks the network the first time only.

    Args:
        sae: An SAE that Neuronpedia shows, or its id there.
        explainer: Whose explanations are preferred; part of the model's name is enough ("gpt-4o").
        refresh: Whether to download anew.
        client: Where Neuronpedia is; None is the public one.

    Raises:
        ValueError: If the SAE has no id there, Neuronpedia exports no explanations of it, or none by `explainer`.
        ConnectionError: If the network is needed and not there, or Neuronpedia asks to come back later.
    """
    explanations = neuronpedia_explanations(sae, refresh=refresh, client=client)
    counts = Counter(each.explainer for each in explanations)
    order = [name for name, _ in sorted(counts.items(), key=lambda each: (-each[1], each[0]))]
    if explainer is not None:
        wanted = [name for name in order if explainer.lower() in name.lower()]
        if not wanted:
            raise ValueError(f"No explanations by {explainer!r} of {id_of(sae)!r}. By: {', '.join(order)}.")
        order = [*wanted, *(name for name in order if name not in wanted)]
    rank = {name: at for at, name in enumerate(order)}
    labels: dict[int, str] = {}
    for each in sorted(explanations, key=lambda each: rank[each.explainer]):
        labels.setdefault(each.feature, each.text)
    return dict(sorted(labels.items()))


def neuronpedia_explanations(
    sae: SAE | str, *, refresh: bool = False, client: Neuronpedia | None = None
) -> list[Explanation]:
    """All explanations that Neuronpedia exports of an SAE, by feature. Asks the network the first time only.

    Raises:
        ValueError: If the SAE has no id there, or Neuronpedia exports no explanations of it.
        ConnectionError: If the network is needed and not there.
    """
    client, source_id = client or Neuronpedia(), id_of(sae)
    file = client.folder(source_id) / "explanations.json"
    found = None if refresh else _kept(file)
    if found is None:
        found = sorted(
            (each for row in client.exported(source_id, "explanations") if (each := _explanation(row)) is not None),
            key=lambda each: each.feature,
        )
        if not found:
            raise NoExplanationsError(
                f"Neuronpedia exports no explanations of {source_id!r}. Single features may have one on their page: "
                f"{neuronpedia_url(source_id)}"
            )
        write_whole(file, json.dumps([asdict(each) for each in found]).encode())
    n_features = sae.cfg.d_sae if isinstance(sae, SAE) else None
    last = max(each.feature for each in found)
    if n_features is not None and last >= n_features:
        raise ValueError(
            f"Neuronpedia explains feature {last} of {source_id!r}, but this SAE has {n_features} features: it is "
            "another one than its neuronpedia_id says."
        )
    return found


def kept_explanations(sae: SAE, *, client: Neuronpedia | None = None) -> dict[int, list[Explanation]]:
    """The explanations of an SAE that an earlier download left on this machine, by feature. Asks no network."""
    if not sae.cfg.metadata.neuronpedia_id:
        return {}
    found = _kept((client or Neuronpedia()).folder(id_of(sae)) / "explanations.json") or []
    by_feature: dict[int, list[Explanation]] = {}
    for each in found:
        by_feature.setdefault(each.feature, []).append(each)
    # A file that names more features than there are is another SAE's.
    return by_feature if max(by_feature, default=0) < sae.cfg.d_sae else {}


def _explanation(row: Mapping[str, Any]) -> Explanation | None:
    try:
        feature, text = int(row["index"]), str(row["description"] or "").strip()
    except (KeyError, TypeError, ValueError):
        return None
    names = (str(row.get(key) or "") for key in ("explanationModelName", "typeName"))
    return Explanation(feature, text, *names) if text and feature >= 0 else None


def _kept(file: Path) -> list[Explanation] | None:
    """What an earlier download left; None where there is none, or it is damaged."""
    try:
        return [Explanation(**row) for row in json.loads(file.read_text("utf-8"))] or None
    except (OSError, ValueError, TypeError):
        return None


# -- the API, under SAELens' names ------------------------------------------------------------------------------------


@dataclass
class NeuronpediaActivation:
    """A text on which a feature fires."""

    id: str
    tokens: list[str]
    act_values: list[float]


@dataclass
class NeuronpediaFeature:
    """A feature of an SAE that Neuronpedia shows."""

    modelId: str  # noqa: N815  SAELens' and Neuronpedia's name
    layer: int
    dataset: str
    """The rest of the source's name: "res-jb" of "8-res-jb"."""
    feature: int
    description: str = ""
    activations: list[NeuronpediaActivation] | None = None
    autointerp_explanation: str = ""
    autointerp_explanation_score: float = 0.0

    def has_activating_text(self) -> bool:
        """Whether it has a text on which the feature fires."""
        return any(max(each.act_values, default=0.0) > 0 for each in self.activations or [])


def get_neuronpedia_feature(
    feature: int,
    layer: int,
    model: str = "gpt2-small",
    dataset: str = "res-jb",
    *,
    client: Neuronpedia | None = None,
) -> dict[str, Any]:
    """What Neuronpedia's API says of one feature: explanations, top activations, logits. Asks the network."""
    client = client or Neuronpedia()
    model, source = _parts(f"{model}/{layer}-{dataset}")
    values = client.web.json("GET", f"{client.api_url}/api/feature/{model}/{source}/{int(feature)}")
    if not isinstance(values, dict) or "index" not in values:
        raise ValueError(f"Neuronpedia has no feature {feature} of {model}/{source}.")
    return {**values, "index": int(values["index"])}


def make_neuronpedia_list_with_features(
    api_key: str,
    list_name: str,
    features: Iterable[NeuronpediaFeature],
    list_description: str | None = None,
    open_browser: bool = False,
    *,
    client: Neuronpedia | None = None,
) -> str:
    """The address of a new list of features in your Neuronpedia account. Asks the network.

    Raises:
        PermissionError: If the key is not accepted.
        ValueError: If Neuronpedia does not make the list; says why.
    """
    client = client or Neuronpedia()
    listed = [
        {
            "modelId": each.modelId,
            "layer": f"{each.layer}-{each.dataset}",
            "index": each.feature,
            "description": each.description,
        }
        for each in features
    ]
    asked = {"name": list_name, "description": list_description, "features": listed}
    answer = client.web.json("POST", f"{client.api_url}/api/list/new-with-features", asked, {"x-api-key": api_key})
    url = answer.get("url") if isinstance(answer, dict) else None
    if not url:
        why = answer.get("message") if isinstance(answer, dict) else answer
        raise ValueError(f"Neuronpedia did not make the list {list_name!r}: {why}")
    if open_browser:
        webbrowser.open(str(url))
    return str(url)


def test_key(api_key: str, *, client: Neuronpedia | None = None) -> None:  # noqa: PT028  SAELens' name, no test
    """Checks that Neuronpedia accepts the key. Asks the network.

    Raises:
        PermissionError: If it does not.
    """
    client = client or Neuronpedia()
    try:
        client.web.request("POST", f"{client.api_url}/api/test", {"apiKey": api_key})
    except (PermissionError, ValueError) as error:
        raise PermissionError(
            "Neuronpedia does not accept this API key; see https://neuronpedia.org/account."
        ) from error


test_key.__test__ = False  # pyright: ignore[reportFunctionMemberAccess]  not a test, though pytest goes by names


# -- inside -----------------------------------------------------------------------------------------------------------


def id_of(sae: SAE | str) -> str:
    """The SAE's id on Neuronpedia."""
    if isinstance(sae, str):
        return sae
    found = sae.cfg.metadata.neuronpedia_id
    if not found:
        raise ValueError(
            "This SAE has no Neuronpedia id: it is not shown there, or was not loaded by release and id. Where you "
            "know it, set it: sae.cfg.metadata.neuronpedia_id = 'gpt2-small/8-res-jb'."
        )
    return str(found)


def _parts(source_id: str) -> tuple[str, str]:
    parts = source_id.strip("/").split("/")
    if len(parts) != 2 or not all(_ID_PART.fullmatch(part) for part in parts):
        raise ValueError(f"{source_id!r} is no Neuronpedia id, which is 'model/source', e.g. 'gpt2-small/8-res-jb'.")
    return parts[0], parts[1]


def _check_feature(sae: SAE | str, feature: int) -> None:
    if feature < 0 or (isinstance(sae, SAE) and feature >= sae.cfg.d_sae):
        known = f"; the SAE has {sae.cfg.d_sae}, from 0" if isinstance(sae, SAE) else ""
        raise ValueError(f"No feature {feature}{known}.")


def _natural(key: str) -> list[Any]:
    """Sorts batch-2 before batch-10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", key)]


def _rows(text: bytes) -> list[dict[str, Any]]:
    """The objects of JSON lines; a line that is none is left out."""
    found = []
    for line in text.splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            found.append(row)
    return found
