/** What the reader must know about where the code is kept, and what can be done about it. */

import { html, nothing, type TemplateResult } from "lit";

import type { Draft } from "./draft";
import { button } from "./parts";

export interface NoticeActions {
  download(): void;
  downloadDamaged(): void;
  forgetDamaged(): void;
  takeOther(): void;
  keepMine(): void;
  compareOther(): void;
  compareStarter(): void;
  reset(): void;
  dismissStarter(): void;
}

export function notices(draft: Draft, act: NoticeActions): TemplateResult {
  return html`<div class="notices" role="status">
    ${trouble(draft, act)}
    ${draft.damaged === null
      ? nothing
      : notice("Code that was saved here before cannot be read. It is kept until you throw it away.", [
          button("Download what was saved", act.downloadDamaged),
          button("Throw it away", act.forgetDamaged),
        ])}
    ${draft.other === null
      ? nothing
      : notice("There is a different version of this exercise from another tab. Nothing is overwritten until you choose.", [
          button("Compare", act.compareOther),
          button("Use the other version", act.takeOther),
          button("Keep this one", act.keepMine),
        ])}
    ${draft.newerStarter
      ? notice("This exercise has a newer starter than the one you began from. Your code is unchanged.", [
          button("Compare", act.compareStarter),
          button("Begin again from the new starter", act.reset),
          button("Keep my code", act.dismissStarter),
        ])
      : nothing}
  </div>`;
}

function trouble(draft: Draft, act: NoticeActions): TemplateResult | typeof nothing {
  if (draft.trouble === null) return nothing;
  const why = draft.trouble === "full" ? "its storage for this site is full" : "it does not allow this site to store anything";
  return notice(`Your browser cannot save your code: ${why}. It lives in this tab only.`, [
    button("Download your code", act.download),
  ]);
}

const notice = (text: string, actions: readonly TemplateResult[]): TemplateResult =>
  html`<div class="notice"><p>${text}</p><div class="actions">${actions}</div></div>`;
