// Writes src/gen/files.ts: the list of every generated file, so that a new kind is in the client without an edit.
import { readdirSync, writeFileSync } from "node:fs";

const names = readdirSync("src/gen/headgate/v1").filter((name) => name.endsWith("_pb.ts")).map((name) => name.slice(0, -"_pb.ts".length)).sort();
const imports = names.map((name) => `import { file_headgate_v1_${name} } from "./headgate/v1/${name}_pb.js";`);
writeFileSync("src/gen/files.ts", `${imports.join("\n")}\n\nexport const files = [${names.map((name) => `file_headgate_v1_${name}`).join(", ")}];\n`);
