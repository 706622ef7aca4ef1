# SPDX-License-Identifier: GPL-3.0-or-later
"""Tones to play into a call, and the proof of what was heard.

The oracle: cut a recording into 100 ms windows and ask of each whether a frequency holds most of its energy.
"""
import wave

import numpy

RATE = 8000
WINDOW_S = 0.1
LEVEL = 8000  # peak, about -12 dBFS


def write_tone(path, hz, seconds):
    t = numpy.arange(int(RATE * seconds)) / RATE
    samples = (LEVEL * numpy.sin(2 * numpy.pi * hz * t)).astype("<i2")
    with wave.open(str(path), "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(RATE)
        w.writeframes(samples.tobytes())


def read_wav(path):
    """Samples and rate.  A recording whose header was not finished (the recorder was stopped) is read by its size."""
    raw = open(path, "rb").read()
    rate = int.from_bytes(raw[24:28], "little")
    channels = int.from_bytes(raw[22:24], "little")
    at = raw.index(b"data") + 8
    body = raw[at:at + (len(raw) - at) // 2 * 2]
    samples = numpy.frombuffer(body, dtype="<i2").astype(float)
    return samples[::channels], rate


def holds(window, rate, hz):
    """Is `hz` there: at least a fifth of full tone level, and half of the window's energy within 25 Hz of it."""
    n = len(window)
    spectrum = numpy.abs(numpy.fft.rfft(window * numpy.hanning(n))) ** 2
    freqs = numpy.fft.rfftfreq(n, 1 / rate)
    total = spectrum.sum()
    if total <= 0 or numpy.sqrt(numpy.mean(window ** 2)) < LEVEL / 5 / numpy.sqrt(2):
        return False
    near = spectrum[numpy.abs(freqs - hz) <= 25].sum()
    return near > total / 2


def share(path, hz, skip_s=0.0, cut_s=0.0):
    """The share of 100 ms windows of a recording in which `hz` is heard, without its first and last seconds."""
    samples, rate = read_wav(path)
    samples = samples[int(skip_s * rate):len(samples) - int(cut_s * rate)]
    n = int(rate * WINDOW_S)
    windows = [samples[i:i + n] for i in range(0, len(samples) - n + 1, n)]
    if not windows:
        return 0.0
    return sum(holds(w, rate, hz) for w in windows) / len(windows)


def pattern(path, hz):
    """One character for each window of a recording: 1 where `hz` is heard, 0 where not."""
    samples, rate = read_wav(path)
    n = int(rate * WINDOW_S)
    return "".join("01"[int(holds(samples[i:i + n], rate, hz))] for i in range(0, len(samples) - n + 1, n))
