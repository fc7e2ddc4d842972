"""Consent to run a Python file: for one model and one content, kept, and taken back."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from model.errors import ModelFileError, OwnLayersError, StorageError
from model.trust import FILE_NAME, TrustStore, code_sha256

MODEL, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def code(tmp_path: Path) -> Path:
    path = tmp_path / "layers.py"
    path.write_text("x = 1\n")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "settings"


def test_a_consent_is_there_for_another_process(folder: Path, code: Path) -> None:
    given = TrustStore(folder).allow(MODEL, code, model_name="a.keras")
    found = TrustStore(folder).allowed(MODEL)
    assert found == given
    assert found is not None
    assert (found.path, found.sha256, found.model_name) == (code, code_sha256(code), "a.keras")


def test_nothing_is_allowed_that_nobody_consented_to(folder: Path, code: Path) -> None:
    assert TrustStore(folder).allowed(MODEL) is None
    assert not folder.exists()
    TrustStore(folder).allow(MODEL, code)
    assert TrustStore(folder).allowed(OTHER) is None


def test_a_changed_file_is_not_trusted_any_more(folder: Path, code: Path) -> None:
    store = TrustStore(folder)
    store.allow(MODEL, code)
    code.write_text("x = 2\n")
    assert store.allowed(MODEL) is None
    assert store.entry(MODEL) is not None  # to say so
    code.write_text("x = 1\n")
    assert store.allowed(MODEL) is not None
    code.unlink()
    assert store.allowed(MODEL) is None


def test_a_consent_that_was_taken_back_is_gone_on_disk(folder: Path, code: Path) -> None:
    store = TrustStore(folder)
    store.allow(MODEL, code)
    store.allow(OTHER, code)
    store.revoke(MODEL)
    store.revoke(MODEL)
    assert list(TrustStore(folder).entries()) == [OTHER]
    assert MODEL not in (folder / FILE_NAME).read_text()


def test_a_trained_network_has_the_consent_of_its_parent(folder: Path, code: Path) -> None:
    store = TrustStore(folder)
    store.inherit(MODEL, OTHER)
    assert store.entries() == {}
    store.allow(MODEL, code)
    store.inherit(MODEL, OTHER, model_name="tuned.keras")
    child = store.allowed(OTHER)
    assert child is not None
    assert (child.path, child.model_name) == (code, "tuned.keras")
    code.write_text("x = 2\n")
    assert store.allowed(OTHER) is None


@pytest.mark.parametrize(
    "damage",
    [
        b"", b"{", b"\xff\xfe", b"[]", b'{"format": "other"}', b"[" * 100_000,
        b'{"format": "seggui trusted Python files", "version": 2, "models": {}}',
        b'{"format": "seggui trusted Python files", "version": 1, "models": []}',
        b'{"format": "seggui trusted Python files", "version": 1, "models": {"x": {}}}',
        json.dumps({
            "format": "seggui trusted Python files", "version": 1,
            "models": {
                MODEL: {"path": "relative.py", "sha256": MODEL, "when": "", "model_name": ""},
            },
        }).encode(),
    ],
)  # fmt: skip
def test_a_damaged_list_is_set_aside_and_trusts_nothing(
    folder: Path, code: Path, damage: bytes
) -> None:
    folder.mkdir()
    (folder / FILE_NAME).write_bytes(damage)
    store = TrustStore(folder)
    assert store.allowed(MODEL) is None
    store.allow(OTHER, code)
    assert (folder / "trusted.damaged-1.json").read_bytes() == damage
    assert list(store.entries()) == [OTHER]


def test_a_second_damaged_list_does_not_replace_the_first(folder: Path) -> None:
    folder.mkdir()
    for content in (b"one", b"two"):
        (folder / FILE_NAME).write_bytes(content)
        assert TrustStore(folder).entries() == {}
    asides = sorted(path.read_bytes() for path in folder.glob("trusted.damaged-*.json"))
    assert asides == [b"one", b"two"]


def test_a_folder_where_the_list_should_be_is_an_error_and_no_consent(
    folder: Path, code: Path
) -> None:
    (folder / FILE_NAME).mkdir(parents=True)
    with pytest.raises(StorageError, match="could not be read"):
        TrustStore(folder).allowed(MODEL)
    with pytest.raises(StorageError):
        TrustStore(folder).allow(MODEL, code)


def test_what_is_no_python_file_is_refused_with_a_sentence(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="could not be read"):
        TrustStore(folder).allow(MODEL, tmp_path / "missing.py")
    (tmp_path / "long.py").write_bytes(b"#" * (5 * 2**20))
    with pytest.raises(ModelFileError, match="5242880 bytes"):
        TrustStore(folder).allow(MODEL, tmp_path / "long.py")
    (tmp_path / "short.py").write_bytes(b"#")
    with pytest.raises(ValueError, match="no SHA-256"):
        TrustStore(folder).allow("../x", tmp_path / "short.py")
    assert not (folder / FILE_NAME).exists()


def test_the_error_crosses_the_pipe_with_all_it_knows() -> None:
    error = OwnLayersError("Uses A.", names=("A", "p>B"), model_sha256=MODEL, remedy="Name it.")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is OwnLayersError
    assert (str(copy), copy.names, copy.model_sha256) == ("Uses A. Name it.", ("A", "p>B"), MODEL)
