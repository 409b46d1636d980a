"""What a dashboard sends to the page while it gathers: bytes of all messages, and of the worst second.

    python benchmarks/pass_traffic.py --tokens 100000

The messages are taken where the kernel hands them to the front end, as JSON with their buffers. Bar: 500 kB in any
second. The first message, which opens the view, holds the code of the page and is told apart.
"""

import argparse
import json
import time
from typing import Any

import comm
from comm.base_comm import BaseComm

SENT: list[tuple[float, int, str]] = []
"""When, how many bytes, and what."""


class CountingComm(BaseComm):
    def publish_msg(
        self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **keys: Any
    ) -> None:
        size = len(json.dumps({"data": data, "metadata": metadata}, default=str)) + sum(len(b) for b in buffers or [])
        traits = sorted((data or {}).get("state", {}))
        SENT.append((time.perf_counter(), size, "open" if msg_type == "comm_open" else ",".join(traits)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=100_000)
    n_tokens = parser.parse_args().tokens
    comm.create_comm = lambda **keys: CountingComm(**keys)

    import sae_widgets as sw
    from sae_widgets.features.statistics import known_statistics

    model, sae = sw.load_demo()
    known = known_statistics(sae)
    assert known is not None
    rows = known.top_contexts.rows
    texts = [model.tokenizer.decode(rows.at(i)[1:]) for i in range(len(rows))]
    feature = int(known.density.argsort(descending=True)[20])
    start = time.perf_counter()
    dashboard = sw.FeatureDashboard(model, sae, feature, texts=texts, n_tokens=n_tokens, selection=False)
    dashboard.wait_gathered()
    seconds = time.perf_counter() - start
    dashboard.close()
    opened = [size for _, size, what in SENT if what == "open"]
    sent = [each for each in SENT if each[2] != "open"]
    worst = max(sum(size for at, size, _ in sent if begin <= at < begin + 1) for begin, _, _ in sent)
    pages = [size for _, size, what in sent if "page" in what]
    print(f"{dashboard.statistics.n_tokens:,} tokens in {seconds:.1f} s; opening it took {sum(opened) / 1e3:,.0f} kB")
    print(f"{len(sent)} messages, {sum(s for _, s, _ in sent) / 1e3:,.0f} kB; {len(pages)} with a page, the largest")
    print(f"{max(pages) / 1e3:,.0f} kB; {worst / 1e3:,.0f} kB in the worst second; bar 500")


if __name__ == "__main__":
    main()
