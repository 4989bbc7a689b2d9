import { Link } from "wouter";
import { $api, type Model, type Relation, type Table } from "../api/client";
import { useTables } from "../api/tables";
import { to } from "../routes";
import { Async, Empty } from "../ui/Async";
import { spelled } from "../ui/invisible";
import { Name, visible } from "../ui/Visible";
import { ImportLink } from "./ImportLink";
import { BOX_HEAD, BOX_ROW, BOX_WIDTH, boxesOf, lineOf, targetOf } from "./relations";

/** The tables of a Model by their foreign keys. */
export default function ModelDiagram({ model }: { model: Model }) {
  const tables = useTables(model.id);
  const relations = $api.useQuery("get", "/api/v1/models/{id}/relations", {
    params: { path: { id: model.id } },
  });
  return (
    <div className="page">
      <Async query={tables}>
        {(items) => (
          <Async
            query={relations}
            empty={(list) => (list.items.length === 0 ? <None model={model} /> : undefined)}
          >
            {(list) => <Diagram model={model} tables={items} relations={list.items} />}
          </Async>
        )}
      </Async>
    </div>
  );
}

function None({ model }: { model: Model }) {
  return (
    <Empty title="No table here refers to another" action={<ImportLink model={model} />}>
      <p>
        Foreign keys are read with a table. Tables that were imported before Mycorr kept them show theirs
        after the next sync.
      </p>
    </Empty>
  );
}

interface Props {
  model: Model;
  tables: Table[];
  relations: Relation[];
}

function Diagram({ model, tables, relations }: Props) {
  const boxes = boxesOf(relations);
  const byId = new Map(boxes.map((box) => [box.id, box]));
  const table = (id: string) => tables.find((one) => one.id === id);
  const nameOf = (id: string) => table(id)?.name ?? id;
  const width = Math.max(...boxes.map(({ x }) => x)) + BOX_WIDTH;
  const height = Math.max(...boxes.map((box) => box.y + box.height));
  const alone = tables.filter(({ id }) => !byId.has(id));
  return (
    <div className="stack" style={{ gap: 24 }}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it */}
      <section className="diagram" tabIndex={0} aria-label="Diagram of the tables">
        <div style={{ position: "relative", width, height }}>
          <svg width={width} height={height} aria-hidden>
            {relations.flatMap((one) => {
              const [from, target] = [byId.get(one.table_id), byId.get(targetOf(one))];
              if (!from || !target) return [];
              return one.columns.map((column, at) => (
                <path
                  key={`${one.table_id} ${one.name} ${column}`}
                  d={lineOf(from, column, target, one.to_columns[at])}
                  className={one.to_table_id ? undefined : "outside"}
                />
              ));
            })}
          </svg>
          {boxes.map((box) => (
            <div
              key={box.id}
              className={box.outside ? "diagram-box outside" : "diagram-box"}
              style={{ left: box.x, top: box.y, width: BOX_WIDTH, height: box.height }}
            >
              <div className="diagram-name" style={{ height: BOX_HEAD }}>
                {table(box.id) ? (
                  <Link className="link" to={to.model(model.id, "data", { table: box.id })}>
                    {visible(nameOf(box.id))}
                  </Link>
                ) : (
                  <span>{visible(box.id)}</span>
                )}
              </div>
              {box.columns.map((column) => (
                <div
                  key={column}
                  className="diagram-column"
                  style={{ height: BOX_ROW }}
                  title={spelled(column)}
                >
                  {visible(column)}
                </div>
              ))}
              {box.outside && (
                <div className="diagram-column dim" style={{ height: BOX_ROW }}>
                  not imported
                </div>
              )}
            </div>
          ))}
        </div>
      </section>
      <section aria-labelledby="references">
        <h2 id="references">References</h2>
        <ul className="references">
          {relations.map((one) => (
            <li key={`${one.table_id} ${one.name}`}>
              <Name text={nameOf(one.table_id)} /> (<Name text={one.columns.join(", ")} />){" "}
              <span className="dim">refers to</span> <Name text={nameOf(targetOf(one))} />
              {one.to_columns.length > 0 && (
                <>
                  {" "}
                  (<Name text={one.to_columns.join(", ")} />)
                </>
              )}
              {one.to_table_id === null && <span className="dim">, not in this Model</span>}
            </li>
          ))}
        </ul>
        {alone.length > 0 && (
          <p className="dim text">Without references: {alone.map(({ name }) => spelled(name)).join(", ")}.</p>
        )}
      </section>
    </div>
  );
}
