"""Everything lies under one folder where OPSTUI_HOME says so, and in the platform's places otherwise."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from opstui.config.paths import Paths
from opstui.core.errors import ConfigError


def test_opstui_home_puts_everything_under_one_folder(tmp_path: Path) -> None:
    paths = Paths.find({"OPSTUI_HOME": str(tmp_path)})
    assert paths.config_file == tmp_path / "config.toml"
    assert (paths.data, paths.state, paths.cache) == (tmp_path / "data", tmp_path / "state", tmp_path / "cache")
    assert paths.record_db == tmp_path / "data" / "record.db"
    assert paths.cache_db == tmp_path / "cache" / "cache.db"
    assert paths.site_file is None


def test_the_demo_has_a_folder_of_its_own(tmp_path: Path) -> None:
    demo = Paths.find({"OPSTUI_HOME": str(tmp_path)}).demo()
    assert demo.data == tmp_path / "demo" / "data"
    assert demo.demo() == demo
    assert demo.user_themes == tmp_path / "themes"


def test_without_opstui_home_the_demo_lies_in_the_data_folder(tmp_path: Path) -> None:
    code = "import os; from opstui.config.paths import Paths; p = Paths.find(os.environ); print(p.data, p.demo().data)"
    environ = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "XDG_DATA_HOME": str(tmp_path / "share")}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    data, demo = done.stdout.split()
    assert Path(demo) == Path(data) / "demo" / "data"


def test_opstui_config_names_the_file_only(tmp_path: Path) -> None:
    paths = Paths.find({"OPSTUI_HOME": str(tmp_path), "OPSTUI_CONFIG": "/elsewhere/o.toml"})
    assert paths.config_file == Path("/elsewhere/o.toml")
    assert paths.config_named
    assert paths.data == tmp_path / "data"


def test_a_home_that_nobody_has_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="home folder"):
        Paths.find({"OPSTUI_HOME": "~nobody-of-this-name/x"})
    with pytest.raises(ConfigError, match="home folder"):
        Paths.find({"OPSTUI_HOME": str(tmp_path)}).with_config(Path("~nobody-of-this-name/x"))


def test_folders_are_made_for_nobody_else(tmp_path: Path) -> None:
    paths = Paths.find({"OPSTUI_HOME": str(tmp_path / "home")})
    paths.make()
    for folder in (paths.data, paths.state, paths.cache, paths.locks, paths.crash, paths.log_file.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_platformdirs_is_not_imported_under_opstui_home() -> None:
    code = (
        "import sys; from opstui.config.paths import Paths; Paths.find({'OPSTUI_HOME': '/x'});"
        "sys.exit('platformdirs' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
