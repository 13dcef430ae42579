/**
 * Markup that our own Python made, turned into nodes that can do nothing but show.
 *
 * Our Python escapes what it puts into SVG and HTML. But the learner's code runs in the same
 * interpreter and may have been pasted from anywhere, so its word is not enough: the text is parsed
 * into a document that never runs, and whatever could run, navigate or load is taken out before the
 * nodes are adopted. They are adopted as nodes, never written back as text and parsed again.
 */

const forbidden =
  "script, foreignObject, iframe, frame, object, embed, link, meta, base, form, animate, set, " +
  "animateTransform, animateMotion, audio, video, source, template";

export function safeMarkup(text: string): DocumentFragment {
  const parsed = new DOMParser().parseFromString(text, "text/html");
  for (const element of parsed.querySelectorAll(forbidden)) element.remove();
  for (const style of parsed.querySelectorAll("style")) {
    if (/url\(|@import/i.test(style.textContent ?? "")) style.remove();
  }
  for (const element of parsed.querySelectorAll("*")) removeUnsafeAttributes(element);
  const fragment = document.createDocumentFragment();
  fragment.append(...parsed.head.querySelectorAll("style"), ...parsed.body.childNodes);
  return fragment;
}

function removeUnsafeAttributes(element: Element): void {
  for (const { name, value } of [...element.attributes]) {
    if (/^on/i.test(name) || (loads(name) && !isHarmless(value)) || hasForeignUrl(value)) {
      element.removeAttribute(name);
    }
  }
}

const loads = (name: string): boolean =>
  /^(.*:)?href$|^src(set|doc)?$|^action$|^formaction$|^poster$|^data$|^background$|^ping$/i.test(name);

const isHarmless = (value: string): boolean => /^(#|data:image\/(png|jpeg|gif|webp);)/i.test(value);

/** In a style or a presentation attribute only a reference within the picture is allowed. */
const hasForeignUrl = (value: string): boolean => /url\(\s*["']?(?!#)/i.test(value);
