import numpy as np
import pytest

from cfg.errors import ConfigError
from stream_pipeline.character import Character
from tests.stream_pipeline.conftest import source_frame


def test_a_source_is_its_own_character():
    first = source_frame()
    character = Character.of(first, None)
    assert character.canonical is first.motion.kp and character.scale is None
    assert (character.eye_open.shape, character.eye_ball.shape) == ((1, 2), (1, 6))


def test_eyes_and_identity_may_be_another_sources():
    given = {
        "eye_open_lst": [[0.1, 0.2], [0.3, 0.4]],
        "eye_ball_lst": np.zeros((2, 1, 6)),
        "x_s_info_lst": [{"kp": np.arange(63.0), "scale": np.array([[1.5]])}],
    }
    character = Character.of(source_frame(), given)
    assert character.scale == 1.5
    assert character.canonical.tolist() == list(range(63))
    assert character.eye_open.tolist() == [pytest.approx([0.1, 0.2]), pytest.approx([0.3, 0.4])]
    assert character.eye_ball.shape == (2, 6)


@pytest.mark.parametrize(
    ("listed", "missing"), [([], "no kp and no scale"), ([{"kp": [0] * 63}], "no scale")]
)
def test_what_another_identity_lacks_is_named(listed, missing):
    with pytest.raises(ConfigError, match=f"override: the first of x_s_info_lst has {missing}"):
        Character.of(source_frame(), {"x_s_info_lst": listed})
