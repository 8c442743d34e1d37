"""Drift of a live face's pictures against its sound over a long time, by RTP clocks and sender reports.

    python -m benchmarks.live_drift --minutes 60 [--portrait FILE]

Each sender report says which tick of a track's clock left at which moment of the server's. Clocks of
tracks begin anywhere: `offsets` are how much later pictures leave after the sound of their tick than in the
first tenth of the time, medians of each tenth; `drift` is the last of them. Without a portrait the face is
the mock, which needs no networks: both tracks are fed alike.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import defaultdict

import httpx
import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription
from aiortc.contrib.media import MediaBlackhole
from aiortc.rtp import AnyRtcpPacket, RtcpSrPacket

from benchmarks.live_check.server import serving
from ditto.arrays import Numbers
from ditto_server.live.encoding import PICTURE_CLOCK, SOUND_CLOCK

TICKS = {"video": PICTURE_CLOCK, "audio": SOUND_CLOCK}
WRAP = 1 << 32
PARTS = 10
SPOKEN_SECONDS = 120  # between commands: a session that nobody uses is ended

Reports = dict[str, list[tuple[float, int]]]  # by kind: seconds of the server's clock, RTP ticks


def note_reports(receiver: RTCRtpReceiver, reports: list[tuple[float, int]]) -> None:
    usual = receiver._handle_rtcp_packet

    async def heard(packet: AnyRtcpPacket) -> None:
        if isinstance(packet, RtcpSrPacket) and packet.sender_info.packet_count:
            reports.append((packet.sender_info.ntp_timestamp / 2**32, packet.sender_info.rtp_timestamp))
        await usual(packet)

    receiver._handle_rtcp_packet = heard  # type: ignore[method-assign]


async def watched(url: str, seconds: float) -> Reports:
    """Reports of both tracks of a new session, as a viewer gets them."""
    reports: Reports = defaultdict(list)
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    sink = MediaBlackhole()
    connection.on("track", sink.addTrack)
    try:
        for kind in TICKS:
            note_reports(connection.addTransceiver(kind, direction="recvonly").receiver, reports[kind])
        await connection.setLocalDescription(await connection.createOffer())
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            session = (await client.post("/v1/sessions", json={})).raise_for_status().json()
            offer = {"type": "offer", "sdp": connection.localDescription.sdp}
            answer = (await client.post(session["links"]["offer"], json=offer)).raise_for_status().json()
            await connection.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
            await sink.start()
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                await asyncio.sleep(min(SPOKEN_SECONDS, until - time.monotonic()))
                done = await client.post(
                    f"/v1/sessions/{session['id']}/commands", json={"type": "gesture", "name": "nod"}
                )
                done.raise_for_status()
    finally:
        await sink.stop()
        await connection.close()
    return reports


def lateness(reports: list[tuple[float, int]], clock: int) -> tuple[Numbers, Numbers]:
    """(n,) moments, and (n,) seconds by which the ticks of the track are behind them."""
    at, ticks = np.array(reports, np.float64).T
    steps = np.diff(ticks, prepend=ticks[:1])
    steps = (steps + WRAP / 2) % WRAP - WRAP / 2
    return at, at - (ticks[0] + np.cumsum(steps)) / clock


def offsets(reports: Reports, seconds: float) -> Numbers:
    """(PARTS,) milliseconds by which pictures leave after the sound of their tick, less the first part's."""
    late = {kind: lateness(reports[kind], clock) for kind, clock in TICKS.items()}
    begin = min(float(at[0]) for at, _ in late.values())
    found = []
    for part in range(PARTS):
        start, end = begin + part * seconds / PARTS, begin + (part + 1) * seconds / PARTS
        medians = {
            kind: float(np.median(behind[(at >= start) & (at < end)])) for kind, (at, behind) in late.items()
        }
        found.append(1000 * (medians["video"] - medians["audio"]))
    return np.array(found) - found[0]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.live_drift",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--portrait")
    parsed = parser.parse_args()
    seconds = 60 * parsed.minutes
    with serving(parsed.portrait or "--mock") as url:
        found = offsets(asyncio.run(watched(url, seconds)), seconds)
    print("offsets, ms:", " ".join(f"{value:+.2f}" for value in found))
    print(f"drift in {parsed.minutes:g} minutes: {found[-1]:+.2f} ms")


if __name__ == "__main__":
    main()
