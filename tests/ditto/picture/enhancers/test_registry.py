"""Which enhancers run, in which order, and those that others bring."""

from importlib.metadata import EntryPoint

import numpy as np
import pytest

from cfg.errors import ConfigError, ModelError
from cfg.settings import EnhanceSettings
from ditto.picture.enhancers import registry as plugins
from ditto.picture.enhancers.registry import enhancers
from model_formats.shared import SharedModels


def inverted(settings, models):
    return lambda pose, image: 255 - image


def test_by_default_there_is_none():
    assert enhancers(EnhanceSettings(), SharedModels()) == []


def test_the_picture_is_upscaled_before_the_face_is_restored(doubler, brightener):
    settings = EnhanceSettings(enhancer="gfpgan", model=str(brightener()), upscaler=str(doubler()))
    assert [type(e).__name__ for e in enhancers(settings, SharedModels())] == ["Upscaled", "Restored"]


def test_a_network_is_opened_once_however_many_streams_run_it(doubler, brightener):
    models = SharedModels()
    settings = EnhanceSettings(enhancer="gfpgan", model=str(brightener()), upscaler=str(doubler()))
    one, other = enhancers(settings, models), enhancers(settings, models)
    assert [a._model is b._model for a, b in zip(one, other, strict=True)] == [True, True]
    models.close()
    with pytest.raises(ModelError, match="is closed"):
        one[0]._model.run({})


def test_a_package_brings_its_own_by_an_entry_point(monkeypatch):
    entry = EntryPoint("negative", f"{__name__}:inverted", plugins.GROUP)
    monkeypatch.setattr(EntryPoint, "load", lambda self: inverted)
    monkeypatch.setattr(
        plugins, "entry_points", lambda **query: [entry] if query.get("name") == "negative" else []
    )
    (made,) = enhancers(EnhanceSettings(enhancer="negative"), SharedModels())
    assert (made(None, np.full((2, 2, 3), 55, np.uint8)) == 200).all()


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'sharpen'"):
        enhancers(EnhanceSettings(enhancer="sharpem"), SharedModels())
