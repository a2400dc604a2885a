"""Pairs that are cut anew for each epoch, and their links."""

import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from helpers.preprocess_case import corpus_of
from nmtcli import config
from nmtcli.config.data import SubwordConfig
from nmtcli.data import sampled_epoch as sample_subwords
from nmtcli.data.batching import plan_epoch
from nmtcli.data.epochs import Epochs, SampledPairs, subword_sampling
from nmtcli.data.learn_subwords import learn
from nmtcli.data.sampled_epoch import SubwordSampling, child_task, sample_epoch
from nmtcli.data.shards import Pairs, ShardWriter
from nmtcli.errors import NmtError, UsageError
from nmtcli.text.special_tokens import UNK_ID
from nmtcli.text.subwords import Subwords
from nmtcli.text.token_alignment import token_links
from nmtcli.text.words import words_of_tokens

TAG = "<t>"
COUNT = 90


@pytest.fixture(scope="module", params=["unigram", "bpe"])
def made(request, tmp_path_factory):
    """Folder with models, and pairs with links of which every third is tagged, one has an UNK."""
    folder = tmp_path_factory.mktemp("epochs")
    sources, targets = corpus_of(COUNT)
    options = SubwordConfig(type=request.param, vocabulary_size=120)
    (folder / "kind").write_text(request.param)
    paths = [folder / "source.model", folder / "target.model"]
    for path, lines in zip(paths, (sources, targets)):
        path.write_bytes(learn(lines, options, symbols=[TAG]))
    models = [Subwords(path) for path in paths]
    sources = [f"{TAG} {line}" if i % 3 == 0 else line for i, line in enumerate(sources)]
    sources[4] += " 漢"
    writer = ShardWriter(folder / "train", 40, 200, with_links=True)
    for i, pair in enumerate(zip(sources, targets)):
        placed = [model.encode_batch_with_spans([line])[0] for model, line in zip(models, pair)]
        words = [words_of_tokens(p.text, p.spans) for p in placed]
        writer.append(*(p.ids for p in placed), token_links(word_links(i, pair), *words))
    writer.close()
    return folder, models, sources, targets


def word_links(i, pair):
    """Some links: word after word, but for the tag, and a crossing one."""
    head = int(pair[0].startswith(TAG))
    counts = len(pair[0].split()) - head, len(pair[1].split())
    return [(head + j, j) for j in range(min(counts)) if (i + j) % 4] + [(head, counts[1] - 1)]


def sampling(folder, alphas=(0.3, 0.3), max_pieces=200, seed=1):
    paths = str(folder / "source.model"), str(folder / "target.model")
    kind = (folder / "kind").read_text()
    return SubwordSampling(kind, paths, alphas, max_pieces, (TAG,), seed)


def ids_of(pairs):
    return [(pairs.source(i).tolist(), pairs.target(i).tolist()) for i in range(len(pairs))]


def cut(made, epoch, out, **options):
    sample_epoch(Pairs(made[0] / "train"), sampling(made[0], **options), epoch, out)
    return Pairs(out)


def test_the_text_stays_and_its_pieces_change_each_epoch(made, tmp_path):
    folder, models, sources, targets = made
    plain, epochs = Pairs(folder / "train"), [cut(made, e, tmp_path / f"{e}") for e in (0, 1)]
    for pairs in epochs:
        assert [models[1].decode(t) for _, t in ids_of(pairs)] == targets
        shown = [models[0].decode(s) for s, _ in ids_of(pairs)]
        assert shown[:4] + shown[5:] == sources[:4] + sources[5:]
    first, second, before = map(ids_of, (*epochs, plain))
    assert sum(a != b for a, b in zip(first, second)) > COUNT * 0.9
    assert sum(a != b for a, b in zip(first, before)) > COUNT * 0.9


def test_an_epoch_is_a_function_of_seed_and_number(made, tmp_path):
    first = ids_of(cut(made, 3, tmp_path / "a"))
    assert ids_of(cut(made, 3, tmp_path / "b")) == first
    assert ids_of(cut(made, 3, tmp_path / "c", seed=2)) != first


def test_chunks_are_cut_differently(made, tmp_path, monkeypatch):
    folder = made[0]
    writer = ShardWriter(tmp_path / "same", 100, 200)
    pair = Pairs(folder / "train").source(1), Pairs(folder / "train").target(1)
    for _ in range(20):
        writer.append(*pair)
    writer.close()
    monkeypatch.setattr(sample_subwords, "CHUNK", 1)
    sample_epoch(Pairs(tmp_path / "same"), sampling(folder), 0, tmp_path / "out")
    assert len({tuple(source) for source, _ in ids_of(Pairs(tmp_path / "out"))}) > 10


def test_a_tag_stays_one_piece_before_the_source(made, tmp_path):
    names = made[1][0].tokens(range(made[1][0].size))
    tag = names.index(f"\u2581{TAG}")
    pairs = cut(made, 0, tmp_path / "out", alphas=(0.01, 0.0))
    assert all(pairs.source(i)[0] == tag for i in range(0, COUNT, 3))
    assert not any(tag in pairs.source(i)[1:] for i in range(COUNT))


