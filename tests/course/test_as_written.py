"""Code in the prose of a notebook that nbconvert has escaped."""

from markdown import Markdown

from course.as_written import AsWritten

CELL = """<div class="jp-MarkdownCell" markdown="1">

{}

</div>"""


def html(text: str) -> str:
    return Markdown(extensions=["md_in_html", "pymdownx.superfences", AsWritten()]).convert(text)


def test_code_in_prose_is_escaped_once():
    assert "<code>a &lt; b &amp;&amp; c &gt; d</code>" in html(CELL.format("If `a &lt; b &amp;&amp; c &gt; d`."))
    assert "<code>a ` &gt; b</code>" in html(CELL.format("If ``a ` &gt; b``."))


def test_a_fence_is_escaped_once():
    assert "a &gt; b" in html(CELL.format("```text\na &gt; b\n```"))


def test_prose_stays_escaped():
    assert "<p>Write &lt;b&gt;, then <code>&gt;</code>.</p>" in html(CELL.format("Write &lt;b&gt;, then `&gt;`."))


def test_other_html_is_left_alone():
    assert "`a &lt; b`" in html("<pre>`a &lt; b`</pre>")
