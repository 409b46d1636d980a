"""What a run measures of its own process."""

import platform

from sae_widgets.runs.gauges import give_memory_back, process_memory_bytes


def test_free_memory_goes_back_to_the_system():
    pieces = [bytes(2000) for _ in range(50_000)]
    kept = pieces[::50]  # holes between what is still used
    full = process_memory_bytes()
    del pieces
    give_memory_back()
    assert len(kept) == 1000
    if platform.libc_ver()[0] == "glibc":
        assert full - process_memory_bytes() > 50 * 2**20
