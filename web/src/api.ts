/** The deployment's functions and the shapes of its rows, for every page. */
export { api } from "../../convex/_generated/api.js";
export type { Doc, Id } from "../../convex/_generated/dataModel.js";
