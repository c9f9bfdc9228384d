/** The page `/_dashboard` in a real browser, and the system functions behind it. */
import { existsSync } from "node:fs";
import { makeFunctionReference } from "convex/server";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { api } from "./app/convex/_generated/api.js";
import { Deployment } from "./harness.ts";

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  existsSync,
);
const QUIET = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

let deployment: Deployment;
beforeAll(async () => {
  deployment = await Deployment.start();
});
afterAll(() => deployment.stop());
const send = (seq: number, body: string) =>
  deployment.http().mutation(api.messages.send, { channel: "board", seq, body });
const list = () =>
  deployment.http().query(api.messages.list, { channel: "board" }) as Promise<
    { _id: string; body: string }[]
  >;

describe("system functions", () => {
  it("are for holders of the admin key", async () => {
    const rows = makeFunctionReference<"query">("_system/frontend:rows");
    const remove = makeFunctionReference<"mutation">("_system/frontend:remove");
    await expect(deployment.http().query(rows, { table: "messages" })).rejects.toThrow("Could not find");
    await expect(deployment.http().mutation(remove, { ids: [] })).rejects.toThrow("Could not find");
    expect(await deployment.admin().query(rows, { table: "messages" })).toMatchObject({
      page: [],
      isDone: true,
    });
  });

  it("write only what the schema allows, and no system table", async () => {
    const admin = deployment.admin();
    const insert = makeFunctionReference<"mutation">("_system/frontend:insert");
    const remove = makeFunctionReference<"mutation">("_system/frontend:remove");
    await expect(admin.mutation(insert, { table: "messages", document: { no: 1 } })).rejects.toThrow(
      "does not match the schema",
    );
    await expect(admin.mutation(remove, { ids: ["nothing"] })).rejects.toThrow("is no id of a document");
    for (const table of ["_storage", "_scheduled_functions", "not a name", "x@ghost"]) {
      await expect(admin.mutation(insert, { table, document: {} })).rejects.toThrow("is no name for a table");
    }
  });

  it("the page itself comes with a strict policy, and holds no key", async () => {
    const response = await fetch(`${deployment.url}/_dashboard`);
    expect(response.headers.get("content-security-policy")).toContain("script-src 'self'");
    const script = await (await fetch(`${deployment.url}/_dashboard/main.js`)).text();
    expect((await response.text()) + script).not.toContain(deployment.adminKey.split("|")[1]);
    expect((await fetch(`${deployment.url}/_dashboard/../../etc/passwd`)).status).toBe(404);
    expect((await fetch(`${deployment.url}/_dashboard/other.js`)).status).toBe(404);
  });
});

if (!CHROMIUM)
  console.error(
    "NO CHROMIUM WAS FOUND: the page /_dashboard is NOT tested. Install it, e.g. the package chromium.",
  );

