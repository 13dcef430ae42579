/** The page's entry: gives the elements their Python, which starts only when a reader wants it. */

import { Runtime } from "../runtime/runtime";
import "./cell";
import "./exercise";
import "./predict";
import { python } from "./python";

python.provide(new Runtime());
