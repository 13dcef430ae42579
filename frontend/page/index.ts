/** The page's entry: gives the elements their Python, which starts only when a reader wants it. */

import { Runtime } from "../runtime/runtime";
import "./cell";
import "./exercise";
import "./predict";
import { keepForOffline } from "./offline";
import { python } from "./python";

python.provide(new Runtime());

addEventListener("load", () => setTimeout(() => keepForOffline().catch(console.warn), 1000));
