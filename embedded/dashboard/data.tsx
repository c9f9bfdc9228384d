/** Tables with their rows, the newest first, as they are now: filter, add, edit, delete. */
import { useMutation } from "convex/react";
import { type ReactNode, useEffect, useState } from "react";
import { mutation, useConnection } from "./connection.ts";
import { read, readLoosely, show, time } from "./json.ts";
import { Dialog, Empty, Loading, Problem, useSystem } from "./parts.tsx";

type Row = { _id: string; _creationTime: number } & Record<string, unknown>;
type Table = { name: string; indexes: { name: string; fields: string[] }[] };
type Filter = { field: string; operator: string; value: unknown };

const PORTION = 50;
const OPERATORS = [
  ["$eq", "="],
  ["$neq", "≠"],
  ["$lt", "<"],
  ["$lte", "≤"],
  ["$gt", ">"],
  ["$gte", "≥"],
] as const;

export function Data(): ReactNode {
  const tables = useSystem<Table[]>("_system/frontend:tables");
  const [chosen, choose] = useState<string | null>(null);
  if (!tables) return <Loading />;
  if (tables.length === 0)
    return <Empty>There are no tables yet. Push an app with `npx convex dev`, or insert a row.</Empty>;
  const table = tables.find(({ name }) => name === chosen) ?? (tables[0] as Table);
  return (
    <div className="split">
      <ul className="list" aria-label="Tables">
        {tables.map(({ name }) => (
          <li key={name}>
            <button type="button" aria-current={name === table.name} onClick={() => choose(name)}>
              {name}
            </button>
          </li>
        ))}
      </ul>
      <Rows key={table.name} table={table} />
    </div>
  );
}

