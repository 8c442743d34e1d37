"""Steps that finished pictures take."""

import numpy as np

from ditto.picture.finishing import Finish
from ditto.stages.messages import Face, Picture


class Plain:
    name = "putback"
    interrupted = False

    def process(self, item):
        yield Picture(item.turn, item.index, np.full((2, 2, 3), item.payload, np.uint8))

    def flush(self):
        return ()

    def interrupt(self):
        self.interrupted = True


def test_each_picture_goes_through_the_steps_in_order():
    stage = Finish(Plain(), [lambda pose, image: image + 1, lambda pose, image: image * 2])
    (picture,) = stage.process(Face(3, 7, None, 10))
    assert (picture.turn, picture.index) == (3, 7)
    assert (picture.image == 22).all()


def test_the_stage_keeps_its_name_and_hears_of_interruptions():
    inner = Plain()
    stage = Finish(inner, [])
    stage.interrupt()
    assert stage.name == "putback" and inner.interrupted
    assert list(stage.flush()) == []
