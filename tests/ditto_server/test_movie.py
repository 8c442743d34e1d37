"""MP4 over a WebSocket: what a reader receives is decoded, and judged by time."""

import asyncio
import io
import itertools
import struct

import av
import numpy as np
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from ditto.rates import FRAME_RATE
from ditto_server.live.encoding import Coded, PictureEncoder, SoundEncoder
from ditto_server.live.feed import Feed
from ditto_server.live.fragments import Fragments
from ditto_server.live.limits import Limits
from ditto_server.live.movie import MAX_FRAMES, MovieOutlet
from tests.ditto_server.conftest import running, wait_until
from tests.ditto_server.test_webrtc import Viewer, beep

FRAME, SOUND = 3600, 960  # ticks of a picture and of a packet of sound


def kinds(message):
    """Names of the outermost boxes."""
    at, found = 0, []
    while at < len(message):
        size = struct.unpack(">I", message[at : at + 4])[0]
        found.append(message[at + 4 : at + 8].decode())
        at += size
    assert at == len(message)
    return found


def reading(live, session):
    return connect(f"ws://127.0.0.1:{live.port}{session['links']['mp4']}", max_size=None, proxy=None)


async def read(socket, until):
    messages = []
    async with asyncio.timeout(20):
        while not until(messages):
            messages.append(await socket.recv())
    return messages


def decoded(messages):
    """Times in seconds, and what was shown and heard then."""
    pictures, sounds = [], []
    with av.open(io.BytesIO(b"".join(messages))) as video:
        for frame in video.decode():
            if isinstance(frame, av.VideoFrame):
                pictures.append((float(frame.time), frame.to_ndarray(format="gray")))
            else:
                sounds.append((float(frame.time), frame.to_ndarray()[0]))
    return pictures, sounds


def test_the_first_message_begins_the_video_and_each_other_is_a_fragment_of_few_frames(live):
    async def watched():
        async with reading(live, live.session()) as socket:
            return await read(socket, lambda got: len(got) >= 20)

    messages = asyncio.run(watched())
    assert kinds(messages[0]) == ["ftyp", "moov"]
    assert all(kinds(message) == ["moof", "mdat"] for message in messages[1:])
    pictures, _ = decoded(messages)
    assert len(pictures) >= 15


def test_pictures_and_sound_are_complete_and_in_step_by_flash_and_beep(live):
    async def watched():
        async with reading(live, live.session()) as socket:
            messages = await read(socket, lambda got: len(got) > 3)
            face = live.source.faces[0]
            face.push(np.concatenate([beep() for _ in range(3)]))
            face.flush()
            messages += await read(socket, lambda got: len(got) >= 70)
            return messages, face.size

    messages, size = asyncio.run(watched())
    pictures, sounds = decoded(messages)
    assert pictures[0][0] == 0 and pictures[0][1].shape == size
    assert np.diff([time for time, _ in pictures]) == pytest.approx(1 / FRAME_RATE, abs=1e-6)
    assert np.diff([time for time, _ in sounds]) == pytest.approx(0.02, abs=1e-6)
    lit = [(time, image[:32, :32].mean() > 128) for time, image in pictures]
    flashes = [time for (_, before), (time, now) in itertools.pairwise(lit) if now > before]
    beeps, quiet = [], -1.0
    for time, samples in sounds:
        for at in np.flatnonzero(np.abs(samples) > 0.05):
            if time + at / 48_000 - quiet > 0.2:
                beeps.append(time + at / 48_000)
            quiet = time + at / 48_000
    assert len(flashes) == len(beeps) == 3
    assert np.abs(np.subtract(flashes, beeps)).max() < 0.03


def test_readers_and_viewers_of_a_session_share_one_encoder(live):
    async def watched():
        session = live.session()
        async with Viewer(live, session, "H264") as viewer:
            await viewer.until(lambda: len(viewer.pictures) > 5)
            async with reading(live, session) as socket:
                messages = await read(socket, lambda got: len(got) > 10)
                with live.client() as client:
                    return messages, client.get(f"/v1/sessions/{session['id']}").json()["figures"]

    messages, figures = asyncio.run(watched())
    assert len(decoded(messages)[0]) > 5
    assert figures["connections"] == figures["viewers"] == 2 and figures["encoded"] <= figures["frames"] + 1


def test_a_session_that_ends_says_so_and_one_that_is_not_there_is_refused(live):
    async def watched():
        session = live.session()
        async with reading(live, session) as socket:
            messages = await read(socket, lambda got: len(got) > 2)
            with live.client() as client:
                client.delete(f"/v1/sessions/{session['id']}")
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    messages.append(await socket.recv())
        with pytest.raises(InvalidStatus) as refused:
            await reading(live, session).__aenter__()
        return closed.value.rcvd.code, refused.value.response.status_code, messages

    code, status, messages = asyncio.run(watched())
    assert (code, status) == (4000, 404)
    pictures, sounds = decoded(messages)
    assert pictures[-1][0] + 0.04 == pytest.approx(sounds[-1][0] + 0.02, abs=1e-6)  # nothing is held back


