/**
 * The web client, built into web/dist: plain files that any web server can host.
 *
 *     npx vite build --config web/vite.config.ts
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, gzip } from "node:zlib";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** While the page is worked on, Vite serves it, and the worker what is its own. `floyd up --dev` says where that is. */
const worker = process.env.FLOYD_WORKER_URL ?? "http://127.0.0.1:3220";
/** The host stays that of the page: by it the worker knows the page as its own. */
const toWorker = { target: worker, changeOrigin: false };

export default defineConfig({
  root: import.meta.dirname,
  server: { proxy: { "/auth/": toWorker, "/rtc/": toWorker, "/config.json": toWorker } },
  plugins: [react(), tailwindcss(), compressed()],
  build: {
    target: "es2023",
    // A content security policy without `data:` fonts: nothing is put into the style sheet.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 500,
    rolldownOptions: {
      // Radix names its functions for who debugs them, by calls that would keep even the unused ones.
      treeshake: { manualPureFunctions: ["__name"] },
      output: {
        // What pages share is one file, not thirty small ones, which would be compressed one by one.
        codeSplitting: {
          groups: [
            {
              name: "vendor",
              test: /node_modules\/(react|react-dom|scheduler|convex|wouter|regexparam|clsx|tailwind-merge|class-variance-authority)\//,
            },
            {
              name: "common",
              test: /web\/src\/|node_modules\/(@radix-ui|@floating-ui|sonner|lucide-react)\//,
              minShareCount: 2,
            },
            { name: "importing", test: /web\/src\/knowledge\/importing\/|node_modules\/papaparse\// },
          ],
        },
      },
    },
  },
});

/** Text is written three times, as it is, `.gz` and `.br`, so that a server has nothing to compress. */
function compressed(): Plugin {
  return {
    name: "compressed",
    apply: "build",
    async writeBundle({ dir = "" }, bundle) {
      const text = Object.values(bundle).filter(({ fileName }) => /\.(js|css|html)$/.test(fileName));
      await Promise.all(
        text.map(async (file) => {
          const content = Buffer.from(file.type === "chunk" ? file.code : file.source);
          const path = join(dir, file.fileName);
          await writeFile(`${path}.gz`, await promisify(gzip)(content, { level: 9 }));
          await writeFile(`${path}.br`, await promisify(brotliCompress)(content));
        }),
      );
    },
  };
}
