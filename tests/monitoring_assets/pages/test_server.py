"""The server of pages: what it gives, and what it does not."""

import pytest
from starlette.testclient import TestClient

from monitoring_assets.pages.server import page_server
from resources import layout
from resources.errors import StorageError
from resources.storage import open_storage

DAY = "pages/pd_cards.1/2026-09-01.html"
FILES = {
    layout.FLEET_PAGE: "<p>all</p>",
    DAY: "<p>a day</p>",
    "pages/latest/pd_cards.1.json": "{}",
    "pages/pd cards ü.1/2026-09-01.html": "<p>other names</p>",
    "drift_report/secret.html": "<p>no page</p>",
    "fairness/secret.html": "<p>no page</p>",
}


@pytest.fixture
def storage(any_lender):
    found = any_lender.store.storage
    for path, text in FILES.items():
        found.write(path, text.encode())
    return found


@pytest.fixture
def client(storage):
    return TestClient(page_server(storage))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/", "<p>all</p>"),
        ("/index.html", "<p>all</p>"),
        ("/pd_cards.1/2026-09-01.html", "<p>a day</p>"),
        ("/pd%20cards%20%C3%BC.1/2026-09-01.html", "<p>other names</p>"),
    ],
)
def test_pages(client, path, text):
    found = client.get(path)
    assert (found.status_code, found.text) == (200, text)
    assert found.headers["content-type"] == "text/html; charset=utf-8"
    assert found.headers["content-security-policy"].startswith("default-src 'none'")
    assert client.head(path).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/latest/pd_cards.1.json",
            "/absent.html",
            "/pd_cards.1/",
            "/pd_cards.1",
            "/%2findex.html",
        ),
        *("/../drift_report/secret.html", "/%2e%2e/drift_report/secret.html"),
        *("/../fairness/secret.html", "/%2e%2e/fairness/secret.html", "/fairness/secret.html"),
        *("/pd_cards.1/..%2f..%2fdrift_report%2fsecret.html", "/..%5cdrift_report%5csecret.html"),
        *("/%2fetc/passwd.html", "/pd_cards.1/2026-09-01.html/x.html", "/a%00b.html"),
    ],
)
def test_nothing_else(client, path):
    found = client.get(path)
    assert found.status_code == 404
    assert "secret" not in found.text
    assert "no page" not in found.text.replace("There is no page here", "")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_is_changed(client, storage, method):
    assert client.request(method, "/pd_cards.1/2026-09-01.html").status_code == 405
    assert storage.read(DAY) == FILES[DAY].encode()


def test_a_page_is_sent_again_only_if_it_is_another(client, storage):
    tag = client.get("/").headers["etag"]
    assert client.get("/", headers={"If-None-Match": tag}).status_code == 304
    storage.write(layout.FLEET_PAGE, b"<p>newer</p>")
    assert client.get("/", headers={"If-None-Match": tag}).text == "<p>newer</p>"


def test_before_the_first_day_it_says_who_writes_the_page(tmp_path):
    found = TestClient(page_server(open_storage(str(tmp_path)))).get("/")
    assert found.status_code == 404
    assert "fleet_page_sensor" in found.text


def test_a_storage_that_fails_is_named(storage, monkeypatch):
    def fails(path):
        raise StorageError(f"bucket lender, {path}: 503")

    monkeypatch.setattr(storage, "read", fails)
    found = TestClient(page_server(storage)).get("/")
    assert (found.status_code, found.text) == (503, "bucket lender, pages/index.html: 503\n")
