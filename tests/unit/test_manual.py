"""The manual and the documents say what the program has: keys, tools, formats, files, commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from docs.shortcut_table import MANUAL, rows, with_table
from model.formats.table import FORMATS
from seggui.actions import ACTIONS
from seggui.canvas.tools.table import TOOLS
from seggui.cli import COMMANDS, command_parser
from seggui.panels.image_status import STATUS_LOOKS
from seggui.panels.manual_dialog import heading_anchor

ROOT = MANUAL.parents[2]
TEXT = MANUAL.read_text(encoding="utf-8")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
MOST_BYTES = 250_000


def documents() -> list[Path]:
    """Every page that is written by hand."""
    return [
        ROOT / "README.md", ROOT / "CHANGELOG.md", MANUAL, *sorted((ROOT / "docs").rglob("*.md")),
    ]  # fmt: skip


def menu_paths() -> Iterator[str]:
    """What the pages quote as ``**Menu > Entry**``."""
    for action in ACTIONS:
        yield f"{action.menu} > {action.text}".replace("&", "")


def test_the_table_of_keys_is_that_of_the_code() -> None:
    assert with_table(TEXT) == TEXT, "run: python -m docs.shortcut_table"


def test_the_table_of_keys_has_every_action_and_tool_with_a_key() -> None:
    whats = [what for _, what, _ in rows()]
    wanted = [a.text.replace("&", "").rstrip(".") for a in ACTIONS if a.shortcuts]
    wanted += [tool.title.replace("&", "") for tool in TOOLS]
    assert not set(wanted) - set(whats)


@pytest.mark.parametrize("name", [tool.name for tool in TOOLS])
def test_the_chapter_on_painting_has_every_tool_with_its_key(name: str) -> None:
    tool = next(tool for tool in TOOLS if tool.name == name)
    assert f"| {tool.title.replace('&', '')} | `{tool.shortcuts[0]}` |" in TEXT


@pytest.mark.parametrize("name", list(FORMATS))
def test_the_chapter_on_exporting_has_every_format(name: str) -> None:
    assert f"| {FORMATS[name].title} | `{FORMATS[name].suffix}` |" in TEXT


def test_the_chapter_on_images_has_every_status() -> None:
    for look in STATUS_LOOKS.values():
        assert f"| {look.source_text} |" in TEXT


@pytest.mark.parametrize("name", list(COMMANDS))
def test_manual_and_readme_name_every_command(name: str) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"| `{name}" in TEXT
    assert f"`{name}" in readme


def test_named_options_of_commands_exist() -> None:
    known = {"--version", "--model", "--engine"}
    for name in COMMANDS:
        known |= set(re.findall(r"--[a-z][a-z-]+", command_parser(name).format_help()))
    for page in (MANUAL, ROOT / "README.md"):
        named = set(re.findall(r"`[^`]*?(--[a-z][a-z-]+)[^`]*`", page.read_text(encoding="utf-8")))
        assert not named - known, page


def test_quoted_menu_entries_exist() -> None:
    known = set(menu_paths()) | {"View > Panels", "View > Theme", "File > Open recent"}
    for page in documents():
        text = page.read_text(encoding="utf-8")
        menus = {path.partition(" > ")[0] for path in known}
        for quoted in re.findall(r"\*\*([A-Z][a-z]+ > [^*]+)\*\*", text):
            if quoted.partition(" > ")[0] in menus:
                assert quoted in known, page


def test_links_between_pages_lead_somewhere() -> None:
    for page in documents():
        text = page.read_text(encoding="utf-8")
        for target in LINK.findall(re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
            if target.startswith(("http://", "https://")):
                continue
            name, _, fragment = target.partition("#")
            file = page.parent / name if name else page
            assert file.exists(), f"{page}: {target}"
            if fragment:
                titles = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
                anchors = {heading_anchor(title) for title in titles}
                assert fragment in anchors, f"{page}: {target}"


def test_every_picture_is_shown_and_small() -> None:
    shown = {Path(name).name for name in LINK.findall(TEXT) if name.endswith(".png")}
    pictures = sorted((MANUAL.parent / "images").glob("*.png"))
    assert {picture.name for picture in pictures} == shown
    for picture in pictures:
        assert picture.stat().st_size < MOST_BYTES, picture
        with Image.open(picture) as opened:
            assert opened.size == (1280, 800), picture


@pytest.mark.parametrize("word", [f"/{name}/" for name in ("work", "tmp", "root")])
def test_no_page_names_a_folder_of_the_machine_it_was_written_on(word: str) -> None:
    for page in documents():
        assert word not in page.read_text(encoding="utf-8"), page


def test_the_module_map_names_files_that_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `((?:model|seggui)/[^`]+\.py)` \|", text, re.MULTILINE)
    assert len(named) > 100
    assert not [name for name in named if not (ROOT / name).is_file()]


def test_decision_records_say_context_decision_rejected_options_and_consequences() -> None:
    records = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [int(record.name[:4]) for record in records] == list(range(1, len(records) + 1))
    for record in records:
        titles = re.findall(r"^## (.+)$", record.read_text(encoding="utf-8"), re.MULTILINE)
        assert titles == ["Context", "Decision", "Rejected", "Consequences"], record
