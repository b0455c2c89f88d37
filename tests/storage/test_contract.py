"""What every object store does, on each of them."""

import hashlib
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.errors import StoreFailure
from app.storage import ObjectChanged, ObjectStore, open_store

#: In bytewise order, which is neither that of folders (``a/z`` before ``a-``) nor that of letters.
KEYS = ("Z", "a b", "a%2Fb", "a+b&c", "a-", "a.csv", "a/y/q", "a/z", "b", "x#y?z", "é", "日本")


def put(store: ObjectStore, folder: Path, key: str, data: bytes = b"data") -> None:
    path = folder / "to-put"
    path.write_bytes(data)
    store.put(key, path)


def keys(store: ObjectStore, prefix: str = "") -> Sequence[str]:
    return [found.key for found in store.below(prefix)]


def content(store: ObjectStore, key: str) -> bytes | None:
    found = store.read(key)
    return found.data if found else None


def test_a_store_begins_empty(store: ObjectStore) -> None:
    store.check()
    assert (store.below(), store.stat("a"), store.read("a"), store.exists("a")) == ([], None, None, False)
    store.delete_below("runs/a")


def test_an_object_is_stored_whole_and_replaced(store: ObjectStore, tmp_path: Path) -> None:
    put(store, tmp_path, "runs/a/x", b"first")
    before = store.stat("runs/a/x")
    assert before is not None
    assert before[:2] == ("runs/a/x", 5)
    put(store, tmp_path, "runs/a/x", b"second")
    after = store.stat("runs/a/x")
    assert after is not None
    assert (content(store, "runs/a/x"), after.size, after.etag != before.etag) == (b"second", 6, True)
    assert store.local("runs/a/x", tmp_path).read_bytes() == b"second"
    assert not store.exists("runs/a")


def test_listings_are_in_bytewise_order_and_below_their_prefix_alone(
    store: ObjectStore, tmp_path: Path
) -> None:
    for key in KEYS:
        put(store, tmp_path, f"d/{key}", key.encode())
    put(store, tmp_path, "d-other")
    assert keys(store, "d") == [f"d/{key}" for key in KEYS]
    assert keys(store) == ["d-other", *(f"d/{key}" for key in KEYS)]
    assert [found.size for found in store.below("d")] == [len(key.encode()) for key in KEYS]
    assert [content(store, f"d/{key}") for key in KEYS] == [key.encode() for key in KEYS]


def test_of_many_that_create_one_object_one_does(store: ObjectStore) -> None:
    start = threading.Barrier(6)

    def create(number: int) -> str | None:
        start.wait()
        return store.put_if_absent("manifest.json", str(number).encode())

    with ThreadPoolExecutor(6) as threads:
        made = list(threads.map(create, range(6)))
    [winner] = [number for number, etag in enumerate(made) if etag]
    found = store.read("manifest.json")
    assert found is not None
    assert (found.data, found.etag) == (str(winner).encode(), made[winner])


def test_of_many_that_replace_one_object_one_does(store: ObjectStore) -> None:
    etag, start = store.put_if_absent("lock", b"old"), threading.Barrier(6)
    assert etag is not None

    def replace(number: int) -> str | None:
        start.wait()
        return store.replace("lock", str(number).encode(), etag)

    with ThreadPoolExecutor(6) as threads:
        made = list(threads.map(replace, range(6)))
    [winner] = [number for number, etag in enumerate(made) if etag]
    assert content(store, "lock") == str(winner).encode()


def test_only_what_is_there_is_replaced_or_deleted(store: ObjectStore) -> None:
    assert store.replace("lock", b"x", '"1"') is None
    assert not store.exists("lock")
    old = store.put_if_absent("lock", b"old")
    assert old is not None
    new = store.replace("lock", b"new", old)
    assert new is not None
    assert store.replace("lock", b"newer", old) is None
    assert (store.delete("lock", old), content(store, "lock")) == (False, b"new")
    assert (store.delete("lock", new), content(store, "lock")) == (True, None)
    assert store.delete("lock")


def test_deleting_below_a_prefix_leaves_its_neighbours(store: ObjectStore, tmp_path: Path) -> None:
    for key in ("runs/a/x", "runs/a/report/y", "runs/ab/x", "runs/b"):
        put(store, tmp_path, key)
    store.delete_below("runs/a")
    assert keys(store) == ["runs/ab/x", "runs/b"]


def test_a_large_object_comes_back_to_the_last_byte(store: ObjectStore, tmp_path: Path) -> None:
    data = os.urandom(17 * 2**20 + 1)
    put(store, tmp_path, "big", data)
    [found] = store.below()
    digest = hashlib.sha256()
    store.fetch(found, tmp_path / "fetched", digest.update)
    assert (found.size, digest.digest()) == (len(data), hashlib.sha256(data).digest())
    assert (tmp_path / "fetched").read_bytes() == data


@pytest.mark.parametrize("change", ["replaced", "deleted"])
def test_an_object_that_changed_since_it_was_listed_is_not_fetched(
    store: ObjectStore, tmp_path: Path, change: str
) -> None:
    put(store, tmp_path, "a", b"listed")
    [found] = store.below()
    if change == "deleted":
        store.delete("a")
    else:
        put(store, tmp_path, "a", b"change")
    with pytest.raises(ObjectChanged, match="changed since it was listed"):
        store.fetch(found, tmp_path / "fetched")


def test_what_is_missing_is_named(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(StoreFailure, match="runs/a/x is missing"):
        store.local("runs/a/x", tmp_path)


def test_the_url_of_a_store_opens_it(store: ObjectStore, tmp_path: Path) -> None:
    put(store, tmp_path, "a", b"there")
    assert content(open_store(store.url), "a") == b"there"
    assert content(open_store(f"{store.url}/"), "a") == b"there"
