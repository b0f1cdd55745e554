/**
 * JSON of records: for export and import, so that what JSON has no word for comes back as it was.
 *
 * `{"$date":"2026-…"}`, `{"$bigint":"1"}`, `{"$number":"NaN"}`, `{"$undefined":true}`, `{"$map":[[k,v]…]}`,
 * `{"$set":[…]}`, `{"$bytes":"base64","of":"Uint8Array"}`; an object that has such a field itself stands in
 * `{"$object":[[k,v]…]}`. Errors and regular expressions are refused.
 */

/** The value as JSON can hold it. @throws for what it cannot */
export function toJson(value: unknown): unknown {
  switch (typeof value) {
    case 'bigint':
      return { $bigint: value.toString() };
    case 'undefined':
      return { $undefined: true };
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { $number: Object.is(value, -0) ? '-0' : String(value) };
    case 'object':
      return value === null ? null : objectToJson(value);
    default:
      return value;
  }
}

function objectToJson(value: object): unknown {
  if (Array.isArray(value)) return Array.from(value, toJson);
  if (value instanceof Date) {
    return Number.isNaN(value.getTime()) ? { $date: null } : { $date: value.toISOString() };
  }
  if (value instanceof Map) {
    return { $map: Array.from(value, ([key, item]) => [toJson(key), toJson(item)]) };
  }
  if (value instanceof Set) return { $set: Array.from(value, toJson) };
  if (ArrayBuffer.isView(value)) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    return { $bytes: bytes.toString('base64'), of: value.constructor.name };
  }
  if (value instanceof Error || value instanceof RegExp || value instanceof ArrayBuffer) {
    throw new TypeError(`a ${value.constructor.name} cannot be written as JSON`);
  }
  const fields = Object.entries(value);
  const isOdd = fields.some(([name]) => name.startsWith('$') || name === '__proto__');
  const written = fields.map(([name, item]) => [name, toJson(item)] as const);
  return isOdd ? { $object: written } : Object.fromEntries(written);
}

/** The value that `toJson` wrote. @throws TypeError for what it never writes */
export function fromJson(json: unknown): unknown {
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) return json.map(fromJson);
  const fields = Object.entries(json);
  const [first] = fields;
  if (first?.[0].startsWith('$')) return special(first[0], first[1], json);
  return Object.fromEntries(fields.map(([name, item]) => [name, fromJson(item)]));
}

function special(tag: string, content: unknown, whole: object): unknown {
  const pairs = (): [unknown, unknown][] =>
    (content as [unknown, unknown][]).map(([key, item]) => [fromJson(key), fromJson(item)]);
  switch (tag) {
    case '$date':
      return content === null ? new Date(Number.NaN) : new Date(content as string);
    case '$bigint':
      return BigInt(content as string);
    case '$number':
      return Number(content);
    case '$undefined':
      return undefined;
    case '$map':
      return new Map(pairs());
    case '$set':
      return new Set((content as unknown[]).map(fromJson));
    case '$object':
      return Object.fromEntries(pairs() as [string, unknown][]);
    case '$bytes':
      return bytesOf(content as string, (whole as { readonly of?: unknown }).of);
    default:
      throw new TypeError(`expected $date, $map and the like, got ${tag}`);
  }
}

const VIEWS: readonly (readonly [string, new (buffer: ArrayBuffer) => object])[] = [
  ['Uint8Array', Uint8Array],
  ['Int8Array', Int8Array],
  ['Uint8ClampedArray', Uint8ClampedArray],
  ['Uint16Array', Uint16Array],
  ['Int16Array', Int16Array],
  ['Uint32Array', Uint32Array],
  ['Int32Array', Int32Array],
  ['Float32Array', Float32Array],
  ['Float64Array', Float64Array],
  ['BigInt64Array', BigInt64Array],
  ['BigUint64Array', BigUint64Array],
  ['DataView', DataView],
];

function bytesOf(text: string, of: unknown): unknown {
  const bytes = Buffer.from(text, 'base64');
  const buffer = new ArrayBuffer(bytes.length);
  new Uint8Array(buffer).set(bytes);
  const View = VIEWS.find(([name]) => name === of)?.[1] ?? Uint8Array;
  return new View(buffer);
}
