"""Voices from files: any common format in, mono 16 kHz out."""

import math
import os
from fractions import Fraction

import av
import numpy as np
import pytest
import soundfile

from cfg.errors import MediaError
from ditto.media.loudness import SPEECH_LUFS, loudness
from ditto.media.sound import Resampler, Track, open_sound, read_sound, resampled, sound_of, stream_sound

RATES = [8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 96000, 192000]


def by_ffmpeg(path, samples, rate, codec, pictures=False):
    """A file as FFmpeg writes it, mono, with or without pictures."""
    with av.open(str(path), "w") as container:
        video = None
        if pictures:
            video = container.add_stream("libvpx-vp9" if path.suffix == ".webm" else "libx264", rate=25)
            video.width = video.height = 64
            video.pix_fmt = "yuv420p"
        audio = container.add_stream(codec, rate=rate, layout="mono")
        if video is not None:
            for index in range(round(len(samples) / rate * 25)):
                frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")
                frame.pts, frame.time_base = index, Fraction(1, 25)
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
        form = audio.codec_context.codec.audio_formats[0].name
        converter = av.AudioResampler(
            format=form, layout="mono", rate=rate, frame_size=audio.codec_context.frame_size or 1024
        )
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        for part in (*converter.resample(frame), *converter.resample(None)):
            container.mux(audio.encode(part))
        container.mux(audio.encode(None))
    return path


def pieces(samples, rng, most):
    """The same samples in chunks of random lengths, some of them empty."""
    at = 0
    while at < len(samples):
        length = int(rng.integers(0, most + 1))
        yield samples[at : at + length]
        at += length


def streamed(resampler, chunks):
    return np.concatenate([*(resampler.push(c) for c in chunks), resampler.flush()])


def shift(heard, original):
    """Samples by which `heard` is late."""
    length = min(len(heard), len(original))
    a, b = np.fft.rfft(heard[:length], 2 * length), np.fft.rfft(original[:length], 2 * length)
    match = np.fft.irfft(a * b.conj())
    late = int(np.argmax(match))
    return late if late < length else late - 2 * length


@pytest.mark.parametrize("length", [1, 7, 4801])
@pytest.mark.parametrize("rate", RATES)
def test_n_samples_become_their_share_rounded_up(wav, murmur, rate, length):
    samples = np.resize(murmur(0.2, rate), length)
    sound = read_sound(wav(samples, rate))
    assert len(sound.samples) == math.ceil(length * 16000 / rate)
    assert sound.samples.dtype == np.float32


@pytest.mark.parametrize("rate", RATES)
def test_a_tone_keeps_its_pitch_level_and_time_at_every_rate(wav, rate):
    t = np.arange(rate) / rate
    heard = read_sound(wav(0.5 * np.sin(2 * np.pi * 440 * t), rate)).samples
    wanted = 0.5 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    assert np.abs(heard - wanted)[200:-200].max() < 2e-3


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("most", [1, 160, 5000])
def test_chunks_of_any_length_give_what_the_whole_gives(murmur, rate, most):
    samples = murmur(0.05 if most == 1 else 0.3, rate)
    rng = np.random.default_rng(rate + most)
    whole = streamed(Resampler(rate), [samples])
    chunked = streamed(Resampler(rate), pieces(samples, rng, most))
    assert len(whole) == len(chunked) == math.ceil(len(samples) * 16000 / rate)
    assert np.abs(whole - chunked).max() < 1e-6


def test_a_resampler_begins_afresh_after_each_utterance(murmur):
    resampler = Resampler(44100)
    first, second = (streamed(resampler, [murmur(0.1, 44100)]) for _ in range(2))
    assert (first == second).all()


def test_an_utterance_without_samples_gives_none():
    assert len(Resampler(44100).flush()) == len(Resampler(16000).flush()) == 0


def test_a_rate_below_one_is_refused():
    with pytest.raises(MediaError, match="the sound's rate is 0"):
        Resampler(0)


