// @ts-check
/**
 * The one curve in a packed trait: all steps, then all values, float32.
 * @param {{counts?: number[], data?: DataView | ArrayBuffer | Uint8Array} | null | undefined} packed
 * @returns {{steps: Float32Array, values: Float32Array}}
 */
export function unpackOne(packed) {
  const n = packed?.counts?.[0] ?? 0;
  const data = packed?.data;
  if (!n || !data) return { steps: new Float32Array(0), values: new Float32Array(0) };
  // A copy, because a message's buffer may start at an offset that float32 cannot.
  const bytes = data instanceof ArrayBuffer ? data.slice(0) : data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
  const numbers = new Float32Array(/** @type {ArrayBuffer} */ (bytes));
  return { steps: numbers.subarray(0, n), values: numbers.subarray(n, 2 * n) };
}
