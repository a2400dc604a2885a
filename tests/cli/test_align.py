"""`nmt align`, and `nmt translate` with --align and --plot, as a user meets them."""

import json
import os
import signal
import subprocess
import sys
import types
from pathlib import Path

import pytest

from helpers.fake_engine import FakeSubwords, fake_engine, make_run
from nmtcli.alignment.pharaoh import format_links
from nmtcli.inference.aligner import Aligner

SOURCES, TARGETS = ["ab c d", "", "a b"], ["de f", "x", "g h i"]


def expected(sources=SOURCES, targets=TARGETS):
    subwords = FakeSubwords()
    return list(Aligner(fake_engine(), subwords, subwords).align_lines(sources, targets))


@pytest.fixture
def pair(nmt, tmp_path):
    """The files s and t."""
    Path("s").write_text("".join(f"{line}\n" for line in SOURCES))
    Path("t").write_text("".join(f"{line}\n" for line in TARGETS))
    return "s", "t"


@pytest.fixture
def drawn(monkeypatch):
    """Instead of pictures: the (path, heat map) of each that would be drawn."""
    pictures = []
    heatmaps = types.ModuleType("nmtcli.plots.heatmap")
    heatmaps.Heatmap = lambda **values: types.SimpleNamespace(**values)
    heatmaps.save_heatmap = lambda heatmap, *paths: pictures.extend((p, heatmap) for p in paths)
    terminal = types.ModuleType("nmtcli.plots.terminal_heatmap")
    terminal.render_heatmap = lambda heatmap, width: f"<{heatmap.title}>"
    monkeypatch.setitem(sys.modules, "nmtcli.plots.heatmap", heatmaps)
    monkeypatch.setitem(sys.modules, "nmtcli.plots.terminal_heatmap", terminal)
    return pictures


def test_links_are_printed_one_line_a_pair(nmt, pair):
    status, output, errors = nmt("align", *pair)
    lines = [format_links(found.links) for found in expected()]
    assert (status, errors) == (0, "")
    assert output.decode().split("\n") == [*lines, ""]
    assert lines[1] == "" and lines[0]
    assert nmt("align", "-", "t", stdin=Path("s").read_bytes()) == (status, output, errors)


def test_json_has_words_links_and_weights(nmt, pair):
    _, output, _ = nmt("align", *pair, "--json")
    objects = [json.loads(line) for line in output.split(b"\n")[:-1]]
    assert len(objects) == 3
    for values, found in zip(objects, expected()):
        assert values == {
            "source_words": found.source_words,
            "target_words": found.target_words,
            "alignment": [list(link) for link in found.links],
            "matrix": [[round(float(w), 4) for w in row] for row in found.weights.astype(float)],
        }


def test_both_directions_are_put_together(nmt, pair):
    runs = ["--run", "runs/one", "--reverse-run", "runs/one"]
    found = {}
    for method in ("intersection", "union", "grow-diag-final-and"):
        status, output, _ = nmt("align", *pair, *runs, "--symmetrize", method)
        assert status == 0
        found[method] = [set(line.split()) for line in output.decode().split("\n")]
    there = [set(line.split()) for line in nmt("align", *pair)[1].decode().split("\n")]
    for both, grown, all_links, forward in zip(*found.values(), there):
        assert both <= forward <= grown and both <= all_links <= grown
    assert nmt("align", *pair, *runs)[1] == output
    first = json.loads(nmt("align", *pair, *runs, "--json")[1].split(b"\n")[0])
    assert len(first["reverse_matrix"]) == len(first["matrix"]) == 2


def test_gold_gives_rates_on_stderr_or_alone(nmt, pair):
    Path("links").write_bytes(nmt("align", *pair)[1])
    status, output, errors = nmt("align", *pair, "--gold", "links")
    assert status == 0 and output == Path("links").read_bytes()
    assert "precision 1.0000, recall 1.0000, AER 0.0000" in errors and errors.count("\n") == 1
    assert nmt("align", *pair, "--gold", "links", "--summary-only") == (0, errors.encode(), "")
    Path("gold").write_text("0-0 1?0 0-1\n\n0-2\n")
    Path("other").write_text("0-0 2-0 1-0\n\n\n")
    _, output, _ = nmt(
        "align", *pair, "--alignment", "other", "--gold", "gold", "--summary-only", "--json"
    )
    assert json.loads(output) == {
        "pairs": 3,
        "links": 3,
        "sure": 3,
        "possible": 4,
        "precision": pytest.approx(2 / 3),
        "recall": pytest.approx(1 / 3),
        "aer": pytest.approx(1 - (1 + 2) / 6),
    }


