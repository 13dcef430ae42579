/** The two lines that the page can point at in an editor: where a problem is, where a story is. */

import { type EditorState, type Range, RangeSet, StateEffect, StateField } from "@codemirror/state";
import {
  Decoration,
  type DecorationSet,
  EditorView,
  GutterMarker,
  lineNumberMarkers,
} from "@codemirror/view";

export interface LineMarks {
  readonly problem: { readonly line: number; readonly message: string } | null;
  /** 1-based, like every line here. */
  readonly story: number | null;
}

export const setLineMarks = StateEffect.define<LineMarks>();

interface Drawn {
  readonly lines: DecorationSet;
  readonly gutter: RangeSet<GutterMarker>;
}

const nothing: Drawn = { lines: Decoration.none, gutter: RangeSet.empty };

/** Any edit clears them: they speak of the code as it was checked. */
const field = StateField.define<Drawn>({
  create: () => nothing,
  update(drawn, change) {
    const marks = change.effects.find((effect) => effect.is(setLineMarks));
    if (marks !== undefined) return draw(change.state, marks.value as LineMarks);
    return change.docChanged ? nothing : drawn;
  },
  provide: (self) => [
    EditorView.decorations.from(self, (drawn) => drawn.lines),
    lineNumberMarkers.from(self, (drawn) => drawn.gutter),
  ],
});

export const lineMarks = field;

class NumberWithSign extends GutterMarker {
  constructor(
    readonly text: string,
    override readonly elementClass: string,
    readonly hint: string,
  ) {
    super();
  }

  override eq(other: NumberWithSign): boolean {
    return other.text === this.text && other.hint === this.hint;
  }

  override toDOM(): Node {
    const element = document.createElement("span");
    element.textContent = this.text;
    element.title = this.hint;
    return element;
  }
}

function draw(state: EditorState, { problem, story }: LineMarks): Drawn {
  const lines: Range<Decoration>[] = [];
  const gutter: Range<GutterMarker>[] = [];
  const point = (line: number, name: string, sign: string, hint: string): void => {
    if (line < 1 || line > state.doc.lines) return;
    const { from } = state.doc.line(line);
    lines.push(Decoration.line({ class: `course-${name}-line` }).range(from));
    gutter.push(new NumberWithSign(`${sign}${line}`, `course-${name}-gutter`, hint).range(from));
  };
  if (problem !== null) point(problem.line, "problem", "✗ ", problem.message);
  if (story !== null && story !== problem?.line) point(story, "story", "▸ ", "The story is here");
  return { lines: Decoration.set(lines, true), gutter: RangeSet.of(gutter, true) };
}
