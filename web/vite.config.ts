/**
 * The web client, built into web/dist: plain files that any web server can host.
 *
 *     npx vite build --config web/vite.config.ts
 */
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react(), tailwindcss()],
  build: {
    target: "es2023",
    // A content security policy without `data:` fonts and images: nothing is put into the style sheet.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 300,
  },
});
