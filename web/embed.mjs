// node embed.mjs DIST PACKED BLOB TABLE: packs each file of a built page into the folder PACKED, and writes an assembler
// file that takes them into a program and a C++ table of them (src/page/embedded.h).
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { extname, join, relative, resolve } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const [dist, packed, blob, table] = process.argv.slice(2).map((path) => resolve(path));
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};

rmSync(packed, { recursive: true, force: true });
mkdirSync(packed, { recursive: true });
const assembly = [];
const declared = [];
const rows = [];

function take(name, bytes) {
  const path = join(packed, name);
  writeFileSync(path, bytes);
  assembly.push(
    `.globl windrow_page_${name}`, `.hidden windrow_page_${name}`, `windrow_page_${name}:`, `.incbin ${JSON.stringify(path)}`,
  );
  declared.push(`extern "C" const char windrow_page_${name}[];`);
  return `{windrow_page_${name}, ${bytes.length}}`;
}

const files = readdirSync(dist, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(dist, join(entry.parentPath ?? entry.path, entry.name)))
  .sort();
files.forEach((file, i) => {
  const type = TYPES[extname(file)];
  if (!type) throw new Error(`${file}: embed.mjs knows no content type for it`);
  const bytes = readFileSync(join(dist, file));
  const gzip = gzipSync(bytes, { level: 9 });
  const brotli = brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  });
  const smaller = (text, kind) => (text.length < bytes.length * 0.95 ? take(`${i}_${kind}`, text) : "{}");
  const etag = createHash("sha256").update(bytes).digest("hex").slice(0, 20);
  const immutable = file.startsWith("assets/");
  const templated = bytes.includes("__NONCE__") && file === "index.html";
  rows.push(
    `    {${JSON.stringify(file)}, {${JSON.stringify(type)}, ${JSON.stringify(`"${etag}"`)}, ${take(`${i}_plain`, bytes)},` +
      ` ${smaller(gzip, "gzip")}, ${smaller(brotli, "brotli")}, ${immutable}, ${templated}}},`,
  );
});

// Without the note the linker would make the program's stack executable.
writeFileSync(blob, [".section .rodata", ...assembly, '.section .note.GNU-stack,"",@progbits', ""].join("\n"));
writeFileSync(
  table,
  `#include "page/embedded.h"\n\n${declared.join("\n")}\n\nnamespace windrow::page {\n\n` +
    `std::span<const Embedded> embedded() {\n  static const Embedded files[] = {\n${rows.join("\n")}\n  };\n  return files;\n}\n\n}  // namespace windrow::page\n`,
);
