"""The model card says how text is normalised and which tags the run has."""

import pytest

from nmtcli import config
from nmtcli.runs.directory import RunDirectory
from nmtcli.runs.model_card import model_card


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        (
            {"tags": ["<2en>"]},
            ["| tags of the source | <2en>; <2en> is added to a line without one |"],
        ),
        ({"tags": ["<2en>", ""]}, ["| tags of the source | <2en> none |", "| clean: "]),
        ({"normalization": "nfc"}, ["| normalisation of text | nfc: NFC alone |"]),
    ],
)
def test_it_says_what_is_done_to_the_source(tmp_path, data, rows):
    run = RunDirectory(tmp_path / "run")
    run.create({})
    run.config.write_text(config.dump(config.from_dict({"data": data})), encoding="utf-8")
    card = model_card(run)
    assert all(row in card for row in rows)
    assert ("tags of the source" in card) == ("tags" in data)
