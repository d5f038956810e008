"""Make the further solos that the default model learnt from: composed, then played by samples.

    python benchmarks/solos.py KIT -o FOLDER --samples DIR --soundfonts DIR [--tracks 12]

``FOLDER`` becomes a kit (docs/training.md): links to what ``KIT`` has, and ``--tracks`` new solos
of about a minute for each of 18 instruments. ``pixelmix prepare FOLDER -o data`` takes all of it.

A track strings together passages of scores of the music21 corpus, moved into the instrument's
range and played in one of its styles: a part alone (over a drone, or as a tremolo), two to four
parts, or the piece's harmonies picked, strummed or as a vamp. Drums get grooves. Timing, loudness
and articulation vary as players' do. Where there are single notes of an instrument, every second
track is made of them; the others are rendered with a soundfont. All draws are seeded by the
track's name: the same scores and samples give the same tracks.

Needs, beside NumPy, what pixelmix does not depend on:

- ``pip install music21 mido soundfile soxr`` and the program ``fluidsynth``;
- in ``--soundfonts``, ``FluidR3_GM.sf2`` (MIT), ``MuseScore_General_Full.sf2`` (MIT, parts public
  domain) and ``sf_GMbank.sf2`` (public domain): Debian's fluid-soundfont-gm,
  musescore-general-soundfont-lossless and csound-soundfont; and ``sonivox.sf2`` (Apache-2.0) of
  the npm package ``@coderline/alphatab``;
- in ``--samples``, of every instrument named below, the npm package
  ``tonejs-instrument-<instrument>-mp3`` unpacked as ``<instrument>/package/`` (tonejs-instruments,
  samples CC BY 3.0, edited by N. P. Brosowsky).

Reading the scores takes minutes; ``--scores FILE`` (``FOLDER/scores.json``) keeps their notes.
"""

import argparse
import csv
import json
import random
import subprocess
import tempfile
import zlib
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import mido
import numpy as np
import numpy.typing as npt
import soundfile
import soxr

Array = npt.NDArray[np.float32]
RATE = 22_050
TICKS = 960  # a second, at MIDI's 120 beats a minute and 480 ticks a beat
LONGEST = 8  # seconds of a sampled note
COLUMNS = ("path", "class", "split", "kind", "sources", "licence", "seconds")
PITCHES = ("C", "Cs", "D", "Ds", "E", "F", "Fs", "G", "Gs", "A", "As", "B")


class Note(NamedTuple):
    """A note: in beats as it is written, in seconds as it is played."""

    start: float
    length: float
    pitch: int
    velocity: int = 0


Score = list[list[Note]]  # of its parts


class Instrument(NamedTuple):
    """Range, (bank, preset) of soundfonts, packages of single notes, styles and their weights."""

    low: int
    high: int
    presets: list[tuple[int, int]]
    samples: list[str]
    styles: dict[str, int]


# fmt: off
INSTRUMENTS = {
    "accordion": Instrument(48, 86, [(0, 21), (8, 21), (0, 23), (0, 20)], ["harmonium"],
                            {"mono": 2, "duo": 2, "poly": 4, "vamp": 3}),
    "acoustic_guitar": Instrument(40, 79, [(0, 24), (0, 25), (8, 25)],
                                  ["guitar-acoustic", "guitar-nylon"],
                                  {"mono": 2, "duo": 2, "poly": 2, "arp": 4, "strum": 4}),
    "bagpipe": Instrument(60, 84, [(0, 109)], [], {"drone": 1}),
    "banjo": Instrument(48, 79, [(0, 105)], [], {"mono": 2, "arp": 5, "duo": 1}),
    "cello": Instrument(36, 72, [(0, 42)], ["cello"], {"mono": 5, "duo": 1}),
    "clarinet": Instrument(50, 89, [(0, 71)], ["clarinet"], {"mono": 1}),
    "drum": Instrument(0, 0, [(128, kit) for kit in (0, 8, 16, 24, 25, 32, 40, 48)], [],
                       {"drum": 1}),
    "flute": Instrument(60, 93, [(0, 73)], ["flute"], {"mono": 1}),
    "harmonica": Instrument(60, 91, [(0, 22)], [], {"mono": 2, "duo": 2, "poly": 1}),
    "harp": Instrument(36, 96, [(0, 46)], ["harp"], {"arp": 4, "poly": 3, "duo": 2}),
    "piano": Instrument(30, 96, [(0, 0), (0, 1), (0, 2), (0, 3)], ["piano"],
                        {"poly": 5, "arp": 2, "duo": 2, "vamp": 2}),
    "saxophone": Instrument(49, 82, [(0, 64), (0, 65), (0, 66), (0, 67)], ["saxophone"],
                            {"mono": 1}),
    "sitar": Instrument(48, 79, [(0, 104)], [], {"mono": 3, "drone": 2}),
    "trombone": Instrument(40, 70, [(0, 57)], ["trombone"], {"mono": 1}),
    "trumpet": Instrument(54, 84, [(0, 56)], ["trumpet"], {"mono": 1}),
    "tuba": Instrument(28, 58, [(0, 58)], ["tuba"], {"mono": 1}),
    "violin": Instrument(55, 93, [(0, 40), (0, 110)], ["violin"], {"mono": 5, "duo": 2}),
    "xylophone": Instrument(53, 93, [(0, 12), (0, 12), (0, 13), (0, 11)], ["xylophone"],
                            {"mono": 2, "duo": 3, "poly": 3, "roll": 2}),
}
# The two small soundfonts have few and short samples, but other ones.
SOUNDFONTS = {
    "FluidR3_GM": ("MIT", 3),
    "MuseScore_General_Full": ("MIT", 3),
    "sf_GMbank": ("Public Domain", 2),
    "sonivox": ("Apache-2.0", 2),
}
DRAWN_OUT = {"accordion", "bagpipe", "cello", "clarinet", "flute", "harmonica", "saxophone",
             "trombone", "trumpet", "tuba", "violin"}
