"""Make the catalogue of published SAEs from SAELens' registry, a YAML of 1.5 MB: the facts are 240 kB of text.

    python tools/catalog.py path/to/sae_lens/pretrained_saes.yaml

Writes sae_widgets/loaders/catalog.txt, which `sae_widgets.catalog` reads. What the registry leaves open but names tell
(layer, site, width, L0) is read from them here; what nothing tells stays open. The same input gives the same bytes.
"""

import argparse
import json
import re
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

TARGET = Path(__file__).resolve().parents[1] / "sae_widgets" / "loaders" / "catalog.txt"

HEADER = """\
# Published SAEs: written by tools/catalog.py, read by sae_widgets/loaders/catalog.py.
# "= NAME" and a release's facts; ": " and what its SAEs of one pattern have in common, {i} standing for the number in
# column i; then a line for each SAE with its numbers.
"""

FORMATS = {
    None: "saelens",
    "gemma_2": "gemma_scope",
    "gemma_2_transcoder": "gemma_transcoder",
    "gemma_3": "gemma_scope_2",
    "connor_rob_hook_z": "hook_z",
    "dictionary_learning_1": "dictionary_learning",
    "llama_scope_r1_distill": "llama_scope_r1",
    "mntss_clt_layer_transcoder": "mntss",
    "mwhanna_transcoder": "mwhanna",
}
"""SAELens' name of a converter -> ours, where they differ."""

TEXTS = ("id", "path", "neuronpedia", "hook", "layer", "width")
NUMBERS = ("l0", "scale", "explained")

WIDTHS = (
    # Names that say the number of features, the more telling first; matched in "id path neuronpedia".
    r"width_(\d+[km])(?![a-z\d])",
    r"width-(2pow\d+)",
    r"_ds(\d+)_",
    r"hook_[a-z_]+_(\d{3,6})(?![\dk])",
    r"v5_(\d+k)",
    r"-(\d+[km])(?:__|\s|$)",
)

KNOWN_WIDTHS = {
    # From what is published about them; their names do not tell.
    "gpt2-small-res-jb": "24576",
    "goodfire-llama-3.3-70b-instruct": "65536",
    "goodfire-llama-3.1-8b-instruct": "65536",
}

