"""What loading costs: a 16k x 2304 SAE from disk against safetensors, a look-up in the catalogue, a hub out of reach.

    python benchmarks/load.py --runs 7        # Linux

Each figure is from new processes, in interleaved rounds; the file is in the page cache. safetensors maps a file and
reads nothing, while an SAE's weights are all read once, for NaN; so both are timed until each weight has been read, and
until a batch of 64 activations is encoded. Memory is the peak, less what the imports take.

Bars: 1.2 x the time and 1.2 x the peak memory of safetensors.torch.load_file; 50 ms a look-up; 1 s for an offline miss.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

COMMON = """
import json, sys, time
import torch
from safetensors.torch import load_file
import sae_widgets as sw
import sae_widgets.loaders.pretrained
def peak():
    # Not getrusage, whose peak a new process inherits from the one that started it.
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
x = torch.randn(64, 2304)
x @ torch.randn(2304, 64)
folder, before = sys.argv[1], peak()
start = time.perf_counter()
"""
SAFETENSORS = """
weights = load_file(folder + "/sae_weights.safetensors")
for weight in weights.values():
    weight.sum()
read = time.perf_counter()
torch.relu((x - weights["b_dec"]) @ weights["W_enc"] + weights["b_enc"])
"""
OURS = """
sae = sw.SAE.load_from_disk(folder)
read = time.perf_counter()
sae.encode(x)
"""
REPORT = """
done = time.perf_counter()
print(json.dumps({"read_ms": 1e3 * (read - start), "encoded_ms": 1e3 * (done - start), "peak_mb": peak() - before}))
"""
LOOK_UP = """
import json, sys, time
from sae_widgets.loaders import catalog
start = time.perf_counter()
catalog.entry("gemma-scope-9b-pt-res-canonical", "layer_20/width_16k/canonical")
print(json.dumps({"ms": 1e3 * (time.perf_counter() - start)}))
"""
OFFLINE = """
import json, os, socket, sys, time
kind, cache = sys.argv[1], sys.argv[2]
server = socket.socket()
server.bind(("127.0.0.1", 0))
if kind == "black hole":  # a full queue: further connections get no answer
    server.listen(0)
    waiting = [socket.socket() for _ in range(4)]
    for each in waiting:
        each.setblocking(False)
        each.connect_ex(server.getsockname())
os.environ["HF_ENDPOINT"] = "http://127.0.0.1:%d" % server.getsockname()[1]
os.environ.update(HF_HUB_OFFLINE="0", HF_HUB_CACHE=cache, NO_PROXY="127.0.0.1")
import sae_widgets as sw
import sae_widgets.loaders.pretrained, huggingface_hub.hf_api, huggingface_hub.file_download
start = time.perf_counter()
try:
    sw.SAE.from_pretrained("gpt2-small-res-jb", "blocks.8.hook_resid_pre")
except ConnectionError:
    print(json.dumps({"ms": 1e3 * (time.perf_counter() - start)}))
"""


def run(program: str, *arguments: str) -> dict[str, float]:
    """What `program` printed."""
    done = subprocess.run([sys.executable, "-c", program, *arguments], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    n_runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        import sae_widgets as sw

        sw.SAE.from_config(sw.JumpReLUSAEConfig(d_in=2304, d_sae=16384)).save_model(folder)
        size = (Path(folder) / "sae_weights.safetensors").stat().st_size
        print(f"JumpReLU, 2304 -> 16384 features, float32: {size / 1e6:.0f} MB; the least of {n_runs}")
        programs = {"theirs": COMMON + SAFETENSORS + REPORT, "ours": COMMON + OURS + REPORT}
        rounds = [{name: run(program, folder) for name, program in programs.items()} for _ in range(n_runs)]
    for key, what in (("read_ms", "read once"), ("encoded_ms", "first batch encoded"), ("peak_mb", "peak memory")):
        # The least, since whatever else the machine does only adds.
        theirs, ours = (min(each[name][key] for each in rounds) for name in ("theirs", "ours"))
        unit = key.rsplit("_", 1)[1].replace("mb", "MB")
        print(f"  {what}: {ours:.0f} {unit}, safetensors {theirs:.0f} {unit}; ratio {ours / theirs:.2f}; bar 1.20")
    taken = [run(LOOK_UP)["ms"] for _ in range(n_runs)]
    print(f"look-up in the catalogue: median {statistics.median(taken):.1f} ms, max {max(taken):.1f}; bar 50")
    with tempfile.TemporaryDirectory() as cache:
        for kind in ("closed port", "black hole"):
            taken = [run(OFFLINE, kind, cache)["ms"] for _ in range(n_runs)]
            print(f"offline miss, {kind}: median {statistics.median(taken):.0f} ms, max {max(taken):.0f}; bar 1000")


if __name__ == "__main__":
    main()
