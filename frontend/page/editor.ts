/**
 * The code editor: a lazy chunk, because CodeMirror is most of what the page could load.
 *
 * Colours are custom properties, most of them Material's own, so the palette toggle recolours the editor with no
 * word from us. Tab indents; after Escape it leaves the editor, so that nobody is trapped in it.
 */

import { defaultKeymap, history, historyKeymap, indentLess, indentMore } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import {
  bracketMatching,
  codeFolding,
  foldEffect,
  foldKeymap,
  HighlightStyle,
  indentOnInput,
  indentUnit,
  syntaxHighlighting,
} from "@codemirror/language";
import { Annotation, EditorState, Prec } from "@codemirror/state";
import { drawSelection, EditorView, highlightSpecialChars, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

import { type LineMarks, lineMarks, setLineMarks } from "./marks";

export interface EditorOptions {
  readonly source: string;
  readonly label: string;
  /** Id of the element that says which keys do what. */
  readonly describedBy: string;
  /** Keys that the element around the editor acts on, and the editor must leave alone. */
  readonly submitKeys: readonly string[];
  onChange(source: string): void;
}

export interface CodeEditor {
  /** Replaces all of the code, as one change that undo takes back. */
  replace(source: string): void;
  mark(marks: LineMarks): void;
  focus(): void;
  destroy(): void;
}

const fromPage = Annotation.define<boolean>();

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword], color: "var(--md-code-hl-keyword-color)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--md-code-hl-string-color)" },
  { tag: tags.number, color: "var(--md-code-hl-number-color)" },
  { tag: [tags.bool, tags.null, tags.self], color: "var(--md-code-hl-constant-color)" },
  { tag: tags.comment, color: "var(--md-code-hl-comment-color)", fontStyle: "italic" },
  {
    tag: [tags.function(tags.definition(tags.variableName)), tags.definition(tags.className)],
    color: "var(--md-code-hl-function-color)",
  },
  { tag: [tags.operator, tags.punctuation], color: "var(--md-code-hl-operator-color)" },
  { tag: tags.meta, color: "var(--md-code-hl-special-color)" },
]);

export function openEditor(parent: HTMLElement, options: EditorOptions): CodeEditor {
  const view = new EditorView({
    parent,
    state: EditorState.create({ doc: options.source, extensions: extensions(options) }),
  });
  foldBrief(view);
  return {
    replace: (source) => replace(view, source),
    mark: (marks) => view.dispatch({ effects: setLineMarks.of(marks) }),
    focus: () => view.focus(),
    destroy: () => view.destroy(),
  };
}

function extensions(options: EditorOptions) {
  return [
    lineNumbers(),
    history(),
    drawSelection(),
    highlightSpecialChars(),
    indentOnInput(),
    indentUnit.of("    "),
    bracketMatching(),
    python(),
    syntaxHighlighting(colours),
    lineMarks,
    codeFolding({ placeholderText: "… the brief, as above" }),
    Prec.high(keymap.of(options.submitKeys.map((key) => ({ key, run: () => true })))),
    escapeThenTab,
    keymap.of([
      { key: "Tab", run: indent, shift: indentLess },
      ...defaultKeymap,
      ...historyKeymap,
      ...foldKeymap,
    ]),
    EditorView.scrollMargins.of((view) => ({
      top: heightOf(document.querySelector(".md-header")),
      bottom: heightOf(view.dom.closest("course-exercise")?.querySelector(".toolbar")),
    })),
    EditorView.contentAttributes.of({
      "aria-label": options.label,
      "aria-describedby": options.describedBy,
      autocapitalize: "off",
    }),
    EditorView.updateListener.of((update) => {
      const byLearner = update.transactions.some((change) => !change.annotation(fromPage));
      if (update.docChanged && byLearner) options.onChange(update.state.doc.toString());
    }),
  ];
}

/** Of what stands before the lines at the edge of the window, in pixels. */
const heightOf = (bar: Element | null | undefined): number => bar?.getBoundingClientRect().height ?? 0;

/** The file opens with the brief, which stands above the editor already: only its first line is shown. */
function foldBrief(view: EditorView): void {
  const source = view.state.doc.toString();
  const end = source.startsWith('"""') ? source.indexOf('"""', 3) : -1;
  const from = source.indexOf("\n");
  if (from !== -1 && from < end) view.dispatch({ effects: foldEffect.of({ from, to: end + 3 }) });
}

/** Escape hands Tab back to the browser until the next other key, however slow the hand. */
const escapeThenTab = EditorView.domEventHandlers({
  keydown(event, view) {
    if (event.key === "Escape") view.setTabFocusMode(true);
    else if (!["Tab", "Shift"].includes(event.key)) view.setTabFocusMode(false);
    return false;
  },
  blur(_event, view) {
    view.setTabFocusMode(false);
  },
});

/** A lone caret moves to the next stop of four; a selection is indented whole. */
function indent(view: EditorView): boolean {
  const { state } = view;
  if (state.selection.ranges.some((range) => !range.empty)) return indentMore(view);
  const { head } = state.selection.main;
  const column = head - state.doc.lineAt(head).from;
  view.dispatch(state.replaceSelection(" ".repeat(4 - (column % 4))), { userEvent: "input.indent" });
  return true;
}

function replace(view: EditorView, source: string): void {
  const { doc } = view.state;
  if (doc.toString() === source) return;
  view.dispatch({
    changes: { from: 0, to: doc.length, insert: source },
    annotations: fromPage.of(true),
    userEvent: "input.replace",
  });
}