# Pieces of each composer or collection. Josquin's, O'Neill's, Aird's and Nottingham's lie many to
# a file and are passed over; they are named because the draw of those after them depends on it.
PIECES = {
    "bach": 60, "palestrina": 12, "monteverdi": 10, "corelli": 6, "haydn": 8, "mozart": 8,
    "beethoven": 8, "joplin": 8, "schumann_robert": 6, "schumann_clara": 4, "chopin": 4,
    "weber": 3, "trecento": 12, "josquin": 6, "handel": 4, "ryansMammoth": 60, "oneills1850": 8,
    "airdsAirs": 8, "nottingham-dataset": 8, "schubert": 3, "johnson_j_r": 2, "lusitano": 4,
}
# fmt: on


def parse_piece(file: Path) -> list[list[list[tuple[float, float, int]]]]:
    """Return the score in a file: up to 900 notes of each of up to four parts that have many."""
    from music21 import converter, stream

    piece = converter.parse(file)
    if not isinstance(piece, stream.Score):
        return []
    parts = [
        [
            (float(chord.offset), float(chord.duration.quarterLength), int(pitch.midi))
            for chord in part.flatten().notes
            if chord.duration.quarterLength > 0
            for pitch in getattr(chord, "pitches", ())  # unpitched percussion has none
        ]
        for part in piece.parts[:4]
    ]
    parts = [part[:900] for part in parts if len(part) > 16]
    return [parts] if parts else []


def write_scores(output: Path) -> None:
    """Choose pieces of the corpus and write their notes: the scores of every file, by its name."""
    from music21 import corpus

    rng, files = random.Random(1), []  # noqa: S311 - repeatable, not secret
    for composer, count in PIECES.items():
        found = sorted(corpus.getComposer(composer))
        rng.shuffle(found)
        files += found[:count]
    with ProcessPoolExecutor() as pool:
        scores = zip(map(str, files), pool.map(parse_piece, files, chunksize=2), strict=True)
        output.write_text(json.dumps({name: found for name, found in scores if found}))


@cache
def read_scores(file: Path) -> list[Score]:
    """Read what `write_scores` wrote: notes of parts of scores."""
    scores = [score for found in json.loads(file.read_text()).values() for score in found]
    return [[[Note(*note) for note in part] for part in score] for score in scores]


def harmonies(score: Score, step: float) -> list[tuple[float, list[int]]]:
    """Return what sounds together, where at least two pitches do, on a grid of beats."""
    notes, time, found = [*chain(*score)], 0.0, []
    end = max(note.start + note.length for note in notes)
    while time < end:
        pitches = {n.pitch for n in notes if n.start <= time + 1e-6 < n.start + n.length}
        if len(pitches) >= 2:
            found.append((time, sorted(pitches)))
        time += step
    return found