def test_several_channels_are_resampled_side_by_side(murmur):
    both = np.stack([murmur(0.2), -murmur(0.2)], axis=1)
    out = np.concatenate(list(resampled([both[:1000], both[1000:]], 16000, 2, 48000)))
    assert out.shape == (9600, 2)
    assert np.abs(out.sum(axis=1)).max() < 1e-6


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8])
def test_channels_are_heard_as_their_mean(wav, murmur, channels):
    voice = murmur(0.1)
    weights = np.arange(1, channels + 1) / channels
    sound = read_sound(wav(voice[:, None] * weights, 16000))
    assert np.abs(sound.samples - voice * weights.mean()).max() < 1e-6


@pytest.mark.parametrize(("channels", "kept"), [(1, 1), (2, 2), (3, 2), (6, 2)])
def test_the_video_gets_up_to_two_channels_at_the_rate_of_the_file(wav, murmur, channels, kept):
    voice = murmur(0.1, 44100)
    block = voice[:, None] * np.arange(1, channels + 1) / channels
    rate, count, blocks = read_sound(wav(block, 44100)).track.open()
    heard = np.concatenate(list(blocks))
    assert (rate, count, heard.shape) == (44100, kept, (4410, kept))
    wanted = block if channels <= 2 else np.repeat(block.mean(axis=1, keepdims=True), 2, axis=1)
    assert np.abs(heard - wanted).max() < 1e-6


@pytest.mark.parametrize(
    ("name", "subtype", "tolerance"),
    [
        ("a.wav", "PCM_U8", 1e-2),
        ("a.wav", "PCM_16", 1e-4),
        ("a.wav", "PCM_24", 1e-6),
        ("a.wav", "PCM_32", 1e-6),
        ("a.wav", "FLOAT", 1e-7),
        ("a.wav", "DOUBLE", 1e-7),
        ("a.flac", "PCM_16", 1e-4),
        ("a.flac", "PCM_24", 1e-6),
        ("a.aiff", "PCM_16", 1e-4),
        ("a.ogg", "VORBIS", 5e-2),
        ("a.ogg", "OPUS", 1e-1),
        ("a.mp3", "MPEG_LAYER_III", 5e-2),
    ],
)
def test_common_formats_are_heard_alike(wav, murmur, name, subtype, tolerance):
    voice = murmur(0.5)
    heard = read_sound(wav(voice, 16000, name, subtype)).samples
    assert len(heard) == pytest.approx(len(voice), abs=1200 if name == "a.mp3" else 0)
    assert shift(heard, voice) == 0
    length = min(len(heard), len(voice))
    assert np.abs(heard[:length] - voice[:length]).max() < tolerance


@pytest.mark.parametrize(
    ("name", "codec", "rate", "pictures"),
    [
        ("a.m4a", "aac", 44100, False),
        ("a.mp3", "libmp3lame", 44100, False),
        ("a.opus", "libopus", 48000, False),
        ("a.mka", "flac", 16000, False),
        ("a.mp4", "aac", 48000, True),
        ("a.mkv", "aac", 48000, True),
        ("a.webm", "libopus", 48000, True),
    ],
)
def test_compressed_voices_and_the_sound_of_videos_are_heard_in_time(
    tmp_path, murmur, name, codec, rate, pictures
):
    path = by_ffmpeg(tmp_path / name, murmur(1.0, rate), rate, codec, pictures)
    heard, voice = read_sound(path).samples, murmur(1.0)
    assert 16000 <= len(heard) <= 16000 + 2000  # codecs fill their last block
    assert abs(shift(heard, voice)) <= 16  # 1 ms
    assert np.sqrt(np.mean((heard[:16000] - voice) ** 2)) < 0.02


def test_a_stretch_is_cut_to_the_sample(wav):
    ramp = (np.arange(16000) / 16000).astype(np.float32)
    sound = read_sound(wav(ramp, 16000), start=0.25, end=0.75)
    assert (sound.samples == ramp[4000:12000]).all()
    assert sound.seconds == 0.5
    _, _, blocks = sound.track.open()
    assert (np.concatenate(list(blocks))[:, 0] == ramp[4000:12000]).all()


