"""Types that a generator makes of the OpenAPI document: strict, and true of what a real server answers."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from app.database import open_engine, ready
from app.settings import Settings
from tests.api.conftest import FIRST
from tests.support.http import Api
from tests.support.movies import MOVIES, mart, shown
from tests.support.server import credentials, serving, token
from tests.support.world import World

#: Asks with generated types alone. MISUSE is what a type checker must find.
PROGRAM = '''
"""Prints what three endpoints answer, by generated types."""

import sys

import httpx

from generated import AggregatesGenresPage, AggregatesGenresRow, Problem, RunAnswer


def genres(client: httpx.Client) -> list[AggregatesGenresRow]:
    return AggregatesGenresPage.model_validate_json(client.get("/v1/aggregates/genres").content).data


def run_id(client: httpx.Client) -> str | None:
    return RunAnswer.model_validate_json(client.get("/v1/runs/current").content).data.run_id


def fault(client: httpx.Client) -> str:
    answer = client.get("/v1/aggregates/genres", params={"top": 1})
    return Problem.model_validate_json(answer.content).errors[0].parameter


with httpx.Client(base_url=sys.argv[1], headers={"Authorization": f"Bearer {sys.argv[2]}"}) as client:
    for row in genres(client):
        print(row.model_dump_json())
    print(run_id(client))
    print(fault(client))
'''
MISUSE = "    best: str = genres(client)[0].revenue\n    print(genres(client)[0].nothing)\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, shared: tuple[Api, World]) -> Path:
    """A folder with the generated module and the program."""
    made = tmp_path_factory.mktemp("generated")
    (made / "openapi.json").write_bytes(shared[0].get("/openapi.json").content)
    (made / "program.py").write_text(PROGRAM)
    options = ["--input-file-type", "openapi", "--output-model-type", "pydantic_v2.BaseModel"]
    style = ["--use-annotated", "--formatters", "ruff-format", "--target-python-version", "3.11"]
    files = ["--input", "openapi.json", "--output", "generated.py"]
    done = python(made, "-m", "datamodel_code_generator", *files, *options, *style)
    assert done.returncode == 0, done.stderr
    return made


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def strict(folder: Path, *files: str) -> subprocess.CompletedProcess[str]:
    return python(folder, "-m", "mypy", "--strict", "--config-file=", "--cache-dir=.cache", *files)


def test_generated_types_are_strict(folder: Path) -> None:
    checked = strict(folder, "generated.py", "program.py")
    assert checked.returncode == 0, checked.stdout


def test_misuse_is_found(folder: Path) -> None:
    (folder / "misuse.py").write_text(PROGRAM + MISUSE)
    found = strict(folder, "misuse.py").stdout
    assert '"AggregatesGenresRow" has no attribute "nothing"' in found
    assert 'variable has type "str"' in found


def test_rows_of_a_real_server_have_the_generated_types(folder: Path, tmp_path: Path) -> None:
    world = World(ready(open_engine(Settings(home=tmp_path, _env_file=None).warehouse), "warehouse"))
    world.add(FIRST, MOVIES)
    world.publish(FIRST)
    client = credentials(tmp_path)
    with serving(tmp_path) as server:
        done = python(folder, "program.py", server.url, token(server.url, client))
    assert done.returncode == 0, done.stderr
    *rows, run_id, parameter = done.stdout.splitlines()
    assert [json.loads(row) for row in rows] == [shown(row) for row in mart("genre_year", MOVIES)]
    assert (run_id, parameter) == (FIRST, "top")