def close_gaps(notes: list[Note], rng: random.Random) -> list[Note]:
    """Shorten long rests, so that there is hardly a window without sound."""
    shift, reach, closed = 0.0, 0.0, []
    for note in notes:
        if note.start - shift - reach > 0.7:
            shift += note.start - shift - reach - rng.uniform(0.15, 0.6)
        reach = max(reach, note.start - shift + note.length)
        closed.append(note._replace(start=note.start - shift))
    return closed


@dataclass(frozen=True)
class Composer:
    """Composes for a range of pitches, in one style."""

    low: int
    high: int
    style: str
    rng: random.Random

    def compose(self, scores: list[Score], seconds: float) -> list[Note]:
        """Join passages until they are long enough."""
        if self.style in ("duo", "poly", "arp", "strum", "vamp"):
            scores = [score for score in scores if len(score) >= 2]
        slowest, fastest = (80, 130) if self.style in ("strum", "vamp") else (66, 150)
        track: list[Note] = []
        time = self.rng.uniform(0, 0.4)
        while time < 2 * seconds:  # closing the gaps shortens it
            beat = 60 / self.rng.uniform(slowest, fastest)
            score, loudness = self.rng.choice(scores), self.rng.uniform(55, 95)
            if notes := self.arrange(score, beat):
                played, end = self.perform(notes, time, beat, loudness)
                time = end + self.rng.choice([0.1, 0.3, 0.6, 1.2])
                track += played
        return [n for n in close_gaps(sorted(track), self.rng) if 0 <= n.start < seconds]

    def arrange(self, score: Score, beat: float) -> list[Note]:
        """Return notes of a score for the style, in order."""
        if self.style in ("arp", "strum", "vamp"):
            return sorted(self.accompany(score, beat))
        if self.style in ("duo", "poly"):
            count = 2 if self.style == "duo" else self.rng.randint(3, 4)
            parts = self.rng.sample(score, min(count, len(score)))
            return sorted(self.fit([*chain(*parts)], self.low))
        if self.style == "drone":
            notes = self.fit(self.rng.choice(score), self.low + 5)
            end, drone = max(n.start + n.length for n in notes), self.rng.choice([0, 7, 5])
            times = np.arange(0, end, 4)
            notes += [Note(t, self.rng.choice([2, 4, 8]), self.low + drone) for t in times]
            return sorted(notes)
        return sorted(self.fit(self.rng.choice(score), self.low))

    def fit(self, notes: list[Note], low: int) -> list[Note]:
        """Transpose notes to the middle of the range; those still outside go by octaves."""
        width, middle = self.high - low, np.median([note.pitch for note in notes])
        shift = round(self.rng.uniform(low + 0.3 * width, low + 0.7 * width) - middle)
        moved = []
        for note in notes:
            pitch = note.pitch + shift
            while pitch < low:
                pitch += 12
            while pitch > self.high:
                pitch -= 12
            moved.append(note._replace(pitch=pitch))
        return moved

    def accompany(self, score: Score, beat: float) -> list[Note]:
        """Play a score's harmonies as broken chords, strummed, or as bass and chord in turn."""
        rng, notes = self.rng, []
        chords = harmonies(score, rng.choice([1, 2, 2, 4]))
        if not chords:
            return []
        order = [rng.choice([0, 1, 2, 3, 2, 1, 4]) for _ in range(rng.choice([4, 6, 8]))]
        step = rng.choice([0.25, 0.25, 0.5, 0.333])
        struck = [rng.random() < 0.75 for _ in range(8)]
        struck[0] = True
        beats = chords[1][0] - chords[0][0] if len(chords) > 1 else 2
        beats = max(min(beats, 4), 0.5)
        for start, pitches in chords:
            chord = self.voice(pitches)
            if self.style == "arp":
                for i in range(int(beats / step)):
                    pitch = chord[order[i % len(order)] % len(chord)]
                    notes.append(Note(start + i * step, step * rng.choice([1, 2, 3]), pitch))
            elif self.style == "strum":
                for i in (i for i in range(int(beats / 0.5)) if struck[i % 8]):
                    strings = chord[-4:][::-1] if i % 2 else chord[:6]
                    for j, pitch in enumerate(strings):
                        time = start + i * 0.5 + j * rng.uniform(0.015, 0.035) / beat
                        notes.append(Note(time, rng.uniform(0.5, 1.4), pitch))
            else:
                for i in range(int(beats)):
                    notes.append(Note(start + i, 0.5, chord[0]))
                    notes += [Note(start + i + 0.5, 0.4, pitch) for pitch in chord[1:4]]
        return notes

    def voice(self, pitches: list[int]) -> list[int]:
        """Double a chord an octave higher and move it to the middle of the range."""
        doubled = sorted({pitch + octave for pitch in pitches for octave in (0, 12)})
        width = self.high - self.low
        shift = 12 * round((self.low + 0.45 * width - np.median(doubled)) / 12)
        chord = [pitch + shift for pitch in doubled if self.low <= pitch + shift <= self.high]
        return chord or [round(self.low + 0.4 * width)]

    def perform(
        self, notes: list[Note], start: float, beat: float, loud: float
    ) -> tuple[list[Note], float]:
        """Play a passage of the notes from a time on, as a player would; also return its end."""
        rng, played, end = self.rng, [], start
        first = rng.choice(notes).start if rng.random() < 0.5 else notes[0].start
        passage = [note for note in notes if note.start >= first][: rng.choice([40, 80, 160, 240])]
        articulation, phase = rng.choice([0.6, 0.9, 0.98, 1.05]), rng.uniform(0, 6)
        for onset, written, pitch, _ in passage:
            sway = 1 + 0.015 * np.sin(onset / 3 + phase)
            time = start + (onset - first) * beat * sway + rng.gauss(0, 0.008)
            length = max(0.06, written * beat * articulation)
            end = max(end, time + length)
            swell = loud + 12 * np.sin(onset / 5 + phase) + rng.gauss(0, 8)
            velocity = int(np.clip(swell + (6 if onset % 1 < 0.01 else 0), 20, 127))
            if self.style == "roll" and length > 0.35:
                for i in range(int(np.ceil(length / 0.085))):
                    hit = time + i * rng.uniform(0.08, 0.09)
                    played.append(Note(hit, 0.1, pitch, max(20, velocity - rng.randint(0, 15))))
            else:
                played.append(Note(time, length, pitch, velocity))
        return played, end