def test_alignments_made_elsewhere_need_no_run_and_no_framework(pair, tmp_path):
    Path("forward").write_text("0-0 1-1\n\n\n")
    Path("reverse").write_text("0-0 2-1\n\n0-0\n")
    program = (
        "import sys; from nmtcli.cli.main import run; assert run(sys.argv[1:]) == 0;"
        "print(sorted({'keras', 'tensorflow', 'jax', 'sentencepiece'} & set(sys.modules)))"
    )
    files = ["--alignment", "forward", "--alignment", "reverse", "--symmetrize", "union"]
    done = subprocess.run(
        [sys.executable, "-c", program, "align", *pair, *files],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "0-0 1-1 2-1\n\n0-0\n[]\n"


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["s", "missing"], "missing: there is no such file"),
        (["-", "-"], "only one file can be -"),
        (["s", "-", "--gold", "-"], "only one file can be -"),
        (["s", "short"], "s has 3 lines, but short has 1; give parallel files"),
        (["s", "t", "--run", "nowhere"], "nowhere: there is no such run"),
        (["s", "t", "--checkpoint", "../x"], "give best, last or step-N"),
        (["s", "t", "--gold", "short"], "short has 1 lines, but there are 3"),
        (["s", "t", "--gold", "bad"], "bad:2: 'x-3' is not a link; write 3-4 (sure) or 3?4"),
        (["s", "t", "--alignment", "far"], "far:3: link 7-0 is outside the sentences"),
        (["s", "t", "--summary-only"], "give --gold FILE"),
        (["s", "t", "--null", "no"], "null must be one of never, eos, not 'no'"),
        (["s", "t", "--shift", "-1"], "shift must be at least 0"),
        (["s", "t", "--normalize", "no"], "normalize must be one of none, source, not 'no'"),
        (["s", "t", "--agree"], "--agree compares two directions: give --reverse-run DIR"),
        (["s", "t", "--symmetrize", "union"], "give --reverse-run DIR, or --alignment twice"),
        (["s", "t", "--symmetrize", "or"], "symmetrize must be one of intersection, union"),
        (
            ["s", "t", "--reverse-run", "runs/one"],
            "the other direction: give --run DIR",
        ),
        (["s", "t", "--alignment", "far", "--run", "runs/one"], "takes the place of a model"),
        (["s", "t", "--alignment", "far", "--show"], "takes the place of a model"),
        (["s", "t", *["--alignment", "far"] * 3], "--alignment can be given at most twice"),
        (["s", "t", "--plot", "s"], "s: is a file; give --plot a folder"),
        (["s", "t", "--plot-lines", "1"], "give --plot DIR or --show too"),
        (["s", "t", "--plot-format", "svg"], "give --plot DIR too"),
        (["s", "t", "--plot", "d", "--plot-format", "gif"], "must be one of png, svg, both"),
        (["s", "t", "--plot", "d", "--plot-lines", "1,b"], "--plot-lines: 'b'"),
        (
            ["s", "t", "--plot", "d", "--plot-lines", "5-3"],
            "--plot-lines: 5-3 ",
        ),
        (["s", "t", "--plot", "d", "--plot-lines", "0"], "--plot-lines: '0'"),
    ],
)
def test_a_wrong_option_or_file_is_one_line_and_status_2(nmt, pair, arguments, part):
    Path("short").write_text("0-0\n")
    Path("bad").write_text("0-0\nx-3\n\n")
    Path("far").write_text("0-0\n\n7-0\n")
    status, output, errors = nmt("align", *arguments, stdin=b"a\n")
    assert (status, output) == (2, b"")
    assert part in errors and errors.count("\n") == 1


def test_the_line_where_files_part_is_named(nmt):
    lines = ["word " * (1 + 7 * n % 11) for n in range(60)]
    Path("s").write_text("".join(f"{line}\n" for line in lines))
    Path("t").write_text("".join(f"{line}\n" for n, line in enumerate(lines) if n != 29))
    status, _, errors = nmt("align", "s", "t")
    assert status == 2 and "s has 60 lines, but t has 59; judging by their lengths" in errors
    assert "near line 30" in errors or "near line 29" in errors


def test_translations_carry_their_links(nmt):
    lines = b"ab cd\n\nab. cd. ef gh ij\n"
    plain = nmt("translate", stdin=lines)[1].decode().split("\n")[:-1]
    status, output, errors = nmt("translate", "--align", stdin=lines)
    found = [line.split(" ||| ") for line in output.decode().split("\n")[:-1]]
    assert (status, errors) == (0, "")
    assert [text for text, _ in found] == plain
    assert found[1] == ["", ""]
    assert all(len(link.split("-")) == 2 for link in found[0][1].split())
    _, output, _ = nmt("translate", "--align", "--nbest", "2", "--scores", stdin=lines)
    fields = [line.split(" ||| ") for line in output.decode().split("\n")[:-1]]
    assert [field[0] for field in fields] == ["0", "0", "1", "2", "2"]
    assert [fields[0][1], fields[0][3]] == found[0]
    objects = [
        json.loads(line)
        for line in nmt("translate", "--align", "--json", stdin=lines)[1].split(b"\n")[:-1]
    ]
    assert objects[0]["source_words"] == ["ab", "cd"] and objects[1]["alignment"] == []
    for values, (text, links) in zip(objects, found):
        assert " ".join(f"{i}-{j}" for i, j in values["alignment"]) == links
        assert values["words"] == [word for word in text.split(" ") if word]
        assert values["nbest"][0]["alignment"] == values["alignment"]
    status, _, errors = nmt("translate", "--shift", "1", stdin=lines)
    assert status == 2 and "give --align too" in errors


