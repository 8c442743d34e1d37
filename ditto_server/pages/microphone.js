// The microphone, file sounds, and which devices there are.

const AHEAD = 60; // seconds of a file that are sent before they are spoken
const PIECE = 1; // seconds in a message

export async function microphone(device) {
  if (!navigator.mediaDevices) {
    throw new Error("Browsers give a microphone to pages that came over HTTPS alone: start the server with --certfile and --keyfile.");
  }
  const wanted = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  if (device) wanted.deviceId = { exact: device };
  try {
    return (await navigator.mediaDevices.getUserMedia({ audio: wanted })).getAudioTracks()[0];
  } catch (error) {
    throw new Error(
      {
        NotAllowedError: "The microphone was refused: allow it for this page in the address bar.",
        NotFoundError: "No microphone was found; plug one in.",
        NotReadableError: "The microphone is in use by another program.",
        OverconstrainedError: "That microphone is gone; choose another.",
      }[error.name] ?? `The microphone cannot be used: ${error.message}`,
    );
  }
}

// Decoded here, so that the server never opens a stranger's file.
export async function decoded(file, rate) {
  try {
    const context = new OfflineAudioContext(1, 1, rate);
    const sound = await context.decodeAudioData(await file.arrayBuffer());
    const channels = Array.from({ length: sound.numberOfChannels }, (_, channel) => sound.getChannelData(channel));
    return Int16Array.from(channels[0], (_, n) => {
      const sample = channels.reduce((sum, channel) => sum + channel[n], 0) / channels.length;
      return Math.round(Math.max(-1, Math.min(1, sample)) * 32767);
    });
  } catch {
    throw new Error(`${file.name}: this browser cannot read a sound in it.`);
  }
}

// Sends a sound piece by piece, never much further than it is spoken; `going()` says whether to go on.
export async function played(wire, samples, rate, going) {
  await wire.ask("sound", { rate, to: "speech" });
  const began = performance.now();
  for (let at = 0; at < samples.length; at += PIECE * rate) {
    while (at / rate - (performance.now() - began) / 1000 > AHEAD) await new Promise((done) => setTimeout(done, 500));
    if (!going()) return;
    wire.sound(samples.slice(at, at + PIECE * rate));
  }
  await wire.ask("flush");
}

export async function devices(kind) {
  const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return all.filter((device) => device.kind === kind);
}
