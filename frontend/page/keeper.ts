/** Keeps an exercise's draft in the browser: when it is written, and what the reader is told of it. */

import { html, nothing, type ReactiveController, type ReactiveControllerHost, type TemplateResult } from "lit";

import { compare } from "./compare";
import { download } from "./download";
import { Draft } from "./draft";
import { type NoticeActions, notices } from "./notices";
import { button } from "./parts";

const SAVE_AFTER_MS = 400;

export class Keeper implements ReactiveController {
  readonly draft: Draft;
  #timer = 0;
  #compared: { readonly title: string; readonly other: string } | null = null;

  /** `replaced` hears when all of the code has become another, and why. */
  constructor(
    readonly host: ReactiveControllerHost,
    readonly exercise: string,
    starter: string,
    readonly replaced: (words: string) => void,
  ) {
    this.draft = new Draft(exercise, starter, () => localStorage);
    host.addController(this);
  }

  hostConnected(): void {
    addEventListener("storage", this.#heard);
    addEventListener("pagehide", this.save);
    addEventListener("pageshow", this.#look);
    addEventListener("beforeunload", this.#warn);
    document.addEventListener("visibilitychange", this.save);
  }

  hostDisconnected(): void {
    this.save();
    removeEventListener("storage", this.#heard);
    removeEventListener("pagehide", this.save);
    removeEventListener("pageshow", this.#look);
    removeEventListener("beforeunload", this.#warn);
    document.removeEventListener("visibilitychange", this.save);
  }

  render(): TemplateResult {
    return html`${notices(this.draft, this.#actions)} ${this.#comparison()}`;
  }

  edited(source: string): void {
    this.draft.edit(source);
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(this.save, SAVE_AFTER_MS);
    this.host.requestUpdate();
  }

  reset(): void {
    this.draft.reset();
    this.#replace("Reset to the starter. Undo reset brings your code back.");
  }

  bringBackEarlier(): void {
    this.draft.bringBackEarlier();
    this.#replace("Your earlier code is back.");
  }

  readonly save = (): void => {
    clearTimeout(this.#timer);
    const { trouble, other } = this.draft;
    this.draft.save();
    if (this.draft.trouble !== trouble || this.draft.other !== other) this.host.requestUpdate();
  };

  #replace(words: string): void {
    this.#compareWith(null);
    this.save();
    this.replaced(words);
  }

  get #fileName(): string {
    return `${this.exercise.split("/").at(-1) ?? "code"}.py`;
  }

  readonly #actions: NoticeActions = {
    download: () => download(this.#fileName, this.draft.source),
    downloadDamaged: () => download(`${this.#fileName}.saved.txt`, this.draft.damaged ?? ""),
    forgetDamaged: () => {
      this.draft.forgetDamaged();
      this.host.requestUpdate();
    },
    takeOther: () => {
      this.draft.takeOther();
      this.#replace("The other tab's version is here now.");
    },
    keepMine: () => {
      this.draft.keepMine();
      this.#compareWith(null);
    },
    compareOther: () => this.#compareWith("the other tab", this.draft.other),
    compareStarter: () => this.#compareWith("the new starter", this.draft.starter),
    reset: () => this.reset(),
    dismissStarter: () => {
      this.draft.dismissStarter();
      this.save();
      this.#compareWith(null);
    },
  };

  #compareWith(title: string | null, other: string | null = null): void {
    this.#compared = title === null || other === null ? null : { title, other };
    this.host.requestUpdate();
  }

  #comparison(): TemplateResult | typeof nothing {
    if (this.#compared === null) return nothing;
    const { title, other } = this.#compared;
    return html`<section class="comparison" aria-label="Comparison">
      ${compare(this.draft.source, other, "your code", title)}
      ${button("Close the comparison", () => this.#compareWith(null))}
    </section>`;
  }

  readonly #heard = (event: StorageEvent): void => {
    if (event.key !== this.draft.key) return;
    this.draft.hear(event.newValue);
    this.host.requestUpdate();
  };

  /** A page that comes back as it was left has heard nothing meanwhile. */
  readonly #look = (): void => {
    this.draft.look();
    this.host.requestUpdate();
  };

  /** The browser asks before it closes the tab, if the tab is the only place where the code is. */
  readonly #warn = (event: BeforeUnloadEvent): void => {
    this.draft.save();
    if (this.draft.unsaved) event.preventDefault();
  };
}
