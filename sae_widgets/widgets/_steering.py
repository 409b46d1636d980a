"""The parts of the steering panel that know no widget: texts as they grow, their way to the page, what fires where."""

import dataclasses
import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from sae_widgets.activations.hook_reader import read_input
from sae_widgets.features.statistics import FeatureStatistics
from sae_widgets.hooked import HookedSAETransformer
from sae_widgets.prompt import prompt_tokens
from sae_widgets.sae import SAE
from sae_widgets.steering import FeatureSteer, GeneratedToken
from sae_widgets.token_text import token_texts
from sae_widgets.widgets._code import call, name_of

# At most 20 messages a second to the page; the first token of a text goes at once.
_PATCH_EVERY_S = 0.05


@dataclasses.dataclass(frozen=True)
class SteeringResult:
    """One pair of texts and what they were written with."""

    prompt: str
    steers: tuple[FeatureSteer, ...]
    """What was done to the steered text, strengths in raw activation units; empty: both texts are the same."""
    plain: tuple[GeneratedToken, ...]
    steered: tuple[GeneratedToken, ...]
    is_stopped: bool = False
    """Whether Stop ended the texts early."""

    @property
    def text(self) -> str:
        """The prompt and what the model writes unsteered."""
        return self.prompt + "".join(token.text for token in self.plain)

    @property
    def steered_text(self) -> str:
        """The prompt and what the model writes steered."""
        return self.prompt + "".join(token.text for token in self.steered)

    @property
    def mean_kl(self) -> float:
        """Mean over the steered tokens of KL(steered || unsteered model, same prefix), in nats; NaN without tokens."""
        return sum(token.kl for token in self.steered) / len(self.steered) if self.steered else math.nan


class PlainText:
    """The unsteered text of one prompt, sampled only as far as asked; a moved slider does not write it again."""

    def __init__(self, prompt: str, key: str, tokens: Iterator[GeneratedToken]) -> None:
        self.prompt, self.key = prompt, key
        self.n_sent = 0
        self._more = tokens
        self.tokens: list[GeneratedToken] = []
        self.is_complete = False
        self.has_failed = False

    def token(self, index: int) -> GeneratedToken | None:
        """The token at `index`, or None past the end."""
        while len(self.tokens) <= index and not self.is_complete:
            self.has_failed = True  # an iterator that raised only says "end" ever after
            token = next(self._more, None)
            self.has_failed = False
            if token is None:
                self.is_complete = True
            else:
                self.tokens.append(token)
        return self.tokens[index] if index < len(self.tokens) else None


class Patches:
    """Tokens on their way to the page: the first at once, later ones together, at most 20 messages a second."""

    def __init__(self, send: Callable[[dict[str, Any]], None], run: int) -> None:
        self._send = send
        self._run = run
        self._waiting: dict[str, list[list[Any]]] = {}
        self._starts: dict[str, int] = {}
        self._next_at = 0.0

    def add(self, path: str, index: int, token: GeneratedToken) -> None:
        """Append one token, the text's `index`-th, to the text `path`."""
        self._starts.setdefault(path, index)
        self._waiting.setdefault(path, []).append(token_row(token))
        if time.monotonic() >= self._next_at:
            self.flush()

    def flush(self) -> None:
        """Send what waits."""
        for path, rows in self._waiting.items():
            self._send({"kind": "patch", "path": path, "run": self._run, "start": self._starts[path], "tokens": rows})
        self._waiting, self._starts = {}, {}
        self._next_at = time.monotonic() + _PATCH_EVERY_S


def token_row(token: GeneratedToken) -> list[Any]:
    """A token as the page takes it: text, id, log-probability, the unsteered model's, KL in nats."""
    return [token.text, token.token_id, *(round(x, 4) for x in (token.logprob, token.logprob_plain, token.kl))]


@dataclasses.dataclass(frozen=True)
class PromptActivations:
    """How strongly each feature fires on one prompt, the first special token left out, and on which token."""

    prompt: str
    tokens: list[str]
    strongest: Float[Tensor, " d_sae"]
    position: Int[Tensor, " d_sae"]

    def top(self, n: int, relative_to: Float[Tensor, " d_sae"] | None = None) -> list[int]:
        """The `n` features that fire strongest, relative to their own maxima where these are known."""
        strength = self.strongest
        if relative_to is not None:
            known = relative_to.to(strength) > 0
            strength = torch.where(known, strength / relative_to.to(strength).clamp_min(1e-12), 0.0)
        order = torch.argsort(strength, descending=True)[: max(n, 0)]
        return [int(feature) for feature in order if self.strongest[feature] > 0]


