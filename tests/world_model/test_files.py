"""Files that are whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from worldwright.world_model.files import FileProblem, LineFile, read_text, require_writable, whole_lines, write_whole

HEADER = b"header\n"


def test_a_file_is_replaced_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.txt"
    for text in ("one", "two"):
        write_whole(path, text)
        assert read_text(path) == text
    assert [p.name for p in path.parent.iterdir()] == ["file.txt"]


def test_what_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_whole(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "\ud800")
    assert read_text(path) == "old" and len(list(tmp_path.iterdir())) == 1


def test_a_device_stays_one() -> None:
    write_whole(Path("/dev/null"), "text")
    require_writable(Path("/dev/null"))
    assert Path("/dev/null").is_char_device()
    with pytest.raises(FileProblem, match="/dev/full: No space left on device"):
        write_whole(Path("/dev/full"), "text")


def test_what_could_not_be_written_is_known_before(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file" / "below"):
        with pytest.raises(FileProblem, match=str(path.parent)):
            require_writable(path)
    require_writable(tmp_path / "new" / "file")
    assert not list((tmp_path / "new").iterdir())


@pytest.mark.parametrize("data", [b"\xff", b"x" * 101])
def test_what_is_no_text_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(FileProblem):
        read_text(tmp_path / "file", most=100)


def test_lines_grow_over_several_openings(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    for number in range(3):
        with LineFile(path, HEADER) as file:
            file.write(b"%d\n" % number)
    assert list(whole_lines(path, HEADER)) == [(2, b"0\n"), (3, b"1\n"), (4, b"2\n")]


def test_a_long_torn_tail_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(HEADER + b"a\n" + b"x" * 200_000)
    LineFile(path, HEADER).close()
    assert path.read_bytes() == HEADER + b"a\n"


@pytest.mark.parametrize("data", [b"something else\nx", b"something else", b"header of another kind"])
def test_a_file_of_another_kind_is_not_touched(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(data)
    with pytest.raises(FileProblem, match="does not begin with header"):
        LineFile(path, HEADER)
    assert path.read_bytes() == data


@pytest.mark.parametrize("data", [b"", b"hea"])
def test_a_file_that_was_cut_off_in_its_first_line_begins_anew(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(data)
    LineFile(path, HEADER).close()
    assert path.read_bytes() == HEADER


def test_a_torn_last_line_is_left_out_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(HEADER + b"a\nb")
    assert list(whole_lines(path, HEADER)) == [(2, b"a\n")]
    with pytest.raises(FileProblem, match="lines: line 3: cut off"):
        list(whole_lines(path, HEADER, torn=False))