function Rows({ table }: { table: Table }): ReactNode {
  const { component } = useConnection();
  const [numItems, setNumItems] = useState(PORTION);
  const [filter, setFilter] = useState<Filter | null>(null);
  const [edited, edit] = useState<Row | "new" | null>(null);
  const [marked, mark] = useState<ReadonlySet<string>>(new Set());
  const [error, setError] = useState<string | null>(null);
  const remove = useMutation(mutation("_system/frontend:remove"));
  const result = useSystem<{ page: Row[]; isDone: boolean; cutShort: boolean }>("_system/frontend:rows", {
    table: table.name,
    numItems,
    filter,
  });
  // While the next rows are fetched, those before stay on the screen.
  const [shown, show_] = useState(result);
  useEffect(() => {
    if (result) show_(result);
  }, [result]);
  const rows = (result ?? shown)?.page;
  const columns = [...new Set((rows ?? []).flatMap((row) => Object.keys(row)))].filter(
    (name) => name !== "_creationTime",
  );
  columns.sort((a, b) => (a === "_id" ? -1 : b === "_id" ? 1 : 0));
  const removeMarked = async () => {
    setError(null);
    const ids = [...marked];
    if (!confirm(`Delete ${ids.length === 1 ? "this row" : `these ${ids.length} rows`} of ${table.name}?`))
      return;
    try {
      await remove({ component, ids });
      mark(new Set());
    } catch (caught) {
      setError((caught as Error).message);
    }
  };
  return (
    <section aria-label={`Rows of ${table.name}`}>
      <div className="bar">
        <FilterForm onFilter={setFilter} columns={columns} />
        <span className="spring" />
        {marked.size > 0 && (
          <button type="button" className="danger" onClick={removeMarked}>
            Delete {marked.size}
          </button>
        )}
        <button type="button" className="primary" onClick={() => edit("new")}>
          Add a row
        </button>
      </div>
      <Problem error={error} />
      {!rows ? (
        <Loading />
      ) : rows.length === 0 ? (
        <Empty>{filter ? "No row fits this filter." : "This table is empty."}</Empty>
      ) : (
        <div className="scroll">
          <table>
            <thead>
              <tr>
                <th>
                  <span className="hidden">Marked</span>
                </th>
                {columns.map((name) => (
                  <th key={name}>{name}</th>
                ))}
                <th>_creationTime</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr key={row._id}>
                  <td>
                    <input
                      type="checkbox"
                      aria-label={`Mark ${row._id}`}
                      checked={marked.has(row._id)}
                      onChange={(event) => {
                        const { checked } = event.target;
                        mark((before) => {
                          const next = new Set(before);
                          if (checked) next.add(row._id);
                          else next.delete(row._id);
                          return next;
                        });
                      }}
                    />
                  </td>
                  {columns.map((name) =>
                    name === "_id" ? (
                      <td key={name}>
                        <button
                          type="button"
                          className="plain code"
                          onClick={() => edit(row)}
                          title="Edit this row"
                        >
                          {row._id}
                        </button>
                      </td>
                    ) : (
                      <td key={name} className="code">
                        {show(row[name])}
                      </td>
                    ),
                  )}
                  <td className="quiet">{time(row._creationTime)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <div className="bar">
        {result && !result.isDone && !result.cutShort && numItems < 1_000 && (
          <button type="button" onClick={() => setNumItems(numItems + PORTION)}>
            More rows
          </button>
        )}
        {result && !result.isDone && numItems >= 1_000 && (
          <span className="quiet">The newest 1,000 rows; a filter finds others.</span>
        )}
        {result?.cutShort && <span className="quiet">Only the newest 4,000 rows were looked at.</span>}
        <span className="quiet">
          Indexes: {table.indexes.map(({ name, fields }) => `${name} (${fields.join(", ")})`).join(" · ")}
        </span>
      </div>
      {edited && (
        <Editor table={table.name} row={edited === "new" ? null : edited} onClose={() => edit(null)} />
      )}
    </section>
  );
}

function FilterForm(props: { columns: string[]; onFilter: (filter: Filter | null) => void }): ReactNode {
  const [field, setField] = useState("");
  const [operator, setOperator] = useState("$eq");
  const [value, setValue] = useState("");
  return (
    <form
      className="bar"
      onSubmit={(event) => {
        event.preventDefault();
        props.onFilter(
          field.trim() === "" ? null : { field: field.trim(), operator, value: readLoosely(value) },
        );
      }}
    >
      <input
        aria-label="Filter field"
        placeholder="field"
        value={field}
        list="columns"
        onChange={(event) => setField(event.target.value)}
      />
      <datalist id="columns">
        {props.columns.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <select
        aria-label="Filter operator"
        value={operator}
        onChange={(event) => setOperator(event.target.value)}
      >
        {OPERATORS.map(([name, sign]) => (
          <option key={name} value={name}>
            {sign}
          </option>
        ))}
      </select>
      <input
        aria-label="Filter value"
        placeholder="value"
        value={value}
        onChange={(event) => setValue(event.target.value)}
      />
      <button type="submit">Filter</button>
      <button
        type="button"
        onClick={() => {
          setField("");
          setValue("");
          props.onFilter(null);
        }}
      >
        All
      </button>
    </form>
  );
}

function Editor({ table, row, onClose }: { table: string; row: Row | null; onClose: () => void }): ReactNode {
  const { component } = useConnection();
  const [text, setText] = useState(() => {
    const { _id, _creationTime, ...fields } = row ?? { _id: "", _creationTime: 0 };
    return show(fields, 2);
  });
  const [error, setError] = useState<string | null>(null);
  const insert = useMutation(mutation("_system/frontend:insert"));
  const replace = useMutation(mutation("_system/frontend:replace"));
  const save = async () => {
    setError(null);
    try {
      const document = read(text);
      await (row ? replace({ component, id: row._id, document }) : insert({ component, table, document }));
      onClose();
    } catch (caught) {
      setError((caught as Error).message);
    }
  };
  return (
    <Dialog title={row ? `${table} ${row._id}` : `A new row of ${table}`} onClose={onClose}>
      <label>
        Fields, as JSON (int64 as {'{"$integer": …}'}, bytes as {'{"$bytes": …}'})
        <textarea className="code" rows={14} value={text} onChange={(event) => setText(event.target.value)} />
      </label>
      <Problem error={error} />
      <div className="bar">
        <span className="spring" />
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button type="button" className="primary" onClick={save}>
          Save
        </button>
      </div>
    </Dialog>
  );
}
