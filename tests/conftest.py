"""For all tests: nothing is kept in the cache of whoever runs them."""

import os


def pytest_configure() -> None:
    os.environ["DITTO_CACHE"] = ""
