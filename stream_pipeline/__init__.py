import cfg  # noqa: F401 - before the libraries: cfg/privacy.py