describe.skipIf(!CHROMIUM)("in a browser", () => {
  let browser: Browser;
  let page: Page;
  const problems: string[] = [];
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM as string, args: QUIET });
    page = await browser.newPage({ viewport: { width: 1200, height: 800 } });
    page.setDefaultTimeout(8_000);
    page.on("pageerror", (error) => problems.push(String(error)));
    page.on("dialog", (dialog) => void dialog.accept());
  });
  afterAll(async () => {
    await browser?.close();
    expect(problems).toEqual([]);
  });
  const open = (panel: string) => page.getByRole("link", { name: panel }).click();

  it("asks for the key, and says when it is a wrong one", async () => {
    await page.goto(`${deployment.url}/_dashboard`);
    await page.getByLabel("Admin key").fill("embedded|wrong");
    await page.getByRole("button", { name: "Open" }).click();
    await page.getByText("This is not the admin key").waitFor();
    await page.getByLabel("Admin key").fill(deployment.adminKey);
    await page.getByRole("button", { name: "Open" }).click();
    await page.getByRole("link", { name: "Data" }).waitFor();
    expect(page.url()).not.toContain(deployment.adminKey.split("|")[1]);
  });

  it("shows rows as they come, as text whatever they hold", async () => {
    await page.getByRole("button", { name: "messages" }).click();
    await page.getByText("This table is empty.").waitFor();
    await send(1, "<img src=x onerror=alert(1)><b>bold</b>");
    await page.getByText("<b>bold</b>").waitFor();
    expect(await page.locator("td img, td b").count()).toBe(0);
    await send(2, "second");
    await page.getByText('"second"').waitFor();
  });

  it("filters, edits, adds and deletes", async () => {
    await page.getByLabel("Filter field").fill("seq");
    await page.getByLabel("Filter value").fill("2");
    await page.getByRole("button", { name: "Filter" }).click();
    await page.getByText("<b>bold</b>").waitFor({ state: "detached" });
    await page.getByTitle("Edit this row").click();
    const fields = page.getByRole("dialog").getByRole("textbox");
    await fields.fill((await fields.inputValue()).replace("second", "edited"));
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText('"edited"').waitFor();
    expect((await list()).map(({ body }) => body)).toContain("edited");
    await page.getByRole("button", { name: "Add a row" }).click();
    await page.getByRole("dialog").getByRole("textbox").fill('{"channel": "board"}');
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("alert").filter({ hasText: "missing the required field" }).waitFor();
    await page
      .getByRole("dialog")
      .getByRole("textbox")
      .fill('{"channel": "board", "seq": 2, "body": "added"}');
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText('"added"').waitFor();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await expect.poll(() => page.getByRole("checkbox").count()).toBe(2);
    for (const row of await page.getByRole("checkbox").all()) await row.check();
    await page.getByRole("button", { name: "Delete 2" }).click();
    await page.getByText("No row fits this filter.").waitFor();
    expect((await list()).map(({ body }) => body)).toEqual(["<img src=x onerror=alert(1)><b>bold</b>"]);
  });

  it("runs a function, and shows its result and its error", async () => {
    await open("Functions");
    await page.getByRole("button", { name: "messages:list" }).first().click();
    await page.getByLabel("Arguments, as JSON").fill('{"channel": "board"}');
    await page.getByRole("button", { name: "Run this query" }).click();
    await page.locator("pre").filter({ hasText: "onerror" }).waitFor();
    await page.getByLabel("Arguments, as JSON").fill("{}");
    await page.getByRole("button", { name: "Run this query" }).click();
    await page.locator("pre").filter({ hasText: "ArgumentValidationError" }).waitFor();
  });

  it("follows the log", async () => {
    await open("Logs");
    await page
      .getByText(/Waiting for functions|messages:/)
      .first()
      .waitFor();
    await send(3, "logged");
    await page.getByText("'sent' 'board' 3").waitFor();
  });

  it("cancels what is scheduled", async () => {
    await deployment.http().mutation(api.jobs.later, { ms: 3_600_000, name: "in an hour" });
    await open("Schedules");
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByText("canceled").waitFor();
  });

  it("sets, shows and removes an environment variable", async () => {
    await open("Environment");
    await page.getByLabel("Name").fill("COLOUR");
    await page.getByLabel("Value").fill("very blue");
    await page.getByRole("button", { name: "Set" }).click();
    await page.getByText("COLOUR").waitFor();
    expect(await page.getByText("very blue").count()).toBe(0);
    await page.getByRole("button", { name: "Show" }).click();
    await page.getByText("very blue").waitFor();
    await page.getByRole("button", { name: "Remove" }).click();
    await page.getByText("COLOUR").waitFor({ state: "detached" });
  });

  it("fits a phone", async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    for (const panel of ["Data", "Functions", "Logs", "Schedules", "Files", "Environment"]) {
      await open(panel);
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(width, panel).toBeLessThanOrEqual(360);
    }
  });

  it("forgets the key when one signs out", async () => {
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Admin key").waitFor();
    await page.reload();
    await page.getByLabel("Admin key").waitFor();
  });
});
