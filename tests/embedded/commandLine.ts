/** A project in a folder of its own, and the official command line of npm `convex` in it. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Deployment, ROOT } from "./harness.ts";

export const COMMAND_LIMIT_MS = 50_000;
const CLI = join(ROOT, "node_modules/convex/bin/main.js");

export class Project {
  readonly folder: string;

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), "convex-project-"));
    symlinkSync(join(ROOT, "node_modules"), join(this.folder, "node_modules"));
    this.write("package.json", '{"type": "module", "dependencies": {"convex": "*"}}');
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Returns the name. */
  write(name: string, content: string | Buffer): string {
    writeFileSync(this.path(name), content);
    return name;
  }

  private environment(deployment: Deployment): Record<string, string> {
    return {
      PATH: process.env.PATH ?? "",
      HOME: this.folder,
      CONVEX_SELF_HOSTED_URL: deployment.url,
      CONVEX_SELF_HOSTED_ADMIN_KEY: deployment.adminKey,
      // The command line asks there for the newest version; nothing answers, which it accepts.
      CONVEX_VERSION_API_ORIGIN: "http://127.0.0.1:1",
      DO_NOT_TRACK: "1",
      // Compiled once for all the commands of the tests.
      NODE_COMPILE_CACHE: join(ROOT, "node_modules/.cache/convex"),
    };
  }

  /** Runs a command to its end. Rejects with all that it has printed when it fails. */
  async convex(deployment: Deployment, ...args: string[]): Promise<{ stdout: string; both: string }> {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [CLI, ...args], {
      cwd: this.folder,
      env: this.environment(deployment),
      timeout: COMMAND_LIMIT_MS,
    });
    return { stdout: stdout.trim(), both: stdout + stderr };
  }

  /** Starts a command that doesn't end by itself; the caller ends it. */
  start(deployment: Deployment, ...args: string[]): ChildProcess {
    return spawn(process.execPath, [CLI, ...args], { cwd: this.folder, env: this.environment(deployment) });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
