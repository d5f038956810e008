import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixelmix.drawing.scales import frequency_marks, time_label, time_marks


@pytest.mark.parametrize(
    ("start", "seconds", "labels"),
    [
        (0.0, 1.0, ["0.0 s", "0.2 s", "0.4 s", "0.6 s", "0.8 s", "1.0 s"]),
        (0.0, 8.0, ["0 s", "2 s", "4 s", "6 s", "8 s"]),
        (0.0, 10.005, ["0 s", "2 s", "4 s", "6 s", "8 s", "10 s"]),
        (50.0, 20.0, ["0:50", "0:55", "1:00", "1:05", "1:10"]),
        (0.0, 300.0, ["0:00", "1:00", "2:00", "3:00", "4:00", "5:00"]),
        (
            0.0,
            10_800.0,
            ["0:00:00", "0:30:00", "1:00:00", "1:30:00", "2:00:00", "2:30:00", "3:00:00"],
        ),
        (90.0, 0.05, ["90.00 s", "90.01 s", "90.02 s", "90.03 s", "90.04 s", "90.05 s"]),
    ],
)
def test_times_are_round_and_in_fitting_units(
    start: float, seconds: float, labels: list[str]
) -> None:
    assert [label for _, label in time_marks(start, seconds, 6)] == labels


@given(st.floats(0, 1e6), st.floats(0.01, 1e6), st.integers(1, 20))
def test_times_lie_inside_and_apart(start: float, seconds: float, steps: int) -> None:
    times = [time for time, _ in time_marks(start, seconds, steps)]
    assert len(times) <= steps + 1
    assert (np.diff(times) >= seconds / steps * (1 - 1e-3)).all()
    slack = 1e-3 + 1e-5 * seconds
    assert all(start - slack <= time <= start + seconds + slack for time in times)


def test_a_single_time() -> None:
    assert [time_label(time) for time in (0, 3.46, 60, 90.4, 3_600, 36_061)] == [
        "0.0 s",
        "3.5 s",
        "1:00",
        "1:30",
        "1:00:00",
        "10:01:01",
    ]


def test_frequencies_are_where_their_rows_are() -> None:
    rows = np.geomspace(50, 5_000, 201, dtype=np.float32)
    marks = {label: place for place, label in frequency_marks(rows, 402, 20)}
    assert list(marks) == ["50 Hz", "100 Hz", "200 Hz", "500 Hz", "1 kHz", "2 kHz", "5 kHz"]
    assert marks["500 Hz"] == pytest.approx(201, abs=0.1)
    assert marks["50 Hz"] == pytest.approx(1, abs=0.1)


def test_frequencies_stay_apart_on_a_linear_axis_from_zero() -> None:
    marks = list(frequency_marks(np.linspace(0, 22_050, 512, dtype=np.float32), 400, 26))
    assert np.diff([place for place, _ in marks]).min() >= 26
    assert marks[-1][1] == "20 kHz"


def test_an_axis_without_rows_has_no_marks() -> None:
    assert list(frequency_marks(np.zeros(0, np.float32), 400, 26)) == []