@pytest.mark.parametrize(("start", "end", "length"), [(0.5, None, 22050), (None, 0.1, 4410), (0.9, 5, 4410)])
def test_a_stretch_may_be_open_or_reach_past_the_end(wav, murmur, start, end, length):
    sound = read_sound(wav(murmur(1, 44100), 44100), start, end)
    _, _, blocks = sound.track.open()
    assert sum(map(len, blocks)) == length
    assert len(sound.samples) == math.ceil(length * 16000 / 44100)


def test_a_stretch_across_decoded_blocks_has_no_seam(wav):
    ramp = (np.arange(200_000) / 200_000).astype(np.float32)
    sound = read_sound(wav(ramp, 16000), start=4, end=12)
    assert (sound.samples == ramp[64_000:192_000]).all()


def test_nothing_left_after_cutting_is_refused(wav, murmur):
    with pytest.raises(MediaError, match=r"nothing is left between audio\.start and audio\.end"):
        read_sound(wav(murmur(0.1), 16000), start=5)


def test_streaming_gives_what_reading_gives(wav, murmur):
    path = wav(murmur(10, 44100), 44100)
    parts = list(stream_sound(path))
    assert len(parts) > 3
    assert (np.concatenate(parts) == read_sound(path).samples).all()


def test_a_voice_longer_than_allowed_is_refused(wav, murmur):
    with pytest.raises(MediaError, match=r"longer than .* hours; cut it"):
        read_sound(wav(murmur(2), 16000), longest=1)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_numbers_are_refused(wav, murmur, value):
    voice = murmur(0.1)
    voice[700] = value
    with pytest.raises(MediaError, match="not numbers"):
        read_sound(wav(voice, 16000))
    with pytest.raises(MediaError, match="not numbers"):
        sound_of(voice)


def test_what_is_not_a_sound_is_refused_in_one_line(tmp_path, wav, murmur):
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("Dear reader,\n" * 50)
    (tmp_path / "text.mp3").write_text("Dear reader,\n" * 50)
    (tmp_path / "noise.bin").write_bytes(np.random.default_rng(1).bytes(5000))
    (tmp_path / "head.wav").write_bytes(wav(murmur(0.1), 16000).read_bytes()[:20])
    (tmp_path / "head.flac").write_bytes(b"fLaC" + bytes(60))
    (tmp_path / "folder.wav").mkdir()
    names = [
        "empty.wav",
        "text.wav",
        "text.mp3",
        "noise.bin",
        "head.wav",
        "head.flac",
        "folder.wav",
        "missing.wav",
    ]
    for name in names:
        with pytest.raises(MediaError) as caught:
            read_sound(tmp_path / name)
        assert str(caught.value).startswith(f"{tmp_path / name}: ")
        assert "\n" not in str(caught.value)


def test_a_wav_without_samples_is_refused(wav):
    with pytest.raises(MediaError, match="holds no sound"):
        read_sound(wav(np.zeros(0), 16000))


def test_a_wav_that_was_cut_off_is_heard_as_far_as_it_goes(wav, murmur):
    path = wav(murmur(1), 16000, subtype="PCM_16")
    path.write_bytes(path.read_bytes()[:16044])
    assert len(read_sound(path).samples) == pytest.approx(8000, abs=50)


def test_a_video_without_sound_is_refused(tmp_path):
    path = tmp_path / "silent.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = 64
        container.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        container.mux(stream.encode(None))
    with pytest.raises(MediaError, match="has no sound track"):
        read_sound(path)


@pytest.mark.parametrize("rate", [1, 900_000])
def test_an_unbelievable_rate_is_refused(wav, rate):
    with pytest.raises(MediaError, match=f"says {rate} samples a second"):
        read_sound(wav(np.zeros(100), rate))


