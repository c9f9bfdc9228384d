import { defineComponent } from "convex/server";
import { v } from "convex/values";
import nested from "./nested/convex.config";

const component = defineComponent("local", { env: { GREETING: v.string() } });
component.use(nested);
export default component;
