/** The diagram's SVG as Python drew it, with the current event marked and kept in sight. */

import { safeMarkup } from "./safe";

const SVG = "http://www.w3.org/2000/svg";
const MARGIN = 4;

export class Diagram {
  readonly element = document.createElement("div");
  readonly #mark = document.createElementNS(SVG, "rect");

  draw(svg: string): void {
    this.element.replaceChildren(safeMarkup(svg));
    this.#mark.setAttribute("class", "current-event");
    this.#mark.setAttribute("rx", "4");
    this.#svg?.append(this.#mark);
  }

  point(step: number): void {
    const event = this.element.querySelector<SVGGElement>(`g.event[data-step="${step}"]`);
    this.element.querySelector(".event.current")?.classList.remove("current");
    this.#mark.toggleAttribute("hidden", event === null);
    if (event === null) return;
    event.classList.add("current");
    this.#surround(event);
    this.#scrollTo(event);
  }

  get #svg(): SVGSVGElement | null {
    return this.element.querySelector("svg");
  }

  /** In the picture's own units: an event may sit in a group that is moved. */
  #surround(event: SVGGElement): void {
    const svg = this.#svg;
    const toScreen = event.getScreenCTM();
    const fromScreen = svg?.getScreenCTM()?.inverse();
    if (!toScreen || !fromScreen) return;
    const box = event.getBBox();
    const corner = new DOMPoint(box.x, box.y).matrixTransform(fromScreen.multiply(toScreen));
    this.#mark.setAttribute("x", String(corner.x - MARGIN));
    this.#mark.setAttribute("y", String(corner.y - MARGIN));
    this.#mark.setAttribute("width", String(box.width + 2 * MARGIN));
    this.#mark.setAttribute("height", String(box.height + 2 * MARGIN));
  }

  /** Scrolls the diagram's box and nothing else: `scrollIntoView` would move the page. */
  #scrollTo(event: SVGGElement): void {
    const box = this.element.parentElement;
    if (box === null) return;
    const place = event.getBoundingClientRect();
    const frame = box.getBoundingClientRect();
    const off = (start: number, size: number, from: number, room: number): number =>
      start >= from && start + size <= from + room ? 0 : start + size / 2 - (from + room / 2);
    box.scrollBy({
      left: off(place.left, place.width, frame.left, box.clientWidth),
      top: off(place.top, place.height, frame.top, box.clientHeight),
      behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "instant" : "smooth",
    });
  }
}
