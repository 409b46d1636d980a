"""sae_widgets under SAELens' module paths, so that code and tests written for SAELens run against us.

Put the folder above this one first on `sys.path`; `import sae_lens` is then this package. `offered.py` says which of
our names stands under which of theirs, `adapters/` holds what needs more than another name, and `MISSING.md` lists
what is not offered, with the reason. Nothing is computed here.
"""

import importlib
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from sae_lens.offered import OFFERED, why_missing

__version__ = "6.54.12"  # the release whose names these are


def resolve(module: str, name: str) -> Any:
    """What `name` of SAELens' module `module` is here."""
    where = OFFERED[module].get(name)
    if where is None:
        reason = why_missing(f"{module}.{name}") or "SAELens has no such name."
        raise AttributeError(f"{module}.{name} is not offered here: {reason}", name=name)
    home, _, attribute = where.partition(":")
    return getattr(importlib.import_module(home), attribute or name)


class _Modules(MetaPathFinder, Loader):
    """Makes the modules that `offered.py` lists."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if not fullname.startswith("sae_lens.") or fullname.split(".")[1] in ("offered", "adapters"):
            return None
        if fullname not in OFFERED:
            reason = why_missing(fullname) or "SAELens has no such module."
            raise ModuleNotFoundError(f"{fullname} is not offered here: {reason}", name=fullname)
        return ModuleSpec(fullname, self, is_package=any(each.startswith(f"{fullname}.") for each in OFFERED))

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        _offer(module)


def _offer(module: ModuleType) -> None:
    names = OFFERED[module.__name__]
    module.__dict__["__getattr__"] = lambda name: resolve(module.__name__, name)
    module.__dict__["__dir__"] = lambda: sorted(names)
    module.__dict__["__all__"] = sorted(names)


sys.meta_path.insert(0, _Modules())
_offer(sys.modules[__name__])