def test_sides_that_are_not_sampled_unknown_words_and_too_long_pairs_stay(made, tmp_path):
    plain = Pairs(made[0] / "train")
    pairs = cut(made, 0, tmp_path / "source", alphas=(0.3, 0.0))
    assert [t for _, t in ids_of(pairs)] == [t for _, t in ids_of(plain)]
    unknown = plain.source(4).tolist().index(UNK_ID)
    left = len(plain.source(4)) - unknown
    assert pairs.source(4).tolist()[-left:] == plain.source(4).tolist()[-left:]
    longest = int(max(plain.source_lengths.max(), plain.target_lengths.max()))
    pairs = cut(made, 0, tmp_path / "long", max_pieces=longest)
    assert max(pairs.source_lengths.max(), pairs.target_lengths.max()) <= longest
    kept = [a == b for a, b in zip(ids_of(pairs), ids_of(plain))]
    assert any(kept) and not all(kept)


def test_links_follow_the_words_into_their_new_pieces(made, tmp_path):
    _, models, sources, targets = made
    pairs = cut(made, 2, tmp_path / "out")
    for i in range(COUNT):
        if i == 4:  # its unknown piece has no U+2581 to count by
            continue
        # The words that pieces belong to, counted without our code: U+2581 begins a word.
        starts = [
            np.cumsum([piece.startswith("\u2581") for piece in model.tokens(ids)]) - 1
            for model, ids in zip(models, ids_of(pairs)[i])
        ]
        expected = {
            (s, t)
            for w, v in word_links(i, (sources[i], targets[i]))
            for s, t in itertools.product(*(np.flatnonzero(b == x) for b, x in zip(starts, (w, v))))
        }
        assert {tuple(link) for link in pairs.links(i).tolist()} == expected


# -- made ahead -------------------------------------------------------------------------------


def test_epochs_are_made_ahead_in_children_and_removed(made, tmp_path):
    folder = tmp_path / "sampled"
    plain, options = Pairs(made[0] / "train"), sampling(made[0])
    epochs = Epochs(plain, 300, 1, options, folder)
    for epoch in (0, 1, 2, 0):  # back to the first one, as after a recovery
        expected = ids_of(cut(made, epoch, tmp_path / f"again-{epoch}-{time.monotonic()}"))
        assert ids_of(epochs.pairs(epoch)) == expected
        lengths = epochs.pairs(epoch).source_lengths, epochs.pairs(epoch).target_lengths
        plan = plan_epoch(*lengths, 300, 1, epoch)
        for one, other in zip(epochs.plan(epoch), plan, strict=True):
            assert one.pairs.tolist() == other.pairs.tolist()
        on_disk = {path.name for path in folder.glob("*/*")}
        assert on_disk <= {f"epoch-{epoch}", f"epoch-{epoch + 1}"}
    epochs.close()
    assert not folder.exists()


def test_what_a_killed_training_left_is_removed_by_the_next(made, tmp_path):
    folder = tmp_path / "sampled"
    (folder / "old" / "epoch-7").mkdir(parents=True)
    (folder / "old" / "epoch-7" / "00000.source.tokens.npy").write_bytes(b"half")
    pairs = SampledPairs(Pairs(made[0] / "train"), sampling(made[0]), folder)
    assert len(pairs(0)) == COUNT and not (folder / "old").exists()
    pairs.close()


def test_a_child_whose_training_is_gone_stops(made, tmp_path):
    task = json.loads(child_task(Pairs(made[0] / "train"), sampling(made[0]), 0, tmp_path / "out"))
    command = [sys.executable, "-m", "nmtcli.data.sampled_epoch"]
    environment = {**os.environ, "PYTHONPATH": str(Path(sample_subwords.__file__).parents[2])}
    task["parent"] = 1 if os.getpid() != 1 else 2
    subprocess.run([*command, json.dumps(task)], check=True, env=environment)
    assert not (tmp_path / "out" / "shards.json").exists()


def test_a_child_that_fails_is_told_in_one_line(made, tmp_path):
    (tmp_path / "kind").write_text("bpe")
    broken = sampling(tmp_path)  # no models there
    pairs = SampledPairs(Pairs(made[0] / "train"), broken, tmp_path / "sampled")
    with pytest.raises(NmtError, match="no such subword model.*subword_sampling=0") as caught:
        pairs(0)
    assert "\n" not in str(caught.value)
    pairs.close()


def test_without_sampling_the_pairs_and_the_plan_are_those_of_before(made):
    plain = Pairs(made[0] / "train")
    epochs = Epochs(plain, 300, 5)
    assert epochs.pairs(4) is plain
    before = plan_epoch(plain.source_lengths, plain.target_lengths, 300, 5, 4)
    assert [b.pairs.tolist() for b in epochs.plan(4)] == [b.pairs.tolist() for b in before]
    epochs.close()


def test_the_options_say_what_is_cut_and_other_pieces_are_refused():
    def options(**subwords):
        training = {"subword_sampling": 0.2, "subword_sampling_sides": "source", "seed": 9}
        values = {"training": training, "subwords": subwords, "data": {"tags": ["", TAG]}}
        return config.from_dict(values)

    found = subword_sampling(options(type="bpe", max_pieces=70), (Path("s"), Path("t")))
    assert found == SubwordSampling("bpe", ("s", "t"), (0.2, 0.0), 70, (TAG,), 9)
    assert subword_sampling(config.Config(), ("s", "t")) is None
    with pytest.raises(UsageError, match="training.subword_sampling .* char"):
        subword_sampling(options(type="char"), ("s", "t"))
