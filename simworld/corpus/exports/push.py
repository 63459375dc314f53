"""Push an exported folder to a hub, asked for by name: a private dataset unless the name is there already.

hub = Hub("me/ward")        # refused at once where the library or a token is missing
hub.push(Path("dataset"))   # its address
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from simworld.errors import MissingDependency, UsageError


class Hub:
    """A dataset of a hub; which hub, and as whom, huggingface_hub's own settings say (HF_ENDPOINT, HF_TOKEN)."""

    def __init__(self, name: str) -> None:
        """Raises MissingDependency without huggingface_hub or a token, UsageError for a name that is none."""
        try:
            self._library: Any = import_module("huggingface_hub")
        except ImportError:
            raise MissingDependency("--push-to needs huggingface_hub: pip install huggingface_hub") from None
        try:
            self._library.utils.validate_repo_id(name)
        except ValueError as error:
            raise UsageError(f"--push-to '{name}' is no name of a dataset: {_first_line(error)}") from error
        if not self._library.get_token():
            raise MissingDependency("--push-to needs a token of the hub: set HF_TOKEN, or log in with `hf auth login`")
        self.name = name

    def push(self, folder: Path) -> str:
        """Upload the folder. Raises UsageError where the hub refuses it or cannot be reached; the folder stays."""
        try:
            api: Any = self._library.HfApi()
            api.create_repo(self.name, repo_type="dataset", private=True, exist_ok=True)
            done: Any = api.upload_folder(repo_id=self.name, folder_path=str(folder), repo_type="dataset")
        except Exception as error:  # the library and its transport raise what they like
            raise UsageError(
                f"{folder} is there, but could not be pushed to {self.name}: {_first_line(error)}; "
                f"to try again: hf upload {self.name} {folder} --repo-type dataset"
            ) from error
        return str(done)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
