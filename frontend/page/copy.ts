/** A command with a button that copies it and says so. */

import { html, type ReactiveController, type ReactiveControllerHost, type TemplateResult } from "lit";

export class CopyButton implements ReactiveController {
  #said = "";
  #timer = 0;

  constructor(readonly host: ReactiveControllerHost) {
    host.addController(this);
  }

  hostDisconnected(): void {
    clearTimeout(this.#timer);
  }

  render(command: string): TemplateResult {
    return html`
      <p class="replay">
        <span>The same schedule in your terminal:</span>
        <code>${command}</code>
        <button type="button" class="course-button small" @click=${() => void this.#copy(command)}>Copy</button>
        <span role="status">${this.#said}</span>
      </p>`;
  }

  async #copy(command: string): Promise<void> {
    try {
      await navigator.clipboard.writeText(command);
      this.#say("Copied");
    } catch {
      this.#say("Your browser did not allow it: select the text instead");
    }
  }

  #say(text: string): void {
    this.#said = text;
    this.host.requestUpdate();
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => {
      this.#said = "";
      this.host.requestUpdate();
    }, 4000);
  }
}