@torch.no_grad()
def prompt_activations(model: HookedSAETransformer, sae: SAE, prompt: str) -> PromptActivations:
    """The activations of `prompt`, one forward pass up to the SAE's hook."""
    with model.lock:
        tokens = prompt_tokens(model, prompt)
        feature_acts = sae.encode(read_input(model, sae, tokens))[0].float().cpu()  # n_pos d_sae
    # The first token of many models is special and fires features a hundred times harder than any text does.
    ids = tokens[0].tolist()
    if len(ids) > 1 and ids[0] == model.tokenizer.bos_token_id:
        feature_acts[0] = 0
    strongest, position = feature_acts.max(dim=0)
    return PromptActivations(prompt, token_texts(model.tokenizer, ids), strongest, position)


def search_features(
    query: str, on_prompt: PromptActivations | None, statistics: FeatureStatistics | None, d_sae: int, limit: int
) -> list[int]:
    """Features for a search box: by number, label, or a token they fire on; for an empty query all that fire here."""
    query = query.strip()
    firing = on_prompt.top(d_sae, None if statistics is None else statistics.max_act) if on_prompt is not None else []
    if not query:
        return firing[:limit]
    number = query.removeprefix("#")
    found = [int(number)] if number.isdecimal() and int(number) < d_sae else []
    if statistics is not None:
        known = statistics.search(query)
        found += [f for f in known if f in set(firing)] + known
    if on_prompt is not None:
        at = on_prompt.position.tolist()
        found += [f for f in firing if query.casefold() in on_prompt.tokens[at[f]].casefold()]
        found += [f for f in firing if number.isdecimal() and str(f).startswith(number)]
    return list(dict.fromkeys(found))[:limit]


def feature_label(statistics: FeatureStatistics | None, feature: int) -> str:
    """The label of a feature, or lacking one the tokens it peaks on; empty when neither is known."""
    if statistics is None:
        return ""
    return statistics.labels.get(feature) or " ".join(t.strip() for t in statistics.top_tokens.get(feature, [])).strip()


def text_code(widget: Any, prompt: str, steers: Sequence[FeatureSteer], generation: dict[str, Any]) -> str:
    """Python that writes the steered text without a widget."""
    listed = "".join(f"    sw.FeatureSteer({s.feature}, {float(f'{s.strength:.6g}')!r}, {s.mode!r}),\n" for s in steers)
    keywords = {name: repr(value) for name, value in generation.items()}
    names = [name_of(widget._model, "model"), name_of(widget._sae, "sae"), repr(prompt), "steers"]
    return (
        f"# the same text without a widget; strengths in raw activation units\nsteers = [\n{listed}]\n"
        f"for token in {call('sw.generate_stream', names, keywords)}:\n    print(token.text, end='')\n"
    )


def int_keys(values: dict[Any, Any] | None, _widget: Any) -> dict[int, Any]:
    return {int(key): value for key, value in (values or {}).items()}


def text_keys(values: dict[int, Any], _widget: Any) -> dict[str, Any]:
    return {str(key): value for key, value in values.items()}  # as JSON has them: else every echo looks like a change


def measured_unit(
    feature: int, statistics: FeatureStatistics | None, strongest_here: Callable[[], Tensor]
) -> tuple[float, str]:
    """The raw activation of strength 1, and where it is from: the statistics, the prompt, or an estimate."""
    if statistics is not None and float(statistics.max_act[feature]) > 0:
        return float(statistics.max_act[feature]), "statistics"
    strongest = strongest_here()
    if float(strongest[feature]) > 0:
        return float(strongest[feature]), "prompt"
    # Never seen to fire: the typical maximum of the features that do is the best there is, and the page says so.
    firing = strongest[strongest > 0]
    return (float(firing.median()) if len(firing) else 1.0), "estimate"


def touched(old: Any, new: Any) -> list[int]:
    """The features that were added to a list of them, or whose strength is another."""
    if isinstance(new, dict):
        return [feature for feature in new if feature in old and old[feature] != new[feature]]
    return [feature for feature in new if feature not in old]


def outcome_of(request: int, plain_key: str, result: SteeringResult) -> dict[str, Any]:
    """A finished pair of texts as the page draws it."""
    return {
        "run": request,
        "plain_key": plain_key,
        "prompt": result.prompt,
        "plain": [token_row(token) for token in result.plain],
        "steered": [token_row(token) for token in result.steered],
        "is_steered": bool(result.steers),
        "is_stopped": result.is_stopped,
        "mean_kl": result.mean_kl,
    }
