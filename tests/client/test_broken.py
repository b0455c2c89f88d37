"""Answers that are cut off or not of the API are errors, never fewer rows; bad questions are refused."""

import io
from typing import Any

import httpx
import pyarrow as pa
import pytest

from app.client import Client, InvalidParameters, MartsError, Retry, UnexpectedAnswer
from app.client.listing import ARROW

END_BYTES = 8
PAGE: dict[str, Any] = {"data": [], "meta": {}, "links": {}}


def stream(name: str = "year", batches: int = 2) -> bytes:
    """Return an Arrow IPC stream with batches of 1000 rows."""
    columns = pa.schema([pa.field(name, pa.int64())])
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, columns) as writer:
        for _ in range(batches):
            writer.write_batch(pa.record_batch([pa.array(range(1000))], schema=columns))
    return sink.getvalue()


def asking(*answers: httpx.Response) -> Client:
    """Return a client of a server that gives these answers, one after the other."""
    left = iter(answers)
    transport = httpx.MockTransport(lambda _: next(left))
    return Client("http://api.test", token="t", retry=Retry(attempts=1), transport=transport)


def arrow(body: bytes, **headers: str) -> httpx.Response:
    return httpx.Response(200, content=body, headers={"Content-Type": ARROW, **headers})


def test_a_whole_stream_is_a_frame() -> None:
    assert asking(arrow(stream())).years().to_polars().height == 2000


@pytest.mark.parametrize(
    "body",
    [
        stream()[:-END_BYTES],  # cut between two batches: Polars reads it as if it were whole
        stream()[:-100],
        stream()[: len(stream()) // 2],
        b"",
        b"<html>",
        b"<html>" + stream()[-END_BYTES:],
    ],
)
def test_a_stream_that_breaks_off_is_no_frame(body: bytes) -> None:
    with pytest.raises(UnexpectedAnswer):
        asking(arrow(body)).years().to_polars()


@pytest.mark.parametrize(
    "link", ["</v1/aggregates/years?limit=1000>", "<http://[/>", "<http://x:y/?cursor=c>"]
)
def test_a_link_to_nowhere_is_an_error(link: str) -> None:
    with pytest.raises(UnexpectedAnswer):
        asking(arrow(stream(batches=1), Link=f'{link}; rel="next"')).years(limit=1500).to_polars()


def test_pages_of_different_columns_are_an_error() -> None:
    first = arrow(stream(batches=1), Link='</v1/aggregates/years?cursor=c>; rel="next"')
    with pytest.raises(UnexpectedAnswer):
        asking(first, arrow(stream("other"))).years(limit=1500).to_polars()


def test_an_answer_in_another_format_is_an_error() -> None:
    with pytest.raises(UnexpectedAnswer, match=r"application/json instead of .*arrow"):
        asking(httpx.Response(200, json=PAGE)).years().to_polars()
    with pytest.raises(UnexpectedAnswer, match=r"arrow.* instead of application/json"):
        asking(arrow(stream())).years().rows()


@pytest.mark.parametrize(
    "body",
    [
        {**PAGE, "data": None},
        {**PAGE, "data": "abc"},
        {**PAGE, "data": {"year": 1995}},
        {**PAGE, "meta": None},
        {**PAGE, "meta": ["run_id"]},
    ],
)
def test_an_envelope_of_another_shape_is_an_error(body: Any) -> None:
    with pytest.raises(UnexpectedAnswer):
        asking(httpx.Response(200, json=body)).years().rows()


def test_a_list_is_no_run() -> None:
    with pytest.raises(UnexpectedAnswer):
        asking(httpx.Response(200, json={**PAGE, "data": [1]})).current_run()


@pytest.mark.parametrize("names", [["\ud800"], ["a name of a company"] * 10_000])
def test_what_no_url_holds_is_an_error_of_ours(names: list[str]) -> None:
    with pytest.raises(MartsError, match="/v1/aggregates/production-companies"):
        asking().production_companies(company=names).rows()


@pytest.mark.parametrize("name", ["genre", "company_id", "company", "year", "fields", "sort"])
def test_none_of_several_is_not_all(marts: Client, name: str) -> None:
    none: dict[str, Any] = {name: []}
    with pytest.raises(InvalidParameters) as caught:
        marts.production_company_genres(**none).rows()
    assert [fault.parameter for fault in caught.value.errors] == [name]


def test_no_rows_may_be_asked_for(marts: Client) -> None:
    assert marts.genres(limit=0).rows() == []
    frame = marts.genres(limit=0).to_polars()
    assert frame.is_empty()
    assert "genre" in frame.columns
    with pytest.raises(ValueError, match="limit"):
        marts.genres(limit=-1)


@pytest.mark.parametrize("token", ["", "secret\n", "sec ret", "sécret", "secret\0"])
def test_what_is_no_token_is_refused_unsaid(token: str) -> None:
    def granted(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"access_token": token} if request.method == "POST" else PAGE)

    transport = httpx.MockTransport(granted)
    with pytest.raises(ValueError, match="token") as given:
        Client("http://api.test", token=token)
    with pytest.raises(UnexpectedAnswer) as got:
        Client("http://api.test", client_id="me", client_secret="mine", transport=transport).years().rows()
    assert "cret" not in f"{given.value}{got.value}"
