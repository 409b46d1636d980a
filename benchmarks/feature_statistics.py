"""What the statistics of all features cost: ours against sae-dashboard 0.8.0, same model, SAE, tokens and features.

    python benchmarks/feature_statistics.py                                 # about 40 minutes on one core
    python benchmarks/feature_statistics.py --rows 512 --features 1024      # a few minutes

sae-dashboard wants transformer-lens 2, so it has an environment of its own, which `make bench` sets up.

The model is random: 4 layers, 256 wide, 5,000 tokens, GPT-2's kind. So is the SAE: 4,096 features (ReLU) with densities
spread as those of trained ones are, 64 active a token. First both are run on a few tokens and their numbers compared,
then timed in turns, each in a process of its own. sae-dashboard's time holds the writing of its HTML, ours that of the
statistics' folder; "with pages" adds, for every feature, the mean time in which what our dashboard shows is computed
and written as JSON, which nobody needs: a page takes milliseconds when it is looked at.

Bars: 12 x the speed, half the memory that is taken beyond the loaded model and SAE, one pass of the model.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from interleaved import DASHBOARD, Part, Row, bar_row, parser_of, ratios, spread
from safetensors.torch import load_file, save_file

D_VOCAB, N_CTX, D_MODEL, D_SAE, L0 = 5000, 128, 256, 4096, 64
HOOK = "blocks.2.hook_resid_post"
N_CHECK_ROWS, N_CHECK_FEATURES = 128, 256  # sae-dashboard compares 256 features with each other, not all
N_PAGES = 128
INSIDE = range(6, N_CTX - 5)  # sae-dashboard shows no peak among a row's first six tokens and last five


def make(folder: Path) -> None:
    """model/, sae/ and tokens.safetensors in `folder`."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    import sae_widgets as sw

    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(1)
    size = {"vocab_size": D_VOCAB, "n_positions": N_CTX, "n_embd": D_MODEL, "n_layer": 4, "n_head": 4}
    plain = GPT2LMHeadModel(GPT2Config(**size, bos_token_id=0, eos_token_id=0)).eval()
    with torch.no_grad():
        for weight in plain.parameters():
            if weight.ndim > 1:
                weight.mul_(3)  # so that the tokens before matter
        # With logits below 0.3 sae-dashboard writes a megabyte of ticks for each feature.
        plain.transformer.wte.weight.mul_(5)
    words = {"<bos>": 0} | {f"w{i}": i for i in range(1, D_VOCAB)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<bos>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<bos>", eos_token="<bos>", unk_token="<bos>")
    plain.save_pretrained(folder / "model")
    fast.save_pretrained(folder / "model")
    names = folder / "model" / "tokenizer_config.json"  # older transformers know the class by its older name
    names.write_text(json.dumps(json.loads(names.read_text()) | {"tokenizer_class": "PreTrainedTokenizerFast"}))
    frequency = 1 / torch.arange(1, D_VOCAB).float()  # Zipf's
    tokens = torch.multinomial(frequency, 2048 * N_CTX, replacement=True, generator=generator).view(-1, N_CTX) + 1
    save_file({"tokens": tokens}, folder / "tokens.safetensors")
    x = sw.load_model(str(folder / "model")).capture(tokens[:64], HOOK).flatten(0, 1)
    sae = sw.SAE.from_config(sw.StandardSAEConfig(d_in=D_MODEL, d_sae=D_SAE))
    density = torch.randn(D_SAE, generator=generator).mul(1.2).exp()
    density = (density * (L0 / D_SAE / density.mean())).clamp(max=0.3)
    with torch.no_grad():
        sae.W_dec.copy_(torch.nn.functional.normalize(torch.randn(D_SAE, D_MODEL, generator=generator), dim=1))
        sae.W_enc.copy_(sae.W_dec.T)
        sae.b_dec.copy_(x.mean(0))
        hidden = ((x - sae.b_dec) @ sae.W_enc).sort(0).values
        at = ((1 - density) * len(x)).long().clamp(max=len(x) - 1)[None]
        # Beside it: where rounding decides who fires, there is nothing to compare. Many tokens are the same.
        sae.b_enc.copy_(-hidden.gather(0, at)[0] - 5e-4)
    sae.cfg.metadata.hook_name, sae.cfg.metadata.context_size = HOOK, N_CTX
    sae.save_model(str(folder / "sae"))


def memory(key: str) -> float:
    """MiB of this process: VmRSS now, VmHWM at most."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(key))


def ours(folder: Path, n_rows: int) -> dict[str, float]:
    """Seconds and MiB of one run of ours, which leaves features/ in `folder`."""
    import sae_widgets as sw
    from sae_widgets.features.lab import FeatureLab
    from sae_widgets.widgets._dashboard import page_of

    model, sae = sw.load_model(str(folder / "model")), sw.SAE.load_from_disk(str(folder / "sae"))
    tokens = load_file(folder / "tokens.safetensors")["tokens"][:n_rows]
    n_forwards = 0

    def count(module: Any, args: Any) -> None:
        nonlocal n_forwards
        n_forwards += 1

    model.wrapped.blocks[0].register_forward_pre_hook(count)
    sw.feature_statistics(model, sae, tokens[:16])
    n_forwards, before = 0, memory("VmRSS")
    wall, cpu = time.perf_counter(), time.process_time()
    found = sw.feature_statistics(model, sae, tokens, n_sample=max(32_768, N_CHECK_ROWS * N_CTX))
    made = time.perf_counter()
    found.save(folder / "features")
    figures = {
        "seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - cpu,
        "writing_seconds": time.perf_counter() - made,
        "peak_mib": memory("VmHWM"),
        "grown_mib": memory("VmHWM") - before,
        "written_mib": sum(file.stat().st_size for file in (folder / "features").iterdir()) / 2**20,
        "passes": n_forwards / max(1, -(-n_rows // 16)),
    }
    lab = FeatureLab(model, sae, found)
    page_of(lab, 0)
    start = time.perf_counter()
    with (folder / "pages.json").open("w") as file:
        for feature in range(N_PAGES):
            file.write(json.dumps(page_of(lab, feature)) + "\n")
    return figures | {"page_ms": 1e3 * (time.perf_counter() - start) / N_PAGES}


def check(folder: Path) -> None:
    """Compare what both left of `N_CHECK_ROWS` rows; ends with an error where they differ."""
    import sae_widgets as sw
    from sae_widgets.features.lab import FeatureLab
    from sae_widgets.features.statistics import FeatureStatistics

    theirs, found = load_file(folder / "peer.safetensors"), FeatureStatistics.load(folder / "features")
    model, sae = sw.load_model(str(folder / "model")), sw.SAE.load_from_disk(str(folder / "sae"))
    lab, some = FeatureLab(model, sae, found), slice(N_CHECK_FEATURES)
    close: Any = {"rtol": 1e-4, "atol": 1e-4}  # theirs are float32 sums over all tokens
    torch.testing.assert_close(found.max_act[some], theirs["max"], rtol=1e-5, atol=1e-5)
    # A token may lie so near to 0 that rounding decides whether it fires.
    torch.testing.assert_close(found.density[some], theirs["density"], rtol=1e-6, atol=2 / found.n_tokens)
    assert (found.histogram[some].sum(1) - theirs["n_active"]).abs().max() <= 2
    assert found.neurons is not None
    assert found.sample is not None
    n_tables = theirs["neurons"].shape[1]
    for feature in range(N_CHECK_FEATURES):
        # Theirs are the largest, ours those furthest from 0: theirs are looked up among ours.
        own = {n.index: n for n in lab.correlated_neurons(feature, found.neurons.shape[2])}
        for i in range(n_tables):
            if (index := int(theirs["neurons"][feature, i])) in own:
                pair = [own[index].value, own[index].share]
                other = [float(theirs[f"neurons_{name}"][feature, i]) for name in ("pearson", "cosine")]
                torch.testing.assert_close(torch.tensor(pair), torch.tensor(other), **close)
        same = [c for c in found.sample.correlated(feature, D_SAE - 1) if c.feature < N_CHECK_FEATURES][:n_tables]
        pearson = torch.tensor([c.pearson for c in same])
        torch.testing.assert_close(pearson, theirs["features_pearson"][feature, : len(same)], **close)
        cosine = torch.tensor([c.cosine for c in same])
        torch.testing.assert_close(cosine, theirs["features_cosine"][feature, : len(same)], **close)
        check_tops(found.top_contexts.get(feature, []), {name: each[feature] for name, each in theirs.items()})
        direct = sae.W_dec[feature] @ model.W_U
        torch.testing.assert_close(direct.topk(10).values.detach(), theirs["logits"][feature], **close)


def check_tops(own: list[Any], theirs: dict[str, torch.Tensor]) -> None:
    """Our strongest contexts are theirs, with the same activations, but for those near the ends of a row."""
    rows: dict[int, tuple[int, list[float]]] = {}
    for row, position, acts in zip(
        *(theirs[f"top_{name}"].tolist() for name in ("row", "position", "acts")), strict=True
    ):
        rows.setdefault(row, (position, acts))
    least = min(acts[5] for _, acts in rows.values())
    for context in own:
        position = context.start + context.position
        if context.max_act <= least + 1e-3 or position not in INSIDE:
            continue
        assert context.row in rows, f"row {context.row} with {context.max_act} is not among {rows}"
        assert rows[context.row][0] == position
        part = context.acts[context.position - 5 : context.position + 6]
        torch.testing.assert_close(torch.tensor(part), torch.tensor(rows[context.row][1]), rtol=0, atol=1e-4)


def run(python: str, script: str, *arguments: Any) -> dict[str, float]:
    """The JSON that a script of this folder prints last."""
    command = [python, str(Path(__file__).with_name(script)), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def rows_of(rounds: list[dict[str, dict[str, float]]], n_rows: int, n_features: int) -> list[Row]:
    """Lines of the table."""
    what = f"statistics of {n_features:,} features, {n_rows * N_CTX:,} tokens"
    ours, theirs = ([each[who] for each in rounds] for who in ("ours", "theirs"))
    with_pages = [each | {"seconds": each["seconds"] + n_features * each["page_ms"] / 1e3} for each in ours]

    def row(named: str, key: str, unit: str, own: list[dict[str, float]], least: float | None = None) -> Row:
        told = [f"{spread(each[key] for each in side)[0]:,.1f} {unit}" for side in (own, theirs)]
        return bar_row(
            "", f"{what}: {named}", told[0], f"sae-dashboard {told[1]}", ratios(theirs, own, key), least=least
        )

    return [
        row("time", "seconds", "s", ours, 12 if n_features == D_SAE else None),
        row("CPU time", "cpu_seconds", "s", ours),
        row("time, with every page", "seconds", "s", with_pages),
        row("memory", "grown_mib", "MiB", ours, 2),
    ]


def main() -> None:
    parser = parser_of(__doc__, 1)
    parser.set_defaults(peers=str(DASHBOARD))
    parser.add_argument("--rows", type=int, default=2048, help="of 128 tokens; 2,048 at most")
    parser.add_argument("--features", type=int, default=D_SAE, help="that sae-dashboard is asked for")
    parser.add_argument("--own", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.own is not None:
        print(json.dumps(ours(args.own, args.rows)))
        return
    own = Path(__file__).name
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder)
        run(sys.executable, own, "--own", folder, "--rows", N_CHECK_ROWS)
        run(args.peers, "feature_statistics_peer.py", folder, N_CHECK_ROWS, N_CHECK_FEATURES)
        check(folder)
        print(f"{N_CHECK_FEATURES} features on {N_CHECK_ROWS * N_CTX:,} tokens: the numbers agree", flush=True)
        rounds = []
        for _ in range(args.rounds):
            each = {"ours": run(sys.executable, own, "--own", folder, "--rows", args.rows)}
            each["theirs"] = run(args.peers, "feature_statistics_peer.py", folder, args.rows, args.features)
            rounds.append(each)
    Part("feature_statistics", rows_of(rounds, args.rows, args.features), {"rounds": rounds}).tell(args.out)


if __name__ == "__main__":
    main()
