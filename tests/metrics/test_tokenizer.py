"""The tokenizer of BLEU for a text whose user named none."""

import json
import shutil

import pytest

from nmtcli.cli.main import run
from nmtcli.config import Settings
from nmtcli.metrics import sacrebleu_scores as bleu
from nmtcli.metrics.tokenizer import choose_tokenizer
from nmtcli.training.defaults import resolve_config

KOREAN = ["나는 어제 파이썬(Python) 문서를 읽었다.", "데이터를 주고받는 클래스입니다."]
JAPANESE = ["私は昨日Pythonの文書を読みました。", "データを交換するクラスです。"]
CHINESE = ["我昨天读了Python文档。", "“这是一个用于交换数据的类。”"]
ENGLISH = ["Yesterday I read the documentation (문서).", "A class to exchange data."]


@pytest.mark.parametrize(
    ("lines", "name", "language"),
    [
        (KOREAN, "ko-mecab", "Korean"),
        (JAPANESE, "ja-mecab", "Japanese"),
        (CHINESE, "zh", "Chinese"),
        (ENGLISH, "13a", ""),
        (["Привет, мир.", "!"], "13a", ""),
        (["a man sits .", "two dogs run ."] * 60, "none", ""),
        (["1 + 1 = 2", ""], "13a", ""),
        ([], "13a", ""),
    ],
)
def test_the_script_of_the_references_tells(lines, name, language):
    choice = choose_tokenizer(lines)
    assert (choice.name, choice.language) == (name, language)
    assert bool(choice.reason) == (name != "13a")


def test_korean_that_quotes_much_code_is_korean():
    line = "subprocess.Popen(args, bufsize=-1) 함수는 새 프로세스를 만듭니다 (POSIX, Windows)."
    assert choose_tokenizer([line]).name == "ko-mecab"


def test_without_its_package_the_usual_tokenizer_is_taken_and_the_remedy_said(monkeypatch):
    monkeypatch.setattr(bleu, "find_spec", lambda name: None)
    choice = choose_tokenizer(KOREAN)
    assert choice.name == "13a" and "pip install 'nmtcli[ko]'" in choice.reason


@pytest.fixture
def korean(tmp_path):
    path = tmp_path / "text.ko"
    path.write_text("".join(f"{line}\n" for line in KOREAN), "utf-8")
    return str(path)


def test_a_note_names_the_tokenizer_and_leaves_the_score_as_sacrebleu_has_it(korean, capsys):
    assert run(["bleu", korean, korean, "--json"]) == 0
    shown = capsys.readouterr()
    assert shown.err.splitlines() == [
        "nmt: note: the references are Korean: --tokenize ko-mecab suits them better than 13a"
    ]
    assert "tok:13a" in json.loads(shown.out)["scores"][0]["signature"]


@pytest.mark.parametrize(
    "options",
    [["-tok", "13a"], ["-tok", "ko-mecab"], ["--force"], ["-b"], ["--metrics", "chrf"]],
)
def test_who_knows_better_is_told_nothing(options, korean, capsys):
    assert run(["bleu", korean, korean, *options]) == 0
    assert not capsys.readouterr().err


def test_a_comparison_of_systems_has_the_note_once(korean, tmp_path, capsys):
    other = tmp_path / "other.ko"
    other.write_text("".join(f"{line}\n" for line in reversed(KOREAN)), "utf-8")
    assert run(["bleu", korean, korean, str(other), "--by-length", "3"]) == 0
    assert capsys.readouterr().err.count("ko-mecab") == 1


def test_validation_counts_korean_words(prepared, tmp_path):
    data = shutil.copytree(prepared, tmp_path / "data")
    (data / "valid.target.txt").write_text("\n".join(KOREAN * 30) + "\n", "utf-8")
    found = resolve_config(Settings(), data, tmp_path / "run")
    assert found.config.validation.tokenize == "ko-mecab"
    assert "validation.tokenize=ko-mecab: the references are Korean" in found.lines
    by_hand = Settings().update({"validation": {"tokenize": "char"}})
    set_by_hand = resolve_config(by_hand, data, tmp_path / "other")
    assert set_by_hand.config.validation.tokenize == "char"
