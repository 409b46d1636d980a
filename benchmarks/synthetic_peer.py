"""SAELens' side of `synthetic.py`: trains what `jobs.json` lists on the synthetic model beside it.

    <python with sae-lens> benchmarks/synthetic_peer.py FOLDER

Each line on standard output is a JSON object: the job's name and the seconds it took.
"""

import json
import sys
import time
import warnings
from pathlib import Path

warnings.simplefilter("ignore")

import sae_lens  # noqa: E402
import torch  # noqa: E402
from sae_lens.config import LoggingConfig  # noqa: E402
from sae_lens.synthetic import SyntheticModel, SyntheticSAERunner, SyntheticSAERunnerConfig  # noqa: E402


def main() -> None:
    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    model = SyntheticModel.load_from_disk(folder / "model")
    for job in json.loads((folder / "jobs.json").read_text()):
        start = time.perf_counter()
        torch.manual_seed(job["seed"])
        cfg = SyntheticSAERunnerConfig(
            synthetic_model=str(folder / "model"),
            sae=getattr(sae_lens, f"{job['kind']}TrainingSAEConfig")(**job["sae"]),
            logger=LoggingConfig(log_to_wandb=False),
            run_final_eval=False,
            checkpoint_path=None,
            output_path=str(folder / "theirs" / job["name"]),
            **job["train"],
        )
        SyntheticSAERunner(cfg, override_synthetic_model=model).run()
        print(json.dumps({"name": job["name"], "seconds": time.perf_counter() - start}), flush=True)


if __name__ == "__main__":
    main()
