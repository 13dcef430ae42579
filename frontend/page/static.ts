/** The exercise as the site was built: what a reader without JavaScript sees, taken apart. */

export interface StaticExercise {
  readonly brief: readonly Element[];
  readonly starter: string;
  readonly hints: readonly HTMLDetailsElement[];
  readonly solution: StaticSolution | null;
}

export interface StaticSolution {
  readonly code: string;
  /** All that the solution says, the code and the words around it. */
  readonly nodes: readonly Node[];
}

export function takeApart(element: HTMLElement): StaticExercise {
  const solution = element.querySelector(":scope > details.solution");
  const parts = {
    brief: [...element.querySelectorAll(":scope > .brief")],
    starter: element.querySelector(":scope > .starter")?.textContent ?? "",
    hints: [...element.querySelectorAll<HTMLDetailsElement>(":scope > details.hint")],
    solution: solution === null ? null : takeSolution(solution),
  };
  element.replaceChildren();
  return parts;
}

function takeSolution(details: Element): StaticSolution {
  const nodes = [...details.childNodes].filter((node) => node.nodeName !== "SUMMARY");
  return { code: details.querySelector("pre")?.textContent ?? "", nodes };
}
