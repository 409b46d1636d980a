# pyright: reportMissingImports=false
"""Compile Triton's kernels for a GPU that need not be here, and tell what each takes of it.

    python tools/compile_kernels.py               # compute capability 9.0
    python tools/compile_kernels.py 80

A line a program: registers, bytes spilled, shared memory, and how wide its loads are. A program that does not compile
ends the run. Needs the extra `triton`, and no GPU.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from sae_widgets.kernels import triton_programs as programs

TOOLS = Path(triton.__file__).parent / "backends" / "nvidia" / "bin"
SUMS = {
    **dict.fromkeys(("starts", "ends", "targets", "gather"), "*i64"),
    **dict.fromkeys(("weights", "out", "partial", "totals", "partial_totals"), "*fp32"),
    **dict.fromkeys(("n_columns", "width"), "i32"),
}
PRODUCTS = {"left_rows": "*i64", "right_rows": "*i64", "out": "*fp32", "n_slots": "i32", "n_columns": "i32"}
CHOICE = {"groups": "*i32", "n_columns": "i32", "n_rounds": "i32", "k": "i32"}
PAIR = {"one": "*fp32", "other": "*fp32"}


def jobs() -> list[tuple[Any, dict[str, str], dict[str, Any], dict[str, Any]]]:
    """Program, types of its arguments, what is known when compiling, options; as launched for d_in 4,096, k 64."""
    found = []
    for kind, bits in (("*bf16", 16), ("*fp32", 32)):
        fixed = {"IS_FIXED": True, "HAS_TOTALS": False, "WIDE": False, "BLOCK": 1024, "UNROLL": 8}
        found += [
            (programs.sums, {**SUMS, "source": kind}, fixed, {}),
            (
                programs.sums,
                {**SUMS, "source": kind},
                {**fixed, "IS_FIXED": False, "HAS_TOTALS": True, "UNROLL": 4},
                {},
            ),
            (
                programs.products,
                {**PRODUCTS, "left": kind, "right": kind},
                {"WIDE": False, "SLOTS": 8, "BLOCK": 512},
                {},
            ),
        ]
        groups = {"N_GROUPS": 4096, "TOGETHER": 4, "BITS": bits}
        types = {**CHOICE, "values": kind}
        found += [
            (programs.groups, types, groups, {"num_warps": 8}),
            (programs.members, {**types, "indices": "*i64", "found": kind}, {**groups, "K": 64, "ROUNDS": 8}, {}),
        ]
    known = {"WIDE": False, "BLOCK": 1024}
    found.append((programs.errors, {**PAIR, "sums": "*fp32", "n_columns": "i32"}, known, {}))
    scaled = {**PAIR, "scale": "*fp32", "out": "*fp32", "n_numbers": "i32"}
    return [*found, (programs.scaled_differences, scaled, known, {})]


def compile_one(program: Any, types: dict[str, str], known: dict[str, Any], options: dict[str, Any], arch: int) -> str:
    """The line about a program."""
    names = program.arg_names
    whole = [name for name in types if types[name][0] == "*" or name.startswith("n_")]
    source = ASTSource(
        fn=program,
        signature={name: types.get(name, "constexpr") for name in names},
        constexprs={(names.index(name),): value for name, value in known.items()},
        attrs={(names.index(name),): [["tt.divisibility", 16]] for name in whole},
    )
    made = triton.compile(source, target=GPUTarget("cuda", arch, 32), options=options)
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(made.asm["cubin"])
        file.flush()
        usage, code = (_asked(option, file.name) for option in ("-res-usage", "-sass"))
    registers, stack = (re.search(rf"{what}:(\d+)", usage).group(1) for what in ("REG", "STACK"))  # type: ignore[union-attr]
    loads = re.findall(r"\bLDG\.E(?:\.\w+)*", code)
    widths = ", ".join(f"{loads.count(each)} {each}" for each in sorted(set(loads)))
    first = types.get("source") or types.get("left") or types.get("values") or "*fp32"
    return (
        f"{program.fn.__name__:20}{first[1:]:6}registers {registers:>4}  spilled {stack:>3}  "
        f"shared {made.metadata.shared:>5}  {widths}"
    )


def _asked(option: str, file: str) -> str:
    return subprocess.run([TOOLS / "cuobjdump", option, file], capture_output=True, text=True, check=True).stdout


def main() -> None:
    arch = int(sys.argv[1]) if len(sys.argv) > 1 else 90
    for job in jobs():
        print(compile_one(*job, arch), flush=True)


if __name__ == "__main__":
    main()
