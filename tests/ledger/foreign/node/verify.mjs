// Does Sigstore's verifier accept this receipt? Reads a case from stdin, exits 0 or says why not.
//
// Our entry is no Rekor entry, so the part that every transparency log shares is used: the signature of
// the checkpoint by the log's key, and the Merkle inclusion of the entry's bytes under its root.
import { createHash, createPublicKey } from "node:crypto";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(import.meta.url);
const { verifyTLogInclusion } = require("@sigstore/verify/dist/tlog/index.js");

const receipt = JSON.parse(readFileSync(0, "utf8"));
const raw = Buffer.from(receipt.public_key, "base64");
const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), raw]);
const logID = createHash("sha256")
  .update(Buffer.concat([Buffer.from(receipt.key_name + "\n"), Buffer.from([1]), raw]))
  .digest();
const authority = {
  logID,
  baseURL: "https://" + receipt.key_name,
  publicKey: createPublicKey({ key: spki, format: "der", type: "spki" }),
  validFor: { start: new Date(0), end: new Date(8640000000000000) },
};
const entry = {
  logIndex: String(receipt.index),
  logId: { keyId: logID },
  canonicalizedBody: Buffer.from(receipt.entry, "base64"),
  inclusionProof: {
    logIndex: String(receipt.index),
    rootHash: Buffer.from(receipt.root, "base64"),
    treeSize: String(receipt.size),
    hashes: receipt.path.map((hash) => Buffer.from(hash, "base64")),
    checkpoint: { envelope: receipt.checkpoint },
  },
};

try {
  verifyTLogInclusion(entry, [authority]);
} catch (error) {
  console.error(`${error.code ?? error.name}: ${error.message}`);
  process.exit(4);
}