def drum_grooves(seconds: float, rng: random.Random) -> list[Note]:
    """Return grooves of a few bars each, with fills and crashes."""
    notes: list[Note] = []
    time = 0.1

    def hit(start: float, pitch: int, softest: int, loudest: int, length: float = 0.2) -> None:
        notes.append(Note(start, length, pitch, rng.randint(softest, loudest)))

    while time < seconds:
        step = 60 / rng.uniform(75, 165) / 4
        cymbal, swing = rng.choice([42, 42, 51, 46, 44]), rng.choice([0, 0, 0.2])
        kick = [rng.random() < (0.18 if i % 8 else 0.6) for i in range(16)]
        snare = [i % 8 == 4 or rng.random() < 0.1 for i in range(16)]
        hats = [rng.random() < (rng.choice([0.1, 0.6]) if i % 2 else 0.95) for i in range(16)]
        for _ in range(rng.randint(2, 6)):
            plain = 8 if rng.random() < 0.25 else 16  # the rest of the bar is a fill
            for i in range(16):
                start = time + i * step + i % 2 * swing * step + rng.gauss(0, 0.004)
                if i >= plain and rng.random() < 0.85:
                    hit(start, rng.choice([38, 45, 47, 48, 50, 41, 43]), 60, 120)
                if i < plain and kick[i]:
                    hit(start, 36, 75, 120)
                if i < plain and snare[i]:
                    hit(start, rng.choice([38, 38, 38, 40, 37]), 60, 120)
                if i < plain and hats[i]:
                    hit(start, cymbal, 40, 100)
            if rng.random() < 0.4:
                hit(time, rng.choice([49, 57]), 70, 115, length=0.5)
            time += 16 * step
    return [note for note in notes if note.start < seconds]


# Seconds, place among the messages of the same time, message.
Event = tuple[float, int, mido.Message]


def control(number: int, value: int) -> mido.Message:
    """Return the change of a MIDI controller."""
    return mido.Message("control_change", control=number, value=value)


def expression(notes: list[Note], end: float, rng: random.Random) -> list[Event]:
    """Let breath or bow swell, long notes get vibrato and some notes slide up from below."""
    vibrato, phase = rng.choice([0, 20, 40, 70]), rng.uniform(0, 6)
    period, depth = rng.uniform(2, 6), rng.choice([8, 20, 30])
    events = []
    for time in np.arange(0, end, 0.08):
        swell = 100 + depth * np.sin(6.28 * time / period + phase)
        events.append((time, 2, control(11, int(np.clip(swell, 30, 127)))))
    for start, length, _, _ in notes:
        if length > 0.3:
            events += [(start, 3, control(1, 0)), (start + 0.2, 3, control(1, vibrato))]
        if rng.random() < 0.15:
            bends = [mido.Message("pitchwheel", pitch=int(-2500 * (1 - i / 4))) for i in range(5)]
            events += [(start + 0.02 * i, 4, bend) for i, bend in enumerate(bends)]
    return events


