"""Korean to English with an encoder-decoder of Keras's layers and of nmtcli's attention and cells.

At the top of a checkout: python docs/examples/encoder_decoder.py
"""

import os

import keras
import numpy as np
import sacrebleu
import sentencepiece
from keras import layers

from nmtcli.layers import AdditiveAttention, GRUCell, Readout

FOLDER, VOCABULARY = os.environ.get("DATA", "data"), int(os.environ.get("VOCABULARY", 2000))
PAIRS, EPOCHS = int(os.environ.get("PAIRS", 20000)), int(os.environ.get("EPOCHS", 6))


def read(name):
    with open(f"{FOLDER}/{name}", encoding="utf-8") as file:
        return file.read().splitlines()[:PAIRS]


sources, targets = read("train.ko"), read("train.en")
special = {"pad_id": 0, "unk_id": 1, "bos_id": 2, "eos_id": 3}
sentencepiece.SentencePieceTrainer.train(
    sentence_iterator=iter(sources + targets), model_prefix="joint", vocab_size=VOCABULARY,
    minloglevel=2, **special,
)  # fmt: skip
subwords = sentencepiece.SentencePieceProcessor(model_file="joint.model")


def ids(lines, **ends):
    tokens = subwords.encode(lines, **ends)
    return keras.utils.pad_sequences(tokens, maxlen=32, padding="post", truncating="post")


source, target = (layers.Input((None,), dtype="int32") for _ in range(2))
embedded = layers.Embedding(VOCABULARY, 128, mask_zero=True)
memory = layers.Bidirectional(layers.RNN(GRUCell(128), return_sequences=True))(embedded(source))
states = layers.RNN(GRUCell(256), return_sequences=True)(embedded(target))
context = AdditiveAttention(units=64)(states, memory)
hidden = layers.Dropout(0.1)(Readout(256, "tanh")(states, context))
model = keras.Model([source, target], layers.Dense(VOCABULARY)(hidden))
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
model.compile(keras.optimizers.Adam(3e-3), loss)
inputs = ids(sources, add_eos=True), ids(targets, add_bos=True)
model.fit(inputs, ids(targets, add_eos=True), batch_size=128, epochs=EPOCHS, verbose=2)
model.save("translator.keras")

model, test = keras.saving.load_model("translator.keras"), ids(read("test.ko"), add_eos=True)
found = np.zeros((len(test), 31), dtype="int32")
found[:, 0] = special["bos_id"]
for t in range(30):  # greedy search
    found[:, t + 1] = model.predict([test, found], batch_size=500, verbose=0)[:, t].argmax(axis=-1)
found = [row[: row.index(3)] if 3 in row else row for row in found[:, 1:].tolist()]
hypotheses = subwords.decode(found)
print(sacrebleu.corpus_bleu(hypotheses, [read("test.en")]).format(width=1))