def test_pictures_are_of_the_chosen_lines(nmt, pair, drawn):
    plain = nmt("align", *pair)[1]
    status, output, errors = nmt("align", *pair, "--plot", "new/folder", "--plot-format", "both")
    assert (status, output) == (0, plain)
    assert errors.startswith("nmt: warning: line 2: ") and errors.count("\n") == 1
    names = ["00001.png", "00001.svg", "00003.png", "00003.svg"]
    assert [str(path) for path, _ in drawn] == [f"new/folder/{name}" for name in names]
    heatmap = drawn[0][1]
    assert (heatmap.source_words, heatmap.target_words) == (["ab", "c", "d"], ["de", "f"])
    assert heatmap.weights.shape == (2, 3) and heatmap.window is None
    drawn.clear()
    _, _, errors = nmt("align", *pair, "--plot", "p", "--plot-lines", "3,7-8")
    assert [path.name for path, _ in drawn] == ["00003.png"]
    assert errors == "nmt: warning: --plot-lines: there are only 3 lines\n"
    assert Path("p").is_dir()


def test_more_lines_than_are_drawn_at_first_are_told(nmt, drawn):
    status, output, errors = nmt("translate", "--plot", "p", stdin=b"hello world\n" * 25)
    assert status == 0 and output == nmt("translate", stdin=b"hello world\n" * 25)[1]
    assert [path.name for path, _ in drawn] == [f"{n:05}.png" for n in range(1, 21)]
    assert errors.startswith("nmt: warning: drew the first 20 of 25 lines;")
    assert "--plot-lines" in errors and errors.count("\n") == 1


def test_the_terminal_picture_goes_to_stderr(nmt, pair, drawn):
    status, output, errors = nmt("align", *pair, "--show", "--plot-lines", "1")
    assert (status, output) == (0, nmt("align", *pair)[1])
    assert errors == "<line 1>\n" and not drawn


def test_the_window_of_local_attention_is_where_weights_are(nmt, pair, drawn, monkeypatch):
    from helpers import command

    monkeypatch.setattr(command.ENGINE, "has_window", True)
    nmt("align", *pair, "--plot", "p", "--plot-lines", "1")
    window = drawn[0][1].window
    assert window.dtype == bool and (window == (drawn[0][1].weights > 0)).all()


SLOW = """
import sys, time
import pytest
from helpers.fake_engine import fake_engine, install
from nmtcli.cli.main import main

engine = fake_engine()
align = engine.align
engine.align = lambda *ids: (time.sleep(0.01), align(*ids))[1]
install(pytest.MonkeyPatch(), engine)
main(sys.argv[1:])
"""


def test_an_interrupt_keeps_what_was_aligned_and_a_closed_pipe_is_quiet(tmp_path):
    make_run(tmp_path / "run", window=1)
    Path(tmp_path / "s").write_text("ab c\n" * 9000)
    command = [sys.executable, "-c", SLOW, "align", "s", "s", "--run", "run"]
    options = {"cwd": tmp_path, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    tests, top = Path(__file__).resolve().parents[1:3]
    options["env"] = {**os.environ, "PYTHONPATH": f"{tests}{os.pathsep}{top}"}
    line = format_links(expected(["ab c"], ["ab c"])[0].links).encode() + b"\n"
    with subprocess.Popen(command, **options) as process:
        assert process.stdout.readline() == line
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=20)
        assert process.returncode == 130
        assert errors == b"nmt: interrupted; the lines printed so far are complete\n"
        assert rest == line * rest.count(b"\n")
    with subprocess.Popen(command, **options) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(20) == 0


def test_help_imports_nothing_heavy():
    program = (
        "import sys; from nmtcli.cli.main import run; assert run(['align', '--help']) == 0;"
        "print([m for m in ('numpy', 'sentencepiece', 'matplotlib', 'tensorflow')"
        " if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "[]\n")
    assert "--gold" in done.stdout


def test_links_count_the_words_of_the_normalised_text(nmt):
    Path("odd.s").write_text("\ufeffa\u00a0b\u200bc\n", encoding="utf-8")
    Path("plain.s").write_text("a bc\n", encoding="utf-8")
    Path("one.t").write_text("x\ty\n", encoding="utf-8")
    Path("one.links").write_text("1-1\n", encoding="utf-8")
    for options in ([], ["--alignment", "one.links"], ["--gold", "one.links"]):
        found = [
            nmt("align", source, "one.t", "--json", *options) for source in ("odd.s", "plain.s")
        ]
        assert found[0] == found[1] and found[0][0] == 0
        assert json.loads(found[0][1])["source_words"] == ["a", "bc"]