def test_a_reader_that_sends_something_is_let_go(live):
    async def watched():
        async with reading(live, live.session()) as socket:
            await socket.send(b"\0" * 100)
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    await socket.recv()
            return closed.value.rcvd.code

    assert asyncio.run(watched()) == 1003


def test_a_reader_that_has_left_costs_nothing(source):
    with running(source, Limits(max_sessions=1, connections=2)) as live, live.client() as client:
        session = live.session()

        async def watched():
            for _ in range(4):
                async with reading(live, session) as socket:
                    await socket.recv()

        asyncio.run(watched())
        at = f"/v1/sessions/{session['id']}"
        wait_until(lambda: client.get(at).json()["figures"]["connections"] == 0)


def picture(index, key=False, profile=b"\x42"):
    """As an encoder gives it: parameter sets before a key frame alone."""
    sets = b"\0\0\0\1\x67" + profile + b"\xc0\x1f\x01\0\0\0\1\x68\x02" if key else b""
    return Coded(sets + b"\0\0\1\x41" + bytes([index]) * 3, index * FRAME, key)


def sound(index):
    return [Coded(b"opus", index * 2 * SOUND + place * SOUND, True) for place in range(2)]


async def fed(take):
    """An outlet that is not read yet, and what it asked for."""
    outlet = MovieOutlet(Feed(None, asyncio.get_running_loop(), print))
    return await take(outlet, outlet._feed._keys)


def test_a_stalled_reader_asks_for_a_key_frame_when_it_comes_back_and_goes_on_with_it():
    async def take(outlet, asked):
        for index in range(3 * MAX_FRAMES):
            outlet.put([picture(index, index % MAX_FRAMES == 0)], sound(index), 0)
        outlet.put([picture(3 * MAX_FRAMES)], sound(3 * MAX_FRAMES), 0)
        assert asked == set()
        reading = asyncio.ensure_future(outlet.frames())
        await asyncio.sleep(0)
        assert asked == {"H264"}
        for index in range(50, 52):
            outlet.put([picture(index, index == 50)], sound(index), 0)
        pictures, sounds = await reading
        return [one.ticks // FRAME for one in pictures], [one.ticks // SOUND for one in sounds]

    assert asyncio.run(fed(take)) == ([50, 51], [100, 101, 102, 103])


def samples(message):
    """Number of the track, time and lengths of what is in a fragment."""
    found, at = [], 0
    while (at := message.find(b"traf", at) + 4) > 3:
        track = struct.unpack(">I", message[at + 12 : at + 16])[0]
        time = struct.unpack(">Q", message[at + 28 : at + 36])[0]
        count = struct.unpack(">I", message[at + 48 : at + 52])[0]
        lengths = [struct.unpack(">I", message[at + 56 + 12 * n :][:4])[0] for n in range(count)]
        found.append((track, time, lengths))
    return found


def test_a_picture_lasts_until_the_next_one_and_sound_does_not_wait_for_it():
    fragments = Fragments(64, 64)
    made = [list(fragments.put([picture(5, key=True)], sound(5))), list(fragments.put([], sound(6)))]
    made += [list(fragments.put([], sound(7))), list(fragments.put([picture(8)], sound(8)))]
    assert [kinds(message) for message in made[0]] == [["ftyp", "moov"], ["moof", "mdat"]]
    assert samples(made[0][1]) == [(2, 0, [SOUND, SOUND])]
    assert samples(made[1][0]) == [(2, 2 * SOUND, [SOUND, SOUND])]
    assert samples(made[3][0]) == [(1, 0, [3 * FRAME]), (2, 6 * SOUND, [SOUND, SOUND])]
    assert [samples(message) for message in fragments.flush()] == [[(1, 3 * FRAME, [FRAME])]]


def test_pictures_keep_their_order_where_other_parameters_come_in_the_middle_of_a_batch():
    fragments = Fragments(64, 64)
    batch = [picture(0, key=True), picture(1), picture(2, key=True, profile=b"\x4d"), picture(3)]
    made = list(fragments.put(batch, sound(0)))
    assert [kinds(message)[0] for message in made] == ["ftyp", "moof", "ftyp", "moof"]
    assert samples(made[1]) == [(1, 0, [FRAME, FRAME])]
    assert samples(made[3]) == [(1, 2 * FRAME, [FRAME]), (2, 0, [SOUND, SOUND])]


def test_other_parameters_of_the_pictures_begin_the_video_again():
    encoders = [PictureEncoder("H264"), PictureEncoder("H264", 300_000)]
    fragments, sounds, made = Fragments(96, 128), SoundEncoder(24_000), []
    for index in range(8):
        image = np.full((96, 128, 3), 30 * index, np.uint8)
        coded = encoders[index // 4].encode(image, index)
        if index == 4:  # as an encoder of other pictures would say
            coded = [Coded(coded[0].data.replace(b"\x67\x42", b"\x67\x4d"), coded[0].ticks, True)]
        made += fragments.put(coded, sounds.encode(np.zeros(960, np.float32), index))
    made += fragments.flush()
    assert [at for at, message in enumerate(made) if kinds(message)[0] == "ftyp"] == [0, 6]
    pictures, _ = decoded(made[:6])
    assert [round(image.mean() / 30) for _, image in pictures] == [0, 1, 2, 3]
