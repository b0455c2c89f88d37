"""What is installed is what is locked, and the wheel holds all that the program needs."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def locked() -> dict[str, str]:
    """Return the version of each package in the lock file."""
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in pins}


def needed(requirement: Requirement, seen: set[str]) -> None:
    """Collect a requirement and all that it needs in turn, as far as it applies here."""
    for extra in requirement.extras or {""}:
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        if f"{name}[{extra}]" in seen:
            continue
        seen.add(f"{name}[{extra}]")
        for text in metadata.requires(name) or []:
            inner = Requirement(text)
            if inner.marker is None or inner.marker.evaluate({"extra": extra}):
                needed(inner, seen)


def test_everything_installed_for_the_project_is_locked_at_its_version() -> None:
    extras = PROJECT["optional-dependencies"]
    seen: set[str] = set()
    for text in (*PROJECT["dependencies"], *extras["dev"], *extras["bench"]):
        needed(Requirement(text), seen)
    names = {name.split("[")[0] for name in seen}
    assert {name: metadata.version(name) for name in names} == {name: locked().get(name) for name in names}


def test_the_lock_satisfies_pyproject() -> None:
    pins = locked()
    for text in (
        *PROJECT["dependencies"],
        *(item for extra in PROJECT["optional-dependencies"].values() for item in extra),
    ):
        requirement = Requirement(text)
        if requirement.name == PROJECT["name"]:  # `all` names the other extras
            continue
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), text


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, check=True
    )
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_the_program_its_assets_and_its_migrations(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    for folder, prefix in ((ROOT / "app", "app"), (ROOT / "migrations", "app/migrations")):
        files = [file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts]
        assert {f"{prefix}/{file.relative_to(folder).as_posix()}" for file in files} <= held
    assert not any(name.startswith(("tests", "bench", "deploy")) for name in held)


def test_the_program_runs_from_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    environment = {**os.environ, "PYTHONPATH": str(site), "APP_HOME": str(tmp_path / "home")}
    code = "import app.cli.main as m; print(m.__file__, flush=True); m.main(['db', 'upgrade', '--json'])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith(str(site)), "the installed package was used instead"
    assert sorted(file.name for file in (tmp_path / "home").glob("*.sqlite")) == [
        "accounts.sqlite",
        "warehouse.sqlite",
    ]


def test_the_image_runs_the_same_entry_point_without_root() -> None:
    lines = [
        line for line in (ROOT / "Dockerfile").read_text().splitlines() if line and not line.startswith("#")
    ]
    last = {line.split()[0]: line for line in lines}
    assert re.fullmatch(r"USER [1-9]\d+", last["USER"])
    assert "HEALTHCHECK" in last
    assert last["ENTRYPOINT"] == f'ENTRYPOINT ["{next(iter(PROJECT["scripts"]))}"]'
    assert "APP_HOME=/data" in last["ENV"]
    assert any("requirements.lock '.[all]'" in line for line in lines), "the image is not built from the lock"
