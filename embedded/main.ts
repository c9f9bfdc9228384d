/** The same as main.mjs, which starts a little faster and in less memory. */
import "./main.mjs";
