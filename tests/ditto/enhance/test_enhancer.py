"""Which enhancers run, in which order, and those that others bring."""

from importlib.metadata import EntryPoint

import numpy as np
import pytest

from cfg.errors import ConfigError
from cfg.settings import EnhanceSettings, PackSettings
from ditto.enhance import enhancer as plugins
from ditto.enhance.enhancer import enhancers


def inverted(settings, pack):
    return lambda pose, image: 255 - image


def test_by_default_there_is_none():
    assert enhancers(EnhanceSettings(), PackSettings()) == []


def test_the_picture_is_upscaled_before_the_face_is_restored(doubler, brightener):
    settings = EnhanceSettings(enhancer="gfpgan", model=str(brightener()), upscaler=str(doubler()))
    assert [type(e).__name__ for e in enhancers(settings, PackSettings())] == ["Upscaled", "Restored"]


def test_a_package_brings_its_own_by_an_entry_point(monkeypatch):
    entry = EntryPoint("negative", f"{__name__}:inverted", plugins.GROUP)
    monkeypatch.setattr(EntryPoint, "load", lambda self: inverted)
    monkeypatch.setattr(
        plugins, "entry_points", lambda **query: [entry] if query.get("name") == "negative" else []
    )
    (made,) = enhancers(EnhanceSettings(enhancer="negative"), PackSettings())
    assert (made(None, np.full((2, 2, 3), 55, np.uint8)) == 200).all()


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'sharpen'"):
        enhancers(EnhanceSettings(enhancer="sharpem"), PackSettings())
