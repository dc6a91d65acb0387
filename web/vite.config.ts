import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const server = process.env.WINDROW_SERVER ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react()],
  // One level up is the program; everything the page loads lies beside index.html.
  base: "/",
  build: {
    target: "es2022",
    assetsInlineLimit: 0, // the policy permits no data: URL but for images
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1000,
  },
  server: { proxy: { "/api": { target: server, changeOrigin: true } } },
});
