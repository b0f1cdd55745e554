/** Numbers as they stand in the tables: `1.76 M`, `168 k`, `8588`, `24.9`, `2.88`. */
export function formatValue(value: number): string {
  const size = Math.abs(value);
  if (size >= 999_500) return `${(value / 1e6).toFixed(2)} M`;
  if (size >= 9_999.5) return `${Math.round(value / 1e3)} k`;
  if (size >= 999.5) return `${Math.round(value)}`;
  return `${Number(value.toPrecision(3))}`;
}

/** How many times better: `2.1×`, `0.67×`, `12×`. */
export function formatRatio(ratio: number): string {
  if (ratio >= 9.95) return `${Math.round(ratio)}×`;
  return `${ratio.toFixed(ratio >= 0.995 ? 1 : 2)}×`;
}