HOOKS = {
    "gemma_2": {"res": "hook_resid_post", "mlp": "hook_mlp_out", "att": "attn.hook_z"},
    "gemma_3": {"resid_post": "hook_resid_post", "mlp_out": "hook_mlp_out", "attn_out": "attn.hook_z"},
    "llama_scope": {"r": "hook_resid_post", "m": "hook_mlp_out", "a": "hook_attn_out"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("registry", type=Path, help="SAELens' pretrained_saes.yaml")
    registry = yaml.load(parser.parse_args().registry.read_text("utf-8"), Loader=yaml.CSafeLoader)
    text = HEADER + "".join(release_text(name, values) for name, values in sorted(registry.items()))
    TARGET.write_text(text, "utf-8")
    n_saes = sum(len(values["saes"]) for values in registry.values())
    print(f"{len(registry)} releases, {n_saes:,} SAEs, {TARGET.stat().st_size:,} bytes in {TARGET}")


def release_text(name: str, values: dict[str, Any]) -> str:
    """A release's lines."""
    converter = values.get("conversion_func")
    facts = {"repo_id": values["repo_id"], "model": values["model"], "format": FORMATS.get(converter, converter)}
    for key, ours in (("config_overrides", "overrides"), ("links", "links")):
        if values.get(key):
            facts[ours] = values[key]
    rows = sorted((row_of(name, values, each) for each in values["saes"]), key=lambda row: pattern(row))
    lines = [f"= {name} {json.dumps(facts, sort_keys=True)}"]
    for _, group in groupby(rows, key=pattern):
        lines += group_lines(sorted(group, key=lambda row: [int(part) for part in re.findall(r"\d+", row["id"])]))
    return "\n".join(lines) + "\n"


def row_of(release: str, values: dict[str, Any], each: dict[str, Any]) -> dict[str, str]:
    """What is known of one SAE, as text; a field that is unknown is not there."""
    row = {"id": str(each["id"]), "path": str(each["path"]), "neuronpedia": each.get("neuronpedia")}
    row |= {"l0": each.get("l0"), "scale": each.get("norm_scaling_factor")}
    # The registry writes 0.0 where nobody measured.
    row["explained"] = each.get("variance_explained") or None
    if row["l0"] is None and (found := re.search(r"average_l0_(\d+)", row["path"])):
        row["l0"] = found.group(1)
    row["hook"], row["site"] = hook_and_site(values.get("conversion_func"), values["repo_id"], row)
    row["layer"] = layer_of(row)
    row["width"] = width_of(release, values["repo_id"], row)
    return {key: str(value) for key, value in row.items() if value is not None}


def hook_and_site(converter: str | None, repo_id: str, row: dict[str, Any]) -> tuple[str | None, str | None]:
    """The hook the SAE reads, where names tell it, and what kind of place that is."""
    where = f"{repo_id}/{row['path']}"
    if converter == "mntss_clt_layer_transcoder":
        return None, "cross_layer_transcoder"
    if "transcoder" in where:
        return None, "transcoder"
    if row["path"].startswith("embedding/"):
        return "hook_embed", "embed"
    hook = None
    if found := re.match(r"blocks\.(\d+)\.([a-z_]+?)(?:_\d+|__.*)?$", row["id"]):
        hook = "attn.hook_z" if found.group(2) == "hook_z" else found.group(2)
    elif "resid_post_layer" in row["id"] or converter in ("goodfire", "qwen_scope", "llama_scope_r1_distill"):
        hook = "hook_resid_post"
    elif converter == "gemma_2":
        hook = HOOKS[converter][repo_id.rsplit("-", 1)[1]]
    elif converter == "gemma_3":
        hook = HOOKS[converter][row["path"].split("/")[0].removesuffix("_all")]
    elif converter == "llama_scope":
        hook = HOOKS[converter][re.findall(r"l\d+([rma])_", row["id"])[0]]
    if hook is None:
        return None, None
    return f"blocks.{layer_of(row)}.{hook}", "hook_z" if hook.endswith("hook_z") else hook.removeprefix("hook_")


def layer_of(row: dict[str, Any]) -> str | None:
    found = re.match(r"(?:blocks\.|.*?layer_?|l)(\d+)", row["id"])
    return found.group(1) if found else None


def width_of(release: str, repo_id: str, row: dict[str, Any]) -> str | None:
    """The number of features as names tell it: "24576", "16k" or "2pow14"."""
    if release in KNOWN_WIDTHS:
        return KNOWN_WIDTHS[release]
    if found := re.match(r"l\d+[rma]_(\d+)x$", row["id"]):
        return str(4096 * int(found.group(1)))  # Llama Scope: a multiple of the model's width
    text = f"{row['id']} {row['path']} {row['neuronpedia'] or ''}"
    found = next((found for regex in WIDTHS if (found := re.search(regex, text))), None)
    found = found or re.search(r"-w-?(\d+k)\b", f"{release} {repo_id.lower()}")
    return found.group(1) if found else None


# -- patterns ---------------------------------------------------------------------------------------------------------


def pattern(row: dict[str, str]) -> tuple[str, ...]:
    """What rows of one group share: their texts but for the digits, and which numbers they have."""
    texts = [re.sub(r"\d+", "0", row.get(key, "-")) for key in ("id", "path", "neuronpedia", "hook", "width")]
    return (*texts, row.get("site", "-"), *(key for key in ("layer", *NUMBERS) if key in row))


def group_lines(rows: list[dict[str, str]]) -> list[str]:
    """The pattern of `rows`, and a line of numbers for each."""
    columns: list[tuple[str, ...]] = []

    def placed(values: tuple[str, ...]) -> str:
        """The text for `values`, one of each row: itself where all are the same, else its column."""
        if len(set(values)) == 1:
            return values[0]
        if values not in columns:
            columns.append(values)
        return f"{{{columns.index(values)}}}"

    shared: dict[str, str] = {}
    for key in (*TEXTS, *NUMBERS):
        if key not in rows[0]:
            continue
        whole = key in NUMBERS or key == "layer"
        parts = [[row[key]] if whole else re.split(r"(\d+)", row[key]) for row in rows]
        shared[key] = "".join(placed(tuple(values)) for values in zip(*parts, strict=True))
    if "site" in rows[0]:
        shared["site"] = rows[0]["site"]
    lines = [" ".join(values) for values in zip(*columns, strict=True)] if columns else [""] * len(rows)
    return [f": {json.dumps(shared)}", *lines]


if __name__ == "__main__":
    main()
