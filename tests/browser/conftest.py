"""A prepared installation, made once a run; a served copy of it; a browser; visitors."""

import fcntl
import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest
from installation import Site, prepare, small_demo
from playwright.sync_api import Browser, Page, sync_playwright
from visitor import NoChromiumError, Visitor, Watch, launch

NewPage = Callable[..., Page]
NewVisitor = Callable[..., Visitor]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The instance folder of a small demo study; the first of several workers makes it for all."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    folder = shared / "browser"
    with (shared / "browser.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            making = shared / "browser-making"
            prepare(making / "instance", small_demo(making / "studies" / "demo"))
            making.rename(folder)
    return folder / "instance"


@pytest.fixture(scope="session")
def site(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A served copy of the prepared installation, which several tests share."""
    yield from _serve(prepared, tmp_path_factory.mktemp("shared") / "instance")


@pytest.fixture
def own_site(prepared: Path, tmp_path: Path) -> Iterator[Site]:
    """A served copy of the prepared installation for one test alone."""
    yield from _serve(prepared, tmp_path / "instance")


def _serve(prepared: Path, instance: Path) -> Iterator[Site]:
    shutil.copytree(prepared, instance)
    site = Site(instance)
    yield site
    site.stop()
    log = site.log.read_text()
    assert "Traceback" not in log, log


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of a worker."""
    with sync_playwright() as playwright:
        try:
            browser = launch(playwright)
        except NoChromiumError as error:
            pytest.fail(str(error), pytrace=False)
        yield browser
        browser.close()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[NewPage]:
    """new_page(site, **options) opens a page in a browser context of its own.

    Whatever a test does: nothing may ask another host, and no console may complain.
    """
    opened = []

    def make(site: Site, **options: Any) -> Page:
        context = browser.new_context(**options)
        context.set_default_timeout(10_000)
        opened.append((context, Watch(context, site.host)))
        return context.new_page()

    yield make
    for context, watch in opened:
        context.close()
        assert watch.requests
        assert watch.foreign == []
        assert watch.complaints == []


@pytest.fixture
def new_visitor(new_page: NewPage) -> NewVisitor:
    """new_visitor(site, **options) has agreed and stands before the first page."""

    seeds = count()

    def make(site: Site, **options: Any) -> Visitor:
        visitor = Visitor(new_page(site, **options), Random(next(seeds)))
        visitor.begin(site.study)
        return visitor

    return make


@pytest.fixture
def visitor(site: Site, new_visitor: NewVisitor) -> Visitor:
    """Somebody who has agreed to take part."""
    return new_visitor(site)
