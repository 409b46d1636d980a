"""Synthetic models to the model hub: a folder's files in one commit, and a README that says how to load them."""

import tempfile
from pathlib import Path

from sae_widgets.hub import Repository, check_repo_id, explained, progress
from sae_widgets.synthetic.synthetic_model import (
    SYNTHETIC_MODEL_CONFIG_FILENAME,
    SYNTHETIC_MODEL_HIERARCHY_FILENAME,
    SYNTHETIC_MODEL_WEIGHTS_FILENAME,
    SyntheticModel,
)


def upload_synthetic_model_to_huggingface(
    model: SyntheticModel | Path | str,
    hf_repo_id: str,
    hf_path: str | None = None,
    hf_revision: str = "main",
    add_default_readme: bool = True,
    private: bool = False,
    *,
    token: str | bool | None = None,
) -> str:
    """The address of the repository that now holds the model. A README that is there already is left alone.

    Args:
        model: A model, or the folder of one; it is loaded first, so that what is sent can be loaded.
        hf_repo_id: The repository, "owner/name"; made if there is none.
        hf_path: The folder in it; None is its root.
        hf_revision: The branch; made if there is none.
        add_default_readme: Whether to write a README where there is none.
        private: Whether a new repository is private.
        token: A token that may write; None takes the one `hf auth login` stored.

    Raises:
        ValueError: If the repository's name is none, or the model is damaged; nothing has been sent.
        FileNotFoundError: If the folder holds no model.
        PermissionError: If the hub does not let this token write there.
        ConnectionError: If the hub cannot be reached, or asks to come back later.
    """
    check_repo_id(hf_repo_id)
    if not isinstance(model, SyntheticModel):
        model = SyntheticModel.load_from_disk(model)
    place = hf_path.strip("/") if hf_path else ""
    if any(part in ("", ".", "..") for part in place.split("/")) and place:
        raise ValueError(f"{hf_path!r} cannot be a folder of the repository, e.g. 'models/small'.")
    names = (
        *(SYNTHETIC_MODEL_CONFIG_FILENAME, SYNTHETIC_MODEL_WEIGHTS_FILENAME),
        SYNTHETIC_MODEL_HIERARCHY_FILENAME,
    )
    with tempfile.TemporaryDirectory() as folder, progress(False), explained(hf_repo_id):
        model.save(folder)
        files = {f"{place}/{name}".lstrip("/"): Path(folder, name) for name in names if Path(folder, name).is_file()}
        readme = _readme(model, hf_repo_id, hf_path) if add_default_readme else None
        message = f"Upload SyntheticModel {place}".rstrip()
        return Repository(hf_repo_id, hf_revision, token).publish_files(files, message, readme, private)


def _readme(model: SyntheticModel, repo_id: str, hf_path: str | None) -> str:
    cfg = model.cfg
    where = f'"{repo_id}"' if hf_path is None else f'"{repo_id}", "{hf_path}"'
    trees = "none" if model.hierarchy is None else f"{len(model.hierarchy.roots):,} trees"
    return f"""---
tags: [sparse-autoencoder, synthetic]
library_name: saelens
---

# Synthetic activations whose features are known

{cfg.num_features:,} features in {cfg.hidden_dim:,} dimensions; hierarchy: {trees}; correlated:
{"yes" if model.correlation_matrix is not None else "no"}.

```python
import sae_widgets as sw

model = sw.SyntheticModel.from_pretrained({where})
x, feature_acts = model.sample_with_features(1024)
```

The files are SAELens': `sae_lens.synthetic.SyntheticModel.from_pretrained` reads them as well.
"""
