/**
 * Checks values against Convex validators (their exported JSON) and words a failure as the backend does.
 */
import { displayValue, type Json, type JsonObject, kindOf } from "../values/json.ts";

export type FieldValidator = { fieldType: Validator; optional: boolean };
export type Validator =
  | {
      type: "null" | "number" | "bigint" | "boolean" | "string" | "bytes" | "any" | "commitTs";
    }
  | { type: "literal"; value: Json }
  | { type: "id"; tableName: string }
  | { type: "array"; value: Validator }
  | { type: "record"; keys: Validator; values: FieldValidator }
  | { type: "object"; value: Record<string, FieldValidator> }
  | { type: "union"; value: Validator[] };

/** The name of the table that an id belongs to; null if the text is not an id. */
export type TableOfId = (id: string) => string | null;

/** A validator as it is written in source: `v.object({name: v.string()})`. */
export function displayValidator(validator: Validator): string {
  switch (validator.type) {
    case "literal":
      return `v.literal(${displayValue(validator.value)})`;
    case "id":
      return `v.id("${validator.tableName}")`;
    case "array":
      return `v.array(${displayValidator(validator.value)})`;
    case "record":
      return `v.record(${displayValidator(validator.keys)}, ${displayValidator(validator.values.fieldType)})`;
    case "object":
      return `v.object({${Object.entries(validator.value)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, field]) => {
          const inner = displayValidator(field.fieldType);
          return `${name}: ${field.optional ? `v.optional(${inner})` : inner}`;
        })
        .join(", ")}})`;
    case "union":
      return `v.union(${validator.value.map(displayValidator).join(", ")})`;
    case "number":
      return "v.float64()";
    case "bigint":
      return "v.int64()";
    default:
      return `v.${validator.type}()`;
  }
}

/** A message shows no more of a value than helps to see what is wrong with it. */
const LONGEST_SHOWN_VALUE = 2_000;

function shown(value: Json): string {
  const text = displayValue(value);
  return text.length <= LONGEST_SHOWN_VALUE ? text : `${text.slice(0, LONGEST_SHOWN_VALUE)}…`;
}

function where(path: string): string {
  return path === "" ? "" : `Path: ${path}`;
}

function mismatch(path: string, value: Json, validator: Validator): string {
  const place = path === "" ? "" : `${where(path)}\n`;
  return `Value does not match validator.\n${place}Value: ${shown(value)}\nValidator: ${displayValidator(validator)}`;
}

function objectProblem(problem: string, path: string, value: Json, validator: Validator): string {
  return `${problem}\n${where(path)}\nObject: ${shown(value)}\nValidator: ${displayValidator(validator)}`;
}

/** The first thing wrong with the value, in the backend's words; null if it fits. */
export function findMismatch(
  validator: Validator,
  value: Json,
  tableOfId: TableOfId,
  path = "",
): string | null {
  const kind = kindOf(value);
  const wrong = () => mismatch(path, value, validator);
  switch (validator.type) {
    case "any":
      return null;
    case "null":
    case "boolean":
    case "string":
    case "bytes":
      return kind === validator.type ? null : wrong();
    case "number":
      return kind === "float64" ? null : wrong();
    case "bigint":
      return kind === "int64" ? null : wrong();
    case "commitTs":
      return kind === "commitTs" || kind === "int64" ? null : wrong();
    case "literal":
      return JSON.stringify(value) === JSON.stringify(validator.value) ? null : wrong();
    case "id": {
      const table = kind === "string" ? tableOfId(value as string) : null;
      if (table === validator.tableName) return null;
      if (table === null) return wrong();
      const found = table.startsWith("_") ? "a system table" : `table \`${table}\``;
      // There is no space before "Path" in the backend's text either.
      return `Found ID "${value as string}" from ${found}, which does not match the table name in validator \`v.id("${validator.tableName}")\`.${where(path)}`;
    }
    case "array": {
      if (kind !== "array") return wrong();
      for (const [index, element] of (value as Json[]).entries()) {
        const problem = findMismatch(validator.value, element, tableOfId, `${path}[${index}]`);
        if (problem !== null) return problem;
      }
      return null;
    }
    case "record": {
      if (kind !== "object") return wrong();
      for (const [key, inner] of Object.entries(value as JsonObject)) {
        const problem =
          findMismatch(validator.keys, key, tableOfId, `${path}.${key}`) ??
          findMismatch(validator.values.fieldType, inner, tableOfId, `${path}.${key}`);
        if (problem !== null) return problem;
      }
      return null;
    }
    case "object": {
      if (kind !== "object") return wrong();
      const object = value as JsonObject;
      for (const [name, field] of Object.entries(validator.value)) {
        if (!Object.hasOwn(object, name)) {
          if (field.optional) continue;
          return objectProblem(
            `Object is missing the required field \`${name}\`. Consider wrapping the field validator in \`v.optional(...)\` if this is expected.`,
            path,
            value,
            validator,
          );
        }
        const problem = findMismatch(field.fieldType, object[name] as Json, tableOfId, `${path}.${name}`);
        if (problem !== null) return problem;
      }
      for (const name of Object.keys(object)) {
        if (!Object.hasOwn(validator.value, name)) {
          return objectProblem(
            `Object contains extra field \`${name}\` that is not in the validator.`,
            path,
            value,
            validator,
          );
        }
      }
      return null;
    }
    case "union": {
      for (const option of validator.value) {
        if (findMismatch(option, value, tableOfId, path) === null) return null;
      }
      const objects = validator.value.filter((option) => option.type === "object");
      if (validator.value.length === 1 && objects[0]) return findMismatch(objects[0], value, tableOfId, path);
      return wrong();
    }
  }
}
