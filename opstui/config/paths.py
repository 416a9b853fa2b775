"""Where opstui keeps its files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from opstui.core.errors import ConfigError
from opstui.core.frozen import dataclass
from opstui.core.text import clean_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """Every place on disk that the program uses. Folders are made by :meth:`make`, with mode 0700."""

    config_file: Path
    config_named: bool = False
    """Somebody named this very file (``--config``, ``OPSTUI_CONFIG``), so it must exist."""
    site_file: Path | None = None
    """The machine's own file, below the user's; none under ``OPSTUI_HOME``."""
    config_dir: Path
    data: Path
    state: Path
    cache: Path
    user_themes: Path
    user_workflows: Path
    demo_folder: Path

    @classmethod
    def find(cls, environ: Mapping[str, str]) -> Paths:
        """The paths of this machine, or those under ``OPSTUI_HOME``; ``OPSTUI_CONFIG`` names the config file."""
        home = environ.get("OPSTUI_HOME")
        if home:
            root = _expanded(Path(home))
            paths = cls._under(root, config_dir=root, demo=root / "demo")
        else:
            # importing it takes 37 ms, which nobody pays who has set OPSTUI_HOME
            from platformdirs import PlatformDirs

            dirs = PlatformDirs("opstui", appauthor=False)
            config_dir, data = Path(dirs.user_config_dir), Path(dirs.user_data_dir)
            paths = cls(
                config_file=config_dir / "config.toml",
                site_file=Path(dirs.site_config_dir.split(os.pathsep)[0]) / "config.toml",
                config_dir=config_dir,
                data=data,
                state=Path(dirs.user_state_dir),
                cache=Path(dirs.user_cache_dir),
                user_themes=config_dir / "themes",
                user_workflows=config_dir / "workflows",
                demo_folder=data / "demo",
            )
        named = environ.get("OPSTUI_CONFIG")
        return paths.with_config(Path(named)) if named else paths

    @classmethod
    def _under(cls, root: Path, *, config_dir: Path, demo: Path) -> Paths:
        return cls(
            config_file=root / "config.toml",
            config_dir=config_dir,
            data=root / "data",
            state=root / "state",
            cache=root / "cache",
            user_themes=config_dir / "themes",
            user_workflows=config_dir / "workflows",
            demo_folder=demo,
        )

    def with_config(self, file: Path) -> Paths:
        """The same places, with a config file that somebody named."""
        return replace(self, config_file=_expanded(file), config_named=True)

    def demo(self) -> Paths:
        """The demo's own places, all in one folder. Themes stay the user's: they are taste, not data."""
        if self.data.parent == self.demo_folder:
            return self
        paths = self._under(self.demo_folder, config_dir=self.demo_folder, demo=self.demo_folder)
        return replace(paths, user_themes=self.user_themes)

    def make(self) -> None:
        """Make the folders that are missing, for nobody else to look into. Raises OSError."""
        for folder in (self.data, self.state, self.cache, self.locks, self.log_file.parent, self.crash):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def record_db(self) -> Path:
        """Drafts, approvals, outbox, sessions, ledger, audit."""
        return self.data / "record.db"

    @property
    def desk_db(self) -> Path:
        """The embedded ticket system."""
        return self.data / "desk.db"

    @property
    def cache_db(self) -> Path:
        """Tickets as last seen, and search indexes; may be deleted at any time."""
        return self.cache / "cache.db"

    @property
    def locks(self) -> Path:
        """Lock files, freed by the kernel."""
        return self.state / "locks"

    @property
    def log_file(self) -> Path:
        """The program's own log, JSON Lines."""
        return self.state / "log" / "opstui.jsonl"

    @property
    def crash(self) -> Path:
        """Where crash files go."""
        return self.state / "crash"


def _expanded(path: Path) -> Path:
    """An absolute path. Raises ConfigError for a home folder that nobody has."""
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        raise ConfigError("there is no such user's home folder", file=clean_line(str(path))) from None