@pytest.mark.parametrize(
    ("samples", "heard"),
    [
        (np.array([0.5, -0.5]), [0.5, -0.5]),
        (np.array([16384, -32768], np.int16), [0.5, -1.0]),
        (np.array([2**30, -(2**31)], np.int32), [0.5, -1.0]),
        (np.array([192, 0], np.uint8), [0.5, -1.0]),
        (np.array([[0.5, 0.1], [0.2, 0.0]]), [0.3, 0.1]),
    ],
)
def test_an_array_is_a_voice(samples, heard):
    sound = sound_of(samples)
    assert sound.samples == pytest.approx(heard)
    assert sound.samples.dtype == np.float32


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros((2, 2, 2)), np.array(["a"]), np.array(0.5)])
def test_an_array_that_is_no_voice_is_refused(samples):
    with pytest.raises(MediaError, match="the voice"):
        sound_of(samples)


def test_a_voice_changed_while_reading_goes_into_the_video_changed(wav, murmur):
    sound = read_sound(wav(murmur(1, 48000), 48000), normalise=True)
    assert isinstance(sound.track, Track) and sound.track.source is sound.samples
    assert sound.track.open()[0] == 16000


@pytest.mark.parametrize("gain", [0.01, 0.2, 0.8])
def test_a_normalised_voice_is_as_loud_as_asked(wav, murmur, gain):
    voice = read_sound(wav(gain * murmur(3), 16000), normalise=True).samples
    assert loudness(voice, 16000) == pytest.approx(SPEECH_LUFS, abs=0.5)
    assert np.abs(voice).max() <= 0.97


def test_wav_files_survive_a_round_trip_through_another_writer(tmp_path, murmur):
    voice = murmur(0.2)
    path = by_ffmpeg(tmp_path / "a.wav", voice, 16000, "pcm_s16le")
    assert soundfile.info(path).frames == len(voice)
    assert np.abs(read_sound(path).samples - voice).max() < 1e-4


def test_a_name_that_is_no_text_is_read_all_the_same(tmp_path, murmur, wav):
    strange = wav(murmur(0.5), 16000).rename(tmp_path / "a\udcff\n.wav")
    assert open_sound(strange).length == 8000


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path):
    os.mkfifo(tmp_path / "voice.wav")
    with pytest.raises(MediaError, match="is a pipe or a device"):
        open_sound(tmp_path / "voice.wav")


LOUD = {32768.0: "90 dB over", 1e10: "200 dB over", 20.0: "26 dB over"}


@pytest.mark.parametrize("peak", LOUD)
@pytest.mark.parametrize("suffix", [".wav", ".mkv"])  # read by libsndfile, and by FFmpeg
def test_a_sound_far_beyond_full_scale_is_refused_with_its_level(tmp_path, peak, suffix):
    loud = (np.sin(np.arange(4000) / 5) * peak).astype(np.float32)
    path = tmp_path / f"voice{suffix}"
    if suffix == ".wav":
        soundfile.write(path, loud, 16000, subtype="FLOAT")
    else:
        by_ffmpeg(path, loud, 16000, "pcm_f32le")
    for read in (open_sound, read_sound):
        with pytest.raises(MediaError, match=f"voice.*{LOUD[peak]}"):
            read(path)


@pytest.mark.parametrize("peak", [32768.0, 1e10, 1e300])
def test_an_array_far_beyond_full_scale_is_refused(peak):
    with pytest.raises(MediaError, match="divide by 32768"):
        sound_of(np.full(100, peak))


def test_a_sound_some_decibels_over_full_scale_is_taken(tmp_path):
    soundfile.write(tmp_path / "voice.wav", np.full(4000, 4.0, np.float32), 16000, subtype="FLOAT")
    assert open_sound(tmp_path / "voice.wav").length == 4000


def test_a_sound_of_an_unknown_codec_is_refused(tmp_path):
    path = tmp_path / "voice.mka"
    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream("aac", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    path.write_bytes(path.read_bytes().replace(b"A_AAC", b"A_XXX"))
    with pytest.raises(MediaError, match=r"voice\.mka: its sound has an unknown codec"):
        open_sound(path)
