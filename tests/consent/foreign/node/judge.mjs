// Encodes and decodes consent strings with the IAB's libraries. Reads a list of jobs from stdin, writes the answers.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(import.meta.url);
const { SegmentEncoder, TCModel, TCString } = require("@iabtcf/core");
const { GppModel } = require("./node_modules/@iabgpp/cmpapi/lib/cjs/encoder/GppModel.js"); // not among its exports

const numbers = (vector) => { const found = []; vector.forEach((on, id) => { if (on) found.push(id); }); return found; };

function encodeTcf(job) {
  const model = new TCModel();
  model.cmpId = job.cmp_id;
  model.cmpVersion = job.cmp_version;
  model.consentScreen = job.screen;
  model.consentLanguage = job.language;
  model.vendorListVersion = job.vendor_list;
  model.policyVersion = job.policy_version;
  model.isServiceSpecific = job.service_specific;
  model.publisherCountryCode = job.publisher_country;
  model.created = new Date(job.created_ms);
  model.lastUpdated = new Date(job.updated_ms);
  model.purposeConsents.set(job.purposes);
  model.purposeLegitimateInterests.set(job.legitimate_interests);
  model.specialFeatureOptins.set(job.special_features);
  model.vendorConsents.set(job.vendors);
  model.vendorLegitimateInterests.set(job.vendor_interests);
  model.vendorsDisclosed.set(job.disclosed);
  model.publisherConsents.set(job.publisher_purposes);
  // Part by part: the whole-string encoder wants the industry's vendor list, which has no place in a test.
  return job.segments.map((segment) => SegmentEncoder.encode(model, segment)).join(".");
}

function decodeTcf(text) {
  const model = TCString.decode(text);
  return {
    cmp_id: model.cmpId, cmp_version: model.cmpVersion, screen: model.consentScreen,
    language: model.consentLanguage.toUpperCase(), vendor_list: model.vendorListVersion,
    policy_version: model.policyVersion, service_specific: model.isServiceSpecific,
    publisher_country: model.publisherCountryCode, created_ms: model.created.getTime(),
    updated_ms: model.lastUpdated.getTime(), purposes: numbers(model.purposeConsents),
    legitimate_interests: numbers(model.purposeLegitimateInterests),
    special_features: numbers(model.specialFeatureOptins), vendors: numbers(model.vendorConsents),
    vendor_interests: numbers(model.vendorLegitimateInterests),
  };
}

function encodeGpp(job) {
  const model = new GppModel();
  for (const [section, fields] of Object.entries(job)) {
    for (const [name, value] of Object.entries(fields)) model.setFieldValue(section, name, value);
  }
  return model.encode();
}

const decodeGpp = (text) => new GppModel(text).toObject();
const does = { "encode-tcf": encodeTcf, "decode-tcf": decodeTcf, "encode-gpp": encodeGpp, "decode-gpp": decodeGpp };
const answers = JSON.parse(readFileSync(0, "utf8")).map(({ do: what, with: given }) => {
  try { return { ok: does[what](given) }; } catch (error) { return { error: `${error.name}: ${error.message}` }; }
});
process.stdout.write(JSON.stringify(answers));
