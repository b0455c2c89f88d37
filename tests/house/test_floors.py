"""A part of the program imports only what is listed for it here: floors below, never its neighbours."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GROUND = {
    "errors",
    "settings",
    "issuer_settings",
    "warehouse_settings",
    "marts",
    "database",
    "database_types",
    "shared",
    "__version__",
}
STORES = GROUND | {"storage", "warehouse"}
ROOMS = STORES | {"serving", "auth", "ops"}

#: What each file or folder directly under ``app/`` may import from the others.
ALLOWED: dict[str, set[str]] = {
    "__init__": set(),
    "__main__": {"cli"},
    "client": set(),
    "errors": set(),
    "issuer_settings": set(),
    "warehouse_settings": set(),
    "settings": {"errors", "issuer_settings", "warehouse_settings"},
    "database_types": set(),
    "shared": set(),
    "database": {"errors"},
    "marts": {"database_types"},
    "storage": GROUND,
    "warehouse": GROUND | {"storage"},
    "etl": STORES,
    "serving": STORES,
    "auth": GROUND,
    "ops": GROUND,
    "routers": ROOMS - {"database", "storage", "warehouse"},
    "server": GROUND | {"routers", "serving"},
    "cli": ROOMS | {"etl", "server"},
    "main": ROOMS | {"routers"},
}

#: The one file that reaches up: starting the application is what the command is for.
EXCEPTIONS = {"cli/serve.py": {"main"}}

#: Packages that only some parts may import: the declaration knows no engine, the engines know no HTTP.
KEPT_TO = {
    "fastapi": {"routers", "server", "main"},
    "starlette": {"routers", "serving", "ops", "main"},
    "typer": {"cli"},
    "rich": {"cli"},
    "jose": {"auth"},
    "argon2": {"auth"},
    "polars": {"client", "etl", "warehouse"},
    "pyarrow": {"serving", "client"},
    "numpy": {"etl"},
    "alembic": {"database"},
    "uvicorn": {"server"},
    "httptools": {"server"},
}


def parts() -> dict[str, list[Path]]:
    """Return the files of each part under ``app/``."""
    found: dict[str, list[Path]] = {}
    for file in sorted((ROOT / "app").rglob("*.py")):
        found.setdefault(file.relative_to(ROOT / "app").parts[0].removesuffix(".py"), []).append(file)
    return found


def imports(file: Path) -> Iterator[str]:
    """Yield every module that a file imports, wherever in it, with the names taken from packages."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("part", sorted(parts()))
def test_imports_only_from_floors_below(part: str) -> None:
    assert part in ALLOWED, f"app/{part} is new: say in ALLOWED what it may import"
    for file in parts()[part]:
        used = {name.split(".")[1] for name in imports(file) if name.startswith("app.")}
        excepted = EXCEPTIONS.get(file.relative_to(ROOT / "app").as_posix(), set())
        assert used - {part} - excepted <= ALLOWED[part], file


@pytest.mark.parametrize("package", sorted(KEPT_TO))
def test_packages_stay_where_they_belong(package: str) -> None:
    users = {
        part
        for part, files in parts().items()
        if any(name.split(".")[0] == package for file in files for name in imports(file))
    }
    assert users <= KEPT_TO[package]


def test_the_allow_list_itself_only_goes_down() -> None:
    floors = [
        *(
            {
                "client",
                "errors",
                "issuer_settings",
                "warehouse_settings",
                "settings",
                "marts",
                "database",
                "database_types",
                "shared",
                "__init__",
                "__version__",
            },
        ),
        *(
            {"storage", "warehouse"},
            {"etl", "serving", "auth", "ops"},
            {"routers"},
            {"server"},
            {"cli"},
            {"main", "__main__"},
        ),
    ]
    floor = {part: number for number, members in enumerate(floors) for part in members}
    for part, allowed in ALLOWED.items():
        for other in allowed:
            beside_on_ground = floor[part] == floor[other] <= 1
            assert floor[other] < floor[part] or beside_on_ground, f"{part} -> {other}"


def test_nothing_outside_tests_imports_tests() -> None:
    for folder in ("app", "bench", "deploy", "migrations"):
        for file in (ROOT / folder).rglob("*.py"):
            assert not any(name.split(".")[0] == "tests" for name in imports(file)), file
