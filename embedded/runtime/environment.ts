/**
 * The environment that functions see: the app's own functions all variables of the deployment, those of a component
 * only what the app has handed to it (`app.use(component, { env })`).
 */
import { allComponents, type Component } from "./components.ts";
import { currentRun } from "./context.ts";

/** Puts `process.env` under the rule above. What runs outside of a function sees all. */
export function hideEnvironment(tree: Component): void {
  const components = new Map([...allComponents(tree)].map((component) => [component.path, component.env]));
  if (components.size === 1) return;
  const all = process.env;
  const visible = () => components.get(currentRun.getStore()?.component ?? "") ?? all;
  process.env = new Proxy(all, {
    get: (_target, name) => Reflect.get(visible(), name) as string | undefined,
    has: (_target, name) => Reflect.has(visible(), name),
    ownKeys: () => Reflect.ownKeys(visible()),
    getOwnPropertyDescriptor: (_target, name) => Reflect.getOwnPropertyDescriptor(visible(), name),
  });
}
