"""What the pages about the lessons take from the lessons' front matter: the map of the course, and the feed."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config

ROOT = Path(__file__).parents[2]
CONFIG = f"""
site_name: Test
site_url: https://course.example/
plugins: []
theme: {{name: material, font: false, custom_dir: {ROOT}/theme/overrides, static_templates: [feed.xml]}}
"""


def lesson(title: str, requires: str = "", published: str = "2026-01-01") -> str:
    facts = f"level: foundations\nminutes: 20\nrequires: [{requires}]\npublished: {published}"
    return f"---\n{facts}\n---\n# {title}\n\nA & b."


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    pages = {
        "index.md": "# Home",
        "syllabus.md": "---\ntemplate: syllabus.html\n---\n# Syllabus",
        "lessons/01-generals/index.md": lesson("Generals"),
        "lessons/02-delivery/index.md": lesson("Delivery", "01-generals", "2026-03-01"),
        "lessons/03-outbox/index.md": lesson("Outbox", "02-delivery, 09-to-come", "2026-02-01"),
        "lessons/04-groups/index.md": lesson("Groups", "01-generals, 02-delivery", "2026-02-02"),
    }
    for name, text in pages.items():
        path = folder / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "mkdocs.yml").write_text(CONFIG)
    config = load_config(str(folder / "mkdocs.yml"))
    build(config)
    return folder / "site"


def course_map(site: Path) -> ElementTree.Element:
    html = (site / "syllabus/index.html").read_text()
    start = html.index("<svg", html.index('class="course-map"'))
    return ElementTree.fromstring(html[start : html.index("</svg>", start) + len("</svg>")])


def test_the_map_leads_to_each_lesson(site: Path):
    links = {link.get("href"): link for link in course_map(site).iter("a")}
    assert list(links) == [
        f"../lessons/{name}/" for name in ("01-generals", "02-delivery", "03-outbox", "04-groups")
    ]
    assert [text.text for text in links["../lessons/02-delivery/"].iter("text")] == ["Delivery", "20 min"]


def test_the_map_has_an_arrow_for_each_lesson_that_is_required_and_there(site: Path):
    assert sum(path.get("class") == "requires" for path in course_map(site).iter("path")) == 4


def test_a_lesson_stands_below_those_that_it_requires_and_beside_its_equals(site: Path):
    places = [str(link.get("transform"))[10:-1].split() for link in course_map(site).iter("a")]
    generals, delivery, outbox, groups = [(float(x), float(y)) for x, y in places]
    assert generals[1] < delivery[1] < outbox[1] == groups[1]
    assert generals[0] == delivery[0]
    assert outbox[0] < groups[0]


def test_the_feed_tells_the_newest_lesson_first(site: Path):
    feed = ElementTree.fromstring((site / "feed.xml").read_text())
    items = list(feed.iter("item"))
    assert [item.findtext("title") for item in items] == ["Delivery", "Groups", "Outbox", "Generals"]
    assert items[0].findtext("link") == "https://course.example/lessons/02-delivery/"
    assert items[0].findtext("description") == "A & b."
    assert items[0].findtext("pubDate") == "Sun, 01 Mar 2026 00:00:00 +0000"


def test_each_page_names_the_feed(site: Path):
    assert (
        '<link rel="alternate" type="application/rss+xml" title="New lessons" href="../feed.xml">'
        in (site / "syllabus/index.html").read_text()
    )