def write_midi(
    notes: list[Note], kind: str, preset: tuple[int, int], rng: random.Random, file: Path
) -> None:
    """Write a track with its controllers as a MIDI file."""
    bank, program = preset
    end = max(note.start + note.length for note in notes)
    events: list[Event] = [] if kind == "drum" else [(0, 0, control(0, bank))]
    events.append((0, 1, mido.Message("program_change", program=program)))
    if kind in DRAWN_OUT:
        events += expression(notes, end, rng)
    # Program 11 is a vibraphone.
    pedalled = kind in ("piano", "harp") or (kind == "xylophone" and program == 11)
    if pedalled and rng.random() < 0.5:
        for time in np.arange(0, end, rng.uniform(1, 2.5)):
            events += [(time, 4, control(64, 0)), (time + 0.06, 4, control(64, 127))]
    for start, length, pitch, velocity in notes:
        events.append((start, 6, mido.Message("note_on", note=pitch, velocity=velocity)))
        events.append((start + length, 5, mido.Message("note_off", note=pitch)))
    timed = [(max(0, round(time * TICKS)), order, message) for time, order, message in events]
    track, last, channel = mido.MidiTrack(), 0, 9 if kind == "drum" else 0
    for tick, _, message in sorted(timed, key=lambda event: event[:2]):
        track.append(message.copy(channel=channel, time=tick - last))
        last = tick
    mido.MidiFile(ticks_per_beat=TICKS // 2, tracks=[track]).save(file)


def render(
    notes: list[Note], kind: str, preset: tuple[int, int], font: Path, rng: random.Random
) -> Array:
    """Play a track with a soundfont, with or without reverberation."""
    with tempfile.TemporaryDirectory() as folder:
        midi, sound = Path(folder, "track.mid"), Path(folder, "track.wav")
        write_midi(notes, kind, preset, rng, midi)
        words = ["-ni", "-q", "-F", sound, "-r", "44100", "-g", ".4"]
        words += ["-R", rng.choice(["0", "1"]), "-C", "0", font, midi]
        subprocess.run(["fluidsynth", *map(str, words)], check=True, capture_output=True)
        return read_sound(sound)


def read_sound(file: Path) -> Array:
    """Return a file's samples, mono at the rate of the tracks."""
    samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
    resampled: Array = soxr.resample(samples.mean(1), rate, RATE)
    return resampled


@cache
def read_samples(folder: Path) -> dict[int, Array]:
    """Return a package's single notes by MIDI number, each from its beginning, peak 1."""
    notes = {}
    # A second take ("F2 v2") comes after the first and replaces it.
    for file in sorted(folder.glob("*.mp3"), key=lambda file: file.stem):
        name, sound = file.stem.split()[0], read_sound(file)
        peak = np.abs(sound).max()
        onset = np.argmax(np.abs(sound) > 0.02 * peak + 1e-9)
        number = 12 * (int(name[-1]) + 1) + PITCHES.index(name[:-1])
        notes[number] = sound[max(0, onset - 60) :] / (peak + 1e-9)
    return notes


def play_samples(
    track: list[Note], kind: str, samples: dict[int, Array], seconds: float, rng: random.Random
) -> Array:
    """Play a track with single notes, each near the pitch asked for and bent to it."""
    drawn_out, numbers = kind in DRAWN_OUT, np.array(sorted(samples))
    vibrato = rng.choice([0, 0, 0.002, 0.004, 0.006]) if drawn_out else 0
    release = rng.uniform(0.04, 0.15) if drawn_out else rng.uniform(0.15, 0.6)
    tuning = rng.uniform(-0.3, 0.3)
    mix = np.zeros(int((seconds + LONGEST) * RATE), np.float32)
    for start, length, pitch, velocity in track:
        number = numbers[np.argmin(np.abs(numbers - pitch - rng.uniform(-0.6, 0.6)))]
        time = np.arange(min(int((length + release) * RATE), LONGEST * RATE)) / RATE
        speed = 2 ** ((pitch + tuning + rng.gauss(0, 0.06) - number) / 12)
        wave = np.sin(6.28 * rng.uniform(4.5, 6.5) * time + rng.uniform(0, 6))
        speeds = speed * (1 + vibrato * wave * np.minimum(1, time / 0.3))
        if rng.random() < 0.12 and drawn_out:
            speeds *= 2 ** (-rng.uniform(0.3, 1.2) / 12 * np.exp(-time / 0.05))
        sample, places = samples[number], np.cumsum(speeds)
        places = places[places < len(sample) - 1]
        sound = np.interp(places, np.arange(len(sample)), sample).astype(np.float32)
        envelope, held = np.ones(len(sound), np.float32), int(length * RATE)
        envelope[held:] = np.exp(-np.arange(max(0, len(sound) - held)) / (release * RATE / 3))
        attack = min(len(sound), int(rng.choice([0, 0, 0.03]) * RATE))
        envelope[:attack] *= np.linspace(0, 1, attack)
        first = int(start * RATE)
        mix[first : first + len(sound)] += sound * envelope * (velocity / 100) ** 1.7
    return mix


def make_track(options: argparse.Namespace, kind: str, number: int) -> dict[str, str]:
    """Write a track and return its row of ``solos.csv``."""
    name = f"{kind}-more-{number:02d}"
    rng = random.Random(zlib.crc32(name.encode()))  # noqa: S311 - repeatable, not secret
    low, high, presets, packages, styles = INSTRUMENTS[kind]
    seconds = rng.uniform(55, 75)
    style = rng.choices(list(styles), list(styles.values()))[0]
    if style == "drum":
        notes = drum_grooves(seconds, rng)
    else:
        notes = Composer(low, high, style, rng).compose(read_scores(options.scores), seconds)
    if packages and number % 2 == 0:
        package = packages[number // 2 % len(packages)]
        samples = read_samples(options.samples / package / "package")
        sound = play_samples(notes, kind, samples, seconds, rng)
        made, source, licence = "sampled", f"tonejs-instruments {package}", "CC BY 3.0"
    else:
        preset = presets[(number // 2 if packages else number) % len(presets)]
        weights = [weight for _, weight in SOUNDFONTS.values()]
        font = rng.choices(list(SOUNDFONTS), weights)[0]
        sound = render(notes, kind, preset, options.soundfonts / f"{font}.sf2", rng)
        source = f"{font.removesuffix('_Full')}: bank {preset[0]} preset {preset[1]}"
        made, licence = "rendered", SOUNDFONTS[font][0]
    sound = sound[: int(seconds * RATE)]
    file = options.output / "solos" / kind / f"{name}.flac"
    file.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(file, sound / (np.abs(sound).max() + 1e-9) * 0.7, RATE)
    path, source = f"solos/{kind}/{name}.flac", f"{source}; music21 corpus scores; {style}"
    row = (path, kind, "train", made, source, licence, f"{len(sound) / RATE:.2f}")
    return dict(zip(COLUMNS, row, strict=True))


def link_kit(kit: Path, folder: Path) -> list[dict[str, str]]:
    """Link all of a kit from a folder, and return the rows of its ``solos.csv``."""
    with (kit / "solos.csv").open(newline="", encoding="utf-8-sig") as file:
        # Tracks of an earlier run are made anew.
        rows = [row for row in csv.DictReader(file) if "-more-" not in row["path"]]
    for path in ("pictures", "pictures.csv", *(row["path"] for row in rows)):
        link = folder / path
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to((kit / path).resolve(strict=True))
    return rows


def main() -> None:
    """Make the kit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kit", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--samples", type=Path, required=True, metavar="DIR")
    parser.add_argument("--soundfonts", type=Path, required=True, metavar="DIR")
    parser.add_argument("--scores", type=Path, metavar="FILE", help="made if it does not exist")
    parser.add_argument("--tracks", type=int, default=12, help="of each instrument")
    options = parser.parse_args()
    old = link_kit(options.kit, options.output)
    options.scores = options.scores or options.output / "scores.json"
    if not options.scores.exists():
        write_scores(options.scores)
    jobs = [(kind, number) for kind in INSTRUMENTS for number in range(options.tracks)]
    with ProcessPoolExecutor() as pool:
        new = list(pool.map(partial(make_track, options), *zip(*jobs, strict=True)))
    with (options.output / "solos.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
        table.writeheader()
        table.writerows(old + new)
    minutes = sum(float(row["seconds"]) for row in new) / 60
    print(f"{len(old)} tracks of {options.kit} and {len(new)} new ones, {minutes:.0f} minutes")


if __name__ == "__main__":
    main()
