"""The doors between an SAE and its files: folders, the model hub, and back.

Formats are read by `sae_widgets.loaders`, which stands above this package; it is looked up when a door is used.
"""

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from sae_widgets.sae.config import SAEConfig
from sae_widgets.sae.files import read_sparsity, write_folder, write_sparsity
from sae_widgets.sae.module import SAEModule
from sae_widgets.sae.peers import ALONE, Peers
from sae_widgets.sae.registry import sae_class_for

Self = TypeVar("Self", bound="StoredSAE")

Converter = Callable[..., tuple[Any, ...]]
"""Reads a format that is not known here, as SAELens' converters do: a function that gives (config, weights) or (config,
weights, log sparsity)."""


class StoredSAE(SAEModule):
    """What makes an SAE from files, and files from an SAE."""

    peers: Peers = ALONE
    """Who has the rest of a batch while several processes train it."""

    @classmethod
    def from_config(cls: type[Self], cfg: SAEConfig, *, generator: torch.Generator | None = None) -> Self:
        """A new SAE of the class that `cfg` is for, with fresh weights."""
        sae: Any = sae_class_for(str(cfg.architecture))(cfg, generator=generator)
        return sae

    @classmethod
    def from_dict(cls: type[Self], values: dict[str, Any]) -> Self:
        """A new SAE from a config as `cfg.json` holds it."""
        return cls.from_config(SAEConfig.from_dict(values))

    @classmethod
    def from_pretrained(
        cls: type[Self],
        release: str,
        sae_id: str = "",
        device: str | torch.device = "cpu",
        dtype: str | torch.dtype | None = "float32",
        force_download: bool = False,
        converter: str | Converter | None = None,
        fold_W_dec_norm: bool = False,
        *,
        revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
    ) -> Self:
        """A published SAE, from the model hub or the cache, in evaluation mode.

            sae = SAE.from_pretrained("gpt2-small-res-jb", "blocks.8.hook_resid_pre")    # from the catalogue
            sae = SAE.from_pretrained("someone/their-saes", "layer_8")                   # any repository and format
            sae, cfg_dict, sparsity = SAE.from_pretrained(...)

        Args:
            release: Name in `sae_widgets.catalog`, or a repository.
            sae_id: The SAE in the release, or the folder or file in the repository; "" is its root.
            device: Where the weights go.
            dtype: Their type; None keeps the one they were published in.
            force_download: Whether files in the cache are downloaded again.
            converter: Name of the format, or a function that reads it; None finds out.
            fold_W_dec_norm: Whether decoder rows get unit length.
            revision: Branch, tag or commit.
            token: For private and gated repositories; None takes the one `hf auth login` keeps.
            cache_dir: Where downloads are kept; None takes the hub's own place.
            local_files_only: Whether the hub is not asked at all.

        Raises:
            ValueError: If no release or SAE has this name (the nearest are offered), or the files are damaged.
            FileNotFoundError: If the repository or a file is not there.
            PermissionError: If the repository needs a token, or its owner's consent.
            ConnectionError: If the hub cannot be reached and the cache does not have the files.
            TypeError: If called on an architecture's class and the SAE is of another.
        """
        load = importlib.import_module("sae_widgets.loaders.pretrained").load_pretrained
        form = {"device": str(device), "dtype": dtype, "converter": converter, "fold_W_dec_norm": fold_W_dec_norm}
        hub = {"revision": revision, "token": token, "cache_dir": cache_dir, "local_files_only": local_files_only}
        sae = load(release, sae_id, **form, **hub, force_download=force_download)
        return cls._checked(sae, f"{release}, {sae_id}")

    @classmethod
    def from_pretrained_with_cfg_and_sparsity(
        cls: type[Self], *args: Any, **settings: Any
    ) -> tuple[Self, dict[str, Any], Tensor | None]:
        """What `from_pretrained` gives, its config as a dict, and log10 of each feature's firing frequency."""
        sae, config, log_sparsity = cls.from_pretrained(*args, **settings)
        return sae, config, log_sparsity

    @classmethod
    def load_from_disk(
        cls: type[Self],
        path: str | Path,
        device: str | torch.device = "cpu",
        dtype: str | torch.dtype | None = None,
        converter: str | Converter | None = None,
        fold_W_dec_norm: bool = False,
    ) -> Self:
        """The SAE in the folder (or file) `path`, of any format that `sae_widgets.recognise` knows, in evaluation mode.

        Of our own format nothing is copied: the weights are the file's pages. `save_model` puts a new file in its
        place, which a loaded SAE does not notice; whoever writes into the file itself changes them.

        Args:
            path: What `save_model` wrote, or a folder or file of another library.
            device: Where the weights go.
            dtype: Their type; None keeps the one the files have.
            converter: Name of the format, or a function that reads it; None finds out.
            fold_W_dec_norm: Whether decoder rows get unit length.

        Raises:
            FileNotFoundError: If there is no SAE at `path`.
            ValueError: If the files are damaged or do not fit each other.
            TypeError: If called on an architecture's class and the folder holds another.
        """
        load = importlib.import_module("sae_widgets.loaders.pretrained").load_local
        sae = load(path, device=str(device), dtype=dtype, converter=converter, fold_W_dec_norm=fold_W_dec_norm)
        return cls._checked(sae, str(path))

    def save_model(self, path: str | Path, *, log_sparsity: Float[Tensor, " d_sae"] | None = None) -> tuple[Path, Path]:
        """The paths of the weights and of the config, written to the folder `path` in this SAE's present form.

        Args:
            path: Made if need be; an SAE that is there is replaced only once the new one is wholly written.
            log_sparsity: log10 of each feature's firing frequency; written beside them if given.
        """
        paths = write_folder(path, self.cfg.to_dict(), dict(self.state_dict()))
        if log_sparsity is not None:
            write_sparsity(path, log_sparsity)
        self.folder = Path(path)
        return paths

    def push_to_hub(self, repo_id: str, sae_id: str | None = None, **settings: Any) -> str:
        """The address of the repository that now holds the SAE.

        Args:
            repo_id: The repository, "owner/name"; made if there is none.
            sae_id: Name of the SAE's folder in it; None is the name of its hook.
            settings: As for `upload_saes_to_huggingface`: token, private, hf_revision, metrics ...
        """
        upload = importlib.import_module("sae_widgets.hub").upload_saes_to_huggingface
        return upload([self] if sae_id is None else {sae_id: self}, repo_id, **settings)

    def neuronpedia_url(self, feature: int | None = None) -> str:
        """The address of a feature's page on Neuronpedia, or of the SAE's; the network is not asked.

        Raises:
            ValueError: If Neuronpedia does not show this SAE, as far as is known, or there is no such feature.
        """
        return importlib.import_module("sae_widgets.neuronpedia").neuronpedia_url(self, feature)

    @property
    def log_sparsity(self) -> Float[Tensor, " d_sae"] | None:
        """log10 of each feature's firing frequency, from where the SAE was loaded; None where nobody wrote it.

        Read when first asked for: for an SAE of the hub that is a small download.
        """
        if self.folder is not None and (saved := read_sparsity(self.folder)) is not None:
            return saved
        if callable(self.published_sparsity):
            self.published_sparsity = self.published_sparsity()
        return self.published_sparsity

    def __iter__(self) -> Iterator[Any]:
        """`sae, cfg_dict, log_sparsity = sae`, which is what `from_pretrained` gave before SAELens 6."""
        yield self
        yield self.cfg.to_flat_dict()
        yield self.log_sparsity

    @classmethod
    def _checked(cls: type[Self], sae: Any, where: str) -> Self:
        if not isinstance(sae, cls):
            raise TypeError(f"{where} holds a {type(sae).__name__}, not a {cls.__name__}; load it by SAE.")
        return sae
